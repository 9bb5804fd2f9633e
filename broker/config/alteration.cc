#include "broker/config/alteration.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace broker::config {
namespace {

std::vector<std::string> entries_of(const Given& settings, const Definition& definition) {
  if (const auto at = settings.find(definition.name); at != settings.end()) return parse_list(at->second);
  return parse_list(definition.default_value);
}

/// What a list becomes.
std::string edited(std::vector<std::string> entries, const Alteration& one) {
  for (std::string& entry : parse_list(one.value)) {
    const auto known = std::ranges::find(entries, entry);
    if (one.operation == Operation::append && known == entries.end()) entries.push_back(std::move(entry));
    if (one.operation == Operation::subtract && known != entries.end()) entries.erase(known);
  }
  return fmt::format("{}", fmt::join(entries, ","));
}

}  // namespace

Altered altered(const Given& before, std::span<const Definition> definitions, const Alterations& wanted) {
  Altered out;
  if (!wanted.replaces_all) out.settings = before;
  for (const Alteration& one : wanted.each) {
    switch (one.operation) {
      case Operation::set: out.settings.insert_or_assign(one.name, one.value); break;
      case Operation::remove: out.settings.erase(one.name); break;
      case Operation::append:
      case Operation::subtract: {
        const Definition* definition = find_definition(definitions, one.name);
        if (definition == nullptr || definition->type != Type::list) {
          out.problem = fmt::format("Can't {} to key {} because its type is not LIST.",
                                    one.operation == Operation::append ? "APPEND" : "SUBTRACT", one.name);
          return out;
        }
        out.settings.insert_or_assign(one.name, edited(entries_of(out.settings, *definition), one));
      }
    }
  }
  return out;
}

}  // namespace broker::config
