#include "clients/group/protocol.h"

#include <algorithm>
#include <map>

#include "clients/core/reason.h"
#include "net/codec/message.h"
#include "net/messages/consumer_protocol.h"

namespace clients::group {

using core::Reason;
using kernel::ByteView;
using kernel::fail;
using kernel::Result;
using net::PartitionId;

namespace {

constexpr std::size_t kVersionBytes = 2;
/// What the bytes of one member may unfold to.
constexpr std::size_t kParsedBytesMax = 16U << 20U;

template <class M>
Bytes with_version(const M& message, std::int16_t version) {
  const auto body = net::encode(message, version);
  CHECK(body.has_value());  // every field that a version lacks may be dropped
  Bytes bytes(kVersionBytes + body->size());
  kernel::store_be(bytes.data(), version);
  std::ranges::copy(*body, bytes.begin() + kVersionBytes);
  return bytes;
}

/// Fills a list of (topic, partitions) from sorted partitions.
template <class Topic>
void fill(net::List<Topic>& topics, const Partitions& sorted, net::Arena& arena) {
  for (const TopicPartition& at : sorted) {
    if (topics.empty() || topics.back().topic != at.topic) arena.push_back(topics, {}).topic = at.topic;
    arena.push_back(topics.back().partitions, at.partition);
  }
}

/// Sorted, each once; nothing when a partition is negative.
template <class Topics>
std::optional<Partitions> read(const Topics& topics) {
  Partitions partitions;
  for (const auto& topic : topics) {
    for (const PartitionId partition : topic.partitions) {
      if (partition.raw() < 0) return std::nullopt;
      partitions.push_back({std::string{topic.topic}, partition});
    }
  }
  std::ranges::sort(partitions);
  partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  return partitions;
}

/// The version that `bytes` claim goes to `version`, as far as we know it.
template <class M>
Result<M> parse(ByteView bytes, net::Arena& arena, std::int16_t& version) {
  if (bytes.size() < kVersionBytes) return fail(kernel::Errc::corrupt);
  version = kernel::load_be<std::int16_t>(bytes.data());
  if (version < 0) return fail(kernel::Errc::unsupported, version);
  version = std::min(version, kProtocolVersionLast);
  net::Reader reader{bytes.subspan(kVersionBytes), arena};
  return net::decode<M>(reader, version);
}

std::map<std::string, std::vector<PartitionId>> by_topic(const Partitions& partitions) {
  std::map<std::string, std::vector<PartitionId>> topics;
  for (const TopicPartition& at : partitions) topics[at.topic].push_back(at.partition);
  return topics;
}

template <std::integral T>
void put(Bytes& out, T value) {
  out.resize(out.size() + sizeof value);
  kernel::store_be(out.data() + out.size() - sizeof value, value);
}

/// Reads the sticky form by hand: it is no message of the protocol.
class StickyReader {
 public:
  explicit StickyReader(ByteView bytes) : rest_{bytes} {}
  template <std::integral T>
  std::optional<T> number() {
    if (rest_.size() < sizeof(T)) return std::nullopt;
    const T value = kernel::load_be<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  std::optional<std::string> text() {
    const auto size = number<std::int16_t>();
    if (!size || *size < 0 || static_cast<std::size_t>(*size) > rest_.size()) return std::nullopt;
    std::string out{kernel::as_text(rest_.first(static_cast<std::size_t>(*size)))};
    rest_ = rest_.subspan(out.size());
    return out;
  }
  /// An array's length, if that many elements of at least `element_bytes` can follow.
  std::optional<std::int32_t> length(std::size_t element_bytes) {
    const auto size = number<std::int32_t>();
    if (!size || *size < 0 || static_cast<std::size_t>(*size) > rest_.size() / element_bytes) return std::nullopt;
    return size;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  ByteView rest_;
};

}  // namespace

Bytes encode_subscription(const Subscription& subscription, std::int16_t version) {
  net::Arena arena;
  net::ConsumerProtocolSubscription message;
  std::vector<std::string> topics = subscription.topics;
  std::ranges::sort(topics);
  for (const std::string& topic : topics) arena.push_back(message.topics, std::string_view{topic});
  if (subscription.user_data) message.user_data = net::Blob{ByteView{*subscription.user_data}};
  Partitions owned = subscription.owned;
  std::ranges::sort(owned);
  fill(message.owned_partitions, owned, arena);
  message.generation_id = subscription.generation;
  if (subscription.rack) message.rack_id = *subscription.rack;
  return with_version(message, version);
}

Result<Subscription> parse_subscription(ByteView bytes) {
  net::Arena arena{kParsedBytesMax};
  Subscription out;
  const auto malformed = [&] { return fail(Reason::malformed_subscription, static_cast<std::int64_t>(bytes.size())); };
  auto message = parse<net::ConsumerProtocolSubscription>(bytes, arena, out.version);
  if (!message && out.version == 1) {
    // @platformatic/kafka and older sarama say version 1 and write version 0. A leader that minds it stops the group.
    message = net::decode_all<net::ConsumerProtocolSubscription>(bytes.subspan(kVersionBytes), 0, arena);
    out.version = 0;
  }
  if (!message) return malformed();
  auto owned = read(message->owned_partitions);
  if (!owned) return malformed();
  out.owned = std::move(*owned);
  out.topics.assign(message->topics.begin(), message->topics.end());
  if (message->user_data) out.user_data.emplace(message->user_data->begin(), message->user_data->end());
  out.generation = message->generation_id;
  if (message->rack_id) out.rack.emplace(*message->rack_id);
  return out;
}

Bytes encode_assignment(Partitions partitions, std::int16_t version) {
  net::Arena arena;
  net::ConsumerProtocolAssignment message;
  std::ranges::sort(partitions);
  fill(message.assigned_partitions, partitions, arena);
  return with_version(message, version);
}

Result<Partitions> parse_assignment(ByteView bytes) {
  if (bytes.empty()) return Partitions{};
  net::Arena arena{kParsedBytesMax};
  std::int16_t version = 0;
  const auto malformed = [&] { return fail(Reason::malformed_assignment, static_cast<std::int64_t>(bytes.size())); };
  const auto message = parse<net::ConsumerProtocolAssignment>(bytes, arena, version);
  if (!message) return malformed();
  auto partitions = read(message->assigned_partitions);
  if (!partitions) return malformed();
  return std::move(*partitions);
}

Bytes encode_sticky(const Remembered& remembered) {
  Bytes out;
  const auto topics = by_topic(remembered.owned);
  put(out, static_cast<std::int32_t>(topics.size()));
  for (const auto& [topic, partitions] : topics) {
    put(out, static_cast<std::int16_t>(topic.size()));
    std::ranges::copy(kernel::as_bytes(topic), std::back_inserter(out));
    put(out, static_cast<std::int32_t>(partitions.size()));
    for (const PartitionId partition : partitions) put(out, partition.raw());
  }
  put(out, remembered.generation);
  return out;
}

std::optional<Remembered> parse_sticky(ByteView bytes) {
  constexpr std::size_t kTopicBytesMin = 6;
  StickyReader in{bytes};
  Remembered out;
  const auto topics = in.length(kTopicBytesMin);
  if (!topics) return std::nullopt;
  for (std::int32_t t = 0; t < *topics; ++t) {
    const auto topic = in.text();
    if (!topic) return std::nullopt;
    const auto count = in.length(sizeof(std::int32_t));
    if (!count) return std::nullopt;
    for (std::int32_t p = 0; p < *count; ++p) {
      const auto partition = in.number<std::int32_t>();
      if (!partition || *partition < 0) return std::nullopt;
      out.owned.push_back({*topic, PartitionId{*partition}});
    }
  }
  if (in.at_end()) return out;
  const auto generation = in.number<std::int32_t>();
  if (!generation) return std::nullopt;
  out.generation = *generation;
  return out;
}

Bytes encode_generation(std::int32_t generation) {
  Bytes out;
  put(out, generation);
  return out;
}

}  // namespace clients::group
