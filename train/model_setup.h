#pragma once

#include <memory>

#include "data/reader.h"
#include "data/schema.h"
#include "models/network.h"
#include "train/config.h"

namespace strata::train {

/// What the model of a config over this data is made of. Throws ConfigFaults for a group under
/// `tables` that no feature uses and for a table of both parts.
models::NetworkConfig plan_network(const Config& config, const data::Schema& schema);

/// What a model is made for. One that only reads has its SSD tier beside that of the one that
/// trains, which may be running: in "<tiers.ssd.path>.read".
enum class ModelUse { kTrain, kRead };

/// The untrained model. Throws ConfigFaults where model, columns and tables do not fit, and what
/// SsdDatabase throws.
std::unique_ptr<models::Network> make_network(const Config& config, const data::Schema& schema,
                                              ModelUse use);

/// Readers of the training part (all epochs) and of the evaluation part (one epoch).
std::unique_ptr<data::Reader> make_train_reader(const Config& config, const data::Schema& schema);
std::unique_ptr<data::Reader> make_eval_reader(const Config& config, const data::Schema& schema);

/// True when the config sets rows aside for evaluation.
bool has_eval_data(const Config& config);

/// train.threads with 0 resolved: the cores this process may use.
int thread_count(const TrainConfig& config);

}  // namespace strata::train
