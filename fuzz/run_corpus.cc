// Runs a fuzz entry point over its corpus without libFuzzer, so that every compiler and sanitizer tries it.
//
//   fuzz_request_fuzz fuzz/corpus/request_fuzz [more files or folders]
//
// Besides each file it tries every prefix of files up to kPrefixBytesMax: truncation is where decoders break.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kPrefixBytesMax = 2048;

/// Gives the entry point a copy of exactly `size` bytes, so that an over-read is one the sanitizer sees.
void try_one(const std::vector<char>& input, std::size_t size) {
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  std::copy_n(input.begin(), size, exact.get());
  LLVMFuzzerTestOneInput(exact.get(), size);
}

void try_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::vector<char> input{std::istreambuf_iterator<char>{file}, {}};
  if (input.size() <= kPrefixBytesMax)
    for (std::size_t size = 0; size < input.size(); ++size) try_one(input, size);
  try_one(input, input.size());
}

}  // namespace

int main(int count, char** arguments) {
  try_one({}, 0);
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < count; ++i) {
    const std::filesystem::path path{arguments[i]};
    if (std::filesystem::is_regular_file(path)) files.push_back(path);
    if (!std::filesystem::is_directory(path)) continue;
    for (const auto& entry : std::filesystem::directory_iterator{path})
      if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (const auto& file : files) try_file(file);
  std::printf("%zu inputs\n", files.size());
  return 0;
}
