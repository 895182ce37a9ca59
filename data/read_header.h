#pragma once

#include <string>
#include <vector>

#include "data/config.h"

namespace strata::data {

/// The field names in the first line of a CSV file (decompressed as needed). Throws Error{data}
/// when there is none, Error{missing}.
std::vector<std::string> read_header(const std::string& path, const CsvConfig& csv);

/// The fields of a header line.
std::vector<std::string> header_fields(const std::string& header, const CsvConfig& csv,
                                       const std::string& path);

}  // namespace strata::data
