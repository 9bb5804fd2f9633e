// A scripted broker for client tests: one topic-partition map in memory, written with net's codecs. It keeps Kafka's
// rules for sequences (five batches remembered) and fetch sessions, and can be told to drop connections before or
// after it did what was asked, to answer errors and to dawdle. It judges clients: a batch that a correct client never
// sends fails the test.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kernel/node.h"
#include "kernel/notify.h"
#include "kernel/scope.h"
#include "net/framing.h"
#include "net/record/batch_builder.h"

namespace clients::testing {

struct FakeFaults {
  std::uint32_t drop_before_ppm = 0;  ///< the connection ends and nothing was done
  std::uint32_t drop_after_ppm = 0;   ///< it was done, and the connection ends without an answer
  std::uint32_t error_ppm = 0;        ///< a partition answers a retriable error, with or without having done it
  std::uint32_t forget_session_ppm = 0;
  kernel::Duration delay_max{0};
};

class FakeBroker {
 public:
  struct Stored {
    net::Offset base{0};
    std::vector<std::byte> bytes;
    net::record::BatchHeader header;
  };
  struct Producer {
    net::ProducerEpoch epoch{-1};
    std::deque<std::pair<std::int32_t, std::pair<std::int32_t, net::Offset>>> batches;  // first -> (last, base)
  };
  struct Log {
    std::vector<Stored> batches;
    std::int64_t end = 0;
    std::int64_t start = 0;
    std::map<net::ProducerId, Producer> producers;
    std::vector<std::pair<net::ProducerId, net::Offset>> aborted;
  };

  explicit FakeBroker(std::string address) : address_{std::move(address)} {}

  void add_topic(const std::string& name, int partitions) {
    ids_[name] = net::TopicId{net::Uuid{7, ids_.size() + 1}};
    for (int p = 0; p < partitions; ++p) logs_[name][net::PartitionId{p}];
  }
  Log& log(const std::string& topic, int partition) { return logs_.at(topic).at(net::PartitionId{partition}); }
  /// Puts a batch of one record on a log.
  void append(const std::string& topic, int partition, const std::string& value,
              net::record::BatchOptions options = {}, std::int64_t timestamp_ms = 1000);
  void append_bytes(Log& log, std::vector<std::byte> bytes);

  /// Serves until cancelled.
  void serve(kernel::Fiber& f);

  FakeFaults faults;
  std::set<net::ApiKey> silent;                        ///< never answered
  std::map<net::ApiKey, std::deque<net::ErrorCode>> scripted;  ///< answered in turn, without doing anything
  std::string refusal;                                 ///< what scripted errors of Produce say
  std::vector<std::pair<std::int32_t, std::string>> blamed;  ///< records that they blame, with words
  std::int16_t api_versions_last = 4;
  std::map<net::ApiKey, std::int16_t> version_last;
  std::map<net::ApiKey, int> requests;
  std::uint64_t duplicates_dropped = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t incremental_fetches = 0;
  bool short_fetches = false;                          ///< answers end in the middle of a batch

 private:
  struct Session {
    std::int32_t epoch = 1;
    std::map<std::pair<std::string, net::PartitionId>, std::pair<net::Offset, std::int32_t>> wanted;
  };
  void serve_connection(kernel::Fiber& f, kernel::Socket& socket);
  std::optional<net::EncodedFrame> answer(kernel::Fiber& f, const net::RequestHeader& header, net::Reader& reader);
  template <class Response>
  std::optional<net::EncodedFrame> encode(const net::RequestHeader& header, const Response& response);
  std::optional<net::EncodedFrame> api_versions(const net::RequestHeader& header);
  std::optional<net::EncodedFrame> metadata(const net::RequestHeader& header, net::Reader& reader);
  std::optional<net::EncodedFrame> produce(kernel::Fiber& f, const net::RequestHeader& header, net::Reader& reader);
  std::optional<net::EncodedFrame> fetch(kernel::Fiber& f, const net::RequestHeader& header, net::Reader& reader);
  std::optional<net::EncodedFrame> list_offsets(const net::RequestHeader& header, net::Reader& reader);
  std::pair<net::ErrorCode, net::Offset> append_checked(Log& log, kernel::ByteView bytes);
  std::string name_of(net::TopicId id) const;
  std::optional<net::ErrorCode> script(net::ApiKey key);

  std::string address_;
  std::map<std::string, net::TopicId> ids_;
  std::map<std::string, std::map<net::PartitionId, Log>> logs_;
  std::map<std::int32_t, Session> sessions_;
  std::int32_t next_session_ = 1;
  std::int64_t next_producer_id_ = 100;
  kernel::Random* random_ = nullptr;
  kernel::Notify appended_;
};

}  // namespace clients::testing
