#include "net/apis.h"

#include <algorithm>

#include "kernel/check.h"

namespace net {

const ApiInfo* find_api(std::int16_t key) {
  const auto apis = all_apis();
  const auto found = std::ranges::lower_bound(apis, static_cast<ApiKey>(key), {}, &ApiInfo::key);
  return found != apis.end() && found->key == static_cast<ApiKey>(key) ? &*found : nullptr;
}

const ApiInfo& info(ApiKey key) {
  const ApiInfo* api = find_api(static_cast<std::int16_t>(key));
  CHECK(api != nullptr);
  return *api;
}

}  // namespace net
