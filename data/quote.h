#pragma once

#include <string>
#include <string_view>

namespace strata::data {

/// Text of the input for a message: quoted, at most 40 bytes, anything unprintable as \xNN.
std::string quoted(std::string_view text);

}  // namespace strata::data
