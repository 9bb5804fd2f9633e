#include "broker/log/leader_epochs.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace broker::log {
namespace {

/// The same knowledge as one epoch for every offset ever written, looked through from end to end.
struct EpochModel {
  std::int64_t start = 0;
  std::vector<std::int32_t> epoch_of;  // by offset; entries below `start` do not count

  [[nodiscard]] std::int64_t end() const { return static_cast<std::int64_t>(epoch_of.size()); }
  [[nodiscard]] std::map<std::int32_t, std::int64_t> first_offsets() const {
    std::map<std::int32_t, std::int64_t> first;
    for (std::int64_t offset = start; offset < end(); ++offset) first.try_emplace(epoch_of[static_cast<std::size_t>(offset)], offset);
    return first;
  }
};

TEST(LeaderEpochs, agree_with_a_log_that_knows_the_epoch_of_every_record) {
  EXPECT_TRUE(rc::check([] {
    LeaderEpochs epochs;
    EpochModel model;
    std::int32_t epoch = 0;
    for (int step = *rc::gen::inRange(1, 60); step > 0; --step) {
      switch (*rc::gen::inRange(0, 6)) {
        case 0: epoch += *rc::gen::inRange(1, 4); break;
        case 1: {
          const auto end = *rc::gen::inRange<std::int64_t>(model.start, model.end() + 1);
          epochs.truncate_from_end(Offset{end});
          model.epoch_of.resize(static_cast<std::size_t>(end));
          break;
        }
        case 2: {
          model.start = *rc::gen::inRange<std::int64_t>(model.start, model.end() + 1);
          if (model.start == model.end()) break;  // an emptied log restarts its epochs apart from this
          epochs.truncate_from_start(Offset{model.start});
          break;
        }
        default:
          if (model.start == model.end()) epochs = LeaderEpochs{};
          epochs.assign(LeaderEpoch{epoch}, Offset{model.end()});
          for (int n = *rc::gen::inRange(1, 4); n > 0; --n) model.epoch_of.push_back(epoch);
      }
      epochs.invariants();
      if (model.start == model.end()) continue;
      const auto first = model.first_offsets();
      RC_ASSERT(epochs.entries().size() == first.size());
      for (const EpochStart& entry : epochs.entries()) RC_ASSERT(first.at(entry.epoch.raw()) == entry.start.raw());
      for (std::int64_t offset = model.start; offset < model.end(); ++offset)
        RC_ASSERT(epochs.epoch_at(Offset{offset}) == LeaderEpoch{model.epoch_of[static_cast<std::size_t>(offset)]});
      for (std::int32_t asked = 0; asked <= epoch + 1; ++asked) {
        const auto above = first.upper_bound(asked);
        const auto answer = epochs.end_of(LeaderEpoch{asked}, Offset{model.end()});
        if (asked > first.rbegin()->first) {
          RC_ASSERT(!answer.has_value());
          continue;
        }
        const std::int32_t named = above == first.begin() ? asked : std::prev(above)->first;
        const std::int64_t end = above == first.end() ? model.end() : above->second;
        RC_ASSERT(answer == (LeaderEpochs::End{LeaderEpoch{named}, Offset{end}}));
      }
    }
  }));
}

TEST(LeaderEpochs, a_new_leader_is_noted_before_it_has_written_and_gives_way_to_the_next) {
  LeaderEpochs epochs;
  EXPECT_TRUE(epochs.assign(LeaderEpoch{1}, Offset{0}));
  EXPECT_TRUE(epochs.assign(LeaderEpoch{2}, Offset{10}));
  EXPECT_TRUE(epochs.assign(LeaderEpoch{3}, Offset{10}));
  EXPECT_EQ(epochs.entries().size(), 2u);
  EXPECT_EQ(epochs.latest(), (EpochStart{LeaderEpoch{3}, Offset{10}}));
  EXPECT_EQ(epochs.end_of(LeaderEpoch{2}, Offset{20}), (LeaderEpochs::End{LeaderEpoch{1}, Offset{10}}));
}

TEST(LeaderEpochs, say_whether_they_changed) {
  LeaderEpochs epochs{{{LeaderEpoch{1}, Offset{5}}, {LeaderEpoch{2}, Offset{10}}}};
  EXPECT_FALSE(epochs.assign(LeaderEpoch{2}, Offset{12}));
  EXPECT_FALSE(epochs.truncate_from_end(Offset{11}));
  EXPECT_FALSE(epochs.truncate_from_start(Offset{5}));
  EXPECT_TRUE(epochs.truncate_from_start(Offset{7}));
  EXPECT_EQ(epochs.entries().front(), (EpochStart{LeaderEpoch{1}, Offset{7}}));
  EXPECT_TRUE(epochs.truncate_from_end(Offset{10}));
  EXPECT_EQ(epochs.latest()->epoch, LeaderEpoch{1});
}

TEST(LeaderEpochs, know_nothing_of_no_epoch_or_one_above_all) {
  EXPECT_EQ(LeaderEpochs{}.end_of(LeaderEpoch{0}, Offset{0}), std::nullopt);
  const LeaderEpochs epochs{{{LeaderEpoch{4}, Offset{5}}}};
  EXPECT_EQ(epochs.end_of(net::kLeaderEpochNone, Offset{9}), std::nullopt);
  EXPECT_EQ(epochs.end_of(LeaderEpoch{5}, Offset{9}), std::nullopt);
  EXPECT_EQ(epochs.end_of(LeaderEpoch{2}, Offset{9}), (LeaderEpochs::End{LeaderEpoch{2}, Offset{5}}));
  EXPECT_EQ(epochs.epoch_at(Offset{4}), std::nullopt);
}

}  // namespace
}  // namespace broker::log
