// The few Kafka messages that the load generator and the floor broker exchange, made by hand: Produce 9 and Fetch 4.
// They do not use net/, so that a fault there cannot hide itself in a measurement.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernel/bytes.h"
#include "kernel/crc32c.h"

namespace bench {

inline const std::byte* byte_at(std::string_view text, std::size_t at) {
  return reinterpret_cast<const std::byte*>(text.data() + at);
}

template <std::integral T>
void put(std::string& out, T value) {
  std::byte bytes[sizeof value];
  kernel::store_be(bytes, value);
  out.append(reinterpret_cast<const char*>(bytes), sizeof bytes);
}
inline void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
inline void put_zigzag(std::string& out, std::int64_t value) {
  put_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

/// Where things lie in a record batch.
inline constexpr std::size_t kBatchHead = 61;
inline constexpr std::size_t kCrcAt = 17;
inline constexpr std::size_t kChecked = 21;  ///< the checksum covers from here to the end
inline constexpr std::size_t kLastDeltaAt = 23;

struct Batch {
  std::string bytes;
  std::size_t records = 0;
};

/// What a batch holds. Noise does not compress; text is like what services log, and compresses to a third or a fifth.
enum class Payload { noise, text };

/// `count` records with values of `record_bytes`, as they lie in an uncompressed batch.
inline std::string make_records(std::size_t record_bytes, std::int32_t count, Payload payload) {
  std::string records;
  std::uint64_t noise = 88172645463325252ULL;
  const auto next = [&] { return noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17; };
  for (std::int32_t i = 0; i < count; ++i) {
    std::string value;
    while (value.size() < record_bytes) {
      if (payload == Payload::noise) {
        value.push_back(static_cast<char>(next()));
      } else {
        value += "{\"service\":\"checkout\",\"host\":\"node-" + std::to_string(next() % 100) + "\",\"status\":200,\"user\":" +
                 std::to_string(next() % 1'000'000) + ",\"path\":\"/api/v1/orders\",\"took_us\":" + std::to_string(next() % 100'000) + "}";
      }
    }
    value.resize(record_bytes);
    std::string record{'\0'};  // attributes
    put_zigzag(record, 0);
    put_zigzag(record, i);
    put_zigzag(record, -1);  // no key
    put_zigzag(record, static_cast<std::int64_t>(record_bytes));
    record += value;
    put_zigzag(record, 0);  // no headers
    put_zigzag(records, static_cast<std::int64_t>(record.size()));
    records += record;
  }
  return records;
}

/// A batch of `count` records whose bytes, perhaps compressed, are `records`.
inline Batch make_batch(std::string_view records, std::int32_t count, std::int16_t codec = 0) {
  const std::int64_t stamp =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string checked;
  put<std::int16_t>(checked, codec);  // attributes: CreateTime
  put<std::int32_t>(checked, count - 1);
  put<std::int64_t>(checked, stamp);
  put<std::int64_t>(checked, stamp);
  put<std::int64_t>(checked, -1);
  put<std::int16_t>(checked, -1);
  put<std::int32_t>(checked, -1);
  put<std::int32_t>(checked, count);
  checked += records;
  Batch batch;
  put<std::int64_t>(batch.bytes, 0);
  put<std::int32_t>(batch.bytes, static_cast<std::int32_t>(checked.size() + 9));
  put<std::int32_t>(batch.bytes, -1);
  batch.bytes.push_back(2);
  put<std::uint32_t>(batch.bytes, kernel::crc32c(kernel::as_bytes(checked)));
  batch.bytes += checked;
  batch.records = static_cast<std::size_t>(count);
  return batch;
}

/// How many records of `record_bytes` an uncompressed batch of about `batch_bytes` holds; at least one.
inline std::int32_t records_that_fit(std::size_t record_bytes, std::size_t batch_bytes) {
  const std::size_t each = make_records(record_bytes, 1, Payload::noise).size() + 1;  // later offsets are longer
  return batch_bytes < kBatchHead + each ? 1 : static_cast<std::int32_t>((batch_bytes - kBatchHead) / each);
}

inline std::string framed(const std::string& request) {
  std::string out;
  put<std::int32_t>(out, static_cast<std::int32_t>(request.size()));
  return out + request;
}
inline constexpr std::string_view kClient = "bench";

inline std::string produce_request(std::string_view topic, std::int32_t partition, std::int16_t acks, std::string_view batch) {
  std::string r;
  put<std::int16_t>(r, 0);
  put<std::int16_t>(r, 9);
  put<std::int32_t>(r, 1);
  put<std::int16_t>(r, kClient.size());
  r += kClient;
  r += '\0';  // no tags
  r += '\0';  // no transaction
  put<std::int16_t>(r, acks);
  put<std::int32_t>(r, 30'000);
  put_varint(r, 2);  // one topic
  put_varint(r, topic.size() + 1);
  r += topic;
  put_varint(r, 2);  // one partition
  put<std::int32_t>(r, partition);
  put_varint(r, batch.size() + 1);
  r += batch;
  r += std::string(3, '\0');  // no tags on three levels
  return framed(r);
}

/// Where the partition stands in such a frame.
inline std::size_t produce_partition_at(std::string_view topic) {
  return 4 + 2 + 2 + 4 + 2 + kClient.size() + 1 + 1 + 2 + 4 + 1 + 1 + topic.size() + 1;
}

/// The error of the one partition in a Produce 9 answer.
inline std::int16_t produce_error(std::string_view answer, std::string_view topic) {
  const std::size_t at = 4 + 1 + 1 + 1 + topic.size() + 1 + 4;
  return answer.size() < at + 2 ? std::int16_t{-1} : kernel::load_be<std::int16_t>(byte_at(answer, at));
}

/// With a wait, an answer comes when there are records; without one it comes at once, empty at the end of the log.
inline std::string fetch_request(std::string_view topic, std::int32_t partition, std::int64_t offset, std::int32_t bytes_max,
                                 std::int32_t wait_ms = 0) {
  std::string r;
  put<std::int16_t>(r, 1);
  put<std::int16_t>(r, 4);
  put<std::int32_t>(r, 1);
  put<std::int16_t>(r, kClient.size());
  r += kClient;
  put<std::int32_t>(r, -1);
  put<std::int32_t>(r, wait_ms);
  put<std::int32_t>(r, 1);
  put<std::int32_t>(r, bytes_max);
  r += '\0';
  put<std::int32_t>(r, 1);
  put<std::int16_t>(r, static_cast<std::int16_t>(topic.size()));
  r += topic;
  put<std::int32_t>(r, 1);
  put<std::int32_t>(r, partition);
  put<std::int64_t>(r, offset);
  put<std::int32_t>(r, bytes_max);
  return framed(r);
}

struct Fetched {
  std::int16_t error = 0;
  std::int64_t next_offset = 0;
  std::size_t records = 0;  ///< of complete batches
  std::size_t bytes = 0;    ///< of complete batches
};
/// Walks the batch heads of a Fetch 4 answer with one partition.
inline Fetched read_fetch(std::string_view answer, std::string_view topic) {
  Fetched out;
  std::size_t at = 4 + 4 + 4 + 2 + topic.size() + 4 + 4;
  if (answer.size() < at + 26) return Fetched{.error = -1};
  out.error = kernel::load_be<std::int16_t>(byte_at(answer, at));
  const auto aborted = kernel::load_be<std::int32_t>(byte_at(answer, at + 18));
  at += 22 + (aborted > 0 ? static_cast<std::size_t>(aborted) * 16 : 0) + 4;
  while (at + kBatchHead <= answer.size()) {
    const auto size = 12 + static_cast<std::size_t>(kernel::load_be<std::int32_t>(byte_at(answer, at + 8)));
    if (at + size > answer.size()) break;
    const auto last = kernel::load_be<std::int32_t>(byte_at(answer, at + kLastDeltaAt));
    out.next_offset = kernel::load_be<std::int64_t>(byte_at(answer, at)) + last + 1;
    out.records += static_cast<std::size_t>(last) + 1;
    out.bytes += size;
    at += size;
  }
  return out;
}

}  // namespace bench
