// `kalda log dump`: what files of a log directory hold, for people or programs.
#include <fmt/format.h>

#include "broker/dump_command.h"
#include "broker/log/dump.h"
#include "broker/words.h"
#include "kernel/node.h"

namespace broker {
namespace {

using kernel::Fiber;

int run(Fiber& f, const log::DumpOptions& options) {
  std::string about;
  const auto dumped = log::dump(f, options, &about);
  if (dumped || dumped.error().is(kernel::Errc::closed)) return 0;  // a reader that has seen enough
  const auto say = [&](std::string_view what) {
    static_cast<void>(f.node().console().write_error(f, fmt::format("kalda log dump: {}\n", what)));
    return 1;
  };
  if (dumped.error().is(kernel::Errc::corrupt))
    return say(fmt::format("{} of these files cannot be read whole; see what stands under `error` above", dumped.error().detail));
  return say(fmt::format("{}: {}; name a file or directory of a log directory, such as .kalda/data/orders-0", about,
                         words_of(dumped.error())));
}

}  // namespace

kernel::Command dump_command() {
  return {"log dump", "Prints segments, indexes, snapshots and checkpoints",
          [](kernel::CommandLine line) -> kernel::CommandBody {
            auto options = std::make_shared<log::DumpOptions>();
            auto form = std::make_shared<std::string>("text");
             line.option("PATH", options->paths, "Files, or directories with all below them").required();
             line.flag("--records", options->records, "The records of batches too; of internal topics by type and fields");
             line.option("--topic", options->topic, "Of which topic the records are, where the files' directory does not say");
             line.option("--format", *form, "text for people, json (a line each) for programs")
                 .one_of({"text", "json"})
                 .show_default();
            return [options, form](Fiber& f) {
              options->form = *form == "json" ? log::DumpOptions::Form::json : log::DumpOptions::Form::text;
              return run(f, *options);
            };
          }};
}

}  // namespace broker
