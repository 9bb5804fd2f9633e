#include "sim/trace.h"

#include <fmt/format.h>

namespace sim {

std::string_view name_of(EventKind kind) {
  switch (kind) {
    case EventKind::dispatch: return "dispatch";
    case EventKind::timer: return "timer";
    case EventKind::disk_issue: return "disk_issue";
    case EventKind::disk_done: return "disk_done";
    case EventKind::net_send: return "net_send";
    case EventKind::net_deliver: return "net_deliver";
    case EventKind::message: return "message";
    case EventKind::process: return "process";
    case EventKind::fault: return "fault";
    case EventKind::draw: return "draw";
    case EventKind::note: return "note";
  }
  std::unreachable();
}

std::string to_string(const Event& event) {
  return fmt::format("{:>9} {:>15.9f}s {:<11} node {} {:016x} {:016x}", event.number,
                     static_cast<double>(event.time_ns) / 1e9, name_of(event.kind), event.node, event.a, event.b);
}

std::vector<Event> Trace::tail() const {
  std::vector<Event> events;
  const std::uint64_t kept = std::min<std::uint64_t>(count_, kTailEvents);
  for (std::uint64_t i = count_ - kept; i < count_; ++i) events.push_back(tail_[i % kTailEvents]);
  return events;
}

}  // namespace sim
