#pragma once
// Golden requests: a few inputs with the logits the trained network gives them, stored with the
// export. Whoever loads it can prove that it computes the same function.

#include <string>

#include "base/batch.h"
#include "base/thread_pool.h"
#include "data/schema.h"
#include "models/network.h"

namespace strata::serving {

inline constexpr int kGoldenRequests = 64;

/// A batch made from the tables' own keys, some unseen keys, lists of 0 to 3 ids and dense values
/// in (-2, 2), by counter: a function of network and schema alone.
Batch make_golden_batch(const models::Network& network, const data::Schema& schema);

/// JSON lines {"dense": {name: value}, "ids": {name: [id, …]}, "logit": x}; numbers are exact.
std::string golden_text(const Batch& batch, std::span<const float> logits,
                        const data::Schema& schema);

/// The requests of golden.jsonl and the logits expected. Throws Error{corrupt} naming the line.
struct GoldenRequests {
  Batch batch;
  std::vector<float> logits;
};
GoldenRequests parse_golden(const std::string& text, const data::Schema& schema);

/// Largest |logit - expected| / max(1, |expected|) of the requests on `network`.
double replay_golden(models::Network& network, const GoldenRequests& golden, ThreadPool& pool);

}  // namespace strata::serving
