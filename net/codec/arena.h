// Memory of one request or response: allocations are a pointer bump, and all of them end together.
//
//   Arena arena;                                   // one a connection, reset between requests
//   auto request = TRY(decode<ProduceRequest>(reader, version));   // the reader was given the arena
//   ProduceResponse response;
//   response.responses = arena.list<ProduceResponse::TopicProduceResponse>(request.topic_data.size());
//   response.responses[0].error_message = arena.copy(fmt::format("{} is too large", n));
//   arena.reset();                                 // request and response are gone
//
// Objects in it are never destroyed, so only trivially destructible types go in; every generated message is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include "net/codec/list.h"

namespace net {

/// What decoding one frame may take in all. A frame of N bytes can ask for some 30 N bytes of structs (a topic of
/// one letter is 3 bytes on the wire), so this, not the frame size, is what bounds a hostile frame.
inline constexpr std::size_t kDecodedBytesMax = 64U << 20U;

class Arena {
 public:
  explicit Arena(std::size_t decoded_bytes_max = kDecodedBytesMax) : decoded_bytes_max_{decoded_bytes_max} {}
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  /// `count` value-initialised elements to be filled in.
  template <class T>
  [[nodiscard]] List<T> list(std::size_t count) {
    T* elements = raw<T>(allocate(count * sizeof(T)));
    std::uninitialized_value_construct_n(elements, count);
    return List<T>{elements, count};
  }
  /// As list(), for sizes that a peer chose: a null pointer when the arena would pass its bound.
  template <class T>
  [[nodiscard]] T* try_elements(std::size_t count) {
    if (count > SIZE_MAX / sizeof(T) || !has_room(count * sizeof(T))) return nullptr;
    return list<T>(count).data();
  }
  /// Adds one element, moving the list when it is full.
  template <class T>
  T& push_back(List<T>& list, const T& value) {
    if (list.size() == list.capacity_) grow(list);
    return *new (list.data_ + list.size_++) T(value);
  }
  [[nodiscard]] std::string_view copy(std::string_view text);
  template <class T>
  [[nodiscard]] List<T> copy(const std::vector<T>& values) {
    List<T> out = list<T>(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) out[i] = values[i];
    return out;
  }

  /// Uninitialised memory aligned for any of our types. `bytes` may be 0.
  [[nodiscard]] std::byte* allocate(std::size_t bytes) {
    bytes = (bytes + kAlign - 1) & ~(kAlign - 1);
    if (bytes > static_cast<std::size_t>(end_ - next_)) return allocate_chunk(bytes);
    std::byte* out = next_;
    next_ += bytes;
    return out;
  }
  /// Forgets everything. One small chunk is kept for the next request.
  void reset();
  [[nodiscard]] std::size_t used_bytes() const { return full_bytes_ + static_cast<std::size_t>(next_ - begin_); }
  /// Whether a decoder may take `bytes` more.
  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return used_bytes() <= decoded_bytes_max_ && bytes <= decoded_bytes_max_ - used_bytes();
  }

 private:
  static constexpr std::size_t kAlign = 8;

  template <class T>
  static T* raw(std::byte* memory) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= kAlign);
    return reinterpret_cast<T*>(memory);
  }
  template <class T>
  void grow(List<T>& list) {
    const std::size_t capacity = list.size() < 4 ? 8 : list.size() * 2;
    T* elements = raw<T>(allocate(capacity * sizeof(T)));
    std::uninitialized_copy_n(list.data_, list.size(), elements);
    list.data_ = elements;
    list.capacity_ = static_cast<std::uint32_t>(capacity);
  }
  std::byte* allocate_chunk(std::size_t bytes);

  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size;
  };
  std::vector<Chunk> chunks_;
  std::byte* begin_ = nullptr;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t full_bytes_ = 0;  ///< used in chunks before the current one
  std::size_t decoded_bytes_max_;
};

}  // namespace net
