#include "train/plan_basis.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/memory_limit.h"
#include "train/model_setup.h"

namespace strata::train {
namespace {

constexpr int64_t kBatch = 8192;  // rows counted at a time

bool has_data(const data::DataConfig& data) {
  return data.format == data::Format::kSynthetic || !data.train.empty();
}

std::unique_ptr<data::Reader> open_reader(const Config& config, const data::Schema& schema) {
  if (!has_data(config.data)) return nullptr;
  Config counting = config;
  counting.train.batch_size = kBatch;
  counting.train.epochs = 1;
  return make_train_reader(counting, schema);
}

}  // namespace

data::Schema plan_schema(const data::DataConfig& data) {
  return has_data(data) ? data::fit_schema(data) : data::make_schema(data);
}

int64_t declared_rows(const Config& config) {
  const data::DataConfig& data = config.data;
  const auto rows = static_cast<double>(
      data.format == data::Format::kSynthetic ? data.synthetic.rows : kCriteoRows);
  return std::llround(rows * (1 - (data.eval.empty() ? data.eval_fraction : 0)));
}

PlanBasis plan_basis(const Config& config, const data::Schema& schema,
                     const BasisRequest& request) {
  PlanBasis basis{.data_rows = request.data_rows,
                  .histogram = request.histogram,
                  .limit_bytes = parse_memory_limit(config.memory.limit, machine_memory_bytes())};
  if (!basis.histogram && !request.declared) {
    if (const auto reader = open_reader(config, schema)) {
      basis.histogram = count_keys(*reader, plan_network(config, schema), request.count_rows);
    }
  }
  if (basis.data_rows == 0) {
    basis.data_rows = basis.histogram ? basis.histogram->data_rows : declared_rows(config);
  }
  return basis;
}

}  // namespace strata::train
