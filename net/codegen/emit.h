// What is generated from schemas. Each function gives the text of one file.
#pragma once

#include <span>
#include <string>

#include "net/codegen/schema.h"

namespace net::codegen {

/// net/messages/STEM.h and .cc: the structs and their codecs.
[[nodiscard]] std::string emit_header(const Schema& schema);
[[nodiscard]] std::string emit_source(const Schema& schema);
/// net/arbitrary/STEM.cc, for tests: random values of each message, and its test cases.
[[nodiscard]] std::string emit_arbitrary(const Schema& schema);

/// net/messages/api_key.h and api_table.cc, over all schemas.
[[nodiscard]] std::string emit_api_key(std::span<const Schema> schemas);
[[nodiscard]] std::string emit_api_table(std::span<const Schema> schemas);
/// net/arbitrary/all_cases.cc, for tests.
[[nodiscard]] std::string emit_all_cases(std::span<const Schema> schemas);

/// "v >= 3 && v <= 5" for what of `inner` is not implied by `outer`; empty if all is.
[[nodiscard]] std::string version_test(const Versions& inner, const Versions& outer);
/// As version_test(), but "true" when all is implied, so that it can be an argument.
[[nodiscard]] std::string version_value(const Versions& inner, const Versions& outer);
/// Name of a struct of `message` from outside: "ProduceRequest::TopicProduceData".
[[nodiscard]] std::string qualified(const Message& message, const Struct& s);

}  // namespace net::codegen
