// The one program: composes the subcommands that the rooms export and gives each the runtime it runs in.
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "broker/commands.h"
#include "clients/commands.h"
#include "kernel/command.h"
#include "kernel/posix/jobs.h"
#include "kernel/posix/runtime.h"
#include "net/release.h"
#include "scenarios/commands.h"

namespace {

struct Composed {
  kernel::Command command;
  CLI::App* app = nullptr;
  kernel::CommandBody body;
};

/// What the levels between are for.
std::string_view group_summary(std::string_view word) {
  if (word == "topic") return "Creates, lists, describes and deletes topics";
  if (word == "bench") return "Measures a broker: writing, reading, and the way between clients";
  if (word == "group") return "Shows consumer groups, how far they are behind, and moves their offsets";
  if (word == "config") return "Shows, changes and explains settings";
  if (word == "sim") return "Runs scenarios in the simulator and replays their seeds";
  if (word == "log") return "Looks into log directories";
  return {};
}

/// The parser for `path`, making the levels above it ("topic" for "topic list") when they are new.
CLI::App* app_for(CLI::App& root, const kernel::Command& command) {
  CLI::App* at = &root;
  std::string_view path = command.path;
  while (!path.empty()) {
    const std::size_t blank = path.find(' ');
    const std::string word{path.substr(0, blank)};
    path = blank == std::string_view::npos ? std::string_view{} : path.substr(blank + 1);
    const auto known = at->get_subcommands([&](const CLI::App* app) { return app->get_name() == word; });
    CLI::App* next = known.empty() ? nullptr : known.front();
    if (next == nullptr) {
      next = at->add_subcommand(word, std::string{group_summary(word)});
      next->require_subcommand(path.empty() ? 0 : 1);
    }
    at = next;
  }
  at->description(std::string{command.summary});
  return at;
}

/// The values that an option is limited to, apart by blanks: CLI11 writes them as {a,b} behind the type, or where words
/// stand for numbers as {a->1,b->2} OR {1,2}.
std::string fixed_values(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.find('}', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return {};
  std::string values;
  for (std::size_t at = open + 1; at < close;) {
    const std::size_t comma = std::min(type.find(',', at), close);
    const std::string value = type.substr(at, comma - at);
    values += (values.empty() ? "" : " ") + value.substr(0, value.find("->"));
    at = comma + 1;
  }
  return values;
}

/// What the completion script looks up, as cases of bash: what may follow a path of subcommands, and which options of
/// it take a value. Deepest levels first.
struct Completions {
  std::string words;    // by path: subcommands, options, fixed values of what has no name
  std::string options;  // by path and option: that it takes a value, and which there are
};

void describe(Completions& out, const CLI::App& app, const std::string& path) {
  std::string subcommands, words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    describe(out, *sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
    subcommands += sub->get_name() + " ";
  }
  for (const CLI::Option* option : app.get_options()) {
    const std::string values = fixed_values(*option);
    if (option->get_positional()) words += values + " ";
    std::string names;
    for (const std::string& name : option->get_lnames()) {
      words += "--" + name + " ";
      names += (names.empty() ? "\"" : "|\"") + path + " --" + name + "\"";
    }
    for (const std::string& name : option->get_snames()) names += (names.empty() ? "\"" : "|\"") + path + " -" + name + "\"";
    if (!names.empty() && option->get_items_expected_max() > 0) out.options += "    " + names + ") takes=1 values=\"" + values + "\" ;;\n";
  }
  out.words += "    \"" + path + "\") subcommands=\"" + subcommands + "\" words=\"" + words + "\" ;;\n";
}

/// A script for `source <(kalda completion bash)`; zsh takes the same through bashcompinit. Bash hands `--a=b` and `c:d`
/// over in three words, zsh in one.
std::string completion_script(const CLI::App& root, bool zsh) {
  Completions known;
  describe(known, root, "");
  return std::string{zsh ? "autoload -U +X bashcompinit && bashcompinit\n" : ""} +
         "_kalda_path() {\n"
         "  case $1 in\n" + known.words +
         "  esac\n"
         "}\n"
         "_kalda_option() {\n"
         "  takes= values=\n"
         "  case $1 in\n" + known.options +
         "  esac\n"
         "}\n"
         "_kalda() {\n"
         "  local i word current=${COMP_WORDS[COMP_CWORD]} path= option= prefix= takes= values= subcommands= words=\n"
         "  _kalda_path ''\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    case $word in\n"
         "      =) continue ;;\n"
         "      :) i=$((i + 1)); continue ;;\n"
         "    esac\n"
         "    if [ -n \"$option\" ]; then option=; continue; fi\n"
         "    case $word in\n"
         "      -*=*) ;;\n"
         "      -*) _kalda_option \"$path $word\"; [ -z \"$takes\" ] || option=$word ;;\n"
         "      *) case \" $subcommands \" in *\" $word \"*) path=${path:+$path }$word; _kalda_path \"$path\" ;; esac ;;\n"
         "    esac\n"
         "  done\n"
         "  case $current in\n"
         "    =) current= ;;\n"
         "    -*=*) option=${current%%=*} prefix=$option= current=${current#*=} ;;\n"
         "  esac\n"
         "  words=\"$subcommands$words\"\n"
         "  if [ -n \"$option\" ]; then _kalda_option \"$path $option\"; words=$values; fi\n"
         "  COMPREPLY=($(compgen -P \"$prefix\" -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _kalda kalda\n";
}

/// One line for a command line that makes no sense: what, and where to look.
std::string complaint(const CLI::App& root, const CLI::Error& error) {
  std::string words;
  const CLI::App* at = &root;
  for (auto parsed = at->get_subcommands(); !parsed.empty(); parsed = at->get_subcommands()) {
    at = parsed.front();
    words += " " + at->get_name();
  }
  std::string what = error.what();
  const std::vector<std::string> unknown = root.remaining(/*recurse=*/true);
  if (what == "A subcommand is required") what = unknown.empty() ? "a command is missing" : "there is no command " + unknown.front();
  return "kalda" + words + ": " + what + "; see `" + root.get_name() + words + " --help`\n";
}

std::uint32_t default_shards() { return std::max(1u, kernel::posix::processors() / 2); }

int run(const Composed& chosen, const kernel::posix::RuntimeOptions& options) {
  kernel::posix::RuntimeOptions final_options = options;
  if (chosen.command.shards) {
    kernel::posix::RuntimeOptions quiet = options;
    quiet.handle_signals = false;
    kernel::posix::Runtime first{quiet};
    first.run([&](kernel::Fiber& f) {
      const auto wanted = chosen.command.shards(f);
      final_options.shards = wanted && *wanted > 0 ? *wanted : default_shards();
      return 0;
    });
  }
  kernel::posix::Runtime runtime{final_options};
  return runtime.run(chosen.body);
}

}  // namespace

int main(int argc, char** argv) {
  // Large blocks go back to the system when they are freed; a broker's memory is what it uses now.
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
  ::mallopt(M_ARENA_MAX, 2);

  CLI::App root{"Kalda: an event streaming platform that speaks the Apache Kafka protocol, with its own simulator"};
  root.name(argc > 0 ? argv[0] : "kalda");  // as it was called: usage lines and hints can be copied
  root.require_subcommand(1);
  root.failure_message([](const CLI::App* app, const CLI::Error& error) { return complaint(*app, error); });
  root.set_version_flag("--version", std::string{"kalda " KALDA_VERSION ", speaks Apache Kafka "} + std::string{net::kKafkaRelease});
  std::string log_level = "info", log_format = "auto";
  root.add_option("--log-level", log_level, "Least level of log lines on standard error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  root.add_option("--log-format", log_format, "Log lines for people (text) or programs (json); auto asks the terminal")
      ->check(CLI::IsMember({"auto", "text", "json"}))
      ->capture_default_str();

  std::vector<Composed> composed;
  for (auto&& list : {broker::commands(), clients::commands(), scenarios::commands()}) {
    for (const kernel::Command& command : list) composed.push_back({command, app_for(root, command), {}});
  }
  for (Composed& one : composed) one.body = one.command.define(kernel::CommandLine{*one.app});
  std::string shell = "bash";
  CLI::App* completion = root.add_subcommand("completion", "Prints a script that completes kalda's words in your shell");
  completion->add_option("SHELL", shell, "bash or zsh: source <(kalda completion bash)")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->capture_default_str();
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = root.exit(error);
    return status == 0 ? 0 : 2;
  }

  if (completion->parsed()) {
    std::fputs(completion_script(root, shell == "zsh").c_str(), stdout);
    return 0;
  }
  const std::map<std::string, kernel::Level> levels{{"debug", kernel::Level::debug},
                                                    {"info", kernel::Level::info},
                                                    {"warn", kernel::Level::warn},
                                                    {"error", kernel::Level::error}};
  kernel::posix::RuntimeOptions options{.log_level = levels.at(log_level)};
  using LogForm = kernel::posix::RuntimeOptions::LogForm;
  options.log_form = log_format == "text" ? LogForm::text : log_format == "json" ? LogForm::json : LogForm::automatic;
  for (const Composed& one : composed) {
    if (one.app->parsed()) return run(one, options);
  }
  return 2;
}
