// Takes message fields off a frame. Strings, bytes and records stay views into the frame; lists go to the arena.
//
//   Reader reader{frame_bytes, arena};
//   const RequestHeader header = TRY(decode_request_header(reader));
//   const auto request = TRY(decode<ProduceRequest>(reader, header.request_api_version));
//
// Errors stick: after the first one every read leaves its target alone and nothing more is consumed, so a decoder
// reads straight on and asks once, at the end (decode() in message.h does). No length from the wire is believed
// before it was compared with the bytes that are left; lists are bounded by the arena as well.
// `flexible` says which of the two encodings of lengths is in force (compact: uvarint of n+1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernel/result.h"
#include "net/codec/arena.h"
#include "net/codec/fields.h"

namespace net {

class Reader {
 public:
  /// Both outlive the reader and everything decoded.
  Reader(kernel::ByteView bytes, Arena& arena)
      : begin_{bytes.data()}, next_{begin_}, end_{begin_ + bytes.size()}, arena_{&arena} {}

  [[nodiscard]] bool failed() const { return failed_; }
  /// Success, or the first error with the position where it was found: corrupt, or too_large (arena bound).
  [[nodiscard]] kernel::Result<> status() const;
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - next_); }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(next_ - begin_); }
  /// Makes the reader fail as if the bytes were malformed here.
  void fail(kernel::Errc code = kernel::Errc::corrupt);

  template <class T>
  void scalar(T& out) {
    if (const std::byte* from = take(Scalar<T>::kSize)) out = Scalar<T>::load(from);
  }
  /// Base-128, at most 32 bits. 0 after an error.
  [[nodiscard]] std::uint32_t uvarint();
  /// Zigzag, as inside records. 0 after an error.
  [[nodiscard]] std::int32_t varint();
  [[nodiscard]] std::int64_t varlong();

  void string(std::string_view& out, bool flexible);
  void string(std::optional<std::string_view>& out, bool flexible, bool nullable);
  void bytes(Blob& out, bool flexible);
  void bytes(std::optional<Blob>& out, bool flexible, bool nullable);
  void records(Records& out, bool flexible, bool nullable);

  template <class T>
  void scalars(List<T>& out, bool flexible) {
    fill_scalars(out, list_size(flexible, false));
  }
  template <class T>
  void scalars(std::optional<List<T>>& out, bool flexible, bool nullable) {
    const std::int64_t size = list_size(flexible, nullable);
    if (size < 0) out.reset();
    else fill_scalars(out.emplace(), size);
  }
  void strings(List<std::string_view>& out, bool flexible) { fill_strings(out, flexible, list_size(flexible, false)); }
  void strings(std::optional<List<std::string_view>>& out, bool flexible, bool nullable);

  /// `element_bytes_min`: the smallest encoding of one element in any version.
  template <class T>
  void structs(List<T>& out, bool flexible, std::size_t element_bytes_min, std::int16_t version) {
    fill_structs(out, list_size(flexible, false), element_bytes_min, version);
  }
  template <class T>
  void structs(std::optional<List<T>>& out, bool flexible, bool nullable, std::size_t element_bytes_min,
               std::int16_t version) {
    const std::int64_t size = list_size(flexible, nullable);
    if (size < 0) out.reset();
    else fill_structs(out.emplace(), size, element_bytes_min, version);
  }
  /// A struct after its presence byte.
  template <class T>
  void optional_struct(std::optional<T>& out, bool nullable, std::int16_t version) {
    std::int8_t presence = -1;
    scalar(presence);
    read_present(out, presence >= 0, nullable, version);
  }
  /// A nullable struct as the value of a tag: 0, or 1 and the struct.
  template <class T>
  void tagged_optional_struct(std::optional<T>& out, bool nullable, std::int16_t version) {
    read_present(out, uvarint() != 0, nullable, version);
  }

  /// The tag section. `known(tag)` reads the value of a tag that exists in this version and answers true; the others
  /// are kept in `unknown` as they are.
  template <class Known>
  void tags(List<RawTag>& unknown, Known known) {
    for (std::uint32_t left = uvarint(); left > 0 && !failed_; --left) {
      const std::uint32_t tag = uvarint();
      const std::uint32_t size = uvarint();
      if (failed_ || size > remaining()) return fail();
      const std::byte* const outer_end = end_;
      end_ = next_ + size;
      if (!known(tag)) keep_tag(unknown, tag);
      if (failed_) return;
      if (next_ != end_) return fail();  // the value is shorter than its size says
      end_ = outer_end;
    }
  }
  void tags(List<RawTag>& unknown) {
    tags(unknown, [](std::uint32_t) { return false; });
  }

 private:
  const std::byte* take(std::size_t size) {
    if (size > remaining()) [[unlikely]] {
      fail();
      return nullptr;
    }
    const std::byte* at = next_;
    next_ += size;
    return at;
  }
  std::uint64_t base128(unsigned bits);
  /// Length of a string or bytes; -1 is null.
  std::int64_t string_size(bool flexible);
  std::int64_t bytes_size(bool flexible);
  std::int64_t checked_size(std::int64_t size, bool nullable);
  /// Element count, not yet compared with what is left; -1 is null (only if `nullable`).
  std::int64_t list_size(bool flexible, bool nullable);
  void keep_tag(List<RawTag>& unknown, std::uint32_t tag);
  void fill_strings(List<std::string_view>& out, bool flexible, std::int64_t size);

  /// Room for `size` elements if the bytes that are left can hold them; an empty list and failure otherwise.
  template <class T>
  List<T> make_list(std::int64_t size, std::size_t element_bytes_min) {
    if (size <= 0) return {};
    if (static_cast<std::uint64_t>(size) > remaining() / element_bytes_min) {
      fail();
      return {};
    }
    T* elements = arena_->try_elements<T>(static_cast<std::size_t>(size));
    if (elements == nullptr) {
      fail(kernel::Errc::too_large);
      return {};
    }
    return {elements, static_cast<std::size_t>(size)};
  }
  template <class T>
  void fill_scalars(List<T>& out, std::int64_t size) {
    out = make_list<T>(size, Scalar<T>::kSize);
    const std::byte* from = take(out.size() * Scalar<T>::kSize);
    for (T& element : out) {
      element = Scalar<T>::load(from);
      from += Scalar<T>::kSize;
    }
  }
  template <class T>
  void fill_structs(List<T>& out, std::int64_t size, std::size_t element_bytes_min, std::int16_t version) {
    out = make_list<T>(size, element_bytes_min);
    for (T& element : out) {
      element.read(*this, version);
      if (failed_) return;
    }
  }
  template <class T>
  void read_present(std::optional<T>& out, bool present, bool nullable, std::int16_t version) {
    if (present) {
      out.emplace().read(*this, version);
    } else {
      if (!nullable) fail();
      out.reset();
    }
  }

  const std::byte* begin_;
  const std::byte* next_;
  const std::byte* end_;  ///< of the innermost tag value, or of the frame; equals next_ after an error
  Arena* arena_;
  bool failed_ = false;
  kernel::Errc code_ = kernel::Errc::corrupt;
};

}  // namespace net
