#include "kernel/stack_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "kernel/check.h"
#include "kernel/sanitizer.h"

namespace kernel {
namespace {
constexpr std::uint64_t kCanary = 0x6b616c6461737461u;
constexpr std::size_t kPageBytes = 4096;
// More idle stacks than this give their touched pages back to the system. A burst of requests on 64 connections uses two
// to three stacks each; giving pages back and faulting them in again was 10 % of the broker's CPU then.
constexpr std::size_t kIdleResidentMax = 512;
}  // namespace

StackPool::~StackPool() {
  for (const Stack& stack : idle_) {
    sanitizer::destroy_fiber(stack.sanitizer_fiber);
    sanitizer::revive_stack(stack.low, stack.size);
    const std::size_t guard = stack.guarded ? kPageBytes : 0;
    munmap(stack.low - guard, stack.size + guard);
  }
}

Stack StackPool::take() {
  if (!idle_.empty()) {
    const Stack stack = idle_.back();
    idle_.pop_back();
    sanitizer::revive_stack(stack.low, stack.size);
    return stack;
  }
  Stack stack;
  stack.size = kStackBytes;
  stack.guarded = mapped_ < kGuardedStacksMax;
  const std::size_t guard = stack.guarded ? kPageBytes : 0;
  void* base = mmap(nullptr, kStackBytes + guard, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  CHECK(base != MAP_FAILED);
  if (stack.guarded) CHECK(mprotect(base, kPageBytes, PROT_NONE) == 0);
  stack.low = static_cast<std::byte*>(base) + guard;
  if (!stack.guarded) std::memcpy(stack.low, &kCanary, sizeof kCanary);
  stack.sanitizer_fiber = sanitizer::create_fiber();
  ++mapped_;
  return stack;
}

void StackPool::give_back(Stack stack) {
  CHECK(intact(stack));
  if (idle_.size() >= kIdleResidentMax) {
    const std::size_t keep = stack.guarded ? 0 : kPageBytes;  // the canary lives in the lowest page
    madvise(stack.low + keep, stack.size - keep, MADV_DONTNEED);
  }
  sanitizer::retire_stack(stack.low, stack.size);
  idle_.push_back(stack);
}

bool StackPool::intact(const Stack& stack) {
  if (stack.guarded) return true;
  std::uint64_t found;
  std::memcpy(&found, stack.low, sizeof found);
  return found == kCanary;
}

}  // namespace kernel
