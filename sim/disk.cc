#include "sim/disk.h"

#include <fmt/format.h>

#include "kernel/crc32c.h"
#include "sim/machine.h"

namespace sim {

using kernel::Buffer;
using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using namespace std::chrono_literals;

enum class SimDisk::Kind : std::uint8_t {
  open, rename, unlink, make_directory, remove_directory, list, sync_directory, sync_filesystem, space, boot_id,
  read, write, datasync, truncate, allocate, size, lock,
};

namespace {
constexpr std::uint64_t kOpenFilesMax = 20'000;
std::uint64_t checksum_of(std::span<const Buffer> chain) {
  std::uint32_t crc = 0;
  for (const Buffer& part : chain) crc = kernel::crc32c(part.view(), crc);
  return crc;
}
}  // namespace

/// Issued, and not completed yet. `act` changes the image.
class SimDisk::Operation {
 public:
  Operation(Fiber& waiter, std::size_t volume, Kind kind, std::uint64_t subject)
      : volume{volume}, kind{kind}, subject{subject}, waiter_{&waiter} {}
  virtual ~Operation() = default;
  /// Does it; answers a checksum of the outcome for the trace.
  virtual std::uint64_t act() = 0;
  void complete() {
    done_ = true;
    if (waiter_ != nullptr) waiter_->wake();
  }
  Result<> wait(Fiber& f) {
    struct Leave {  // also when the fiber is unwound: the operation must not wake what is gone
      Operation& operation;
      ~Leave() { operation.waiter_ = nullptr; }
    } leave{*this};
    while (!done_) {
      const Result<> parked = f.park();
      if (!parked && !done_) return parked;
    }
    return {};
  }
  const std::size_t volume;
  const Kind kind;
  const std::uint64_t subject;

 private:
  Fiber* waiter_;
  bool done_ = false;
};

template <class T>
Result<T> SimDisk::perform(Fiber& f, std::size_t volume, Kind kind, std::uint64_t subject, std::uint64_t detail,
                           kernel::Duration base, std::function<Result<T>()> act, std::function<std::uint64_t(const Result<T>&)> checksum) {
  struct Typed final : Operation {
    Typed(Fiber& waiter, std::size_t volume, Kind kind, std::uint64_t subject, std::function<Result<T>()> act,
          std::function<std::uint64_t(const Result<T>&)> checksum)
        : Operation{waiter, volume, kind, subject}, act_{std::move(act)}, checksum_{std::move(checksum)} {}
    std::uint64_t act() override {
      outcome.emplace(act_());
      if (!*outcome) return 0xe0000000u + outcome->error().value;
      return checksum_ ? checksum_(*outcome) : 0;
    }
    std::function<Result<T>()> act_;
    std::function<std::uint64_t(const Result<T>&)> checksum_;
    std::optional<Result<T>> outcome;
  };
  if (f.shard().dead()) return fail(Errc::cancelled);
  auto counted = [this, volume, act = std::move(act)]() -> Result<T> {
    Result<T> outcome = act();
    const int code = outcome ? 0 : outcome.error().system_errno;
    if (code == EIO || code == ENOSPC || code == EROFS) ++volumes_[volume].errors_told;
    return outcome;
  };
  auto operation = std::make_shared<Typed>(f, volume, kind, subject, std::move(counted), std::move(checksum));
  world_.record(EventKind::disk_issue, machine_.id(), static_cast<std::uint64_t>(kind) << 56 | subject, detail);
  ++operations_issued_;
  submit(operation, base);
  TRY(operation->wait(f));
  return std::move(*operation->outcome);
}

void SimDisk::submit(const std::shared_ptr<Operation>& operation, kernel::Duration base) {
  in_flight_.push_back(operation);
  const auto tail = kernel::Duration{static_cast<std::int64_t>(random_.heavy_tail(20'000'000, 5))};
  const DiskFaults& faults = volumes_[operation->volume].faults;
  const kernel::Duration latency = (base + tail) * faults.slow_factor;
  if (faults.slow_factor > 1) world_.mark("sim.disk.slow");
  world_.after(latency, [this, weak = std::weak_ptr{operation}] {
    const auto still = weak.lock();
    if (still == nullptr) return;  // a crash settled it
    if (volumes_[still->volume].faults.hung) {
      world_.mark("sim.disk.hung");
      return;  // unhang() completes it
    }
    complete(still);
  });
}

void SimDisk::complete(const std::shared_ptr<Operation>& operation) {
  const auto at = std::ranges::find(in_flight_, operation);
  if (at == in_flight_.end()) return;
  in_flight_.erase(at);
  const std::uint64_t sum = operation->act();
  world_.record(EventKind::disk_done, machine_.id(),
                static_cast<std::uint64_t>(operation->kind) << 56 | operation->subject, sum);
  operation->complete();
}

void SimDisk::unhang(std::size_t volume) {
  if (!faults(volume).hung) return;
  faults(volume).hung = false;
  for (const std::shared_ptr<Operation>& operation : std::list{in_flight_}) {
    if (operation->volume != volume) continue;
    world_.after(10us, [this, operation] { complete(operation); });
  }
}

bool SimDisk::fires(std::uint32_t per_million, std::string_view mark) {
  if (per_million == 0 || !random_.chance(per_million)) return false;
  world_.mark(mark);
  return true;
}

bool SimDisk::has_room_for(std::size_t volume, const Inode& inode, std::uint64_t position, std::size_t length) const {
  std::uint64_t new_pages = 0;
  if (length > 0) {
    for (std::uint64_t page = position / kPageBytes; page <= (position + length - 1) / kPageBytes; ++page) {
      if (!inode.pages.contains(page)) ++new_pages;
    }
  }
  if (new_pages == 0) return true;
  const DiskFaults& faults = volumes_[volume].faults;
  return !faults.full && image_.used_bytes() + new_pages * kPageBytes <= faults.capacity_bytes;
}

void SimDisk::crash(bool power_loss) {
  while (!in_flight_.empty()) {
    const auto operation = in_flight_.front();
    in_flight_.pop_front();
    if (random_.below(2) == 0) operation->act();
  }
  for (Volume& volume : volumes_) volume.faults.hung = false;
  open_files_ = 0;
  ++generation_;
  for (const InodeRef& file : image_.all_files()) file->lock_owner = nullptr;
  if (!power_loss) return;
  ++boots_;
  const LossReport loss = image_.lose_power(world_.random(kernel::Domain::disk, machine_.id() << 20 | boots_));
  if (loss.pages_dropped > 0) world_.mark("sim.disk.page_dropped");
  if (loss.kept_after_dropped > 0) world_.mark("sim.disk.page_out_of_order");
  if (loss.pages_torn > 0) world_.mark("sim.disk.sector_tear");
  if (loss.sizes_without_data > 0) world_.mark("sim.disk.size_without_data");
  if (loss.operations_lost > 0) world_.mark("sim.disk.metadata_operation_lost");
  if (loss.operations_kept_out_of_order > 0) world_.mark("sim.disk.metadata_out_of_order");
  world_.record(EventKind::fault, machine_.id(), loss.pages_dropped << 32 | loss.pages_kept, image_.fingerprint());
}

void SimDisk::rot(kernel::Random random, std::uint32_t per_million) {
  if (image_.rot(random, per_million, choice_) > 0) world_.mark("sim.disk.page_rotten");
}

void SimDisk::replace() {
  CHECK(!machine_.up() && in_flight_.empty());
  image_ = DiskImage{image_.personality()};
  world_.mark("sim.disk.replaced");
  world_.record(EventKind::fault, machine_.id(), image_.fingerprint());
}

std::vector<SimDisk::Misfortune> SimDisk::draw_misfortunes(std::size_t volume, const SyncSet& set) {
  std::vector<Misfortune> out;
  for (const auto& [page, bytes] : set.pages) {
    const Page::Bytes old = DiskImage::before_sync(*set.inode, page);
    if (fires(faults(volume).lost_write_ppm, "sim.disk.lost_write")) {
      out.push_back({page, old, Damage::lost_write});
    } else if (fires(faults(volume).stale_ppm, "sim.disk.stale_page")) {
      out.push_back({page, old, Damage::stale_read});
    } else if (set.inode->pages.size() > 1 && fires(faults(volume).misdirected_ppm, "sim.disk.misdirected_write")) {
      auto other = set.inode->pages.begin();
      std::advance(other, static_cast<std::ptrdiff_t>(random_.below(set.inode->pages.size())));
      out.push_back({page, old, Damage::misdirected_write});
      if (other->first != page) out.push_back({other->first, bytes, Damage::misdirected_write});
    }
  }
  return out;
}

std::size_t SimDisk::volume_of(std::string_view path) const {
  std::size_t found = 0;
  for (std::size_t i = 1; i < volumes_.size(); ++i) {
    const std::string& at = volumes_[i].path;
    if (path.starts_with(at) && (path.size() == at.size() || path[at.size()] == '/')) found = i;
  }
  return found;
}

std::vector<InodeRef> SimDisk::files_of(std::size_t volume, std::vector<InodeRef>* directories) const {
  std::vector<InodeRef> others;
  for (std::size_t i = 1; i < volumes_.size(); ++i) {
    const auto at = image_.find(volumes_[i].path);
    if (i == volume) return at ? image_.files_below(*at, {}, directories) : std::vector<InodeRef>{};
    if (at) others.push_back(*at);
  }
  return image_.files_below(*image_.find("/"), others, directories);
}

void SimDisk::spoil(kernel::Random random, std::uint32_t per_million, std::size_t volume) {
  if (image_.spoil(random, per_million, files_of(volume)) > 0) world_.mark("sim.disk.page_spoiled");
}

bool SimDisk::refuses_changes(std::size_t volume) {
  if (faults(volume).read_only) world_.mark("sim.disk.read_only");
  return faults(volume).read_only;
}

bool SimDisk::hits_bad_page(bool touches) {
  if (touches) world_.mark("sim.disk.bad_page");
  return touches;
}

class SimDisk::SimFile final : public kernel::File {
 public:
  SimFile(SimDisk& disk, std::size_t volume, InodeRef inode, bool writable, bool may_damage)
      : disk_{disk},
        volume_{volume},
        inode_{std::move(inode)},
        writable_{writable},
        may_damage_{may_damage},
        generation_{disk.generation_} {
    ++disk_.open_files_;
  }
  ~SimFile() override {
    if (disk_.generation_ != generation_) return;
    --disk_.open_files_;
    if (inode_->lock_owner == this) inode_->lock_owner = nullptr;
  }

  Result<Buffer> read(Fiber& f, std::uint64_t position, std::size_t length) override {
    return disk_.perform<Buffer>(
        f, volume_, Kind::read, inode_->id, position << 24 ^ length, 4us,
        [&disk = disk_, volume = volume_, inode = inode_, position, length]() -> Result<Buffer> {
          if (disk.fires(disk.faults(volume).read_error_ppm, "sim.disk.read_error")) return kernel::fail_errno(EIO);
          if (disk.hits_bad_page(DiskImage::unreadable(*inode, position, length))) return kernel::fail_errno(EIO);
          std::size_t part = length;
          if (length > 1 && disk.fires(disk.faults(volume).short_io_ppm, "sim.disk.short_read")) {
            part = 1 + disk.random_.below(length - 1);
          }
          bool hit = false;
          Buffer bytes = disk.image_.read_device(*inode, position, part, hit);
          if (hit) disk.world_.mark("sim.disk.damage_read");
          return bytes;
        },
        [](const Result<Buffer>& bytes) { return checksum_of({&*bytes, 1}) + bytes->size(); });
  }

  Result<std::size_t> write(Fiber& f, std::uint64_t position, std::span<const Buffer> chain) override {
    if (!writable_) return fail(Errc::permission);
    std::vector<Buffer> owned(chain.begin(), chain.end());
    const std::size_t length = kernel::total_size(chain);
    const std::uint64_t sum = checksum_of(chain);
    return disk_.perform<std::size_t>(
        f, volume_, Kind::write, inode_->id, (position << 24 ^ length) + (sum << 32), 5us,
        [&disk = disk_, volume = volume_, inode = inode_, position, owned = std::move(owned)]() -> Result<std::size_t> {
          return disk.write_now(volume, *inode, position, owned);
        },
        [](const Result<std::size_t>& n) { return *n; });
  }

  Result<> datasync(Fiber& f) override {
    return disk_.perform<void>(f, volume_, Kind::datasync, inode_->id, 0, disk_.sync_time_,
                               [&disk = disk_, volume = volume_, set = disk_.image_.begin_sync(inode_),
                                may_damage = may_damage_]() -> Result<> {
                                 return disk.sync_now(volume, set, may_damage);
                               });
  }

  Result<> truncate(Fiber& f, std::uint64_t size) override {
    if (!writable_) return fail(Errc::permission);
    return disk_.perform<void>(f, volume_, Kind::truncate, inode_->id, size, 6us,
                               [&disk = disk_, volume = volume_, inode = inode_, size]() -> Result<> {
                                 if (disk.refuses_changes(volume)) return kernel::fail_errno(EROFS);
                                 const std::uint64_t cut = size % kPageBytes;
                                 if (disk.hits_bad_page(cut != 0 && size < inode->size &&
                                                        DiskImage::unreadable(*inode, size - cut, 1))) {
                                   return kernel::fail_errno(EIO);
                                 }
                                 disk.image_.truncate(*inode, size);
                                 return {};
                               });
  }

  Result<> allocate(Fiber& f, std::uint64_t position, std::uint64_t length) override {
    if (!writable_) return fail(Errc::permission);
    return disk_.perform<void>(f, volume_, Kind::allocate, inode_->id, position << 24 ^ length, 8us,
                               [&disk = disk_, volume = volume_, inode = inode_, position, length]() -> Result<> {
                                 if (disk.refuses_changes(volume)) return kernel::fail_errno(EROFS);
                                 if (!disk.has_room_for(volume, *inode, position, length)) return disk.out_of_space();
                                 inode->size = std::max(inode->size, position + length);
                                 return {};
                               });
  }

  Result<std::uint64_t> size(Fiber& f) override {
    return disk_.perform<std::uint64_t>(
        f, volume_, Kind::size, inode_->id, 0, 1us, [inode = inode_]() -> Result<std::uint64_t> { return inode->size; },
        [](const Result<std::uint64_t>& n) { return *n; });
  }

  Result<> lock(Fiber& f) override {
    return disk_.perform<void>(f, volume_, Kind::lock, inode_->id, 0, 2us, [inode = inode_, self = this]() -> Result<> {
      if (inode->lock_owner != nullptr && inode->lock_owner != self) return fail(Errc::locked);
      inode->lock_owner = self;
      return {};
    });
  }

 private:
  SimDisk& disk_;
  std::size_t volume_;
  InodeRef inode_;
  bool writable_;
  bool may_damage_;
  std::uint64_t generation_;
};

Result<> SimDisk::find_descriptor() {
  const bool none = volumes_.front().faults.no_descriptors;
  if (none) world_.mark("sim.disk.no_descriptor");
  return none || open_files_ >= kOpenFilesMax ? kernel::fail_errno(EMFILE) : Result<>{};
}

std::unexpected<kernel::Error> SimDisk::out_of_space() {
  world_.mark("sim.disk.full");
  return kernel::fail_errno(ENOSPC);
}

Result<std::size_t> SimDisk::write_now(std::size_t volume, Inode& inode, std::uint64_t position, std::span<const Buffer> chain) {
  if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
  if (fires(faults(volume).write_error_ppm, "sim.disk.write_error")) return kernel::fail_errno(EIO);
  std::size_t left = kernel::total_size(chain);
  if (hits_bad_page(DiskImage::write_needs_unreadable(inode, position, left))) return kernel::fail_errno(EIO);
  if (left > 1 && fires(faults(volume).short_io_ppm, "sim.disk.short_write")) left = 1 + random_.below(left - 1);
  while (left > 0 && !has_room_for(volume, inode, position, left)) left /= 2;  // a full disk takes what still fits
  if (left == 0 && kernel::total_size(chain) > 0) return out_of_space();
  std::size_t done = 0;
  for (const Buffer& part : chain) {
    const std::size_t take = std::min(part.size(), left - done);
    image_.write(inode, position + done, part.view().first(take));
    done += take;
    if (done == left) break;
  }
  return done;
}

Result<> SimDisk::sync_now(std::size_t volume, const SyncSet& set, bool may_damage) {
  // Nothing reaches the medium; unlike after a failed sync, the pages stay dirty.
  if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
  if (fires(faults(volume).sync_error_ppm, "sim.disk.sync_error")) {
    image_.drop_dirty(set);
    return kernel::fail_errno(EIO);
  }
  const auto misfortunes = may_damage ? draw_misfortunes(volume, set) : std::vector<Misfortune>{};
  image_.finish_sync(set);
  for (const Misfortune& one : misfortunes) image_.damage(*set.inode, one.page, one.shown, one.kind);
  return {};
}

namespace {

/// A drive whose cache survives power failures, one whose cache has to be flushed, a spinning one. Where a sync takes
/// longer than a message, what was told too early is heard before it is true.
kernel::Duration draw_sync_time(kernel::Random random) {
  constexpr std::array<kernel::Duration, 4> kDevices{120us, 120us, 1500us, 8ms};
  return kDevices[random.below(kDevices.size())];
}

}  // namespace

SimDisk::SimDisk(Machine& machine)
    : machine_{machine},
      world_{machine.world()},
      image_{Personality::ordered},
      random_{world_.random(kernel::Domain::disk, machine.id())},
      sync_time_{draw_sync_time(random_.split("sync time"))} {}

SimDisk::~SimDisk() = default;

Result<kernel::FileHandle> SimDisk::open(Fiber& f, std::string_view path, kernel::OpenMode mode) {
  const std::size_t volume = volume_of(path);
  return perform<kernel::FileHandle>(
      f, volume, Kind::open, 0, kernel::hash64(path), 6us, [this, volume, path = std::string{path}, mode]() -> Result<kernel::FileHandle> {
        TRY(find_descriptor());
        auto found = image_.find(path);
        if (found && mode.create && mode.exclusive) return fail(Errc::already_exists);
        if (!found) {
          if (!mode.create || !found.error().is(Errc::no_such_file)) return std::unexpected(found.error());
          if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
          if (faults(volume).full) return out_of_space();
          found = image_.create(path, /*directory=*/false);
          if (!found) return std::unexpected(found.error());
        }
        if ((*found)->is_directory) return kernel::fail_errno(EISDIR);
        if (mode.write && refuses_changes(volume)) return kernel::fail_errno(EROFS);
        if (mode.truncate) image_.truncate(**found, 0);
        return std::make_shared<SimFile>(*this, volume, *found, mode.write, !choice_ || choice_(path));
      });
}

Result<> SimDisk::rename(Fiber& f, std::string_view from, std::string_view to) {
  const std::size_t volume = volume_of(from);
  return perform<void>(f, volume, Kind::rename, 0, kernel::mix64(kernel::hash64(from), kernel::hash64(to)), 8us,
                       [this, volume, from = std::string{from}, to = std::string{to}]() -> Result<> {
                         if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
                         return image_.rename(from, to);
                       });
}

Result<> SimDisk::unlink(Fiber& f, std::string_view path) {
  const std::size_t volume = volume_of(path);
  return perform<void>(f, volume, Kind::unlink, 0, kernel::hash64(path), 8us, [this, volume, path = std::string{path}]() -> Result<> {
    if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
    return image_.unlink(path, /*directory=*/false);
  });
}

Result<> SimDisk::make_directory(Fiber& f, std::string_view path) {
  const std::size_t volume = volume_of(path);
  return perform<void>(f, volume, Kind::make_directory, 0, kernel::hash64(path), 8us,
                       [this, volume, path = std::string{path}]() -> Result<> {
                         if (image_.find(path)) return fail(Errc::already_exists);
                         if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
                         if (faults(volume).full) return out_of_space();
                         TRY(image_.create(path, /*directory=*/true));
                         return {};
                       });
}

Result<> SimDisk::remove_directory(Fiber& f, std::string_view path) {
  const std::size_t volume = volume_of(path);
  return perform<void>(f, volume, Kind::remove_directory, 0, kernel::hash64(path), 8us,
                       [this, volume, path = std::string{path}]() -> Result<> {
                         if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
                         return image_.unlink(path, /*directory=*/true);
                       });
}

Result<std::vector<kernel::DirectoryEntry>> SimDisk::list(Fiber& f, std::string_view path) {
  const std::size_t volume = volume_of(path);
  using Entries = std::vector<kernel::DirectoryEntry>;
  return perform<Entries>(f, volume, Kind::list, 0, kernel::hash64(path), 10us,
                          [this, path = std::string{path}]() -> Result<Entries> {
                            TRY(find_descriptor());
                            const InodeRef directory = TRY(image_.find(path));
                            if (!directory->is_directory) return kernel::fail_errno(ENOTDIR);
                            Entries entries;
                            for (const auto& [name, inode] : directory->entries) {
                              entries.push_back({name, inode->is_directory});
                            }
                            return entries;
                          },
                          [](const Result<Entries>& entries) { return entries->size(); });
}

Result<> SimDisk::sync_directory(Fiber& f, std::string_view path) {
  const std::size_t volume = volume_of(path);
  return perform<void>(f, volume, Kind::sync_directory, 0, kernel::hash64(path), sync_time_,
                       [this, volume, path = std::string{path}]() -> Result<> {
                         TRY(find_descriptor());
                         const InodeRef directory = TRY(image_.find(path));
                         if (refuses_changes(volume)) return kernel::fail_errno(EROFS);
                         if (fires(faults(volume).sync_error_ppm, "sim.disk.sync_error")) return kernel::fail_errno(EIO);
                         image_.sync_directory(directory);
                         return {};
                       });
}

Result<> SimDisk::sync_filesystem(Fiber& f, std::string_view path) {
  const std::size_t volume = volume_of(path);
  std::vector<SyncSet> sets;
  for (const InodeRef& file : files_of(volume)) sets.push_back(image_.begin_sync(file));
  return perform<void>(f, volume, Kind::sync_filesystem, 0, kernel::hash64(path), 2 * sync_time_,
                       [this, volume, sets = std::move(sets)]() -> Result<> {
                         TRY(find_descriptor());
                         Result<> outcome;
                         for (const SyncSet& set : sets) {
                           if (const Result<> one = sync_now(volume, set, !choice_); !one) outcome = one;
                         }
                         if (outcome && volumes_.size() == 1) image_.sync_all_directories();
                         if (!outcome || volumes_.size() == 1) return outcome;
                         std::vector<InodeRef> directories;
                         static_cast<void>(files_of(volume, &directories));
                         for (const InodeRef& directory : directories) image_.sync_directory(directory);
                         return outcome;
                       });
}

Result<kernel::SpaceInfo> SimDisk::space(Fiber& f, std::string_view path) {
  const std::size_t volume = volume_of(path);
  return perform<kernel::SpaceInfo>(f, volume, Kind::space, 0, kernel::hash64(path), 3us, [this, volume]() -> Result<kernel::SpaceInfo> {
    const std::uint64_t used = faults(volume).full ? faults(volume).capacity_bytes : image_.used_bytes();
    return kernel::SpaceInfo{faults(volume).capacity_bytes, faults(volume).capacity_bytes - std::min(used, faults(volume).capacity_bytes)};
  });
}

Result<std::string> SimDisk::boot_id(Fiber& f) {
  return perform<std::string>(f, 0, Kind::boot_id, 0, 0, 1us, [this]() -> Result<std::string> {
    return fmt::format("{:08x}-boot-{}", machine_.id(), boots_);
  });
}

}  // namespace sim
