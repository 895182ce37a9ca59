#include "dense/hidden_layers.h"

#include "dense/batch_norm.h"
#include "dense/dropout.h"
#include "dense/linear.h"

namespace strata::dense {

Tensor add_hidden_layers(Program& program, Tensor in, const HiddenConfig& config) {
  using kernels::Activation;
  for (size_t i = 0; i < config.widths.size(); ++i) {
    const std::string index = std::to_string(i);
    const int width = config.widths[i];
    Tensor out = program.activation(width);
    program.add<Linear>(
        in, out,
        LinearConfig{.name = config.name + "." + index,
                     .activation = config.batch_norm ? Activation::kIdentity : Activation::kRelu});
    if (config.batch_norm) {
      const Tensor normalised = program.activation(width);
      program.add<BatchNorm>(
          out, normalised,
          BatchNormConfig{.name = config.name + "_norm." + index, .activation = Activation::kRelu});
      out = normalised;
    }
    if (config.dropout > 0) {
      const Tensor kept = program.activation(width);
      program.add<Dropout>(out, kept, config.dropout, static_cast<int>(i));
      out = kept;
    }
    in = out;
  }
  return in;
}

Tensor add_deep_logit(Program& program, Tensor in, const HiddenConfig& config) {
  const Tensor hidden = add_hidden_layers(program, in, config);
  const Tensor logit = program.tensor(1);
  program.add<Linear>(
      hidden, logit,
      LinearConfig{.name = config.name + "." + std::to_string(config.widths.size())});
  return logit;
}

}  // namespace strata::dense
