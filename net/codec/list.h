// A run of elements that somebody else owns: an Arena, or a container that outlives the message.
//
// The one array type of generated messages, for decoding and for building alike. Copying a List copies the view.
//
//   for (const auto& topic : request.topic_data) ...
//   response.topics = arena.list<Topic>(n);  response.topics[i].name = "orders";
//   arena.push_back(response.topics, Topic{...});
//   response.topics = List<Topic>::borrow(vector);   // the vector must outlive the response and not grow
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace net {

template <class T>
class List {
 public:
  using value_type = T;

  constexpr List() = default;
  constexpr List(T* data, std::size_t size)
      : data_{data}, size_{static_cast<std::uint32_t>(size)}, capacity_{static_cast<std::uint32_t>(size)} {}
  static constexpr List borrow(std::span<T> elements) { return {elements.data(), elements.size()}; }

  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr T* data() { return data_; }
  [[nodiscard]] constexpr const T* data() const { return data_; }
  [[nodiscard]] constexpr T* begin() { return data_; }
  [[nodiscard]] constexpr T* end() { return data_ + size_; }
  [[nodiscard]] constexpr const T* begin() const { return data_; }
  [[nodiscard]] constexpr const T* end() const { return data_ + size_; }
  /// `index` < size().
  [[nodiscard]] constexpr T& operator[](std::size_t index) { return data_[index]; }
  [[nodiscard]] constexpr const T& operator[](std::size_t index) const { return data_[index]; }
  [[nodiscard]] constexpr T& back() { return data_[size_ - 1]; }

  friend constexpr bool operator==(const List& a, const List& b) {
    return a.size_ == b.size_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  friend class Arena;
  T* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace net
