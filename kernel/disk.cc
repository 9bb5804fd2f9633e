#include "kernel/disk.h"

#include <array>

#include "kernel/fiber.h"

namespace kernel {

Result<Buffer> read_exactly(Fiber& f, File& file, std::uint64_t position, std::size_t length) {
  Buffer first = TRY(file.read(f, position, length));
  if (first.size() == length) return first;
  MutableBuffer whole = MutableBuffer::allocate(length);
  std::size_t have = 0;
  for (Buffer part = std::move(first);;) {
    if (part.empty()) return fail(Errc::corrupt, static_cast<std::int64_t>(position + have));
    std::memcpy(whole.bytes().data() + have, part.data(), part.size());
    have += part.size();
    if (have == length) return std::move(whole).share();
    part = TRY(file.read(f, position + have, length - have));
  }
}

Result<Buffer> read_all(Fiber& f, File& file) {
  const std::uint64_t size = TRY(file.size(f));
  if (size == 0) return Buffer{};
  return read_exactly(f, file, 0, size);
}

Result<> write_all(Fiber& f, File& file, std::uint64_t position, std::span<const Buffer> chain) {
  std::size_t left = total_size(chain);
  if (left == 0) return {};
  const std::size_t taken = TRY(file.write(f, position, chain));
  CHECK(taken > 0 && taken <= left);
  if (taken == left) return {};
  std::vector<Buffer> rest(chain.begin(), chain.end());
  std::size_t skip = taken;
  std::size_t at = 0;
  for (position += taken, left -= taken; left > 0;) {
    while (skip >= rest[at].size()) skip -= rest[at++].size();
    rest[at] = rest[at].slice(skip);
    skip = TRY(file.write(f, position, std::span{rest}.subspan(at)));
    CHECK(skip > 0 && skip <= left);
    position += skip;
    left -= skip;
  }
  return {};
}

Result<bool> exists(Fiber& f, Disk& disk, std::string_view path) {
  const auto file = disk.open(f, path, OpenMode::read_only());
  if (file) return true;
  if (file.error().is(Errc::no_such_file)) return false;
  const auto directory = disk.list(f, path);
  if (directory) return true;
  return std::unexpected(file.error());
}

std::string_view parent_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

Result<> make_directories(Fiber& f, Disk& disk, std::string_view path) {
  const Result<> made = disk.make_directory(f, path);
  if (made) return disk.sync_directory(f, parent_path(path));
  if (made.error().is(Errc::already_exists)) return {};
  const std::string_view parent = parent_path(path);
  if (!made.error().is(Errc::no_such_file) || parent == path || parent == ".") return made;
  TRY(make_directories(f, disk, parent));
  TRY(disk.make_directory(f, path));
  return disk.sync_directory(f, parent);
}

Result<> replace_file(Fiber& f, Disk& disk, std::string_view path, ByteView content) {
  // Given up in its midst, a step would still be done later: to the temporary file of whoever comes next.
  const auto whole = f.shield();
  const std::string temporary = std::string{path} + ".tmp";
  const FileHandle file = TRY(disk.open(f, temporary, OpenMode::create_empty()));
  const std::array<Buffer, 1> chain{Buffer::copy_of(content)};
  TRY(write_all(f, *file, 0, chain));
  TRY(file->datasync(f));
  TRY(disk.rename(f, temporary, path));
  return disk.sync_directory(f, parent_path(path));
}

}  // namespace kernel
