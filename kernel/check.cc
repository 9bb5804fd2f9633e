#include "kernel/check.h"

#include <cstdio>
#include <cstdlib>

namespace kernel {
namespace {
DeathReporter death_reporter = nullptr;
}

void set_death_reporter(DeathReporter reporter) { death_reporter = reporter; }

void die(const char* broken_condition, Where where) {
  std::fprintf(stderr, "CHECK failed: %s at %s:%u\n", broken_condition, where.file, where.line);
  if (death_reporter != nullptr) death_reporter();
  std::fflush(nullptr);
  std::abort();
}

}  // namespace kernel
