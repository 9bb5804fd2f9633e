// Why something did not happen, in words for people: no numbers of ours, no place in the source. Rooms above add their own
// (broker/words.h, clients/core/reason.h); logs say more (kernel::describe).
#pragma once

#include <string>
#include <string_view>

#include "kernel/result.h"

namespace net {

/// "No such file or directory", "bad crc". Of the kernel's and this room's errors.
[[nodiscard]] std::string words_of(const kernel::Error& error);
/// The stable name of a reason as words: "bad_crc" as "bad crc".
[[nodiscard]] std::string words_of_name(std::string_view name);

}  // namespace net
