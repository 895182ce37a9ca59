// The word-wise parser of Criteo lines against one that takes a line apart field by field.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "base/hash.h"
#include "data/criteo.h"
#include "data/line_parser.h"
#include "data/row_block.h"
#include "tests/data/input_fixture.h"

namespace strata::data {
namespace {

struct Row {
  float label;
  std::vector<double> integers;
  std::vector<uint64_t> ids;
};

bool all_in(const std::string& text, const std::string& allowed) {
  return text.find_first_not_of(allowed) == text.npos;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == '\t') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

/// The row a line means; null where it is bad.
std::optional<Row> naive_row(const std::string& line, uint64_t missing_id) {
  const auto fields = fields_of(line);
  if (fields.size() != 40 || (fields[0] != "0" && fields[0] != "1")) return {};
  Row row{.label = fields[0] == "1" ? 1.0f : 0.0f, .integers = {}, .ids = {}};
  for (int i = 1; i <= 13; ++i) {
    const std::string digits = fields[i].substr(fields[i].rfind('-', 0) == 0 ? 1 : 0);
    if (fields[i].empty()) {
      row.integers.push_back(std::numeric_limits<double>::quiet_NaN());
    } else if (digits.empty() || digits.size() > 18 || !all_in(digits, "0123456789")) {
      return {};
    } else {
      row.integers.push_back(static_cast<double>(std::strtoll(fields[i].c_str(), nullptr, 10)));
    }
  }
  for (int i = 14; i < 40; ++i) {
    const std::string& text = fields[i];
    if (text.size() > 16 || !all_in(text, "0123456789abcdefABCDEF")) return {};
    row.ids.push_back(text.empty() ? missing_id : std::strtoull(text.c_str(), nullptr, 16));
  }
  return row;
}

/// A good line with missing, negative, long and short fields.
std::string random_line(const CounterRng& rng, uint64_t& counter) {
  std::string line(1, "01"[rng.below(counter++, 2)]);
  for (int i = 0; i < 13; ++i) {
    line += '\t';
    const uint64_t kind = rng.below(counter++, 10);
    if (kind == 0) continue;
    if (kind == 1) line += '-';
    const uint64_t digits = 1 + rng.below(counter++, kind == 2 ? 12 : 4);
    for (uint64_t d = 0; d < digits; ++d) line += static_cast<char>('0' + rng.below(counter++, 10));
  }
  for (int i = 0; i < 26; ++i) {
    line += '\t';
    const uint64_t kind = rng.below(counter++, 100);
    if (kind < 20) continue;
    const uint64_t digits = kind < 22 ? 1 + rng.below(counter++, 16) : 8;
    for (uint64_t d = 0; d < digits; ++d)
      line += "0123456789abcdefABCDEF"[rng.below(counter++, 22)];
  }
  return line;
}

/// One to three bytes replaced, inserted or removed.
void damage(std::string& line, const CounterRng& rng, uint64_t& counter) {
  static const std::string bytes("\t\t\t0aAfFgG-+. \r:/@`\x80\xff\0", 22);
  for (uint64_t n = 1 + rng.below(counter++, 3); n > 0; --n) {
    const uint64_t at = rng.below(counter++, line.size());
    const char byte = bytes[rng.below(counter++, bytes.size())];
    switch (rng.below(counter++, 3)) {
      case 0:
        line[at] = byte;
        break;
      case 1:
        line.insert(at, 1, byte);
        break;
      default:
        line.erase(at, 1);
    }
  }
}

class CriteoParserGrid : public testing::TestWithParam<int> {};  // damaged lines in a thousand
INSTANTIATE_TEST_SUITE_P(Damage, CriteoParserGrid, testing::Values(0, 1, 5, 100, 1000));

TEST_P(CriteoParserGrid, EqualsParsingFieldByField) {
  DataConfig config;
  config.columns = {{.preset = "criteo"}};
  const Schema schema = make_schema(config);
  const Layout layout(schema);
  const auto parser = make_criteo_parser(schema, layout, true);
  const CounterRng rng{static_cast<uint64_t>(GetParam())};
  uint64_t counter = 0;
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < kSliceRows; ++i) {
      texts.push_back(random_line(rng, counter));
      if (rng.below(counter++, 1000) < uint64_t(GetParam())) damage(texts.back(), rng, counter);
    }
    std::vector<Line> lines;
    for (std::string& text : texts) {
      lines.push_back({.text = text.data(), .size = static_cast<uint32_t>(text.size())});
      text += '\n' + std::string(kTextPadding, '7');
    }
    for (size_t i = 0; i < texts.size(); ++i) lines[i].text = texts[i].data();
    RawColumns raw(layout);
    RowBlock out;
    out.start(schema);
    parser->parse(lines, raw, out);
    int64_t good = 0;
    size_t bad = 0;
    for (int64_t i = 0; i < kSliceRows; ++i) {
      const std::string line(lines[i].text, lines[i].size);
      const auto expected = naive_row(line, schema.missing_id());
      if (!expected) {
        ASSERT_LT(bad, out.bad.size()) << line;
        ASSERT_EQ(out.bad[bad++].line, i) << line;
        continue;
      }
      ASSERT_LT(good, out.rows) << line;
      ASSERT_EQ(out.labels[good], expected->label);
      for (size_t k = 0; k < layout.numbers.size(); ++k) {
        const double want = expected->integers[layout.numbers[k].field - kCriteoFirstInteger];
        const double got = raw.number(static_cast<int>(k))[good];
        ASSERT_TRUE(want == got || (std::isnan(want) && std::isnan(got)))
            << line << " I" << k + 1 << ": " << want << ", got " << got;
      }
      for (size_t k = 0; k < layout.ids.size(); ++k) {
        ASSERT_EQ(raw.id(static_cast<int>(k))[good],
                  expected->ids[layout.ids[k].field - kCriteoFirstCategory])
            << line << " C" << k;
      }
      ++good;
    }
    ASSERT_EQ(out.rows, good);
    ASSERT_EQ(out.bad.size(), bad);
  }
}

}  // namespace
}  // namespace strata::data
