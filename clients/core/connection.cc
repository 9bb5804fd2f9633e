#include "clients/core/connection.h"

#include "kernel/node.h"
#include "net/messages/api_versions.h"

namespace clients::core {

using kernel::Buffer;
using kernel::Errc;
using kernel::Error;
using kernel::fail;
using kernel::Fiber;
using kernel::Result;
using net::ApiKey;
using net::ErrorCode;

namespace {

/// The versions of ApiVersions that are tried in turn; a broker that knows none of them answers 35 in the form of 0.
constexpr std::int16_t kApiVersionsFirstTry = 4;
constexpr std::string_view kSoftwareName = "kalda";
constexpr std::string_view kSoftwareVersion = "0.1.0";

std::vector<Buffer> chain_of(const net::EncodedFrame& frame, std::span<const Buffer> externals) {
  const Buffer bytes = Buffer::copy_of(kernel::ByteView{frame.bytes});
  std::vector<Buffer> chain;
  std::size_t done = 0;
  for (const net::Gap& gap : frame.gaps) {
    if (gap.offset > done) chain.push_back(bytes.slice(done, gap.offset - done));
    chain.push_back(externals[gap.token]);
    done = gap.offset;
  }
  if (done < bytes.size()) chain.push_back(bytes.slice(done));
  return chain;
}

}  // namespace

Result<Buffer> Exchange::await_frame(Fiber& f, kernel::Duration timeout) {
  const kernel::Mono due = kernel::saturating_add(sent_at_, timeout);
  const bool ours_is_first = due < f.deadline();
  const auto within = f.deadline_at(due);
  const auto frame = state_->frame.get(f);
  if (frame) return **frame;
  if (!frame.error().is(Errc::deadline) || !ours_is_first) return std::unexpected(frame.error());
  connection_->abort();
  return fail(Reason::timed_out);
}

Result<std::shared_ptr<Connection>> Connection::open(Fiber& f, Crew& crew, const std::shared_ptr<void>& crew_owner,
                                                     const ClientConfig& config, const HostPort& server) {
  const kernel::Mono due = kernel::saturating_add(f.now(), config.connection_setup_timeout);
  const bool ours_is_first = due < f.deadline();
  const auto within = f.deadline_at(due);
  auto connection = set_up(f, crew, crew_owner, config, server);
  if (!connection && connection.error().is(Errc::deadline) && ours_is_first) return fail(Errc::unreachable);
  return connection;
}

Result<std::shared_ptr<Connection>> Connection::set_up(Fiber& f, Crew& crew, const std::shared_ptr<void>& crew_owner,
                                                       const ClientConfig& config, const HostPort& server) {
  auto socket = TRY(kernel::connect_to_host(f, f.node().network(), server.host, server.port));
  std::shared_ptr<Connection> connection{new Connection{config, std::move(socket)}};
  crew.spawn("client-reader", crew_owner, [connection](Fiber& reader) { connection->read_answers(reader); });
  if (const auto learnt = connection->learn_versions(f); !learnt) {
    connection->abort();
    return std::unexpected(learnt.error());
  }
  return connection;
}

Connection::~Connection() { close(); }

void Connection::end(bool orderly) {
  if (!alive_) return;
  alive_ = false;
  if (orderly) socket_->shutdown_write();
  else socket_->abort();
  auto waiting = std::move(waiting_);
  waiting_.clear();
  for (auto& [id, state] : waiting) state->frame.set(fail(Reason::disconnected));
}

Result<> Connection::learn_versions(Fiber& f) {
  net::ApiVersionsRequest request;
  request.client_software_name = kSoftwareName;
  request.client_software_version = kSoftwareVersion;
  for (std::int16_t version = kApiVersionsFirstTry;;) {
    versions_[static_cast<std::int16_t>(ApiKey::api_versions)] = {version, version};
    Exchange exchange = TRY(start(f, request));
    const Buffer frame = TRY(exchange.await_frame(f, config_.request_timeout));
    net::Arena arena;
    net::Reader reader{frame.view(), arena};
    if (!net::decode_response_header(reader, ApiKey::api_versions, version)) return fail(Reason::malformed_answer);
    // A broker that does not know our version answers in the form of version 0, and that form always opens with it.
    const kernel::ByteView body = frame.view().subspan(reader.position());
    if (body.size() < 2) return fail(Reason::malformed_answer);
    const bool refused = kernel::load_be<std::int16_t>(body.data()) ==
                         static_cast<std::int16_t>(ErrorCode::unsupported_version);
    const auto answer = net::decode<net::ApiVersionsResponse>(reader, refused ? 0 : version);
    if (!answer) return fail(Reason::malformed_answer);
    versions_.clear();
    for (const auto& api : answer->api_keys) versions_[api.api_key] = {api.min_version, api.max_version};
    if (!refused) return answer->error_code == ErrorCode::none ? Result<>{} : fail_code(answer->error_code);
    if (version == 0) return fail(Reason::unsupported_version, static_cast<std::int64_t>(ApiKey::api_versions));
    const auto offered = versions_.find(static_cast<std::int16_t>(ApiKey::api_versions));
    const std::int16_t last = offered == versions_.end() ? std::int16_t{0} : offered->second.last;
    version = std::max<std::int16_t>(0, std::min<std::int16_t>(last, version - 1));
  }
}

Result<std::int16_t> Connection::pick_version(ApiKey key, net::VersionRange ours, VersionCap cap) const {
  const auto theirs = versions_.find(static_cast<std::int16_t>(key));
  if (theirs != versions_.end()) {
    const int stable_last = net::info(key).unstable_from - 1;
    const int first = std::max<int>({ours.first, theirs->second.first, cap.first});
    const int last = std::min<int>({ours.last, theirs->second.last, cap.last, stable_last});
    if (first <= last) return static_cast<std::int16_t>(last);
  }
  return fail(Reason::unsupported_version, static_cast<std::int64_t>(key));
}

Result<Exchange> Connection::send(Fiber& f, const net::EncodedFrame& frame, std::span<const Buffer> externals,
                                  std::int32_t correlation_id, std::int16_t version, bool expects_answer) {
  const std::vector<Buffer> chain = chain_of(frame, externals);
  Exchange exchange;
  exchange.connection_ = shared_from_this();
  exchange.version_ = version;
  const kernel::Mutex::Lock lock = TRY(writing_.lock(f));
  if (!alive_) return fail(Reason::not_sent);
  exchange.sent_at_ = f.now();
  if (expects_answer) waiting_.emplace(correlation_id, exchange.state_);
  if (const auto written = socket_->write(f, chain); !written) {
    abort();
    const Error& error = written.error();
    if (error.is(Errc::deadline) || error.is(Errc::cancelled)) return std::unexpected(error);
    return fail(Reason::disconnected);
  }
  if (!alive_) return fail(Reason::disconnected);
  return exchange;
}

void Connection::read_answers(Fiber& f) {
  while (alive_) {
    Result<Buffer> frame = read_frame(f);
    if (!frame || frame->size() < 4) break;
    const auto waiting = waiting_.find(kernel::load_be<std::int32_t>(frame->data()));
    if (waiting == waiting_.end()) break;  // an answer to nothing we asked
    const auto state = std::move(waiting->second);
    waiting_.erase(waiting);
    state->frame.set(std::move(frame));
  }
  if (f.cancelled()) close();
  else abort();
}

Result<Buffer> Connection::read_frame(Fiber& f) {
  std::array<std::byte, net::kFrameSizeBytes> prefix;
  TRY(read_exactly(f, prefix));
  const std::uint32_t size = TRY(net::parse_frame_size(prefix, config_.answer_bytes_max));
  kernel::MutableBuffer frame = kernel::MutableBuffer::allocate(size);
  TRY(read_exactly(f, frame.bytes()));
  return std::move(frame).share();
}

Result<> Connection::read_exactly(Fiber& f, kernel::MutableByteView out) {
  while (!out.empty()) {
    if (ahead_begin_ == ahead_end_ && out.size() >= ahead_.size()) {
      const std::size_t n = TRY(socket_->read(f, out));
      if (n == 0) return fail(Errc::closed);
      out = out.subspan(n);
      continue;
    }
    if (ahead_begin_ == ahead_end_) {
      ahead_begin_ = 0;
      ahead_end_ = 0;
      ahead_end_ = TRY(socket_->read(f, ahead_));
      if (ahead_end_ == 0) return fail(Errc::closed);
    }
    const std::size_t n = std::min(out.size(), ahead_end_ - ahead_begin_);
    std::memcpy(out.data(), ahead_.data() + ahead_begin_, n);
    ahead_begin_ += n;
    out = out.subspan(n);
  }
  return {};
}

}  // namespace clients::core
