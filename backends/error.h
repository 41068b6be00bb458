// What a provider can answer besides yes, as values. The agent turns each into a verdict on a candidate.
#pragma once

#include <string>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

namespace mooring::backends {

enum class Errc {
  not_found,      // no such volume
  wrong_zone,     // it is in a zone from which it cannot be attached here
  not_ready,      // it is there, but cannot be attached or detached at this moment
  in_use,         // attached elsewhere; `holder` says where
  no_slot,        // this instance cannot take one more disk
  denied,         // the provider refuses our credentials: asking again does not help
  unavailable,    // the provider does not answer
  attach_failed,  // it tried and could not
};

/// `message` is a sentence fragment for a person: it names the thing and, where one can tell, what to do.
struct Error {
  Errc code = Errc::unavailable;
  std::string message;
  std::string holder;
  bool maybe_done = false;  // there was no answer, and what was asked for may have been done all the same
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

}  // namespace mooring::backends
