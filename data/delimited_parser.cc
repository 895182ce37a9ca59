// Delimited text in general: fields are cut first, then read as the layout asks. A row is committed
// when its last field has been read; what a bad row left behind in lists is taken back.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/utf8.h"
#include "data/line_parser.h"
#include "data/quote.h"
#include "data/split_fields.h"
#include "data/transforms.h"

namespace strata::data {
namespace {

/// Where a row goes: the columns of the slice.
struct Target {
  RawColumns& raw;
  RowBlock& out;
};

class DelimitedParser final : public LineParser {
 public:
  DelimitedParser(const Schema& schema, const Layout& layout, bool with_label)
      : schema_(schema), layout_(layout), with_label_(with_label && schema.label.field >= 0) {
    dialect_ = {.delimiter = schema.csv.delimiter.empty() ? ',' : schema.csv.delimiter[0],
                .quote = schema.csv.quote.empty() ? '\0' : schema.csv.quote[0],
                .trim = schema.csv.trim};
    if (schema.format != Format::kCsv) dialect_ = {.delimiter = '\t', .quote = 0};
  }

  void parse(std::span<const Line> lines, RawColumns& raw, RowBlock& out) const override {
    resize_specials(out, lines.size());
    for (ListColumn& list : raw.lists) list.clear();
    Target target{raw, out};
    Fields fields;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (is_blank(lines[i])) {
        ++out.blank;
        continue;
      }
      std::string reason = parse_line(lines[i], fields, target);
      if (reason.empty()) {
        ++out.rows;
      } else {
        take_back_lists(target);
        out.bad.push_back({static_cast<int32_t>(i), std::move(reason)});
      }
    }
    resize_specials(out, static_cast<size_t>(out.rows));
  }

  std::optional<bool> label(const Line& line) const override {
    Fields fields;
    if (line.overlong || schema_.label.field < 0) return {};
    if (!split_fields({line.text, line.size}, dialect_, fields).empty()) return {};
    if (std::ssize(fields.texts) != std::ssize(schema_.fields)) return {};
    return label_of(fields.texts[static_cast<size_t>(schema_.label.field)]);
  }

 private:
  bool is_blank(const Line& line) const {
    if (line.overlong) return false;
    const std::string_view text(line.text, line.size);
    return text.empty() || (dialect_.trim && text.find_first_not_of(" \t") == text.npos &&
                            text.find(dialect_.delimiter) == text.npos);
  }

  void resize_specials(RowBlock& out, size_t rows) const {
    if (with_label_) out.labels.resize(rows);
    if (schema_.sample_weight_field >= 0) out.sample_weights.resize(rows);
    if (schema_.time_field >= 0) out.times.resize(rows);
    if (schema_.group_field >= 0) out.groups.resize(rows);
    if (schema_.id_field >= 0) out.sample_ids.resize(rows);
  }

  /// Empty when the row is good, else why it is not.
  std::string parse_line(const Line& line, Fields& fields, Target target) const {
    if (line.overlong) return "the line is longer than 1 MiB";
    const std::string_view text(line.text, line.size);
    if (text.find('\0') != text.npos) return "the line contains a NUL byte";
    if (text.find('\r') != text.npos) return "the line contains a carriage return";
    if (!is_utf8(text)) return "the line is not valid UTF-8";
    std::string reason = split_fields(text, dialect_, fields);
    if (!reason.empty()) return reason;
    if (fields.texts.size() != schema_.fields.size()) {
      return fmt::format("{} fields instead of {}", fields.texts.size(), schema_.fields.size());
    }
    for (size_t i = 0; i < fields.texts.size(); ++i) {
      for (const FieldUse use : layout_.uses[i]) {
        reason = read_field(use, fields.texts[i], target);
        if (!reason.empty()) return fmt::format("{}: {}", schema_.fields[i], reason);
      }
    }
    return {};
  }

  std::string read_field(FieldUse use, std::string_view text, Target target) const {
    if (is_missing(text)) text = {};
    const auto row = static_cast<size_t>(target.out.rows);
    switch (use.role) {
      case FieldRole::kNumber:
        return read_number(text, layout_.numbers[static_cast<size_t>(use.slot)],
                           target.raw.number(use.slot)[row]);
      case FieldRole::kId:
        return read_id(text, layout_.ids[static_cast<size_t>(use.slot)].encoding,
                       target.raw.id(use.slot)[row]);
      case FieldRole::kList:
        return read_list(text, use.slot, target.raw.lists[static_cast<size_t>(use.slot)]);
      case FieldRole::kLabel:
        return read_label(text, target.out.labels[row]);
      case FieldRole::kSampleWeight:
        return read_weight(text, target.out.sample_weights[row]);
      case FieldRole::kTime:
        return parse_integer(text, target.out.times[row])
                   ? std::string{}
                   : fmt::format("{} is not a time in whole seconds", quoted(text));
      case FieldRole::kGroup:
        target.out.groups[row] = text_id(text, schema_.hash_seed);
        return {};
      case FieldRole::kSampleId:
        target.out.sample_ids[row].assign(text);
        return {};
    }
    return {};
  }

  bool is_missing(std::string_view text) const {
    const auto& markers = schema_.csv.missing;
    return text.empty() || std::find(markers.begin(), markers.end(), text) != markers.end();
  }

  static std::string read_number(std::string_view text, const NumberSlot& slot, double& out) {
    out = std::numeric_limits<double>::quiet_NaN();
    if (text.empty()) return {};
    if (!parse_number(text, out)) return fmt::format("{} is not a number", quoted(text));
    if (std::isnan(out) && slot.reject_nan) return fmt::format("{} is not finite", quoted(text));
    if (std::abs(out) > std::numeric_limits<float>::max() && slot.reject_infinite) {
      return fmt::format("{} is not finite or beyond 32-bit float", quoted(text));
    }
    return {};
  }

  std::string read_id(std::string_view text, IdEncoding encoding, uint64_t& out) const {
    if (text.empty() || encoding == IdEncoding::kText) {
      out = text_id(text, schema_.hash_seed);
      return {};
    }
    if (encoding == IdEncoding::kHex) {
      if (parse_hex_id(text, out)) return {};
      return fmt::format("{} is not a hexadecimal id of up to 16 digits", quoted(text));
    }
    if (parse_decimal_id(text, out)) return {};
    return fmt::format("{} is not a 64-bit decimal id", quoted(text));
  }

  std::string read_list(std::string_view text, int slot, ListColumn& out) const {
    const int index = layout_.lists[static_cast<size_t>(slot)];
    const SparseFeature& feature = schema_.sparse[static_cast<size_t>(index)];
    int32_t length = 0;
    while (!text.empty() && (feature.max_length == 0 || length < feature.max_length)) {
      const size_t end = std::min(text.find(feature.separator[0]), text.size());
      const std::string_view item = trimmed(text.substr(0, end), dialect_.trim);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (item.empty()) continue;
      std::string reason = read_item(item, feature, out);
      if (!reason.empty()) return reason;
      ++length;
    }
    out.lengths.push_back(length);
    return {};
  }

  std::string read_item(std::string_view item, const SparseFeature& feature,
                        ListColumn& out) const {
    double weight = 1;
    const size_t mark =
        feature.weight_separator.empty() ? item.npos : item.rfind(feature.weight_separator[0]);
    if (mark != item.npos) {
      const std::string_view text = item.substr(mark + 1);
      if (!parse_number(text, weight) || !(std::abs(weight) <= std::numeric_limits<float>::max())) {
        return fmt::format("{} has no finite weight", quoted(item));
      }
      item = item.substr(0, mark);
    }
    uint64_t id = 0;
    std::string reason = read_id(item, feature.encoding, id);
    if (!reason.empty()) return reason;
    out.ids.push_back(id);
    out.weights.push_back(static_cast<float>(weight));
    return {};
  }

  std::string read_label(std::string_view text, float& out) const {
    const std::optional<bool> value = label_of(text);
    if (value) {
      out = *value ? 1.0f : 0.0f;
      return {};
    }
    if (schema_.label.positive.empty()) {
      return fmt::format("label {} is neither 0 nor 1", quoted(text));
    }
    return fmt::format("label {} is neither a positive nor a negative value", quoted(text));
  }

  std::optional<bool> label_of(std::string_view text) const {
    const LabelRule& rule = schema_.label;
    if (is_missing(text)) return {};
    const auto among = [&](const std::vector<std::string>& texts) {
      return std::find(texts.begin(), texts.end(), text) != texts.end();
    };
    if (!rule.positive.empty()) {
      if (among(rule.positive)) return true;
      if (rule.negative.empty() || among(rule.negative)) return false;
      return {};
    }
    double value = 0;
    if (!parse_number(text, value) || (value != 0 && value != 1)) return {};
    return value == 1;
  }

  static std::string read_weight(std::string_view text, float& out) {
    double value = 0;
    const bool fits =
        parse_number(text, value) && value >= 0 && value <= std::numeric_limits<float>::max();
    out = static_cast<float>(value);
    return fits ? std::string{} : fmt::format("{} is not a weight (>= 0, finite)", quoted(text));
  }

  /// Lists of the row that turned out bad.
  static void take_back_lists(Target target) {
    for (ListColumn& list : target.raw.lists) {
      list.lengths.resize(std::min(list.lengths.size(), static_cast<size_t>(target.out.rows)));
      size_t kept = 0;
      for (const int32_t length : list.lengths) kept += static_cast<size_t>(length);
      list.ids.resize(kept);
      list.weights.resize(kept);
    }
  }

  const Schema& schema_;
  const Layout& layout_;
  bool with_label_;
  Dialect dialect_;
};

}  // namespace

std::unique_ptr<LineParser> make_delimited_parser(const Schema& schema, const Layout& layout,
                                                  bool with_label) {
  return std::make_unique<DelimitedParser>(schema, layout, with_label);
}

}  // namespace strata::data
