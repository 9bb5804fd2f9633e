// Every configuration name of Kafka 4.4 for topics and brokers, and our own: what it is and what it means here.
//
//   for (const Definition& one : broker_definitions()) print(one.name, one.treatment, one.words);
//   const Definition* found = find_topic_definition("retention.ms");
//   if (const auto problem = check_value(*found, "-2")) ...  "Value must be at least -1"
//
// Facts only; who reads values is broker_config.h and topic_config.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace broker::config {

/// Kafka's numbers of value types in DescribeConfigs.
enum class Type : std::int8_t {
  boolean = 1, string = 2, int32 = 3, int16 = 4, int64 = 5, float64 = 6, list = 7, class_name = 8, password = 9,
};
enum class Importance : std::uint8_t { high, medium, low };
/// When a broker setting may change. Topic settings always may.
enum class Mode : std::uint8_t {
  read_only,     ///< at start only
  per_broker,    ///< also on the resource of one broker
  cluster_wide,  ///< also there and as the default of all brokers
};
enum class Treatment : std::uint8_t {
  honoured,  ///< does what its words say
  noticed,   ///< taken, shown, but without meaning here; its words say why
  refused,   ///< only the default is taken; its words say why
};

/// What values are legal beyond the type.
struct Validator {
  enum class Kind : std::uint8_t {
    any, non_empty,
    range,            ///< whole numbers in [low, high]
    range_or_minus1,  ///< or -1
    fraction,         ///< numbers in [0, fraction_high]
    choice,           ///< one of `choices`, for a list each of its entries
    choice_any_case,
  };
  Kind kind = Kind::any;
  std::int64_t low = INT64_MIN;
  std::int64_t high = INT64_MAX;
  double fraction_high = 0;
  std::string_view choices;  ///< apart by commas
};
constexpr Validator at_least(std::int64_t low) { return {.kind = Validator::Kind::range, .low = low}; }
constexpr Validator between(std::int64_t low, std::int64_t high) {
  return {.kind = Validator::Kind::range, .low = low, .high = high};
}
constexpr Validator between_or_minus1(std::int64_t low, std::int64_t high) {
  return {.kind = Validator::Kind::range_or_minus1, .low = low, .high = high};
}
constexpr Validator fraction_up_to(double high) {
  return {.kind = Validator::Kind::fraction, .fraction_high = high};
}
constexpr Validator one_of(std::string_view choices) {
  return {.kind = Validator::Kind::choice, .choices = choices};
}
constexpr Validator one_of_any_case(std::string_view choices) {
  return {.kind = Validator::Kind::choice_any_case, .choices = choices};
}
inline constexpr Validator kAny{};
inline constexpr Validator kNonEmpty{.kind = Validator::Kind::non_empty};

/// Another name that supplies the value when this one is not set; its number times `factor`.
struct Synonym {
  std::string_view name;
  std::int64_t factor = 1;
};

/// "null" is not a value: `has_default` is false where Kafka has none (required ones too).
struct Definition {
  std::string_view name;
  Type type;
  bool has_default;
  std::string_view default_value;
  Validator validator;
  Importance importance;
  Mode mode;
  Treatment treatment;
  /// What it does; or why it does nothing, or may not be set.
  std::string_view words;

  [[nodiscard]] constexpr bool is_sensitive() const { return type == Type::password; }
};
/// For the tables: what "unset" looks like in the place of a default.
constexpr Definition define(std::string_view name, Type type, std::optional<std::string_view> default_value,
                            Validator validator, Importance importance, Mode mode, Treatment treatment,
                            std::string_view words) {
  return {name, type, default_value.has_value(), default_value.value_or(""), validator, importance, mode, treatment,
          words};
}

/// All of them, ordered by name.
[[nodiscard]] std::span<const Definition> topic_definitions();
[[nodiscard]] std::span<const Definition> broker_definitions();
/// Of what is set on a group, and on a subscription to client metrics.
[[nodiscard]] std::span<const Definition> group_definitions();
[[nodiscard]] std::span<const Definition> client_metrics_definitions();
/// Null when `among`, one of these tables, does not have it.
[[nodiscard]] const Definition* find_definition(std::span<const Definition> among, std::string_view name);
[[nodiscard]] const Definition* find_topic_definition(std::string_view name);
[[nodiscard]] const Definition* find_broker_definition(std::string_view name);

/// The broker settings that supply a topic setting's default, the first one set wins; none for a few.
[[nodiscard]] std::span<const Synonym> broker_synonyms(std::string_view topic_setting);
/// Other broker settings that supply a broker setting, the first one set wins: log.retention.ms, then ...minutes.
[[nodiscard]] std::span<const Synonym> fallbacks(std::string_view broker_setting);

/// What is wrong with `value`, in Kafka's words ("Not a number of type LONG"); nothing when it is legal.
[[nodiscard]] std::optional<std::string> check_value(const Definition& definition, std::string_view value);
/// Legal values only. Blanks around them do not count.
[[nodiscard]] std::int64_t parse_integer(std::string_view value);
[[nodiscard]] bool parse_boolean(std::string_view value);
[[nodiscard]] double parse_fraction(std::string_view value);
/// Entries apart by commas without blanks around them; the empty text has none.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view value);

/// "honoured"
[[nodiscard]] std::string_view name_of(Treatment treatment);
/// "int64"
[[nodiscard]] std::string_view name_of(Type type);

/// The known name that differs least from `name`; empty when none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view name, std::span<const Definition> among);

}  // namespace broker::config
