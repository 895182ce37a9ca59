#pragma once

#include <string>
#include <vector>

#include "data/config.h"

namespace strata::data {

// Criteo's line: label, I1 … I13, C1 … C26.
inline constexpr int kCriteoIntegers = 13;
inline constexpr int kCriteoCategories = 26;
inline constexpr int kCriteoFirstInteger = 1;
inline constexpr int kCriteoFirstCategory = kCriteoFirstInteger + kCriteoIntegers;
inline constexpr int kCriteoFields = kCriteoFirstCategory + kCriteoCategories;

/// "label", "I1" … "I13", "C1" … "C26".
std::vector<std::string> criteo_fields();

/// The columns a preset stands for: `criteo` (label; I1 … I13 with transform log; C1 … C26, exact
/// hexadecimal ids) and `criteo_bucketized` (those and I1_bucket … I13_bucket, log_squared, for the
/// wide part). Throws Error{config} for another name.
std::vector<ColumnConfig> preset_columns(const std::string& preset);

}  // namespace strata::data
