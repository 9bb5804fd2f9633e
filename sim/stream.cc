#include "sim/stream.h"

#include "kernel/crc32c.h"
#include "kernel/fiber.h"
#include "kernel/registered.h"

namespace sim {

using kernel::Buffer;
using kernel::Errc;
using kernel::fail;
using kernel::Fiber;
using kernel::Registered;
using kernel::Result;

Stream::Stream(SimNetwork& network, std::uint64_t id, End client, End server)
    : network_{network}, id_{id}, ends_{std::move(client), std::move(server)} {}

Stream::~Stream() { network_.streams_.erase(id_); }

bool Stream::readable(int side) {
  return ends_[static_cast<std::size_t>(side)].reset || !in(side).arrived.empty() || in(side).end_arrived;
}

void Stream::wake_reader(int side) {
  End& at = end(side);
  if (at.machine->incarnation() != at.incarnation || !at.machine->up()) return;
  if (at.reader != nullptr) at.reader->wake();
  if (at.hook != nullptr) std::exchange(at.hook, nullptr)->on_readable();
}

void Stream::wake_writer(int side) {
  End& at = end(side);
  if (at.machine->incarnation() != at.incarnation || !at.machine->up()) return;
  if (at.writer != nullptr) at.writer->wake();
}

std::size_t Stream::take(int side, kernel::MutableByteView out) {
  Pipe& pipe = in(side);
  std::size_t limit = out.size();
  if (limit > 1 && network_.options_.short_read_ppm > 0 &&
      network_.random_.chance(network_.options_.short_read_ppm)) {
    limit = 1 + network_.random_.below(limit);
  }
  std::size_t done = 0;
  while (done < limit && !pipe.arrived.empty()) {
    Buffer& first = pipe.arrived.front();
    const std::size_t part = std::min(first.size(), limit - done);
    std::memcpy(out.data() + done, first.data(), part);
    done += part;
    if (part == first.size()) {
      pipe.arrived.pop_front();
    } else {
      first = first.slice(part);
    }
  }
  pipe.window_used -= done;
  if (done > 0) wake_writer(1 - side);
  return done;
}

void Stream::send(int side, Buffer bytes) {
  Pipe& pipe = out(side);
  pipe.window_used += bytes.size();
  network_.world_.record(EventKind::net_send, end(side).machine->id(), id_ << 1 | static_cast<std::uint64_t>(side),
                         static_cast<std::uint64_t>(kernel::crc32c(bytes.view())) << 32 | bytes.size());
  const kernel::Mono arrives =
      std::max(pipe.last_arrival, kernel::saturating_add(network_.world_.now(), network_.latency()));
  pipe.last_arrival = arrives;
  pipe.in_flight.push_back({std::move(bytes), arrives});
  plan_delivery(side);
}

void Stream::send_end(int side) {
  Pipe& pipe = out(side);
  if (pipe.end_sent) return;
  pipe.end_sent = true;
  pipe.last_arrival = std::max(pipe.last_arrival, kernel::saturating_add(network_.world_.now(), network_.latency()));
  pipe.in_flight.push_back({Buffer{}, pipe.last_arrival});  // an empty segment is the end
  plan_delivery(side);
}

void Stream::plan_delivery(int writer_side) {
  Pipe& pipe = out(writer_side);
  if (pipe.delivery_planned || pipe.in_flight.empty()) return;
  const LinkFaults& link = network_.link(*end(writer_side).machine, *end(1 - writer_side).machine);
  if (link.cut) return network_.world_.mark("sim.network.cut");  // links_changed() comes back here
  kernel::Mono at = std::max(pipe.in_flight.front().arrives, link.clogged_until);
  if (at > pipe.in_flight.front().arrives) network_.world_.mark("sim.network.clogged");
  if (link.bytes_per_second > 0) {
    const auto size = static_cast<std::int64_t>(pipe.in_flight.front().bytes.size());
    at = std::max(at, network_.world_.now() +
                          kernel::Duration{size * 1'000'000'000 / static_cast<std::int64_t>(link.bytes_per_second)});
    network_.world_.mark("sim.network.slow_reader");
  }
  pipe.delivery_planned = true;
  const kernel::Duration delay = at > network_.world_.now() ? at - network_.world_.now() : kernel::Duration{0};
  network_.world_.after(delay, [weak = weak_from_this(), writer_side] {
    const auto stream = weak.lock();
    if (stream == nullptr) return;
    stream->out(writer_side).delivery_planned = false;
    stream->deliver(writer_side);
  });
}

void Stream::probe(int writer_side) {
  const Pipe& pipe = out(writer_side);
  if (end(writer_side).writer != nullptr && pipe.in_flight.empty() && !pipe.delivery_planned) deliver(writer_side);
}

void Stream::deliver(int writer_side) {
  Pipe& pipe = out(writer_side);
  const int reader_side = 1 - writer_side;
  const LinkFaults& link = network_.link(*end(writer_side).machine, *end(reader_side).machine);
  const kernel::Mono now = network_.world_.now();
  if (link.cut || link.clogged_until > now) return plan_delivery(writer_side);
  End& to = end(reader_side);
  if (!to.machine->powered()) return;  // a black hole; retransmission goes on until the machine is back
  if (to.machine->incarnation() != to.incarnation && !to.machine->up()) return;
  if (to.reset || !to.open || to.machine->incarnation() != to.incarnation) {
    // Nobody there has this stream any more: the system answers with a reset. While that is lost, the writer's system
    // sends again and again; links_changed() comes back here.
    if (network_.link(*to.machine, *end(writer_side).machine).cut) return;
    pipe.in_flight.clear();
    if (!end(writer_side).reset) {
      network_.world_.mark("sim.network.half_open_found");
      abort(reader_side);
    }
    return;
  }
  bool any = false;
  while (!pipe.in_flight.empty() && pipe.in_flight.front().arrives <= now) {
    Pipe::Segment segment = std::move(pipe.in_flight.front());
    pipe.in_flight.pop_front();
    any = true;
    network_.world_.record(EventKind::net_deliver, to.machine->id(),
                           id_ << 1 | static_cast<std::uint64_t>(writer_side), segment.bytes.size());
    if (segment.bytes.empty()) {
      pipe.end_arrived = true;
    } else {
      pipe.arrived.push_back(std::move(segment.bytes));
    }
    if (link.bytes_per_second > 0) break;
  }
  if (any) wake_reader(reader_side);
  plan_delivery(writer_side);
}

void Stream::reset(int side) {
  End& at = end(side);
  if (at.reset) return;
  at.reset = true;
  in(side).arrived.clear();  // what was not read is gone with the stream
  in(side).in_flight.clear();
  wake_reader(side);
  wake_writer(side);
}

void Stream::abort(int side) {
  const int other = 1 - side;
  out(side).in_flight.clear();
  out(side).end_sent = true;
  const LinkFaults& link = network_.link(*end(side).machine, *end(other).machine);
  if (link.cut) return;  // the reset is lost; the peer finds out when it writes
  network_.world_.after(network_.latency(), [weak = weak_from_this(), other] {
    if (const auto stream = weak.lock()) stream->reset(other);
  });
}

void Stream::lose_tail(int side) {
  reset(side);
  abort(side);
}

void Stream::socket_gone(int side) {
  End& at = end(side);
  at.open = false;
  at.reader = at.writer = nullptr;
  at.hook = nullptr;
  if (at.reset) return;
  if (!in(side).arrived.empty()) {
    abort(side);  // unread bytes: the system resets instead of closing
  } else {
    send_end(side);
  }
}

SimSocket::~SimSocket() {
  End& at = stream_->end(side_);
  at.reader = at.writer = nullptr;
  at.hook = nullptr;
  // When the process is being killed, SimNetwork::crash decides what the peer hears.
  if (at.machine->incarnation() == at.incarnation && at.machine->process() != nullptr &&
      !at.machine->process()->shards()[0]->dead()) {
    stream_->socket_gone(side_);
  }
}

bool SimSocket::usable() const {
  const End& at = stream_->end(side_);
  return at.open && !at.reset;
}

Result<std::size_t> SimSocket::read(Fiber& f, kernel::MutableByteView out) {
  CHECK(!out.empty());
  End& at = stream_->end(side_);
  if (!stream_->readable(side_)) {
    const Registered registered{at.reader, f};
    while (!stream_->readable(side_)) TRY(f.park());
  }
  if (!usable()) return fail(Errc::connection_reset);
  if (stream_->in(side_).arrived.empty()) return std::size_t{0};
  return stream_->take(side_, out);
}

Result<> SimSocket::write(Fiber& f, std::span<const Buffer> chain, bool /*more_follows*/) {
  SimNetwork& network = stream_->network();
  End& at = stream_->end(side_);
  Pipe& pipe = stream_->out(side_);
  const std::size_t window = network.options().window_bytes;
  for (const Buffer& part : chain) {
    for (std::size_t done = 0; done < part.size();) {
      if (pipe.window_used >= window) {
        const Registered registered{at.writer, f};
        while (usable() && pipe.window_used >= window) TRY(f.park());
      }
      if (!usable() || pipe.end_sent) return fail(Errc::connection_reset);
      if (network.options_.reset_ppm > 0 && network.random_.chance(network.options_.reset_ppm)) {
        network.world_.mark("sim.network.write_reset");
        stream_->lose_tail(side_);
        return fail(Errc::connection_reset);
      }
      const std::size_t size = std::min(part.size() - done, window - pipe.window_used);
      stream_->send(side_, part.slice(done, size));
      done += size;
    }
  }
  return {};
}

Result<> SimSocket::send_file(Fiber& f, kernel::File& file, std::uint64_t position, std::size_t length) {
  while (length > 0) {
    const Buffer part = TRY(file.read(f, position, std::min<std::size_t>(length, 64 * 1024)));
    if (part.empty()) return fail(Errc::corrupt, static_cast<std::int64_t>(position));
    TRY(write(f, {&part, 1}, false));
    position += part.size();
    length -= part.size();
  }
  return {};
}

void SimSocket::shutdown_write() {
  if (usable()) stream_->send_end(side_);
}

void SimSocket::abort() {
  End& at = stream_->end(side_);
  if (at.reset) return;
  stream_->reset(side_);
  stream_->abort(side_);
}

void SimSocket::watch_readable(kernel::ReadableHook* hook) {
  End& at = stream_->end(side_);
  CHECK(at.reader == nullptr);
  at.hook = hook;
  if (hook == nullptr || !stream_->readable(side_)) return;
  // Told from the loop, as everywhere else.
  stream_->network().world_.after(kernel::Duration{0}, [stream = stream_, side = side_] {
    End& there = stream->end(side);
    if (there.machine->incarnation() != there.incarnation || !there.machine->up()) return;
    if (there.hook != nullptr && stream->readable(side)) std::exchange(there.hook, nullptr)->on_readable();
  });
}

void SimSocket::detach() {
  End& at = stream_->end(side_);
  CHECK(at.reader == nullptr && at.writer == nullptr);
  at.hook = nullptr;
}

void SimSocket::attach(Fiber&) {}

SimListener::~SimListener() {
  const auto known = network_.listeners_.find({at_.address, at_.port});
  if (known != network_.listeners_.end() && known->second == this) network_.listeners_.erase(known);
  for (const auto& stream : backlog_) {
    if (machine_.incarnation() == incarnation_) stream->lose_tail(1);
  }
}

void SimListener::offer(std::shared_ptr<Stream> stream) {
  backlog_.push_back(std::move(stream));
  arrived_.notify_one();
}

Result<kernel::SocketHandle> SimListener::accept(Fiber& f) {
  while (backlog_.empty()) TRY(arrived_.wait(f));
  auto stream = std::move(backlog_.front());
  backlog_.pop_front();
  return std::make_unique<SimSocket>(std::move(stream), 1);
}

}  // namespace sim
