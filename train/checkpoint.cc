#include "train/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/check.h"
#include "storage/directory_chain.h"
#include "storage/manifest.h"
#include "storage/publication.h"
#include "train/checkpoint_dense.h"
#include "train/checkpoint_tables.h"

namespace strata::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kStepMark = ".step-";
constexpr int64_t kTextLimitBytes = int64_t{64} << 20;
constexpr const char* kStateName = "trainer.json";
constexpr const char* kSchemaName = "schema.json";

/// A checkpoint's directory: its number says when it was made, for people its step.
struct CheckpointName {
  int64_t number = 0;
  int64_t step = 0;
};

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<CheckpointName> parse_name(std::string_view name) {
  const size_t mark = name.find(kStepMark);
  if (!name.starts_with(kPrefix) || mark == name.npos) return std::nullopt;
  const auto number = parse_number(name.substr(kPrefix.size(), mark - kPrefix.size()));
  const auto step = parse_number(name.substr(mark + kStepMark.size()));
  if (!number || !step) return std::nullopt;
  return CheckpointName{*number, *step};
}

std::string format_name(const CheckpointName& name) {
  return fmt::format("{}{:06}{}{}", kPrefix, name.number, kStepMark, name.step);
}

/// Checkpoints of the folder, the newest first, whole or not.
std::vector<std::pair<CheckpointName, std::string>> list_checkpoints(
    const storage::FileSystem& files) {
  std::vector<std::pair<CheckpointName, std::string>> found;
  for (const storage::Entry& entry : files.list("")) {
    const auto name = parse_name(entry.name);
    if (name && entry.kind == storage::EntryKind::kDirectory) found.emplace_back(*name, entry.name);
  }
  std::ranges::sort(found, std::greater(), [](const auto& entry) { return entry.first.number; });
  return found;
}

int64_t planned_bytes(const CheckpointCut& cut) {
  const int64_t rows = cut.base ? 0 : planned_table_bytes(cut.tables);  // what changed is unknown
  return rows + cut.dense.bytes() + static_cast<int64_t>(cut.text.resolved_config.size()) +
         (1 << 20);
}

/// True where the checkpoint builds upon no other. One whose manifest is damaged counts as full:
/// nothing can build upon it.
bool is_full(const storage::FileSystem& files, const std::string& directory) {
  try {
    return !storage::read_manifest(files, directory, storage::kCheckpointMagic)
                .about.contains("base");
  } catch (const Error&) {
    return true;
  }
}

void apply_retention(storage::FileSystem& files, const Retention& retention) {
  int64_t full_left = retention.keep;
  bool best_left = retention.best_step.has_value();
  bool needed = false;  // by a newer one that stays
  const auto current = storage::read_current(files);
  for (const auto& [name, directory] : list_checkpoints(files)) {
    const bool full = is_full(files, directory);
    const bool newest = full_left > 0;
    const bool best = best_left && name.step == *retention.best_step;
    if (best) best_left = false;
    const bool stays = newest || best || needed || directory == current;
    if (!stays) storage::remove_published(files, directory);
    needed = stays && !full;
    if (full) --full_left;
  }
}

nlohmann::json parse_json(const storage::FileSystem& files, const std::string& name) {
  auto json = nlohmann::json::parse(storage::read_text(files, name, kTextLimitBytes), nullptr,
                                    /*allow_exceptions=*/false);
  if (json.is_discarded()) throw Error(ErrorCode::kCorrupt, "{} is not JSON", files.path(name));
  return json;
}

}  // namespace

CheckpointCut take_cut(embedding::Collection& tables, const dense::Parameters& parameters,
                       CheckpointText text, int64_t most_bytes) {
  return {.tables = tables.cut(most_bytes),
          .dense = DenseCut(parameters),
          .text = std::move(text),
          .base = std::nullopt};
}

std::string save_checkpoint(storage::FileSystem& files, CheckpointCut& cut,
                            const Retention& retention, const std::stop_token& stop) {
  STRATA_CHECK(retention.keep >= 1, "keep", retention.keep);
  storage::require_space(files, planned_bytes(cut), "a checkpoint");
  const CheckpointText& text = cut.text;
  const auto existing = list_checkpoints(files);
  const int64_t number = existing.empty() ? 1 : existing.front().first.number + 1;
  const std::string name = format_name({.number = number, .step = text.state.step});
  storage::Publication publication(files, name, std::string(storage::kCheckpointMagic));
  Json about = {{"step", text.state.step},
                {"samples", text.state.samples},
                {"strata", STRATA_VERSION},
                {"keys", "h = mix64(id xor XXH3-64(table name))"},
                {"shards", cut.tables.collection().shards()},
                {"metrics", text.metrics}};
  SaveOrder order{
      .step = static_cast<uint64_t>(text.state.step), .since = std::nullopt, .stop = stop};
  if (cut.base) {
    about["base"] = storage::parent_entry(files, cut.base->name);
    order.since = static_cast<uint64_t>(cut.base->step);
  }
  about["tables"] = save_tables(publication, cut.tables, order);
  cut.dense.save(publication);
  publication.write(kStateName, to_json(text.state));
  publication.write(kSchemaName, text.schema.dump());
  publication.write(kResolvedConfigName, text.resolved_config);
  publication.publish(std::move(about));
  try {
    apply_retention(files, retention);
  } catch (const Error&) {
    // The new checkpoint is whole and current; what could not be removed is tried again next time.
  }
  return name;
}

CheckpointHead open_checkpoint(const storage::FileSystem& files, const std::string& name) {
  const storage::Manifest manifest =
      storage::require_intact_chain(files, name, storage::kCheckpointMagic).back().manifest;
  CheckpointHead head{.name = name, .step = 0, .text = {}};
  const auto state =
      storage::read_text(files, storage::join_name(name, kStateName), kTextLimitBytes);
  head.text.state = with_context(files.path(storage::join_name(name, kStateName)),
                                 [&] { return trainer_state_from_json(state); });
  head.text.schema = parse_json(files, storage::join_name(name, kSchemaName));
  head.text.resolved_config =
      storage::read_text(files, storage::join_name(name, kResolvedConfigName), kTextLimitBytes);
  head.step = head.text.state.step;
  const auto step = manifest.about.find("step");
  if (step == manifest.about.end() || *step != head.step) {
    throw Error(ErrorCode::kCorrupt, "{}: trainer.json is at step {}, the manifest at another",
                files.path(name), head.step);
  }
  const auto metrics = manifest.about.find("metrics");
  if (metrics != manifest.about.end()) head.text.metrics = *metrics;
  return head;
}

LoadReport load_checkpoint(const storage::FileSystem& files, const std::string& name,
                           embedding::Collection& tables, dense::Parameters& parameters,
                           const LoadOptions& options) {
  const auto chain = storage::read_chain(files, name, storage::kCheckpointMagic);
  LoadReport report;
  try {
    load_tables({.files = files, .chain = chain}, tables, options, report);
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kCorrupt, "{}: the manifest's list of tables: {}", files.path(name),
                e.what());
  }
  load_dense(files, name, parameters, options, report);
  return report;
}

ResumeChoice choose_checkpoint(const storage::FileSystem& files) {
  ResumeChoice choice;
  std::set<std::string> tried;
  const auto attempt = [&](const std::string& name) {
    tried.insert(name);
    try {
      choice.checkpoint = open_checkpoint(files, name);
      return true;
    } catch (const Error& e) {
      choice.notes.push_back(fmt::format("skipped {}: {}", name, e.what()));
      return false;
    }
  };
  const auto checkpoints = list_checkpoints(files);
  try {
    const auto current = storage::read_current(files);
    if (current && attempt(*current)) return choice;
    if (!current && !checkpoints.empty()) choice.notes.push_back("CURRENT is missing");
  } catch (const Error& e) {
    choice.notes.push_back(e.what());
  }
  for (const auto& [parsed, name] : checkpoints) {
    if (!tried.contains(name) && attempt(name)) return choice;
  }
  if (checkpoints.empty() && choice.notes.empty()) return choice;
  std::string reasons;
  for (const std::string& note : choice.notes) reasons += (reasons.empty() ? "" : "; ") + note;
  throw Error(ErrorCode::kCorrupt, "{} holds no checkpoint that can be used: {}", files.root(),
              reasons);
}

CheckpointHead open_current_checkpoint(const storage::FileSystem& files) {
  return open_checkpoint(files, storage::require_current(files));
}

std::optional<std::string> find_checkpoint(const storage::FileSystem& files, int64_t step) {
  for (const auto& [parsed, name] : list_checkpoints(files)) {
    if (parsed.step == step) return name;
  }
  return std::nullopt;
}

bool make_current(storage::FileSystem& files, int64_t step) {
  const auto name = find_checkpoint(files, step);
  if (name) storage::write_current(files, *name);
  return name.has_value();
}

void remove_checkpoints(storage::FileSystem& files) {
  storage::remove_tree(files, std::string(storage::kCurrentName),
                       storage::DurableStep::kRetentionRemove);
  for (const auto& [parsed, name] : list_checkpoints(files)) storage::remove_published(files, name);
}

}  // namespace strata::train
