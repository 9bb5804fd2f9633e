// `kalda log dump DIR|FILE...`: what the files of a log directory hold, as text or as JSON lines. Reads only, takes no
// lock: a broker may run on the directory meanwhile. Every batch's checksum is looked at.
//
//   return dump(f, {.paths = {"/data/orders-0"}, .form = DumpOptions::Form::json, .records = true});
#pragma once

#include <string>
#include <vector>

#include "kernel/fiber.h"
#include "kernel/result.h"

namespace broker::log {

struct DumpOptions {
  std::vector<std::string> paths;  ///< files, or directories with all below them
  enum class Form : std::uint8_t { text, json } form = Form::text;
  bool records = false;            ///< the records of batches too, those of internal topics by their fields
  std::string topic;               ///< of which records are; what the name of their directory says when empty
};

/// Writes to the console of the node. A file that does not hold what its name promises is reported in the output, and
/// the rest goes on; Errc::corrupt in the end then, with the number of such files. Errors also: of files that cannot
/// be opened or read (`about` is then set to which, and what came before it has been written), closed when nobody reads
/// any more.
kernel::Result<> dump(kernel::Fiber& f, const DumpOptions& options, std::string* about = nullptr);

}  // namespace broker::log
