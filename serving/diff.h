#pragma once
// `strata diff A B`: do two checkpoints, or two exports, hold the same rows and tensors?

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace strata::serving {

/// How one table differs.
struct TableDifference {
  std::string name;
  int64_t equal_rows = 0;      // same bytes: weights, optimizer state, stamp
  int64_t different_rows = 0;  // in both, other bytes
  int64_t only_first = 0;
  int64_t only_second = 0;
  double max_abs = 0;        // largest difference of a weight
  uint64_t example_id = 0;   // first key that differs, as the user gave it
  std::string other_layout;  // "dim 16 and 8": rows are then not compared
  bool equal() const;
};

/// How one dense tensor differs.
struct TensorDifference {
  std::string file;
  std::string name;
  bool only_first = false;
  bool only_second = false;
  bool other_shape = false;
  int64_t different_values = 0;
  double max_abs = 0;
  bool equal() const;
};

/// Content decides: keys, rows, dense tensors. Steps and metrics are told and do not count.
struct DiffReport {
  std::string first;
  std::string second;
  int64_t first_step = 0;
  int64_t second_step = 0;
  std::vector<TableDifference> tables;    // all tables of either
  std::vector<TensorDifference> tensors;  // all tensors of either
  bool equal() const;
};

/// Compares what the two paths mean, streaming. Throws Error{usage} for a checkpoint against an
/// export, Error{corrupt}, Error{missing}.
DiffReport diff(const std::string& first, const std::string& second);

std::string to_text(const DiffReport& report);
nlohmann::ordered_json to_json(const DiffReport& report);

}  // namespace strata::serving
