#include "data/text_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace strata::data {
TextReader::TextReader(TextInput input, const ReadPlan& plan)
    : input_(std::move(input)),
      plan_(plan),
      layout_(input_.schema, plan.labels),
      encoder_(input_.schema, layout_),
      assembler_(input_.schema, layout_, static_cast<float>(1 / input_.negative_sampling)),
      parser_(input_.make_parser(input_.schema, layout_, plan.labels)),
      pool_(input_.threads),
      raw_(static_cast<size_t>(input_.threads), RawColumns(layout_)) {
  STRATA_CHECK(plan.batch_size > 0 && plan.chunks > 0, "plan", plan.batch_size, plan.chunks);
  STRATA_CHECK(plan.worker >= 0 && plan.worker < plan.workers, "worker", plan.worker, plan.workers);
  selector_ = make_selector(input_, *parser_);
  count_rows();
  policy_ = BadRowPolicy(input_.max_bad_ratio, rows_);
  seek(plan.start);
}

TextReader::~TextReader() = default;

void TextReader::count_rows() {
  const std::span<const Block> blocks = input_.source->blocks();
  selected_.resize(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto number = static_cast<int32_t>(i);
    selected_[i] = input_.selection.count(blocks[i].first_row, blocks[i].lines);
    if (input_.negative_sampling < 1 && selected_[i] > 0) {
      window_.load(*input_.source, {&number, 1}, selector_);
      selected_[i] = window_.rows();
    }
    rows_ += selected_[i];
  }
}

/// "day_0.gz", "day_0.gz and 23 more files".
std::string TextReader::input_name() const {
  const std::span<const Block> blocks = input_.source->blocks();
  const std::string& first = input_.source->file_name(blocks.front().file);
  const int more = blocks.back().file - blocks.front().file;
  return more == 0 ? first : fmt::format("{} and {} more files", first, more);
}

/// Such an epoch would train, or evaluate, nothing without a word.
void TextReader::refuse_an_epoch_without_samples() const {
  const bool all_read = epoch_lines_.whole && plan_.workers == 1;
  if (!all_read || epoch_lines_.good > 0) return;
  const int64_t bad = rows_ - epoch_lines_.blank;
  std::string first;
  if (!statistics_.first_bad.empty()) {
    const BadRow& row = statistics_.first_bad.front();
    first = fmt::format("; the first bad one: {}:{}: {}", row.file, row.line, row.reason);
  }
  throw Error{ErrorCode::kData,
              "{}: not one of {} lines is a sample: {} blank, {} bad{}. Look at data.format and "
              "data.columns, or name another file",
              input_name(),
              rows_,
              epoch_lines_.blank,
              bad,
              first};
}

int64_t TextReader::batches_per_epoch() const {
  return (rows_ + plan_.batch_size - 1) / plan_.batch_size;
}

void TextReader::seek(BatchPosition position) {
  policy_.start_epoch();
  statistics_ = {};
  epoch_lines_ = {};
  stand_at(position);
}

void TextReader::stand_at(BatchPosition position) {
  STRATA_CHECK(position.epoch >= 0 && position.batch >= 0, "position", position.epoch,
               position.batch);
  if (position.batch >= batches_per_epoch() && rows_ > 0) {
    position = {position.epoch + 1, 0};  // the end of an epoch is the start of the next
  }
  if (position.batch == 0) {
    policy_.start_epoch();
    epoch_lines_ = {.whole = true};
  }
  position_ = position;
}

bool TextReader::next(Batch& batch) {
  if (rows_ == 0 || (plan_.epochs > 0 && position_.epoch >= plan_.epochs)) return false;
  if (order_epoch_ != position_.epoch) {
    const OrderRule rule{input_.shuffle, plan_.seed, input_.window_blocks};
    order_ = make_order(*input_.source, selected_, rule, position_.epoch);
    order_epoch_ = position_.epoch;
    window_number_ = -1;
  }
  const int64_t begin = position_.batch * plan_.batch_size;
  cut_slices(begin, std::min(begin + plan_.batch_size, rows_));
  parse_slices();
  if (position_.batch + 1 == batches_per_epoch()) refuse_an_epoch_without_samples();
  assembler_.assemble(std::span(parsed_).first(slices_.size()), batch);
  cut_chunks(batch);
  batch.position = position_;
  stand_at({position_.epoch, position_.batch + 1});
  return true;
}

void TextReader::cut_slices(int64_t begin, int64_t end) {
  slices_.clear();
  const int64_t lines = end - begin;
  const int64_t chunks = plan_.chunks;
  const int64_t first_chunk = plan_.worker * chunks / plan_.workers;
  const int64_t last_chunk = (plan_.worker + 1) * chunks / plan_.workers;
  for (int64_t chunk = first_chunk; chunk < last_chunk; ++chunk) {
    int64_t at = begin + lines * chunk / chunks;
    const int64_t chunk_end = begin + lines * (chunk + 1) / chunks;
    while (at < chunk_end) {
      const int64_t window = order_.window_of(at);
      const int64_t window_end = order_.window_begin[static_cast<size_t>(window) + 1];
      const int64_t stop = std::min({chunk_end, window_end, at + kSliceRows});
      slices_.push_back({at, stop, static_cast<int>(chunk)});
      at = stop;
    }
  }
  if (parsed_.size() < slices_.size()) parsed_.resize(slices_.size());
}

void TextReader::parse_slices() {
  for (size_t first = 0; first < slices_.size();) {
    const int64_t window = order_.window_of(slices_[first].begin);
    const int64_t window_end = order_.window_begin[static_cast<size_t>(window) + 1];
    size_t end = first;
    while (end < slices_.size() && slices_[end].begin < window_end) ++end;
    enter_window(window);
    pool_.parallel_for(static_cast<int64_t>(end - first), [&](int64_t task, int thread) {
      parse_slice(first + static_cast<size_t>(task), thread);
    });
    settle_bad_rows(first, end);
    first = end;
  }
}

void TextReader::enter_window(int64_t window) {
  if (window == window_number_) return;
  window_number_ = -1;  // should loading fail
  window_.load(*input_.source, order_.window(window), selector_);
  const int64_t begin = order_.window_begin[static_cast<size_t>(window)];
  const int64_t rows = order_.window_begin[static_cast<size_t>(window) + 1] - begin;
  if (window_.rows() != rows) {
    throw Error{ErrorCode::kData, "{}: the file changed while it was being read",
                window_.where(*input_.source, 0).file};
  }
  if (input_.shuffle) window_.shuffle(row_stream(plan_.seed, position_.epoch, window));
  window_number_ = window;
}

void TextReader::parse_slice(size_t number, int thread) {
  const Slice& slice = slices_[number];
  const int64_t base = order_.window_begin[static_cast<size_t>(window_number_)];
  std::array<Line, kSliceRows> lines;
  const int64_t count = slice.end - slice.begin;
  for (int64_t i = 0; i < count; ++i) {
    lines.data()[i] = window_.line(slice.begin - base + i);
  }
  RowBlock& out = parsed_[number];
  RawColumns& raw = raw_[static_cast<size_t>(thread)];
  out.start(input_.schema);
  parser_->parse(std::span(lines).first(static_cast<size_t>(count)), raw, out);
  encoder_.encode(raw, out);
}

void TextReader::settle_bad_rows(size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) {
    const RowBlock& rows = parsed_[i];
    statistics_.lines += slices_[i].end - slices_[i].begin;
    statistics_.good += rows.rows;
    statistics_.blank += rows.blank;
    epoch_lines_.good += rows.rows;
    epoch_lines_.blank += rows.blank;
    statistics_.bad += std::ssize(rows.bad);
    for (const BadLine& bad : rows.bad) {
      policy_.add(bad.reason, statistics_.first_bad, [&] {
        const int64_t base = order_.window_begin[static_cast<size_t>(window_number_)];
        return window_.where(*input_.source, slices_[i].begin - base + bad.line);
      });
    }
  }
}

void TextReader::cut_chunks(Batch& batch) const {
  batch.chunk_begin.assign(static_cast<size_t>(plan_.chunks) + 1, 0);
  for (size_t i = 0; i < slices_.size(); ++i) {
    batch.chunk_begin[static_cast<size_t>(slices_[i].chunk) + 1] += parsed_[i].rows;
  }
  for (size_t c = 1; c < batch.chunk_begin.size(); ++c) {
    batch.chunk_begin[c] += batch.chunk_begin[c - 1];
  }
}

}  // namespace strata::data
