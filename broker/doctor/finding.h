// What `kalda doctor` finds out about a machine before, or while, a broker runs on it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/broker_config.h"
#include "kernel/fiber.h"

namespace broker::doctor {

enum class Verdict { fine, unknown, warning, failure };
/// "fine", "unknown", "warning", "failure".
[[nodiscard]] std::string_view name_of(Verdict verdict);

struct Finding {
  Verdict verdict = Verdict::fine;
  std::string subject;  ///< "disk /data", "listener PLAINTEXT"
  std::string text;     ///< what was seen, with figures
  std::string advice;   ///< what to do; empty where nothing is to be done
};
using Findings = std::vector<Finding>;

// Each looks at one thing and changes nothing that stays. All suspend; none fails: what cannot be seen is `unknown`.

/// Each log directory, and that of the metadata log: that it is there or can be made, whose it is, space, and how long
/// a sync of 4 KiB takes.
void look_at_directories(kernel::Fiber& f, const config::BrokerConfig& config, Findings& out);
/// Each listener: that a client gets to this broker by the advertised address. Without a broker it listens itself for
/// that long.
void look_at_listeners(kernel::Fiber& f, const config::BrokerConfig& config, Findings& out);
/// Open files that are allowed, against what is in the directories.
void look_at_limits(kernel::Fiber& f, const config::BrokerConfig& config, Findings& out);
/// Where the time comes from and whether something keeps it right.
void look_at_clock(kernel::Fiber& f, Findings& out);

}  // namespace broker::doctor
