#pragma once
// The tables of docs/formats.md.

#include <fstream>
#include <string>
#include <vector>

namespace strata {

using VectorRow = std::vector<std::string>;

/// The vectors under "## name": the texts between backquotes of each line of its table.
inline std::vector<VectorRow> vectors_of(const std::string& name) {
  std::ifstream file(STRATA_SOURCE_DIR "/docs/formats.md");
  std::vector<VectorRow> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## " + name;
    if (!inside || !line.starts_with("| `")) continue;
    VectorRow row;
    for (size_t i = line.find('`'); i != line.npos; i = line.find('`', i + 1)) {
      const size_t end = line.find('`', i + 1);
      row.push_back(line.substr(i + 1, end - i - 1));
      i = end;
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace strata
