#include "net/framing.h"

#include <gtest/gtest.h>

#include <array>

#include "net/messages/api_versions.h"
#include "net/messages/fetch.h"
#include "net/messages/metadata.h"
#include "net/messages/produce.h"

namespace net {
namespace {

std::array<std::byte, 4> prefix(std::int32_t size) {
  std::array<std::byte, 4> out;
  kernel::store_be(out.data(), size);
  return out;
}
const std::byte* at(const EncodedFrame& frame, std::size_t offset) { return frame.bytes.data() + offset; }

TEST(Framing, a_size_is_taken_within_its_bound_only) {
  EXPECT_EQ(parse_frame_size(prefix(100), 100).value(), 100U);
  EXPECT_TRUE(parse_frame_size(prefix(101), 100).error().is(kernel::Errc::too_large));
  EXPECT_TRUE(parse_frame_size(prefix(-1), 100).error().is(kernel::Errc::corrupt));
  EXPECT_EQ(parse_frame_size(prefix(0), 100).value(), 0U);
}

TEST(Framing, a_request_reads_as_it_was_written) {
  MetadataRequest request;
  request.topics.reset();
  for (std::int16_t v = 1; v <= MetadataRequest::kVersions.last; ++v) {
    const EncodedFrame frame = encode_request(v, 42, "me", request).value();
    EXPECT_EQ(kernel::load_be<std::int32_t>(frame.bytes.data()), static_cast<std::int32_t>(frame.bytes.size() - 4));
    Arena arena;
    Reader reader{{at(frame, 4), frame.bytes.size() - 4}, arena};
    const RequestHeader header = decode_request_header(reader).value();
    EXPECT_EQ(header.request_api_key, 3);
    EXPECT_EQ(header.request_api_version, v);
    EXPECT_EQ(header.correlation_id, 42);
    EXPECT_EQ(header.client_id, "me");
    EXPECT_EQ(decode<MetadataRequest>(reader, v).value(), request);
    EXPECT_EQ(reader.remaining(), 0U);
  }
}

TEST(Framing, the_header_of_an_api_versions_request_of_any_version_is_read) {
  RequestHeader header;
  header.request_api_key = 18;
  header.request_api_version = 99;
  header.correlation_id = 5;
  const auto bytes = encode(header, 2).value();
  Arena arena;
  Reader reader{bytes, arena};
  EXPECT_EQ(decode_request_header(reader).value(), header);
}

TEST(Framing, an_unknown_api_is_unsupported) {
  const std::array<std::byte, 20> frame{std::byte{0x7f}};
  Arena arena;
  Reader reader{frame, arena};
  EXPECT_TRUE(decode_request_header(reader).error().is(kernel::Errc::unsupported));
}

TEST(Framing, responses_have_tagged_headers_where_flexible_but_api_versions_never) {
  EXPECT_EQ(response_header_version(info(ApiKey::metadata), 8), 0);
  EXPECT_EQ(response_header_version(info(ApiKey::metadata), 9), 1);
  EXPECT_EQ(response_header_version(info(ApiKey::api_versions), 4), 0);
  EXPECT_EQ(encode_response(3, 7, ApiVersionsResponse{}).value().bytes.size(), 4U + 4 + 2 + 1 + 4 + 1);
}

TEST(Framing, external_records_leave_gaps_that_join_to_the_whole_frame) {
  const std::string first(300, 'a');
  const std::string second(5, 'b');
  Arena arena;
  FetchResponse whole;
  whole.responses = arena.list<FetchResponse::FetchableTopicResponse>(1);
  auto& partitions = whole.responses[0].partitions;
  partitions = arena.list<FetchResponse::PartitionData>(3);
  partitions[0].records = Records::view(kernel::as_bytes(first));
  partitions[1].records = Records::view({});
  partitions[2].records = Records::view(kernel::as_bytes(second));
  for (std::int16_t v = FetchResponse::kVersions.first; v <= FetchResponse::kVersions.last; ++v) {
    partitions[0].records = Records::view(kernel::as_bytes(first));
    partitions[2].records = Records::view(kernel::as_bytes(second));
    const EncodedFrame expected = encode_response(v, 1, whole).value();
    EXPECT_TRUE(expected.gaps.empty());
    EXPECT_EQ(expected.wire_bytes, expected.bytes.size());

    partitions[0].records = Records::external(first.size(), 10);
    partitions[2].records = Records::external(second.size(), 11);
    const EncodedFrame frame = encode_response(v, 1, whole).value();
    EXPECT_EQ(frame.wire_bytes, expected.bytes.size());
    ASSERT_EQ(frame.gaps.size(), 2U);
    EXPECT_EQ(frame.bytes.size() + 305, frame.wire_bytes);
    std::string joined;
    std::size_t sent = 0;
    for (const Gap& gap : frame.gaps) {
      joined += kernel::as_text({at(frame, sent), gap.offset - sent});
      joined += gap.token == 10 ? first : second;
      EXPECT_EQ(gap.size_bytes, gap.token == 10 ? first.size() : second.size());
      sent = gap.offset;
    }
    joined += kernel::as_text({at(frame, sent), frame.bytes.size() - sent});
    EXPECT_EQ(joined, kernel::as_text(expected.bytes)) << v;
  }
}

TEST(Framing, a_response_goes_into_a_buffer_of_the_caller) {
  ProduceResponse response;
  response.throttle_time_ms = 3;
  const MessageSize size = response_size(9, response).value();
  std::vector<std::byte> buffer(size.stored_bytes);
  encode_response_into(buffer, size, 9, 77, response);
  EXPECT_EQ(buffer, encode_response(9, 77, response).value().bytes);
}

TEST(Framing, a_frame_beyond_two_gigabytes_is_refused) {
  Arena arena;
  FetchResponse response;
  response.responses = arena.list<FetchResponse::FetchableTopicResponse>(1);
  auto& partitions = response.responses[0].partitions;
  partitions = arena.list<FetchResponse::PartitionData>(2);
  for (auto& partition : partitions) partition.records = Records::external(0x60000000, 0);
  EXPECT_TRUE(encode_response(12, 1, response).error().is(kernel::Errc::too_large));
}

}  // namespace
}  // namespace net
