#pragma once

#include <string>
#include <vector>

#include "dense/program.h"
#include "kernels/activation.h"
#include "kernels/batch_norm.h"

namespace strata::dense {

/// Name and options of a BatchNorm; defaults are torch's.
struct BatchNormConfig {
  std::string name;  // parameters name.weight, name.bias; buffers name.running_mean, .running_var
  kernels::Activation activation = kernels::Activation::kIdentity;
  float epsilon = 1e-5f;
  float momentum = 0.1f;  // share of the batch in the running statistics
};

/// y = act(batch norm of x) as torch.nn.BatchNorm1d, with the statistics of the *global* batch:
/// chunks' moments are merged in double by Chan et al. 1979 in the pairwise tree. Training
/// normalises with the biased variance and keeps the unbiased one in running_var; evaluation uses
/// the running statistics. A batch of one sample leaves running_var alone.
class BatchNorm : public Layer {
 public:
  BatchNorm(Program& program, Tensor x, Tensor y, BatchNormConfig config);

  bool splits() const override { return true; }
  void reserve_chunks(int64_t chunks) override;
  void summarise_forward(const Chunk& chunk) override;
  void merge_forward(const PassInfo& pass) override;
  void forward(const Chunk& chunk) override;
  void summarise_backward(const Chunk& chunk) override;
  void merge_backward(const PassInfo& pass) override;
  void backward(const Chunk& chunk) override;
  LayerDescription describe() const override {
    return {.kind = LayerKind::kBatchNorm,
            .parameters = {gamma_, beta_, running_mean_, running_var_},
            .activation = config_.activation,
            .epsilon = config_.epsilon};
  }

 private:
  /// Two sums per column of one chunk: moments forward, gradient sums backward. [2, width].
  std::span<double> sums(int64_t chunk);
  kernels::Normalisation normalisation() const;
  template <class T>
  kernels::NormalisedGradient<T> blocks(const Chunk& chunk);
  template <class T>
  void run_summarise_backward(const Chunk& chunk);
  template <class T>
  void run_backward(const Chunk& chunk);

  Program& program_;
  BatchNormConfig config_;
  Tensor y_;
  bool bf16_;
  ParameterId gamma_;
  ParameterId beta_;
  ParameterId running_mean_;
  ParameterId running_var_;
  std::vector<double> sums_;  // [chunks, 2, width]
  std::vector<float> mean_;   // of the batch
  std::vector<float> inverse_deviation_;
  std::vector<float> mean_dz_;
  std::vector<float> mean_dz_xhat_;
};

}  // namespace strata::dense
