#include "broker/log/identity_files.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "broker/log/properties.h"
#include "broker/log/text_lines.h"

namespace broker::log {
namespace {

constexpr int kMetaPropertiesVersion = 1;
constexpr int kPartitionMetadataVersion = 0;

/// What follows `label` on the next line.
kernel::Result<std::string_view> labelled(Lines& lines, std::string_view label) {
  const auto line = lines.next();
  if (!line || !line->starts_with(label)) return kernel::fail(Reason::bad_line, line ? lines.number() : lines.number() + 1);
  return line->substr(label.size());
}

}  // namespace

kernel::Result<MetaProperties> parse_meta_properties(std::string_view text) {
  std::map<std::string, Property> found;
  for (Property& property : TRY(parse_properties(text))) {
    const std::int64_t line = property.line;
    std::string key = property.key;
    if (!found.emplace(std::move(key), std::move(property)).second) return kernel::fail(Reason::duplicate, line);
  }
  const auto get = [&](const std::string& key) -> const Property* {
    const auto at = found.find(key);
    return at == found.end() ? nullptr : &at->second;
  };
  const Property* version = get("version");
  if (version == nullptr) return kernel::fail(Reason::bad_version, 0);
  const auto number = parse_number<int>(version->value);
  if (!number) return kernel::fail(Reason::bad_line, version->line);
  if (*number != kMetaPropertiesVersion) return kernel::fail(Reason::bad_version, *number);
  const Property* cluster_id = get("cluster.id");
  const Property* node_id = get("node.id");
  if (cluster_id == nullptr || node_id == nullptr) return kernel::fail(Reason::missing_key, 0);
  MetaProperties properties{.cluster_id = cluster_id->value, .node_id = -1, .directory_id = std::nullopt};
  if (properties.cluster_id.empty()) return kernel::fail(Reason::bad_line, cluster_id->line);
  const auto id = parse_number<std::int32_t>(node_id->value);
  if (!id || *id < 0) return kernel::fail(Reason::bad_line, node_id->line);
  properties.node_id = *id;
  if (const Property* directory_id = get("directory.id"); directory_id != nullptr) {
    const auto parsed = net::Uuid::parse(directory_id->value);
    if (!parsed) return kernel::fail(Reason::bad_line, directory_id->line);
    properties.directory_id = *parsed;
  }
  return properties;
}

std::string format_meta_properties(const MetaProperties& properties) {
  std::string text = "#\n";
  text += format_property("cluster.id", properties.cluster_id);
  if (properties.directory_id) text += format_property("directory.id", properties.directory_id->text());
  text += format_property("node.id", fmt::format("{}", properties.node_id));
  text += format_property("version", fmt::format("{}", kMetaPropertiesVersion));
  return text;
}

kernel::Result<net::TopicId> parse_partition_metadata(std::string_view text) {
  Lines lines{text};
  const auto version = parse_number<int>(TRY(labelled(lines, "version: ")));
  if (!version) return kernel::fail(Reason::bad_line, 1);
  if (*version != kPartitionMetadataVersion) return kernel::fail(Reason::bad_version, 1);
  const auto id = net::Uuid::parse(TRY(labelled(lines, "topic_id: ")));
  // A zero id would match any topic that has none.
  if (!id || id->is_zero()) return kernel::fail(Reason::bad_line, 2);
  if (lines.next()) return kernel::fail(Reason::bad_line, 3);
  return net::TopicId{*id};
}

std::string format_partition_metadata(net::TopicId topic_id) {
  return fmt::format("version: {}\ntopic_id: {}", kPartitionMetadataVersion, topic_id.raw().text());
}

std::optional<std::int64_t> parse_clean_shutdown(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto epoch = json.find("brokerEpoch");
  if (epoch == json.end() || !epoch->is_number_integer()) return std::nullopt;
  return epoch->get<std::int64_t>();
}

std::string format_clean_shutdown(std::int64_t broker_epoch) {
  return fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", broker_epoch);
}

}  // namespace broker::log
