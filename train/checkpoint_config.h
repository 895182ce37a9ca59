#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fields.h"

namespace strata::train {

/// The YAML group `checkpoint`: the run's folder and when it is saved.
struct CheckpointConfig {
  std::string path = "runs/strata";
  std::optional<Duration> every = Duration{1800};
  std::optional<int64_t> every_steps;
  int64_t keep = 3;
  int64_t full_every = 1;
  Share reserve{10};
  Duration grace{30};

  template <class V>
  void visit(V& v) {
    v("path", path,
      {.doc = "Folder of the run: checkpoints, resolved config, metrics, log.",
       .on_resume = OnResume::kFree});
    v("every", every,
      {.doc = "Time between checkpoints, by a monotonic clock; null: none by time. There is always "
              "one at the end.",
       .min = 0,
       .above_min = true,
       .on_resume = OnResume::kFree});
    v("every_steps", every_steps,
      {.doc = "Updates between checkpoints; null: none by steps.",
       .min = 1,
       .on_resume = OnResume::kFree});
    v("keep", keep,
      {.doc =
           "Full checkpoints that stay, the newest, and all after the oldest of them; the best of "
           "early stopping is kept besides.",
       .min = 1,
       .max = 1'000'000,
       .on_resume = OnResume::kFree});
    v("full_every", full_every,
      {.doc = "Every so manieth checkpoint holds all rows; those between hold only the rows that "
              "changed since the one before and build upon it. 1: all are full. The first of a "
              "process is.",
       .min = 1,
       .max = 1000,
       .on_resume = OnResume::kFree});
    v("reserve", reserve,
      {.doc = "Of the memory of all tables, what rows may take that change while a checkpoint is "
              "written beside training: part of tiers.dram where that is set. With less, training "
              "waits for the checkpoint sooner.",
       .min = 1,
       .max = 100,
       .on_resume = OnResume::kFree});
    v("grace", grace,
      {.doc = "Time after SIGTERM or SIGINT to finish the step and save.",
       .min = 0,
       .above_min = true,
       .on_resume = OnResume::kFree});
  }
};

/// The YAML group `memory`.
struct MemoryConfig {
  std::string limit = "80%";

  template <class V>
  void visit(V& v) {
    v("limit", limit,
      {.doc = "Memory of this process: a share of the machine (80%) or a size (16GiB). A run that "
              "would exceed it saves a checkpoint and ends with exit code 71.",
       .on_resume = OnResume::kFree});
  }
};

}  // namespace strata::train
