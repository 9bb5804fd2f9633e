#include "net/codec/arena.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace net {

namespace {

constexpr std::size_t kChunkBytesMin = 4096;
constexpr std::size_t kChunkBytesMax = 256 * 1024;  // larger ones are made for one allocation only
constexpr std::size_t kKeptBytesMax = 64 * 1024;

}  // namespace

std::byte* Arena::allocate_chunk(std::size_t bytes) {
  const std::size_t doubled = chunks_.empty() ? kChunkBytesMin : std::min(chunks_.back().size * 2, kChunkBytesMax);
  const std::size_t size = std::max(bytes, doubled);
  full_bytes_ += static_cast<std::size_t>(next_ - begin_);
  chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
  begin_ = chunks_.back().memory.get();
  next_ = begin_ + bytes;
  end_ = begin_ + size;
  return begin_;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  std::byte* out = allocate(text.size());
  std::memcpy(out, text.data(), text.size());
  return {reinterpret_cast<const char*>(out), text.size()};
}

void Arena::reset() {
  const auto kept = std::ranges::find_if(chunks_, [](const Chunk& chunk) { return chunk.size <= kKeptBytesMax; });
  if (kept == chunks_.end()) {
    chunks_.clear();
    begin_ = end_ = nullptr;
  } else {
    if (kept != chunks_.begin()) std::swap(*kept, chunks_.front());
    chunks_.erase(chunks_.begin() + 1, chunks_.end());
    begin_ = chunks_.front().memory.get();
    end_ = begin_ + chunks_.front().size;
  }
  next_ = begin_;
  full_bytes_ = 0;
}

}  // namespace net
