// The calls of the system that may wait for a device, made to wait: the linker leads those of this program through here
// (tests/CMakeLists.txt). The real ones are done when nothing is held.
#pragma once

#include <set>

namespace kernel::posix {

/// While it is true, each such call waits in the thread that made it; after ten seconds it goes on and is_stuck() is
/// true, so that a test whose own thread waits comes to an end and fails.
void hold_calls(bool held);
bool is_stuck();
/// Those that syncfs was called with.
std::set<int> syncfs_descriptors();

}  // namespace kernel::posix
