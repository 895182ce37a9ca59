#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dense/program.h"
#include "kernels/activation.h"

namespace strata::dense {

/// How a linear layer's weights start (README, "Initial weights").
enum class WeightInit : uint8_t {
  kTorch,         // torch.nn.Linear: weight and bias uniform in ±1/sqrt(in)
  kXavierNormal,  // facebookresearch/dlrm: weight N(0, 2/(in + out)), bias N(0, 1/out)
};

/// Name and options of a Linear; the widths come from its tensors.
struct LinearConfig {
  std::string name;  // parameters are name.weight [out, in] and name.bias [out]
  bool bias = true;
  kernels::Activation activation = kernels::Activation::kIdentity;
  WeightInit init = WeightInit::kTorch;
};

/// y = act(x W^T + b), as torch.nn.Linear with its activation. Products are in the program's
/// precision with fp32 sums; the bias gradient is always fp32. With one fp32
/// output the products are fp32 too.
class Linear : public Layer {
 public:
  Linear(Program& program, Tensor x, Tensor y, LinearConfig config);

  void forward(const Chunk& chunk) override;
  void backward(const Chunk& chunk) override;
  LayerDescription describe() const override {
    LayerDescription d{.kind = LayerKind::kLinear, .parameters = {weight_}};
    d.activation = config_.activation;
    if (config_.bias) d.parameters.push_back(bias_);
    return d;
  }
  void refresh_weights() override;
  bool refreshes_weights() const override {
    return !single() && (bf16_ || product_width_ != x().tensor.width);
  }

 private:
  bool single() const { return single_; }
  const Input& x() const { return inputs_[0]; }
  kernels::DType product_type() const;
  const void* product_weights();
  template <class X>
  void forward_single(const Chunk& chunk);
  template <class X>
  void backward_single(const Chunk& chunk);
  void round_input(const Chunk& chunk);
  Block<const std::byte> output_gradient(const Chunk& chunk);
  void weight_gradient(const Chunk& chunk, Block<const std::byte> dz);
  void input_gradient(const Chunk& chunk, Block<const std::byte> dz);

  Program& program_;
  LinearConfig config_;
  Tensor y_;
  Tensor product_x_;  // x in the type of the products; x itself where the types agree
  bool bf16_;
  bool single_;  // one fp32 output: no matrix product library
  ParameterId weight_;
  ParameterId bias_;
  int product_width_;  // width of x with its padding up to whole vectors, where it has any
  AlignedVector<std::byte> product_weights_;  // [out, product_width_] in the products' type
};

/// A stack of Linear layers `name.0`, `name.1`, … with one activation between and another at the
/// end, as torch.nn.Sequential numbers them without counting activations.
struct MlpConfig {
  std::string name;
  std::vector<int> widths;
  kernels::Activation hidden = kernels::Activation::kRelu;
  kernels::Activation last = kernels::Activation::kRelu;
  WeightInit init = WeightInit::kTorch;
};

/// Adds the stack; the last layer writes `out` (its width must be widths.back()).
void add_mlp(Program& program, Tensor in, Tensor out, const MlpConfig& config);

}  // namespace strata::dense
