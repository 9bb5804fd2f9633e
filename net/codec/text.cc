#include "net/codec/text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "kernel/bytes.h"

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
  const bool json = form_ == Form::json;
  if (!first_) out_ += json ? "," : ", ";
  first_ = false;
  if (json) fmt::format_to(std::back_inserter(out_), "\"{}\":", name);
  else fmt::format_to(std::back_inserter(out_), "{}=", name);
}

void TextOut::put(bool value) { out_ += value ? "true" : "false"; }
void TextOut::put(std::int64_t value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
void TextOut::put(double value) {
  if (form_ == Form::json && !std::isfinite(value)) return put_json(fmt::format("{}", value));  // JSON has no word for it
  fmt::format_to(std::back_inserter(out_), "{}", value);
}
void TextOut::put(const Uuid& value) { form_ == Form::json ? put_json(value.text()) : void(out_ += value.text()); }
void TextOut::put(ErrorCode value) { form_ == Form::json ? put_json(text_of(value)) : void(out_ += text_of(value)); }

void TextOut::put(const Blob& value) {
  if (form_ == Form::json) put_json(kernel::as_text(value));
  else fmt::format_to(std::back_inserter(out_), "<{} bytes>", value.size());
}

void TextOut::put(const Records& value) {
  const std::string size = value.is_null() ? "null" : fmt::format("<{} bytes>", value.size_bytes());
  if (form_ == Form::json && !value.is_null()) put_json(size);
  else out_ += size;
}

/// Quoted, with whatever is not plain printable ASCII escaped, so that a peer cannot forge log lines.
void TextOut::put(std::string_view value) {
  if (form_ == Form::json) return put_json(value);
  out_ += '"';
  for (const char c : value) {
    if (c == '"') out_ += '\\';
    append_printable(out_, c);
  }
  out_ += '"';
}

/// What append_printable() makes of it is the content of the JSON string.
void TextOut::put_json(std::string_view value) {
  std::string content;
  for (const char c : value) append_printable(content, c);
  out_ += '"';
  for (const char c : content) {
    if (c == '"' || c == '\\') out_ += '\\';
    out_ += c;
  }
  out_ += '"';
}

void append_printable(std::string& out, char c) {
  if (c == '\\') out += "\\\\";
  else if (c >= ' ' && c <= '~') out += c;
  else fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
}

}  // namespace net
