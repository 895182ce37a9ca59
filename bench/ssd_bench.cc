// The SSD tier against RocksDB used bare on the same files, and against the disk itself.
//
//   ssd_bench [--rows N] [--row-bytes B] [--batch K] [--seconds S] [--memory MIB] [--path DIR]
//
// Rows are loaded in bulk, compacted, read at random by 1, 4, 16 and 32 threads, written at random.
// Reads go past the page cache (direct I/O) and keys are asked for in ascending batches, as a
// training step does. Limits in the same run: RocksDB's MultiGet and WriteBatch in a bare loop, and
// 4 KiB reads of the same files at random places by as many threads.

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "base/hash.h"
#include "storage/ssd_database.h"
#include "storage/ssd_options.h"

namespace strata::bench {
namespace {

using storage::SsdConfig;
using storage::SsdDatabase;
using storage::SsdStart;
using storage::SsdTable;

struct Options {
  int64_t rows = 1'000'000;
  int row_bytes = 72;
  int64_t batch = 4096;
  double seconds = 3;
  int64_t memory_mib = 64;
  std::string path;
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Rows/s of body() repeated for `seconds`; body returns how many rows it did.
double rate(double seconds, const std::function<int64_t()>& body) {
  const double start = now();
  int64_t done = 0;
  double took = 0;
  while (took < seconds) {
    done += body();
    took = now() - start;
  }
  return static_cast<double>(done) / took;
}

class SsdBench {
 public:
  explicit SsdBench(const Options& options)
      : options_(options),
        rows_(static_cast<size_t>(options.batch * options.row_bytes)),
        found_(static_cast<size_t>(options.batch)) {
    std::filesystem::create_directories(options_.path);
    for (int64_t i = 0; i < options_.rows; ++i) keys_.push_back(mix64(static_cast<uint64_t>(i)));
    std::ranges::sort(keys_);
  }

  void run() {
    fmt::print("{} rows of {} bytes, batches of {}, {} MiB of memory, {} hardware threads\n",
               options_.rows, options_.row_bytes, options_.batch, options_.memory_mib,
               std::thread::hardware_concurrency());
    const double loaded = load();
    fmt::print("{:<44} {:>9.0f} k rows/s  {:>6.0f} MB/s\n", "bulk load (SsdLoader, one thread)",
               loaded / 1e3, loaded * options_.row_bytes / 1e6);
    const double bare = load_bare();
    fmt::print("{:<44} {:>9.0f} k rows/s   ours is {:.2f}x\n", "  bare SstFileWriter + ingest",
               bare / 1e3, loaded / bare);
    for (const int threads : {1, 4, 16, 32}) read(threads);
    write();
  }

 private:
  SsdConfig config(int read_threads) const {
    return {.path = options_.path + "/ours",
            .memory = options_.memory_mib << 20,
            .read_threads = read_threads};
  }
  static SsdTable& table(SsdDatabase& database, int row_bytes) {
    return database.table({.name = "t", .row_bytes = row_bytes});
  }

  /// Ascending keys that are there, other ones at each call.
  const std::vector<uint64_t>& next_batch() {
    const CounterRng rng{++round_};
    batch_.clear();
    for (int64_t i = 0; i < options_.batch; ++i)
      batch_.push_back(keys_[rng.below(i, keys_.size())]);
    std::ranges::sort(batch_);
    batch_.erase(std::ranges::unique(batch_).begin(), batch_.end());
    return batch_;
  }

  double load() {
    SsdDatabase database(config(16), SsdStart::kFresh);
    const double start = now();
    const auto loader = table(database, options_.row_bytes).load();
    for (size_t at = 0; at < keys_.size(); at += options_.batch) {
      const size_t count = std::min<size_t>(options_.batch, keys_.size() - at);
      loader->append({keys_.data() + at, count}, {rows_.data(), count * options_.row_bytes});
    }
    loader->finish();
    return static_cast<double>(keys_.size()) / (now() - start);
  }

  rocksdb::Options bare_options() const {
    const storage::SsdMemory memory(options_.memory_mib << 20);
    const auto health = std::make_shared<storage::SsdHealth>();
    rocksdb::DBOptions database =
        storage::ssd_options(config(1), memory, rocksdb::Env::Default(), health);
    database.create_if_missing = true;
    return {database, storage::ssd_family_options(memory)};
  }
  std::unique_ptr<rocksdb::DB> open_bare(const std::string& path) const {
    rocksdb::DB* opened = nullptr;
    check(rocksdb::DB::Open(bare_options(), path, &opened));
    return std::unique_ptr<rocksdb::DB>(opened);
  }
  static void check(const rocksdb::Status& status) {
    if (status.ok() || status.IsNotFound()) return;
    fmt::print(stderr, "{}\n", status.ToString());
    std::exit(1);
  }
  static rocksdb::Slice key_of(const uint64_t& big_endian) {
    return {reinterpret_cast<const char*>(&big_endian), sizeof(big_endian)};
  }
  rocksdb::Slice row() const {
    return {reinterpret_cast<const char*>(rows_.data()), static_cast<size_t>(options_.row_bytes)};
  }

  double load_bare();
  void read(int threads);
  double read_bare(int threads);
  double read_disk(int threads);
  void write();

  const Options options_;
  std::vector<uint64_t> keys_;
  std::vector<uint64_t> batch_;
  std::vector<std::byte> rows_;
  std::vector<uint8_t> found_;
  uint64_t round_ = 0;
};

double SsdBench::load_bare() {
  const std::string path = options_.path + "/bare";
  std::filesystem::remove_all(path);
  const auto database = open_bare(path);
  rocksdb::Options options = bare_options();
  rocksdb::EnvOptions files_as(options);
  files_as.use_direct_writes = true;
  const double start = now();
  std::vector<std::string> files;
  std::unique_ptr<rocksdb::SstFileWriter> writer;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (!writer) {
      files.push_back(fmt::format("{}/load-{}", options_.path, files.size()));
      writer = std::make_unique<rocksdb::SstFileWriter>(files_as, options);
      check(writer->Open(files.back()));
    }
    check(writer->Put(key_of(__builtin_bswap64(keys_[i])), row()));
    if (writer->FileSize() < storage::kSstBytes && i + 1 < keys_.size()) continue;
    check(writer->Finish());
    writer.reset();
  }
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  check(database->IngestExternalFile(files, ingest));
  const double seconds = now() - start;
  for (const std::string& file : files) std::filesystem::remove(file);
  return static_cast<double>(keys_.size()) / seconds;
}

void SsdBench::read(int threads) {
  SsdDatabase database(config(threads), SsdStart::kReopen);
  SsdTable& rows = table(database, options_.row_bytes);
  const auto once = [&] {
    const auto& keys = next_batch();
    rows.read(keys, {rows_.data(), keys.size() * options_.row_bytes}, {found_.data(), keys.size()});
    return static_cast<int64_t>(keys.size());
  };
  rate(options_.seconds / 2, once);  // filters and index come into the cache
  const auto before = database.usage().device_bytes_read;
  const int64_t keys_before = rows.usage().reads;
  const double ours = rate(options_.seconds, once);
  const double bytes = static_cast<double>(database.usage().device_bytes_read - before);
  const double each = bytes / static_cast<double>(rows.usage().reads - keys_before);
  const double bare = read_bare(threads);
  const double disk = read_disk(threads);
  fmt::print("{:<44} {:>9.1f} k rows/s   {:.0f} bytes read a row\n",
             fmt::format("read, {} threads", threads), ours / 1e3, each);
  fmt::print("  bare MultiGet {:.1f} k rows/s: ours is {:.2f}x; 4 KiB reads {:.1f} k/s: {:.0f} %\n",
             bare / 1e3, ours / bare, disk / 1e3, 100 * ours / disk);
}

double SsdBench::read_bare(int threads) {
  const auto database = open_bare(options_.path + "/bare");
  std::atomic<int64_t> done{0};
  std::atomic<bool> warm{false}, stop{false};
  std::vector<std::jthread> readers;
  for (int t = 0; t < threads; ++t) {
    readers.emplace_back([&, t] {
      uint64_t seed = 1000 + static_cast<uint64_t>(t);
      while (!stop) {
        const CounterRng rng{seed += 64};
        std::vector<uint64_t> keys;
        for (int64_t i = 0; i < options_.batch / threads; ++i)
          keys.push_back(keys_[rng.below(i, keys_.size())]);
        std::ranges::sort(keys);
        for (auto& key : keys) key = __builtin_bswap64(key);
        std::vector<rocksdb::Slice> slices;
        for (const auto& key : keys) slices.push_back(key_of(key));
        std::vector<rocksdb::PinnableSlice> values(keys.size());
        std::vector<rocksdb::Status> statuses(keys.size());
        database->MultiGet(rocksdb::ReadOptions(), database->DefaultColumnFamily(), keys.size(),
                           slices.data(), values.data(), statuses.data(), true);
        for (const auto& status : statuses) check(status);
        if (warm) done += static_cast<int64_t>(keys.size());
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(options_.seconds / 2));
  const double start = now();
  warm = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(options_.seconds));
  const double result = static_cast<double>(done) / (now() - start);
  stop = true;
  return result;
}

double SsdBench::read_disk(int threads) {
  std::vector<Descriptor> files;
  std::vector<int64_t> pages;
  for (const auto& entry : std::filesystem::directory_iterator(options_.path + "/ours/rocksdb")) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 4096) continue;
    files.emplace_back(::open(entry.path().c_str(), O_RDONLY | O_DIRECT));
    pages.push_back(static_cast<int64_t>(entry.file_size() / 4096));
  }
  std::atomic<int64_t> done{0};
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  const double start = now();
  for (int t = 0; t < threads; ++t) {
    readers.emplace_back([&, t] {
      alignas(4096) std::byte page[4096];
      const CounterRng rng{static_cast<uint64_t>(t) + 1};
      for (uint64_t i = 0; !stop; i += 2) {
        const size_t file = rng.below(i, files.size());
        const auto at = static_cast<off_t>(rng.below(i + 1, pages[file]) * 4096);
        if (::pread(files[file].get(), page, sizeof(page), at) != sizeof(page)) std::exit(1);
        ++done;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(options_.seconds));
  stop = true;
  readers.clear();
  return static_cast<double>(done) / (now() - start);
}

void SsdBench::write() {
  double ours = 0;
  double amplification = 0;
  {
    SsdDatabase database(config(16), SsdStart::kReopen);
    SsdTable& rows = table(database, options_.row_bytes);
    ours = rate(2 * options_.seconds, [&] {
      const auto& keys = next_batch();
      rows.write(keys, {rows_.data(), keys.size() * options_.row_bytes});
      return static_cast<int64_t>(keys.size());
    });
    database.flush();
    amplification = static_cast<double>(database.usage().device_bytes_written) /
                    static_cast<double>(rows.usage().bytes_written);
    rows.compact({});
    fmt::print("{:<44} {:>9.2f} x live rows\n", "space after compaction",
               static_cast<double>(rows.usage().disk_bytes) /
                   static_cast<double>(options_.rows * options_.row_bytes));
  }
  const auto database = open_bare(options_.path + "/bare");
  rocksdb::WriteOptions no_log;
  no_log.disableWAL = true;
  const double bare = rate(2 * options_.seconds, [&] {
    rocksdb::WriteBatch batch;
    for (const uint64_t h : next_batch()) check(batch.Put(key_of(__builtin_bswap64(h)), row()));
    check(database->Write(no_log, &batch));
    return static_cast<int64_t>(batch.Count());
  });
  fmt::print("{:<44} {:>9.1f} k rows/s   {:.1f} bytes written a byte\n", "write", ours / 1e3,
             amplification);
  fmt::print("  bare WriteBatch {:.1f} k rows/s: ours is {:.2f}x\n", bare / 1e3, ours / bare);
}

}  // namespace
}  // namespace strata::bench

int main(int count, char** words) {
  strata::bench::Options options;
  options.path = (std::filesystem::temp_directory_path() / "strata_ssd_bench").string();
  CLI::App app("The SSD tier against bare RocksDB and the disk");
  app.add_option("--rows", options.rows, "Rows of the table");
  app.add_option("--row-bytes", options.row_bytes, "Bytes of a row");
  app.add_option("--batch", options.batch, "Keys of a call");
  app.add_option("--seconds", options.seconds, "Time per case");
  app.add_option("--memory", options.memory_mib, "MiB that RocksDB may keep");
  app.add_option("--path", options.path, "An empty directory on the disk in question");
  CLI11_PARSE(app, count, words);
  strata::bench::SsdBench(options).run();
  std::filesystem::remove_all(options.path);
}
