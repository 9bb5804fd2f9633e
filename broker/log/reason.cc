#include "broker/log/reason.h"

#include <utility>

namespace broker::log {

std::string_view name_of(Reason reason) {
  switch (reason) {
    case Reason::bad_size: return "bad_size";
    case Reason::bad_entry: return "bad_entry";
    case Reason::bad_version: return "bad_version";
    case Reason::bad_crc: return "bad_crc";
    case Reason::bad_line: return "bad_line";
    case Reason::bad_count: return "bad_count";
    case Reason::missing_key: return "missing_key";
    case Reason::duplicate: return "duplicate";
  }
  std::unreachable();
}

}  // namespace broker::log
