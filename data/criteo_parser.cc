// The fast path of Criteo's layout. Lines are packed column by column, bad ones overwritten by the
// next. Eight hexadecimal digits are one 64-bit word: lines first give the words as they stand, and
// whole columns are then checked and converted, which is vector code. Where that finds a word that
// is none, or a line is bad, the slice is parsed once more, each word checked in its line.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "data/criteo.h"
#include "data/line_parser.h"
#include "data/quote.h"
#include "data/transforms.h"

namespace strata::data {
namespace {

constexpr uint64_t repeat(uint8_t byte) { return byte * 0x0101010101010101ull; }

/// The high bits that stay clear exactly when all eight bytes are hexadecimal digits.
inline uint64_t not_hex(uint64_t text) {
  const uint64_t ascii = text & repeat(0x7f);  // the sums below then cannot carry into a neighbour
  const uint64_t lower = ascii | repeat(0x20);
  const uint64_t digit = (ascii + repeat(0x80 - '0')) & ~(ascii + repeat(0x80 - '9' - 1));
  const uint64_t letter = (lower + repeat(0x80 - 'a')) & ~(lower + repeat(0x80 - 'f' - 1));
  return (text | ~(digit | letter)) & repeat(0x80);
}

/// Value of eight hexadecimal digits, the first (lowest) byte most significant.
inline uint64_t hex_value(uint64_t text) {
  const uint64_t letters = (text >> 6) & repeat(0x01);
  uint64_t x = (text & repeat(0x0f)) + (letters << 3) + letters;
  x = ((x << 4) | (x >> 8)) & 0x00ff00ff00ff00ffull;
  x = ((x << 8) | (x >> 16)) & 0x0000ffff0000ffffull;
  return ((x << 16) | (x >> 32)) & 0xffffffffull;
}

/// Why a line is bad; made into text only when it is.
struct Flaw {
  enum Kind { kNone, kLabel, kInteger, kCategory } kind = kNone;
  int field = 0;
};

/// A category that is no word of eight digits, and what it is instead.
struct Patch {
  int32_t category = 0;
  int32_t row = 0;
  uint64_t id = 0;
};

/// Where the fields of a row go; integers the schema does not use share one scratch column.
struct Columns {
  Columns(std::span<const int> integer_slots, RawColumns& raw,
          std::span<const int> category_slots) {
    for (size_t k = 0; k < integer.size(); ++k) {
      integer[k] = integer_slots[k] < 0 ? unused_integer.data() : raw.number(integer_slots[k]);
    }
    const auto unused = std::count_if(category_slots.begin(), category_slots.end(),
                                      [](int slot) { return slot < 0; });
    unused_categories.resize(static_cast<size_t>(unused * kColumnStride));
    uint64_t* next_unused = unused_categories.data();
    for (size_t k = 0; k < category.size(); ++k) {
      const bool used = category_slots[k] >= 0;
      category[k] = used ? raw.id(category_slots[k]) : next_unused;
      if (!used) next_unused += kColumnStride;
    }
  }
  Columns(const Columns&) = delete;
  Columns& operator=(const Columns&) = delete;

  std::array<double*, kCriteoIntegers> integer;
  std::array<uint64_t*, kCriteoCategories> category;
  std::array<double, kColumnStride> unused_integer;
  std::vector<uint64_t> unused_categories;  // checked all the same
  std::vector<Patch> patches;
};

/// Words of text -> ids, in place. False when one is not of hexadecimal digits.
bool convert_words(uint64_t* words, int64_t count) {
  uint64_t flaws = 0;
  for (int64_t i = 0; i < count; ++i) {
    flaws |= not_hex(words[i]);
    words[i] = hex_value(words[i]);
  }
  return flaws == 0;
}

/// Integers the word-wise path leaves alone: more than seven digits, or no integer at all. Null
/// for the latter.
const char* read_odd_integer(const char* p, double& out) {
  const char* stop = p;
  while (*stop != '\t' && *stop != '\n' && *stop != '\r') ++stop;
  int64_t value = 0;
  if (*stop != '\t' || *p == '+' || !parse_integer({p, stop}, value)) return nullptr;
  out = static_cast<double>(value);
  return stop + 1;
}

/// Up to seven digits and a tab.
struct ShortInteger {
  int digits = 0;
  int value = 0;
  bool valid = false;
};

/// The end is the first byte without bit 4, which every digit has and a tab has not: where the next
/// field begins is known before this one is checked. No branch depends on the number of digits.
inline ShortInteger read_short_integer(const char* p) {
  uint64_t text;
  std::memcpy(&text, p, sizeof text);
  const uint64_t ends = ~text & repeat(0x10);
  if (ends == 0) [[unlikely]]
    return {};
  const int digits = __builtin_ctzll(ends) >> 3;
  // The digits move to the high bytes, zeros in front of them; then pairs, fours and eights.
  uint64_t x = (text ^ repeat('0')) << 8 << (56 - 8 * digits);
  const uint64_t others = ((x + repeat(0x76)) | x) & repeat(0x80);
  x = x * 10 + (x >> 8);
  x = ((x & 0x000000ff000000ffull) * 0x000f424000000064ull +
       ((x >> 16) & 0x000000ff000000ffull) * 0x0000271000000001ull) >>
      32;
  return {digits, static_cast<int32_t>(x), others == 0 && p[digits] == '\t'};
}

/// Reads "digits TAB" or "TAB" (missing: NaN) at `p`; null when the field is something else.
inline const char* read_integer(const char* p, double& out) {
  const ShortInteger read = read_short_integer(p);
  if (read.valid) [[likely]] {
    constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
    out = read.digits == 0 ? kMissing : static_cast<double>(read.value);
    return p + read.digits + 1;
  }
  if (*p == '-') {
    const ShortInteger negative = read_short_integer(p + 1);
    if (negative.valid && negative.digits > 0) {
      out = static_cast<double>(-negative.value);
      return p + negative.digits + 2;
    }
  }
  return read_odd_integer(p, out);
}

/// Categories of other lengths than eight digits: null when the field is not hexadecimal.
const char* read_odd_category(const char* p, const char* end, uint64_t& out) {
  const void* tab = memchr(p, '\t', static_cast<size_t>(end - p));
  const char* const stop = tab == nullptr ? end : static_cast<const char*>(tab);
  return parse_hex_id({p, stop}, out) ? stop : nullptr;
}

class CriteoParser final : public LineParser {
 public:
  CriteoParser(const Schema& schema, const Layout& layout, bool with_label)
      : with_label_(with_label),
        keep_label_(with_label && schema.label.field >= 0),
        missing_id_(schema.missing_id()) {
    integer_slots_.fill(-1);
    category_slots_.fill(-1);
    for (size_t i = 0; i < layout.numbers.size(); ++i) {
      const int field = layout.numbers[i].field - kCriteoFirstInteger;
      integer_slots_[static_cast<size_t>(field)] = static_cast<int>(i);
    }
    for (size_t i = 0; i < layout.ids.size(); ++i) {
      const int field = layout.ids[i].field - kCriteoFirstCategory;
      category_slots_[static_cast<size_t>(field)] = static_cast<int>(i);
    }
  }

  void parse(std::span<const Line> lines, RawColumns& raw, RowBlock& out) const override {
    Columns columns(integer_slots_, raw, category_slots_);
    columns.patches.reserve(lines.size() * 4);
    parse_lines<Words::kDeferred>(lines, columns, out);
    // A bad line may only seem so: a short field and an empty one look like eight digits.
    if (convert_categories(columns, out.rows) && out.bad.empty()) return;
    out.rows = out.blank = 0;
    out.bad.clear();
    parse_lines<Words::kChecked>(lines, columns, out);
  }

  std::optional<bool> label(const Line& line) const override {
    if (line.overlong || line.size < 2 || line.text[1] != '\t') return {};
    if (line.text[0] != '0' && line.text[0] != '1') return {};
    return line.text[0] == '1';
  }

 private:
  /// What a line leaves of a category: its text, for convert_categories, or its id.
  enum class Words { kDeferred, kChecked };

  template <Words kWords>
  void parse_lines(std::span<const Line> lines, Columns& columns, RowBlock& out) const {
    if (keep_label_) out.labels.resize(lines.size());
    for (size_t i = 0; i < lines.size(); ++i) {
      prefetch_ahead(lines, i);
      const Line& line = lines[i];
      if (line.size == 0 && !line.overlong) {
        ++out.blank;
        continue;
      }
      const size_t patches = columns.patches.size();
      const Flaw flaw = parse_line<kWords>(line, columns, out);
      if (flaw.kind == Flaw::kNone) [[likely]] {
        ++out.rows;
      } else {
        columns.patches.resize(patches);
        out.bad.push_back({static_cast<int32_t>(i), describe(line, flaw)});
      }
    }
    if (keep_label_) out.labels.resize(static_cast<size_t>(out.rows));
  }

  static bool convert_categories(Columns& columns, int64_t rows) {
    bool valid = true;
    for (uint64_t* const words : columns.category) valid &= convert_words(words, rows);
    for (const Patch& patch : columns.patches) {
      columns.category.data()[patch.category][patch.row] = patch.id;
    }
    columns.patches.clear();
    return valid;
  }

  template <Words kWords>
  Flaw parse_line(const Line& line, Columns& columns, RowBlock& out) const {
    const char* p = line.text;
    const char* const end = p + line.size;
    if (with_label_) {
      const std::optional<bool> label_value = label(line);
      if (!label_value) return {Flaw::kLabel, 0};
      if (keep_label_) out.labels.data()[out.rows] = *label_value ? 1.0f : 0.0f;
      p += 2;
    } else if (std::count(p, end, '\t') == kCriteoFields - 1) {
      p = static_cast<const char*>(memchr(p, '\t', line.size)) + 1;
    }
    for (int k = 0; k < kCriteoIntegers; ++k) {
      p = read_integer(p, columns.integer.data()[k][out.rows]);
      if (p == nullptr) [[unlikely]]
        return {Flaw::kInteger, kCriteoFirstInteger + k};
    }
    return read_categories<kWords>(p, end, columns, out.rows);
  }

  template <Words kWords>
  Flaw read_categories(const char* p, const char* end, Columns& columns, int64_t row) const {
    constexpr int kLast = kCriteoCategories - 1;
    for (int k = 0; k < kLast; ++k) {
      uint64_t word;
      std::memcpy(&word, p, sizeof word);
      if (p[8] == '\t' && end - p > 8 && is_word<kWords>(word)) [[likely]] {
        put_word<kWords>(word, columns.category.data()[k][row]);
        p += 9;
        continue;
      }
      p = read_other<kWords>(p, end, {k, static_cast<int32_t>(row)}, columns);
      if (p == nullptr || p == end) return {Flaw::kCategory, kCriteoFirstCategory + k};
      ++p;
    }
    uint64_t word;
    std::memcpy(&word, p, sizeof word);
    if (p + 8 == end && is_word<kWords>(word)) {
      put_word<kWords>(word, columns.category.data()[kLast][row]);
      return {};
    }
    p = read_other<kWords>(p, end, {kLast, static_cast<int32_t>(row)}, columns);
    if (p != end) return {Flaw::kCategory, kCriteoFirstCategory + kLast};
    return {};
  }

  /// Whether eight bytes that end where a field ends are one category, as far as the line tells.
  template <Words kWords>
  static bool is_word(uint64_t word) {
    return kWords == Words::kDeferred ? (word & 0xff) != '\t' : not_hex(word) == 0;
  }
  template <Words kWords>
  static void put_word(uint64_t word, uint64_t& out) {
    out = kWords == Words::kDeferred ? word : hex_value(word);
  }

  /// A category that is missing or not of eight digits: its end, null when it is none.
  template <Words kWords>
  const char* read_other(const char* p, const char* end, Patch patch, Columns& columns) const {
    patch.id = missing_id_;
    if (p != end && *p != '\t') {
      p = read_odd_category(p, end, patch.id);
      if (p == nullptr) return nullptr;
    }
    columns.category.data()[patch.category][patch.row] =
        kWords == Words::kDeferred ? repeat('0') : patch.id;
    if (kWords == Words::kDeferred) columns.patches.push_back(patch);
    return p;
  }

  std::string describe(const Line& line, Flaw flaw) const {
    if (line.overlong) return "the line is longer than 1 MiB";
    const std::string_view text(line.text, line.size);
    const int64_t fields = std::count(text.begin(), text.end(), '\t') + 1;
    const bool without_label = !with_label_ && fields == kCriteoFields - 1;
    if (fields != kCriteoFields && !without_label) {
      return fmt::format("{} fields instead of {}", fields, kCriteoFields);
    }
    const std::string field = quoted(field_text(text, flaw.field - (without_label ? 1 : 0)));
    switch (flaw.kind) {
      case Flaw::kLabel:
        return fmt::format("label {} is neither 0 nor 1", field);
      case Flaw::kInteger:
        return fmt::format("I{}: {} is not a 64-bit integer", flaw.field, field);
      default:
        return fmt::format("C{}: {} is not a hexadecimal id of up to 16 digits",
                           flaw.field - kCriteoFirstCategory + 1, field);
    }
  }

  static std::string_view field_text(std::string_view text, int field) {
    for (; field > 0; --field) text.remove_prefix(text.find('\t') + 1);
    return text.substr(0, text.find('\t'));
  }

  bool with_label_;
  bool keep_label_;
  uint64_t missing_id_;
  std::array<int, kCriteoIntegers> integer_slots_;
  std::array<int, kCriteoCategories> category_slots_;
};

}  // namespace

bool criteo_parser_fits(const Schema& schema, const Layout& layout) {
  const auto none = [](int field) { return field < 0; };
  const bool special = !none(schema.sample_weight_field) || !none(schema.time_field) ||
                       !none(schema.group_field) || !none(schema.id_field);
  const bool odd_label = schema.label.field > 0 || !schema.label.positive.empty();
  if (special || odd_label || !layout.lists.empty()) return false;
  for (const NumberSlot& number : layout.numbers) {
    if (number.field < kCriteoFirstInteger || number.field >= kCriteoFirstCategory) return false;
  }
  for (const IdSlot& id : layout.ids) {
    if (id.field < kCriteoFirstCategory || id.encoding != IdEncoding::kHex) return false;
  }
  return true;
}

std::unique_ptr<LineParser> make_criteo_parser(const Schema& schema, const Layout& layout,
                                               bool with_label) {
  return std::make_unique<CriteoParser>(schema, layout, with_label);
}

}  // namespace strata::data
