#include "clients/cli/bounds.h"

#include <charconv>

#include "clients/cli/times.h"

namespace clients::cli {

using consumer::AtTime;
using consumer::Beginning;
using consumer::End;
using consumer::Start;
using core::TopicPartition;
using net::Offset;

std::optional<Start> parse_place(std::string_view text, std::int64_t now_ms) {
  if (text == "beginning") return Beginning{};
  if (text == "end") return End{};
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc{} && end == text.data() + text.size()) {
    if (number < 0) return std::nullopt;
    return Offset{number};
  }
  if (const auto time = parse_datetime_ms(text)) return AtTime{*time};
  if (const auto ago = parse_duration(text)) return AtTime{std::max<std::int64_t>(now_ms - ago->count(), 0)};
  return std::nullopt;
}

kernel::Result<> Bounds::add(kernel::Fiber& f, core::Cluster& cluster, const std::vector<TopicPartition>& partitions) {
  consumer::OffsetQuery log_ends, times;
  // Nothing as young as a time that has passed is there at a log's end: what comes later is not wanted.
  const auto* time = to_ ? std::get_if<AtTime>(&*to_) : nullptr;
  const bool has_passed = time != nullptr && time->timestamp_ms <= kernel::ms_of(f.wall());
  for (const TopicPartition& at : partitions) {
    ends_.erase(at);
    if (options_.stops_at_end || has_passed || (to_ && std::holds_alternative<End>(*to_))) log_ends[at] = End{};
    if (time != nullptr) times[at] = *time;
    if (to_ && std::holds_alternative<Offset>(*to_)) ends_[at] = std::get<Offset>(*to_);
    if (to_ && std::holds_alternative<Beginning>(*to_)) ends_[at] = Offset{0};
  }
  const auto lower = [&](const TopicPartition& at, Offset end) {
    const auto known = ends_.emplace(at, end).first;
    known->second = std::min(known->second, end);
  };
  if (!times.empty()) {
    for (const auto& [at, found] : TRY(consumer::list_offsets(f, cluster, std::move(times), options_.isolation))) {
      if (found.offset.raw() >= 0) lower(at, found.offset);
    }
  }
  if (!log_ends.empty()) {
    for (const auto& [at, found] : TRY(consumer::list_offsets(f, cluster, std::move(log_ends), options_.isolation)))
      lower(at, found.offset);
  }
  return {};
}

bool Bounds::is_past(const TopicPartition& at, const net::record::RecordView& record) {
  const auto end = ends_.find(at);
  if (end != ends_.end()) return record.offset >= end->second;
  const auto* time = to_ ? std::get_if<AtTime>(&*to_) : nullptr;
  if (time == nullptr || record.timestamp_ms < time->timestamp_ms) return false;
  ends_[at] = record.offset;
  return true;
}

bool Bounds::is_done(const TopicPartition& at, std::optional<Offset> position) const {
  const auto end = ends_.find(at);
  return end != ends_.end() && position && *position >= end->second;
}

}  // namespace clients::cli
