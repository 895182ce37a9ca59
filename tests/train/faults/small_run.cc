#include "tests/train/faults/small_run.h"

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/hash.h"

namespace strata::tests {
namespace {

/// Every optimizer that rows differ by: narrow rows with state, FTRL, a norm and dropout.
constexpr const char* kConfig =
    R"(model: {name: wide_deep, hidden: [8], dropout: 0.1, batch_norm: true}
data:
  format: csv
  train: data.csv
  eval_fraction: 0.2
  csv: {header: true}
  columns:
    - {name: click, type: label}
    - {name: age, type: numeric}
    - {name: site, type: categorical}
    - {name: ad, type: categorical}
tables:
  defaults: {dim: 4, dtype: bf16, optimizer: {name: adam}}
  wide: {optimizer: {name: ftrl}}
train: {batch_size: 48, threads: 2}
checkpoint: {path: run, every_steps: 10, keep: 1}
)";

std::string rows(int count) {
  std::string text = "click,age,site,ad\n";
  for (int row = 0; row < count; ++row) {
    const CounterRng rng{combine64(7, static_cast<uint64_t>(row))};
    const uint64_t site = rng.below(0, 40);
    text += rng.uniform(1) < (site % 2 == 0 ? 0.7f : 0.2f) ? "1," : "0,";
    text += std::to_string(rng.below(2, 80)) + ",s" + std::to_string(site) + ",a" +
            std::to_string(rng.below(3, 60)) + "\n";
  }
  return text;
}

}  // namespace

SmallRun::SmallRun() {
  scratch_.write("config.yaml", kConfig);
  scratch_.write("data.csv", rows(1'200));  // 960 for training: 20 batches
}

std::vector<std::string> SmallRun::arguments(const std::string& run, int steps,
                                             const std::vector<std::string>& more) const {
  return train_command(
      "config.yaml", {"checkpoint.path=" + run, "train.max_steps=" + std::to_string(steps)}, more);
}

Outcome SmallRun::train(const std::string& run, int steps, const std::vector<std::string>& more,
                        const std::vector<std::string>& environment) const {
  return run_strata(arguments(run, steps, more), path(""), environment);
}

Outcome SmallRun::resume(const std::string& run) const {
  const Outcome outcome = train(run, kSteps, {"--resume", "auto"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return outcome;
}

Outcome SmallRun::strata(const std::vector<std::string>& command) const {
  return run_strata(command, path(""));
}

Outcome SmallRun::shell(const std::string& script) const {
  scratch_.write("script.sh", "cd " + path("") + "\nSTRATA=" + STRATA_BINARY + "\n" + script);
  const std::string command =
      "sh " + path("script.sh") + " > " + path("script.out") + " 2> " + path("script.err");
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read("script.out"), read("script.err")};
}

void SmallRun::copy_run(const std::string& from, const std::string& to) const {
  std::filesystem::remove_all(path(to));
  std::filesystem::copy(path(from), path(to), std::filesystem::copy_options::recursive);
}

std::string SmallRun::read(const std::string& name) const {
  std::ostringstream text;
  text << std::ifstream(path(name), std::ios::binary).rdbuf();
  return text.str();
}

void SmallRun::expect_same(const std::string& a, const std::string& b) const {
  const Outcome difference = strata({"diff", a, b});
  EXPECT_EQ(difference.exit_code, 0) << difference.out << difference.err;
}

void SmallRun::expect_intact(const std::string& run) const {
  const Outcome verified = strata({"verify", run});
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

std::string SmallRun::current(const std::string& run) const {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(path(run))) {
    const std::string name = entry.path().filename();
    if (name.starts_with("checkpoint-")) newest = std::max(newest, name);
  }
  return newest;
}

}  // namespace strata::tests
