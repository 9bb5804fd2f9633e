#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "net/codegen/emit.h"

namespace net::codegen {

namespace {

using Out = std::back_insert_iterator<std::string>;

bool is_optional(const Field& f) { return f.nullable && f.shape != Shape::records; }

std::string member_type(const Field& f) {
  std::string type = f.is_list ? fmt::format("List<{}>", f.cpp_type) : f.cpp_type;
  return is_optional(f) ? fmt::format("std::optional<{}>", type) : type;
}

std::string initialiser(const Field& f) {
  if (is_optional(f)) return f.def == "null" ? "" : "{std::in_place}";
  if (f.is_list || f.shape != Shape::scalar) return "";
  return fmt::format("{{{}}}", f.def.value_or(""));
}

/// An expression that is true when the member has its default value.
std::string has_default(const Field& f) {
  if (is_optional(f)) {
    if (f.def == "null") return fmt::format("!{}", f.name);
    if (f.shape == Shape::structure && !f.is_list) return fmt::format("({0} && *{0} == {1}{{}})", f.name, f.cpp_type);
    return fmt::format("({0} && {0}->empty())", f.name);
  }
  if (f.shape == Shape::records) return fmt::format("{}.is_null()", f.name);
  if (f.is_list || f.shape == Shape::string || f.shape == Shape::bytes) return fmt::format("{}.empty()", f.name);
  if (f.shape == Shape::structure) return fmt::format("({} == {}{{}})", f.name, f.cpp_type);
  return fmt::format("({} == {}{})", f.name, f.cpp_type, initialiser(f));
}

/// The least that one element takes on the wire in any version.
class MinimalSizes {
 public:
  explicit MinimalSizes(const Message& message) : message_{message} {}

  int of(const std::string& name) const {
    const Struct& s = *std::ranges::find(message_.structs, name, &Struct::name);
    int least = INT32_MAX;
    for (int v = s.versions.first; v <= s.versions.last; ++v) least = std::min(least, at(s, v));
    return std::max(least, 1);
  }

 private:
  int at(const Struct& s, int version) const {
    const bool flexible = version >= message_.flexible_from;
    int size = flexible ? 1 : 0;
    for (const Field& f : s.fields)
      if (f.versions.contains(version) && !f.tag) size += at(f, version, flexible && !f.rigid);
    return size;
  }
  int at(const Field& f, int version, bool flexible) const {
    if (f.is_list || f.shape == Shape::bytes || f.shape == Shape::records) return flexible ? 1 : 4;
    if (f.shape == Shape::string) return flexible ? 1 : 2;
    if (f.shape == Shape::scalar) return f.wire_size;
    if (f.nullable) return 1;
    return at(*std::ranges::find(message_.structs, f.type, &Struct::name), version);
  }
  const Message& message_;
};

/// Name of a struct where its members are defined.
std::string defined_as(const Message& message, const Struct& s) {
  return &s == &message.structs.back() ? message.name
                                       : fmt::format("parts::{}::{}", snake_case(message.name), s.name);
}

std::string flexible_of(const Field& f) {
  if (f.rigid) return "false";
  return f.tag ? "true" : "flexible";
}

std::string nullable_of(const Field& f, const Struct& s) { return version_value(*f.nullable, s.versions); }

/// The call that reads or puts one field; `object` is "in" or "out" or "sink".
std::string codec_call(const Message& message, const Struct& s, const Field& f, std::string_view object, bool reading) {
  const std::string flexible = flexible_of(f);
  const std::string nullable = f.nullable ? ", " + nullable_of(f, s) : "";
  if (f.shape == Shape::structure) {
    const std::string least = reading ? fmt::format(", {}", MinimalSizes{message}.of(f.type)) : "";
    if (f.is_list) return fmt::format("{}.structs({}, {}{}{}, v);", object, f.name, flexible, nullable, least);
    if (f.nullable)
      return fmt::format("{}.{}optional_struct({}{}, v);", object, f.tag ? "tagged_" : "", f.name, nullable);
    return fmt::format("{}.{}({}, v);", f.name, reading ? "read" : "put", object);
  }
  if (f.is_list)
    return fmt::format("{}.{}({}, {}{});", object, f.shape == Shape::string ? "strings" : "scalars", f.name, flexible,
                       nullable);
  switch (f.shape) {
    case Shape::scalar: return fmt::format("{}.scalar({});", object, f.name);
    case Shape::string: return fmt::format("{}.string({}, {}{});", object, f.name, flexible, nullable);
    case Shape::bytes: return fmt::format("{}.bytes({}, {}{});", object, f.name, flexible, nullable);
    case Shape::records:
      return fmt::format("{}.records({}, {}, {});", object, f.name, flexible,
                         f.nullable ? nullable_of(f, s) : "false");
    case Shape::structure: break;
  }
  return {};
}

void emit_struct(Out out, const Message& message, const Struct& s, const std::string& pad) {
  for (const Field& f : s.fields) {
    fmt::format_to(out, "{}{} {}{};", pad, member_type(f), f.name, initialiser(f));
    std::string note;
    if (f.versions != s.versions)
      note = f.versions.last == message.versions.last ? fmt::format("v{}+", f.versions.first)
             : f.versions.first == f.versions.last    ? fmt::format("v{}", f.versions.first)
                                                      : fmt::format("v{}-{}", f.versions.first, f.versions.last);
    if (f.cpp_type != f.type && f.shape == Shape::string && f.type != "string") note += (note.empty() ? "" : ", ") + f.type;
    if (!note.empty()) fmt::format_to(out, "  ///< {}", note);
    fmt::format_to(out, "\n");
  }
  if (message.ever_flexible()) fmt::format_to(out, "{}List<RawTag> unknown_tags;\n", pad);
  fmt::format_to(out, "\n{0}void read(Reader& in, std::int16_t v);\n", pad);
  fmt::format_to(out, "{0}template <class Sink>\n{0}void put(Sink& out, std::int16_t v) const;\n", pad);
  fmt::format_to(out, "{0}void text(TextOut& out) const;\n", pad);
  fmt::format_to(out, "{0}friend bool operator==(const {1}&, const {1}&) = default;\n", pad, s.name);
}

void emit_flexible(Out out, const Message& message, const Struct& s) {
  const bool used = message.ever_flexible() || std::ranges::any_of(s.fields, [](const Field& f) {
    return !f.tag && !f.rigid && (f.is_list || f.shape != Shape::scalar) &&
           !(f.shape == Shape::structure && !f.is_list);
  });
  if (!used) return;
  if (message.flexible_from <= s.versions.first) fmt::format_to(out, "  constexpr bool flexible = true;\n");
  else if (message.flexible_from > s.versions.last) fmt::format_to(out, "  constexpr bool flexible = false;\n");
  else fmt::format_to(out, "  const bool flexible = v >= {};\n", message.flexible_from);
}

std::vector<const Field*> tagged_fields(const Struct& s) {
  std::vector<const Field*> tagged;
  for (const Field& f : s.fields)
    if (f.tag) tagged.push_back(&f);
  std::ranges::sort(tagged, {}, [](const Field* f) { return *f->tag; });
  return tagged;
}

void emit_read(Out out, const Message& message, const Struct& s) {
  fmt::format_to(out, "void {}::read([[maybe_unused]] Reader& in, [[maybe_unused]] std::int16_t v) {{\n",
                 defined_as(message, s));
  emit_flexible(out, message, s);
  for (const Field& f : s.fields) {
    if (f.tag) continue;
    const std::string test = version_test(f.versions, s.versions);
    fmt::format_to(out, "  {}{}\n", test.empty() ? "" : fmt::format("if ({}) ", test),
                   codec_call(message, s, f, "in", true));
  }
  if (message.ever_flexible()) {
    const auto tagged = tagged_fields(s);
    fmt::format_to(out, "  if (flexible) {{\n");
    if (tagged.empty()) {
      fmt::format_to(out, "    in.tags(unknown_tags);\n");
    } else {
      fmt::format_to(out, "    in.tags(unknown_tags, [&](std::uint32_t tag) {{\n      switch (tag) {{\n");
      for (const Field* f : tagged) {
        const std::string test = version_test(f->versions, s.versions);
        fmt::format_to(out, "        case {}:\n", *f->tag);
        if (!test.empty()) fmt::format_to(out, "          if (!({})) return false;\n", test);
        fmt::format_to(out, "          {}\n          return true;\n", codec_call(message, s, *f, "in", true));
      }
      fmt::format_to(out, "        default: return false;\n      }}\n    }});\n");
    }
    fmt::format_to(out, "  }}\n");
  }
  fmt::format_to(out, "}}\n\n");
}

void emit_put(Out out, const Message& message, const Struct& s) {
  fmt::format_to(out,
                 "template <class Sink>\n"
                 "void {}::put([[maybe_unused]] Sink& out, [[maybe_unused]] std::int16_t v) const {{\n",
                 defined_as(message, s));
  emit_flexible(out, message, s);
  for (const Field& f : s.fields) {
    const std::string test = version_test(f.versions, s.versions);
    const std::string required = fmt::format("out.require({}, kUnset, {{kSchema, {}}});", has_default(f), f.line);
    if (f.tag) {
      if (!test.empty() && !f.ignorable) fmt::format_to(out, "  if (!({})) {}\n", test, required);
      continue;
    }
    const std::string call = codec_call(message, s, f, "out", false);
    if (test.empty()) fmt::format_to(out, "  {}\n", call);
    else if (f.ignorable) fmt::format_to(out, "  if ({}) {}\n", test, call);
    else fmt::format_to(out, "  if ({}) {}\n  else {}\n", test, call, required);
  }
  if (message.ever_flexible()) {
    const auto tagged = tagged_fields(s);
    std::string count = "0";
    fmt::format_to(out, "  if (flexible) {{\n");
    for (const Field* f : tagged) {
      const std::string test = version_test(f->versions, s.versions);
      fmt::format_to(out, "    const bool tag{} = {}!{};\n", *f->tag, test.empty() ? "" : test + " && ",
                     has_default(*f));
      count += fmt::format(" + tag{}", *f->tag);
    }
    fmt::format_to(out, "    out.tags_begin({}, unknown_tags);\n", tagged.empty() ? "0" : fmt::format("static_cast<std::uint32_t>({})", count));
    if (!tagged.empty()) fmt::format_to(out, "    std::size_t done = 0;\n");
    for (const Field* f : tagged)
      fmt::format_to(out, "    if (tag{0}) out.tagged({0}, unknown_tags, done, [&](auto& sink) {{ {1} }});\n", *f->tag,
                     codec_call(message, s, *f, "sink", false));
    fmt::format_to(out, "    out.tags_end(unknown_tags{});\n", tagged.empty() ? "" : ", done");
    fmt::format_to(out, "  }}");
    if (message.flexible_from > s.versions.first)
      fmt::format_to(out, " else {{\n    out.require(unknown_tags.empty(), kUnset, {{kSchema, 0}});\n  }}");
    fmt::format_to(out, "\n");
  }
  fmt::format_to(out, "}}\n\n");
}

void emit_text(Out out, const Message& message, const Struct& s) {
  fmt::format_to(out, "void {}::text(TextOut& out) const {{\n  out.open();\n", defined_as(message, s));
  for (const Field& f : s.fields) fmt::format_to(out, "  out.field(\"{0}\", {0});\n", f.name);
  fmt::format_to(out, "  out.close();\n}}\n\n");
}

void emit_message(Out out, const Schema& schema, const Message& message) {
  const Struct& root = message.structs.back();
  const std::span<const Struct> inner{message.structs.data(), message.structs.size() - 1};
  // Not inside the message: a nested class counts as default constructible only once the outer one is complete, which
  // is too late for std::optional members.
  if (!inner.empty()) fmt::format_to(out, "namespace parts::{} {{\n", snake_case(message.name));
  for (const Struct& s : inner) {
    fmt::format_to(out, "struct {} {{\n", s.name);
    emit_struct(out, message, s, "  ");
    fmt::format_to(out, "}};\n");
  }
  if (!inner.empty()) fmt::format_to(out, "}}  // namespace parts::{}\n\n", snake_case(message.name));
  fmt::format_to(out, "struct {} {{\n", message.name);
  fmt::format_to(out, "  static constexpr std::string_view kName = \"{}\";\n", message.name);
  if (schema.api) {
    fmt::format_to(out, "  static constexpr ApiKey kApiKey = ApiKey::{};\n", snake_case(schema.api->name));
    if (message.kind == "request") fmt::format_to(out, "  using Response = {}Response;\n", schema.api->name);
  }
  if (message.type) fmt::format_to(out, "  static constexpr std::int16_t kType = {};\n", *message.type);
  fmt::format_to(out, "  static constexpr VersionRange kVersions{{{}, {}}};\n", message.versions.first,
                 message.versions.last);
  fmt::format_to(out, "  static constexpr std::int16_t kFlexibleFrom = {};\n\n",
                 message.ever_flexible() ? std::to_string(message.flexible_from) : "kNeverFlexible");
  for (const Struct& s : inner) fmt::format_to(out, "  using {} = {};\n", s.name, defined_as(message, s));
  if (!inner.empty()) fmt::format_to(out, "\n");
  emit_struct(out, message, root, "  ");
  fmt::format_to(out, "}};\n");
  fmt::format_to(out, "extern template void {}::put(Sizer&, std::int16_t) const;\n", message.name);
  fmt::format_to(out, "extern template void {}::put(Writer&, std::int16_t) const;\n\n", message.name);
}

}  // namespace

std::string version_test(const Versions& inner, const Versions& outer) {
  std::string test;
  if (inner.first > outer.first) test = fmt::format("v >= {}", inner.first);
  if (inner.last < outer.last) test += fmt::format("{}v <= {}", test.empty() ? "" : " && ", inner.last);
  return test;
}

std::string version_value(const Versions& inner, const Versions& outer) {
  const std::string test = version_test(inner, outer);
  return test.empty() ? "true" : test;
}

std::string qualified(const Message& message, const Struct& s) {
  return &s == &message.structs.back() ? message.name : message.name + "::" + s.name;
}

std::string emit_header(const Schema& schema) {
  std::string text = fmt::format("// Generated from {}.\n#pragma once\n\n", schema.path);
  const Out out{text};
  text +=
      "#include <cstdint>\n#include <optional>\n#include <string_view>\n#include <utility>\n"
      "#include <variant>\n\n"
      "#include \"net/codec/fields.h\"\n#include \"net/codec/list.h\"\n#include \"net/codec/version.h\"\n"
      "#include \"net/errors.h\"\n#include \"net/messages/api_key.h\"\n#include \"net/types.h\"\n\n"
      "namespace net {\n\nclass Reader;\nclass Sizer;\nclass TextOut;\nclass Writer;\n";
  if (schema.api) fmt::format_to(out, "struct {}Response;\n", schema.api->name);
  text += "\n";
  for (const Message& message : schema.messages) emit_message(out, schema, message);
  if (!schema.family.empty()) {
    fmt::format_to(out, "/// Any record of this file, told apart by its type number.\nusing {} = std::variant<", schema.family);
    for (std::size_t i = 0; i < schema.messages.size(); ++i)
      fmt::format_to(out, "{}{}", i == 0 ? "" : ", ", schema.messages[i].name);
    text += ">;\n\n";
  }
  text += "}  // namespace net\n";
  return text;
}

std::string emit_source(const Schema& schema) {
  std::string text = fmt::format("// Generated from {}.\n", schema.path);
  const Out out{text};
  fmt::format_to(out,
                 "#include \"net/messages/{0}.h\"\n\n#include \"net/codec/reader.h\"\n#include \"net/codec/sink.h\"\n"
                 "#include \"net/codec/text.h\"\n\nnamespace net {{\n\n"
                 "#define kSchema \"{1}\"\n#define kUnset kernel::Errc::invalid_argument\n\n",
                 schema.stem, schema.path);
  for (const Message& message : schema.messages) {
    for (const Struct& s : message.structs) {
      emit_read(out, message, s);
      emit_put(out, message, s);
      emit_text(out, message, s);
    }
    fmt::format_to(out, "template void {}::put(Sizer&, std::int16_t) const;\n", message.name);
    fmt::format_to(out, "template void {}::put(Writer&, std::int16_t) const;\n\n", message.name);
  }
  text += "#undef kSchema\n#undef kUnset\n\n}  // namespace net\n";
  return text;
}

}  // namespace net::codegen
