// datasets/generator.yaml and the program say the same, and the rows they make are pinned.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "data/generator.h"
#include "train/config.h"

namespace strata::train {
namespace {

TEST(GeneratorPin, TheShippedFileIsTheDefaultModelWhole) {
  const std::string path = std::string(STRATA_SOURCE_DIR) + "/datasets/generator.yaml";
  const LoadedConfig loaded = load_config({.file = path});
  EXPECT_EQ(write_config(loaded.config), write_config(Config{}));
  for (const ConfigLeaf& leaf : leaves_of(Config{})) {
    if (!leaf.key().starts_with("data.synthetic.")) continue;
    EXPECT_NE(loaded.origin(leaf.path), "default") << leaf.key();
  }
}

TEST(GeneratorPin, TheRowsOfTheDefaultModelNeverChange) {
  const data::CriteoGenerator generator({}, data::criteo_statistics());
  std::string text;
  double logits = 0;
  for (int64_t i = 0; i < 2'000'000; i += 1'000) {
    const data::GeneratedRow row = generator.row(i);
    data::CriteoGenerator::append_tsv(row, text);
    logits += row.logit;
  }
  uint64_t digest = 0;
  for (const char c : text) digest = combine64(digest, static_cast<uint64_t>(c));
  EXPECT_EQ(digest, 6852074507125098268u);
  EXPECT_NEAR(logits / 2'000, -1.6258828628221573, 1e-9);
}

}  // namespace
}  // namespace strata::train
