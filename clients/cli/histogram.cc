#include "clients/cli/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace clients::cli {

using kernel::Duration;

namespace {

constexpr std::array<std::pair<double, std::string_view>, 5> kPercentiles{
    {{0.5, "p50"}, {0.9, "p90"}, {0.99, "p99"}, {0.999, "p99.9"}, {0.9999, "p99.99"}}};

Duration step_bound(std::size_t step) {
  constexpr std::array<std::int64_t, 3> kLeads{1, 2, 5};
  std::int64_t bound_us = kLeads[step % 3];
  for (std::size_t tens = step / 3; tens > 0; --tens) bound_us *= 10;
  return std::chrono::microseconds{bound_us};
}

/// `share` of `width` columns, in eighths of one.
std::string bar(double share, std::size_t width) {
  constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(std::lround(share * static_cast<double>(width) * 8));
  std::string text;
  for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
  text += kEighths[eighths % 8];
  for (std::size_t columns = (eighths + 7) / 8; columns < width; ++columns) text += ' ';
  return text;
}

}  // namespace

void LatencyHistogram::record(Duration taken) {
  if (buckets_.empty()) buckets_.resize(kBuckets);
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(taken.count(), 0));
  const int shift = std::max(0, static_cast<int>(std::bit_width(ns)) - kSubBits - 1);
  ++buckets_[(static_cast<std::size_t>(shift) << kSubBits) + (ns >> shift)];
  std::size_t step = 0;
  while (step + 1 < kSteps && taken >= step_bound(step)) ++step;
  ++steps_[step];
  ++count_;
  sum_ns_ += static_cast<std::int64_t>(ns);
  max_ = std::max(max_, taken);
}

Duration LatencyHistogram::mean() const {
  return count_ == 0 ? Duration{0} : Duration{sum_ns_ / static_cast<std::int64_t>(count_)};
}

Duration LatencyHistogram::quantile(double share) const {
  if (count_ == 0) return Duration{0};
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen < wanted) continue;
    // Above the first two powers, bucket i holds [m << shift, (m + 1) << shift) with 64 <= m < 128.
    const std::size_t shift = i < (2u << kSubBits) ? 0 : (i >> kSubBits) - 1;
    const std::uint64_t m = i - (shift << kSubBits);
    return std::min(max_, Duration{static_cast<std::int64_t>(((m + 1) << shift) - 1)});
  }
  return max_;
}

std::vector<LatencyHistogram::Step> LatencyHistogram::steps() const {
  std::vector<Step> out;
  std::size_t last = kSteps;
  for (std::size_t i = 0; i < kSteps; ++i) {
    if (steps_[i] > 0) last = i;
  }
  for (std::size_t i = 0; last < kSteps && i <= last; ++i) {
    if (out.empty() && steps_[i] == 0) continue;
    out.push_back({i + 1 < kSteps ? step_bound(i) : Duration::max(), steps_[i]});
  }
  return out;
}

std::string LatencyHistogram::picture(std::size_t width) const {
  const auto all = steps();
  if (all.empty()) return {};
  const auto most = std::ranges::max_element(all, {}, &Step::count)->count;
  std::string text;
  for (const Step& step : all) {
    const std::string bound = step.below == Duration::max() ? "more" : "< " + print_latency(step.below);
    text += fmt::format("  {:>9}  {}  {:>5.1f} %  {}\n", bound, bar(static_cast<double>(step.count) / static_cast<double>(most), width),
                        100.0 * static_cast<double>(step.count) / static_cast<double>(count_), step.count);
  }
  text += " ";
  for (const auto& [share, name] : kPercentiles) text += fmt::format(" {} {}  ", name, print_latency(quantile(share)));
  return text + fmt::format(" max {}\n", print_latency(max_));
}

std::string print_latency(Duration taken) {
  const auto ns = static_cast<double>(taken.count());
  const auto three_digits = [](double value, std::string_view unit) {
    return fmt::format("{:.{}f} {}", value, value < 9.995 && value != std::floor(value) ? 2 : value < 99.95 && value != std::floor(value) ? 1 : 0, unit);
  };
  if (ns < 1e6) return fmt::format("{:.0f} us", ns / 1e3);
  return ns < 1e9 ? three_digits(ns / 1e6, "ms") : three_digits(ns / 1e9, "s");
}

}  // namespace clients::cli
