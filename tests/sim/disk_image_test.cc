#include "sim/disk_image.h"

#include <gtest/gtest.h>

#include <set>

#include <fmt/format.h>

namespace sim {
namespace {

constexpr std::uint64_t kSeeds = 300;
constexpr Personality kBoth[] = {Personality::ordered, Personality::strict};

void write(DiskImage& image, const InodeRef& file, std::uint64_t position, const std::string& bytes) {
  image.write(*file, position, kernel::as_bytes(bytes));
}
std::string page_of(char letter) { return std::string(kPageBytes, letter); }
std::string content(const DiskImage& image, const InodeRef& file) {
  return std::string{kernel::as_text(image.read(*file, 0, file->size).view())};
}
void sync(DiskImage& image, const InodeRef& file) { image.finish_sync(image.begin_sync(file)); }
LossReport lose_power(DiskImage& image, std::uint64_t seed) {
  return image.lose_power(kernel::Random{seed, kernel::Domain::disk, 1});
}
InodeRef make_file(DiskImage& image, std::string_view path) { return image.create(path, /*directory=*/false).value(); }
std::string joined(std::string_view a, std::string_view b) { return fmt::format("{}{}", a, b); }
/// What a page became: one letter where it is all of one kind, '0' for zeros, '?' for a mixture.
char kind_of(const std::string& bytes, std::size_t page) {
  const std::string part = bytes.substr(page * kPageBytes, kPageBytes);
  if (part.find_first_not_of(part.front()) != std::string::npos) return '?';
  return part.front() == '\0' ? '0' : part.front();
}

TEST(DiskImage, synced_data_in_a_synced_directory_survives_every_power_failure) {
  for (const Personality personality : kBoth) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      DiskImage image{personality};
      const InodeRef directory = image.create("/d", /*directory=*/true).value();
      const InodeRef file = make_file(image, "/d/f");
      write(image, file, 100, "kept for ever");
      sync(image, file);
      image.sync_directory(image.find("/").value());
      image.sync_directory(directory);
      for (std::uint64_t again = 0; again < 3; ++again) {
        lose_power(image, seed * 10 + again);
        const auto found = image.find("/d/f");
        ASSERT_TRUE(found) << "seed " << seed;
        ASSERT_EQ(content(image, *found), joined(std::string(100, '\0'), "kept for ever")) << "seed " << seed;
      }
    }
  }
}

TEST(DiskImage, unsynced_pages_survive_in_any_combination_and_tear_by_whole_sectors) {
  std::set<std::string> outcomes;
  std::uint64_t torn = 0, out_of_order = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::ordered};
    const InodeRef file = make_file(image, "/f");
    write(image, file, 0, std::string(3 * kPageBytes, 'o'));
    sync(image, file);
    write(image, file, 0, std::string(3 * kPageBytes, 'n'));
    const LossReport loss = lose_power(image, seed);
    torn += loss.pages_torn;
    out_of_order += loss.kept_after_dropped;
    const std::string now = content(image, file);
    ASSERT_EQ(now.size(), 3 * kPageBytes);
    for (std::size_t sector = 0; sector < now.size(); sector += kSectorBytes) {
      const std::string part = now.substr(sector, kSectorBytes);
      ASSERT_TRUE(part == std::string(kSectorBytes, 'o') || part == std::string(kSectorBytes, 'n'))
          << "seed " << seed << " tore inside a sector";
    }
    outcomes.insert({kind_of(now, 0), kind_of(now, 1), kind_of(now, 2)});
  }
  for (const char* combination : {"ooo", "nnn", "noo", "ono", "oon", "nno", "onn", "non"}) {
    EXPECT_TRUE(outcomes.contains(combination)) << combination << " never happened";
  }
  EXPECT_GT(torn, 0u);
  EXPECT_GT(out_of_order, 0u);
}

TEST(DiskImage, a_size_may_survive_without_the_data_behind_it) {
  std::uint64_t seen = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::ordered};
    const InodeRef file = make_file(image, "/f");
    write(image, file, 0, "x");
    sync(image, file);
    write(image, file, kPageBytes, page_of('n'));
    const LossReport loss = lose_power(image, seed);
    const std::string now = content(image, file);
    ASSERT_TRUE(now.size() == 1 || now.size() == 2 * kPageBytes) << "a size that never was: " << now.size();
    EXPECT_EQ(now.front(), 'x');
    if (now.size() == 1) continue;
    if (kind_of(now, 1) == '0') {
      ++seen;
      EXPECT_EQ(loss.sizes_without_data, 1u);
    }
  }
  EXPECT_GT(seen, 0u);
}

TEST(DiskImage, a_failed_sync_loses_pages_that_read_well_though_the_next_sync_succeeds) {
  for (const Personality personality : kBoth) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      DiskImage image{personality};
      const InodeRef file = make_file(image, "/f");
      image.sync_all_directories();
      write(image, file, 0, page_of('o'));
      sync(image, file);
      write(image, file, 0, page_of('n'));
      image.drop_dirty(image.begin_sync(file));
      EXPECT_EQ(kind_of(content(image, file), 0), 'n');
      sync(image, file);  // "succeeds": it has nothing to do
      EXPECT_EQ(kind_of(content(image, file), 0), 'n');
      lose_power(image, seed);
      ASSERT_EQ(kind_of(content(image, file), 0), 'o') << "seed " << seed;
    }
  }
}

TEST(DiskImage, a_write_during_a_sync_is_not_covered_by_it) {
  std::set<char> outcomes;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::ordered};
    const InodeRef file = make_file(image, "/f");
    write(image, file, 0, page_of('s'));
    const SyncSet in_flight = image.begin_sync(file);
    write(image, file, 0, page_of('l'));
    write(image, file, kPageBytes, page_of('l'));
    image.finish_sync(in_flight);
    lose_power(image, seed);
    const std::string now = content(image, file);
    ASSERT_GE(now.size(), kPageBytes) << "the synced size is gone";
    ASSERT_NE(kind_of(now, 0), '0') << "the synced page is gone";
    outcomes.insert(kind_of(now, 0));
  }
  EXPECT_TRUE(outcomes.contains('s')) << "the later write always survived: the sync covered too much";
  EXPECT_TRUE(outcomes.contains('l'));
}

TEST(DiskImage, a_rename_happens_as_a_whole_or_not_at_all) {
  for (const Personality personality : kBoth) {
    std::uint64_t happened = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      DiskImage image{personality};
      const InodeRef old_file = make_file(image, "/f");
      write(image, old_file, 0, "old");
      sync(image, old_file);
      const InodeRef new_file = make_file(image, "/f.tmp");
      write(image, new_file, 0, "new");
      sync(image, new_file);
      image.sync_all_directories();
      ASSERT_TRUE(image.rename("/f.tmp", "/f"));
      lose_power(image, seed);
      const auto there = image.find("/f");
      ASSERT_TRUE(there) << "neither the old nor the new file";
      const bool renamed = content(image, *there) == "new";
      ASSERT_TRUE(renamed || content(image, *there) == "old");
      ASSERT_EQ(image.find("/f.tmp").has_value(), !renamed) << "the name is at both ends or at none";
      happened += renamed ? 1 : 0;
    }
    EXPECT_GT(happened, 0u);
    EXPECT_LT(happened, kSeeds);
  }
}

TEST(DiskImage, strict_may_forget_a_synced_file_whose_directory_was_not_synced) {
  std::uint64_t vanished = 0, stayed = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::strict};
    const InodeRef file = make_file(image, "/f");
    write(image, file, 0, "synced");
    sync(image, file);
    lose_power(image, seed);
    const auto found = image.find("/f");
    if (!found) {
      ++vanished;
      continue;
    }
    ++stayed;
    ASSERT_EQ(content(image, *found), "synced");
  }
  EXPECT_GT(vanished, 0u);
  EXPECT_GT(stayed, 0u);
}

TEST(DiskImage, strict_keeps_names_out_of_order_and_ordered_keeps_a_prefix) {
  for (const Personality personality : kBoth) {
    std::set<std::string> outcomes;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      DiskImage image{personality};
      make_file(image, "/a");
      make_file(image, "/b");
      make_file(image, "/c");
      lose_power(image, seed);
      std::string names;
      for (const char* path : {"/a", "/b", "/c"}) {
        if (image.find(path)) names += path[1];
      }
      outcomes.insert(names);
    }
    const std::set<std::string> prefixes{"", "a", "ab", "abc"};
    const std::set<std::string> subsets{"", "a", "b", "c", "ab", "ac", "bc", "abc"};
    EXPECT_EQ(outcomes, personality == Personality::ordered ? prefixes : subsets);
  }
}

TEST(DiskImage, a_sync_of_one_directory_covers_that_directory_alone_when_strict) {
  std::set<bool> other_survived;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::strict};
    const InodeRef one = image.create("/one", /*directory=*/true).value();
    ASSERT_TRUE(image.create("/two", /*directory=*/true));
    image.sync_directory(image.find("/").value());
    make_file(image, "/one/f");
    make_file(image, "/two/f");
    image.sync_directory(one);
    lose_power(image, seed);
    ASSERT_TRUE(image.find("/one/f"));
    other_survived.insert(image.find("/two/f").has_value());
  }
  EXPECT_EQ(other_survived.size(), 2u);
}

TEST(DiskImage, ordered_commits_every_name_with_any_sync) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::ordered};
    const InodeRef file = make_file(image, "/f");
    make_file(image, "/another");
    sync(image, file);
    lose_power(image, seed);
    ASSERT_TRUE(image.find("/f"));
    ASSERT_TRUE(image.find("/another"));
  }
}

TEST(DiskImage, an_unlinked_name_may_come_back_until_its_directory_is_synced) {
  std::set<bool> came_back;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::strict};
    const InodeRef file = make_file(image, "/f");
    write(image, file, 0, "still here");
    sync(image, file);
    image.sync_all_directories();
    ASSERT_TRUE(image.unlink("/f", /*directory=*/false));
    lose_power(image, seed);
    const auto found = image.find("/f");
    came_back.insert(found.has_value());
    if (!found) continue;
    EXPECT_EQ(content(image, *found), "still here");
    ASSERT_TRUE(image.unlink("/f", /*directory=*/false));
    image.sync_directory(image.find("/").value());
    lose_power(image, seed + 1);
    ASSERT_FALSE(image.find("/f"));
  }
  EXPECT_EQ(came_back.size(), 2u);
}

TEST(DiskImage, a_hole_reads_as_zeros_and_a_cut_file_has_zeros_when_it_grows_again) {
  DiskImage image{Personality::ordered};
  const InodeRef file = make_file(image, "/f");
  write(image, file, 3 * kPageBytes, "end");
  EXPECT_EQ(content(image, file), joined(std::string(3 * kPageBytes, '\0'), "end"));
  write(image, file, 0, joined(page_of('a'), page_of('b')));
  image.truncate(*file, 10);
  EXPECT_EQ(content(image, file), std::string(10, 'a'));
  image.truncate(*file, 2 * kPageBytes);
  EXPECT_EQ(content(image, file), joined(std::string(10, 'a'), std::string(2 * kPageBytes - 10, '\0')));
}

TEST(DiskImage, what_a_power_failure_cut_off_reads_as_zeros_when_the_file_grows_again) {
  int shortened = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::ordered};
    const InodeRef file = make_file(image, "/f");
    write(image, file, 0, std::string(100, 'o'));
    sync(image, file);
    image.sync_all_directories();
    write(image, file, 100, std::string(3000, 'n'));
    lose_power(image, seed);
    const std::uint64_t size = file->size;
    if (size == 3100) continue;
    ASSERT_EQ(size, 100u) << "seed " << seed;
    ++shortened;
    write(image, file, 3500, "e");
    ASSERT_EQ(content(image, file), std::string(100, 'o') + std::string(3400, '\0') + "e") << "seed " << seed;
  }
  EXPECT_GT(shortened, 10);
}

TEST(DiskImage, only_what_the_medium_alone_holds_becomes_unreadable_until_it_is_rewritten_whole) {
  DiskImage image{Personality::strict};
  const InodeRef file = make_file(image, "/f");
  write(image, file, 0, joined(page_of('a'), page_of('b')) + "tail");
  const kernel::Random random{1, kernel::Domain::faults, 1};
  EXPECT_EQ(image.spoil(random, 1'000'000, image.all_files()), 0u);  // all of it is still in memory
  sync(image, file);
  write(image, file, kPageBytes, "B");
  EXPECT_EQ(image.spoil(random, 1'000'000, image.all_files()), 2u);
  EXPECT_TRUE(DiskImage::unreadable(*file, 0, 1));
  EXPECT_FALSE(DiskImage::unreadable(*file, kPageBytes, kPageBytes));
  EXPECT_TRUE(DiskImage::unreadable(*file, 2 * kPageBytes - 1, 2));
  // A part of a page needs the rest of it; a whole one, also a short last one, does not.
  EXPECT_TRUE(DiskImage::write_needs_unreadable(*file, 10, 10));
  EXPECT_TRUE(DiskImage::write_needs_unreadable(*file, 1, kPageBytes));
  EXPECT_FALSE(DiskImage::write_needs_unreadable(*file, 0, kPageBytes + 3));
  EXPECT_TRUE(DiskImage::write_needs_unreadable(*file, 2 * kPageBytes + 4, 1));
  EXPECT_FALSE(DiskImage::write_needs_unreadable(*file, 2 * kPageBytes, 4));
  write(image, file, 0, page_of('A'));
  EXPECT_FALSE(DiskImage::unreadable(*file, 0, kPageBytes));
  EXPECT_TRUE(DiskImage::unreadable(*file, 2 * kPageBytes, 4));
  image.unspoil(image.all_files());
  EXPECT_FALSE(DiskImage::unreadable(*file, 0, 3 * kPageBytes));
  EXPECT_EQ(content(image, file).substr(2 * kPageBytes), "tail");
}

TEST(DiskImage, a_power_failure_counts_the_pages_that_are_left) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DiskImage image{Personality::strict};
    const InodeRef kept = make_file(image, "/kept");
    write(image, kept, 0, page_of('k'));
    sync(image, kept);
    image.sync_all_directories();
    const InodeRef other = make_file(image, "/other");
    write(image, other, 0, joined(page_of('x'), page_of('y')));
    EXPECT_EQ(image.used_bytes(), 3 * kPageBytes);
    lose_power(image, seed);
    std::uint64_t pages = 0;
    for (const InodeRef& file : image.all_files()) pages += file->pages.size();
    ASSERT_EQ(image.used_bytes(), pages * kPageBytes);
  }
}

}  // namespace
}  // namespace sim
