// What foreign clients and Apache Kafka said to each other (tests/golden/frames/, captured by
// tests/interop/capture.py) decodes, and encodes back to the very same bytes; the record batches in it are whole, can
// be read, and hold every codec. A line of a file:
//
//   request|response API VERSION HEX  # what caused it          HEX: a frame without its size, header included
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "net/framing.h"
#include "net/messages/fetch.h"
#include "net/messages/produce.h"
#include "net/record/validate.h"
#include "tests/net/message_case.h"
#include "tests/net/record/random_records.h"

namespace net::testing {
namespace {

using kernel::ByteView;

struct Frame {
  std::string file;
  std::size_t line = 0;
  MessageKind kind = MessageKind::request;
  std::int16_t api = -1;
  std::int16_t version = -1;
  std::vector<std::byte> bytes;
  std::string cause;

  [[nodiscard]] std::string where() const { return fmt::format("{}:{} ({})", file, line, cause); }
};

std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16)));
  return bytes;
}

const std::vector<Frame>& frames() {
  static const std::vector<Frame> all = [] {
    std::vector<Frame> read;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{KALDA_SOURCE_DIR "/tests/golden/frames"})
      if (entry.path().extension() == ".txt") files.push_back(entry.path());
    std::ranges::sort(files);
    for (const auto& path : files) {
      std::ifstream file{path};
      std::size_t number = 0;
      for (std::string line; std::getline(file, line);) {
        Frame frame{.file = path.stem().string(), .line = ++number};
        std::istringstream words{line};
        std::string kind, hex, hash;
        words >> kind >> frame.api >> frame.version >> hex >> hash >> std::ws;
        std::getline(words, frame.cause);
        frame.kind = kind == "request" ? MessageKind::request : MessageKind::response;
        frame.bytes = from_hex(hex);
        read.push_back(std::move(frame));
      }
    }
    return read;
  }();
  return all;
}

/// What some clients write that no schema asks for: zero bytes behind the end of the message. Servers do not read them.
struct Excess {
  std::string_view file;
  MessageKind kind;
  ApiKey api;
  std::size_t bytes;
};
constexpr Excess kExcess[] = {
    // One empty section of tagged fields too many.
    {"librdkafka-2.16", MessageKind::request, ApiKey::alter_user_scram_credentials, 1},
};
std::size_t excess_of(const Frame& frame) {
  for (const Excess& one : kExcess)
    if (one.file == frame.file && one.kind == frame.kind && one.api == static_cast<ApiKey>(frame.api)) return one.bytes;
  return 0;
}

/// Header and body of a frame, where they lie.
struct Parts {
  std::vector<std::byte> header_again;
  ByteView body;
};

kernel::Result<Parts> take_apart(const Frame& frame, Arena& arena) {
  const ApiInfo* api = find_api(frame.api);
  if (api == nullptr) return kernel::fail(kernel::Errc::unsupported, frame.api);
  Reader reader{frame.bytes, arena};
  Parts parts;
  if (frame.kind == MessageKind::request) {
    const RequestHeader header = TRY(decode_request_header(reader));
    parts.header_again = TRY(encode(header, request_header_version(*api, frame.version)));
  } else {
    const ResponseHeader header = TRY(decode_response_header(reader, api->key, frame.version));
    parts.header_again = TRY(encode(header, response_header_version(*api, frame.version)));
  }
  parts.body = ByteView{frame.bytes}.subspan(reader.position());
  const std::size_t excess = excess_of(frame);
  if (std::ranges::any_of(parts.body.last(excess), [](std::byte b) { return b != std::byte{0}; }))
    return kernel::fail(kernel::Errc::corrupt);
  parts.body = parts.body.first(parts.body.size() - excess);
  return parts;
}

TEST(ForeignFrames, are_encoded_back_to_the_same_bytes) {
  const auto cases = all_message_cases();
  for (const Frame& frame : frames()) {
    Arena arena;
    const auto parts = take_apart(frame, arena);
    ASSERT_TRUE(parts) << frame.where() << ": " << kernel::describe(parts.error());
    const auto one = std::ranges::find_if(
        cases, [&](const MessageCase& c) { return c.api_key == frame.api && c.kind == frame.kind; });
    ASSERT_NE(one, cases.end()) << frame.where();
    const auto message = one->decode(parts->body, frame.version, arena);
    if (!message) {
      ADD_FAILURE() << frame.where() << ": " << one->name << " v" << frame.version << ": "
                    << kernel::describe(message.error());
      continue;
    }
    auto again = parts->header_again;
    const auto body = one->encode(*message, frame.version);
    if (!body) {
      ADD_FAILURE() << frame.where() << ": " << kernel::describe(body.error()) << "\n" << one->text(*message);
      continue;
    }
    again.insert(again.end(), body->begin(), body->end());
    again.resize(again.size() + excess_of(frame));
    EXPECT_EQ(again, frame.bytes) << frame.where() << "\n" << one->text(*message);
  }
}

TEST(ForeignFrames, hold_whole_record_batches_of_every_codec) {
  std::map<std::string, std::set<std::string_view>> codecs;  // by file
  const auto check = [&](const Frame& frame, const Records& records) {
    record::BatchReader reader{records.bytes()};
    while (true) {
      const auto batch = reader.next();
      ASSERT_TRUE(batch) << frame.where() << ": " << kernel::describe(batch.error());
      if (!*batch) break;
      const ByteView whole = (*batch)->bytes;
      EXPECT_TRUE(record::check_whole((*batch)->header, {&whole, 1})) << frame.where();
      if (frame.kind == MessageKind::request) {
        EXPECT_TRUE(record::validate_client_batch({&whole, 1})) << frame.where();
      }
      const auto read = record::testing::read(**batch);
      ASSERT_TRUE(read) << frame.where() << ": " << kernel::describe(read.error());
      EXPECT_EQ(static_cast<std::int32_t>(read->size()), (*batch)->header.records_count) << frame.where();
      codecs[frame.file].insert(compress::name_of((*batch)->header.codec().value()));
    }
  };
  for (const Frame& frame : frames()) {
    Arena arena;
    const Parts parts = take_apart(frame, arena).value();
    if (frame.kind == MessageKind::request && frame.api == static_cast<std::int16_t>(ApiKey::produce)) {
      const auto request = decode_all<ProduceRequest>(parts.body, frame.version, arena).value();
      for (const auto& topic : request.topic_data)
        for (const auto& partition : topic.partition_data) check(frame, partition.records);
    }
    if (frame.kind == MessageKind::response && frame.api == static_cast<std::int16_t>(ApiKey::fetch)) {
      const auto response = decode_all<FetchResponse>(parts.body, frame.version, arena).value();
      for (const auto& topic : response.responses)
        for (const auto& partition : topic.partitions) check(frame, partition.records);
    }
  }
  const std::set<std::string_view> all{"none", "gzip", "snappy", "lz4", "zstd"};
  for (const auto& [file, found] : codecs) {
    if (file.starts_with("kafkajs") || file.starts_with("apache")) continue;  // know gzip only; speak of themselves
    EXPECT_EQ(found, all) << file << " holds " << fmt::format("{}", fmt::join(found, " "));
  }
}

TEST(ForeignFrames, come_from_several_programs_and_speak_nearly_every_api) {
  // Kafka answers these only with a metrics plugin, several log directories, Kafka Streams, or a changed address.
  const std::set<ApiKey> missing{ApiKey::fetch_snapshot,
                                 ApiKey::get_telemetry_subscriptions,
                                 ApiKey::push_telemetry,
                                 ApiKey::assign_replicas_to_dirs,
                                 ApiKey::update_raft_voter,
                                 ApiKey::streams_group_heartbeat,
                                 ApiKey::streams_group_topology_description_update};
  std::set<std::string> requesters;
  std::set<std::pair<MessageKind, ApiKey>> spoken;
  for (const Frame& frame : frames()) {
    if (frame.kind == MessageKind::request) requesters.insert(frame.file);
    spoken.emplace(frame.kind, static_cast<ApiKey>(frame.api));
  }
  EXPECT_EQ(requesters.size(), 8U);
  for (const ApiInfo& api : all_apis()) {
    for (const MessageKind kind : {MessageKind::request, MessageKind::response})
      EXPECT_EQ(spoken.contains({kind, api.key}), !missing.contains(api.key)) << api.name;
  }
}

}  // namespace
}  // namespace net::testing
