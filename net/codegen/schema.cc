#include "net/codegen/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace net::codegen {

namespace {

struct Scalar {
  std::string_view cpp_type;
  int size;
};

const std::map<std::string_view, Scalar> kScalars = {
    {"bool", {"bool", 1}},
    {"int8", {"std::int8_t", 1}},
    {"int16", {"std::int16_t", 2}},
    {"uint16", {"std::uint16_t", 2}},
    {"int32", {"std::int32_t", 4}},
    {"uint32", {"std::uint32_t", 4}},
    {"int64", {"std::int64_t", 8}},
    {"float64", {"double", 8}},
    {"uuid", {"Uuid", 16}},
    {"topic_id", {"TopicId", 16}},
    {"broker_id", {"BrokerId", 4}},
    {"broker_epoch", {"BrokerEpoch", 8}},
    {"error_code", {"ErrorCode", 2}},
    {"leader_epoch", {"LeaderEpoch", 4}},
    {"offset", {"Offset", 8}},
    {"partition_id", {"PartitionId", 4}},
    {"producer_epoch", {"ProducerEpoch", 2}},
    {"producer_id", {"ProducerId", 8}},
};
constexpr std::string_view kStrings[] = {"string", "topic_name", "group_id", "transactional_id"};

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(' ', at)) != line.npos;) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "3", "3-5" or "3+" (up to `last`).
std::optional<Versions> range(std::string_view text, int last) {
  if (text.empty()) return std::nullopt;
  if (text.ends_with('+')) {
    const auto first = number(text.substr(0, text.size() - 1));
    return first ? std::optional{Versions{*first, last}} : std::nullopt;
  }
  const std::size_t dash = text.find('-');
  if (dash == text.npos) {
    const auto only = number(text);
    return only ? std::optional{Versions{*only, *only}} : std::nullopt;
  }
  const auto a = number(text.substr(0, dash));
  const auto b = number(text.substr(dash + 1));
  if (!a || !b || *a > *b) return std::nullopt;
  return Versions{*a, *b};
}

struct Line {
  int number;
  int depth;  ///< 0 for blocks, 1 for their fields, ...
  std::vector<std::string_view> words;
};

class Parser {
 public:
  Parser(Schema& schema, Problem& problem) : schema_{schema}, problem_{problem} {}

  bool run(std::string_view text) {
    if (!split(text)) return false;
    while (next_ < lines_.size())
      if (!block(lines_[next_++])) return false;
    if (schema_.api && schema_.messages.size() != 2) return wrong(0, "an api file holds a request and a response");
    return true;
  }

 private:
  bool wrong(int line, std::string what) {
    problem_ = {line, std::move(what)};
    return false;
  }

  bool split(std::string_view text) {
    for (int number = 1; !text.empty(); ++number) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      line = line.substr(0, line.find('#'));
      const std::size_t indent = line.find_first_not_of(' ');
      if (indent == line.npos) continue;
      if (indent % 2 != 0) return wrong(number, "indentation is two spaces a level");
      lines_.push_back({number, static_cast<int>(indent / 2), words_of(line)});
    }
    return true;
  }

  bool block(const Line& line) {
    const auto& w = line.words;
    if (line.depth != 0) return wrong(line.number, "a field outside a block");
    if (w[0] == "api") return api(line);
    if (w[0] == "family" && w.size() == 2) {
      schema_.family = w[1];
      return true;
    }
    Message message;
    message.kind = w[0];
    std::size_t at = 1;
    if (w[0] == "request" || w[0] == "response") {
      if (!schema_.api) return wrong(line.number, "request and response need an api line before");
      message.name = schema_.api->name + (w[0] == "request" ? "Request" : "Response");
      message.versions = schema_.api->versions;
    } else if (w[0] == "record" && w.size() >= 4) {
      message.name = w[1];
      const auto versions = range(w[2], Message::kNever);
      if (!versions) return wrong(line.number, "bad versions");
      message.versions = *versions;
      at = 3;
    } else {
      return wrong(line.number, "unknown block");
    }
    return message_rest(line, at, std::move(message));
  }

  bool message_rest(const Line& line, std::size_t at, Message message) {
    const auto& w = line.words;
    for (; at < w.size(); ++at) {
      if (w[at] == "rigid") {
        message.flexible_from = Message::kNever;
      } else if (w[at] == "flexible" && at + 1 < w.size()) {
        const auto from = range(w[++at], message.versions.last);
        if (!from) return wrong(line.number, "bad flexible versions");
        message.flexible_from = from->first;
      } else if (w[at] == "type" && at + 1 < w.size()) {
        message.type = number(w[++at]);
      } else {
        return wrong(line.number, fmt::format("unknown word '{}'", w[at]));
      }
    }
    message_ = &message;
    inline_structs_.clear();
    Struct root{message.name, message.versions, {}};
    if (!fields(1, root) || !order(root)) return false;
    schema_.messages.push_back(std::move(message));
    return true;
  }

  bool api(const Line& line) {
    const auto& w = line.words;
    Api api;
    const auto key = w.size() > 3 ? number(w[1]) : std::nullopt;
    const auto versions = w.size() > 3 ? range(w[3], 0) : std::nullopt;
    if (!key || !versions) return wrong(line.number, "api KEY NAME VERSIONS ...");
    api.key = *key;
    api.name = w[2];
    api.versions = *versions;
    api.advertised_first = versions->first;
    for (std::size_t at = 4; at < w.size(); ++at) {
      const std::string_view value = at + 1 < w.size() ? w[at + 1] : "";
      if (w[at] == "listeners") {
        api.broker = value.find("broker") != value.npos;
        api.controller = value.find("controller") != value.npos;
        ++at;
      } else if (w[at] == "unstable" && number(value)) {
        api.unstable_from = *number(value);
        ++at;
      } else if (w[at] == "advertised" && number(value)) {
        api.advertised_first = *number(value);
        ++at;
      } else if (w[at] == "cluster_action") {
        api.cluster_action = true;
      } else if (w[at] == "forward") {
        api.forward = true;
      } else {
        return wrong(line.number, fmt::format("unknown word '{}'", w[at]));
      }
    }
    schema_.api = api;
    return true;
  }

  /// All lines of `depth` from here on, into `owner`.
  bool fields(int depth, Struct& owner) {
    while (next_ < lines_.size() && lines_[next_].depth >= depth) {
      const Line& line = lines_[next_];
      if (line.depth > depth) return wrong(line.number, "deeper than its parent allows");
      ++next_;
      if (!(line.words[0] == "struct" ? shared_struct(line) : field(line, owner))) return false;
    }
    return true;
  }

  bool shared_struct(const Line& line) {
    if (line.words.size() < 2) return wrong(line.number, "struct NAME [VERSIONS]");
    Struct shared{std::string{line.words[1]}, message_->versions, {}};
    if (line.words.size() > 2) {
      const auto versions = range(line.words[2], message_->versions.last);
      if (!versions) return wrong(line.number, "bad versions");
      shared.versions = *versions;
    }
    return fields(line.depth + 1, shared) && define(line, std::move(shared));
  }

  bool define(const Line& line, Struct made) {
    for (const Struct& other : inline_structs_)
      if (other.name == made.name) return wrong(line.number, fmt::format("{} is defined twice", made.name));
    inline_structs_.push_back(std::move(made));
    return true;
  }

  bool field(const Line& line, Struct& owner) {
    const auto& w = line.words;
    if (w.size() < 2) return wrong(line.number, "NAME TYPE ...");
    Field field;
    field.line = line.number;
    field.name = w[0];
    field.versions = owner.versions;
    std::string_view type = w[1];
    std::string_view nullable_range;
    bool nullable = false;
    if (type.starts_with("[]")) {
      field.is_list = true;
      type.remove_prefix(2);
    }
    if (const std::size_t mark = type.find('?'); mark != type.npos) {
      nullable = true;
      nullable_range = type.substr(mark + 1);
      type = type.substr(0, mark);
    }
    field.type = type;
    if (!attributes(line, field)) return false;
    if (nullable) {
      field.nullable = nullable_range.empty() ? field.versions : range(nullable_range, field.versions.last);
      if (!field.nullable) return wrong(line.number, "bad versions after '?'");
    }
    if (!resolve(line, field)) return false;
    if (nullable && field.shape == Shape::scalar && !field.is_list) return wrong(line.number, "scalars are never null");
    if (field.tag && field.versions.first < message_->flexible_from)
      return wrong(line.number, "a tag needs flexible versions");
    if (field.def == "null" && !field.nullable) return wrong(line.number, "null default of a field that is never null");
    owner.fields.push_back(std::move(field));
    return true;
  }

  bool attributes(const Line& line, Field& field) {
    const auto& w = line.words;
    for (std::size_t at = 2; at < w.size(); ++at) {
      const std::string_view value = at + 1 < w.size() ? w[at + 1] : "";
      if (w[at] == "tag" && number(value)) {
        field.tag = number(value);
        ++at;
      } else if (w[at] == "=" && !value.empty()) {
        field.def = value;
        ++at;
      } else if (w[at] == "ignorable") {
        field.ignorable = true;
      } else if (w[at] == "rigid") {
        field.rigid = true;
      } else if (const auto versions = range(w[at], field.versions.last)) {
        if (versions->first < field.versions.first || versions->last > field.versions.last || versions->first > versions->last)
          return wrong(line.number, "versions beyond those of the parent");
        field.versions = *versions;
      } else {
        return wrong(line.number, fmt::format("unknown word '{}'", w[at]));
      }
    }
    return true;
  }

  /// Finds what the type is; a struct defined by the deeper lines that follow is read here.
  bool resolve(const Line& line, Field& field) {
    if (const auto scalar = kScalars.find(field.type); scalar != kScalars.end()) {
      field.shape = Shape::scalar;
      field.cpp_type = scalar->second.cpp_type;
      field.wire_size = scalar->second.size;
    } else if (std::ranges::find(kStrings, field.type) != std::end(kStrings)) {
      field.shape = Shape::string;
      field.cpp_type = "std::string_view";
    } else if (field.type == "bytes") {
      field.shape = Shape::bytes;
      field.cpp_type = "Blob";
    } else if (field.type == "records") {
      field.shape = Shape::records;
      field.cpp_type = "Records";
    } else {
      field.shape = Shape::structure;
      field.cpp_type = field.type;
      if (next_ < lines_.size() && lines_[next_].depth > line.depth) {
        Struct inner{field.type, field.versions, {}};
        if (!fields(line.depth + 1, inner) || !define(line, std::move(inner))) return false;
      }
    }
    if (field.is_list && (field.shape == Shape::bytes || field.shape == Shape::records))
      return wrong(line.number, "lists of bytes do not occur");
    return true;
  }

  /// Puts the structs into the message, contained ones first.
  bool order(Struct& root) {
    std::vector<Struct> open = std::move(inline_structs_);
    const auto find = [](std::vector<Struct>& in, const std::string& name) {
      return std::ranges::find(in, name, &Struct::name);
    };
    while (!open.empty()) {
      const auto ready = std::ranges::find_if(open, [&](const Struct& s) {
        return std::ranges::all_of(s.fields, [&](const Field& f) {
          return f.shape != Shape::structure || find(message_->structs, f.type) != message_->structs.end();
        });
      });
      if (ready == open.end()) return wrong(0, fmt::format("{}: structs contain each other or are unknown", root.name));
      message_->structs.push_back(std::move(*ready));
      open.erase(ready);
    }
    message_->structs.push_back(std::move(root));
    for (const Struct& owner : message_->structs)
      for (const Field& f : owner.fields) {
        if (f.shape != Shape::structure) continue;
        const auto inner = find(message_->structs, f.type);
        if (inner == message_->structs.end() || inner->name == owner.name)
          return wrong(f.line, fmt::format("unknown type '{}'", f.type));
        if (f.versions.first < inner->versions.first || f.versions.last > inner->versions.last)
          return wrong(f.line, "used in versions that the struct lacks");
      }
    return true;
  }

  Schema& schema_;
  Problem& problem_;
  std::vector<Line> lines_;
  std::size_t next_ = 0;
  Message* message_ = nullptr;
  std::vector<Struct> inline_structs_;
};

std::string stem_of(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  name = name.substr(0, name.find('.'));
  const std::size_t digits = name.find_first_not_of("0123456789");
  if (digits != 0 && digits != name.npos && name[digits] == '_') name.remove_prefix(digits + 1);
  return std::string{name};
}

}  // namespace

std::optional<Schema> parse(std::string_view path, std::string_view text, Problem& problem) {
  Schema schema;
  schema.path = path;
  schema.stem = stem_of(path);
  if (!Parser{schema, problem}.run(text)) return std::nullopt;
  return schema;
}

std::string snake_case(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool upper = name[i] >= 'A' && name[i] <= 'Z';
    if (upper && i > 0) out += '_';
    out += upper ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return out;
}

}  // namespace net::codegen
