#include "kernel/result.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace kernel {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::cancelled: return "cancelled";
    case Errc::deadline: return "deadline";
    case Errc::closed: return "closed";
    case Errc::connection_reset: return "connection_reset";
    case Errc::connection_refused: return "connection_refused";
    case Errc::unreachable: return "unreachable";
    case Errc::address_in_use: return "address_in_use";
    case Errc::no_such_file: return "no_such_file";
    case Errc::already_exists: return "already_exists";
    case Errc::not_empty: return "not_empty";
    case Errc::disk_full: return "disk_full";
    case Errc::read_only: return "read_only";
    case Errc::permission: return "permission";
    case Errc::too_many_files: return "too_many_files";
    case Errc::io: return "io";
    case Errc::locked: return "locked";
    case Errc::corrupt: return "corrupt";
    case Errc::too_large: return "too_large";
    case Errc::unsupported: return "unsupported";
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::exhausted: return "exhausted";
  }
  std::unreachable();
}

namespace {
constexpr std::string_view room_name(Room room) {
  switch (room) {
    case Room::kernel: return "kernel";
    case Room::sim: return "sim";
    case Room::net: return "net";
    case Room::broker: return "broker";
    case Room::clients: return "clients";
    case Room::scenarios: return "scenarios";
  }
  std::unreachable();
}

Errc code_of_errno(int system_errno) {
  switch (system_errno) {
    case ECANCELED: return Errc::cancelled;
    case ETIMEDOUT: return Errc::unreachable;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED: return Errc::connection_reset;
    case ECONNREFUSED: return Errc::connection_refused;
    case EHOSTUNREACH:
    case ENETUNREACH: return Errc::unreachable;
    case EADDRINUSE: return Errc::address_in_use;
    case ENOENT: return Errc::no_such_file;
    case EEXIST: return Errc::already_exists;
    case ENOTEMPTY: return Errc::not_empty;
    case ENOSPC:
    case EDQUOT: return Errc::disk_full;
    case EROFS: return Errc::read_only;
    case EACCES:
    case EPERM: return Errc::permission;
    case EMFILE:
    case ENFILE: return Errc::too_many_files;
    case EINVAL:
    case ENAMETOOLONG: return Errc::invalid_argument;
    case EOPNOTSUPP:
    case ENOSYS: return Errc::unsupported;
    default: return Errc::io;
  }
}
}  // namespace

std::unexpected<Error> fail_errno(int system_errno, std::int64_t detail, Where where) {
  const Errc code = code_of_errno(system_errno);
  return std::unexpected(Error{Room::kernel, static_cast<std::uint16_t>(code), system_errno, detail, where});
}

std::string brief(const Error& error) {
  if (error.system_errno != 0) return std::strerror(error.system_errno);
  std::string text = error.room == Room::kernel ? std::string{name_of(error.as<Errc>())}
                                                : fmt::format("error {}.{}", room_name(error.room), error.value);
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string describe(const Error& error) {
  std::string text = error.room == Room::kernel
                         ? fmt::format("kernel.{}", name_of(error.as<Errc>()))
                         : fmt::format("{}.{}", room_name(error.room), error.value);
  if (error.system_errno != 0) text += fmt::format(" ({})", std::strerror(error.system_errno));
  if (error.detail != 0) text += fmt::format(" detail {}", error.detail);
  return text + fmt::format(" at {}:{}", error.where.file, error.where.line);
}

}  // namespace kernel
