// `kalda config explain`: what a setting means here, without asking a broker.
#include "broker/explain_command.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "broker/config/definition.h"
#include "kernel/node.h"

namespace broker {
namespace {

using config::Definition;
using kernel::Fiber;
using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> names;
  bool as_json = false;
};

struct Table {
  std::string_view of;
  std::span<const Definition> definitions;
};
std::vector<Table> tables() {
  return {{"topic", config::topic_definitions()}, {"broker", config::broker_definitions()},
          {"group", config::group_definitions()}, {"client-metrics", config::client_metrics_definitions()}};
}

std::string_view changes(const Table& table, const Definition& one) {
  if (table.of != "broker") return "any time";
  switch (one.mode) {
    case config::Mode::read_only: return "at start only";
    case config::Mode::per_broker: return "any time, for one broker";
    case config::Mode::cluster_wide: return "any time, for one broker or all";
  }
  std::unreachable();
}

std::string_view meaning(config::Treatment treatment) {
  switch (treatment) {
    case config::Treatment::honoured: return "honoured";
    case config::Treatment::noticed: return "taken, but without effect here";
    case config::Treatment::refused: return "only the default is taken";
  }
  std::unreachable();
}

/// "from 1 to 9"; nothing where every value of the type is legal.
std::string legal(const config::Validator& validator) {
  using Kind = config::Validator::Kind;
  const auto range = [&](std::string_view also) {
    if (validator.high == INT64_MAX) return fmt::format("{} or more{}", validator.low, also);
    return fmt::format("from {} to {}{}", validator.low, validator.high, also);
  };
  switch (validator.kind) {
    case Kind::any: return {};
    case Kind::non_empty: return "not empty";
    case Kind::range: return range("");
    case Kind::range_or_minus1: return range(", or -1");
    case Kind::fraction: return fmt::format("from 0 to {}", validator.fraction_high);
    case Kind::choice:
    case Kind::choice_any_case: return fmt::format("one of {}", validator.choices);
  }
  std::unreachable();
}

/// What the number counts; nothing for words and counts of things. Names say it, as Kafka's do.
std::string_view unit_of(const Definition& one) {
  using Type = config::Type;
  const bool number = one.type == Type::int16 || one.type == Type::int32 || one.type == Type::int64 || one.type == Type::float64;
  if (!number) return {};
  constexpr std::pair<std::string_view, std::string_view> kUnits[] = {
      {".ms", "milliseconds"}, {".minutes", "minutes"}, {".hours", "hours"}, {".seconds", "seconds"},
      {".bytes.per.second", "bytes a second"}, {".ratio", "a part of 1"}, {".buffer.size", "bytes"}};
  for (const auto& [end, unit] : kUnits) {
    if (one.name.ends_with(end)) return unit;
  }
  return one.name.find("bytes") != one.name.npos ? "bytes" : std::string_view{};
}

std::string text_of(const Table& table, const Definition& one) {
  std::string text = fmt::format("{} ({} setting)\n  {}\n", one.name, table.of, one.words);
  const std::string values = legal(one.validator);
  text += fmt::format("  value    {}{}{}\n", config::name_of(one.type), values.empty() ? "" : ", ", values);
  if (const auto unit = unit_of(one); !unit.empty()) text += fmt::format("  unit     {}\n", unit);
  text += fmt::format("  default  {}\n", one.has_default ? one.default_value.empty() ? "(empty)" : one.default_value : "none");
  if (table.of == "topic") {
    for (const config::Synonym& from : config::broker_synonyms(one.name))
      text += fmt::format("           or the broker's {}{}\n", from.name, from.factor == 1 ? "" : fmt::format(" times {}", from.factor));
  }
  text += fmt::format("  changes  {}\n  here     {}\n", changes(table, one), meaning(one.treatment));
  return text;
}

Json json_of(const Table& table, const Definition& one) {
  Json synonyms = Json::array();
  if (table.of == "topic") {
    for (const config::Synonym& from : config::broker_synonyms(one.name)) synonyms.push_back(from.name);
  }
  return {{"name", one.name}, {"of", table.of}, {"type", config::name_of(one.type)}, {"legal", legal(one.validator)}, {"unit", unit_of(one)},
          {"default", one.has_default ? Json(one.default_value) : Json(nullptr)}, {"broker_synonyms", synonyms},
          {"changes", changes(table, one)}, {"treatment", config::name_of(one.treatment)}, {"words", one.words}};
}

int run(Fiber& f, const Options& options) {
  kernel::Console& console = f.node().console();
  std::string out;
  int status = 0;
  const auto add = [&](const Table& table, const Definition& one) {
    if (options.as_json) out += json_of(table, one).dump() + "\n";
    else if (options.names.empty()) out += fmt::format("{:<15} {}\n", table.of, one.name);
    else out += text_of(table, one);
  };
  if (options.names.empty()) {
    for (const Table& table : tables())
      for (const Definition& one : table.definitions) add(table, one);
  }
  for (const std::string& name : options.names) {
    bool known = false;
    std::string_view nearest;
    for (const Table& table : tables()) {
      if (const Definition* one = config::find_definition(table.definitions, name)) add(table, *one), known = true;
      else if (nearest.empty()) nearest = config::nearest_name(name, table.definitions);
    }
    if (known) continue;
    status = 1;
    static_cast<void>(console.write_error(
        f, fmt::format("kalda config explain: there is no setting {}{}\n", name,
                       nearest.empty() ? "; without a name all are listed" : fmt::format("; did you mean {}?", nearest))));
  }
  return console.write(f, out) ? status : 1;
}

}  // namespace

kernel::Command explain_command() {
  return {"config explain", "Says what settings mean, their defaults, and whether they can change while running",
          [](kernel::CommandLine line) -> kernel::CommandBody {
            auto options = std::make_shared<Options>();
            auto form = std::make_shared<std::string>("text");
            line.option("setting", options->names, "Settings; all are listed if none is given");
            line.option("--format", *form, "text for people, json (a line each) for programs")
                .one_of({"text", "json"})
                .show_default();
            return [options, form](Fiber& f) {
              options->as_json = *form == "json";
              return run(f, *options);
            };
          }};
}

}  // namespace broker
