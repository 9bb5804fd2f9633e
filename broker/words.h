// Why something did not happen, in words for people, for the commands of this room; logs say more (kernel::describe).
//
//   say(f, fmt::format("kalda serve: cannot read {}: {}; name another with --config\n", path, words_of(why)));
#pragma once

#include <string>

#include "kernel/result.h"

namespace broker {

/// "Permission denied", "bad line", "foreign cluster". Of the errors of this room and of those below.
[[nodiscard]] std::string words_of(const kernel::Error& error);

}  // namespace broker
