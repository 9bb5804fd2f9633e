// Bytes in flight. A Buffer is a slice of an immutable block that is shared by reference count; the count is atomic,
// so a buffer may cross shards. A block is filled once, by whoever made it, before it is shared.
//
//   MutableBuffer filling = MutableBuffer::allocate(4096);
//   const std::size_t n = TRY(socket.read(f, filling.bytes()));
//   const Buffer frame = std::move(filling).share(0, n);
//   const Buffer payload = frame.slice(14, frame.size() - 14);   // same block
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "kernel/bytes.h"
#include "kernel/check.h"

namespace kernel {

namespace detail {
struct Block {
  std::atomic<std::uint32_t> references{1};
  std::size_t size = 0;
  [[nodiscard]] std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
};
Block* allocate_block(std::size_t size);
Block* resize_block(Block* block, std::size_t size);
void release_block(Block* block);
}  // namespace detail

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer& other) : block_{other.block_}, view_{other.view_} {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept
      : block_{std::exchange(other.block_, nullptr)}, view_{std::exchange(other.view_, {})} {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~Buffer() {
    if (block_ != nullptr) detail::release_block(block_);
  }

  /// A copy of `bytes` in a block of its own.
  [[nodiscard]] static Buffer copy_of(ByteView bytes);
  [[nodiscard]] static Buffer copy_of(std::string_view text) { return copy_of(as_bytes(text)); }
  /// Bytes that outlive every use (constants); nothing is counted.
  [[nodiscard]] static Buffer of_static(ByteView bytes) {
    Buffer buffer;
    buffer.view_ = bytes;
    return buffer;
  }

  [[nodiscard]] ByteView view() const { return view_; }
  [[nodiscard]] const std::byte* data() const { return view_.data(); }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] bool empty() const { return view_.empty(); }
  /// The same block, fewer bytes.
  [[nodiscard]] Buffer slice(std::size_t from, std::size_t length) const {
    CHECK(from <= size());
    CHECK(length <= size() - from);
    Buffer part = *this;
    part.view_ = view_.subspan(from, length);
    return part;
  }
  [[nodiscard]] Buffer slice(std::size_t from) const { return slice(from, size() - from); }
  /// The bytes to write in place before anyone else reads them. Only the fiber that received a frame may do so, for
  /// the fields Kafka's broker stamps (base offset, leader epoch, append time), and only while it alone holds them.
  [[nodiscard]] MutableByteView stamp() { return {const_cast<std::byte*>(view_.data()), view_.size()}; }

 private:
  friend class MutableBuffer;
  detail::Block* block_ = nullptr;
  ByteView view_;
};

/// A block that is still being filled; not shared yet.
class MutableBuffer {
 public:
  MutableBuffer() = default;
  MutableBuffer(MutableBuffer&& other) noexcept : block_{std::exchange(other.block_, nullptr)} {}
  MutableBuffer& operator=(MutableBuffer&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~MutableBuffer() {
    if (block_ != nullptr) detail::release_block(block_);
  }
  [[nodiscard]] static MutableBuffer allocate(std::size_t size) {
    MutableBuffer buffer;
    buffer.block_ = detail::allocate_block(size);
    return buffer;
  }
  [[nodiscard]] std::size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  /// Another size, with the bytes that were there as far as they fit; views of it are void. A large block is not
  /// copied: the system maps it elsewhere, and the new part is memory only where it is written.
  void resize(std::size_t size) { block_ = detail::resize_block(block_, size); }
  [[nodiscard]] MutableByteView bytes() { return {block_ == nullptr ? nullptr : block_->data(), size()}; }
  /// Ends the filling: bytes [from, from+length) become an immutable buffer.
  [[nodiscard]] Buffer share(std::size_t from, std::size_t length) && {
    CHECK(from + length <= size());
    Buffer buffer;
    buffer.view_ = {block_ == nullptr ? nullptr : block_->data() + from, length};
    buffer.block_ = std::exchange(block_, nullptr);
    return buffer;
  }
  [[nodiscard]] Buffer share() && {
    const std::size_t all = size();
    return std::move(*this).share(0, all);
  }

 private:
  detail::Block* block_ = nullptr;
};

/// Total bytes of a gather list.
inline std::size_t total_size(std::span<const Buffer> chain) {
  std::size_t total = 0;
  for (const Buffer& part : chain) total += part.size();
  return total;
}

}  // namespace kernel
