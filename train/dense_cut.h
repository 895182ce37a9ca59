#pragma once
// The dense tensors of a checkpoint: weights and buffers, and their optimizer state, by name.

#include <cstdint>
#include <string>
#include <vector>

#include "dense/parameters.h"
#include "storage/publication.h"

namespace strata::train {

inline constexpr const char* kDenseWeightsName = "dense/weights.safetensors";
inline constexpr const char* kDenseStateName = "dense/optimizer.safetensors";

/// The dense tensors at one update.
class DenseCut {
 public:
  explicit DenseCut(const dense::Parameters& parameters);

  /// Writes both files.
  void save(storage::Publication& publication) const;
  int64_t bytes() const;

 private:
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> weights;
    std::vector<float> state;
  };
  std::vector<Tensor> tensors_;
};

}  // namespace strata::train
