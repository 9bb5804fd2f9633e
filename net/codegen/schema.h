// Schema files in memory. net/schema/README.md describes the notation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace net::codegen {

/// Versions in which something exists; both ends belong to it.
struct Versions {
  int first = 0;
  int last = 0;
  [[nodiscard]] bool contains(int version) const { return version >= first && version <= last; }
  friend bool operator==(const Versions&, const Versions&) = default;
};

enum class Shape : std::uint8_t { scalar, string, bytes, records, structure };

struct Field {
  int line = 0;
  std::string name;
  std::string type;      ///< as written, without [] and ?
  std::string cpp_type;  ///< of one element
  Shape shape = Shape::scalar;
  int wire_size = 0;  ///< of a scalar
  bool is_list = false;
  Versions versions;
  std::optional<Versions> nullable;
  std::optional<int> tag;
  bool ignorable = false;
  bool rigid = false;              ///< never in the compact encoding
  std::optional<std::string> def;  ///< "null" or a literal
};

struct Struct {
  std::string name;
  Versions versions;
  std::vector<Field> fields;
};

struct Message {
  std::string name;
  std::string kind;  ///< request, response, record
  Versions versions;
  int flexible_from = 0;  ///< kNever if rigid
  std::optional<int> type;
  std::vector<Struct> structs;  ///< each after those it contains; the last one is the message itself
  static constexpr int kNever = 32767;
  [[nodiscard]] bool ever_flexible() const { return flexible_from <= versions.last; }
};

struct Api {
  int key = 0;
  std::string name;
  Versions versions;
  int advertised_first = 0;
  int unstable_from = Message::kNever;
  bool broker = false;
  bool controller = false;
  bool cluster_action = false;
  bool forward = false;
};

struct Schema {
  std::string path;  ///< "net/schema/00_produce.schema"
  std::string stem;  ///< "produce"
  std::optional<Api> api;
  std::string family;  ///< name of the variant over all records, or empty
  std::vector<Message> messages;
};

struct Problem {
  int line = 0;
  std::string what;
};

/// Parses one file; on a mistake fills `problem` and answers nothing.
[[nodiscard]] std::optional<Schema> parse(std::string_view path, std::string_view text, Problem& problem);

/// "AddPartitionsToTxn" -> "add_partitions_to_txn".
[[nodiscard]] std::string snake_case(std::string_view name);

}  // namespace net::codegen
