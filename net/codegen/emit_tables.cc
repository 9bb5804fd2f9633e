#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "net/codegen/emit.h"

namespace net::codegen {

namespace {

std::vector<const Schema*> by_key(std::span<const Schema> schemas) {
  std::vector<const Schema*> apis;
  for (const Schema& schema : schemas)
    if (schema.api) apis.push_back(&schema);
  std::ranges::sort(apis, {}, [](const Schema* s) { return s->api->key; });
  return apis;
}

std::string flexible_from(const Message& message) {
  return message.ever_flexible() ? std::to_string(message.flexible_from) : "kNeverFlexible";
}

}  // namespace

std::string emit_api_key(std::span<const Schema> schemas) {
  std::string text =
      "// Generated from the schemas.\n#pragma once\n\n#include <cstdint>\n\nnamespace net {\n\n"
      "enum class ApiKey : std::int16_t {\n";
  for (const Schema* schema : by_key(schemas))
    text += fmt::format("  {} = {},\n", snake_case(schema->api->name), schema->api->key);
  text += "};\n\n}  // namespace net\n";
  return text;
}

std::string emit_api_table(std::span<const Schema> schemas) {
  std::string text = "// Generated from the schemas.\n#include \"net/apis.h\"\n\nnamespace net {\n\n";
  text += "namespace {\n\nconstexpr ApiInfo kApis[] = {\n";
  for (const Schema* schema : by_key(schemas)) {
    const Api& api = *schema->api;
    text += fmt::format(
        "    {{.key = ApiKey::{}, .name = \"{}\", .versions = {{{}, {}}}, .advertised_first = {},\n"
        "     .unstable_from = {}, .request_flexible_from = {}, .response_flexible_from = {},\n"
        "     .on_broker = {}, .on_controller = {}, .cluster_action = {}, .forwarded = {}}},\n",
        snake_case(api.name), api.name, api.versions.first, api.versions.last, api.advertised_first,
        api.unstable_from == Message::kNever ? "kNeverUnstable" : std::to_string(api.unstable_from),
        flexible_from(schema->messages[0]), flexible_from(schema->messages[1]), api.broker, api.controller,
        api.cluster_action, api.forward);
  }
  text += "};\n\n}  // namespace\n\nstd::span<const ApiInfo> all_apis() { return kApis; }\n\n}  // namespace net\n";
  return text;
}

std::string emit_all_cases(std::span<const Schema> schemas) {
  std::string text =
      "// Generated from the schemas.\n#include \"tests/net/message_case.h\"\n\nnamespace net::testing {\n\n";
  for (const Schema& schema : schemas) text += fmt::format("std::vector<MessageCase> {}_cases();\n", schema.stem);
  text += "\nstd::vector<MessageCase> all_message_cases() {\n  std::vector<MessageCase> all;\n";
  for (const Schema& schema : schemas)
    text += fmt::format("  for (const MessageCase& one : {}_cases()) all.push_back(one);\n", schema.stem);
  text += "  return all;\n}\n\n}  // namespace net::testing\n";
  return text;
}

}  // namespace net::codegen
