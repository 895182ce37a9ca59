#include "data/reader_list.h"

#include "base/error.h"
#include "data/block_index.h"
#include "data/synthetic_source.h"

namespace strata::data {
namespace {

/// Lines of files; those of CSV may begin with a header.
std::unique_ptr<BlockSource> open_lines(const DataConfig& config,
                                        const std::vector<std::string>& files) {
  return open_files(
      index_files(files, {.block_bytes = config.block_bytes.value,
                          .header = config.format == Format::kCsv && config.csv.header,
                          .max_expansion = config.max_expansion}));
}

std::unique_ptr<BlockSource> open_synthetic(const DataConfig& config,
                                            const std::vector<std::string>&) {
  return std::make_unique<SyntheticSource>(config.synthetic, config.block_bytes.value);
}

std::unique_ptr<LineParser> make_criteo_line_parser(const Schema& schema, const Layout& layout,
                                                    bool with_label) {
  if (criteo_parser_fits(schema, layout)) return make_criteo_parser(schema, layout, with_label);
  return make_delimited_parser(schema, layout, with_label);
}

// To add a format: its value in config.h, one line here.
constexpr FormatEntry kFormats[] = {
    {Format::kCriteoTsv, open_lines, make_criteo_line_parser, true},
    {Format::kCsv, open_lines, make_delimited_parser, true},
    {Format::kSynthetic, open_synthetic, make_criteo_line_parser, false},
};

}  // namespace

const FormatEntry& format_entry(Format format) {
  for (const FormatEntry& entry : kFormats) {
    if (entry.format == format) return entry;
  }
  throw Error{ErrorCode::kConfig, "data.format: '{}' has no reader in this build",
              enum_name(format)};
}

}  // namespace strata::data
