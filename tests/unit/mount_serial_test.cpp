#include <gtest/gtest.h>

#include "mount/device_serial.h"

namespace mooring::mount {
namespace {

std::vector<unsigned char> bytes(const std::string& text) { return {text.begin(), text.end()}; }

TEST(Serial, of_nvme_is_without_padding) {
  std::string identify(4096, '\0');
  identify.replace(4, 20, "vol0123456789abcdef0");
  EXPECT_EQ(parse_nvme_serial(bytes(identify)), "vol0123456789abcdef0");
  identify.replace(4, 20, "short               ");
  EXPECT_EQ(parse_nvme_serial(bytes(identify)), "short");
  EXPECT_EQ(parse_nvme_serial({}), "");
}

TEST(Serial, of_scsi_page_80) {
  EXPECT_EQ(parse_scsi_page_80(bytes(std::string("\0\x80\0\x08  abc123", 12))), "abc123");
  EXPECT_EQ(parse_scsi_page_80(bytes(std::string("\0\x80\xff\xff"
                                                 "abc",
                                                 7))),
            "abc");  // shorter than it says
  EXPECT_EQ(parse_scsi_page_80(bytes(std::string("\0\x83\0\x03"
                                                 "abc",
                                                 7))),
            "");
  EXPECT_EQ(parse_scsi_page_80({}), "");
}

TEST(Serial, of_scsi_page_83) {
  std::string page("\0\x83\0\0", 4);
  const std::string google = "Google  PersistentDisk  my-disk";
  page += std::string("\x02\x01\0", 3) + static_cast<char>(google.size()) + google;
  page += std::string("\x01\x03\0\x08\x50\x01\x02\x03\x04\x05\x06\x07", 12);
  page += std::string("\x01\x13\0\x02\xaa\xbb", 6);  // of the port, not of the disk
  page[3] = static_cast<char>(page.size() - 4);
  const std::vector<std::string> expected{"my-disk", google, "5001020304050607"};
  EXPECT_EQ(parse_scsi_page_83(bytes(page)), expected);
  for (std::size_t length = 0; length < page.size(); ++length) {
    parse_scsi_page_83(bytes(page.substr(0, length)));  // cut off anywhere: no harm
  }
}

}  // namespace
}  // namespace mooring::mount
