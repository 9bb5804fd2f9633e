// Any bytes as what members of a group send each other: what parses is written to something that parses the same.
#include "clients/group/assignor.h"
#include "kernel/check.h"

using namespace clients::group;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const kernel::ByteView bytes{reinterpret_cast<const std::byte*>(data), size};
  if (const auto partitions = parse_assignment(bytes))
    CHECK(*parse_assignment(encode_assignment(*partitions)) == *partitions);
  if (const auto remembered = parse_sticky(bytes)) {
    const auto again = parse_sticky(encode_sticky(*remembered));
    CHECK(again && again->owned.size() == remembered->owned.size() && again->generation == remembered->generation);
  }
  const auto said = parse_subscription(bytes);
  if (!said) return 0;
  const auto again = parse_subscription(encode_subscription(*said));
  CHECK(again && again->owned == said->owned && again->generation == said->generation && again->rack == said->rack);
  // Whatever one member says, the leader's assignors give every partition out once.
  Member other{.id = "b", .instance_id = {}, .subscription = {.topics = {"t"}, .user_data = {}, .owned = {}, .rack = {}}};
  for (const auto kind : {AssignorKind::range, AssignorKind::round_robin, AssignorKind::sticky, AssignorKind::cooperative_sticky}) {
    const auto out = assign(kind, {{.id = "a", .instance_id = {}, .subscription = *said}, other}, {{"t", 5}, {"u", 2}});
    CHECK(out.size() == 2 && out.at("a").size() + out.at("b").size() <= 7);
    if (kind != AssignorKind::cooperative_sticky) CHECK(out.at("a").size() + out.at("b").size() >= 5);
  }
  return 0;
}
