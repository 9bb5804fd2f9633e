#include "clients/cli/refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace clients::cli {
namespace {

using producer::Blame;
using producer::Delivery;
using producer::Refusal;

/// Lines that are named, after which only their number is.
constexpr std::size_t kLinesNamedMax = 5;

/// What the broker blames that is in the batch: its numbers are not ours to trust.
std::vector<const Blame*> blamed(std::span<const std::uint64_t> lines, const Refusal& refusal) {
  std::vector<const Blame*> out;
  for (const Blame& one : refusal.records) {
    if (one.index >= 0 && static_cast<std::size_t>(one.index) < lines.size()) out.push_back(&one);
  }
  return out;
}

std::string named(std::span<const std::uint64_t> lines, std::span<const Blame* const> which) {
  std::string text = which.size() == 1 ? "line " : "lines ";
  for (std::size_t i = 0; i < which.size() && i < kLinesNamedMax; ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", lines[static_cast<std::size_t>(which[i]->index)]);
  if (which.size() > kLinesNamedMax) text += fmt::format(" and {} more", which.size() - kLinesNamedMax);
  return text;
}

}  // namespace

std::string what_failed(std::span<const std::uint64_t> lines, const Delivery& delivery, const Refusal& refusal) {
  const auto which = blamed(lines, refusal);
  const std::size_t others = lines.size() - std::max<std::size_t>(which.size(), 1);
  const std::string of_batch = fmt::format("{} other{} of the same batch", others, others == 1 ? "" : "s");
  std::string text;
  if (delivery.outcome == Delivery::Outcome::unknown) {
    text = fmt::format("line {}: the record may or may not be on the log", lines.front());
    if (others > 0) text += fmt::format(", and so {}, to line {}", of_batch, lines.back());
  } else if (which.empty()) {
    text = fmt::format("line {}: the record was not written", lines.front());
    if (others > 0) text += fmt::format(", nor {}, to line {}", of_batch, lines.back());
  } else {
    text = fmt::format("{}: the record{} refused", named(lines, which), which.size() == 1 ? " was" : "s were");
    if (others > 0) text += fmt::format(", and with {} {}, lines {} to {}", which.size() == 1 ? "it" : "them", of_batch, lines.front(), lines.back());
  }
  if (lines.front() > 1) text += fmt::format(" (the lines before {} were acknowledged)", lines.front());
  return text;
}

std::string said_by_broker(std::span<const std::uint64_t> lines, const Refusal& refusal) {
  const auto which = blamed(lines, refusal);
  return which.empty() || which.front()->message.empty() ? refusal.message : which.front()->message;
}

}  // namespace clients::cli
