#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/block_source.h"
#include "data/config.h"
#include "data/layout.h"
#include "data/line_parser.h"
#include "data/schema.h"

namespace strata::data {

/// What one format consists of. `config.train` or `config.eval` are the files of `part`.
struct FormatEntry {
  Format format;
  /// Text in blocks. `files` are expanded paths, empty for formats without files.
  std::unique_ptr<BlockSource> (*open)(const DataConfig& config,
                                       const std::vector<std::string>& files);
  /// The parser of its lines. `schema` and `layout` outlive it.
  std::unique_ptr<LineParser> (*make_parser)(const Schema& schema, const Layout& layout,
                                             bool with_label);
  bool reads_files;
};

/// The entry of a format. Throws Error{config} for one that is not in the list.
const FormatEntry& format_entry(Format format);

}  // namespace strata::data
