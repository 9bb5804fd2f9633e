#include "broker/config/definition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "broker/config/groups_table.h"
#include "broker/config/resource_tables.h"
#include "broker/config/security_table.h"
#include "broker/config/server_table.h"
#include "broker/config/storage_table.h"
#include "broker/config/topic_table.h"
#include "kernel/check.h"

namespace broker::config {
namespace {

consteval auto merged_broker_table() {
  std::array<Definition, std::size(table::kServerTable) + std::size(table::kStorageTable) +
                             std::size(table::kGroupsTable) + std::size(table::kSecurityTable)>
      all{};
  auto end = std::ranges::copy(table::kServerTable, all.begin()).out;
  end = std::ranges::copy(table::kStorageTable, end).out;
  end = std::ranges::copy(table::kGroupsTable, end).out;
  std::ranges::copy(table::kSecurityTable, end);
  std::ranges::sort(all, {}, &Definition::name);
  return all;
}
constexpr auto kBrokerTable = merged_broker_table();
static_assert(std::ranges::adjacent_find(kBrokerTable, {}, &Definition::name) == kBrokerTable.end());
static_assert(std::ranges::is_sorted(table::kTopicTable, {}, &Definition::name));
static_assert(std::ranges::is_sorted(table::kGroupResourceTable, {}, &Definition::name));
static_assert(std::ranges::is_sorted(table::kClientMetricsTable, {}, &Definition::name));

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool equal_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

template <class T>
std::optional<T> number(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Kafka's word for a numeric type, with the bounds of the type.
struct Integer {
  std::string_view word;
  std::int64_t low, high;
};
std::optional<Integer> integer_of(Type type) {
  switch (type) {
    case Type::int16: return Integer{"SHORT", INT16_MIN, INT16_MAX};
    case Type::int32: return Integer{"INT", INT32_MIN, INT32_MAX};
    case Type::int64: return Integer{"LONG", INT64_MIN, INT64_MAX};
    case Type::boolean:
    case Type::string:
    case Type::float64:
    case Type::list:
    case Type::class_name:
    case Type::password: return std::nullopt;
  }
  std::unreachable();
}

std::optional<std::string> check_range(const Validator& validator, std::int64_t value) {
  if (validator.kind == Validator::Kind::range_or_minus1) {
    if (value == -1 || (value >= validator.low && value <= validator.high)) return std::nullopt;
    return fmt::format("Value must be between {} and {} or equal to -1", validator.low, validator.high);
  }
  if (validator.kind != Validator::Kind::range) return std::nullopt;
  if (value < validator.low) return fmt::format("Value must be at least {}", validator.low);
  if (value > validator.high) return fmt::format("Value must be no more than {}", validator.high);
  return std::nullopt;
}

std::string spaced(std::string_view choices) {
  return fmt::format("{}", fmt::join(parse_list(choices), ", "));
}

std::optional<std::string> check_choice(const Validator& validator, std::string_view value) {
  const auto choices = parse_list(validator.choices);
  if (validator.kind == Validator::Kind::choice_any_case) {
    if (std::ranges::any_of(choices, [&](const auto& one) { return equal_any_case(one, value); })) return std::nullopt;
    return fmt::format("String must be one of (case insensitive): {}", spaced(validator.choices));
  }
  if (std::ranges::find(choices, value) != choices.end()) return std::nullopt;
  return fmt::format("String must be one of: {}", spaced(validator.choices));
}

bool is_choice(const Validator& validator) {
  return validator.kind == Validator::Kind::choice || validator.kind == Validator::Kind::choice_any_case;
}

std::optional<std::string> check_list(const Validator& validator, std::string_view value) {
  auto entries = parse_list(value);
  if (is_choice(validator))
    for (const std::string& entry : entries)
      if (auto problem = check_choice(validator, entry)) return problem;
  std::ranges::sort(entries);
  if (is_choice(validator) && std::ranges::adjacent_find(entries) != entries.end())
    return "Values must not be duplicated";
  return std::nullopt;
}

/// Edits that make one name of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t i = 0; i <= b.size(); ++i) row[i] = i;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Definition> topic_definitions() { return table::kTopicTable; }
std::span<const Definition> broker_definitions() { return kBrokerTable; }
std::span<const Definition> group_definitions() { return table::kGroupResourceTable; }
std::span<const Definition> client_metrics_definitions() { return table::kClientMetricsTable; }
const Definition* find_definition(std::span<const Definition> among, std::string_view name) {
  const auto at = std::ranges::lower_bound(among, name, {}, &Definition::name);
  return at == among.end() || at->name != name ? nullptr : &*at;
}
const Definition* find_topic_definition(std::string_view name) { return find_definition(table::kTopicTable, name); }
const Definition* find_broker_definition(std::string_view name) { return find_definition(kBrokerTable, name); }

std::optional<std::string> check_value(const Definition& definition, std::string_view value) {
  const Validator& validator = definition.validator;
  if (const auto integer = integer_of(definition.type)) {
    const auto read = number<std::int64_t>(value);
    if (!read || *read < integer->low || *read > integer->high)
      return fmt::format("Not a number of type {}", integer->word);
    return check_range(validator, *read);
  }
  switch (definition.type) {
    case Type::boolean:
      if (equal_any_case(trimmed(value), "true") || equal_any_case(trimmed(value), "false")) return std::nullopt;
      return "Expected value to be either true or false";
    case Type::float64: {
      const auto read = number<double>(value);
      if (!read || *read != *read) return "Not a number of type DOUBLE";
      if (validator.kind != Validator::Kind::fraction) return std::nullopt;
      if (*read < 0) return "Value must be at least 0";
      if (*read <= validator.fraction_high) return std::nullopt;
      return fmt::format("Value must be no more than {}", validator.fraction_high);
    }
    case Type::list: return check_list(validator, value);
    default: break;
  }
  if (is_choice(validator)) return check_choice(validator, trimmed(value));
  if (validator.kind == Validator::Kind::non_empty && trimmed(value).empty()) return "String must be non-empty";
  return std::nullopt;
}

std::int64_t parse_integer(std::string_view value) {
  const auto read = number<std::int64_t>(value);
  CHECK(read.has_value());
  return *read;
}

bool parse_boolean(std::string_view value) { return equal_any_case(trimmed(value), "true"); }

double parse_fraction(std::string_view value) {
  const auto read = number<double>(value);
  CHECK(read.has_value());
  return *read;
}

std::vector<std::string> parse_list(std::string_view value) {
  std::vector<std::string> out;
  value = trimmed(value);
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    out.emplace_back(trimmed(value.substr(0, comma)));
    value.remove_prefix(comma == value.npos ? value.size() : comma + 1);
  }
  return out;
}

std::string_view name_of(Treatment treatment) {
  switch (treatment) {
    case Treatment::honoured: return "honoured";
    case Treatment::noticed: return "noticed";
    case Treatment::refused: return "refused";
  }
  std::unreachable();
}

std::string_view name_of(Type type) {
  switch (type) {
    case Type::boolean: return "boolean";
    case Type::string: return "string";
    case Type::int32: return "int32";
    case Type::int16: return "int16";
    case Type::int64: return "int64";
    case Type::float64: return "float64";
    case Type::list: return "list";
    case Type::class_name: return "class";
    case Type::password: return "password";
  }
  std::unreachable();
}

std::string_view nearest_name(std::string_view name, std::span<const Definition> among) {
  if (name.size() > 128) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 4) + 1;  // further away it is another word
  for (const Definition& one : among) {
    const std::size_t edits = distance(name, one.name);
    if (edits < least) {
      least = edits;
      best = one.name;
    }
  }
  return best;
}

}  // namespace broker::config
