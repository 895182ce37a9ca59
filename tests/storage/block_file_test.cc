#include "storage/block_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/check.h"
#include "base/hash.h"
#include "tests/storage/memory_file_system.h"

namespace strata::storage {
namespace {

using Rows = std::map<uint64_t, std::string>;

BlockFileHeader header_of(int dim, int shard_bits = 4) {
  return {
      .layout = {.dim = dim, .dtype = kernels::DType::kF32, .state_floats = 1, .counter_bytes = 4},
      .shard_bits = shard_bits,
      .first_shard = 0,
      .shards = 1 << shard_bits,
      .step = 900,
      .table = 7};
}

Rows random_rows(int count, int row_bytes) {
  const CounterRng rng{42};
  Rows rows;
  for (int i = 0; i < count; ++i) {
    std::string row(static_cast<size_t>(row_bytes), '\0');
    for (char& c : row)
      c = static_cast<char>(rng.bits(static_cast<uint64_t>(rows.size() * 31 + i)));
    rows[mix64(static_cast<uint64_t>(i))] = row;
  }
  return rows;
}

std::string write_rows(MemoryFileSystem& files, const BlockFileHeader& header, const Rows& rows) {
  Publication publication(files, "d", "m");
  auto part = publication.create("x");
  BlockFileWriter writer(*part, header);
  for (const auto& [h, row] : rows)
    writer.append(h, reinterpret_cast<const std::byte*>(row.data()));
  writer.finish();
  publication.close(std::move(part));
  publication.publish(nlohmann::ordered_json::object());
  return "d/x";
}

Rows read_rows(const FileSystem& files, const std::string& name) {
  BlockFileReader reader(files.open(name));
  const size_t row_bytes = static_cast<size_t>(reader.header().layout.row_bytes());
  Rows rows;
  RowBlock block;
  while (reader.next(block)) {
    for (size_t i = 0; i < block.keys.size(); ++i) {
      const auto* row = reinterpret_cast<const char*>(block.rows.data()) + i * row_bytes;
      rows[block.keys[i]] = std::string(row, row_bytes);
    }
  }
  return rows;
}

class BlockFiles : public testing::TestWithParam<std::pair<int, int>> {};  // rows, dim
INSTANTIATE_TEST_SUITE_P(Sizes, BlockFiles,
                         testing::Values(std::pair(0, 4), std::pair(1, 1), std::pair(31, 16),
                                         std::pair(1000, 17), std::pair(30'000, 16),
                                         std::pair(5, 300'000)));

TEST_P(BlockFiles, RowsAreReadBack) {
  const auto [count, dim] = GetParam();
  MemoryFileSystem files;
  const auto header = header_of(dim);
  const Rows rows = random_rows(count, header.layout.row_bytes());
  const std::string name = write_rows(files, header, rows);
  EXPECT_EQ(read_rows(files, name), rows);
  EXPECT_EQ(BlockFileReader(files.open(name)).header(), header);
  EXPECT_EQ(read_manifest(files, "d", "m").files[0].rows, count);
}

TEST(BlockFile, BlocksDoNotCrossShards) {
  MemoryFileSystem files;
  const auto header = header_of(4);
  BlockFileReader reader(
      files.open(write_rows(files, header, random_rows(500, header.layout.row_bytes()))));
  RowBlock block;
  int last = -1;
  while (reader.next(block)) {
    EXPECT_GT(block.shard, last);
    last = block.shard;
    for (const uint64_t h : block.keys) EXPECT_EQ(shard_of(h, 4), block.shard);
  }
  EXPECT_EQ(last, 15);
}

TEST(BlockFile, OneShardBitZeroIsOrdinary) {
  MemoryFileSystem files;
  const auto header = header_of(2, 0);
  const Rows rows = random_rows(50, header.layout.row_bytes());
  EXPECT_EQ(read_rows(files, write_rows(files, header, rows)), rows);
}

TEST(BlockFile, EveryTruncationIsCorrupt) {
  MemoryFileSystem files;
  const auto header = header_of(2);
  const std::string name = write_rows(files, header, random_rows(20, header.layout.row_bytes()));
  const std::string whole = files.content(name);
  for (size_t n = 0; n < whole.size(); ++n) {
    files.content(name) = whole.substr(0, n);
    EXPECT_THROW(read_rows(files, name), Error) << n;
  }
}

TEST(BlockFile, EveryChangedByteIsCorrupt) {
  MemoryFileSystem files;
  const auto header = header_of(2);
  const std::string name = write_rows(files, header, random_rows(20, header.layout.row_bytes()));
  const std::string whole = files.content(name);
  for (size_t at = 0; at < whole.size(); ++at) {
    files.content(name) = whole;
    files.content(name)[at] ^= static_cast<char>(1 << (at % 8));
    try {
      read_rows(files, name);
      ADD_FAILURE() << "byte " << at << " is not noticed";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
    }
  }
}

TEST(BlockFile, RowsOutOfOrderAreAProgrammersError) {
  MemoryFileSystem files;
  Publication publication(files, "d", "m");
  auto part = publication.create("x");
  const auto header = header_of(1);
  BlockFileWriter writer(*part, header);
  const std::vector<std::byte> row(static_cast<size_t>(header.layout.row_bytes()));
  writer.append(5, row.data());
  EXPECT_THROW(writer.append(5, row.data()), CheckFailure);
  EXPECT_THROW(writer.append(4, row.data()), CheckFailure);
}

}  // namespace
}  // namespace strata::storage
