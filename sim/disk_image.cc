#include "sim/disk_image.h"

#include <algorithm>

#include "kernel/crc32c.h"

namespace sim {

using kernel::Errc;
using kernel::fail;
using kernel::Result;

DiskImage::DiskImage(Personality personality) : personality_{personality}, root_{std::make_shared<Inode>()} {
  root_->is_directory = true;
  root_->id = next_id_++;
}

namespace {
/// Splits off the first component; `path` keeps the rest without leading slashes.
std::string_view take_component(std::string_view& path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view head = path.substr(0, end);
  path.remove_prefix(end);
  while (path.starts_with('/')) path.remove_prefix(1);
  return head;
}
}  // namespace

Result<InodeRef> DiskImage::find(std::string_view path) const {
  InodeRef at = root_;
  while (true) {
    const std::string_view name = take_component(path);
    if (name.empty()) return at;
    if (name == ".") continue;
    if (!at->is_directory) return fail(Errc::no_such_file);
    const auto entry = at->entries.find(name);
    if (entry == at->entries.end()) return fail(Errc::no_such_file);
    at = entry->second;
  }
}

Result<DiskImage::Place> DiskImage::place_of(std::string_view path) const {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::string_view parent = slash == std::string_view::npos ? "" : path.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name.empty() || name.size() > 255) return fail(Errc::invalid_argument);
  InodeRef directory = TRY(find(parent));
  if (!directory->is_directory) return fail(Errc::no_such_file);
  return Place{std::move(directory), std::string{name}};
}

Result<InodeRef> DiskImage::create(std::string_view path, bool directory) {
  Place place = TRY(place_of(path));
  if (place.directory->entries.contains(place.name)) return fail(Errc::already_exists);
  auto inode = std::make_shared<Inode>();
  inode->id = next_id_++;
  inode->is_directory = directory;
  place.directory->entries[place.name] = inode;
  journal_.push_back({Change::Kind::link, nullptr, place.directory, "", place.name, inode});
  return inode;
}

Result<> DiskImage::unlink(std::string_view path, bool directory) {
  Place place = TRY(place_of(path));
  const auto entry = place.directory->entries.find(place.name);
  if (entry == place.directory->entries.end()) return fail(Errc::no_such_file);
  const InodeRef inode = entry->second;
  if (inode->is_directory != directory) return fail(Errc::invalid_argument);
  if (directory && !inode->entries.empty()) return fail(Errc::not_empty);
  place.directory->entries.erase(entry);
  journal_.push_back({Change::Kind::unlink, place.directory, nullptr, place.name, "", inode});
  return {};
}

Result<> DiskImage::rename(std::string_view from, std::string_view to) {
  Place source = TRY(place_of(from));
  Place target = TRY(place_of(to));
  const auto entry = source.directory->entries.find(source.name);
  if (entry == source.directory->entries.end()) return fail(Errc::no_such_file);
  const InodeRef inode = entry->second;
  const auto there = target.directory->entries.find(target.name);
  if (there != target.directory->entries.end() && there->second->is_directory && !there->second->entries.empty()) {
    return fail(Errc::not_empty);
  }
  source.directory->entries.erase(source.name);
  target.directory->entries[target.name] = inode;
  journal_.push_back({Change::Kind::rename, source.directory, target.directory, source.name, target.name, inode});
  return {};
}

void DiskImage::apply(const Change& change) {
  if (change.from_directory != nullptr) {
    auto& entries = change.from_directory->durable_entries;
    const auto entry = entries.find(change.from_name);
    if (entry != entries.end() && entry->second == change.inode) entries.erase(entry);
  }
  if (change.to_directory != nullptr) change.to_directory->durable_entries[change.to_name] = change.inode;
}

kernel::Buffer DiskImage::read(const Inode& inode, std::uint64_t position, std::size_t length) const {
  if (position >= inode.size) return {};
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, inode.size - position));
  kernel::MutableBuffer out = kernel::MutableBuffer::allocate(length);
  std::memset(out.bytes().data(), 0, length);
  for (std::size_t done = 0; done < length;) {
    const std::uint64_t at = position + done;
    const std::size_t within = at % kPageBytes;
    const std::size_t part = std::min(kPageBytes - within, length - done);
    const auto page = inode.pages.find(at / kPageBytes);
    if (page != inode.pages.end()) std::memcpy(out.bytes().data() + done, page->second.now.data() + within, part);
    done += part;
  }
  return std::move(out).share();
}

kernel::Buffer DiskImage::read_device(const Inode& inode, std::uint64_t position, std::size_t length, bool& hit) const {
  const kernel::Buffer truth = read(inode, position, length);
  kernel::MutableBuffer shown;
  for (auto page = inode.pages.lower_bound(position / kPageBytes);
       page != inode.pages.end() && page->first * kPageBytes < position + truth.size(); ++page) {
    if (page->second.damaged == nullptr || page->second.dirty) continue;
    const std::uint64_t begin = std::max(position, page->first * kPageBytes);
    const std::uint64_t end = std::min(position + truth.size(), (page->first + 1) * kPageBytes);
    const std::byte* from = page->second.damaged->data() + (begin - page->first * kPageBytes);
    if (std::memcmp(truth.data() + (begin - position), from, end - begin) == 0) continue;
    if (!hit) {
      shown = kernel::MutableBuffer::allocate(truth.size());
      std::copy_n(truth.data(), truth.size(), shown.bytes().data());
    }
    hit = true;
    std::memcpy(shown.bytes().data() + (begin - position), from, end - begin);
  }
  return hit ? std::move(shown).share() : truth;
}

void DiskImage::write(Inode& inode, std::uint64_t position, kernel::ByteView bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = position + done;
    const std::size_t within = at % kPageBytes;
    const std::size_t part = std::min(kPageBytes - within, bytes.size() - done);
    const auto [entry, is_new] = inode.pages.try_emplace(at / kPageBytes);
    if (is_new) ++pages_held_;
    Page& page = entry->second;
    if (!page.dirty && !page.fresh && page.durable == nullptr) page.durable = std::make_unique<Page::Bytes>(page.now);
    page.dirty = true;
    page.unreadable = false;
    std::memcpy(page.now.data() + within, bytes.data() + done, part);
    done += part;
  }
  inode.size = std::max(inode.size, position + bytes.size());
}

void DiskImage::drop_pages_from(Inode& inode, std::uint64_t first_page) {
  for (auto page = inode.pages.lower_bound(first_page); page != inode.pages.end();) {
    page = inode.pages.erase(page);
    --pages_held_;
  }
}

void DiskImage::truncate(Inode& inode, std::uint64_t size) {
  if (size < inode.size) {
    // The durable bytes behind the cut go too: a power failure may bring the old size back, but then as a hole.
    drop_pages_from(inode, (size + kPageBytes - 1) / kPageBytes);
    if (size % kPageBytes != 0) {
      const auto last = inode.pages.find(size / kPageBytes);
      if (last != inode.pages.end()) {
        const Page::Bytes zeros{};
        write(inode, size, {zeros.data(), kPageBytes - size % kPageBytes});
      }
    }
  }
  inode.size = size;
}

SyncSet DiskImage::begin_sync(const InodeRef& inode) {
  SyncSet set{inode, next_sync_++, inode->size, {}};
  for (const auto& [number, page] : inode->pages) {
    if (page.dirty) set.pages.emplace_back(number, page.now);
  }
  return set;
}

void DiskImage::finish_sync(const SyncSet& set) {
  if (set.number > set.inode->size_synced_by) {
    set.inode->durable_size = set.size;
    set.inode->size_synced_by = set.number;
  }
  for (const auto& [number, bytes] : set.pages) {
    const auto entry = set.inode->pages.find(number);
    if (entry == set.inode->pages.end()) continue;  // truncated meanwhile
    Page& page = entry->second;
    if (set.number < page.synced_by) continue;
    page.synced_by = set.number;
    page.fresh = false;
    page.damaged.reset();
    if (std::memcmp(page.now.data(), bytes.data(), bytes.size()) == 0) {  // == of arrays goes byte by byte
      page.durable.reset();
      page.dirty = false;
    } else {
      page.durable = std::make_unique<Page::Bytes>(bytes);
    }
  }
  if (personality_ == Personality::ordered) {
    for (const Change& change : journal_) apply(change);
    journal_.clear();
  }
}

void DiskImage::drop_dirty(const SyncSet& set) {
  for (const auto& [number, bytes] : set.pages) {
    const auto entry = set.inode->pages.find(number);
    if (entry != set.inode->pages.end()) entry->second.dirty = false;
  }
}

void DiskImage::sync_directory(const InodeRef& directory) {
  std::erase_if(journal_, [&](const Change& change) {
    const bool covered = personality_ == Personality::ordered || change.from_directory == directory ||
                         change.to_directory == directory;
    if (covered) apply(change);
    return covered;
  });
}

void DiskImage::sync_all_directories() {
  for (const Change& change : journal_) apply(change);
  journal_.clear();
}

std::vector<InodeRef> DiskImage::files_below(const InodeRef& directory, std::span<const InodeRef> except,
                                             std::vector<InodeRef>* directories_too) const {
  std::vector<InodeRef> files;
  std::vector<InodeRef> directories{directory};
  while (!directories.empty()) {
    const InodeRef next = directories.back();
    directories.pop_back();
    if (std::ranges::find(except, next) != except.end()) continue;
    if (directories_too != nullptr) directories_too->push_back(next);
    for (const auto& [name, inode] : next->entries) (inode->is_directory ? directories : files).push_back(inode);
  }
  return files;
}

std::uint64_t DiskImage::spoil(kernel::Random random, std::uint32_t per_million, std::span<const InodeRef> files) {
  std::uint64_t spoiled = 0;
  for (const InodeRef& file : files) {
    for (auto& [number, page] : file->pages) {
      if (page.dirty || page.fresh || page.durable != nullptr || !random.chance(per_million)) continue;
      page.unreadable = true;
      ++spoiled;
    }
  }
  return spoiled;
}

void DiskImage::unspoil(std::span<const InodeRef> files) {
  for (const InodeRef& file : files) {
    for (auto& [number, page] : file->pages) page.unreadable = false;
  }
}

std::uint64_t DiskImage::rot(kernel::Random random, std::uint32_t per_million, const Choice& choice) {
  std::uint64_t rotten = 0;
  std::vector<std::pair<std::string, InodeRef>> directories{{"", root_}};
  while (!directories.empty()) {
    const auto [path, directory] = directories.back();
    directories.pop_back();
    for (const auto& [name, inode] : directory->entries) {
      const std::string at = path + "/" + name;
      if (inode->is_directory) directories.emplace_back(at, inode);
      if (inode->is_directory || (choice && !choice(at))) continue;
      for (auto& [number, page] : inode->pages) {
        if (page.dirty || page.fresh || page.durable != nullptr || !random.chance(per_million)) continue;
        const std::uint64_t used = std::min<std::uint64_t>(kPageBytes, inode->size - std::min(inode->size, number * kPageBytes));
        if (used == 0) continue;
        Page::Bytes shown = page.now;
        const std::uint64_t sector = random.below((used + kSectorBytes - 1) / kSectorBytes) * kSectorBytes;
        for (std::size_t i = 0; i < kSectorBytes; ++i) shown[sector + i] = static_cast<std::byte>(random.below(256));
        if (damage(*inode, number, shown, Damage::rot)) ++rotten;
      }
    }
  }
  return rotten;
}

Page::Bytes DiskImage::before_sync(const Inode& inode, std::uint64_t number) {
  const auto page = inode.pages.find(number);
  if (page == inode.pages.end() || page->second.fresh) return {};
  if (page->second.damaged != nullptr) return *page->second.damaged;
  return page->second.durable != nullptr ? *page->second.durable : page->second.now;
}

bool DiskImage::damage(Inode& inode, std::uint64_t number, const Page::Bytes& shown, Damage kind) {
  const auto entry = inode.pages.find(number);
  if (entry == inode.pages.end()) return false;
  Page& page = entry->second;
  if (page.dirty || page.fresh || page.durable != nullptr || page.now == shown) return false;
  page.damaged = std::make_unique<Page::Bytes>(shown);
  page.damage = kind;
  inode.was_damaged = true;
  return true;
}

void DiskImage::mend(Damage kind) {
  for (const InodeRef& file : all_files()) {
    for (auto& [number, page] : file->pages) {
      if (page.damage == kind) page.damaged.reset();
    }
  }
}

void DiskImage::mend_all() {
  for (const InodeRef& file : all_files()) {
    for (auto& [number, page] : file->pages) page.damaged.reset();
  }
}

std::optional<std::uint64_t> DiskImage::damaged_at(const Inode& inode) {
  for (const auto& [number, page] : inode.pages) {
    if (page.damaged == nullptr || page.dirty) continue;
    const auto differs = std::ranges::mismatch(page.now, *page.damaged);
    if (differs.in1 != page.now.end()) return number * kPageBytes + static_cast<std::uint64_t>(differs.in1 - page.now.begin());
  }
  return std::nullopt;
}

bool DiskImage::unreadable(const Inode& inode, std::uint64_t position, std::uint64_t length) {
  for (auto page = inode.pages.lower_bound(position / kPageBytes);
       page != inode.pages.end() && page->first * kPageBytes < position + length; ++page) {
    if (page->second.unreadable) return true;
  }
  return false;
}

bool DiskImage::write_needs_unreadable(const Inode& inode, std::uint64_t position, std::uint64_t length) {
  const auto partly = [&](std::uint64_t page) {
    const std::uint64_t begin = page * kPageBytes, end = std::min(begin + kPageBytes, inode.size);
    return (position > begin || position + length < end) && unreadable(inode, begin, 1);
  };
  return length > 0 && (partly(position / kPageBytes) || partly((position + length - 1) / kPageBytes));
}

void DiskImage::settle_pages(Inode& inode, kernel::Random& random, LossReport& report) {
  bool dropped_before = false;
  // A run favours one outcome, so that whole tails go as well as single pages.
  const std::uint64_t keep_of_16 = random.below(17);
  for (auto entry = inode.pages.begin(); entry != inode.pages.end();) {
    Page& page = entry->second;
    if (!page.dirty && page.durable == nullptr && !page.fresh) {
      ++entry;
      continue;
    }
    const Page::Bytes old = page.durable != nullptr ? *page.durable : Page::Bytes{};
    // `dirty` and nothing else may reach the medium; what a failed sync dropped never does.
    if (page.dirty && random.below(16) < keep_of_16) {
      ++report.pages_kept;
      if (dropped_before) ++report.kept_after_dropped;
      page.fresh = false;
      page.damaged.reset();
    } else if (page.dirty && random.chance(250'000)) {
      ++report.pages_torn;
      for (std::size_t sector = 0; sector < kPageBytes; sector += kSectorBytes) {
        if (random.below(2) == 0) std::memcpy(page.now.data() + sector, old.data() + sector, kSectorBytes);
      }
      page.fresh = false;
      page.damaged.reset();
    } else {
      ++report.pages_dropped;
      dropped_before = true;
      if (page.fresh) {
        entry = inode.pages.erase(entry);
        --pages_held_;
        continue;
      }
      page.now = old;
    }
    page.durable.reset();
    page.dirty = false;
    ++entry;
  }
  if (inode.size != inode.durable_size) {
    const bool keep_new = random.below(3) != 0;
    if (keep_new && dropped_before && inode.size > inode.durable_size) ++report.sizes_without_data;
    if (!keep_new) inode.size = inode.durable_size;
    drop_pages_from(inode, (inode.size + kPageBytes - 1) / kPageBytes);
    inode.durable_size = inode.size;
  }
  // What lies behind the end of the file reads as zeros should the file grow again.
  const auto last = inode.pages.find(inode.size / kPageBytes);
  if (last != inode.pages.end()) std::ranges::fill(std::span{last->second.now}.subspan(inode.size % kPageBytes), std::byte{0});
}

void DiskImage::settle_tree(const InodeRef& directory, kernel::Random& random, LossReport& report) {
  directory->entries = directory->durable_entries;
  for (const auto& [name, inode] : directory->entries) {
    inode->lock_owner = nullptr;
    if (inode->is_directory) {
      settle_tree(inode, random, report);
    } else {
      settle_pages(*inode, random, report);
    }
  }
}

LossReport DiskImage::lose_power(kernel::Random random) {
  LossReport report;
  if (personality_ == Personality::ordered) {
    const std::size_t survive = random.below(journal_.size() + 1);
    for (std::size_t i = 0; i < survive; ++i) apply(journal_[i]);
    report.operations_lost = journal_.size() - survive;
  } else {
    bool lost_before = false;
    for (const Change& change : journal_) {
      if (random.below(2) == 0) {
        apply(change);
        if (lost_before) ++report.operations_kept_out_of_order;
      } else {
        ++report.operations_lost;
        lost_before = true;
      }
    }
  }
  journal_.clear();
  settle_tree(root_, random, report);
  pages_held_ = 0;
  for (const InodeRef& file : all_files()) pages_held_ += file->pages.size();
  return report;
}

std::uint64_t DiskImage::fingerprint() const {
  std::uint64_t sum = 0;
  for (const InodeRef& file : all_files()) {
    std::uint64_t h = kernel::mix64(file->id, file->size);
    for (const auto& [number, page] : file->pages) {
      h = kernel::mix64(h ^ number, kernel::crc32c({page.now.data(), page.now.size()}));
    }
    sum += h;
  }
  return sum;
}

}  // namespace sim
