#include "scenarios/mutants.h"

#include <algorithm>

#include <fmt/format.h>

namespace scenarios {
namespace {

constexpr std::uint64_t kUnseen = 0, kEasy = 20, kMedium = 60, kHard = 300;
constexpr std::string_view kGroups = "groups-survive", kDamage = "damage-is-told";

constexpr Mutant kMutants[] = {
    {"broker.directory_not_assigned", "the metadata does not learn in which directory a partition is", kUnseen},
    {"broker.failed_directory_ends_broker", "one failed log directory takes all the others with it", kMedium},
    {"broker.lost_partition_made_anew", "a partition whose directory is offline begins empty in another one", kMedium},
    {"broker.offline_directory_still_read", "what is in a failed directory is read on", kUnseen},
    {"broker.unassigned_made_anew", "a partition not found at a start without all directories begins empty", kUnseen},
    {"controller.apply_before_sync", "a metadata change is visible before it is synced", kMedium},
    {"controller.ids_drawn_again", "topic ids repeat after a restart", kEasy},
    {"controller.reuse_producer_id_block", "a block of producer ids is not put on record", kEasy},
    {"controller.skip_sync", "a metadata change is acknowledged without a sync", kHard},
    {"controller.snapshot_not_synced", "a metadata snapshot replaces the log without a sync", kEasy},
    {"fetch.lost_wake_up", "what came between look and wait wakes nobody", kEasy},
    {"fetch.reads_above_high_watermark", "a read goes to the written end", kEasy},
    {"fetch.session_hears_of_watermarks_only", "an incremental answer leaves out bytes when no end moved", kEasy},
    {"fetch.session_keeps_old_offset", "a session does not learn the new offset of a partition", kEasy},
    {"fetch.unsynced_shown", "the high watermark is the written end", kHard},
    {"groups.ack_before_commit", "an answer goes out before its records are committed", kEasy, kGroups},
    {"groups.emptied_without_record", "the last member leaves and no record says so", kEasy, kGroups},
    {"groups.expire_while_rebalancing", "offsets expire although the group is about to use them (A52)", kUnseen},
    {"groups.generation_not_bumped", "a rebalance ends in the generation it began in", kEasy, kGroups},
    {"groups.load_keeps_last_batch", "a load applies only the last batch of what it read (A53)", kEasy, kGroups},
    {"groups.load_refuses_lone_tombstone", "a load ends at a tombstone whose record was compacted away (A50)", kMedium, kGroups},
    {"groups.member_not_fenced", "a static member that was replaced goes on", kEasy, kGroups},
    {"groups.rebalance_waits_for_pending", "who asked for a member id and never came back holds a rebalance up (A56)", kHard, kGroups},
    {"groups.stale_commit_accepted", "a commit of an older generation is taken", kEasy, kGroups},
    {"groups.tombstone_not_written", "a deleted offset comes back with the next load", kEasy, kGroups},
    {"log.ack_before_sync", "acks=all does not wait for the sync", kEasy},
    {"log.clean_mark_in_every_shutdown", "a failed stop leaves the mark of a clean one (A16)", kHard},
    {"log.closed_as_found", "a stop leaves a log that was written to as the last stop left it", kUnseen},
    {"log.compacted_not_synced", "a compacted segment replaces others before it is synced", kMedium},
    {"log.compaction_beyond_bound", "a compaction goes by keys above its bound (A26)", kEasy},
    {"log.compaction_forgets_producers", "the last batch of a producer is compacted away (A28)", kMedium},
    {"log.cut_below_watermark", "recovery cuts damage like a torn tail", kEasy, kDamage},
    {"log.dedup_window_of_one", "only the last batch of a producer counts as a duplicate", kEasy},
    {"log.directory_matched_by_name", "a new topic takes over the files of a deleted one (A19)", kHard},
    {"log.directory_named_last", "a partition that was half made is not named durably by the next attempt", kUnseen},
    {"log.duplicate_appended", "a batch sent again is written again", kEasy},
    {"log.duplicate_refused", "a batch sent again is out of order (A32)", kEasy},
    {"log.epochs_not_synced", "the leader epoch checkpoint is renamed into place unsynced (A17)", kEasy},
    {"log.failed_write_remembered", "a batch whose write failed counts as a duplicate when it comes again", kEasy},
    {"log.find_passes_last_record", "a read at the last record of a batch gets the next batch", kEasy},
    {"log.ignore_failed_sync", "a sync that failed counts as done", kMedium},
    {"log.index_ahead_of_log", "recovery keeps index entries beyond the cut", kUnseen},
    {"log.limit_read_twice", "the bytes that a read may give are reckoned from two looks at the file (A13)", kMedium},
    {"log.producer_state_not_rebuilt", "producers are forgotten by an unclean restart", kEasy},
    {"log.recovery_checks_no_checksum", "recovery takes torn batches for whole", kEasy},
    {"log.recovery_off_by_one", "recovery cuts one byte too much", kEasy},
    {"log.retention_by_first_record", "a segment is as old as its first record", kHard},
    {"log.retention_leaves_less", "retention by size goes below what it has to leave", kMedium},
    {"log.retention_of_compacted", "a topic that only compacts is subject to retention", kMedium},
    {"log.sequence_gap_taken", "a batch out of sequence is written", kEasy},
    {"log.shown_before_sync", "written batches are committed", kEasy},
    {"log.skip_directory_sync", "a new segment's directory entry is not synced", kEasy},
    {"log.skip_sync", "sync groups do not sync", kEasy},
    {"log.stale_high_watermark_after_restart", "the high watermark starts from an old checkpoint (A12)", kEasy},
    {"log.start_not_noted", "segments go before the new log start is on record", kEasy},
    {"log.swap_not_synced", "old segments go before the names of the new ones are synced", kMedium},
    {"log.swap_undone", "a start undoes a compaction that it has to complete", kMedium},
    {"log.swapped_out_not_synced", "new segments take their names before the old ones have lost them for good", kHard},
    {"log.tail_behind_index_forgotten", "a start after a kill does not index what the index files lacked", kMedium},
    {"log.tail_check_begins_late", "a start after a kill does not check the first batch above the watermark", kUnseen},
    {"log.tail_forgets_aborted", "a start after a kill forgets what was aborted since the last index block", kUnseen},
    {"log.tail_only_after_power_loss", "a start after a power loss looks at the tail only too", kUnseen},
    {"log.time_of_first_record", "a question by time passes over batches that begin earlier (A31)", kEasy},
    {"log.tombstone_horizon_of_records", "the time of tombstones begins when a record says so (A27)", kMedium},
    {"log.tombstones_go_at_once", "tombstones do not stay for delete.retention.ms", kEasy},
    {"log.unsynced_tail_trusted", "what a failed sync dropped is not written again at the next start", kHard},
    {"log.watermark_ahead_of_sync", "the synced watermark is that of the written end", kEasy},
    {"produce.duplicate_of_deleted_fails", "a batch sent again whose first writing was deleted is a server error (A35)", kMedium},
    {"produce.leader_ack_before_write", "acks=1 does not wait for the write", kHard},
    {"produce.remote_failure_acknowledged", "an append on another shard that failed is acknowledged", kEasy},
    {"produce.timeout_acknowledged", "an append that took too long is acknowledged", kHard},
};
static_assert(std::ranges::is_sorted(kMutants, {}, &Mutant::name));

}  // namespace

std::span<const Mutant> all_mutants() { return kMutants; }

std::optional<std::string> why_not_planted(std::string_view name) {
  if (name.empty()) return std::nullopt;
  if (!kMutantsBuild) return "this build has no planted bugs; `cmake --preset mutants` makes one that has";
  if (std::ranges::find(kMutants, name, &Mutant::name) != std::end(kMutants)) return std::nullopt;
  std::string text = fmt::format("there is no planted bug {}; there are", name);
  for (const Mutant& mutant : kMutants) text += fmt::format("\n  {}: {}", mutant.name, mutant.breaks);
  return text;
}

}  // namespace scenarios
