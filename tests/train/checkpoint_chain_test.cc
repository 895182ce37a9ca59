// Checkpoints that build upon others.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/publication.h"
#include "tests/error_of.h"
#include "tests/storage/memory_file_system.h"
#include "tests/train/saved_model.h"

namespace strata::train {
namespace {

using Json = nlohmann::ordered_json;
using storage::MemoryFileSystem;
using testing::HasSubstr;

/// Saves what changed since `base`.
std::string save_changes(storage::FileSystem& files, Model& model, int64_t step,
                         const CheckpointBase& base, const Retention& retention = {}) {
  CheckpointCut cut = take_cut(model.tables, model.parameters, text_at(step));
  cut.base = base;
  return save_checkpoint(files, cut, retention);
}

TEST(CheckpointChain, ChangesUponChangesAreTheWholeModel) {
  MemoryFileSystem files;
  const auto model = make_model();
  train(*model, 1, 30);
  std::string name = save(files, *model, 30);
  for (uint32_t step = 30; step < 40; step += 2) {
    train(*model, step + 1, 2);
    const std::string next = save_changes(files, *model, step + 2, {name, step});
    const Json about = storage::read_manifest(files, next, storage::kCheckpointMagic).about;
    EXPECT_EQ(about["base"]["name"], name);
    for (const Json& table : about["tables"]) {
      EXPECT_LT(table["saved_rows"].get<int64_t>(), 90);  // of two batches
      EXPECT_GT(table["rows"].get<int64_t>(), 200);
    }
    name = next;
    const auto loaded = make_model();
    load(files, name, *loaded);
    expect_equal(*model, *loaded);
  }
  EXPECT_EQ(open_checkpoint(files, name).step, 40);
}

TEST(CheckpointChain, ADamagedParentIsFoundAndNamed) {
  MemoryFileSystem files;
  const auto model = make_model();
  train(*model, 1, 10);
  const std::string parent = save(files, *model, 10);
  train(*model, 11, 2);
  const std::string child = save_changes(files, *model, 12, {parent, 10});
  for (const std::string& file : files_of(files, parent)) {
    std::string& content = files.content(file);
    content[content.size() / 2] ^= 1;
    const Error e = error_of([&] { open_checkpoint(files, child); });
    content[content.size() / 2] ^= 1;
    EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
    EXPECT_THAT(e.what(), HasSubstr(parent));
  }
  EXPECT_EQ(open_checkpoint(files, child).step, 12);
  storage::remove_published(files, parent);
  const Error gone = error_of([&] { open_checkpoint(files, child); });
  EXPECT_EQ(gone.code(), ErrorCode::kCorrupt);
  EXPECT_THAT(gone.what(), HasSubstr(child + " builds upon " + parent + ", which is not there"));
}

TEST(CheckpointChain, AnotherCheckpointOfTheParentsNameIsNotTheParent) {
  MemoryFileSystem files;
  const auto model = make_model();
  train(*model, 1, 10);
  const std::string parent = save(files, *model, 10);
  train(*model, 11, 2);
  const std::string child = save_changes(files, *model, 12, {parent, 10});
  storage::Manifest manifest = storage::read_manifest(files, parent, storage::kCheckpointMagic);
  manifest.about["samples"] = 1;
  files.content(parent + "/manifest.json") = storage::to_text(manifest);
  const Error e = error_of([&] { open_checkpoint(files, child); });
  EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
  EXPECT_THAT(e.what(), HasSubstr("another " + parent));
}

TEST(CheckpointChain, RetentionKeepsWhatOthersBuildUpon) {
  MemoryFileSystem files;
  const auto model = make_model();
  const Retention retention{.keep = 2, .best_step = 30};
  std::string base;
  for (const int64_t step : {10, 20, 30, 40, 50, 60, 70, 80}) {
    base = step % 40 == 10 || step == 70
               ? save(files, *model, step, retention)
               : save_changes(files, *model, step, {base, step - 10}, retention);
  }
  std::vector<std::string> left = storage::list_published(files);
  for (std::string& name : left) name = name.substr(name.find(".step-"));
  // Full ones: 10, 50, 70. 30, the best, builds upon 20 and that upon 10.
  EXPECT_THAT(left, testing::ElementsAre(".step-10", ".step-20", ".step-30", ".step-50", ".step-60",
                                         ".step-70", ".step-80"));
  for (const std::string& name : storage::list_published(files)) {
    EXPECT_NO_THROW(open_checkpoint(files, name));
  }
}

}  // namespace
}  // namespace strata::train
