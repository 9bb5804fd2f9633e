// Logs are named events with typed fields, not prose. A name is stable; units are part of a field's name. `warn`
// means that a human may act; `error` fails a simulated run unless the scenario said that it expects it.
//
//   f.log().info("segment_rolled", {{"topic", name}, {"base_offset", base.raw()}, {"size_bytes", size}});
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "kernel/clock.h"
#include "kernel/result.h"

namespace kernel {

enum class Level : std::uint8_t { debug, info, warn, error };
std::string_view name_of(Level level);

struct Field {
  using Value = std::variant<std::int64_t, std::uint64_t, double, bool, std::string_view, Error>;
  template <class T>
  constexpr Field(std::string_view name, const T& v) : key{name}, value{convert(v)} {}

  std::string_view key;
  Value value;

 private:
  template <class T>
  static constexpr Value convert(const T& v) {
    if constexpr (std::same_as<T, bool>) return Value{std::in_place_type<bool>, v};
    else if constexpr (std::signed_integral<T>) return Value{std::in_place_type<std::int64_t>, v};
    else if constexpr (std::unsigned_integral<T>) return Value{std::in_place_type<std::uint64_t>, v};
    else if constexpr (std::floating_point<T>) return Value{std::in_place_type<double>, v};
    else if constexpr (std::same_as<T, Error>) return Value{std::in_place_type<Error>, v};
    else if constexpr (requires { v.raw(); }) return convert(v.raw());
    else return Value{std::in_place_type<std::string_view>, std::string_view{v}};
  }
};

/// Where a node's events go.
class LogSink {
 public:
  virtual ~LogSink() = default;
  [[nodiscard]] virtual bool wants(Level level) const = 0;
  virtual void write(Level level, Wall when, std::string_view event, std::span<const Field> fields) = 0;
};

class Log {
 public:
  Log(LogSink& sink, const Clock& clock) : sink_{sink}, clock_{clock} {}
  using Fields = std::initializer_list<Field>;
  void debug(std::string_view event, Fields fields = {}) const { write(Level::debug, event, fields); }
  void info(std::string_view event, Fields fields = {}) const { write(Level::info, event, fields); }
  void warn(std::string_view event, Fields fields = {}) const { write(Level::warn, event, fields); }
  void error(std::string_view event, Fields fields = {}) const { write(Level::error, event, fields); }

 private:
  void write(Level level, std::string_view event, Fields fields) const {
    if (sink_.wants(level)) sink_.write(level, clock_.wall(), event, {fields.begin(), fields.size()});
  }
  LogSink& sink_;
  const Clock& clock_;
};

/// One line of JSON: {"time_ms":…,"level":"info","event":"…",…}. Without the newline.
std::string to_json(Level level, Wall when, std::string_view event, std::span<const Field> fields);
/// One line for people: `12:00:01.250 info  segment_rolled topic=orders base_offset=42`.
std::string to_text(Level level, Wall when, std::string_view event, std::span<const Field> fields, bool colour);

}  // namespace kernel
