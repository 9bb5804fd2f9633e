#include "net/codec/text.h"

#include <fmt/format.h>

#include <iterator>

namespace net {

void TextOut::open() {
  out_ += '{';
  first_ = true;
}

void TextOut::close() {
  out_ += '}';
  first_ = false;
}

void TextOut::label(std::string_view name) {
  if (!first_) out_ += ", ";
  first_ = false;
  out_ += name;
  out_ += '=';
}

void TextOut::put(bool value) { out_ += value ? "true" : "false"; }
void TextOut::put(std::int64_t value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
void TextOut::put(double value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
void TextOut::put(const Uuid& value) { out_ += value.text(); }
void TextOut::put(const Blob& value) { fmt::format_to(std::back_inserter(out_), "<{} bytes>", value.size()); }
void TextOut::put(ErrorCode value) { out_ += text_of(value); }

void TextOut::put(const Records& value) {
  if (value.is_null()) out_ += "null";
  else fmt::format_to(std::back_inserter(out_), "<{} bytes>", value.size_bytes());
}

/// Quoted, with whatever is not plain printable ASCII escaped, so that a peer cannot forge log lines.
void TextOut::put(std::string_view value) {
  out_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') out_ += '\\';
    if (c >= ' ' && c <= '~') out_ += c;
    else fmt::format_to(std::back_inserter(out_), "\\x{:02x}", static_cast<unsigned char>(c));
  }
  out_ += '"';
}

}  // namespace net
