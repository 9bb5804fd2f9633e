// Messages as one line of text, for logs and traces.
//
//   to_text(request) == R"({transactional_id=null, acks=-1, topic_data=[{name="orders", ...}]})"
//
// The text is for people and may change. Bytes and records are given by size only: they may hold secrets.
//
//   to_json(record) == R"({"name":"orders","topic_id":"..."})"
//
// is for programs that look into stored records: bytes are shown, and in them and in strings whatever is not printable
// ASCII is written as the four characters \xNN (and \ as two).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/codec/fields.h"
#include "net/codec/list.h"
#include "net/errors.h"

namespace net {

/// Appends `c`, or \xNN if it is not printable ASCII; a backslash twice.
void append_printable(std::string& out, char c);

class TextOut {
 public:
  enum class Form : std::uint8_t { text, json };
  explicit TextOut(std::string& out, Form form = Form::text) : out_{out}, form_{form} {}

  void open();
  void close();
  template <class T>
  void field(std::string_view name, const T& value) {
    label(name);
    put(value);
  }

 private:
  void label(std::string_view name);
  void put(bool value);
  void put(std::int64_t value);
  void put(double value);
  void put(std::string_view value);
  void put(const Uuid& value);
  void put(const Blob& value);
  void put(const Records& value);
  void put(ErrorCode value);
  void put(std::int8_t value) { put(std::int64_t{value}); }
  void put(std::int16_t value) { put(std::int64_t{value}); }
  void put(std::uint16_t value) { put(std::int64_t{value}); }
  void put(std::int32_t value) { put(std::int64_t{value}); }
  void put(std::uint32_t value) { put(std::int64_t{value}); }
  template <class Tag, class Rep>
  void put(const kernel::Strong<Tag, Rep>& value) {
    put(value.raw());
  }
  template <class T>
  void put(const List<T>& list) {
    out_ += '[';
    bool first = true;
    for (const T& element : list) {
      if (!first) out_ += form_ == Form::json ? "," : ", ";
      first = false;
      put(element);
    }
    out_ += ']';
  }
  template <class T>
  void put(const std::optional<T>& value) {
    if (value) put(*value);
    else out_ += "null";
  }
  template <class T>
    requires requires(const T& t, TextOut& out) { t.text(out); }
  void put(const T& value) {
    value.text(*this);
  }

  void put_json(std::string_view value);

  std::string& out_;
  Form form_;
  bool first_ = true;
};

template <class M>
[[nodiscard]] std::string to_text(const M& message) {
  std::string out;
  TextOut text{out};
  message.text(text);
  return out;
}

template <class M>
[[nodiscard]] std::string to_json(const M& message) {
  std::string out;
  TextOut text{out, TextOut::Form::json};
  message.text(text);
  return out;
}

}  // namespace net
