#include "tests/broker/serve_process.h"

#include <CLI/CLI.hpp>

#include "broker/serve_command.h"
#include "kernel/posix/runtime.h"

namespace broker::testing {

int Serve::run(std::vector<std::string> settings, std::uint32_t shards) {
  CLI::App app;
  const kernel::CommandBody body = serve_command().define(kernel::CommandLine{app});
  settings.insert(settings.begin(), {"kalda.admin.port=-1", "listeners=PLAINTEXT://127.0.0.1:0"});
  std::vector<std::string> words;
  for (auto setting = settings.rbegin(); setting != settings.rend(); ++setting) {
    words.push_back(*setting);
    words.emplace_back("--set");
  }
  app.parse(words);  // takes them from the back
  kernel::posix::Runtime runtime{{.shards = shards, .log_form = kernel::posix::RuntimeOptions::LogForm::json}};
  return runtime.run(body);
}

}  // namespace broker::testing
