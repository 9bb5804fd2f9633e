#include "kernel/buffer.h"

#include <cstdlib>
#include <new>

namespace kernel {
namespace detail {

Block* allocate_block(std::size_t size) {
  void* memory = std::malloc(sizeof(Block) + size);
  CHECK(memory != nullptr);
  auto* block = new (memory) Block;
  block->size = size;
  return block;
}

Block* resize_block(Block* block, std::size_t size) {
  if (block == nullptr) return allocate_block(size);
  CHECK(block->references.load(std::memory_order_relaxed) == 1);
  block->~Block();
  void* memory = std::realloc(static_cast<void*>(block), sizeof(Block) + size);
  CHECK(memory != nullptr);
  block = new (memory) Block;
  block->size = size;
  return block;
}

void release_block(Block* block) {
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  block->~Block();
  std::free(block);
}

}  // namespace detail

Buffer Buffer::copy_of(ByteView bytes) {
  if (bytes.empty()) return {};
  MutableBuffer filling = MutableBuffer::allocate(bytes.size());
  std::memcpy(filling.bytes().data(), bytes.data(), bytes.size());
  return std::move(filling).share();
}

}  // namespace kernel
