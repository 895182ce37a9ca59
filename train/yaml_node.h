#pragma once
// Strata's own tree of a YAML document. yaml_node.cc is the only file that includes a YAML parser.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "train/config_problems.h"

namespace strata::train {

struct YamlEntry;

/// One node of a document, with its place for error messages. A plain value; depth is bounded by
/// YamlLimits, so recursive walks are safe.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string scalar;   // kScalar: the text, escapes resolved; types are the reader's business
  bool quoted = false;  // kScalar: written in quotes or as a block: a string whatever it looks like
  SourcePlace place;
  std::vector<YamlNode> items;     // kList
  std::vector<YamlEntry> entries;  // kMap, in file order, keys distinct

  /// The value of `key`, or nullptr.
  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
};

/// One `key: value` of a map.
struct YamlEntry {
  std::string key;
  SourcePlace key_place;
  YamlNode value;
};

/// Checked before memory or time is spent: a config is written by people.
struct YamlLimits {
  size_t bytes = size_t{1} << 20;         // of the file
  size_t line_bytes = 16'384;             // of one line
  int depth = 64;                         // nested lists and maps, aliases expanded
  size_t nodes = 100'000;                 // aliases count as what they expand to
  size_t scalar_bytes = size_t{4} << 20;  // text of all nodes, aliases expanded
};

/// Parses one YAML document, the text of source `source` of `problems`. An empty document is a
/// null node. Lone slips (duplicate keys, merge keys, keys that are not text) are added to
/// `problems`; what makes the tree meaningless (syntax, limits, invalid UTF-8, tabs, a second
/// document, tags) throws ConfigError with everything found so far.
YamlNode parse_yaml(int source, Problems& problems, const YamlLimits& limits = {});

/// Reads `path` as a source of `problems` and parses it.
/// Throws Error{missing} if there is no such file, Error{io} if it cannot be read.
YamlNode read_yaml_file(const std::string& path, Problems& problems, const YamlLimits& limits = {});

}  // namespace strata::train
