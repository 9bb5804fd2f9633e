#include <fmt/format.h>

#include <iterator>

#include "net/codegen/emit.h"

namespace net::codegen {

namespace {

using Out = std::back_insert_iterator<std::string>;

void emit_field(Out out, const Struct& s, const Field& f) {
  const std::string test = version_test(f.versions, s.versions);
  const std::string guard = test.empty() ? "  " : fmt::format("  if ({}) ", test);
  const bool optional = f.nullable && f.shape != Shape::records;
  const std::string target = fmt::format("{}out.{}", optional ? "*" : "", f.name);
  std::string make;
  if (f.shape == Shape::structure)
    make = f.is_list ? fmt::format("entropy.structs({}, v);", target) : fmt::format("arbitrary(entropy, v, {});", target);
  else if (f.is_list)
    make = fmt::format("entropy.values({});", target);
  else if (f.shape == Shape::records)
    make = fmt::format("entropy.records({}, {});", target, f.nullable ? version_value(*f.nullable, s.versions) : "false");
  else
    make = fmt::format("entropy.value({});", target);
  if (!optional) {
    fmt::format_to(out, "{}{}\n", guard, make);
  } else {
    // Braced with its guard: null only in versions where that is legal.
    fmt::format_to(out, "{}{{\n    if (entropy.null({})) {{\n      out.{}.reset();\n    }} else {{\n      out.{}.emplace();\n      {}\n    }}\n  }}\n",
                   guard, version_value(*f.nullable, s.versions), f.name, f.name,
                   make);
  }
}

}  // namespace

std::string emit_arbitrary(const Schema& schema) {
  std::string text = fmt::format("// Generated from {}.\n", schema.path);
  const Out out{text};
  fmt::format_to(out,
                 "#include \"net/messages/{}.h\"\n\n#include \"tests/net/message_case.h\"\n\nnamespace net::testing {{\n\n",
                 schema.stem);
  for (const Message& message : schema.messages)
    for (const Struct& s : message.structs) {
      fmt::format_to(out, "void arbitrary([[maybe_unused]] Entropy& entropy, [[maybe_unused]] std::int16_t v, [[maybe_unused]] {}& out) {{\n",
                     qualified(message, s));
      for (const Field& f : s.fields) emit_field(out, s, f);
      if (message.ever_flexible())
        fmt::format_to(out, "  if (v >= {}) entropy.unknown_tags(out.unknown_tags);\n", message.flexible_from);
      fmt::format_to(out, "}}\n");
    }
  fmt::format_to(out, "\nstd::vector<MessageCase> {}_cases() {{\n  return {{\n", schema.stem);
  for (const Message& message : schema.messages)
    fmt::format_to(out, "      message_case<{}>({}),\n", message.name,
                   schema.api ? fmt::format("MessageKind::{}, {}", message.kind, schema.api->key) : "MessageKind::record, -1");
  fmt::format_to(out, "  }};\n}}\n\n}}  // namespace net::testing\n");
  return text;
}

}  // namespace net::codegen
