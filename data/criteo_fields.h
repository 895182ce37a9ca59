#pragma once
// The fields of a usual Criteo line, without a branch that depends on their text: where fields are
// empty is as random as the data.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/byte_mask.h"
#include "base/isa.h"

namespace strata::data {

constexpr uint64_t repeat(uint8_t byte) { return byte * 0x0101010101010101ull; }

/// Field i of a line begins at begin[i] and has begin[i + 1] - begin[i] - 1 bytes.
struct FieldBegins {
  static constexpr uint32_t kMostFields = 64;  // of lines with more, only that they have
  uint32_t begin[1 + kMostFields + 64];
  uint32_t fields = 0;
};

/// The fields of text[0 … size); reads up to 63 bytes behind it.
STRATA_ALWAYS_INLINE void find_fields(const char* text, uint32_t size, FieldBegins& out) {
  constexpr uint32_t kUsual = 12;  // of 64 bytes, as few as seven of them are categories
  uint32_t count = 0;
  out.begin[count++] = 0;
  for (uint32_t base = 0; base < size && count <= FieldBegins::kMostFields; base += 64) {
    uint64_t bits = bytes_equal(text + base, '\t');
    if (size - base < 64) bits &= (uint64_t{1} << (size - base)) - 1;
    const auto found = static_cast<uint32_t>(std::popcount(bits));
    uint32_t* const to = out.begin + count;
    count += found;
    const auto take = [&](uint32_t i) __attribute__((always_inline)) {
      to[i] = base + 1 + static_cast<uint32_t>(__builtin_ctzll(bits | uint64_t{1} << 63));
      bits &= bits - 1;
    };
    for (uint32_t i = 0; i < kUsual; ++i) take(i);
    for (uint32_t i = kUsual; i < found; ++i) take(i);
  }
  out.begin[count] = size + 1;
  out.fields = count;
}

/// The text of a missing field begins with the tab that ends it.
constexpr uint64_t kMissingWord = '\t';

/// Eight bytes of text that begin with an integer of up to seven bytes and a tab -> its value, NaN
/// where there is only the tab. Non-zero in `flaws` for another text.
STRATA_ALWAYS_INLINE double integer_value(uint64_t text, uint64_t& flaws) {
  const uint64_t minus = (text & 0xff) == '-';
  text >>= 8 * minus;
  // Where the digits end: the first byte without bit 4, which every digit has and a tab has not.
  const uint64_t ends = ~text & repeat(0x10);
  const auto end = static_cast<int64_t>(ends & (uint64_t{0} - ends));  // a power of two
  const uint64_t bits = (std::bit_cast<uint64_t>(static_cast<double>(end)) >> 52) - 1023 - 4;
  // The digits move to the high bytes, zeros in front of them; then pairs, fours and eights.
  uint64_t x = (text ^ repeat('0')) << 8 << ((56 - bits) & 63);
  flaws |= ((x + repeat(0x76)) | x) & repeat(0x80);
  flaws |= ((text >> (bits & 63)) & 0xff) ^ '\t';
  x = x * 10 + (x >> 8);
  x = ((x & 0x000000ff000000ffull) * 0x000f424000000064ull +
       ((x >> 16) & 0x000000ff000000ffull) * 0x0000271000000001ull) >>
      32;
  flaws |= minus & (bits == 0);
  const auto value =
      static_cast<double>((static_cast<int64_t>(x) ^ -int64_t(minus)) + int64_t(minus));
  const uint64_t missing = uint64_t{0} - (bits == 0);  // all bits set are a NaN
  return std::bit_cast<double>(std::bit_cast<uint64_t>(value) | missing);
}

/// The high bits that stay clear exactly when all eight bytes are hexadecimal digits.
STRATA_ALWAYS_INLINE uint64_t not_hex(uint64_t text) {
  const uint64_t ascii = text & repeat(0x7f);  // the sums below then cannot carry into a neighbour
  const uint64_t lower = ascii | repeat(0x20);
  const uint64_t digit = (ascii + repeat(0x80 - '0')) & ~(ascii + repeat(0x80 - '9' - 1));
  const uint64_t letter = (lower + repeat(0x80 - 'a')) & ~(lower + repeat(0x80 - 'f' - 1));
  return (text | ~(digit | letter)) & repeat(0x80);
}

/// Value of eight hexadecimal digits, the first (lowest) byte most significant.
STRATA_ALWAYS_INLINE uint64_t hex_value(uint64_t text) {
  const uint64_t letters = (text >> 6) & repeat(0x01);
  uint64_t x = (text & repeat(0x0f)) + (letters << 3) + letters;
  x = ((x << 4) | (x >> 8)) & 0x00ff00ff00ff00ffull;
  x = ((x << 8) | (x >> 16)) & 0x0000ffff0000ffffull;
  return ((x << 16) | (x >> 32)) & 0xffffffffull;
}

/// Eight bytes of text that are hexadecimal digits, or begin with a tab -> the id. Non-zero in
/// `flaws` for another text.
STRATA_ALWAYS_INLINE uint64_t category_id(uint64_t text, uint64_t missing_id, uint64_t& flaws) {
  const bool missing = (text & 0xff) == kMissingWord;
  flaws |= missing ? 0 : not_hex(text);
  return missing ? missing_id : hex_value(text);
}

/// A column of eight bytes a row, in place: text -> value(text, flaws). False where there are
/// flaws.
template <class Value>
STRATA_ALWAYS_INLINE bool convert_column(std::byte* column, int64_t rows, Value value) {
  uint64_t flaws = 0;
  for (int64_t i = 0; i < rows; ++i) {
    uint64_t text;
    std::memcpy(&text, column + i * 8, sizeof text);
    const auto read = value(text, flaws);
    static_assert(sizeof read == sizeof text);
    std::memcpy(column + i * 8, &read, sizeof read);
  }
  return flaws == 0;
}

}  // namespace strata::data
