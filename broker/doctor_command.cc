// `kalda doctor`: looks at what a broker with this configuration depends on, and says what to do about what is wrong.
#include "broker/doctor_command.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "broker/config_source.h"
#include "broker/doctor/finding.h"
#include "kernel/node.h"

namespace broker {
namespace {

using doctor::Finding;
using doctor::Verdict;
using kernel::Fiber;

struct Options {
  ConfigSource source;
  bool as_json = false;
};

std::string_view colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine: return "\x1b[32m";
    case Verdict::unknown: return "";
    case Verdict::warning: return "\x1b[33m";
    case Verdict::failure: return "\x1b[31m";
  }
  std::unreachable();
}

std::string text_of(const Finding& finding, bool coloured) {
  std::string text = fmt::format("{}{:<8}{} {}: {}\n", coloured ? colour_of(finding.verdict) : "", name_of(finding.verdict),
                                 coloured ? "\x1b[0m" : "", finding.subject, finding.text);
  if (!finding.advice.empty()) text += fmt::format("         {}\n", finding.advice);
  return text;
}

int run(Fiber& f, const Options& options) {
  const auto config = load_config(f, options.source, "doctor", /*tell=*/true);
  if (!config) return 2;
  doctor::Findings findings;
  look_at_directories(f, *config, findings);
  look_at_listeners(f, *config, findings);
  look_at_limits(f, *config, findings);
  look_at_clock(f, findings);
  kernel::Console& console = f.node().console();
  bool failed = false;
  std::string text;
  for (const Finding& finding : findings) {
    failed |= finding.verdict == Verdict::failure;
    if (options.as_json) {
      const nlohmann::ordered_json line{{"verdict", name_of(finding.verdict)}, {"subject", finding.subject},
                                        {"text", finding.text}, {"advice", finding.advice}};
      text += line.dump() + "\n";
    } else {
      text += text_of(finding, console.output_is_terminal());
    }
  }
  return console.write(f, text) && !failed ? 0 : 1;
}

}  // namespace

kernel::Command doctor_command() {
  return {"doctor", "Checks disks, listeners, limits and clock for a broker; exit status 1 when something is wrong", [](kernel::CommandLine line) -> kernel::CommandBody {
    auto options = std::make_shared<Options>();
    auto form = std::make_shared<std::string>("text");
    add_config_options(line, options->source);
    line.option("--format", *form, "text for people, json (a line each) for programs")
        .one_of({"text", "json"})
        .show_as("text|json");
    return [options, form](Fiber& f) {
      options->as_json = *form == "json";
      return run(f, *options);
    };
  }};
}

}  // namespace broker
