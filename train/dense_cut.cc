#include "train/dense_cut.h"

#include "storage/safetensors.h"

namespace strata::train {
namespace {

void write(storage::Publication& publication, const std::string& name,
           std::span<const storage::TensorRef> tensors) {
  auto part = publication.create(name);
  storage::write_safetensors(*part, tensors);
  publication.close(std::move(part));
}

}  // namespace

DenseCut::DenseCut(const dense::Parameters& parameters) {
  for (const dense::ParameterInfo& tensor : parameters.tensors()) {
    const auto weights = parameters.weights(tensor);
    const auto state = parameters.state(tensor);
    tensors_.push_back({.name = tensor.name,
                        .shape = tensor.shape,
                        .weights = {weights.begin(), weights.end()},
                        .state = {state.begin(), state.end()}});
  }
}

void DenseCut::save(storage::Publication& publication) const {
  std::vector<storage::TensorRef> weights;
  std::vector<storage::TensorRef> state;
  for (const Tensor& tensor : tensors_) {
    weights.push_back({tensor.name, tensor.shape, tensor.weights});
    if (tensor.state.empty()) continue;
    state.push_back({tensor.name, {std::ssize(tensor.state)}, tensor.state});
  }
  write(publication, kDenseWeightsName, weights);
  write(publication, kDenseStateName, state);
}

int64_t DenseCut::bytes() const {
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors_) {
    bytes += 4 * (std::ssize(tensor.weights) + std::ssize(tensor.state)) + 256;
  }
  return bytes;
}

}  // namespace strata::train
