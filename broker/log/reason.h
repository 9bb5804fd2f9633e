// Why a file of a log directory is not what it should be. Most of them are rebuilt from the segments then.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/result.h"

namespace broker::log {

/// `Error::detail` says where: the line (from 1) in text files, the entry's index in binary ones.
/// Values are apart from those of the other enums of this room.
enum class Reason : std::uint16_t {
  bad_size = 0x100,  ///< not a whole number of entries, or more of them than the file announces
  bad_entry,         ///< an entry that cannot be, or one out of order
  bad_version,       ///< written by a version of the format we do not read
  bad_crc,
  bad_line,          ///< a line not of the promised form
  bad_count,         ///< more or fewer lines than announced
  missing_key,       ///< a property that must be there is not
  duplicate,         ///< one thing said twice
};
constexpr kernel::Room error_room(Reason) { return kernel::Room::broker; }
/// The stable name, for logs ("bad_line").
std::string_view name_of(Reason reason);

/// No space, or no file descriptor: nobody's fault but the moment's, and it may pass by itself. What failed with it can
/// be undone, and tried again.
[[nodiscard]] inline bool may_pass(const kernel::Error& why) {
  return why.is(kernel::Errc::disk_full) || why.is(kernel::Errc::too_many_files);
}

}  // namespace broker::log
