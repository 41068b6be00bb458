// EC2's answers.
#include "backends/aws/description.h"
#include "backends/aws/ec2_answers.h"
#include "backends/aws/ec2_errors.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::backends;
  using namespace mooring::fuzz;
  const auto text = text_of(data, size);
  const Identity here{.provider = "aws", .region = "us-east-1", .zone = "us-east-1a", .instance_id = "i-0abc"};
  if (const auto page = aws::parse_volumes(text)) {
    for (const auto& volume : page->volumes) {
      constexpr std::uint64_t kGibibyte = 1ULL << 30U;
      expect(!volume.id.empty() && !volume.state.empty(), "a volume has an id and a state");
      expect(volume.size % kGibibyte == 0 && volume.size / kGibibyte <= 1U << 20U, "a size is one that EBS has",
             std::to_string(volume.size));
      const auto description = aws::describe({}, volume, here);
      if (description) expect(description.value().volume.volume_id == volume.id, "it is the volume that was described");
    }
    (void)aws::pick("name", page->volumes, here);
  }
  (void)aws::parse_instance_states(text);
  (void)aws::is_answer_to("AttachVolume", text);
  if (const auto error = aws::parse_error(text)) {
    const std::string said = aws::sentence(*error);
    expect_printable(said);
    expect(said.size() < 1000, "a sentence has an end", said);
    (void)aws::meaning_of(400, error->code);
    (void)aws::is_device_name_in_use(*error);
  }
  return 0;
}
