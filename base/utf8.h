#pragma once

#include <cstddef>
#include <string_view>

namespace strata {

/// Bytes of the UTF-8 sequence at text[at] (RFC 3629: shortest form, no surrogates), 0 if broken.
size_t utf8_length(std::string_view text, size_t at);

/// Whether all of `text` is UTF-8; plain ASCII goes eight bytes at a time.
bool is_utf8(std::string_view text);

}  // namespace strata
