// Every coverage mark there is, so that a campaign can name those it did not reach.
#pragma once

#include <string_view>
#include <vector>

namespace scenarios {

std::vector<std::string_view> known_marks();

}  // namespace scenarios
