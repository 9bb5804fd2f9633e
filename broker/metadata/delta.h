// What differs between two images, for whoever keeps something for topics or settings. Topics that both share are known by
// their address; settings are compared by value.
//
//   for (const TopicRef& topic : delta_of(*before, *next).changed) ...open what is new
//
// Pure.
#pragma once

#include <set>
#include <vector>

#include "broker/metadata/image.h"

namespace broker::metadata {

struct Delta {
  std::vector<TopicRef> changed;  ///< new, or with other partitions; by name
  std::vector<TopicRef> removed;  ///< as they were; one made anew under its name is here and in `changed`
  std::set<Resource> settings;    ///< resources with other settings
};
[[nodiscard]] Delta delta_of(const Image& before, const Image& next);

}  // namespace broker::metadata
