// moord's answers as people read them. Pure: JSON in, text out. Whatever is missing is left out; nothing that comes
// from the server reaches the terminal unescaped. Texts end with a line end; lines do not.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "agent/ctl/columns.h"

namespace mooring::agent::ctl {

struct Style {
  bool colour = false;
  std::size_t width = 0;  // lines are cut there; 0: not at all
};

/// `1.6 s`; of a time that is over and was short, `31 ms`.
std::string human_seconds(double seconds);

/// `This instance: aws us-east-1, zone us-east-1a (use1-az4), i-0abc1234, m6i.large`
std::string instance_line(const boost::json::object& identity);
std::string identity_text(const boost::json::object& identity);

/// The answer of /v1/explain.
std::string explain_text(const boost::json::object& answer, const Style& style);

/// `waiting for the device`
std::string stage_phrase(std::string_view stage);
/// `mounted at /mnt/disks/mooring/my-vol (ext4, 500 GB, 38 % used)`, or what the mount is at instead.
std::string mount_phrase(const boost::json::object& mount, bool task_failed);
/// Its volume, or those it may become, or the directory of the instance.
std::string volume_of(const boost::json::object& mount);

/// A line for each mount of a task: path, volume, what it is at, and the time spent there.
std::vector<std::string> mount_lines(const boost::json::object& task, const Style& style);

/// The same, and below each mount that could not be had, in a failed task below each, its candidates with their
/// verdicts.
std::string mount_report(const boost::json::object& task, const Style& style);

/// Numbered candidates, indented.
std::string candidates_text(const boost::json::object& mount, const Style& style);

/// One sentence of a problem document (RFC 9457), with each of its `errors`.
std::string problem_text(const boost::json::object& problem);

/// The answer of /v1/tasks: one line a mount.
std::string tasks_text(const boost::json::object& answer, const Style& style);
/// One task with all that is known of it.
std::string task_text(const boost::json::object& task, const Style& style);

/// The answer of /v1/volumes.
std::string volumes_text(const boost::json::object& answer, const Style& style);

/// One event: time, type, and its other members as key=value.
std::string event_line(const std::string& type, const boost::json::object& data, const Style& style);

/// `2026-03-01 12:30:00.250`, in UTC; empty for what is no time.
std::string human_time(double milliseconds);

}  // namespace mooring::agent::ctl
