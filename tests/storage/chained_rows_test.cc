#include "storage/chained_rows.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/hash.h"
#include "storage/npy.h"
#include "storage/publication.h"
#include "tests/error_of.h"
#include "tests/storage/memory_file_system.h"

namespace strata::storage {
namespace {

constexpr kernels::RowLayout kLayout{.dim = 2};

/// Writes directories of a chain and knows what their rows come to.
class Chain {
 public:
  /// A directory in which `rows` keys have new rows and `removed` others are gone, in two files.
  void add(uint64_t seed, int rows, int removed) {
    std::map<uint64_t, std::vector<std::byte>> changed;
    std::set<uint64_t> gone;
    const CounterRng rng{seed};
    for (int i = 0; i < rows; ++i) {
      std::vector<std::byte> row(static_cast<size_t>(kLayout.row_bytes()));
      for (size_t b = 0; b < row.size(); ++b)
        row[b] = static_cast<std::byte>(rng.below(i, 251) + b);
      changed[mix64(rng.below(1000 + i, kKeys))] = row;
    }
    for (int i = 0; i < removed; ++i) {
      const uint64_t h = mix64(rng.below(2000 + i, kKeys));
      if (!changed.contains(h)) gone.insert(h);
    }
    for (const auto& [h, row] : changed) model_[h] = row;
    for (const uint64_t h : gone) model_.erase(h);
    write(changed, gone);
  }

  ChainedRows open() const {
    return ChainedRows(files_, chain_, [](const auto&, size_t) {});
  }

  void check() const {
    ChainedRows rows = open();
    RowBlock block;
    auto next = model_.begin();
    while (rows.next(block)) {
      const size_t width = block.rows.size() / block.keys.size();
      for (size_t i = 0; i < block.keys.size(); ++i, ++next) {
        ASSERT_NE(next, model_.end());
        ASSERT_EQ(block.keys[i], next->first);
        ASSERT_TRUE(std::ranges::equal(block.rows.subspan(i * width, width), next->second));
      }
    }
    EXPECT_EQ(next, model_.end());
  }

  MemoryFileSystem& files() { return files_; }
  const std::vector<ChainedFiles>& chain() const { return chain_; }

 private:
  static constexpr uint64_t kKeys = 600;

  void write(const std::map<uint64_t, std::vector<std::byte>>& changed,
             const std::set<uint64_t>& gone) {
    const std::string name = "d" + std::to_string(chain_.size());
    Publication publication(files_, name, std::string(kCheckpointMagic));
    ChainedFiles names;
    for (int half = 0; half < 2; ++half) {
      auto part = publication.create("part-" + std::to_string(half) + ".rows");
      BlockFileWriter writer(
          *part, {.layout = kLayout, .shard_bits = 1, .first_shard = half, .shards = 1});
      for (const auto& [h, row] : changed) {
        if (static_cast<int>(h >> 63) == half) writer.append(h, row.data());
      }
      writer.finish();
      names.rows.push_back(name + "/" + part->name());
      publication.close(std::move(part));
    }
    auto part = publication.create(kRemovedName);
    write_npy_header(*part, {.type = NpyType::kU64, .rows = std::ssize(gone), .cols = 0});
    for (const uint64_t h : gone) part->append(std::as_bytes(std::span(&h, 1)));
    publication.close(std::move(part));
    names.removed = name + "/" + kRemovedName;
    publication.publish(nlohmann::ordered_json::object());
    chain_.push_back(std::move(names));
  }

  MemoryFileSystem files_;
  std::vector<ChainedFiles> chain_;
  std::map<uint64_t, std::vector<std::byte>> model_;
};

TEST(ChainedRows, TheNewestOfEachKeyIsShownAndWhatIsGoneIsNot) {
  Chain chain;
  chain.add(1, 400, 0);
  chain.check();
  for (uint64_t seed = 2; seed < 9; ++seed) {
    chain.add(seed, 60, 40);
    chain.check();
  }
  chain.add(9, 0, 0);
  chain.check();
  chain.add(10, 0, 500);
  chain.check();
}

TEST(ChainedRows, NothingIsAChainToo) {
  Chain chain;
  chain.add(1, 0, 0);
  chain.check();
  chain.add(2, 0, 3);
  chain.check();
}

TEST(ChainedRows, KeysThatDoNotAscendAreDamage) {
  Chain chain;
  chain.add(1, 300, 0);
  chain.add(2, 10, 50);
  std::string& removed = chain.files().content("d1/removed.npy");
  removed.replace(removed.size() - 8, 8, 8, '\0');
  const Error error = error_of([&] {
    ChainedRows rows = chain.open();
    RowBlock block;
    while (rows.next(block)) {
    }
  });
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  EXPECT_NE(std::string(error.what()).find("removed.npy"), std::string::npos) << error.what();
}

}  // namespace
}  // namespace strata::storage
