#include "clients/producer/batch.h"

namespace clients::producer {

void Batch::assign(Identity who, std::int32_t sequence) {
  identity = who;
  base_sequence = sequence;
  builder.set_producer(who.id, who.epoch, sequence);
  if (bytes.empty()) return;
  // A copy, since the network may still hold the bytes of an earlier attempt.
  kernel::MutableBuffer copy = kernel::MutableBuffer::allocate(bytes.size());
  std::memcpy(copy.bytes().data(), bytes.data(), bytes.size());
  auto header = net::record::BatchHeader::parse(copy.bytes());
  CHECK(header.has_value());
  header->producer_id = who.id;
  header->producer_epoch = who.epoch;
  header->base_sequence = sequence;
  header->write(copy.bytes());
  const kernel::ByteView whole = copy.bytes();
  header->crc = net::record::compute_crc({&whole, 1});
  header->write(copy.bytes());
  bytes = std::move(copy).share();
}

void Batch::encode() {
  if (!bytes.empty()) return;
  const std::vector<std::byte> built = builder.build();
  bytes = kernel::Buffer::copy_of(kernel::ByteView{built});
}

}  // namespace clients::producer
