#include "broker/server/connection.h"

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
    auto frame = next_frame(f);
    if (!frame) return close();
    if (!*frame) break;
    if (!dispatch(f, std::move(**frame))) return close();
  }
}

void Connection::settle() {
  if (serving_) return;
  if (closing_) {
    if (sending_) return;
    const auto keep = shared_from_this();  // its owner lets go of it here
    if (socket_ == nullptr) return;
    socket_.reset();
    waiting_replies_.clear();
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

bool Connection::read_some(Fiber& f) {
  std::size_t room = incoming_.size() - have_;
  if (room == 0) {
    auto memory = [&] {
      const auto within = f.deadline_in(kFrameArrivalMax);
      return ground_.memory.acquire(f, static_cast<std::int64_t>(chunk_bytes_));
    }();
    if (!memory) return false;
    incoming_memory_ = std::move(*memory);
    incoming_ = MutableBuffer::allocate(chunk_bytes_);
    room = chunk_bytes_;
  }
  const auto n = socket_->read(f, incoming_.bytes().subspan(have_, std::min(room, kReadAtOnceBytesMax)));
  if (!n || *n == 0) return false;
  have_ += *n;
  last_active_ = f.now();
  return true;
}

Result<std::optional<Buffer>> Connection::next_frame(Fiber& f) {
  for (;;) {
    const bool filling = arrived_.empty();
    const kernel::ByteView bytes = filling ? kernel::ByteView{incoming_.bytes().first(have_)} : arrived_.view();
    if (bytes.empty()) {  // nothing left over: an idle connection holds no memory
      arrived_ = {};
      incoming_ = {};
      incoming_memory_ = {};
      return std::nullopt;
    }
    std::size_t whole = net::kFrameSizeBytes;
    if (bytes.size() >= net::kFrameSizeBytes) {
      whole += TRY(net::parse_frame_size(bytes.first<net::kFrameSizeBytes>(), ground_.limits.frame_bytes_max));
      // The next frame is likely as large; a chunk that holds it, and a little more, saves putting it together.
      const std::size_t chunk = whole + kReadAheadBytes;
      chunk_bytes_ = chunk > kReadAtOnceBytesMax ? kReadChunkBytes : std::max(chunk, kReadChunkBytes);
    }
    if (bytes.size() < whole) {
      if (!filling || incoming_.size() < whole) TRY(make_room(f, whole));
      return std::nullopt;
    }
    if (filling) {  // frames stay where they were read, all that have arrived in one block
      arrived_ = std::move(incoming_).share(0, std::exchange(have_, 0));
      incoming_ = {};
    }
    Buffer frame = arrived_.slice(net::kFrameSizeBytes, whole - net::kFrameSizeBytes);
    arrived_ = arrived_.slice(whole);
    return frame;
  }
}

Result<> Connection::make_room(Fiber& f, std::size_t whole) {
  const std::size_t size = std::max(whole, chunk_bytes_);
  // The pages of a large block are the system's until bytes arrive, so a length alone costs nothing; the budget is
  // charged for it all the same, so that what has begun to arrive can also end.
  const auto charge = std::min<std::int64_t>(static_cast<std::int64_t>(size), ground_.memory.total() / 2);
  if (incoming_memory_.count() < charge) {
    const auto within = f.deadline_in(kFrameArrivalMax);
    incoming_memory_ = {};
    incoming_memory_ = TRY(ground_.memory.acquire(f, charge));
  }
  MutableBuffer larger = MutableBuffer::allocate(size);
  const kernel::ByteView begun = arrived_.empty() ? kernel::ByteView{incoming_.bytes().first(have_)} : arrived_.view();
  std::ranges::copy(begun, larger.bytes().data());
  have_ = begun.size();
  arrived_ = {};
  incoming_ = std::move(larger);
  return {};
}

bool Connection::dispatch(Fiber& f, Buffer frame) {
  if (frame.size() < 2) return false;
  const bool pipelined = ground_.handler.pipelined(kernel::load_be<std::int16_t>(frame.data()));
  const std::size_t others_max = pipelined ? kRepliesPerConnectionMax - 1 : 0;
  while (waiting_replies_.size() > others_max) {
    if (closing_ || !reply_gone_.wait(f)) return false;
  }
  auto memory = ground_.memory.acquire(
      f, std::min<std::int64_t>(static_cast<std::int64_t>(frame.size()), ground_.memory.total() / 2));
  if (!memory || closing_) return false;
  ReplySlot slot{shared_from_this(), next_number_++};
  waiting_replies_.push_back({std::nullopt, std::move(*memory)});
  ground_.handler.handle(f, Request{shared_from_this(), std::move(frame), f.now()}, std::move(slot));
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
