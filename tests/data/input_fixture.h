#pragma once
// Small inputs made by the tests: every row tells its own number.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "data/config.h"
#include "data/reader.h"
#include "data/schema.h"

namespace strata::data {

/// A folder of the test's own, removed at its end.
class InputTest : public testing::Test {
 protected:
  InputTest() {
    const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = fmt::format("strata_{}_{}_{}", info->test_suite_name(), info->name(),
                                   static_cast<int64_t>(::getpid()));
    for (char& c : name) c = c == '/' ? '_' : c;
    folder_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directories(folder_);
  }
  ~InputTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path folder_;
};

/// A Criteo line whose C1 is `row`, C2 missing, I1 = row, I2 = -1, I3 missing, label = row % 4 ==
/// 0.
inline std::string criteo_line(int64_t row) {
  std::string line = fmt::format("{}\t{}\t-1\t", row % 4 == 0 ? 1 : 0, row);
  for (int i = 4; i <= 13; ++i) line += fmt::format("\t{}", (row * i) % 1000);
  line += fmt::format("\t{:08x}\t", row);
  for (int i = 3; i <= 26; ++i)
    line += fmt::format("\t{:08x}", (row * 2654435761u + i) & 0xffffffff);
  return line;
}

/// Rows [first, first + rows) as text.
inline std::string criteo_text(int64_t first, int64_t rows) {
  std::string text;
  for (int64_t row = first; row < first + rows; ++row) text += criteo_line(row) + "\n";
  return text;
}

/// Small blocks and windows, so that a few thousand rows have many of them.
inline DataConfig small_config(std::vector<std::string> train) {
  DataConfig config;
  config.train = std::move(train);
  config.block_bytes.value = 4096;
  config.window_blocks = 3;
  return config;
}

/// The batches a reader gives until its end.
inline std::vector<Batch> read_all(Reader& reader) {
  std::vector<Batch> batches;
  for (Batch batch; reader.next(batch);) batches.push_back(batch);
  return batches;
}

/// Ids of feature `feature` of all batches; by default C1, the row number.
inline std::vector<uint64_t> ids_of(const std::vector<Batch>& batches, int64_t feature = 0) {
  std::vector<uint64_t> ids;
  for (const Batch& batch : batches) {
    const auto begin = batch.offsets[static_cast<size_t>(feature * batch.size)];
    const auto end = batch.offsets[static_cast<size_t>((feature + 1) * batch.size)];
    ids.insert(ids.end(), batch.ids.begin() + begin, batch.ids.begin() + end);
  }
  return ids;
}

inline void expect_equal(const Batch& a, const Batch& b) {
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.size, b.size);
  EXPECT_EQ(a.dense, b.dense);
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.offsets, b.offsets);
  EXPECT_EQ(a.id_weights, b.id_weights);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.sample_weights, b.sample_weights);
  EXPECT_EQ(a.groups, b.groups);
  EXPECT_EQ(a.times, b.times);
  EXPECT_EQ(a.sample_ids, b.sample_ids);
  EXPECT_EQ(a.chunk_begin, b.chunk_begin);
}

inline void expect_equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) expect_equal(a[i], b[i]);
}

}  // namespace strata::data
