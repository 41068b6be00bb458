// What mount/ makes of disks, without a daemon: disk_probe [--serial S] [--size BYTES] ACTION[,ACTION…] DEVICE…
// An action is `probe`, `format:TYPE` or `stage:DIRECTORY` (unstaged again). A line for each: device, action, what came
// of it ("ok" with what was found, or the kind of error), the sentence; between tabs. Each device is known by its file,
// as it is now, or by --serial.
#include <charconv>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mount/block_device.h"
#include "mount/host.h"

namespace {

using namespace mooring::mount;

const char* name_of(Errc code) {
  switch (code) {
    case Errc::not_found:
      return "not_found";
    case Errc::wrong_disk:
      return "wrong_disk";
    case Errc::unreadable:
      return "unreadable";
    case Errc::unsafe_content:
      return "unsafe_content";
    case Errc::foreign_content:
      return "foreign_content";
    case Errc::wrong_filesystem:
      return "wrong_filesystem";
    case Errc::format_failed:
      return "format_failed";
    case Errc::mount_failed:
      return "mount_failed";
    case Errc::occupied:
      return "occupied";
    case Errc::busy:
      return "busy";
    default:
      return "another";
  }
}

void tell(const std::string& device, const std::string& action, const std::string& result, const std::string& more) {
  std::cout << device << '\t' << action << '\t' << result << '\t' << more << '\n';
}

void tell(const std::string& device, const std::string& action, const Error& error) {
  tell(device, action, name_of(error.code), error.message);
}

/// The file behind the loop device, asked before any fault begins (the shim counts from the mark on).
DiskLook look_at(const std::string& device, const DiskLook& given) {
  DiskLook look = given;
  look.links = {device};
  if (!look.serial.empty()) return look;
  const int fd = ::open(device.c_str(), O_RDONLY | O_CLOEXEC);
  loop_info64 info{};
  if (fd >= 0 && ::ioctl(fd, LOOP_GET_STATUS64, &info) == 0) look.backing_file = FileId{info.lo_device, info.lo_inode};
  ::close(fd);
  return look;
}

void stage_and_back(const DiskLook& look, const Device& disk, const FileSystem& found, const std::string& action) {
  StageRequest request;
  request.root = action.substr(action.find(':') + 1);
  request.name = "vol";
  request.look = look;
  request.device = disk;
  request.filesystem = found;
  const auto staged = blocking::stage(request);
  if (!staged) return tell(disk.path, action, staged.error());
  tell(disk.path, action, "ok", staged.value().target);
  const auto gone = blocking::unstage(request.root, request.name, disk, false);
  if (!gone) return tell(disk.path, "unstage", gone.error());
  tell(disk.path, "unstage", "ok", "");
}

void act(const DiskLook& look, const Device& disk, const std::string& action) {
  const auto colon = action.find(':');
  const auto verb = action.substr(0, colon);
  if (verb == "format") {
    const auto made = blocking::format(look, disk, action.substr(colon + 1), {});
    return made ? tell(disk.path, action, "ok", made.value().type) : tell(disk.path, action, made.error());
  }
  const auto content = blocking::probe(look, disk);
  if (!content) return tell(disk.path, action, content.error());
  const auto& found = content.value().filesystem;
  if (verb == "stage" && found) return stage_and_back(look, content.value().device, *found, action);
  tell(disk.path, action, "ok", found ? found->type : "blank");
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  DiskLook given;
  std::size_t at = 0;
  for (; at + 1 < words.size() && words[at].starts_with("--"); at += 2) {
    const auto& value = words[at + 1];
    if (words[at] == "--serial") given.serial = value;
    if (words[at] == "--size") std::from_chars(value.data(), value.data() + value.size(), given.size);
  }
  if (at + 2 > words.size()) {
    std::fputs("usage: disk_probe [--serial S] [--size BYTES] ACTION[,ACTION…] DEVICE…\n", stderr);
    return 2;
  }
  const auto actions = split(words[at]);
  for (++at; at < words.size(); ++at) {
    const auto look = look_at(words[at], given);
    const auto disk = blocking::find_disk(look);
    if (!disk) {
      tell(words[at], "find", disk.error());
      continue;
    }
    for (const auto& action : actions) act(look, disk.value(), action);
  }
}
