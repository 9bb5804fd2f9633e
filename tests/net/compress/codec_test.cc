#include "net/compress/codec.h"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <rapidcheck.h>
#include <snappy.h>
#include <zlib.h>

#include <string>

namespace net::compress {
namespace {

constexpr Codec kAll[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
constexpr Codec kPacking[] = {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

std::vector<std::byte> bytes_of(std::string_view text) {
  const ByteView view = kernel::as_bytes(text);
  return {view.begin(), view.end()};
}

std::vector<std::byte> packed(Codec codec, ByteView plain, int level = kLevelDefault) {
  std::vector<std::byte> out;
  compress(codec, level, {&plain, 1}, out);
  return out;
}

/// Compressible, and not only in one way.
std::vector<std::byte> text_like(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::uint32_t state = 12345;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes[i] = i > 100 && (state >> 28) < 12 ? bytes[i - 97] : static_cast<std::byte>('a' + (state >> 24) % 20);
  }
  return bytes;
}

std::vector<std::byte> random_bytes(std::size_t size_max) {
  const auto size = *rc::gen::inRange<std::size_t>(0, size_max);
  if (*rc::gen::arbitrary<bool>()) return text_like(size);
  return *rc::gen::container<std::vector<std::byte>>(size, rc::gen::map(rc::gen::arbitrary<unsigned char>(), [](unsigned char c) {
                                                       return std::byte{c};
                                                     }));
}

TEST(Codec, gives_back_what_it_was_given_in_any_pieces) {
  EXPECT_TRUE(rc::check([] {
    const Codec codec = *rc::gen::elementOf(std::vector<Codec>(std::begin(kAll), std::end(kAll)));
    const auto plain = random_bytes(2000);
    const auto cut = *rc::gen::inRange<std::size_t>(0, plain.size() + 1);
    const std::vector<ByteView> pieces{ByteView{plain}.first(cut), ByteView{}, ByteView{plain}.subspan(cut)};
    std::vector<std::byte> out = bytes_of("before");
    compress(codec, kLevelDefault, pieces, out);
    RC_ASSERT(std::equal(out.begin(), out.begin() + 6, bytes_of("before").begin()));
    RC_ASSERT(decompress(codec, ByteView{out}.subspan(6), plain.size()).value() == plain);
  }));
}

TEST(Codec, takes_large_inputs_and_every_kind_of_level) {
  const auto plain = text_like(1'000'000);
  for (const Codec codec : kAll) EXPECT_EQ(decompress(codec, packed(codec, plain), plain.size()).value(), plain);
  const std::pair<Codec, int> levels[] = {{Codec::gzip, -1}, {Codec::gzip, 9}, {Codec::lz4, 1}, {Codec::lz4, 9},
                                          {Codec::lz4, 17}, {Codec::zstd, -131072}, {Codec::zstd, 1}, {Codec::zstd, 22}};
  const ByteView part = ByteView{plain}.first(100'000);
  for (const auto& [codec, level] : levels) {
    EXPECT_TRUE(level_allowed(codec, level));
    EXPECT_TRUE(std::ranges::equal(decompress(codec, packed(codec, part, level), part.size()).value(), part));
  }
}

TEST(Codec, levels_are_those_of_kafkas_settings) {
  for (const int level : {0, -2, 10}) EXPECT_FALSE(level_allowed(Codec::gzip, level));
  for (const int level : {0, 18}) EXPECT_FALSE(level_allowed(Codec::lz4, level));
  for (const int level : {-131073, 23}) EXPECT_FALSE(level_allowed(Codec::zstd, level));
  EXPECT_FALSE(level_allowed(Codec::snappy, 1));
  for (const Codec codec : kAll) EXPECT_TRUE(level_allowed(codec, kLevelDefault));
}

TEST(Codec, never_hands_out_more_than_the_bound) {
  const std::vector<std::byte> zeros(50'000'000);
  for (const Codec codec : kPacking) {
    const auto bomb = packed(codec, zeros);
    for (const std::size_t bound : {0u, 1u, 100'000u, 49'999'999u}) {
      std::size_t seen = 0;
      const auto result = decompress_to(codec, bomb, bound, [&](ByteView piece) -> kernel::Result<> {
        EXPECT_LE(piece.size(), kPieceBytes);
        seen += piece.size();
        return {};
      });
      ASSERT_FALSE(result.has_value()) << name_of(codec) << " " << bound;
      EXPECT_TRUE(result.error().is(Reason::too_large));
      EXPECT_LE(seen, bound);
    }
    EXPECT_EQ(decompress(codec, bomb, zeros.size())->size(), zeros.size());
  }
}

TEST(Codec, cut_anywhere_is_an_error) {
  const auto plain = text_like(1000);
  for (const Codec codec : kPacking) {
    const auto whole = packed(codec, plain);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      // Kafka's snappy framing has no end mark: a cut behind its header or a block is a shorter stream.
      if (codec == Codec::snappy && size == 16) continue;
      EXPECT_FALSE(decompress(codec, cut, 10'000).has_value()) << name_of(codec) << " cut to " << size;
    }
  }
}

TEST(Codec, garbled_input_gives_an_error_or_bounded_output) {
  EXPECT_TRUE(rc::check([] {
    const Codec codec = *rc::gen::elementOf(std::vector<Codec>(std::begin(kPacking), std::end(kPacking)));
    auto bytes = packed(codec, random_bytes(500));
    for (int i = *rc::gen::inRange(1, 5); i > 0; --i)
      bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = static_cast<std::byte>(*rc::gen::inRange(0, 256));
    const auto plain = decompress(codec, bytes, 4000);
    if (plain) RC_ASSERT(plain->size() <= 4000u);
  }));
}

TEST(Codec, bytes_behind_the_stream_are_refused) {
  for (const Codec codec : kPacking) {
    auto bytes = packed(codec, text_like(300));
    bytes.push_back(std::byte{7});
    EXPECT_TRUE(decompress(codec, bytes, 10'000).error().is(Reason::corrupt)) << name_of(codec);
  }
}

TEST(Codec, an_error_of_the_sink_ends_it) {
  for (const Codec codec : kPacking) {
    const auto bytes = packed(codec, text_like(300'000));
    int calls = 0;
    const auto result = decompress_to(codec, bytes, 1'000'000, [&](ByteView) -> kernel::Result<> {
      ++calls;
      return kernel::fail(kernel::Errc::cancelled);
    });
    EXPECT_TRUE(result.error().is(kernel::Errc::cancelled));
    EXPECT_EQ(calls, 1);
  }
}

TEST(Gzip, and_zstd_members_may_follow_one_another) {
  for (const Codec codec : {Codec::gzip, Codec::zstd, Codec::snappy}) {
    auto bytes = packed(codec, bytes_of("first "));
    const auto second = packed(codec, bytes_of("second"));
    bytes.insert(bytes.end(), second.begin(), second.end());
    EXPECT_EQ(decompress(codec, bytes, 100).value(), bytes_of("first second"));
  }
}

TEST(Snappy, is_written_in_the_java_framing) {
  const auto bytes = packed(Codec::snappy, text_like(70'000));
  const unsigned char header[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
  for (std::size_t i = 0; i < sizeof header; ++i) EXPECT_EQ(static_cast<unsigned char>(bytes[i]), header[i]);
  std::size_t at = sizeof header;
  std::vector<std::size_t> blocks;
  while (at < bytes.size()) {
    const auto length = static_cast<std::size_t>(kernel::load_be<std::int32_t>(bytes.data() + at));
    std::size_t plain = 0;
    ASSERT_TRUE(snappy::GetUncompressedLength(reinterpret_cast<const char*>(bytes.data() + at + 4), length, &plain));
    blocks.push_back(plain);
    at += 4 + length;
  }
  EXPECT_EQ(blocks, (std::vector<std::size_t>{32'768, 32'768, 4464}));
}

TEST(Snappy, of_clients_without_the_framing_is_read_too) {
  std::string raw;
  snappy::Compress("bare bare bare bare", 19, &raw);
  EXPECT_EQ(decompress(Codec::snappy, kernel::as_bytes(raw), 100).value(), bytes_of("bare bare bare bare"));
}

TEST(Snappy, that_claims_a_huge_block_is_refused_before_memory_is_taken) {
  // The length 2^32-1 before a few bytes.
  const std::string raw = "\xff\xff\xff\xff\x0f\x00x";
  EXPECT_TRUE(decompress(Codec::snappy, kernel::as_bytes(raw), std::size_t{1} << 40).error().is(Reason::corrupt));
}

TEST(Lz4, is_written_with_the_flags_that_java_reads) {
  const auto bytes = packed(Codec::lz4, text_like(200'000));
  const unsigned char header[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};
  for (std::size_t i = 0; i < sizeof header; ++i) EXPECT_EQ(static_cast<unsigned char>(bytes[i]), header[i]) << i;
}

std::vector<std::byte> lz4_frame(ByteView plain, LZ4F_frameInfo_t info) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo = info;
  std::vector<std::byte> out(LZ4F_compressFrameBound(plain.size(), &preferences));
  out.resize(LZ4F_compressFrame(out.data(), out.size(), plain.data(), plain.size(), &preferences));
  return out;
}

TEST(Lz4, frames_with_any_optional_field_are_read_and_dependent_blocks_refused) {
  const auto plain = text_like(9'000'000);
  for (const auto size : {LZ4F_max64KB, LZ4F_max256KB, LZ4F_max1MB, LZ4F_max4MB}) {
    LZ4F_frameInfo_t info{};
    info.blockSizeID = size;
    info.blockMode = LZ4F_blockIndependent;
    EXPECT_EQ(decompress(Codec::lz4, lz4_frame(plain, info), plain.size()).value(), plain);
    info.contentSize = plain.size();
    info.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    info.blockChecksumFlag = LZ4F_blockChecksumEnabled;
    EXPECT_EQ(decompress(Codec::lz4, lz4_frame(plain, info), plain.size()).value(), plain);
    info.blockMode = LZ4F_blockLinked;
    EXPECT_TRUE(decompress(Codec::lz4, lz4_frame(plain, info), plain.size()).error().is(Reason::unsupported));
  }
}

/// Any codec into any other, without the whole in between.
TEST(Streams, go_from_one_codec_into_another) {
  for (const std::size_t size : {0u, 1u, 300u, 100'000u, 1'000'000u}) {
    const auto plain = text_like(size);
    for (const Codec from : kAll) {
      const auto source = packed(from, plain);
      for (const Codec to : kAll) {
        std::size_t piece_bytes_max = 0;
        std::vector<std::byte> out = bytes_of("before");
        const auto done = compress_from(to, kLevelDefault, [&](const Sink& sink) {
          return decompress_to(from, source, size, [&](ByteView piece) {
            if (from != Codec::none) piece_bytes_max = std::max(piece_bytes_max, piece.size());
            return sink(piece);
          });
        }, 2 * size + 1000, out);
        ASSERT_TRUE(done) << name_of(from) << " into " << name_of(to);
        EXPECT_EQ(decompress(to, ByteView{out}.subspan(6), size).value(), plain) << name_of(from) << " into " << name_of(to);
        EXPECT_LE(piece_bytes_max, kPieceBytes);
      }
    }
  }
}

TEST(Streams, end_where_the_output_becomes_too_large) {
  std::vector<std::byte> noise(4u << 20);
  std::uint64_t state = 1;
  for (std::byte& b : noise) b = static_cast<std::byte>((state = state * 6364136223846793005u + 1442695040888963407u) >> 56);
  constexpr std::size_t kBound = 100'000;
  for (const Codec codec : kAll) {
    std::size_t handed_over = 0;
    std::vector<std::byte> out;
    const auto done = compress_from(codec, kLevelDefault, [&](const Sink& sink) -> kernel::Result<> {
      for (; handed_over < noise.size(); handed_over += 10'000)
        TRY(sink(ByteView{noise}.subspan(handed_over, std::min<std::size_t>(10'000, noise.size() - handed_over))));
      return {};
    }, kBound, out);
    EXPECT_TRUE(!done && done.error().is(Reason::too_large_packed)) << name_of(codec);
    EXPECT_LT(handed_over, 1'000'000u) << name_of(codec) << " went on";
    EXPECT_LT(out.size(), 1'000'000u) << name_of(codec);
    const auto errs = compress_from(codec, kLevelDefault, [](const Sink&) -> kernel::Result<> {
      return kernel::fail(kernel::Errc::cancelled);
    }, kBound, out);
    EXPECT_TRUE(!errs && errs.error().is(kernel::Errc::cancelled));
  }
  // To the byte.
  for (const Codec codec : kAll) {
    const auto text = text_like(50'000);
    const Feed feed = [&](const Sink& sink) { return sink(text); };
    const std::size_t exact = packed(codec, text).size();
    std::vector<std::byte> out;
    EXPECT_TRUE(compress_from(codec, kLevelDefault, feed, exact, out)) << name_of(codec);
    EXPECT_FALSE(compress_from(codec, kLevelDefault, feed, exact - 1, out)) << name_of(codec);
  }
}

/// Level 22 would look back 128 MiB and take 800 MiB for it.
TEST(Streams, of_zstd_look_back_two_mebibytes_at_any_level) {
  const std::vector<std::byte> plain(5u << 20);
  for (const int level : {-5, 1, 3, 22}) {
    std::vector<std::byte> out;
    ASSERT_TRUE(compress_from(Codec::zstd, level, [&](const Sink& sink) { return sink(plain); }, plain.size(), out));
    EXPECT_LE(decompression_memory(Codec::zstd, out), 2u << 20) << level;
    EXPECT_GT(decompression_memory(Codec::zstd, out), 0u) << level;
  }
}

TEST(MemoryToDecompress, is_what_the_bytes_ask_for) {
  const auto plain = text_like(1u << 20);
  const auto small = packed(Codec::zstd, ByteView{plain}.first(1000));
  const auto large = packed(Codec::zstd, plain, 9);
  EXPECT_LT(decompression_memory(Codec::zstd, small), 300'000u);
  EXPECT_GE(decompression_memory(Codec::zstd, large), plain.size());
  auto both = small;
  both.insert(both.end(), large.begin(), large.end());
  EXPECT_EQ(decompression_memory(Codec::zstd, both), decompression_memory(Codec::zstd, large)) << "not of the first frame alone";
  // One bare block, and blocks of 32 KiB.
  std::string raw;
  snappy::Compress(reinterpret_cast<const char*>(plain.data()), plain.size(), &raw);
  EXPECT_EQ(decompression_memory(Codec::snappy, kernel::as_bytes(std::string_view{raw})), plain.size());
  EXPECT_EQ(decompression_memory(Codec::snappy, packed(Codec::snappy, plain)), 32u << 10);
  for (const Codec codec : kPacking) {
    EXPECT_LE(decompression_memory(codec, bytes_of("none of these")), 4u << 20) << name_of(codec);
    EXPECT_LE(decompression_memory(codec, {}), 4u << 20) << name_of(codec);
  }
}

}  // namespace
}  // namespace net::compress
