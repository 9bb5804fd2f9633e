#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "kernel/node.h"
#include "kernel/scope.h"
#include "tests/kernel/conformance_cases.h"

namespace kernel::conformance {
namespace {

using namespace std::chrono_literals;

Result<> put(Fiber& f, std::string_view path, std::string_view text) {
  const FileHandle file = TRY(f.node().disk().open(f, path, OpenMode::create_empty()));
  const Buffer bytes = Buffer::copy_of(text);
  return write_all(f, *file, 0, {&bytes, 1});
}
Result<std::string> get(Fiber& f, std::string_view path) {
  const FileHandle file = TRY(f.node().disk().open(f, path, OpenMode::read_only()));
  const Buffer bytes = TRY(read_all(f, *file));
  return std::string{as_text(bytes.view())};
}

void what_was_written_is_read(Fiber& f, const Ground& ground) {
  const std::string path = ground.directory + "/file";
  ASSERT_TRUE(put(f, path, "hello, world"));
  EXPECT_EQ(get(f, path).value(), "hello, world");
}

void a_chain_of_many_buffers_is_written_in_order(Fiber& f, const Ground& ground) {
  auto file = f.node().disk().open(f, ground.directory + "/chain", OpenMode::create_new());
  ASSERT_TRUE(file);
  std::vector<Buffer> chain;
  std::string whole;
  for (int i = 0; i < 3000; ++i) {
    const std::string part = fmt::format("part {} of the chain;", i);
    chain.push_back(Buffer::copy_of(part));
    whole += part;
  }
  ASSERT_TRUE(write_all(f, **file, 0, chain));
  EXPECT_EQ((*file)->size(f).value(), whole.size());
  EXPECT_EQ(get(f, ground.directory + "/chain").value(), whole);
}

void reading_at_the_end_answers_nothing_and_past_a_hole_zeros(Fiber& f, const Ground& ground) {
  auto file = f.node().disk().open(f, ground.directory + "/holes", OpenMode::create_new());
  ASSERT_TRUE(file);
  const Buffer x = Buffer::copy_of("x");
  ASSERT_TRUE(write_all(f, **file, 10'000, {&x, 1}));
  EXPECT_EQ((*file)->size(f).value(), 10'001u);
  const auto hole = read_exactly(f, **file, 0, 10'000);
  ASSERT_TRUE(hole);
  EXPECT_TRUE(std::ranges::all_of(hole->view(), [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_TRUE((*file)->read(f, 10'001, 10).value().empty());
  EXPECT_TRUE(read_exactly(f, **file, 10'000, 2).error().is(Errc::corrupt));
}

void truncate_cuts_and_grows_with_zeros(Fiber& f, const Ground& ground) {
  const std::string path = ground.directory + "/cut";
  ASSERT_TRUE(put(f, path, "0123456789"));
  auto file = f.node().disk().open(f, path, OpenMode::read_write());
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->truncate(f, 4));
  ASSERT_TRUE((*file)->truncate(f, 6));
  EXPECT_EQ(get(f, path).value(), std::string_view("0123\0\0", 6));
}

void allocate_grows_the_file(Fiber& f, const Ground& ground) {
  auto file = f.node().disk().open(f, ground.directory + "/allocated", OpenMode::create_new());
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->allocate(f, 0, 100'000));
  EXPECT_EQ((*file)->size(f).value(), 100'000u);
}

void open_modes_mean_what_they_say(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  const std::string path = ground.directory + "/modes";
  EXPECT_TRUE(disk.open(f, path, OpenMode::read_only()).error().is(Errc::no_such_file));
  EXPECT_TRUE(disk.open(f, path, OpenMode::read_write()).error().is(Errc::no_such_file));
  ASSERT_TRUE(disk.open(f, path, OpenMode::create_new()));
  EXPECT_TRUE(disk.open(f, path, OpenMode::create_new()).error().is(Errc::already_exists));
  ASSERT_TRUE(put(f, path, "text"));
  ASSERT_TRUE(disk.open(f, path, OpenMode::create_or_open()));
  EXPECT_EQ(get(f, path).value(), "text");
  ASSERT_TRUE(disk.open(f, path, OpenMode::create_empty()));
  EXPECT_EQ(get(f, path).value(), "");
}

void rename_replaces_and_open_files_follow_their_inode(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  ASSERT_TRUE(put(f, ground.directory + "/old", "old"));
  ASSERT_TRUE(put(f, ground.directory + "/new", "new"));
  auto open = disk.open(f, ground.directory + "/old", OpenMode::read_only());
  ASSERT_TRUE(open);
  ASSERT_TRUE(disk.rename(f, ground.directory + "/new", ground.directory + "/old"));
  EXPECT_EQ(get(f, ground.directory + "/old").value(), "new");
  EXPECT_TRUE(disk.open(f, ground.directory + "/new", OpenMode::read_only()).error().is(Errc::no_such_file));
  EXPECT_EQ(as_text(read_all(f, **open).value().view()), "old");
  EXPECT_TRUE(disk.rename(f, ground.directory + "/none", ground.directory + "/x").error().is(Errc::no_such_file));
}

void directories_list_sorted_and_go_only_when_empty(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  const std::string dir = ground.directory + "/d";
  ASSERT_TRUE(disk.make_directory(f, dir));
  EXPECT_TRUE(disk.make_directory(f, dir).error().is(Errc::already_exists));
  for (const char* name : {"zeta", "alpha", "Mid", "10", "9"}) ASSERT_TRUE(put(f, dir + "/" + name, name));
  ASSERT_TRUE(disk.make_directory(f, dir + "/sub"));
  const auto entries = disk.list(f, dir);
  ASSERT_TRUE(entries);
  EXPECT_EQ(*entries, (std::vector<DirectoryEntry>{
                          {"10", false}, {"9", false}, {"Mid", false}, {"alpha", false}, {"sub", true}, {"zeta", false}}));
  EXPECT_TRUE(disk.remove_directory(f, dir).error().is(Errc::not_empty));
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = dir + "/" + entry.name;
    ASSERT_TRUE(entry.is_directory ? disk.remove_directory(f, path) : disk.unlink(f, path));
  }
  EXPECT_TRUE(disk.remove_directory(f, dir));
  EXPECT_TRUE(disk.list(f, dir).error().is(Errc::no_such_file));
  EXPECT_TRUE(disk.unlink(f, dir + "/x").error().is(Errc::no_such_file));
}

void make_directories_makes_the_missing_ones(Fiber& f, const Ground& ground) {
  ASSERT_TRUE(make_directories(f, f.node().disk(), ground.directory + "/a/b/c"));
  ASSERT_TRUE(make_directories(f, f.node().disk(), ground.directory + "/a/b/c"));
  EXPECT_TRUE(exists(f, f.node().disk(), ground.directory + "/a/b/c").value());
  EXPECT_FALSE(exists(f, f.node().disk(), ground.directory + "/a/x").value());
}

void a_lock_is_exclusive_until_its_file_is_closed(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  const std::string path = ground.directory + "/.lock";
  auto first = disk.open(f, path, OpenMode::create_or_open());
  ASSERT_TRUE(first);
  ASSERT_TRUE((*first)->lock(f));
  auto second = disk.open(f, path, OpenMode::create_or_open());
  ASSERT_TRUE(second);
  EXPECT_TRUE((*second)->lock(f).error().is(Errc::locked));
  first->reset();
  EXPECT_TRUE((*second)->lock(f));
}

void syncs_of_file_directory_and_filesystem_succeed(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  auto file = disk.open(f, ground.directory + "/synced", OpenMode::create_new());
  ASSERT_TRUE(file);
  const Buffer bytes = Buffer::copy_of("durable");
  ASSERT_TRUE(write_all(f, **file, 0, {&bytes, 1}));
  EXPECT_TRUE((*file)->datasync(f));
  EXPECT_TRUE(disk.sync_directory(f, ground.directory));
  EXPECT_TRUE(disk.sync_filesystem(f, ground.directory));
  EXPECT_GT(disk.space(f, ground.directory).value().free_bytes, 0u);
  EXPECT_EQ(disk.boot_id(f).value(), disk.boot_id(f).value());
}

void a_write_whose_waiter_gave_up_still_happens(Fiber& f, const Ground& ground) {
  const std::string path = ground.directory + "/given_up";
  ASSERT_TRUE(put(f, path, std::string(40, '.')));
  auto file = f.node().disk().open(f, path, OpenMode::read_write());
  ASSERT_TRUE(file);
  constexpr Duration kDeadlines[] = {-1ms, 0ms, 1us, 20us, 1ms};
  for (std::size_t i = 0; i < std::size(kDeadlines); ++i) {
    const Buffer bytes = Buffer::copy_of("12345678");  // gone when the waiter gives up
    const auto within = f.deadline_in(kDeadlines[i]);
    const auto written = (*file)->write(f, 8 * i, {&bytes, 1});
    ASSERT_TRUE(written || written.error().is(Errc::deadline)) << describe(written.error());
  }
  // Each is there after a while, as a whole or the part that a short write takes, and nothing else.
  std::string text;
  for (int tries = 0; tries < 1000; ++tries) {
    text = get(f, path).value();
    std::size_t there = 0;
    for (std::size_t i = 0; i < std::size(kDeadlines); ++i) there += text[8 * i] == '1' ? 1 : 0;
    if (there == std::size(kDeadlines)) break;
    ASSERT_TRUE(f.sleep(10ms));
  }
  ASSERT_EQ(text.size(), 40u);
  for (std::size_t i = 0; i < std::size(kDeadlines); ++i) {
    const std::string_view part = std::string_view{text}.substr(8 * i, 8);
    const std::size_t taken = std::min(part.find('.'), part.size());
    EXPECT_GT(taken, 0u) << "write " << i << " never happened";
    EXPECT_EQ(part.substr(0, taken), std::string_view{"12345678"}.substr(0, taken));
    EXPECT_EQ(part.substr(taken), std::string(8 - taken, '.'));
  }
}

/// Every operation on a file, by turns; what each answered.
std::vector<Result<>> all_file_operations(Fiber& f, const Ground& ground, File& file) {
  Disk& disk = f.node().disk();
  const auto plain = [](const auto& outcome) -> Result<> {
    if (!outcome) return std::unexpected(outcome.error());
    return {};
  };
  const Buffer bytes = Buffer::copy_of("bytes");
  return {plain(file.read(f, 0, 5)), plain(file.write(f, 0, {&bytes, 1})), file.datasync(f), file.truncate(f, 5),
          file.allocate(f, 0, 5), plain(file.size(f)), plain(disk.open(f, ground.directory + "/ends", OpenMode::read_only())),
          plain(disk.list(f, ground.directory)), disk.sync_directory(f, ground.directory),
          disk.sync_filesystem(f, ground.directory), plain(disk.space(f, ground.directory))};
}

void a_deadline_ends_the_wait_for_a_file_operation_and_no_more(Fiber& f, const Ground& ground) {
  auto file = f.node().disk().open(f, ground.directory + "/ends", OpenMode::create_new());
  ASSERT_TRUE(file);
  for (const Duration deadline : {Duration{-1ms}, Duration{1us}, Duration{50us}}) {
    const auto within = f.deadline_in(deadline);
    for (const Result<>& outcome : all_file_operations(f, ground, **file))
      EXPECT_TRUE(outcome || outcome.error().is(Errc::deadline)) << describe(outcome.error());
    EXPECT_TRUE((*file)->datasync(f).error().is(Errc::deadline)) << "it is long past";
  }
  ASSERT_TRUE(f.sleep(1s));  // what had begun may take its time
  for (const Result<>& outcome : all_file_operations(f, ground, **file)) EXPECT_TRUE(outcome) << describe(outcome.error());
}

void a_cancellation_ends_the_wait_for_a_file_operation(Fiber& f, const Ground& ground) {
  auto file = f.node().disk().open(f, ground.directory + "/ends", OpenMode::create_new());
  ASSERT_TRUE(file);
  Scope scope{f};
  Errc heard{};
  bool only_cancelled = true;
  scope.spawn("busy", [&](Fiber& child) {
    for (;;) {
      for (const Result<>& outcome : all_file_operations(child, ground, **file))
        only_cancelled = only_cancelled && (outcome || outcome.error().is(Errc::cancelled));
      if (const auto synced = (*file)->datasync(child); !synced) {
        heard = synced.error().as<Errc>();
        return;
      }
    }
  });
  ASSERT_TRUE(f.sleep(3ms));
  scope.cancel();
  ASSERT_TRUE(scope.join(f));
  EXPECT_TRUE(only_cancelled);
  EXPECT_EQ(heard, Errc::cancelled);
  EXPECT_TRUE((*file)->datasync(f)) << "the file is as good as before";
}

/// Each operation that may have to wait for the device, on names that end with `tag`.
std::map<std::string_view, std::function<Result<>(Fiber&)>> waiting_operations(const Ground& ground, File& file, const std::string& tag) {
  const auto named = [&ground, &tag](std::string_view kind) { return fmt::format("{}/{}{}", ground.directory, kind, tag); };
  const auto plain = [](const auto& outcome) -> Result<> {
    if (!outcome) return std::unexpected(outcome.error());
    return {};
  };
  const auto bytes = std::make_shared<Buffer>(Buffer::copy_of("bytes"));
  return {
      {"write", [=, &file](Fiber& f) { return plain(file.write(f, 0, {bytes.get(), 1})); }},
      {"datasync", [&file](Fiber& f) { return file.datasync(f); }},
      {"truncate", [&file](Fiber& f) { return file.truncate(f, 5); }},
      {"allocate", [&file](Fiber& f) { return file.allocate(f, 0, 5); }},
      {"open", [=, path = named("made")](Fiber& f) { return plain(f.node().disk().open(f, path, OpenMode::create_or_open())); }},
      {"rename", [=, from = named("from"), to = named("to")](Fiber& f) { return f.node().disk().rename(f, from, to); }},
      {"unlink", [=, path = named("unlinked")](Fiber& f) { return f.node().disk().unlink(f, path); }},
      {"make_directory", [=, path = named("folder")](Fiber& f) { return f.node().disk().make_directory(f, path); }},
      {"remove_directory", [=, path = named("removed")](Fiber& f) { return f.node().disk().remove_directory(f, path); }},
      {"list", [=, path = ground.directory](Fiber& f) { return plain(f.node().disk().list(f, path)); }},
      {"sync_directory", [=, path = ground.directory](Fiber& f) { return f.node().disk().sync_directory(f, path); }},
      {"sync_filesystem", [=, path = ground.directory](Fiber& f) { return f.node().disk().sync_filesystem(f, path); }},
      {"space", [=, path = ground.directory](Fiber& f) { return plain(f.node().disk().space(f, path)); }},
  };
}

void who_waits_for_the_disk_holds_up_nobody_else(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  for (const char* tag : {"-waits", "-gives-up"}) {
    for (const char* kind : {"from", "unlinked"}) ASSERT_TRUE(put(f, fmt::format("{}/{}{}", ground.directory, kind, tag), "x"));
    ASSERT_TRUE(disk.make_directory(f, fmt::format("{}/removed{}", ground.directory, tag)));
  }
  auto file = disk.open(f, ground.directory + "/held", OpenMode::create_new());
  ASSERT_TRUE(file);
  const auto gives_up = waiting_operations(ground, **file, "-gives-up");
  for (const auto& [name, operation] : waiting_operations(ground, **file, "-waits")) {
    ASSERT_TRUE(f.sleep(200ms));  // a backend that has just seen the disk answer may trust it for a while
    ground.hold_disk(true);
    bool ended = false;
    Scope scope{f};
    scope.spawn("waits", [&, &operation = operation, &name = name](Fiber& child) {
      const Result<> outcome = operation(child);
      EXPECT_TRUE(outcome) << name << ": " << describe(outcome.error());
      ended = true;
    });
    ASSERT_TRUE(f.sleep(10ms));
    {
      const auto within = f.deadline_in(10ms);
      EXPECT_TRUE(gives_up.at(name)(f).error().is(Errc::deadline)) << name;
    }
    EXPECT_FALSE(ended) << name;
    ground.hold_disk(false);
    ASSERT_TRUE(scope.join(f));
    EXPECT_TRUE(ended) << name;
  }
}

void a_file_that_was_opened_to_be_read_takes_no_change(Fiber& f, const Ground& ground) {
  const std::string path = ground.directory + "/read_only";
  ASSERT_TRUE(put(f, path, "text"));
  auto file = f.node().disk().open(f, path, OpenMode::read_only());
  ASSERT_TRUE(file);
  const Buffer bytes = Buffer::copy_of("more");
  EXPECT_TRUE((*file)->write(f, 0, {&bytes, 1}).error().is(Errc::permission));
  EXPECT_TRUE((*file)->truncate(f, 0).error().is(Errc::permission));
  EXPECT_TRUE((*file)->allocate(f, 0, 100).error().is(Errc::permission));
  EXPECT_EQ(get(f, path).value(), "text");
}

/// What is given up goes on: it would rename the temporary file that the next one has begun to write.
void replace_file_is_not_given_up_half_way(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  const std::string path = ground.directory + "/replaced";
  Scope scope{f};
  scope.spawn("impatient", [&](Fiber& child) {
    const auto within = child.deadline_in(0ms);
    EXPECT_TRUE(replace_file(child, disk, path, as_bytes("first")));
  });
  scope.spawn("cancelled", [&](Fiber& child) { EXPECT_TRUE(replace_file(child, disk, path + "2", as_bytes("second"))); });
  static_cast<void>(f.yield());
  scope.cancel();
  static_cast<void>(scope.join(f));
  for (const std::string& one : {path, path + "2"}) {
    EXPECT_TRUE(exists(f, disk, one).value_or(false)) << one;
    EXPECT_FALSE(exists(f, disk, one + ".tmp").value_or(true)) << one;
  }
}

void replace_file_is_all_or_nothing_and_leaves_no_temporary(Fiber& f, const Ground& ground) {
  Disk& disk = f.node().disk();
  const std::string path = ground.directory + "/checkpoint";
  ASSERT_TRUE(replace_file(f, disk, path, as_bytes("one")));
  ASSERT_TRUE(replace_file(f, disk, path, as_bytes("two")));
  EXPECT_EQ(get(f, path).value(), "two");
  EXPECT_FALSE(exists(f, disk, path + ".tmp").value());
}

void files_of_one_directory_can_be_used_from_many_fibers(Fiber& f, const Ground& ground) {
  Scope scope{f};
  int equal = 0;
  for (int i = 0; i < 20; ++i) {
    scope.spawn("writer", [&, i](Fiber& child) {
      const std::string path = fmt::format("{}/many{}", ground.directory, i);
      const std::string text(1000 + 500 * static_cast<std::size_t>(i), static_cast<char>('a' + i));
      ASSERT_TRUE(put(child, path, text));
      if (get(child, path).value() == text) ++equal;
    });
  }
  ASSERT_TRUE(scope.join(f));
  EXPECT_EQ(equal, 20);
}

constexpr Case kDiskCases[] = {
    {"what_was_written_is_read", what_was_written_is_read},
    {"a_chain_of_many_buffers_is_written_in_order", a_chain_of_many_buffers_is_written_in_order},
    {"reading_at_the_end_answers_nothing_and_past_a_hole_zeros",
     reading_at_the_end_answers_nothing_and_past_a_hole_zeros},
    {"truncate_cuts_and_grows_with_zeros", truncate_cuts_and_grows_with_zeros},
    {"allocate_grows_the_file", allocate_grows_the_file},
    {"open_modes_mean_what_they_say", open_modes_mean_what_they_say},
    {"rename_replaces_and_open_files_follow_their_inode", rename_replaces_and_open_files_follow_their_inode},
    {"directories_list_sorted_and_go_only_when_empty", directories_list_sorted_and_go_only_when_empty},
    {"make_directories_makes_the_missing_ones", make_directories_makes_the_missing_ones},
    {"a_lock_is_exclusive_until_its_file_is_closed", a_lock_is_exclusive_until_its_file_is_closed},
    {"syncs_of_file_directory_and_filesystem_succeed", syncs_of_file_directory_and_filesystem_succeed},
    {"a_write_whose_waiter_gave_up_still_happens", a_write_whose_waiter_gave_up_still_happens},
    {"a_deadline_ends_the_wait_for_a_file_operation_and_no_more", a_deadline_ends_the_wait_for_a_file_operation_and_no_more},
    {"a_cancellation_ends_the_wait_for_a_file_operation", a_cancellation_ends_the_wait_for_a_file_operation},
    {"who_waits_for_the_disk_holds_up_nobody_else", who_waits_for_the_disk_holds_up_nobody_else},
    {"a_file_that_was_opened_to_be_read_takes_no_change", a_file_that_was_opened_to_be_read_takes_no_change},
    {"replace_file_is_not_given_up_half_way", replace_file_is_not_given_up_half_way},
    {"replace_file_is_all_or_nothing_and_leaves_no_temporary", replace_file_is_all_or_nothing_and_leaves_no_temporary},
    {"files_of_one_directory_can_be_used_from_many_fibers", files_of_one_directory_can_be_used_from_many_fibers},
};

}  // namespace
std::span<const Case> disk_cases() { return kDiskCases; }
}  // namespace kernel::conformance
