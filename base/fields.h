#pragma once
// How a config struct tells the world its fields, once: the YAML reader, the resolved-config
// writer, reference.yaml, `config schema`, `config show` and the resume check all visit the same
// list. A struct S takes part by having
//
//   template <class V> void visit(V& v) {
//     v("batch_size", batch_size, {.doc = "Samples per step, over all workers.", .min = 1});
//   }
//
// Field types a visitor must accept: bool, int, int64_t, uint64_t, float, double, std::string,
// enums with EnumNames, Bytes, Duration, Share, std::optional<T> (YAML null), std::vector<T>,
// std::map<std::string, T>, structs with visit(), and std::variant of structs that have kName
// (a YAML map whose key `name` selects the alternative).
//
// Shorthands a reader accepts: a scalar where a std::vector is expected is a list of one; a scalar
// where a struct with `static constexpr std::string_view kScalarField` is expected sets that field;
// a scalar where a variant is expected is its `name`.
//
// Besides v(name, field, spec) a struct may call v.flatten(variant), first, to put the keys of the
// chosen alternative and `name` among its own, and v.rest(map, spec, base), last, to take every
// other key as a name of the map; base(name) is what the value of a new name starts from.
//
// v.flatten(variant) is such a variant without a map of its own: `name` and the alternative's keys
// stand in the enclosing map. It comes first in visit(), since later fields may depend on it.

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

namespace strata {

/// What a resume may do with a changed value (issue: `--resume auto` compares configs).
enum class OnResume {
  kFree,   // may change; logged (rates, schedules, limits, paths, threads)
  kFixed,  // may not, unless --allow-change KEY
};

/// Documentation and limits of one field. `min` and `max` are inclusive.
struct FieldSpec {
  std::string_view doc;  // meaning, unit, effect; full sentences
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;  // min itself is excluded
  OnResume on_resume = OnResume::kFixed;
  bool secret = false;  // written as "***" wherever a config is shown or saved
};

/// A size in bytes; written 64k, 512MiB, 2GiB (powers of 1024) or a plain number.
struct Bytes {
  int64_t value = 0;
  auto operator<=>(const Bytes&) const = default;
};

/// A time span in seconds; written 30s, 30m, 2h, 1d or a plain number of seconds.
struct Duration {
  double seconds = 0;
  auto operator<=>(const Duration&) const = default;
};

/// A part of something; written 10%.
struct Share {
  double percent = 0;
  auto operator<=>(const Share&) const = default;
};

/// Specialise for each enum that appears in a config:
///   static constexpr std::pair<E, std::string_view> kNames[] = {{E::kSum, "sum"}, …};
template <class E>
struct EnumNames;

template <class E>
constexpr std::string_view enum_name(E value) {
  for (const auto& [candidate, name] : EnumNames<E>::kNames) {
    if (candidate == value) return name;
  }
  return "?";
}

}  // namespace strata
