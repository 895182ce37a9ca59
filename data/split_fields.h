#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace strata::data {

struct Dialect {
  char delimiter = ',';
  char quote = '"';  // 0: none
  bool trim = true;  // blanks around unquoted fields are dropped
};

/// The fields of a line. Texts point into the line, or into `unquoted`; both must stay.
struct Fields {
  std::vector<std::string_view> texts;
  std::string unquoted;
};

/// Cuts a line (RFC 4180: fields in quotes may hold delimiters, and quotes when doubled; they end
/// on their line). Replaces `out`. Returns why that is impossible; empty when it went well.
std::string split_fields(std::string_view line, Dialect dialect, Fields& out);

/// `text` without blanks and tabs around it, when `trim`.
std::string_view trimmed(std::string_view text, bool trim);

}  // namespace strata::data
