#include "kernel/posix/device.h"

#include <sys/sysmacros.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace kernel::posix {
namespace {

/// Whether `path` is `folder` or lies below it.
bool is_within(std::string_view path, std::string_view folder) {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// The table writes blanks and backslashes of names as three octal digits (proc_pid_mountinfo(5)).
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() && std::from_chars(&text[i + 1], &text[i + 4], code, 8).ptr == &text[i + 4]) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

void Device::note_write(Mono begun, Mono ended) {
  if (ended - begun > kWaited) {
    waited_at_.store(ended, std::memory_order_relaxed);
    direct_until_.store(kLongAgo, std::memory_order_relaxed);
    return;
  }
  // Renewed early enough that a device that is written to all the time stays direct, seldom enough to cost nothing.
  if (direct_until_.load(std::memory_order_relaxed) - ended > kDirectFor / 2) return;
  if (ended - waited_at_.load(std::memory_order_relaxed) < kPatience) return;
  direct_until_.store(ended + kDirectFor, std::memory_order_relaxed);
}

Device& Devices::of(dev_t number) {
  const std::lock_guard lock{mutex_};
  std::unique_ptr<Device>& device = devices_[number];
  if (device == nullptr) device = std::make_unique<Device>(threads_max_);
  return *device;
}

Device& Devices::at(std::string_view path) {
  dev_t number = 0;
  {
    const std::lock_guard lock{mutex_};
    const std::vector<Mount>& known = mounts();
    const std::string whole = path.starts_with('/') ? std::string{path} : working_directory_ + '/' + std::string{path};
    std::size_t longest = 0;
    for (const Mount& mount : known) {
      // Of two mounts at one point the later one is seen.
      if (!is_within(whole, mount.point) || mount.point.size() < longest) continue;
      longest = mount.point.size();
      number = mount.number;
    }
  }
  return of(number);
}

const std::vector<Devices::Mount>& Devices::mounts() {
  if (std::exchange(mounts_read_, true)) return mounts_;
  std::error_code ignored;
  working_directory_ = std::filesystem::current_path(ignored).string();
  std::ifstream table{"/proc/self/mountinfo"};
  for (std::string line; std::getline(table, line);) {
    std::istringstream words{line};
    std::string id, parent, number, root, point;
    words >> id >> parent >> number >> root >> point;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    const char* const end = number.data() + number.size();
    const char* const colon = std::from_chars(number.data(), end, major_number).ptr;
    if (colon == end || point.empty()) continue;
    std::from_chars(colon + 1, end, minor_number);
    mounts_.push_back({unescaped(point), makedev(major_number, minor_number)});
  }
  return mounts_;
}

void Devices::finish() {
  std::vector<Device*> all;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& [number, device] : devices_) all.push_back(device.get());
  }
  for (Device* device : all) device->workers().finish();  // what is under way may still ask for a device
}

}  // namespace kernel::posix
