// Campaigns that are cut short, runs that stop at an event, and command lines that make no sense.
#include "scenarios/campaign.h"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/posix/runtime.h"
#include "scenarios/sim_commands.h"
#include "scenarios/sim_options.h"

namespace scenarios {
namespace {

/// A minute's work for a clock, and no end to it.
void tick_for_ever(Run& run) {
  std::function<void()> again = [&] { run.world().after(kernel::Duration{1'000'000}, again); };
  again();
  run.until([] { return false; }, kernel::Duration{60'000'000'000});
}
constexpr Scenario kTicking{"ticking", "a clock", tick_for_ever, {}};

TEST(Campaign, one_that_is_stopped_says_what_is_done_and_where_to_go_on) {
  bool enough = false;
  const Campaign campaign = run_campaign({.scenario = &kTicking,
                                          .first_seed = 40,
                                          .seeds = 1'000'000'000,
                                          .jobs = 2,
                                          .planted_bug = {},
                                          .stop_requested = [&] { return enough; }},
                                         [&](const Campaign& so_far) {
                                           enough = so_far.done.size() >= 5 && so_far.done.contains(40);
                                         });
  EXPECT_TRUE(campaign.interrupted);
  EXPECT_GE(campaign.done.size(), 5u);
  EXPECT_TRUE(campaign.failures.empty());
  const std::uint64_t next = first_left(campaign, 40);
  EXPECT_GT(next, 40u);
  EXPECT_FALSE(campaign.done.contains(next));
  for (std::uint64_t seed = 40; seed < next; ++seed) EXPECT_TRUE(campaign.done.contains(seed));
}

TEST(Campaign, one_that_came_to_its_end_was_not_interrupted) {
  const Campaign campaign = run_campaign({.scenario = &kTicking,
                                          .first_seed = kSeedMax - 1,
                                          .seeds = 2,
                                          .jobs = 1,
                                          .planted_bug = {},
                                          .stop_requested = [] { return false; }},
                                         [](const Campaign&) {});
  EXPECT_FALSE(campaign.interrupted);
  EXPECT_THAT(campaign.done, ::testing::ElementsAre(kSeedMax - 1, kSeedMax));
}

TEST(Run, told_events_end_with_the_one_to_stop_at_and_leave_out_the_taking_down) {
  kernel::StackPool stacks;
  for (const std::uint64_t until : {std::uint64_t{0}, std::uint64_t{777}}) {
    std::uint64_t last = 0;
    RunOptions options{.seed = 3, .planted_bug = {}, .until_event = until};
    options.on_event = [&](const sim::Event& event) { last = event.number; };
    const Outcome outcome = execute(all_scenarios().front(), options, stacks);
    EXPECT_EQ(last, until == 0 ? outcome.events : until);
  }
}

/// What parsing `arguments` says against them; empty when they are taken.
std::string complaint(const kernel::Command& command, std::vector<std::string> arguments) {
  CLI::App app{"test"};
  const kernel::CommandBody body = command.define(kernel::CommandLine{app});  // holds what the options are read into
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return {};
}

TEST(SimCommands, what_makes_no_sense_is_named) {
  using ::testing::HasSubstr;
  const std::string none = "--seeds: 0 is no whole number from 1";
  EXPECT_THAT(complaint(sim_run_command(), {"--seeds", "0"}), HasSubstr(none));
  EXPECT_THAT(complaint(sim_run_command(), {"--seed", "3", "--seeds", "4"}), HasSubstr("excludes"));
  EXPECT_THAT(complaint(sim_run_command(), {"--seed", "3", "--first-seed", "4"}), HasSubstr("excludes"));
  EXPECT_THAT(complaint(sim_run_command(), {"--jobs", "0"}), HasSubstr("--jobs: 0"));
  EXPECT_THAT(complaint(sim_run_command(), {"--scenario", "nope"}), HasSubstr("broker-survives"));
  EXPECT_THAT(complaint(sim_replay_command(), {"-1"}), HasSubstr("SEED: -1 is no whole number"));
  EXPECT_THAT(complaint(sim_replay_command(), {"18446744073709551616"}), HasSubstr("SEED: 18446744073709551616"));
  EXPECT_THAT(complaint(sim_replay_command(), {"1", "--until", "0"}), HasSubstr("--until: 0"));
  EXPECT_THAT(complaint(sim_mutants_command(), {"--first-seed", "-1"}), HasSubstr("--first-seed: -1"));
  EXPECT_EQ(complaint(sim_run_command(), {"--seeds", "3", "--first-seed", "0"}), "");
  EXPECT_EQ(complaint(sim_replay_command(), {"18446744073709551615", "--until", "1"}), "");
}

TEST(SimCommands, seeds_past_the_last_one_are_refused) {
  EXPECT_EQ(why_too_many(kSeedMax, 1), std::nullopt);
  EXPECT_EQ(why_too_many(0, kSeedMax), std::nullopt);
  EXPECT_THAT(why_too_many(kSeedMax, 2).value_or(""), ::testing::HasSubstr("--first-seed"));
  CLI::App app{"test"};
  const kernel::CommandBody body = sim_run_command().define(kernel::CommandLine{app});
  app.parse(std::vector<std::string>{"2", "--seeds", "18446744073709551615", "--first-seed"});
  kernel::posix::Runtime runtime{{.handle_signals = false}};
  EXPECT_EQ(runtime.run(body), 2);
}

TEST(SimCommands, one_that_is_stopped_ends_with_what_a_shell_calls_interrupted) {
  CLI::App app{"test"};
  const kernel::CommandBody body = sim_run_command().define(kernel::CommandLine{app});
  app.parse(std::vector<std::string>{"1000000", "--seeds"});
  kernel::posix::Runtime runtime{{.handle_signals = false}};
  runtime.request_stop();
  EXPECT_EQ(runtime.run(body), 130);
}

TEST(Campaign, judges_that_had_nothing_to_judge_are_named) {
  Campaign campaign;
  campaign.judged["D1"] = 7;
  constexpr std::string_view kJudges[] = {"D1", "L1"};
  EXPECT_THAT(idle_judges(campaign, {"any", "", tick_for_ever, kJudges}), ::testing::ElementsAre("L1"));
}

}  // namespace
}  // namespace scenarios
