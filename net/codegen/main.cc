// Generates the message codecs at build time.
//
//   net_codegen messages OUT_DIR net/schema/00_produce.schema     writes messages/produce.{h,cc}, arbitrary/produce.cc
//   net_codegen tables OUT_DIR net/schema/*.schema                writes what covers all schemas
//
// Files are written only when their text changes, so that a rebuild compiles what it must.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "net/codegen/emit.h"

namespace {

using namespace net::codegen;

std::optional<std::string> slurp(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

bool write(const std::filesystem::path& path, const std::string& text) {
  if (slurp(path) == text) return true;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file{path, std::ios::binary};
  file << text;
  file.close();
  if (!file) fmt::print(stderr, "{}: cannot write\n", path.string());
  return static_cast<bool>(file);
}

std::optional<Schema> load(const std::filesystem::path& path) {
  const auto text = slurp(path);
  if (!text) {
    fmt::print(stderr, "{}: cannot read\n", path.string());
    return std::nullopt;
  }
  Problem problem;
  auto schema = parse("net/schema/" + path.filename().string(), *text, problem);
  if (!schema) fmt::print(stderr, "{}:{}: {}\n", path.string(), problem.line, problem.what);
  return schema;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    fmt::print(stderr, "usage: net_codegen messages|tables OUT_DIR SCHEMA...\n");
    return 2;
  }
  const std::string what = arguments[1];
  const std::filesystem::path out = arguments[2];
  std::vector<Schema> schemas;
  for (int i = 3; i < count; ++i) {
    auto schema = load(arguments[i]);
    if (!schema) return 1;
    schemas.push_back(std::move(*schema));
  }
  bool written = true;
  if (what == "tables") {
    written = write(out / "messages/api_key.h", emit_api_key(schemas)) &&
              write(out / "messages/api_table.cc", emit_api_table(schemas)) &&
              write(out / "arbitrary/all_cases.cc", emit_all_cases(schemas));
  } else {
    for (const Schema& schema : schemas)
      written = written && write(out / "messages" / (schema.stem + ".h"), emit_header(schema)) &&
                write(out / "messages" / (schema.stem + ".cc"), emit_source(schema)) &&
                write(out / "arbitrary" / (schema.stem + ".cc"), emit_arbitrary(schema));
  }
  return written ? 0 : 1;
}
