#include "train/run.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/isa.h"
#include "base/thread_pool.h"
#include "data/schema.h"
#include "models/network.h"
#include "train/checkpoint.h"
#include "train/checkpoint_saver.h"
#include "train/config_references.h"
#include "train/environment.h"
#include "train/evaluation.h"
#include "train/memory_limit.h"
#include "train/metrics_log.h"
#include "train/model_setup.h"
#include "train/plan.h"
#include "train/plan_report.h"
#include "train/resume.h"
#include "train/run_log.h"
#include "train/trainer.h"
#include "train/training_loop.h"

namespace strata::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kLeastReserveBytes = int64_t{1} << 20;  // of a checkpoint, near memory.limit

/// Seconds since 1970, for TensorBoard alone: nothing is computed from it.
double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

/// Of all tables with an SSD tier together; nothing where there is none.
std::optional<storage::TierCounts> tier_counts(const embedding::Collection& collection) {
  std::optional<storage::TierCounts> sum;
  for (int table = 0; table < collection.tables(); ++table) {
    if (!collection.config(table).tiers.ssd) continue;
    const storage::TierCounts counts = collection.usage(table).counts;
    if (!sum) sum.emplace();
    sum->hits += counts.hits;
    sum->misses += counts.misses;
    sum->ahead += counts.ahead;
    sum->fetched += counts.fetched;
    sum->evicted += counts.evicted;
    sum->written += counts.written;
  }
  return sum;
}

StartMode resolved_start(const RunRequest& request) {
  const bool begin_afresh = request.start == StartMode::kResume &&
                            request.resume == ResumeFrom::kAuto &&
                            !holds_run(request.config.checkpoint.path);
  return begin_afresh ? StartMode::kNew : request.start;
}

/// Everything of one run, in the order it comes to life.
class Run {
 public:
  explicit Run(const RunRequest& request)
      : request_(request),
        config_(request.config),
        folder_(config_.checkpoint.path, resolved_start(request)),
        pool_(thread_count(config_.train)),
        limit_(parse_memory_limit(config_.memory.limit, machine_memory_bytes())) {}

  RunResult train() {
    if (request_.start == StartMode::kResume) open_logs();
    choose_start();
    build();
    if (request_.start == StartMode::kOverwrite) folder_.remove_run();  // all it needs is there
    if (!log_) open_logs();
    if (head_) restore();
    describe();
    Trainer trainer(config_.train, {*network_, *reader_, pool_}, state_);
    trainer.set_memory_check(
        [&](const auto& tables, const auto& keys) { limit_.check(tables, keys); });
    TrainingLoop loop(config_.train, config_.checkpoint, loop_parts(trainer));
    if (head_) loop.set_last_checkpoint(head_->name);
    const RunEnd end = loop.run(request_.stop);
    return result(trainer, loop, end);
  }

 private:
  void open_logs();
  void choose_start();
  void build();
  void restore();
  void require_same_input();
  void describe();
  LoopParts loop_parts(Trainer& trainer);
  void begin_save(const TrainerState& state);
  std::optional<SavedCheckpoint> saved(bool wait);
  RunResult result(const Trainer& trainer, const TrainingLoop& loop, RunEnd end) const;

  const RunRequest& request_;
  Config config_;
  Clock::time_point start_ = Clock::now();
  RunFolder folder_;
  std::optional<RunLog> log_;
  std::optional<MetricsLog> metrics_;
  ThreadPool pool_;
  MemoryLimit limit_;
  std::optional<CheckpointHead> head_;  // what the run continues from
  data::Schema schema_;
  std::unique_ptr<models::Network> network_;
  std::unique_ptr<data::Reader> reader_;
  std::unique_ptr<data::Reader> eval_reader_;
  TrainerState state_;
  std::optional<CheckpointBase> base_;      // what the next checkpoint may build upon
  int64_t since_full_ = 0;                  // checkpoints after the last full one
  CheckpointSaver saver_{folder_.files()};  // last: what it writes lives longer
};

void Run::open_logs() {
  log_.emplace(RunLog::Options{.path = folder_.path_of("log.txt"),
                               .out = request_.out,
                               .terminal = request_.terminal,
                               .start = start_});
  metrics_.emplace(MetricsLog::Options{
      .jsonl_path = folder_.path_of("metrics.jsonl"),
      .events_path = folder_.next_events_path(),
      .wall_seconds = wall_seconds(),
      .warn = [this](const std::string& text) { log_->note("warning: " + text); }});
  log_->note(fmt::format("cpu, {}, {} threads (this version has no CUDA)", isa::name(isa::level()),
                         pool_.threads()));
}

void Run::choose_start() {
  if (request_.start != StartMode::kResume) return;
  if (request_.resume == ResumeFrom::kCurrent) {
    head_ = open_current_checkpoint(folder_.files());
  } else {
    ResumeChoice choice = choose_checkpoint(folder_.files());
    for (const std::string& note : choice.notes) log_->note(note);
    head_ = std::move(choice.checkpoint);
  }
  if (!head_) {
    log_->note("no checkpoint to resume from: the run starts at step 0");
    return;
  }
  const Config before = parse_config(head_->text.resolved_config, head_->name + "/config");
  for (const std::string& note : check_resumed_config(before, config_, request_.allow_change)) {
    log_->note(note);
  }
}

void Run::build() {
  check_references(config_);
  schema_ = head_ ? data::schema_from_json(head_->text.schema) : data::fit_schema(config_.data);
  limit_.check_setup();
  require_tiers_fit(plan_network(config_, schema_).tables, limit_.limit_bytes());
  network_ = make_network(config_, schema_, ModelUse::kTrain);
  network_->collection().reserve_for_cuts(config_.checkpoint.reserve.percent / 100);
  limit_.check_setup();
  reader_ = make_train_reader(config_, schema_);
  if (has_eval_data(config_)) eval_reader_ = make_eval_reader(config_, schema_);
  limit_.check_setup();
  state_ = head_ ? head_->text.state : first_state(config_.train, *reader_);
}

void Run::restore() {
  const LoadOptions options{.reinit_missing_state = request_.reinit_missing_state,
                            .allow_nonfinite = request_.allow_nonfinite};
  const LoadReport report = load_checkpoint(folder_.files(), head_->name, network_->collection(),
                                            network_->parameters(), options);
  log_->note(fmt::format("resumed from {} at step {} ({} rows)", head_->name, state_.step,
                         format_count(report.rows)));
  if (report.reinitialised_rows > 0) {
    log_->note(fmt::format("warning: {} rows had no optimizer state; it starts afresh",
                           format_count(report.reinitialised_rows)));
  }
  if (report.nonfinite_rows > 0) {
    log_->note(fmt::format("warning: {} rows are not finite, the first is {}",
                           format_count(report.nonfinite_rows), report.nonfinite_example));
  }
  require_same_input();
  metrics_->write({.event = "resume", .step = state_.step});
}

/// The position in the old data means nothing in new data: with --allow-change data.… the run goes
/// on at its beginning. Without, the trainer refuses.
void Run::require_same_input() {
  if (state_.input_digest == reader_->input_digest()) return;
  for (const std::string& key : request_.allow_change) {
    if (key != "data" && !key.starts_with("data.")) continue;
    state_.input_digest = reader_->input_digest();
    state_.next = {};
    log_->note("the training data has changed: training goes on at its first batch");
    return;
  }
}

void Run::describe() {
  folder_.write_text("config.resolved.yaml", write_config(config_));
  folder_.write_text("env.json",
                     describe_environment(request_.command_line, pool_.threads()).dump(2) + "\n");
  log_->note(fmt::format("run {} | {} batches of {} an epoch | memory.limit {}", folder_.path(),
                         format_count(reader_->batches_per_epoch()),
                         format_count(config_.train.batch_size),
                         format_bytes(limit_.limit_bytes())));
  log_->note(plan_line(
      make_plan(config_, schema_,
                {.data_rows = reader_->rows_per_epoch(), .limit_bytes = limit_.limit_bytes()})));
}

LoopParts Run::loop_parts(Trainer& trainer) {
  LoopParts parts{
      .trainer = trainer,
      .log = *log_,
      .metrics = *metrics_,
      .evaluate = nullptr,
      .begin_save = [this](const TrainerState& state, SaveReason) { begin_save(state); },
      .saved = [this](bool wait) { return saved(wait); },
      .give_up_save = [this] { saver_.give_up(); },
      .select = nullptr};
  if (eval_reader_) {
    parts.evaluate = [this](uint32_t update, const std::stop_token& stop) {
      require_address_space(0);
      return evaluate(*network_, *eval_reader_, update, pool_, stop);
    };
  }
  parts.select = [this](int64_t step) {
    if (!make_current(folder_.files(), step)) return std::string();
    return find_checkpoint(folder_.files(), step).value_or("");
  };
  return parts;
}

void Run::begin_save(const TrainerState& state) {
  CheckpointText text{.state = state,
                      .schema = data::to_json(schema_),
                      .resolved_config = write_config(config_),
                      .metrics = nullptr};
  if (state.last_evaluation) text.metrics = to_json(*state.last_evaluation);
  Retention retention{.keep = config_.checkpoint.keep, .best_step = std::nullopt};
  const auto& early = config_.train.early_stopping;
  if (early && early->keep_best && state.early_stopping.best) {
    retention.best_step = state.early_stopping.best_step;
  }
  embedding::Collection& tables = network_->collection();
  const int64_t left = std::max(kLeastReserveBytes, limit_.limit_bytes() - resident_bytes());
  CheckpointCut cut = take_cut(tables, network_->parameters(), std::move(text), left);
  if (base_ && since_full_ + 1 < config_.checkpoint.full_every) cut.base = base_;
  since_full_ = cut.base ? since_full_ + 1 : 0;
  base_.reset();  // of the next: this one, once it is on the disk
  saver_.begin(std::move(cut), retention);
}

std::optional<SavedCheckpoint> Run::saved(bool wait) {
  std::optional<SavedCheckpoint> saved;
  if (wait && saver_.pending()) {
    saved = saver_.wait();
  } else {
    saved = saver_.poll();
  }
  if (saved) base_ = CheckpointBase{.name = saved->name, .step = saved->step};
  return saved;
}

RunResult Run::result(const Trainer& trainer, const TrainingLoop& loop, RunEnd end) const {
  const TrainerState& state = trainer.state();
  RunResult result{.end = end,
                   .run = folder_.path(),
                   .checkpoint = loop.last_checkpoint(),
                   .steps = state.step,
                   .samples = state.samples,
                   .samples_per_second = loop.samples_per_second(),
                   .train_seconds = state.train_seconds,
                   .bad_rows = trainer.report().read.bad,
                   .table_rows = trainer.report().rows,
                   .memory_bytes = peak_memory_bytes(),
                   .tiers = tier_counts(network_->collection()),
                   .evaluation = state.last_evaluation};
  if (loop.best_selected()) result.evaluation = state.best_evaluation;
  return result;
}

}  // namespace

RunResult run_training(const RunRequest& request) { return Run(request).train(); }

}  // namespace strata::train
