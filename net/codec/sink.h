// Where a message goes when it is encoded. Generated code is written once against SinkBase's calls and compiled twice:
// Sizer counts, Writer stores. That is why a predicted size is exact.
//
// Use encode() and friends in message.h; this is what they are made of.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kernel/result.h"
#include "net/codec/fields.h"
#include "net/codec/list.h"

namespace net {

[[nodiscard]] constexpr std::size_t uvarint_size(std::uint32_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1U)) + 6) / 7;
}

/// The layout rules, in terms of Self's put_fixed(), put_uvarint(), put_bytes(), put_external() and require().
template <class Self>
class SinkBase {
 public:
  template <class T>
  void scalar(const T& value) {
    self().put_fixed(value);
  }
  void uvarint(std::uint32_t value) { self().put_uvarint(value); }

  void string(std::string_view value, bool flexible) {
    if (flexible) self().put_uvarint(static_cast<std::uint32_t>(value.size() + 1));
    else self().put_fixed(static_cast<std::int16_t>(value.size()));
    self().require(value.size() <= static_cast<std::size_t>(flexible ? INT32_MAX : INT16_MAX), kernel::Errc::too_large);
    self().put_bytes(kernel::as_bytes(value));
  }
  void string(const std::optional<std::string_view>& value, bool flexible, bool nullable) {
    if (value) return string(*value, flexible);
    self().require(nullable);
    if (flexible) self().put_uvarint(0);
    else self().put_fixed(std::int16_t{-1});
  }
  void bytes(const Blob& value, bool flexible) {
    size(value.size(), flexible);
    self().put_bytes(value);
  }
  void bytes(const std::optional<Blob>& value, bool flexible, bool nullable) {
    if (value) bytes(*value, flexible);
    else null(flexible, nullable);
  }
  void records(const Records& value, bool flexible, bool nullable) {
    if (value.is_null()) return null(flexible, nullable);
    size(value.size_bytes(), flexible);
    if (value.is_external()) self().put_external(value);
    else self().put_bytes(value.bytes());
  }

  template <class T>
  void scalars(const List<T>& value, bool flexible) {
    size(value.size(), flexible);
    for (const T& element : value) self().put_fixed(element);
  }
  template <class T>
  void scalars(const std::optional<List<T>>& value, bool flexible, bool nullable) {
    if (value) scalars(*value, flexible);
    else null(flexible, nullable);
  }
  void strings(const List<std::string_view>& value, bool flexible) {
    size(value.size(), flexible);
    for (const std::string_view element : value) string(element, flexible);
  }
  void strings(const std::optional<List<std::string_view>>& value, bool flexible, bool nullable) {
    if (value) strings(*value, flexible);
    else null(flexible, nullable);
  }
  template <class T>
  void structs(const List<T>& value, bool flexible, std::int16_t version) {
    size(value.size(), flexible);
    for (const T& element : value) element.put(self(), version);
  }
  template <class T>
  void structs(const std::optional<List<T>>& value, bool flexible, bool nullable, std::int16_t version) {
    if (value) structs(*value, flexible, version);
    else null(flexible, nullable);
  }
  template <class T>
  void optional_struct(const std::optional<T>& value, bool nullable, std::int16_t version) {
    if (!value) self().require(nullable);
    self().put_fixed(static_cast<std::int8_t>(value ? 1 : -1));
    if (value) value->put(self(), version);
  }
  template <class T>
  void tagged_optional_struct(const std::optional<T>& value, bool nullable, std::int16_t version) {
    if (!value) self().require(nullable);
    self().put_uvarint(value ? 1 : 0);
    if (value) value->put(self(), version);
  }

  /// The tag section with `known` tags of ours and those in `unknown`, ascending: call tagged() for each of ours in
  /// order, then tags_end().
  void tags_begin(std::uint32_t known, const List<RawTag>& unknown) {
    self().put_uvarint(known + static_cast<std::uint32_t>(unknown.size()));
  }
  template <class Value>
  void tagged(std::uint32_t tag, const List<RawTag>& unknown, std::size_t& unknown_done, Value value);
  void tags_end(const List<RawTag>& unknown, std::size_t unknown_done = 0) {
    for (; unknown_done < unknown.size(); ++unknown_done) raw_tag(unknown, unknown_done);
  }

 private:
  Self& self() { return static_cast<Self&>(*this); }
  void size(std::size_t count, bool flexible) {
    self().require(count < INT32_MAX, kernel::Errc::too_large);
    if (flexible) self().put_uvarint(static_cast<std::uint32_t>(count + 1));
    else self().put_fixed(static_cast<std::int32_t>(count));
  }
  void null(bool flexible, bool nullable) {
    self().require(nullable);
    if (flexible) self().put_uvarint(0);
    else self().put_fixed(std::int32_t{-1});
  }
  void raw_tag(const List<RawTag>& unknown, std::size_t index) {
    self().require(index == 0 || unknown[index - 1].tag < unknown[index].tag);
    self().put_uvarint(unknown[index].tag);
    self().put_uvarint(static_cast<std::uint32_t>(unknown[index].value.size()));
    self().put_bytes(unknown[index].value);
  }
};

/// Counts, and judges whether the message can be said in the version at all.
class Sizer : public SinkBase<Sizer> {
 public:
  /// Bytes on the wire.
  [[nodiscard]] std::size_t wire_bytes() const { return wire_bytes_; }
  /// Bytes that the Writer will store: all but external records.
  [[nodiscard]] std::size_t stored_bytes() const { return wire_bytes_ - external_bytes_; }
  /// Success, or why the message cannot be encoded: invalid_argument (a field that the version lacks is set, or null
  /// where null is illegal; the place is the schema line) or too_large.
  [[nodiscard]] kernel::Result<> status() const {
    if (failed_) return std::unexpected(error_);
    return {};
  }

  template <class T>
  void put_fixed(const T&) {
    wire_bytes_ += Scalar<T>::kSize;
  }
  void put_uvarint(std::uint32_t value) { wire_bytes_ += uvarint_size(value); }
  void put_bytes(kernel::ByteView bytes) { wire_bytes_ += bytes.size(); }
  void put_external(const Records& records) {
    wire_bytes_ += records.size_bytes();
    external_bytes_ += records.size_bytes();
  }
  void put_measured(const Sizer& value) {
    if (value.failed_ && !failed_) *this = value;
  }
  void require(bool holds, kernel::Errc code = kernel::Errc::invalid_argument,
               kernel::Where where = kernel::Where::here()) {
    if (!holds && !failed_) [[unlikely]] {
      failed_ = true;
      error_ = kernel::fail(code, static_cast<std::int64_t>(wire_bytes_), where).error();
    }
  }

 private:
  std::size_t wire_bytes_ = 0;
  std::size_t external_bytes_ = 0;
  bool failed_ = false;
  kernel::Error error_;
};

/// A place where external records belong: after `offset` stored bytes come `size_bytes` of what `token` names.
struct Gap {
  std::size_t offset = 0;
  std::size_t size_bytes = 0;
  std::uint32_t token = 0;
  friend bool operator==(const Gap&, const Gap&) = default;
};

/// Stores into a buffer of exactly the size that Sizer gave; a message that changed in between is caught.
class Writer : public SinkBase<Writer> {
 public:
  /// `gaps` may be null when the message has no external records.
  explicit Writer(kernel::MutableByteView buffer, std::vector<Gap>* gaps = nullptr)
      : begin_{buffer.data()}, next_{begin_}, end_{begin_ + buffer.size()}, gaps_{gaps} {}

  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(next_ - begin_); }
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }

  template <class T>
  void put_fixed(const T& value) {
    Scalar<T>::store(take(Scalar<T>::kSize), value);
  }
  void put_uvarint(std::uint32_t value) {
    std::byte* to = take(uvarint_size(value));
    for (; value >= 0x80; value >>= 7U) *to++ = static_cast<std::byte>(value | 0x80U);
    *to = static_cast<std::byte>(value);
  }
  void put_bytes(kernel::ByteView bytes) {
    if (!bytes.empty()) std::memcpy(take(bytes.size()), bytes.data(), bytes.size());
  }
  void put_external(const Records& records) {
    CHECK(gaps_ != nullptr);
    gaps_->push_back({position(), records.size_bytes(), records.token()});
  }
  void put_measured(const Sizer&) {}
  void require(bool, kernel::Errc = {}, kernel::Where = {}) {}  // the Sizer has judged

 private:
  std::byte* take(std::size_t size) {
    CHECK(size <= remaining());
    std::byte* at = next_;
    next_ += size;
    return at;
  }
  std::byte* begin_;
  std::byte* next_;
  std::byte* end_;
  std::vector<Gap>* gaps_;
};

template <class Self>
template <class Value>
void SinkBase<Self>::tagged(std::uint32_t tag, const List<RawTag>& unknown, std::size_t& unknown_done, Value value) {
  for (; unknown_done < unknown.size() && unknown[unknown_done].tag < tag; ++unknown_done)
    raw_tag(unknown, unknown_done);
  // A tag of ours among the unknown ones would be there twice.
  self().require(unknown_done == unknown.size() || unknown[unknown_done].tag != tag);
  Sizer measured;
  value(measured);
  self().put_measured(measured);
  self().put_uvarint(tag);
  self().put_uvarint(static_cast<std::uint32_t>(measured.wire_bytes()));
  value(self());
}

}  // namespace net
