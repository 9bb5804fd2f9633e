// Results and errors: how "the world misbehaved" travels as a value.
//
// An Error is a code tagged with the room that owns it, the errno where there was one, one number that
// helps people (a position, a length, a count), and the place in our source where it was first known. It is
// trivially copyable: an error never allocates. Whoever knows the path or name adds the words for people.
//
//   Result<std::uint32_t> parse(std::span<const std::byte> in) {
//     if (in.size() < 4) return fail(Errc::corrupt, in.size());
//     ...
//   }
//   const std::uint32_t size = TRY(parse(bytes));
//
// This is the one place that names std::expected.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace kernel {

/// The room that owns an error code. A room's codes are an enum with a free function
/// `constexpr kernel::Room error_room(TheEnum)`, found by argument dependent lookup.
enum class Room : std::uint8_t { kernel, sim, net, broker, clients, scenarios };

/// Reasons the kernel itself knows. Other rooms have their own enums.
enum class Errc : std::uint16_t {
  cancelled,       ///< the fiber's scope was cancelled while it waited
  deadline,        ///< the fiber's deadline passed while it waited; the operation may still happen
  closed,          ///< the other side of a channel, queue or stream is gone in an orderly way
  connection_reset,///< the stream was aborted
  connection_refused,
  unreachable,     ///< no route, name not known, or the handshake got no answer
  address_in_use,
  no_such_file,
  already_exists,
  not_empty,       ///< a directory that was to be removed still has entries
  disk_full,
  read_only,
  permission,
  too_many_files,
  io,              ///< the device failed; see errno
  locked,          ///< somebody else holds the file lock
  corrupt,         ///< bytes do not have the promised form
  too_large,       ///< a declared length exceeds its bound
  unsupported,
  invalid_argument,
  exhausted,       ///< a budget (memory, queue, credits) has no room and waiting was not asked for
};
constexpr Room error_room(Errc) { return Room::kernel; }
/// The stable name of a code, for logs ("disk_full").
std::string_view name_of(Errc code);

/// A place in our source.
struct Where {
  const char* file = "";
  std::uint32_t line = 0;
  static constexpr Where here(const char* f = __builtin_FILE(), std::uint32_t l = __builtin_LINE()) { return {f, l}; }
};

template <class E>
concept ErrorCode = std::is_enum_v<E> && requires(E e) {
  { error_room(e) } -> std::same_as<Room>;
};

/// Why an operation did not happen, and where that was first known.
struct Error {
  Room room = Room::kernel;
  std::uint16_t value = 0;
  std::int32_t system_errno = 0;
  std::int64_t detail = 0;
  Where where;

  template <ErrorCode E>
  [[nodiscard]] constexpr bool is(E code) const {
    return room == error_room(code) && value == static_cast<std::uint16_t>(code);
  }
  /// The code as `E` if it belongs to that room; ask `room` first.
  template <ErrorCode E>
  [[nodiscard]] constexpr E as() const {
    return static_cast<E>(value);
  }
};
static_assert(std::is_trivially_copyable_v<Error>);

/// "kernel.disk_full (No space left on device) detail 4096 at kernel/posix/file.cc:88", for logs.
std::string describe(const Error& error);
/// For people at a keyboard: the system's words if it has any, without where in the source.
std::string brief(const Error& error);

template <class T = void>
using Result = std::expected<T, Error>;

template <ErrorCode E>
[[nodiscard]] constexpr std::unexpected<Error> fail(E code, std::int64_t detail = 0, Where where = Where::here()) {
  return std::unexpected(Error{error_room(code), static_cast<std::uint16_t>(code), 0, detail, where});
}
/// A failed system call: the code the kernel makes of `system_errno`, keeping the number.
[[nodiscard]] std::unexpected<Error> fail_errno(int system_errno, std::int64_t detail = 0,
                                                Where where = Where::here());

}  // namespace kernel

/// The value of `expr`, or leave this function with its error.
#define TRY(expr)                                                  \
  __extension__({                                                  \
    auto try_result_ = (expr);                                     \
    if (!try_result_) [[unlikely]]                                 \
      return ::std::unexpected(try_result_.error());               \
    ::kernel::detail::take(try_result_);                           \
  })

namespace kernel::detail {
template <class T>
constexpr T take(std::expected<T, Error>& r) {
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}
}  // namespace kernel::detail
