#include "data/check.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "data/distinct_counter.h"
#include "data/scan.h"
#include "data/schema.h"
#include "data/text_input.h"

namespace strata::data {
namespace {

struct FieldScan {
  FieldReport report;
  DistinctCounter distinct;
  int64_t values = 0;
};

class Checker {
 public:
  Checker(const Schema& schema, const Layout& layout) : missing_id_(schema.missing_id()) {
    const auto named = [&](int field, std::string kind) {
      FieldScan scan;
      scan.report.name = schema.fields[static_cast<size_t>(field)];
      scan.report.kind = std::move(kind);
      return scan;
    };
    for (const NumberSlot& slot : layout.numbers) numbers_.push_back(named(slot.field, "number"));
    for (const IdSlot& slot : layout.ids) ids_.push_back(named(slot.field, "category"));
    for (const int index : layout.lists) {
      lists_.push_back(named(schema.sparse[static_cast<size_t>(index)].field, "list"));
    }
  }

  void add(const ScannedSlice& slice, DataReport& report) {
    const int64_t rows = slice.rows.rows;
    report.good += rows;
    report.blank += slice.rows.blank;
    report.bad += std::ssize(slice.rows.bad);
    report.labelled += std::ssize(slice.rows.labels);
    for (const float label : slice.rows.labels) report.positive += label == 1;
    for (size_t i = 0; i < numbers_.size(); ++i) {
      add_numbers({slice.raw.number(static_cast<int>(i)), static_cast<size_t>(rows)}, numbers_[i]);
    }
    for (size_t i = 0; i < ids_.size(); ++i) {
      add_ids({slice.raw.id(static_cast<int>(i)), static_cast<size_t>(rows)}, ids_[i]);
    }
    for (size_t i = 0; i < lists_.size(); ++i) add_list(slice.raw.lists[i], lists_[i]);
  }

  std::vector<FieldReport> finish(int64_t rows) {
    std::vector<FieldReport> reports;
    for (auto* scans : {&numbers_, &ids_, &lists_}) {
      for (FieldScan& scan : *scans) {
        scan.report.distinct = scan.distinct.count();
        scan.report.distinct_exact = scan.distinct.exact();
        if (scans == &lists_ && rows > 0) {
          scan.report.mean = static_cast<double>(scan.values) / static_cast<double>(rows);
        }
        reports.push_back(std::move(scan.report));
      }
    }
    return reports;
  }

 private:
  static void add_numbers(std::span<const double> values, FieldScan& scan) {
    FieldReport& report = scan.report;
    for (const double x : values) {
      if (std::isnan(x)) {
        ++report.missing;
        continue;
      }
      ++scan.values;
      report.mean += (x - report.mean) / static_cast<double>(scan.values);
      report.low = std::min(report.low, x);
      report.high = std::max(report.high, x);
      scan.distinct.add(std::bit_cast<uint64_t>(x == 0 ? 0.0 : x));
    }
  }

  void add_ids(std::span<const uint64_t> ids, FieldScan& scan) const {
    for (const uint64_t id : ids) {
      if (id == missing_id_) {
        ++scan.report.missing;
      } else {
        scan.distinct.add(id);
      }
    }
  }

  static void add_list(const ListColumn& list, FieldScan& scan) {
    for (const int32_t length : list.lengths) scan.report.missing += length == 0;
    for (const uint64_t id : list.ids) scan.distinct.add(id);
    scan.values += std::ssize(list.ids);
  }

  uint64_t missing_id_;
  std::vector<FieldScan> numbers_;
  std::vector<FieldScan> ids_;
  std::vector<FieldScan> lists_;
};

nlohmann::json number_or_null(double x) {
  return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(nullptr);
}

}  // namespace

double DataReport::positive_rate() const {
  if (labelled == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(positive) / static_cast<double>(labelled);
}

DataReport check_data(const DataConfig& config, const std::vector<std::string>& files) {
  DataConfig whole = config;
  whole.train = files;
  whole.eval_fraction = 0;
  whole.negative_sampling = 1;
  TextInput input = open_input(whole, make_schema(whole), Part::kTrain, true);
  const Layout layout(input.schema);
  const auto parser = input.make_parser(input.schema, layout, true);
  Checker checker(input.schema, layout);
  DataReport report;
  scan_rows(
      input, layout, *parser, [&](const ScannedSlice& slice) { checker.add(slice, report); },
      [&](const BadRow& bad) {
        if (std::ssize(report.first_bad) < BadRowPolicy::kReportedBadRows) {
          report.first_bad.push_back(bad);
        }
      });
  report.lines = report.good + report.bad + report.blank;
  report.fields = checker.finish(report.good);
  return report;
}

nlohmann::json to_json(const DataReport& report) {
  nlohmann::json bad = nlohmann::json::array();
  for (const BadRow& row : report.first_bad) {
    bad.push_back({{"file", row.file}, {"line", row.line}, {"reason", row.reason}});
  }
  nlohmann::json fields = nlohmann::json::array();
  for (const FieldReport& field : report.fields) {
    fields.push_back({{"name", field.name},
                      {"kind", field.kind},
                      {"missing", field.missing},
                      {"distinct", std::llround(field.distinct)},
                      {"distinct_exact", field.distinct_exact},
                      {"low", number_or_null(field.low)},
                      {"high", number_or_null(field.high)},
                      {"mean", number_or_null(field.mean)}});
  }
  return {{"lines", report.lines},       {"good", report.good},
          {"bad", report.bad},           {"blank", report.blank},
          {"positive", report.positive}, {"positive_rate", number_or_null(report.positive_rate())},
          {"first_bad", std::move(bad)}, {"fields", std::move(fields)}};
}

}  // namespace strata::data
