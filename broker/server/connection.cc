#include "broker/server/connection.h"

#include <algorithm>

#include "broker/limits.h"
#include "kernel/node.h"
#include "net/framing.h"

namespace broker::server {

using kernel::Buffer;
using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::MutableBuffer;
using kernel::Result;

Connection::Connection(ConnectionGround& ground, kernel::SocketHandle socket, std::uint64_t id, std::string listener)
    : ground_{ground}, socket_{std::move(socket)}, peer_{socket_->peer()}, id_{id}, listener_{std::move(listener)} {}

Connection::~Connection() = default;

void Connection::start() {
  last_active_ = ground_.shard.node().clock().now();
  socket_->watch_readable(this);
}

void Connection::on_readable() {
  serving_ = true;
  ground_.scope.spawn("connection", [self = shared_from_this()](Fiber& f) {
    self->serve(f);
    self->serving_ = false;
    self->settle();
  });
}

void Connection::serve(Fiber& f) {
  if (!read_some(f)) return close();
  for (;;) {
    auto arrived = next_frame();
    if (!arrived) return close();
    if (!*arrived) break;
    if (!dispatch(f, std::move(**arrived))) return close();
  }
  keep_little();
}

void Connection::settle() {
  if (serving_) return;
  if (closing_) {
    if (sending_) return;
    const auto keep = shared_from_this();  // its owner lets go of it here
    if (socket_ == nullptr) return;
    socket_.reset();
    waiting_replies_.clear();
    arrived_ = {};
    incoming_ = {};
    incoming_memory_ = {};
    ground_.on_closed(*this);
    return;
  }
  socket_->watch_readable(this);
}

void Connection::close() {
  closing_ = true;
  reply_gone_.notify_all();
}

void Connection::abort() {
  if (socket_ == nullptr || closing_) return;
  close();
  if (!serving_) socket_->watch_readable(nullptr);
  socket_->abort();
  settle();
}

std::optional<Connection::PartialFrame> Connection::partial_frame() const {
  if (have_ == 0 || closing_) return std::nullopt;
  return PartialFrame{incoming_memory_.count(), frame_began_};
}

bool Connection::read_some(Fiber& f) {
  if (have_ == incoming_.size()) {
    if (!charge(f, chunk_bytes_)) return false;
    move_to_block(chunk_bytes_);
  }
  const bool is_large = incoming_.size() > kReadAtOnceBytesMax;
  const std::size_t room =
      f.nudge("server.one_byte_read") ? 1 : std::min(incoming_.size() - have_, kReadAtOnceBytesMax);
  if (!charge(f, is_large ? have_ + room : incoming_.size())) return false;
  const auto n = socket_->read(f, incoming_.bytes().subspan(have_, room));
  if (!n || *n == 0) return false;
  last_active_ = f.now();
  if (have_ == 0) frame_began_ = last_active_;
  have_ += *n;
  if (is_large) return charge(f, have_);  // gives back what did not come
  return true;
}

bool Connection::charge(Fiber& f, std::size_t bytes) {
  // One frame alone may be larger than the budget of a shard: then it is not charged for the rest.
  const auto wanted = std::min<std::int64_t>(static_cast<std::int64_t>(bytes), ground_.memory.total() / 2);
  const std::int64_t held = incoming_memory_.count();
  if (held >= wanted) {
    incoming_memory_.give_back(held - wanted);
    return true;
  }
  const kernel::Mono give_up = kernel::saturating_add(f.now(), kMemoryWaitMax);
  while (f.now() < give_up) {
    auto more = [&] {
      const auto within = f.deadline_in(kMemoryWaitStep);
      return ground_.memory.acquire(f, wanted - held);
    }();
    if (closing_) return false;
    if (more) {
      incoming_memory_.merge(std::move(*more));
      return true;
    }
    if (!more.error().is(Errc::deadline)) return false;
    ground_.on_memory_short(f.now());
    if (closing_) return false;
  }
  return false;
}

Result<std::optional<Connection::Arrived>> Connection::next_frame() {
  const bool filling = arrived_.empty();
  const kernel::ByteView bytes = filling ? kernel::ByteView{incoming_.bytes().first(have_)} : arrived_.view();
  if (bytes.empty()) return std::nullopt;
  std::size_t whole = net::kFrameSizeBytes;
  if (bytes.size() >= net::kFrameSizeBytes) {
    whole += TRY(net::parse_frame_size(bytes.first<net::kFrameSizeBytes>(), ground_.limits.frame_bytes_max));
    // The next frame is likely as large; a chunk that holds it, and a little more, saves putting it together.
    const std::size_t chunk = whole + kReadAheadBytes;
    chunk_bytes_ = chunk > kReadAtOnceBytesMax ? kReadChunkBytes : std::max(chunk, kReadChunkBytes);
  }
  if (bytes.size() < whole) {
    // A length alone gets no more than a usual request needs; the block of a huge frame grows as it arrives.
    const bool is_full = have_ == incoming_.size() || incoming_.size() <= kReadAtOnceBytesMax;
    const std::size_t eager = std::min(whole, std::max(4 * bytes.size(), kEagerBlockBytes));
    if (!filling || (incoming_.size() < whole && is_full)) move_to_block(std::max(eager, chunk_bytes_));
    return std::nullopt;
  }
  if (filling) {  // frames stay where they were read, all that have arrived in one block
    arrived_ = std::move(incoming_).share(0, std::exchange(have_, 0));
    incoming_ = {};
  }
  return take_frame(whole);
}

void Connection::move_to_block(std::size_t size) {
  // Of a large frame: what has come would be copied two times and more until all has.
  if (arrived_.empty() && incoming_.size() > kReadAtOnceBytesMax) return incoming_.resize(size);
  MutableBuffer block = MutableBuffer::allocate(size);
  const kernel::ByteView begun = arrived_.empty() ? kernel::ByteView{incoming_.bytes().first(have_)} : arrived_.view();
  std::copy_n(begun.data(), begun.size(), block.bytes().data());  // std::ranges::copy: byte by byte with g++ 12
  have_ = begun.size();
  arrived_ = {};
  incoming_ = std::move(block);
}

Connection::Arrived Connection::take_frame(std::size_t whole) {
  Arrived taken;
  taken.frame = arrived_.slice(net::kFrameSizeBytes, whole - net::kFrameSizeBytes);
  // What was charged for the block goes along, so that a frame that is there never waits for memory again.
  taken.memory = incoming_memory_.split(std::min(static_cast<std::int64_t>(whole), incoming_memory_.count()));
  arrived_ = arrived_.slice(whole);
  frame_began_ = last_active_;
  if (!arrived_.empty()) return taken;
  // The last one may wait for long: a small one keeps no more than itself.
  if (whole <= kCopiedFrameBytesMax) taken.frame = Buffer::copy_of(taken.frame.view());
  arrived_ = {};
  incoming_memory_ = {};
  return taken;
}

void Connection::keep_little() {
  if (have_ > kReadChunkBytes / 4 || incoming_.size() > kReadAtOnceBytesMax) return;
  if (have_ == 0) incoming_ = {};
  else move_to_block(have_);
  const auto little = static_cast<std::int64_t>(have_);
  if (incoming_memory_.count() > little) incoming_memory_.give_back(incoming_memory_.count() - little);
}

bool Connection::dispatch(Fiber& f, Arrived arrived) {
  if (arrived.frame.size() < 2) return false;
  const bool pipelined = ground_.handler.pipelined(kernel::load_be<std::int16_t>(arrived.frame.data()));
  const std::size_t others_max = pipelined ? kRepliesPerConnectionMax - 1 : 0;
  while (waiting_replies_.size() > others_max) {
    if (closing_ || !reply_gone_.wait(f)) return false;
  }
  if (closing_) return false;
  ReplySlot slot{shared_from_this(), next_number_++};
  waiting_replies_.push_back({std::nullopt, std::move(arrived.memory)});
  ground_.handler.handle(f, Request{shared_from_this(), std::move(arrived.frame), f.now()}, std::move(slot));
  return !closing_;
}

void ReplySlot::send(Fiber& f, Reply reply) {
  Connection& connection = *connection_;
  if (connection.socket_ == nullptr || connection.closing_) return;
  CHECK(number_ >= connection.first_waiting_);
  const std::size_t place = static_cast<std::size_t>(number_ - connection.first_waiting_);
  CHECK(!connection.waiting_replies_[place].reply.has_value());
  connection.waiting_replies_[place].reply.emplace(std::move(reply));
  connection.send_ready(f);
}

void ReplySlot::uncharge() {
  Connection& connection = *connection_;
  if (connection.socket_ == nullptr || connection.closing_) return;
  CHECK(number_ >= connection.first_waiting_);
  connection.waiting_replies_[static_cast<std::size_t>(number_ - connection.first_waiting_)].memory = {};
}

bool Connection::next_ready() const { return !waiting_replies_.empty() && waiting_replies_.front().reply.has_value(); }

void Connection::send_ready(Fiber& f) {
  if (sending_) return;  // whoever is at it sends ours too
  sending_ = true;
  std::vector<Reply> together;
  while (!closing_ && next_ready()) {
    // Whoever is about to answer as well goes first, so that replies leave in one write.
    static_cast<void>(f.yield());
    if (closing_) break;
    together.clear();
    for (auto next = waiting_replies_.begin(); next != waiting_replies_.end() && next->reply; ++next) {
      together.push_back(std::move(*next->reply));
      if (together.back().close_after) break;
    }
    const bool sent = write(f, together).has_value();
    for (std::size_t i = 0; i < together.size(); ++i) waiting_replies_.pop_front();
    first_waiting_ += together.size();
    reply_gone_.notify_all();
    last_active_ = f.now();
    if (!sent || together.back().close_after) close();
  }
  sending_ = false;
  if (!serving_ && closing_) settle();
}

Result<> Connection::write(Fiber& f, std::span<const Reply> replies) {
  std::vector<Buffer> chain;
  for (const Reply& reply : replies) {
    for (const ReplyPart& part : reply.parts) {
      if (part.file == nullptr) {
        chain.push_back(part.bytes);
        continue;
      }
      TRY(socket_->write(f, chain, /*more_follows=*/true));
      chain.clear();
      TRY(socket_->send_file(f, *part.file, part.position, part.size));
    }
  }
  if (!chain.empty()) TRY(socket_->write(f, chain));
  return {};
}

}  // namespace broker::server
