#include "train/checkpoint_dense.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "storage/safetensors.h"
#include "train/dense_cut.h"

namespace strata::train {
namespace {

void check_finite(const std::string& where, std::span<const float> values,
                  const LoadOptions& options, LoadReport& report) {
  const auto bad = std::ranges::count_if(values, [](float x) { return !std::isfinite(x); });
  if (bad == 0) return;
  const std::string text =
      fmt::format("{}: {} of {} values are not finite", where, bad, values.size());
  if (!options.allow_nonfinite) {
    throw Error(ErrorCode::kCorrupt, "{} (--allow-nonfinite loads them)", text);
  }
  report.nonfinite_rows += bad;
  if (report.nonfinite_example.empty()) report.nonfinite_example = text;
}

void read_weights(const storage::SafetensorsReader& reader, const dense::ParameterInfo& tensor,
                  std::span<float> out) {
  const storage::TensorInfo* found = reader.find(tensor.name);
  if (found == nullptr) {
    throw Error(ErrorCode::kConfig, "{} has no tensor '{}' of this model", reader.path(),
                tensor.name);
  }
  if (found->shape != tensor.shape) {
    throw Error(ErrorCode::kConfig, "{}: '{}' has shape {}, this model's has {}", reader.path(),
                tensor.name, storage::shape_text(found->shape), storage::shape_text(tensor.shape));
  }
  reader.read(*found, out);
}

/// Fills the optimizer state of one tensor; false when the file has none of this size.
bool read_state(const storage::SafetensorsReader& reader, const dense::ParameterInfo& tensor,
                std::span<float> out) {
  const storage::TensorInfo* found = reader.find(tensor.name);
  if (found == nullptr || found->size != static_cast<int64_t>(out.size())) return false;
  reader.read(*found, out);
  return true;
}

}  // namespace

void load_dense(const storage::FileSystem& files, const std::string& directory,
                dense::Parameters& parameters, const LoadOptions& options, LoadReport& report) {
  const storage::SafetensorsReader weights(
      files.open(storage::join_name(directory, kDenseWeightsName)));
  const storage::SafetensorsReader state(
      files.open(storage::join_name(directory, kDenseStateName)));
  if (weights.tensors().size() != parameters.tensors().size()) {
    throw Error(ErrorCode::kConfig, "{} has {} tensors, this model has {}", weights.path(),
                weights.tensors().size(), parameters.tensors().size());
  }
  for (const dense::ParameterInfo& tensor : parameters.tensors()) {
    const std::string where = fmt::format("{}: '{}'", weights.path(), tensor.name);
    read_weights(weights, tensor, parameters.weights(tensor));
    check_finite(where, parameters.weights(tensor), options, report);
    if (tensor.state_size == 0) continue;
    if (!read_state(state, tensor, parameters.state(tensor))) {
      if (!options.reinit_missing_state) {
        throw Error(ErrorCode::kCorrupt,
                    "{}: no optimizer state of '{}' for this optimizer "
                    "(--reinit-missing-state starts it afresh)",
                    state.path(), tensor.name);
      }
      parameters.reset_state(tensor);
      report.reinitialised_rows += tensor.rows();
    }
    check_finite(where + " optimizer state", parameters.state(tensor), options, report);
  }
  parameters.weights_changed();
}

}  // namespace strata::train
