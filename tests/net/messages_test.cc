// The laws of every generated message in every version, tried with random values.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "tests/net/message_case.h"

namespace net::testing {
namespace {

using Seed = std::vector<std::uint8_t>;

struct Made {
  Arena arena;
  const void* message = nullptr;
  std::vector<std::byte> bytes;
};

/// A random message of the case, and its bytes.
Made make(const MessageCase& one, std::int16_t version, const Seed& seed) {
  Made made;
  Entropy entropy{seed, made.arena};
  made.message = one.make(entropy, version);
  auto bytes = one.encode(made.message, version);
  if (!bytes) {
    ADD_FAILURE() << one.name << " v" << version << ": " << kernel::describe(bytes.error()) << "\n"
                  << one.text(made.message);
  } else {
    made.bytes = std::move(*bytes);
  }
  return made;
}

/// Decoding from a copy of exactly these bytes, so that a sanitizer sees an over-read.
kernel::Result<const void*> decode_copy(const MessageCase& one, std::span<const std::byte> bytes, std::int16_t version,
                                        Arena& arena) {
  auto copy = std::make_unique<std::byte[]>(bytes.size());
  std::ranges::copy(bytes, copy.get());
  return one.decode({copy.get(), bytes.size()}, version, arena);
}

void for_every_message(const Seed& seed, auto&& body) {
  static const std::vector<MessageCase> all = all_message_cases();
  for (const MessageCase& one : all)
    for (std::int16_t v = one.versions.first; v <= one.versions.last; ++v) body(one, v, make(one, v, seed));
}

/// Long enough for most messages to get real values in all fields.
rc::Gen<Seed> seeds() {
  return rc::gen::resize(1000, rc::gen::container<Seed>(rc::gen::arbitrary<std::uint8_t>()));
}

TEST(Messages, there_is_a_case_for_every_request_response_and_record) {
  std::size_t requests = 0;
  std::size_t responses = 0;
  for (const MessageCase& one : all_message_cases()) {
    requests += one.kind == MessageKind::request;
    responses += one.kind == MessageKind::response;
  }
  EXPECT_EQ(requests, 91U);
  EXPECT_EQ(responses, 91U);
}

RC_GTEST_PROP(Messages, what_was_encoded_decodes_to_an_equal_message, ()) {
  const Seed seed = *seeds();
  for_every_message(seed, [](const MessageCase& one, std::int16_t v, const Made& made) {
    Arena arena;
    const auto again = one.decode(made.bytes, v, arena);
    RC_ASSERT(again.has_value());
    if (!one.equal(made.message, *again)) RC_FAIL(one.text(made.message) + "\n" + one.text(*again));
    RC_ASSERT(one.encode(*again, v).value() == made.bytes);
  });
}

RC_GTEST_PROP(Messages, a_message_cut_anywhere_is_an_error, ()) {
  const Seed seed = *seeds();
  for_every_message(seed, [&](const MessageCase& one, std::int16_t v, const Made& made) {
    // Every byte of small ones, a few places of the others: the sum over all messages must stay quick.
    const std::size_t step = made.bytes.size() / 24 + 1;
    for (std::size_t size = 0; size < made.bytes.size(); size += step) {
      Arena arena;
      if (decode_copy(one, std::span{made.bytes}.first(size), v, arena)) RC_FAIL(one.text(made.message));
    }
  });
}

TEST(Messages, the_simplest_messages_cut_at_every_byte_are_an_error) {
  for (const std::uint8_t fill : {0, 1, 2, 255}) {
    for_every_message(Seed(200, fill), [](const MessageCase& one, std::int16_t v, const Made& made) {
      for (std::size_t size = 0; size < std::min<std::size_t>(made.bytes.size(), 400); ++size) {
        Arena arena;
        EXPECT_FALSE(decode_copy(one, std::span{made.bytes}.first(size), v, arena)) << one.name << " v" << v;
      }
    });
  }
}

RC_GTEST_PROP(Messages, corruption_never_takes_more_memory_than_the_bound, ()) {
  const Seed seed = *seeds();
  const auto hits = *rc::gen::container<std::vector<std::pair<std::uint16_t, std::uint8_t>>>(
      rc::gen::pair(rc::gen::arbitrary<std::uint16_t>(), rc::gen::element<std::uint8_t>(0, 1, 0x7f, 0x80, 0xff)));
  constexpr std::size_t kBound = 1U << 20U;
  for_every_message(seed, [&](const MessageCase& one, std::int16_t v, Made made) {
    if (made.bytes.empty()) return;
    for (const auto& [at, value] : hits) made.bytes[at % made.bytes.size()] = static_cast<std::byte>(value);
    Arena arena{kBound};
    const auto result = decode_copy(one, made.bytes, v, arena);
    RC_ASSERT(arena.used_bytes() <= kBound + 4096);  // the test's own copy of the message comes on top
    if (!result) RC_ASSERT(result.error().is(kernel::Errc::corrupt) || result.error().is(kernel::Errc::too_large));
  });
}

RC_GTEST_PROP(Messages, noise_never_crashes_a_decoder, (const Seed& noise)) {
  static const std::vector<MessageCase> all = all_message_cases();
  const kernel::ByteView bytes = std::as_bytes(std::span{noise});
  for (const MessageCase& one : all)
    for (std::int16_t v = one.versions.first; v <= one.versions.last; ++v) {
      Arena arena{1U << 20U};
      (void)decode_copy(one, bytes, v, arena);
    }
}

TEST(Messages, versions_outside_the_range_are_unsupported_both_ways) {
  for (const MessageCase& one : all_message_cases()) {
    Arena arena;
    Entropy entropy{{}, arena};
    const void* message = one.make(entropy, one.versions.first);
    for (const int version : {one.versions.first - 1, one.versions.last + 1}) {
      const auto v = static_cast<std::int16_t>(version);
      EXPECT_TRUE(one.encode(message, v).error().is(kernel::Errc::unsupported)) << one.name;
      EXPECT_TRUE(one.decode({}, v, arena).error().is(kernel::Errc::unsupported)) << one.name;
    }
  }
}

}  // namespace
}  // namespace net::testing
