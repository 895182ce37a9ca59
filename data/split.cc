#include "data/split.h"

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "data/block_index.h"
#include "data/input_file.h"
#include "data/selection.h"
#include "data/text_writer.h"
#include "data/window.h"

namespace strata::data {
namespace {

/// The header all inputs share; empty without one.
std::string shared_header(const BlockIndex& index) {
  const std::string& header = index.files.front().header;
  for (const IndexedFile& file : index.files) {
    if (file.header != header) {
      throw Error{ErrorCode::kData, "{}:1: the header differs from that of {}", file.path,
                  index.files.front().path};
    }
  }
  return header;
}

/// The lines of one block, each to its side.
void split_block(BlockSource& source, const Window& window, const RowSelection& evaluation,
                 std::string& train, std::string& eval) {
  for (int64_t i = 0; i < window.rows(); ++i) {
    const Line line = window.line(i);
    if (line.overlong) {
      const BadRow row = window.where(source, i);
      throw Error{ErrorCode::kData, "{}:{}: the line is longer than 1 MiB", row.file, row.line};
    }
    std::string& out = evaluation.keeps(window.row(0) + i) ? eval : train;
    out.append(line.text, line.size);
    out += '\n';
  }
}

}  // namespace

SplitResult split_files(const SplitRequest& request) {
  if (!(request.eval_fraction > 0 && request.eval_fraction < 1)) {
    throw Error{ErrorCode::kUsage, "the fraction {} is not between 0 and 1", request.eval_fraction};
  }
  if (std::filesystem::weakly_canonical(request.train_out) ==
      std::filesystem::weakly_canonical(request.eval_out)) {
    throw Error{ErrorCode::kUsage, "{}: training and evaluation rows need a file each",
                request.train_out};
  }
  const std::vector<std::string> files = expand_inputs(request.inputs);
  if (files.empty()) throw Error{ErrorCode::kConfig, "no input files are given"};
  BlockIndex index =
      index_files(files, {.header = request.header, .max_expansion = request.max_expansion});
  const std::string header = shared_header(index);
  const auto evaluation =
      RowSelection::side(request.split, request.eval_fraction, index.rows, true);
  SplitResult result{.eval_rows = evaluation.count(0, index.rows)};
  result.train_rows = index.rows - result.eval_rows;

  const auto source = open_files(std::move(index));
  const auto train_out = create_text(request.train_out);
  const auto eval_out = create_text(request.eval_out);
  std::string train = request.header ? header + "\n" : "";
  std::string eval = train;
  Window window;
  for (int32_t block = 0; block < std::ssize(source->blocks()); ++block) {
    window.load(*source, {&block, 1}, {});
    split_block(*source, window, evaluation, train, eval);
    train_out->write(train);
    eval_out->write(eval);
    train.clear();
    eval.clear();
  }
  train_out->finish();
  eval_out->finish();
  return result;
}

}  // namespace strata::data
