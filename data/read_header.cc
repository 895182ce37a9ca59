#include "data/read_header.h"

#include "base/error.h"
#include "data/input_file.h"
#include "data/split_fields.h"

namespace strata::data {

std::vector<std::string> header_fields(const std::string& header, const CsvConfig& csv,
                                       const std::string& path) {
  Fields fields;
  const Dialect dialect{.delimiter = csv.delimiter[0],
                        .quote = csv.quote.empty() ? '\0' : csv.quote[0],
                        .trim = csv.trim};
  const std::string reason = split_fields(header, dialect, fields);
  if (!reason.empty()) throw Error{ErrorCode::kData, "{}:1: header: {}", path, reason};
  return {fields.texts.begin(), fields.texts.end()};
}

std::vector<std::string> read_header(const std::string& path, const CsvConfig& csv) {
  constexpr size_t kMost = 256 << 10;
  std::string text(kMost, '\0');
  const int64_t got = open_text(path)->read(text);
  text.resize(static_cast<size_t>(got));
  const size_t end = text.find('\n');
  if (got == 0)
    throw Error{ErrorCode::kData, "{}: is empty; its header should name the fields", path};
  if (end == text.npos && text.size() == kMost) {
    throw Error{ErrorCode::kData, "{}:1: the header line is longer than 256 KiB", path};
  }
  text.resize(std::min(end, text.size()));
  if (text.ends_with('\r')) text.pop_back();
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return header_fields(text, csv, path);
}

}  // namespace strata::data
