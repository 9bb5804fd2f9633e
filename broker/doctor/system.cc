#include <fmt/format.h>

#include <array>
#include <charconv>

#include "broker/doctor/finding.h"
#include "broker/doctor/system_files.h"
#include "broker/log/log_directory.h"
#include "kernel/node.h"

namespace broker::doctor {

using kernel::Fiber;

namespace {

/// A partition's active segment and its two indexes.
constexpr std::uint64_t kFilesAPartition = 3;
/// For clients, the sealed segments that are read, and the rest of the process.
constexpr std::uint64_t kFilesBeside = 4096;
constexpr std::int64_t kYearOfThisRelease = 2026;

std::optional<std::string> text_of(Fiber& f, std::string_view path) {
  const auto file = f.node().disk().open(f, path, kernel::OpenMode::read_only());
  if (!file) return std::nullopt;
  // Files of the system say that they are empty: they are read until they end.
  std::string text;
  for (;;) {
    const auto some = (*file)->read(f, text.size(), 4096);
    if (!some) return std::nullopt;
    if (some->view().empty()) return text;
    text += kernel::as_text(some->view());
  }
}

std::string in_words(std::uint64_t limit) { return limit == kUnlimited ? "unlimited" : std::to_string(limit); }

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine: return "fine";
    case Verdict::unknown: return "unknown";
    case Verdict::warning: return "warning";
    case Verdict::failure: return "failure";
  }
  std::unreachable();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<Limit> parse_limit(std::string_view limits, std::string_view name) {
  for (std::size_t at = 0; at < limits.size();) {
    const std::size_t end = std::min(limits.find('\n', at), limits.size());
    std::string_view line = limits.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    Limit limit;
    for (std::uint64_t* value : {&limit.soft, &limit.hard}) {
      line = trimmed(line);
      const std::string_view word = line.substr(0, line.find(' '));
      line.remove_prefix(word.size());
      if (word == "unlimited") *value = kUnlimited;
      else if (std::from_chars(word.data(), word.data() + word.size(), *value).ec != std::errc{}) return std::nullopt;
    }
    return limit;
  }
  return std::nullopt;
}

void look_at_limits(Fiber& f, const config::BrokerConfig& config, Findings& out) {
  const auto text = text_of(f, "/proc/self/limits");
  const auto limit = text ? parse_limit(*text, "Max open files") : std::nullopt;
  if (!limit) {
    out.push_back({Verdict::unknown, "open files", "this system does not say how many are allowed", ""});
    return;
  }
  std::uint64_t partitions = 0;
  for (const std::string& path : config.log_directories) {
    const auto entries = f.node().disk().list(f, path);
    for (const auto& entry : entries.value_or(std::vector<kernel::DirectoryEntry>{}))
      partitions += entry.is_directory && log::parse_partition_directory(entry.name) ? 1 : 0;
  }
  const std::uint64_t wanted = partitions * kFilesAPartition + kFilesBeside;
  Finding finding{Verdict::fine, "open files", fmt::format("{} are allowed, {} are enough for {} partitions and 1,000 clients", in_words(limit->soft), wanted, partitions), ""};
  if (limit->soft < wanted) {
    finding.verdict = Verdict::warning;
    finding.text = fmt::format("{} are allowed, and {} may be needed for {} partitions and 1,000 clients", in_words(limit->soft), wanted, partitions);
    finding.advice = limit->hard >= wanted ? fmt::format("`ulimit -n {}` before the start, or LimitNOFILE= in the systemd unit", in_words(limit->hard))
                                           : "raise the hard limit: LimitNOFILE= in the systemd unit, or /etc/security/limits.conf";
  }
  out.push_back(std::move(finding));
}

void look_at_clock(Fiber& f, Findings& out) {
  struct Keeper {
    std::string_view file, name;
  };
  constexpr std::array<Keeper, 5> kKeepers{{{"/run/systemd/timesync/synchronized", "systemd-timesyncd"},
                                            {"/run/chrony/chronyd.pid", "chrony"},
                                            {"/run/chronyd.pid", "chrony"},
                                            {"/run/ntpd.pid", "ntpd"},
                                            {"/run/ptp4l", "ptp4l"}}};
  const std::int64_t year = 1970 + kernel::ms_of(f.wall()) / 1000 / 31'556'952;
  if (year < kYearOfThisRelease) {
    out.push_back({Verdict::failure, "clock", fmt::format("it is in the year {}", year), "set it: records get these timestamps, and retention goes by them"});
    return;
  }
  const auto source = text_of(f, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  const std::string from = source ? fmt::format(", from {}", trimmed(*source)) : "";
  if (source && (trimmed(*source) == "hpet" || trimmed(*source) == "acpi_pm")) {
    out.push_back({Verdict::warning, "clock", fmt::format("reading it is slow{}", from), "use tsc or kvm-clock if the machine has it: the broker reads the clock at every request"});
    return;
  }
  for (const Keeper& keeper : kKeepers) {
    if (!kernel::exists(f, f.node().disk(), keeper.file).value_or(false)) continue;
    out.push_back({Verdict::fine, "clock", fmt::format("kept right by {}{}", keeper.name, from), ""});
    return;
  }
  out.push_back({Verdict::unknown, "clock", fmt::format("nothing is seen that keeps it right{}", from),
                 "unless the host does, install chrony: records get its timestamps, and retention goes by them"});
}

}  // namespace broker::doctor
