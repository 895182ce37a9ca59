#pragma once
// `strata inspect`: what is in a checkpoint or an export?

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace strata::serving {

/// Figures of one table; norms are over the weights of its rows.
struct TableFigures {
  std::string name;
  int64_t rows = 0;
  int64_t bytes = 0;
  int dim = 0;
  std::string dtype;
  std::string optimizer;  // "" in an export
  double mean_norm = 0;   // mean L2 norm of a row
  double max_norm = 0;
  int64_t zero_rows = 0;
  int64_t nonfinite_rows = 0;  // left out of the norms
};

/// Figures of one dense tensor.
struct TensorFigures {
  std::string file;
  std::string name;
  std::vector<int64_t> shape;
  double norm = 0;
  double max_abs = 0;
  int64_t nonfinite = 0;  // left out of the norms
};

struct Inspection {
  std::string path;
  std::string directory;
  std::string kind;
  int format = 0;
  int64_t step = 0;
  int64_t samples = 0;
  int64_t bytes = 0;
  nlohmann::ordered_json metrics;
  std::vector<TableFigures> tables;
  std::vector<TensorFigures> tensors;
};

/// Compares everything with its checksum, then reads it. Throws Error{corrupt} naming what is
/// damaged, Error{missing}.
Inspection inspect(const std::string& path);

std::string to_text(const Inspection& inspection);
nlohmann::ordered_json to_json(const Inspection& inspection);

}  // namespace strata::serving
