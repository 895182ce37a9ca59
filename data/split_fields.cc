#include "data/split_fields.h"

#include <algorithm>

namespace strata::data {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Reads the quoted field that begins at line[i] into out.unquoted; `i` moves behind the closing
/// quote. False when there is none.
bool read_quoted(std::string_view line, char quote, size_t& i, std::string& out) {
  for (++i; i < line.size(); ++i) {
    if (line[i] != quote) {
      out += line[i];
    } else if (i + 1 < line.size() && line[i + 1] == quote) {
      out += line[i++];
    } else {
      ++i;
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view trimmed(std::string_view text, bool trim) {
  if (!trim) return text;
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string split_fields(std::string_view line, Dialect dialect, Fields& out) {
  out.texts.clear();
  out.unquoted.clear();
  out.unquoted.reserve(line.size());  // texts point into it: it must not move
  size_t i = 0;
  while (true) {
    size_t begin = i;
    while (dialect.trim && begin < line.size() && is_blank(line[begin]) &&
           line[begin] != dialect.delimiter) {
      ++begin;
    }
    if (dialect.quote != 0 && begin < line.size() && line[begin] == dialect.quote) {
      i = begin;
      const size_t from = out.unquoted.size();
      if (!read_quoted(line, dialect.quote, i, out.unquoted)) {
        return "a quoted field does not end on its line";
      }
      out.texts.push_back(std::string_view(out.unquoted).substr(from));
      while (dialect.trim && i < line.size() && is_blank(line[i]) && line[i] != dialect.delimiter) {
        ++i;
      }
      if (i < line.size() && line[i] != dialect.delimiter) return "text after a closing quote";
    } else {
      const size_t end = std::min(line.find(dialect.delimiter, i), line.size());
      out.texts.push_back(trimmed(line.substr(i, end - i), dialect.trim));
      i = end;
    }
    if (i >= line.size()) return {};
    ++i;
  }
}

}  // namespace strata::data
