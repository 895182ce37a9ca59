#include "train/config_problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace strata::train {
namespace {

constexpr size_t kMaxReported = 20;
constexpr size_t kMaxQuotedColumns = 160;  // characters of a source line that are quoted

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Characters (code points) in the first `bytes` bytes of `line`.
size_t characters(std::string_view line, size_t bytes) {
  const std::string_view head = line.substr(0, bytes);
  return static_cast<size_t>(
      std::count_if(head.begin(), head.end(), [](char c) { return !is_continuation(c); }));
}

std::string_view line_of(std::string_view text, int line) {
  size_t begin = 0;
  for (int i = 1; i < line; ++i) {
    const size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) return {};
    begin = end + 1;
  }
  std::string_view found = text.substr(begin, text.find('\n', begin) - begin);
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

/// A line as it can be shown on a terminal: control characters and broken UTF-8 become '?',
/// a tab one space, so that columns keep their meaning.
std::string printable(std::string_view line) {
  std::string out(line);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') c = ' ';
    if ((byte < 0x20 && c != ' ') || byte == 0x7F || byte >= 0xF8) c = '?';
  }
  return out;
}

}  // namespace

int Problems::add_source(ConfigSource source) {
  sources_.push_back(std::move(source));
  return static_cast<int>(sources_.size()) - 1;
}

void Problems::add(const SourcePlace& place, std::string message, std::string note) {
  entries_.push_back({place, std::move(message), std::move(note)});
}

std::string Problems::origin(const SourcePlace& place) const {
  if (place.source < 0) return "default";
  const ConfigSource& from = source(place.source);
  switch (from.kind) {
    case ConfigSource::Kind::kFile:
      return fmt::format("{}:{}", from.name, place.line);
    case ConfigSource::Kind::kEnvironment:
      return "environment " + from.name;
    case ConfigSource::Kind::kCommandLine:
      return "--set " + from.name;
  }
  return "?";
}

std::string Problems::render(const Entry& entry) const {
  const SourcePlace& place = entry.place;
  const std::string note = entry.note.empty() ? "" : "  " + entry.note + "\n";
  if (place.source < 0) return fmt::format("config: error: {}\n{}", entry.message, note);
  if (source(place.source).kind != ConfigSource::Kind::kFile) {
    return fmt::format("{}: error: {}\n{}", origin(place), entry.message, note);
  }
  const std::string_view raw = line_of(source(place.source).text, place.line);
  const auto column = static_cast<size_t>(std::max(place.column, 1)) - 1;
  const size_t at = characters(raw, column);
  const size_t width = std::max<size_t>(
      1, std::min(characters(raw, column + static_cast<size_t>(place.length)), raw.size()) -
             std::min(at, raw.size()));
  std::string out = fmt::format(
      "{}: error: {}\n", fmt::format("{}:{}:{}", source(place.source).name, place.line, at + 1),
      entry.message);
  if (at + 1 < kMaxQuotedColumns) {
    const size_t marked = std::min(width, kMaxQuotedColumns - at);
    out += fmt::format("{:5} | {}\n", place.line, printable(raw.substr(0, kMaxQuotedColumns)));
    out += fmt::format("      | {:{}}^{:~<{}}\n", "", at, "", marked - 1);
  }
  return out + note;
}

std::string Problems::report() const {
  std::vector<Entry> sorted = entries_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.place.source, a.place.line, a.place.column) <
           std::tie(b.place.source, b.place.line, b.place.column);
  });
  std::string out;
  for (size_t i = 0; i < std::min(sorted.size(), kMaxReported); ++i) out += render(sorted[i]);
  if (entries_.size() > kMaxReported) {
    out += fmt::format("… and {} more problems\n", entries_.size() - kMaxReported);
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

void Problems::throw_if_any() const {
  if (!empty()) throw ConfigError(report());
}

}  // namespace strata::train
