// What `kalda produce` says of lines that were not acknowledged: which one the broker objects to, what it takes with it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "clients/producer/record.h"

namespace clients::cli {

/// "line 9: the record was refused (...)". `lines` are those of the records of one batch, in their order, so that
/// lines[0] is the first that was not acknowledged.
[[nodiscard]] std::string what_failed(std::span<const std::uint64_t> lines, const producer::Delivery& delivery,
                                      const producer::Refusal& refusal);
/// The broker's own words, of the record to blame where it names one. Empty when it had none.
[[nodiscard]] std::string said_by_broker(std::span<const std::uint64_t> lines, const producer::Refusal& refusal);

}  // namespace clients::cli
