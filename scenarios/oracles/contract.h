// The fault budget of one node: what of a partition each fault may cost, by what the broker had promised of it. Judges
// excuse a missing record only by this table and by what the injector's own disk still holds, never by what the broker
// says.
//
//   promise                                  process kill   power failure
//   written: acks=1; all of a relaxed topic  stays          may go, from the first batch the medium lacks on
//   synced: acks=all or shown, durable       stays          stays
//
// Errors of the disk (EIO on read, write or sync with its silent drop, no space, read-only, short, slow, hung, pages that
// cannot be read for a while) excuse nothing: what could not be made safe must not have been acknowledged. A page that
// could never be read again would be damage to the only copy, so such errors end. Faults that leave no copy of acknowledged
// data (a lost disk, rot, a sync that lies) exceed the contract of a single copy; the scenario damage-is-told alone draws
// them, and says what holds all the same.
#pragma once

#include "sim/machine.h"

namespace scenarios {

/// What a client may rely on for a record it was told of.
enum class Promise : std::uint8_t { written, synced };

[[nodiscard]] constexpr bool may_cost(sim::CrashKind crash, Promise promise) {
  return crash == sim::CrashKind::power_loss && promise == Promise::written;
}

}  // namespace scenarios
