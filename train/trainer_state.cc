#include "train/trainer_state.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "storage/json_integer.h"

namespace strata::train {
namespace {

using nlohmann::json;

/// A member of `object` on its way into a number, which it must fit.
struct Member {
  const json& value;
  template <class T>
  operator T() const {  // NOLINT(google-explicit-constructor): the target says the type
    if constexpr (std::integral<T>) {
      return storage::json_integer<T>(value);
    } else {
      return value.get<T>();
    }
  }
};
Member number(const json& object, const char* name) { return {object.at(name)}; }

nlohmann::ordered_json optional_json(const std::optional<double>& value) {
  if (!value) return nullptr;
  return *value;
}

std::optional<double> optional_from(const json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<double>();
}

json plateau_json(const PlateauState& state) {
  return {{"factor", state.factor},
          {"best", optional_json(state.best)},
          {"bad_evaluations", state.bad_evaluations}};
}

PlateauState plateau_from(const json& value) {
  return {.factor = number(value, "factor"),
          .best = optional_from(value.at("best")),
          .bad_evaluations = number(value, "bad_evaluations")};
}

json early_stopping_json(const EarlyStoppingState& state) {
  return {{"best", optional_json(state.best)},
          {"best_step", state.best_step},
          {"bad_evaluations", state.bad_evaluations}};
}

EarlyStoppingState early_stopping_from(const json& value) {
  return {.best = optional_from(value.at("best")),
          .best_step = number(value, "best_step"),
          .bad_evaluations = number(value, "bad_evaluations")};
}

json running_json(const RunningState& state) {
  return {{"loss_sum", state.loss_sum},
          {"weight_sum", state.weight_sum},
          {"positives", state.positives},
          {"negatives", state.negatives}};
}

RunningState running_from(const json& value) {
  return {.loss_sum = number(value, "loss_sum"),
          .weight_sum = number(value, "weight_sum"),
          .positives = value.at("positives"),
          .negatives = value.at("negatives")};
}

}  // namespace

nlohmann::ordered_json to_json(const kernels::EvalMetrics& metrics) {
  return {{"samples", metrics.samples},
          {"weight", metrics.weight},
          {"auc", optional_json(metrics.auc)},
          {"logloss", optional_json(metrics.logloss)},
          {"ne", optional_json(metrics.normalized_entropy)},
          {"calibration", optional_json(metrics.calibration)},
          {"gauc", optional_json(metrics.group_auc)},
          {"groups", metrics.groups},
          {"groups_with_auc", metrics.groups_with_auc}};
}

namespace {

json evaluation_json(const std::optional<kernels::EvalMetrics>& metrics) {
  return metrics ? json(to_json(*metrics)) : json();
}

std::optional<kernels::EvalMetrics> evaluation_from(const json& value) {
  if (value.is_null()) return std::nullopt;
  return kernels::EvalMetrics{.samples = number(value, "samples"),
                              .weight = number(value, "weight"),
                              .auc = optional_from(value.at("auc")),
                              .logloss = optional_from(value.at("logloss")),
                              .normalized_entropy = optional_from(value.at("ne")),
                              .calibration = optional_from(value.at("calibration")),
                              .group_auc = optional_from(value.at("gauc")),
                              .groups = number(value, "groups"),
                              .groups_with_auc = number(value, "groups_with_auc")};
}

TrainerState state_from(const json& value) {
  TrainerState state;
  state.step = number(value, "step");
  state.samples = number(value, "samples");
  state.seed = number(value, "seed");
  state.next = {.epoch = number(value.at("next"), "epoch"),
                .batch = number(value.at("next"), "batch")};
  state.input_digest = number(value, "input_digest");
  const json& plateaus = value.at("plateaus");
  for (int part = 0; part < kParts; ++part) state.plateaus[part] = plateau_from(plateaus.at(part));
  state.early_stopping = early_stopping_from(value.at("early_stopping"));
  state.running = running_from(value.at("running"));
  state.train_seconds = number(value, "train_seconds");
  state.last_evaluation_step = number(value, "last_evaluation_step");
  state.last_evaluation = evaluation_from(value.at("last_evaluation"));
  state.best_evaluation = evaluation_from(value.at("best_evaluation"));
  return state;
}

}  // namespace

std::string to_json(const TrainerState& state) {
  json plateaus = json::array();
  for (const PlateauState& plateau : state.plateaus) plateaus.push_back(plateau_json(plateau));
  const json value = {{"step", state.step},
                      {"samples", state.samples},
                      {"seed", state.seed},
                      {"next", {{"epoch", state.next.epoch}, {"batch", state.next.batch}}},
                      {"input_digest", state.input_digest},
                      {"plateaus", plateaus},
                      {"early_stopping", early_stopping_json(state.early_stopping)},
                      {"running", running_json(state.running)},
                      {"train_seconds", state.train_seconds},
                      {"last_evaluation_step", state.last_evaluation_step},
                      {"last_evaluation", evaluation_json(state.last_evaluation)},
                      {"best_evaluation", evaluation_json(state.best_evaluation)}};
  return value.dump();
}

TrainerState trainer_state_from_json(const std::string& text) {
  try {
    return state_from(json::parse(text));
  } catch (const json::exception& e) {
    throw Error{ErrorCode::kCorrupt, "trainer state: {}", e.what()};
  }
}

}  // namespace strata::train
