// The clouds that this build knows, one entry each. To add one: a folder with its identity, and an entry in clouds.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "backends/error.h"
#include "backends/hints.h"
#include "backends/identity.h"
#include "backends/metadata.h"

namespace mooring::backends {

struct Cloud {
  std::string_view name;

  /// Recognises it by hints: what was seen, for people; empty: it is not this one. Null: it is known by configuration
  /// only.
  std::string (*seen)(const Hints& hints) = nullptr;

  /// Null as well where it is known by configuration only.
  boost::asio::awaitable<Result<Identity>> (*ask)(Metadata& metadata, const Hints& hints) = nullptr;

  /// Of its metadata service; empty: it has none. The first one is a link-local address, and the only one that is asked
  /// where nothing hints at this cloud: then no names are looked up, either.
  std::vector<std::string> bases = {};

  /// Sets the attributes that follow from the region alone; null: there are none.
  void (*follow_region)(Identity& identity) = nullptr;

  /// The same of what the hints alone tell; null: nothing.
  void (*follow_hints)(Identity& identity, const Hints& hints) = nullptr;
};

/// In the order of precedence: where several are recognised or answer, the first one is it. OpenStack is the last of
/// those that are recognised, since others are built of it.
const std::vector<Cloud>& clouds();

/// Null: there is none of this name.
const Cloud* find_cloud(std::string_view name);

}  // namespace mooring::backends
