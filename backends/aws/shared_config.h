// The files that AWS's own tools share: ~/.aws/config and ~/.aws/credentials. Pure.
// (AWS SDKs and Tools Reference Guide, "Shared config and credentials files".)
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "backends/environment.h"

namespace mooring::backends::aws {

/// Of one profile; names in lower case.
using Properties = std::map<std::string, std::string, std::less<>>;
using Profiles = std::map<std::string, Properties, std::less<>>;

enum class SharedFile { config, credentials };

/// The profiles of one file: `[profile x]` and `[default]` of config, `[x]` of credentials. Comments are whole lines,
/// or follow a value after white space. What is indented below a property is a setting of something else, and left out,
/// like sections that are no profiles and lines that are no properties. Of a property that comes twice the last one
/// counts.
Profiles read_profiles(std::string_view text, SharedFile kind);

/// Both files as one: what the credentials file says goes over what config says.
Profiles merged(Profiles config, const Profiles& credentials);

struct SharedPaths {
  std::string config;
  std::string credentials;
};

/// AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, or the files below `home`; `~/` in front is that of `home`. Empty:
/// there is no home.
SharedPaths shared_paths(const Environment& environment, const std::string& home);

/// AWS_PROFILE, or "default".
std::string profile_name(const Environment& environment);

}  // namespace mooring::backends::aws
