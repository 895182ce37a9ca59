#pragma once

namespace strata {

/// True in the trees of the sanitizers, where code is ten times slower and its memory counts
/// shadow and quarantine: loops whose length is a choice are shorter there, limits wider.
#if defined(STRATA_SANITIZED)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace strata
