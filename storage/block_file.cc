#include "storage/block_file.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace strata::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "block files are little-endian");

constexpr uint64_t kFileMagic = 0x314b4c4241525453;  // "STRABLK1"
constexpr uint32_t kVersion = 1;
constexpr uint32_t kBlockMagic = 0x4b434c42;    // "BLCK"
constexpr uint32_t kTrailerMagic = 0x4c494154;  // "TAIL"
constexpr int64_t kBlockBytes = 1 << 20;
constexpr int64_t kRowBytesLimit = 16 << 20;  // a row wider than this is no row
constexpr int kShardBitsLimit = 24;

struct FileHead {
  uint64_t magic;
  uint32_t version;
  uint32_t dim;
  uint32_t dtype;
  uint32_t state_floats;
  uint32_t counter_bytes;
  uint32_t shard_bits;
  uint32_t first_shard;
  uint32_t shards;
  uint64_t step;
  uint64_t table;
  uint64_t xxh3;  // of the bytes before
};
static_assert(sizeof(FileHead) == 64);

struct Trailer {
  uint32_t magic;
  uint32_t zero;
  uint64_t rows;
  uint64_t blocks;
  uint64_t xxh3;  // of the bytes before
};
static_assert(sizeof(Trailer) == 32);

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// Checksum of a sealed struct: all its bytes before the last member, `xxh3`.
template <class T>
uint64_t seal_of(const T& value) {
  return XXH3_64bits(&value, sizeof(T) - sizeof(value.xxh3));
}

int64_t rows_per_block(const kernels::RowLayout& layout) {
  return std::max<int64_t>(1, kBlockBytes / (layout.row_bytes() + 8));
}

/// False when the numbers cannot be a layout, or their products could overflow.
bool is_sane(const FileHead& head) {
  const int64_t bytes =
      int64_t{head.dim} * 4 + int64_t{head.state_floats} * 4 + int64_t{head.counter_bytes} + 8;
  return head.dim >= 1 && head.dtype <= static_cast<uint32_t>(kernels::DType::kF16) &&
         head.counter_bytes % 4 == 0 && bytes <= kRowBytesLimit &&
         head.shard_bits <= kShardBitsLimit && head.shards >= 1 &&
         uint64_t{head.first_shard} + head.shards <= uint64_t{1} << head.shard_bits;
}

}  // namespace

struct BlockFileReader::BlockHead {
  uint32_t magic;
  uint32_t shard;
  uint32_t rows;
  uint32_t zero;
  uint64_t xxh3;  // of keys and rows, seeded with shard and row count
};

namespace {

uint64_t block_checksum(uint32_t shard, std::span<const uint64_t> keys,
                        std::span<const std::byte> rows) {
  const uint64_t seed = (uint64_t{shard} << 32) | static_cast<uint32_t>(keys.size());
  const uint64_t of_keys = XXH3_64bits_withSeed(keys.data(), keys.size_bytes(), seed);
  return XXH3_64bits_withSeed(rows.data(), rows.size(), of_keys);
}

}  // namespace

BlockFileWriter::BlockFileWriter(PartWriter& part, const BlockFileHeader& header)
    : part_(part),
      header_(header),
      block_rows_limit_(static_cast<int>(rows_per_block(header.layout))) {
  FileHead head{.magic = kFileMagic,
                .version = kVersion,
                .dim = static_cast<uint32_t>(header.layout.dim),
                .dtype = static_cast<uint32_t>(header.layout.dtype),
                .state_floats = static_cast<uint32_t>(header.layout.state_floats),
                .counter_bytes = static_cast<uint32_t>(header.layout.counter_bytes),
                .shard_bits = static_cast<uint32_t>(header.shard_bits),
                .first_shard = static_cast<uint32_t>(header.first_shard),
                .shards = static_cast<uint32_t>(header.shards),
                .step = header.step,
                .table = header.table,
                .xxh3 = 0};
  STRATA_CHECK(is_sane(head), "block file header of", part.name());
  head.xxh3 = seal_of(head);
  part_.append(bytes_of(head));
}

void BlockFileWriter::append(uint64_t h, const std::byte* row) {
  const int shard = shard_of(h, header_.shard_bits);
  STRATA_CHECK(shard >= header_.first_shard && shard < header_.first_shard + header_.shards,
               "shard", shard);
  STRATA_CHECK(shard >= shard_, "shards ascend", shard_, shard);
  if (shard != shard_ || static_cast<int>(keys_.size()) == block_rows_limit_) flush();
  STRATA_CHECK(keys_.empty() || h > keys_.back(), "h ascends strictly", h);
  shard_ = shard;
  keys_.push_back(h);
  payload_.insert(payload_.end(), row, row + header_.layout.row_bytes());
}

void BlockFileWriter::flush() {
  if (keys_.empty()) return;
  struct {
    uint32_t magic, shard, rows, zero;
    uint64_t xxh3;
  } head{kBlockMagic, static_cast<uint32_t>(shard_), static_cast<uint32_t>(keys_.size()), 0, 0};
  head.xxh3 = block_checksum(head.shard, keys_, payload_);
  part_.append(bytes_of(head));
  part_.append(std::as_bytes(std::span(keys_)));
  part_.append(payload_);
  rows_ += static_cast<int64_t>(keys_.size());
  ++blocks_;
  keys_.clear();
  payload_.clear();
}

void BlockFileWriter::finish() {
  flush();
  Trailer trailer{kTrailerMagic, 0, static_cast<uint64_t>(rows_), static_cast<uint64_t>(blocks_),
                  0};
  trailer.xxh3 = seal_of(trailer);
  part_.append(bytes_of(trailer));
  part_.add_rows(rows_);
}

BlockFileReader::BlockFileReader(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {
  FileHead head{};
  if (file_->bytes() < static_cast<int64_t>(sizeof(head))) corrupt("shorter than its header");
  file_->read(0, std::as_writable_bytes(std::span(&head, 1)));
  if (head.magic != kFileMagic) corrupt("not a block file");
  if (head.version > kVersion) {
    corrupt(fmt::format("written by format {}; this build reads <= {}", head.version, kVersion));
  }
  if (head.xxh3 != seal_of(head)) corrupt("the checksum of its header does not match");
  if (head.version == 0 || !is_sane(head)) corrupt("its header makes no sense");
  header_.layout = {.dim = static_cast<int>(head.dim),
                    .dtype = static_cast<kernels::DType>(head.dtype),
                    .state_floats = static_cast<int>(head.state_floats),
                    .counter_bytes = static_cast<int>(head.counter_bytes)};
  header_.shard_bits = static_cast<int>(head.shard_bits);
  header_.first_shard = static_cast<int>(head.first_shard);
  header_.shards = static_cast<int>(head.shards);
  header_.step = head.step;
  header_.table = head.table;
  offset_ = sizeof(head);
}

void BlockFileReader::corrupt(const std::string& why) const {
  throw Error(ErrorCode::kCorrupt, "{}: {}", file_->path(), why);
}

void BlockFileReader::check_head(const BlockHead& head) const {
  if (head.magic != kBlockMagic || head.zero != 0) {
    corrupt(fmt::format("no block at byte {}", offset_));
  }
  const int64_t row_bytes = header_.layout.row_bytes() + 8;
  const int64_t left = file_->bytes() - offset_ - static_cast<int64_t>(sizeof(head));
  if (head.rows == 0 || head.rows > rows_per_block(header_.layout) ||
      int64_t{head.rows} * row_bytes > left) {
    corrupt(fmt::format("block at byte {} claims {} rows", offset_, head.rows));
  }
  const auto first = static_cast<uint32_t>(header_.first_shard);
  if (head.shard < first || head.shard - first >= static_cast<uint32_t>(header_.shards)) {
    corrupt(fmt::format("block at byte {} is of shard {}", offset_, head.shard));
  }
}

void BlockFileReader::check_keys(const BlockHead& head) const {
  if (head.xxh3 != block_checksum(head.shard, keys_, payload_)) {
    corrupt(fmt::format("the checksum of the block at byte {} does not match", offset_));
  }
  uint64_t last = last_key_;
  bool first = rows_ == 0;
  for (const uint64_t h : keys_) {
    const bool in_shard = shard_of(h, header_.shard_bits) == static_cast<int>(head.shard);
    if (!in_shard || (!first && h <= last)) {
      corrupt(fmt::format("keys of the block at byte {} are out of order", offset_));
    }
    first = false;
    last = h;
  }
}

void BlockFileReader::check_trailer() const {
  Trailer trailer{};
  if (file_->bytes() - offset_ != static_cast<int64_t>(sizeof(trailer))) {
    corrupt(fmt::format("{} bytes where its trailer should be", file_->bytes() - offset_));
  }
  file_->read(offset_, std::as_writable_bytes(std::span(&trailer, 1)));
  if (trailer.magic != kTrailerMagic || trailer.zero != 0 || trailer.xxh3 != seal_of(trailer)) {
    corrupt("its trailer is damaged");
  }
  if (trailer.rows != static_cast<uint64_t>(rows_) ||
      trailer.blocks != static_cast<uint64_t>(blocks_)) {
    corrupt(fmt::format("{} rows, its trailer says {}", rows_, trailer.rows));
  }
}

std::optional<std::string> explain_step(const FileSystem& files, const std::string& name,
                                        uint64_t step) {
  try {
    const BlockFileHeader header = BlockFileReader(files.open(name)).header();
    if (header.step == step) return std::nullopt;
    const int last = header.first_shard + header.shards - 1;
    return fmt::format("shards {}-{} are at step {}, the manifest says {}", header.first_shard,
                       last, header.step, step);
  } catch (const Error&) {
    return std::nullopt;  // no block file
  }
}

bool BlockFileReader::next(RowBlock& out) {
  BlockHead head{};
  const int64_t left = file_->bytes() - offset_;
  if (left <= static_cast<int64_t>(sizeof(Trailer))) {
    check_trailer();
    return false;
  }
  file_->read(offset_, std::as_writable_bytes(std::span(&head, 1)));
  check_head(head);
  keys_.resize(head.rows);
  payload_.resize(size_t{head.rows} * static_cast<size_t>(header_.layout.row_bytes()));
  const int64_t keys_at = offset_ + static_cast<int64_t>(sizeof(head));
  file_->read(keys_at, std::as_writable_bytes(std::span(keys_)));
  file_->read(keys_at + static_cast<int64_t>(keys_.size()) * 8, payload_);
  check_keys(head);
  last_key_ = keys_.back();
  rows_ += head.rows;
  ++blocks_;
  offset_ = keys_at + static_cast<int64_t>(keys_.size() * 8 + payload_.size());
  out = {.shard = static_cast<int>(head.shard), .keys = keys_, .rows = payload_};
  return true;
}

}  // namespace strata::storage
