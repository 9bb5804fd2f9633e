#include "broker/config_source.h"

#include <fmt/format.h>

#include "broker/words.h"
#include "kernel/node.h"

namespace broker {

using kernel::Fiber;
using kernel::Result;

void add_config_options(kernel::CommandLine line, ConfigSource& source) {
  line.option("--config,-c", source.path, "Kafka's server.properties").show_type("FILE");
  line.option("--set", source.overrides, "A setting that overrides the file; may be repeated").show_type("KEY=VALUE").all_together();
}

std::optional<config::BrokerConfig> load_config(Fiber& f, const ConfigSource& source, std::string_view command, bool tell) {
  const auto say = [&](const std::string& text) { static_cast<void>(f.node().console().write_error(f, text)); };
  std::string text;
  if (!source.path.empty()) {
    const auto file = f.node().disk().open(f, source.path, kernel::OpenMode::read_only());
    const auto bytes = file ? kernel::read_all(f, **file) : Result<kernel::Buffer>{std::unexpected(file.error())};
    if (!bytes) {
      if (tell) say(fmt::format("kalda {}: cannot read {}: {}; name a server.properties that is there with --config, or none\n",
                                command, source.path, words_of(bytes.error())));
      return std::nullopt;
    }
    text = std::string{kernel::as_text(bytes->view())};
  }
  config::LoadedConfig loaded = config::load_broker_config(text, source.overrides);
  if (tell) {
    for (const auto& notice : loaded.notices) say(fmt::format("notice: {}\n", notice));
    for (const auto& warning : loaded.warnings) say(fmt::format("warning: {}\n", warning));
    for (const auto& problem : loaded.problems) say(fmt::format("error: {}\n", problem));
    if (!loaded.problems.empty()) say(fmt::format("kalda {}: the configuration cannot be used; nothing was started.\n", command));
  }
  return std::move(loaded.config);
}

}  // namespace broker
