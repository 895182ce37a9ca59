#include <string>
#include <utility>
#include <vector>

#include "base/config_fault.h"
#include "data/input_file.h"
#include "data/prefetch.h"
#include "data/read_header.h"
#include "data/reader.h"
#include "data/reader_list.h"
#include "data/text_input.h"
#include "data/text_reader.h"

namespace strata::data {
namespace {

/// The schema for the fields these files have: all of them the same, in the order of the header.
Schema schema_for(const DataConfig& config, const Schema& schema, bool with_label,
                  const std::vector<std::string>& files) {
  if (schema.format != Format::kCsv || !config.csv.header) return schema;
  const std::vector<std::string> fields = read_header(files.front(), config.csv);
  for (const std::string& file : files) {
    if (read_header(file, config.csv) != fields) {
      throw Error{ErrorCode::kData, "{}:1: the header differs from that of {}", file,
                  files.front()};
    }
  }
  return with_fields(schema, fields, files.front(), !with_label);
}

std::vector<std::string> files_of(const DataConfig& config, Part part, const FormatEntry& entry) {
  if (!entry.reads_files) return {};
  const bool from_eval = part == Part::kEval && !config.eval.empty();
  const std::vector<std::string> files = expand_inputs(from_eval ? config.eval : config.train);
  if (files.empty()) {
    const std::string key = from_eval ? "eval" : "train";
    throw_fault({{{"data", key}}, fmt::format("data.{}: no input files are given", key)});
  }
  return files;
}

}  // namespace

TextInput open_input(const DataConfig& config, const Schema& schema, Part part, bool with_label) {
  const FormatEntry& entry = format_entry(schema.format);
  const std::vector<std::string> files = files_of(config, part, entry);
  TextInput input{.source = entry.open(config, files),
                  .schema = schema_for(config, schema, with_label, files),
                  .window_blocks = 1,
                  .max_bad_ratio = config.max_bad_ratio,
                  .threads = config.threads,
                  .make_parser = entry.make_parser};
  if (part == Part::kTrain) {
    input.shuffle = config.shuffle;
    if (config.shuffle) input.window_blocks = config.window_blocks;
    input.negative_sampling = config.negative_sampling;
  }
  if (!config.eval.empty()) return input;
  if (config.eval_fraction > 0) {
    const Block& last = input.source->blocks().back();
    input.selection = RowSelection::side(config.split, config.eval_fraction,
                                         last.first_row + last.lines, part == Part::kEval);
  } else if (part == Part::kEval) {
    throw_fault({{{"data", "eval"}}, "data.eval: neither `eval` nor `eval_fraction` is given"});
  }
  return input;
}

std::unique_ptr<Reader> make_reader(const DataConfig& config, const Schema& schema, Part part,
                                    const ReadPlan& plan) {
  TextInput input = open_input(config, schema, part, plan.labels);
  const std::string first_file = input.source->file_name(0);
  std::unique_ptr<Reader> reader = std::make_unique<TextReader>(std::move(input), plan);
  if (part == Part::kTrain && reader->rows_per_epoch() == 0) {
    throw Error{ErrorCode::kData,
                "{}: no row is left for training; look at data.eval_fraction and "
                "data.negative_sampling",
                first_file};
  }
  if (config.prefetch == 0) return reader;
  return std::make_unique<PrefetchReader>(std::move(reader), config.prefetch);
}

}  // namespace strata::data
