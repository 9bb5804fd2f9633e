#include "tests/clients/fake_broker.h"

#include <gtest/gtest.h>

#include "net/messages/api_versions.h"
#include "net/messages/fetch.h"
#include "net/messages/init_producer_id.h"
#include "net/messages/list_offsets.h"
#include "net/messages/metadata.h"
#include "net/messages/produce.h"
#include "net/record/validate.h"

namespace clients::testing {

using net::ApiKey;
using net::ErrorCode;
using net::Offset;
using net::PartitionId;

namespace {

kernel::Result<> read_all(kernel::Fiber& f, kernel::Socket& socket, kernel::MutableByteView out) {
  while (!out.empty()) {
    const std::size_t n = TRY(socket.read(f, out));
    if (n == 0) return kernel::fail(kernel::Errc::closed);
    out = out.subspan(n);
  }
  return {};
}

}  // namespace

void FakeBroker::append(const std::string& topic, int partition, const std::string& value,
                        net::record::BatchOptions options, std::int64_t timestamp_ms) {
  net::record::BatchBuilder builder{options};
  builder.append({.timestamp_ms = timestamp_ms, .value = kernel::as_bytes(value)});
  append_bytes(log(topic, partition), builder.build());
}

void FakeBroker::append_bytes(Log& log, std::vector<std::byte> bytes) {
  net::record::stamp_base_offset(bytes, Offset{log.end});
  net::record::stamp_leader_epoch(bytes, net::LeaderEpoch{3});
  const auto header = net::record::BatchHeader::parse(bytes);
  log.batches.push_back({Offset{log.end}, std::move(bytes), *header});
  log.end = log.batches.back().header.next_offset().raw();
  appended_.notify_all();
}

void FakeBroker::serve(kernel::Fiber& f) {
  kernel::Random random = f.node().random(kernel::Domain::workload, 77);
  random_ = &random;
  auto listener = f.node().network().listen(f, {address_, 9092});
  ASSERT_TRUE(listener);
  kernel::Scope connections{f};
  for (;;) {
    auto socket = (*listener)->accept(f);
    if (!socket) break;
    auto shared = std::make_shared<kernel::SocketHandle>(std::move(*socket));
    connections.spawn("connection", [this, shared](kernel::Fiber& c) { serve_connection(c, **shared); });
  }
  connections.cancel();
  (void)connections.join(f);
}

void FakeBroker::serve_connection(kernel::Fiber& f, kernel::Socket& socket) {
  for (;;) {
    std::array<std::byte, 4> prefix;
    if (!read_all(f, socket, prefix)) return;
    const auto size = net::parse_frame_size(prefix, 64 << 20);
    ASSERT_TRUE(size);
    std::vector<std::byte> frame(*size);
    if (!read_all(f, socket, frame)) return;
    net::Arena arena;
    net::Reader reader{frame, arena};
    const auto header = net::decode_request_header(reader);
    ASSERT_TRUE(header);
    const auto key = static_cast<ApiKey>(header->request_api_key);
    ++requests[key];
    if (faults.delay_max.count() > 0 &&
        !f.sleep(kernel::Duration{random_->between(0, faults.delay_max.count())})) return;
    if (random_->chance(faults.drop_before_ppm)) return socket.abort();
    if (silent.contains(key)) continue;
    const auto answered = answer(f, *header, reader);
    if (random_->chance(faults.drop_after_ppm)) return socket.abort();
    if (!answered) continue;
    const kernel::Buffer bytes = kernel::Buffer::copy_of(kernel::ByteView{answered->bytes});
    if (!socket.write(f, {&bytes, 1})) return;
  }
}

std::optional<net::EncodedFrame> FakeBroker::answer(kernel::Fiber& f, const net::RequestHeader& header,
                                                    net::Reader& reader) {
  switch (static_cast<ApiKey>(header.request_api_key)) {
    case ApiKey::api_versions: return api_versions(header);
    case ApiKey::metadata: return metadata(header, reader);
    case ApiKey::produce: return produce(f, header, reader);
    case ApiKey::fetch: return fetch(f, header, reader);
    case ApiKey::list_offsets: return list_offsets(header, reader);
    case ApiKey::init_producer_id: {
      net::InitProducerIdResponse response;
      if (const auto code = script(ApiKey::init_producer_id)) response.error_code = *code;
      else response.producer_id = net::ProducerId{next_producer_id_++};
      return encode(header, response);
    }
    default: ADD_FAILURE() << "unexpected API " << header.request_api_key; return std::nullopt;
  }
}

template <class Response>
std::optional<net::EncodedFrame> FakeBroker::encode(const net::RequestHeader& header, const Response& response) {
  auto frame = net::encode_response(header.request_api_version, header.correlation_id, response);
  EXPECT_TRUE(frame.has_value());
  return *frame;
}

std::optional<ErrorCode> FakeBroker::script(ApiKey key) {
  auto& codes = scripted[key];
  if (codes.empty()) return std::nullopt;
  const ErrorCode code = codes.front();
  codes.pop_front();
  return code;
}

std::optional<net::EncodedFrame> FakeBroker::api_versions(const net::RequestHeader& header) {
  net::Arena arena;
  net::ApiVersionsResponse response;
  for (const ApiKey key : {ApiKey::api_versions, ApiKey::metadata, ApiKey::produce, ApiKey::fetch,
                           ApiKey::list_offsets, ApiKey::init_producer_id}) {
    const net::ApiInfo& api = net::info(key);
    net::ApiVersionsResponse::ApiVersion one;
    one.api_key = static_cast<std::int16_t>(key);
    one.min_version = api.versions.first;
    one.max_version = key == ApiKey::api_versions    ? api_versions_last
                      : version_last.contains(key) ? version_last.at(key)
                                                   : std::min<std::int16_t>(api.versions.last, static_cast<std::int16_t>(api.unstable_from - 1));
    arena.push_back(response.api_keys, one);
  }
  if (header.request_api_version <= api_versions_last) return encode(header, response);
  response.error_code = ErrorCode::unsupported_version;
  net::RequestHeader as_zero = header;
  as_zero.request_api_version = 0;
  return encode(as_zero, response);
}

std::string FakeBroker::name_of(net::TopicId id) const {
  for (const auto& [name, topic] : ids_) {
    if (topic == id) return name;
  }
  return {};
}

std::optional<net::EncodedFrame> FakeBroker::metadata(const net::RequestHeader& header, net::Reader& reader) {
  const auto request = net::decode<net::MetadataRequest>(reader, header.request_api_version);
  EXPECT_TRUE(request);
  net::Arena arena;
  net::MetadataResponse response;
  net::MetadataResponse::MetadataResponseBroker broker;
  broker.node_id = net::BrokerId{1};
  broker.host = address_;
  broker.port = 9092;
  arena.push_back(response.brokers, broker);
  response.cluster_id = "fake";
  const auto code = script(ApiKey::metadata);
  for (const auto& asked : *request->topics) {
    net::MetadataResponse::MetadataResponseTopic topic;
    topic.name = arena.copy(*asked.name);
    const auto known = logs_.find(std::string{*asked.name});
    if (code) {
      topic.error_code = *code;
    } else if (known == logs_.end()) {
      topic.error_code = ErrorCode::unknown_topic_or_partition;
    } else {
      topic.topic_id = ids_.at(known->first);
      for (const auto& [id, log] : known->second) {
        net::MetadataResponse::MetadataResponsePartition partition;
        partition.partition_index = id;
        partition.leader_id = net::BrokerId{1};
        partition.leader_epoch = net::LeaderEpoch{3};
        arena.push_back(topic.partitions, partition);
      }
    }
    arena.push_back(response.topics, topic);
  }
  return encode(header, response);
}

std::pair<ErrorCode, Offset> FakeBroker::append_checked(Log& log, kernel::ByteView bytes) {
  const auto header = net::record::validate_client_batch({&bytes, 1});
  if (!header) {
    ADD_FAILURE() << "a client sent a bad batch: " << kernel::describe(header.error());
    return {ErrorCode::corrupt_message, Offset{-1}};
  }
  if (header->has_producer()) {
    Producer& producer = log.producers[header->producer_id];
    if (header->producer_epoch < producer.epoch) return {ErrorCode::invalid_producer_epoch, Offset{-1}};
    const bool fresh_epoch = header->producer_epoch != producer.epoch;
    for (const auto& [first, rest] : producer.batches) {
      if (!fresh_epoch && first == header->base_sequence && rest.first == header->last_sequence()) {
        ++duplicates_dropped;
        return {ErrorCode::none, rest.second};
      }
    }
    const std::int32_t expected =
        fresh_epoch || producer.batches.empty() ? 0 : net::record::sequence_after(producer.batches.back().second.first, 1);
    if (header->base_sequence != expected) {
      ++out_of_order;
      return {ErrorCode::out_of_order_sequence_number, Offset{-1}};
    }
    if (fresh_epoch) producer.batches.clear();
    producer.epoch = header->producer_epoch;
    producer.batches.push_back({header->base_sequence, {header->last_sequence(), Offset{log.end}}});
    if (producer.batches.size() > 5) producer.batches.pop_front();
  }
  const Offset base{log.end};
  append_bytes(log, {bytes.begin(), bytes.end()});
  return {ErrorCode::none, base};
}

std::optional<net::EncodedFrame> FakeBroker::produce(kernel::Fiber&, const net::RequestHeader& header,
                                                     net::Reader& reader) {
  const auto request = net::decode<net::ProduceRequest>(reader, header.request_api_version);
  EXPECT_TRUE(request);
  net::Arena arena;
  net::ProduceResponse response;
  for (const auto& asked : request->topic_data) {
    const std::string name = header.request_api_version >= 13 ? name_of(asked.topic_id) : std::string{asked.name};
    net::ProduceResponse::TopicProduceResponse topic;
    topic.name = arena.copy(name);
    topic.topic_id = asked.topic_id;
    for (const auto& data : asked.partition_data) {
      net::ProduceResponse::PartitionProduceResponse partition;
      partition.index = data.index;
      partition.base_offset = Offset{-1};
      if (const auto code = script(ApiKey::produce)) {
        partition.error_code = *code;
        if (!refusal.empty()) partition.error_message = refusal;
        for (const auto& [index, words] : blamed) {
          net::ProduceResponse::BatchIndexAndErrorMessage one;
          one.batch_index = index;
          if (!words.empty()) one.batch_index_error_message = words;
          arena.push_back(partition.record_errors, one);
        }
      } else if (random_->chance(faults.error_ppm)) {
        const bool done_all_the_same = random_->below(2) == 0;
        if (done_all_the_same) (void)append_checked(logs_.at(name).at(data.index), data.records.bytes());
        partition.error_code = done_all_the_same ? ErrorCode::not_enough_replicas_after_append : ErrorCode::not_enough_replicas;
      } else {
        std::tie(partition.error_code, partition.base_offset) =
            append_checked(logs_.at(name).at(data.index), data.records.bytes());
      }
      arena.push_back(topic.partition_responses, partition);
    }
    arena.push_back(response.responses, topic);
  }
  if (request->acks == 0) return std::nullopt;
  return encode(header, response);
}

std::optional<net::EncodedFrame> FakeBroker::fetch(kernel::Fiber& f, const net::RequestHeader& header,
                                                   net::Reader& reader) {
  const auto request = net::decode<net::FetchRequest>(reader, header.request_api_version);
  EXPECT_TRUE(request);
  const bool by_id = header.request_api_version >= 13;
  net::FetchResponse response;
  net::Arena arena;
  Session* session = nullptr;
  if (request->session_epoch > 0) {
    const auto known = sessions_.find(request->session_id);
    if (known == sessions_.end() || random_->chance(faults.forget_session_ppm)) {
      response.error_code = ErrorCode::fetch_session_id_not_found;
      return encode(header, response);
    }
    EXPECT_EQ(known->second.epoch, request->session_epoch);
    session = &known->second;
    ++session->epoch;
    ++incremental_fetches;
  } else {
    response.session_id = next_session_++;
    session = &sessions_[response.session_id];
  }
  response.session_id = request->session_epoch > 0 ? request->session_id : response.session_id;
  for (const auto& topic : request->forgotten_topics_data) {
    const std::string name = by_id ? name_of(topic.topic_id) : std::string{topic.topic};
    for (const PartitionId id : topic.partitions) EXPECT_EQ(session->wanted.erase({name, id}), 1u);
  }
  for (const auto& topic : request->topics) {
    const std::string name = by_id ? name_of(topic.topic_id) : std::string{topic.topic};
    for (const auto& p : topic.partitions) session->wanted[{name, p.partition}] = {p.fetch_offset, p.partition_max_bytes};
  }
  const auto has_news = [&] {
    for (const auto& [key, want] : session->wanted) {
      const Log& log = logs_.at(key.first).at(key.second);
      if (want.first.raw() != log.end) return true;
    }
    return false;
  };
  {
    const auto within = f.deadline_in(std::chrono::milliseconds{request->max_wait_ms});
    while (!has_news()) {
      if (!appended_.wait(f)) break;
    }
  }
  const auto code = script(ApiKey::fetch);
  for (const auto& [key, want] : session->wanted) {
    Log& log = logs_.at(key.first).at(key.second);
    net::FetchResponse::PartitionData data;
    data.partition_index = key.second;
    data.high_watermark = Offset{log.end};
    data.last_stable_offset = Offset{log.end};
    data.log_start_offset = Offset{log.start};
    data.records = net::Records::view({});
    data.aborted_transactions.emplace();
    for (const auto& [producer, first] : log.aborted) {
      net::FetchResponse::AbortedTransaction one;
      one.producer_id = producer;
      one.first_offset = first;
      arena.push_back(*data.aborted_transactions, one);
    }
    std::vector<std::byte> bytes;
    if (code || random_->chance(faults.error_ppm)) {
      data.error_code = code.value_or(ErrorCode::not_leader_or_follower);
    } else if (want.first.raw() > log.end || want.first.raw() < log.start) {
      data.error_code = ErrorCode::offset_out_of_range;
    } else {
      for (const Stored& batch : log.batches) {
        if (batch.header.last_offset() < want.first) continue;
        if (!bytes.empty() && bytes.size() + batch.bytes.size() > static_cast<std::size_t>(want.second)) break;
        const bool cut = short_fetches && !bytes.empty();
        bytes.insert(bytes.end(), batch.bytes.begin(), cut ? batch.bytes.begin() + 30 : batch.bytes.end());
        if (cut) break;
      }
    }
    if (bytes.empty() && data.error_code == ErrorCode::none && request->session_epoch > 0) continue;
    const std::string_view kept = arena.copy(kernel::as_text(bytes));
    data.records = net::Records::view(kernel::as_bytes(kept));
    if (response.responses.empty() || response.responses.back().topic != key.first) {
      net::FetchResponse::FetchableTopicResponse topic;
      topic.topic = key.first;
      topic.topic_id = ids_.at(key.first);
      arena.push_back(response.responses, topic);
    }
    arena.push_back(response.responses.back().partitions, data);
  }
  return encode(header, response);
}

std::optional<net::EncodedFrame> FakeBroker::list_offsets(const net::RequestHeader& header, net::Reader& reader) {
  const auto request = net::decode<net::ListOffsetsRequest>(reader, header.request_api_version);
  EXPECT_TRUE(request);
  net::Arena arena;
  net::ListOffsetsResponse response;
  for (const auto& asked : request->topics) {
    net::ListOffsetsResponse::ListOffsetsTopicResponse topic;
    topic.name = asked.name;
    for (const auto& one : asked.partitions) {
      const Log& log = logs_.at(std::string{asked.name}).at(one.partition_index);
      net::ListOffsetsResponse::ListOffsetsPartitionResponse partition;
      partition.partition_index = one.partition_index;
      if (const auto code = script(ApiKey::list_offsets)) {
        partition.error_code = *code;
      } else if (one.timestamp == -1) {
        partition.offset = Offset{log.end};
      } else if (one.timestamp == -2) {
        partition.offset = Offset{log.start};
      } else {
        for (const Stored& batch : log.batches) {
          if (batch.header.max_timestamp_ms < one.timestamp) continue;
          partition.offset = batch.base;
          partition.timestamp = batch.header.max_timestamp_ms;
          break;
        }
      }
      arena.push_back(topic.partitions, partition);
    }
    arena.push_back(response.topics, topic);
  }
  return encode(header, response);
}

}  // namespace clients::testing
