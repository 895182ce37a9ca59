#include "train/config_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/config_fault.h"

namespace strata::train {
namespace {

/// A limit as people write it: 16777216, 0.5, 1e+30.
std::string limit_text(double value) {
  if (value == std::floor(value) && std::abs(value) <= 1e18) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

std::string range_text(const FieldSpec& spec) {
  const bool low = std::isfinite(spec.min);
  const bool high = std::isfinite(spec.max);
  if (low && high) {
    if (spec.above_min)
      return fmt::format(" > {} and <= {}", limit_text(spec.min), limit_text(spec.max));
    return fmt::format(" from {} to {}", limit_text(spec.min), limit_text(spec.max));
  }
  if (low) return fmt::format(" {} {}", spec.above_min ? ">" : ">=", limit_text(spec.min));
  if (high) return fmt::format(" <= {}", limit_text(spec.max));
  return "";
}

bool in_range(double value, const FieldSpec& spec) {
  if (spec.above_min ? value <= spec.min : value < spec.min) return false;
  return value <= spec.max;
}

Fault mismatch(const std::string& expected, const YamlNode& node, std::string note = {}) {
  return {fmt::format("expected {}, got {}", expected, describe(node)), std::move(note)};
}

bool all_digits(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

/// Numbers that YAML versions and people read differently: 010, 0o10, 0x10, 0b1, 1_000.
std::optional<Fault> ambiguous_number(const YamlNode& node) {
  std::string_view text = node.scalar;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const auto in_base = [&](std::string_view digits, int base, const char* what) {
    uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    return Fault{fmt::format("'{}' is {}; only decimal numbers are accepted", node.scalar, what),
                 fmt::format("write {}", value)};
  };
  if (text.size() > 1 && text[0] == '0' && all_digits(text, "0123456789")) {
    const size_t first = std::min(text.find_first_not_of('0'), text.size() - 1);
    return Fault{
        fmt::format("'{}' is ambiguous: octal to some readers, decimal to others", node.scalar),
        fmt::format("write {}", text.substr(first))};
  }
  const std::string_view rest = text.size() > 2 ? text.substr(2) : std::string_view();
  if (text.starts_with("0x") && all_digits(rest, "0123456789abcdefABCDEF")) {
    return in_base(rest, 16, "hexadecimal");
  }
  if (text.starts_with("0o") && all_digits(rest, "01234567")) return in_base(rest, 8, "octal");
  if (text.starts_with("0b") && all_digits(rest, "01")) return in_base(rest, 2, "binary");
  if (text.find('_') != std::string_view::npos && all_digits(text, "0123456789_")) {
    std::string plain(text);
    std::erase(plain, '_');
    return Fault{fmt::format("'{}' has underscores between its digits", node.scalar),
                 fmt::format("write {}", plain)};
  }
  return std::nullopt;
}

/// Reads the whole of `text`; charconv knows neither "+" nor blanks, and neither do configs.
template <class T>
bool convert(std::string_view text, T& out) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), out);
  return status == std::errc() && end == text.data() + text.size();
}

bool is_number_node(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kScalar && !node.quoted;
}

template <class I>
std::optional<Fault> read_integer(const YamlNode& node, const FieldSpec& spec, I& out) {
  const std::string expected = expected_number(spec, true, std::is_unsigned_v<I>);
  if (!is_number_node(node)) return mismatch(expected, node);
  if (auto fault = ambiguous_number(node)) return fault;
  I value = 0;
  if (!convert(node.scalar, value)) return mismatch(expected, node);
  if (!in_range(static_cast<double>(value), spec)) return mismatch(expected, node);
  out = value;
  return std::nullopt;
}

template <class F>
std::optional<Fault> read_real(const YamlNode& node, const FieldSpec& spec, F& out) {
  const std::string expected = expected_number(spec, false, false);
  if (!is_number_node(node)) return mismatch(expected, node);
  if (auto fault = ambiguous_number(node)) return fault;
  F value = 0;
  if (!convert(node.scalar, value) || !std::isfinite(value)) return mismatch(expected, node);
  if (!in_range(static_cast<double>(value), spec)) return mismatch(expected, node);
  out = value;
  return std::nullopt;
}

/// "1.5GiB" -> 1.5 and "GiB".
bool split_unit(std::string_view text, double& number, std::string_view& unit) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  if (digits == 0 || !convert(text.substr(0, digits), number)) return false;
  unit = text.substr(digits);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  return true;
}

/// Power of 1024 of a size's unit, -1 if it is none.
int unit_power(std::string_view unit) {
  std::string lower(unit);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower.empty() || lower == "b") return 0;
  constexpr std::string_view kPrefixes = "kmgtpe";
  const size_t prefix = kPrefixes.find(lower[0]);
  const std::string_view tail = std::string_view(lower).substr(1);
  const bool known = tail.empty() || tail == "b" || tail == "ib";
  return prefix == std::string_view::npos || !known ? -1 : static_cast<int>(prefix) + 1;
}

struct TimeUnit {
  std::string_view name;
  double seconds;
};
constexpr TimeUnit kTimeUnits[] = {{"d", 86400}, {"h", 3600},  {"m", 60},
                                   {"s", 1},     {"ms", 1e-3}, {"", 1}};

/// Words that some YAML reader takes for something else than text.
bool misread_unquoted(const std::string& text) {
  constexpr std::string_view kWords[] = {"null", "~", "true", "false", "yes",  "no",  "on",
                                         "off",  "y", "n",    "nan",   ".nan", "inf", ".inf"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (std::find(std::begin(kWords), std::end(kWords), lower) != std::end(kWords)) return true;
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '_' || c == '/' || c == '.' || c == '-' ||
           c == '%';
  });
  const bool like_number = text.empty() || (text[0] >= '0' && text[0] <= '9') || text[0] == '.' ||
                           text[0] == '-' || text[0] == '%';
  const bool path_like = text.starts_with("./") || text.starts_with("../") || text.ends_with('%');
  return !plain || (like_number && !path_like);
}

}  // namespace

std::string join(const std::vector<std::string>& items, std::string_view separator) {
  std::string out;
  for (const std::string& item : items) {
    if (&item != &items.front()) out += separator;
    out += item;
  }
  return out;
}

std::string either_of(const std::vector<std::string>& choices) {
  std::string out;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) out += i + 1 == choices.size() ? " or " : ", ";
    out += choices[i];
  }
  return out;
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  constexpr size_t kMaxShown = 40;
  const std::string shown =
      node.scalar.size() <= kMaxShown ? node.scalar : node.scalar.substr(0, kMaxShown) + "…";
  return node.quoted ? fmt::format("the text \"{}\"", shown) : fmt::format("'{}'", shown);
}

std::string expected_number(const FieldSpec& spec, bool integer, bool is_unsigned) {
  FieldSpec limits = spec;
  if (is_unsigned && !std::isfinite(limits.min)) limits.min = 0;
  return (integer ? "an integer" : "a number") + range_text(limits);
}

std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec&, bool& out) {
  if (is_number_node(node) && (node.scalar == "true" || node.scalar == "false")) {
    out = node.scalar == "true";
    return std::nullopt;
  }
  constexpr std::string_view kYes[] = {"yes", "on", "True", "TRUE", "1"};
  constexpr std::string_view kNo[] = {"no", "off", "False", "FALSE", "0"};
  std::string note;
  if (std::find(std::begin(kYes), std::end(kYes), node.scalar) != std::end(kYes)) {
    note = "write true";
  } else if (std::find(std::begin(kNo), std::end(kNo), node.scalar) != std::end(kNo)) {
    note = "write false";
  }
  return mismatch("true or false", node, note);
}

std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, int& out) {
  FieldSpec limits = spec;
  limits.max = std::min(limits.max, static_cast<double>(std::numeric_limits<int>::max()));
  return read_integer(node, limits, out);
}
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, int64_t& out) {
  return read_integer(node, spec, out);
}
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, uint64_t& out) {
  return read_integer(node, spec, out);
}
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, float& out) {
  return read_real(node, spec, out);
}
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, double& out) {
  return read_real(node, spec, out);
}

std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec&, std::string& out) {
  if (node.kind != YamlNode::Kind::kScalar) return mismatch("text", node);
  out = node.scalar;
  return std::nullopt;
}

std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, Bytes& out) {
  const std::string expected = "a size such as 64k, 512MiB or 2GiB" + range_text(spec);
  double number = 0;
  std::string_view unit;
  if (!is_number_node(node)) return mismatch(expected, node);
  if (auto fault = ambiguous_number(node)) return fault;
  if (!split_unit(node.scalar, number, unit)) return mismatch(expected, node);
  const int power = unit_power(unit);
  if (power < 0) return mismatch(expected, node);
  const double bytes = std::ldexp(number, 10 * power);
  if (bytes >= 0x1p63 || bytes != std::floor(bytes)) return mismatch(expected, node);
  if (!in_range(bytes, spec)) return mismatch(expected, node);
  out.value = static_cast<int64_t>(bytes);
  return std::nullopt;
}

std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, Duration& out) {
  const std::string expected = "a time such as 30s, 30m, 2h or 1d" + range_text(spec);
  double number = 0;
  std::string_view unit;
  if (!is_number_node(node)) return mismatch(expected, node);
  if (auto fault = ambiguous_number(node)) return fault;
  if (!split_unit(node.scalar, number, unit)) return mismatch(expected, node);
  const auto* found = std::find_if(std::begin(kTimeUnits), std::end(kTimeUnits),
                                   [&](const TimeUnit& u) { return u.name == unit; });
  if (found == std::end(kTimeUnits)) return mismatch(expected, node);
  const double seconds = number * found->seconds;
  constexpr double kLongest = 1e9;  // 31 years: deadlines stay representable
  if (!in_range(seconds, spec) || seconds > kLongest) return mismatch(expected, node);
  out.seconds = seconds;
  return std::nullopt;
}

std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, Share& out) {
  const std::string expected = "a share such as 10%" + range_text(spec);
  double number = 0;
  std::string_view unit;
  if (!is_number_node(node)) return mismatch(expected, node);
  if (!split_unit(node.scalar, number, unit) || unit != "%" || !in_range(number, spec)) {
    return mismatch(expected, node);
  }
  out.percent = number;
  return std::nullopt;
}

std::optional<Fault> read_choice(const YamlNode& node, const std::vector<std::string>& choices,
                                 size_t& out) {
  const auto found = node.kind == YamlNode::Kind::kScalar
                         ? std::find(choices.begin(), choices.end(), node.scalar)
                         : choices.end();
  if (found == choices.end()) {
    const std::string near = nearest_name(node.scalar, choices);
    return mismatch(either_of(choices), node,
                    near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
  out = static_cast<size_t>(found - choices.begin());
  return std::nullopt;
}

std::string write_scalar(bool value) { return value ? "true" : "false"; }
std::string write_scalar(int64_t value) { return fmt::format("{}", value); }
std::string write_scalar(uint64_t value) { return fmt::format("{}", value); }
std::string write_scalar(float value) { return fmt::format("{}", value); }
std::string write_scalar(double value) { return fmt::format("{}", value); }

std::string write_scalar(const std::string& value) {
  if (!misread_unquoted(value)) return value;
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string write_scalar(Bytes value) {
  constexpr std::string_view kUnits[] = {"", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int64_t number = value.value;
  size_t unit = 0;
  while (number != 0 && number % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    number /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", number, kUnits[unit]);
}

std::string write_scalar(Share value) { return fmt::format("{}%", value.percent); }

std::string write_scalar(Duration value) {
  for (const TimeUnit& unit : kTimeUnits) {
    const double number = value.seconds / unit.seconds;
    const bool exact =
        number >= 1 && number == std::floor(number) && number * unit.seconds == value.seconds;
    if (exact && number <= 1e15) return fmt::format("{:.0f}{}", number, unit.name);
  }
  std::array<char, 400> text;  // the smallest double has 324 digits after the point
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value.seconds, std::chars_format::fixed)
          .ptr;
  return std::string(text.data(), end) + "s";
}

}  // namespace strata::train
