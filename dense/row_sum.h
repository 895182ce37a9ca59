#pragma once

#include <string>
#include <vector>

#include "dense/program.h"

namespace strata::dense {

/// y [B, 1] = sum of all columns of all inputs (+ a trained bias that starts at 0): the sum of a
/// model's parts into its logit, and the wide part, whose weights are the columns themselves.
/// fp32; inputs in order, columns in order.
class RowSum : public Layer {
 public:
  /// `bias_name` is the full parameter name ("wide.bias"), empty for none.
  RowSum(Program& program, const std::vector<Tensor>& parts, Tensor y, std::string bias_name);

  void forward(const Chunk& chunk) override;
  void backward(const Chunk& chunk) override;
  LayerDescription describe() const override {
    LayerDescription d{.kind = LayerKind::kRowSum};
    if (has_bias_) d.parameters.push_back(bias_);
    return d;
  }

 private:
  Program& program_;
  Tensor y_;
  bool has_bias_;
  ParameterId bias_;
};

}  // namespace strata::dense
