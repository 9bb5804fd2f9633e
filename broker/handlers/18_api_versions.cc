// ApiVersions v0-5. v3: flexible, client name (KIP-511). v5: cluster and node check (KIP-1242). A version we lack is
// answered in version 0 with UNSUPPORTED_VERSION and the versions of ApiVersions itself.
#include "broker/handlers/apis.h"
#include "broker/handlers/call.h"
#include "net/messages/api_versions.h"

namespace broker::handlers {
namespace {

using net::ApiVersionsRequest;
using net::ApiVersionsResponse;
using net::ErrorCode;

ApiVersionsResponse::ApiVersion advertised(const Api& api) {
  const net::ApiInfo& facts = net::info(api.key);
  // Below the first version that is served where clients expect to see it (Produce from 0).
  const std::int16_t first = facts.advertised_first < facts.versions.first ? facts.advertised_first : api.versions.first;
  return {.api_key = static_cast<std::int16_t>(api.key), .min_version = first, .max_version = api.versions.last};
}

bool is_name_valid(std::string_view name) {
  if (name.empty()) return false;
  const auto plain = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (const char c : name) {
    if (!plain(c) && c != '-' && c != '.') return false;
  }
  return plain(name.front()) && plain(name.back());
}

/// The features that work, and how far each goes. The metadata log holds more (group.version, transaction.version and
/// others are finalized when a directory is formatted, as Kafka does it), but clients choose what they send by what is
/// told here.
struct Feature {
  std::string_view name;
  std::int16_t min, max;
};
constexpr Feature kFeatures[] = {{"kraft.version", 0, 1}, {"metadata.version", 7, 33}};

void add_features(ApiVersionsResponse& response, const metadata::Image& image, net::Arena& arena, std::int16_t version) {
  response.finalized_features_epoch = image.offset.raw() - 1;
  for (const auto& [name, min, max] : kFeatures) {
    // Versions before 4 cannot say a range that begins at 0.
    if (min > 0 || version >= 4)
      arena.push_back(response.supported_features, {.name = name, .min_version = min, .max_version = max});
    std::int16_t level = image.kraft_version;
    if (name != "kraft.version") {
      const auto at = image.features.find(name);
      level = at == image.features.end() ? std::int16_t{0} : at->second;
    }
    if (level > 0)
      arena.push_back(response.finalized_features, {.name = name, .max_version_level = level, .min_version_level = level});
  }
}

ApiVersionsResponse respond(Call& call, const ApiVersionsRequest& request) {
  ApiVersionsResponse response;
  if (call.version() >= 3 &&
      (!is_name_valid(request.client_software_name) || !is_name_valid(request.client_software_version))) {
    response.error_code = ErrorCode::invalid_request;
    return response;
  }
  const bool other_cluster = request.cluster_id && *request.cluster_id != call.broker().cluster_id();
  const bool other_node = request.node_id != net::BrokerId{-1} && request.node_id != call.broker().id();
  if (other_cluster || other_node) {
    response.error_code = ErrorCode::rebootstrap_required;
    return response;
  }
  call.slot.connection()->client_software = std::string{request.client_software_name};
  net::Arena& arena = *call.arena;
  const auto apis = served_apis();
  response.api_keys = arena.list<ApiVersionsResponse::ApiVersion>(apis.size());
  for (std::size_t i = 0; i < apis.size(); ++i) response.api_keys[i] = advertised(apis[i]);
  add_features(response, *call.image(), arena, call.version());
  return response;
}

}  // namespace

void handle_api_versions(kernel::Fiber& f, Call& call) {
  const Api& self = *find_served(static_cast<std::int16_t>(net::ApiKey::api_versions));
  if (!self.versions.contains(call.version())) {
    ApiVersionsResponse response;
    response.error_code = ErrorCode::unsupported_version;
    response.api_keys = call.arena->list<ApiVersionsResponse::ApiVersion>(1);
    response.api_keys[0] = advertised(self);
    return call.slot.send(f, call.frame_at(f, 0, response));
  }
  const auto request = net::decode<ApiVersionsRequest>(call.reader, call.version());
  if (!request) return call.hang_up(f);
  call.reply(f, respond(call, *request));
}

}  // namespace broker::handlers
