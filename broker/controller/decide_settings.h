// What records a change of settings needs: pure, as decide.h. Answers and checks are those of Kafka's controller; what a
// broker has to say to changes of its own settings is checked before (config::check_broker_change()).
#pragma once

#include <span>
#include <vector>

#include "broker/config/alteration.h"
#include "broker/controller/changes.h"
#include "broker/controller/decide.h"
#include "broker/metadata/image.h"

namespace broker::controller {

/// The settings that a kind of resource knows; empty for one that has none.
[[nodiscard]] std::span<const config::Definition> definitions_of(metadata::ResourceType type);

struct SettingsDecision {
  std::vector<AlteredSettings> answers;  ///< one for each wanted, in order
  std::vector<FramedValue> records;
};
[[nodiscard]] SettingsDecision decide_settings(const Image& image, std::span<const SettingsWish> wanted);

}  // namespace broker::controller
