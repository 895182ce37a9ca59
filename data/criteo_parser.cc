// Criteo's layout. Lines are packed column by column. A usual line (integers of up to seven digits,
// categories of eight digits or none) is taken apart without branches: its tabs first, then every
// field by itself. A category is one 64-bit word of text; whole columns of them are then checked
// and converted, which is vector code. Any other line is read field by field; and so is the whole
// slice once more where a column holds a word that is no category.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "base/isa.h"
#include "data/criteo.h"
#include "data/criteo_fields.h"
#include "data/line_parser.h"
#include "data/quote.h"
#include "data/transforms.h"

namespace strata::data {
namespace {

/// Why a line is bad; made into text only when it is.
struct Flaw {
  enum Kind { kNone, kLabel, kInteger, kCategory } kind = kNone;
  int field = 0;
};

constexpr int kColumns = kCriteoIntegers + kCriteoCategories;

/// A field whose text is no word of its column, and its value: the bits of a double, or an id.
struct Patch {
  std::byte* at = nullptr;
  uint64_t value = 0;
};

/// Where the fields of a row go, eight bytes each: first as text, then as values. Fields that the
/// schema does not use have columns too: they are checked all the same.
struct Columns {
  Columns(RawColumns& raw, std::span<const int> slots) {
    const auto missing = std::count(slots.begin(), slots.end(), -1);
    unused.resize(static_cast<size_t>(missing * kColumnStride));
    uint64_t* next_unused = unused.data();
    for (int k = 0; k < kColumns; ++k) {
      const int slot = slots[static_cast<size_t>(k)];
      void* const used = k < kCriteoIntegers ? static_cast<void*>(raw.number(slot)) : raw.id(slot);
      column[static_cast<size_t>(k)] = static_cast<std::byte*>(slot < 0 ? next_unused : used);
      if (slot < 0) next_unused += kColumnStride;
    }
  }
  Columns(const Columns&) = delete;
  Columns& operator=(const Columns&) = delete;

  STRATA_ALWAYS_INLINE std::byte* at(int field, int64_t row) {
    return column.data()[field] + row * static_cast<int64_t>(sizeof(uint64_t));
  }

  std::array<std::byte*, kColumns> column;
  std::vector<uint64_t> unused;
  std::vector<Patch> patches;
};

/// An integer of up to 64 bits, or NaN for nothing, as the bits of a double.
bool read_integer(std::string_view text, uint64_t& bits) {
  double value = std::numeric_limits<double>::quiet_NaN();
  int64_t integer = 0;
  if (!text.empty()) {
    if (text.starts_with('+') || !parse_integer(text, integer)) return false;
    value = static_cast<double>(integer);
  }
  bits = std::bit_cast<uint64_t>(value);
  return true;
}

/// Leaves `id`, that of a missing category, where the text is empty.
bool read_category(std::string_view text, uint64_t& id) {
  return text.empty() || parse_hex_id(text, id);
}

class CriteoParser final : public LineParser {
 public:
  CriteoParser(const Schema& schema, const Layout& layout, bool with_label)
      : with_label_(with_label),
        keep_label_(with_label && schema.label.field >= 0),
        missing_id_(schema.missing_id()) {
    slots_.fill(-1);
    for (size_t i = 0; i < layout.numbers.size(); ++i) {
      slots_[static_cast<size_t>(layout.numbers[i].field - kCriteoFirstInteger)] =
          static_cast<int>(i);
    }
    for (size_t i = 0; i < layout.ids.size(); ++i) {
      slots_[static_cast<size_t>(layout.ids[i].field - kCriteoFirstInteger)] = static_cast<int>(i);
    }
  }

  void parse(std::span<const Line> lines, RawColumns& raw, RowBlock& out) const override {
    Columns columns(raw, slots_);
    columns.patches.reserve(lines.size() * 4);
    bool converted = false;
    const Slice slice{*this, lines, columns, out, converted};
    isa::dispatch<ParseUsual>(slice);
    if (converted) return;
    out.rows = out.blank = 0;
    out.bad.clear();
    columns.patches.clear();
    parse_lines<false>(slice);
    put_patches(columns);
  }

  std::optional<bool> label(const Line& line) const override {
    if (line.overlong || line.size < 2 || line.text[1] != '\t') return {};
    if (line.text[0] != '0' && line.text[0] != '1') return {};
    return line.text[0] == '1';
  }

 private:
  struct Slice {
    const CriteoParser& parser;
    std::span<const Line> lines;
    Columns& columns;
    RowBlock& out;
    bool& converted;
  };

  struct ParseUsual {
    using Args = Slice;
    STRATA_ALWAYS_INLINE static void run(const Slice& slice) {
      slice.parser.parse_lines<true>(slice);
      slice.converted = slice.parser.convert(slice.columns, slice.out.rows);
    }
  };

  /// Without kUsual every line is read field by field.
  template <bool kUsual>
  STRATA_ALWAYS_INLINE void parse_lines(const Slice& slice) const {
    RowBlock& out = slice.out;
    if (keep_label_) out.labels.resize(slice.lines.size());
    for (size_t i = 0; i < slice.lines.size(); ++i) {
      prefetch_ahead(slice.lines, i);
      const Line& line = slice.lines.data()[i];
      if (kUsual && parse_usual(line, slice.columns, out)) [[likely]] {
        ++out.rows;
      } else {
        parse_any(static_cast<int32_t>(i), slice);
      }
    }
    if (keep_label_) out.labels.resize(static_cast<size_t>(out.rows));
  }

  /// False, and the row is to be overwritten, where the line is not a usual one.
  STRATA_ALWAYS_INLINE bool parse_usual(const Line& line, Columns& columns, RowBlock& out) const {
    FieldBegins fields;
    find_fields(line.text, line.size, fields);
    const bool labelled = fields.fields == kCriteoFields;
    const bool complete = labelled || (!with_label_ && fields.fields == kCriteoFields - 1);
    if (!complete || line.overlong) return false;
    const char* const text = line.text;
    const int64_t row = out.rows;
    const uint32_t* const begin = fields.begin + (labelled ? kCriteoFirstInteger : 0);
    uint32_t odd = 0;
    if (with_label_) odd |= (*begin ^ 2) | (static_cast<uint32_t>(text[0] & ~1) ^ '0');
    if (keep_label_) out.labels.data()[row] = static_cast<float>(text[0] & 1);
    for (int k = 0; k < kColumns; ++k) {
      std::memcpy(columns.at(k, row), text + begin[k], sizeof(uint64_t));
      const uint32_t size = begin[k + 1] - begin[k] - 1;
      odd |= size & (k < kCriteoIntegers ? ~7u : ~8u);
    }
    if (begin[kColumns] == begin[kColumns - 1] + 1) {  // its end is that of the line
      std::memcpy(columns.at(kColumns - 1, row), &kMissingWord, sizeof kMissingWord);
    }
    return odd == 0;
  }

  STRATA_ALWAYS_INLINE bool convert(Columns& columns, int64_t rows) const {
    bool valid = true;
    for (int k = 0; k < kCriteoIntegers; ++k) {
      valid &= convert_column(
          columns.at(k, 0), rows,
          [](uint64_t text, uint64_t & flaws)
              __attribute__((always_inline)) { return integer_value(text, flaws); });
    }
    for (int k = kCriteoIntegers; k < kColumns; ++k) {
      valid &= convert_column(
          columns.at(k, 0),
          rows, [this](uint64_t text, uint64_t & flaws) __attribute__((always_inline)) {
            return category_id(text, missing_id_, flaws);
          });
    }
    put_patches(columns);
    return valid;
  }

  static void put_patches(Columns& columns) {
    for (const Patch& patch : columns.patches) {
      std::memcpy(patch.at, &patch.value, sizeof patch.value);
    }
  }

  void parse_any(int32_t number, const Slice& slice) const {
    const Line& line = slice.lines[static_cast<size_t>(number)];
    if (line.size == 0 && !line.overlong) {
      ++slice.out.blank;
      return;
    }
    const size_t patches = slice.columns.patches.size();
    const Flaw flaw = read_line(line, slice.columns, slice.out);
    if (flaw.kind == Flaw::kNone) {
      ++slice.out.rows;
    } else {
      slice.columns.patches.resize(patches);
      slice.out.bad.push_back({number, describe(line, flaw)});
    }
  }

  Flaw read_line(const Line& line, Columns& columns, RowBlock& out) const {
    std::string_view rest(line.text, line.size);
    const auto next_field = [&] {
      const std::string_view field = rest.substr(0, rest.find('\t'));
      rest.remove_prefix(std::min(field.size() + 1, rest.size()));
      return field;
    };
    const int64_t tabs = std::count(rest.begin(), rest.end(), '\t');
    const bool without_label = !with_label_ && tabs == kCriteoFields - 2;
    if (line.overlong || (tabs != kCriteoFields - 1 && !without_label)) return {Flaw::kLabel, 0};
    if (with_label_) {
      const std::optional<bool> value = label(line);
      if (!value) return {Flaw::kLabel, 0};
      if (keep_label_) out.labels.data()[out.rows] = *value ? 1.0f : 0.0f;
    }
    if (!without_label) next_field();
    for (int k = 0; k < kColumns; ++k) {
      std::byte* const at = columns.at(k, out.rows);
      const bool integer = k < kCriteoIntegers;
      uint64_t value = missing_id_;
      if (!(integer ? read_integer(next_field(), value) : read_category(next_field(), value))) {
        return {integer ? Flaw::kInteger : Flaw::kCategory, kCriteoFirstInteger + k};
      }
      std::memcpy(at, &kMissingWord, sizeof kMissingWord);
      columns.patches.push_back({at, value});
    }
    return {};
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
  std::array<int, kColumns> slots_;  // of the fields after the label
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
