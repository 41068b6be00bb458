// One DescribeVolumes for all who ask at the same time.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "backends/aws/ec2.h"

namespace mooring::backends::aws {

/// What was found, by what it was looked up by; a name may be several volumes', an id may be nobody's.
struct FoundVolumes {
  std::map<std::string, VolumeAnswer, std::less<>> by_id;
  std::map<std::string, std::vector<VolumeAnswer>, std::less<>> by_name;
};

/// For one thread. Who asks while a question is under way shares the next one with all others who do.
class VolumeLookup {
 public:
  /// `tag`: a volume's name is the value of this tag. Must outlive the coroutines it starts, as the executor does.
  VolumeLookup(boost::asio::any_io_executor executor, Ec2& ec2, std::string tag);

  boost::asio::awaitable<Ec2Result<std::shared_ptr<const FoundVolumes>>> find(std::set<std::string> ids,
                                                                              std::set<std::string> names);

 private:
  struct Round;
  boost::asio::awaitable<void> go_round();
  boost::asio::awaitable<void> ask(Round& round);

  boost::asio::any_io_executor executor_;
  Ec2& ec2_;
  const std::string tag_;
  std::shared_ptr<Round> next_;
  bool going_round_ = false;
};

}  // namespace mooring::backends::aws
