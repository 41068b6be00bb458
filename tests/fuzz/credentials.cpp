// What STS, the container endpoint and the instance's metadata say of credentials. First byte: the status.
#include "backends/aws/metadata_credentials.h"
#include "backends/aws/sts.h"
#include "backends/aws/time.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mooring::backends;
  using namespace mooring::fuzz;
  if (size == 0) return 0;
  const auto text = text_of(data + 1, size - 1);
  constexpr std::string_view kSecret = "s3cr3t-t0ken";
  const auto check = [&](const aws::Credentials& credentials) {
    expect(!credentials.access_key_id.empty() && !credentials.secret_access_key.empty(), "credentials are whole");
  };
  const auto check_error = [&](const Error& error) {
    expect_printable(error.message);
    expect(error.message.find(kSecret) == std::string::npos, "a secret is not repeated", error.message);
  };
  const unsigned status = data[0] % 2 == 0 ? 200 : 200 + data[0];
  const http::Response response{.status = status, .headers = {}, .body = std::string(text)};
  const auto sts = aws::read_sts_answer(response, {kSecret});
  if (sts.credentials) check(*sts.credentials);
  if (!sts.credentials) check_error(sts.error);
  if (const auto read = aws::read_container_answer(response, {kSecret})) {
    check(read.value());
  } else {
    check_error(read.error());
  }
  if (const auto read = aws::read_role_credentials(text, "role")) {
    check(read.value());
  } else {
    expect_printable(read.error().message);
  }
  if (const auto role = aws::read_role_name(text)) {
    expect_printable(role.value());
    expect(!role.value().empty(), "a role has a name");
  } else {
    expect_printable(role.error().message);
  }
  (void)aws::read_time(text);
  return 0;
}
