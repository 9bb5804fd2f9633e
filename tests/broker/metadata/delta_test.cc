#include "broker/metadata/delta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broker::metadata {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TopicRef topic(std::string name, std::uint64_t id) {
  auto made = std::make_shared<Topic>();
  made->name = std::move(name);
  made->id = net::TopicId{{0, id}};
  return made;
}
void put(Image& image, const TopicRef& topic) {
  image.topics[topic->name] = topic;
  image.topics_by_id[topic->id] = topic;
}

TEST(Delta, NamesWhatIsNewChangedAndGoneAndNothingElse) {
  const TopicRef a = topic("a", 1), b = topic("b", 2), grown = topic("b", 2), c = topic("c", 3), anew = topic("c", 4),
                 d = topic("d", 5), z = topic("z", 6);
  Image before, next;
  for (const TopicRef& one : {a, b, c, z}) put(before, one);
  for (const TopicRef& one : {a, grown, anew, d}) put(next, one);
  const Resource same{ResourceType::topic, "a"}, other{ResourceType::topic, "b"}, gone{ResourceType::broker, ""},
      fresh{ResourceType::group, "g"};
  before.settings = {{same, {{"x", "1"}}}, {other, {{"x", "1"}}}, {gone, {{"x", "1"}}}};
  next.settings = {{same, {{"x", "1"}}}, {other, {{"x", "2"}}}, {fresh, {{"x", "1"}}}};
  const Delta delta = delta_of(before, next);
  EXPECT_THAT(delta.changed, ElementsAre(grown, anew, d));
  EXPECT_THAT(delta.removed, ElementsAre(c, z));
  EXPECT_THAT(delta.settings, ElementsAre(other, gone, fresh));
  const Delta none = delta_of(next, next);
  EXPECT_THAT(none.changed, IsEmpty());
  EXPECT_THAT(none.removed, IsEmpty());
  EXPECT_THAT(none.settings, IsEmpty());
}

}  // namespace
}  // namespace broker::metadata
