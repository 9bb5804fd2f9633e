// Every reason of the broker's room has words for people, its own.
#include "broker/words.h"

#include <set>

#include <gtest/gtest.h>

#include "broker/controller/controller.h"
#include "broker/coordinators/coordinator.h"
#include "broker/handlers/validate_batch.h"
#include "broker/log/log.h"
#include "broker/log/log_directory.h"
#include "broker/log/reason.h"
#include "broker/metadata/image_builder.h"
#include "broker/replication/partition.h"
#include "net/compress/codec.h"
#include "net/record/reason.h"

namespace broker {
namespace {

/// The words of each reason from `first` to `last`.
template <class Reason>
void say_all(Reason first, Reason last, std::multiset<std::string>& said) {
  for (auto value = static_cast<std::uint16_t>(first); value <= static_cast<std::uint16_t>(last); ++value)
    said.insert(words_of(kernel::fail(static_cast<Reason>(value)).error()));
}

TEST(Words, NameEveryReasonOfTheRoomAndNeverItsNumber) {
  std::multiset<std::string> said;
  say_all(log::Reason::bad_size, log::Reason::duplicate, said);
  say_all(log::LogReason::out_of_order_sequence, log::LogReason::newer_format, said);
  say_all(log::LogDirectoryReason::foreign_cluster, log::LogDirectoryReason::duplicate_identity, said);
  say_all(metadata::Reason::unknown_topic, metadata::Reason::bad_transaction, said);
  say_all(controller::ControllerReason::damaged, controller::ControllerReason::newer_quorum_state, said);
  say_all(handlers::ProduceReason::no_batch, handlers::ProduceReason::transactional, said);
  say_all(coordinators::CoordinatorReason::not_coordinator, coordinators::CoordinatorReason::loading, said);
  say_all(replication::PartitionReason::fenced_leader_epoch, replication::PartitionReason::deleted, said);
  EXPECT_EQ(said.count("fenced leader epoch"), 1u);
  EXPECT_EQ(said.count("unknown topic"), 1u);
  EXPECT_EQ(said.count("foreign node"), 1u);
  // A partition's log and a log directory can both be of a newer format, and damaged are many things.
  for (const std::string& words : said) EXPECT_LE(said.count(words), words == "newer format" || words == "damaged" ? 2u : 1u) << words;
  for (const std::string& words : said) EXPECT_EQ(words.find_first_of("._0123456789"), words.npos) << words;
}

TEST(Words, OfTheRoomsBelowAreTheirs) {
  std::multiset<std::string> said;
  say_all(net::record::Reason::incomplete, net::record::Reason::bad_control_record, said);
  say_all(net::compress::Reason::corrupt, net::compress::Reason::unsupported, said);
  for (const std::string& words : said) EXPECT_EQ(words.find_first_of("._0123456789"), words.npos) << words;
  EXPECT_EQ(words_of(kernel::fail(net::record::Reason::bad_crc).error()), "bad crc");
  EXPECT_EQ(words_of(kernel::fail(net::compress::Reason::too_large).error()), "too large");
  EXPECT_EQ(words_of(kernel::fail(kernel::Errc::disk_full).error()), "disk full");
  EXPECT_EQ(words_of(kernel::fail_errno(2).error()), "No such file or directory");
}

}  // namespace
}  // namespace broker
