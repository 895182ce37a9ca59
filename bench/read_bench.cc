// How fast Criteo text becomes ready batches on one core, from the page cache.
//
//   read_bench [--rows N] [--batch B] [--seconds S] [--file F] [--only CASE]
//
// The program writes its own file from counters: 13 integers of mostly small, heavy-tailed counts
// and 26 categories, with the null rates of the public set; plain, .gz and .zst. Limits in the same
// run: the bytes read with pread alone, pread plus a memchr for every line end, the decompressors
// alone. GB/s are of text, decompressed where it is not plain.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/isa.h"
#include "data/config.h"
#include "data/input_file.h"
#include "data/reader.h"
#include "data/schema.h"
#include "data/text_writer.h"

namespace strata::data {
namespace {

struct Options {
  int64_t rows = 1'000'000;
  int64_t batch = 2048;
  double seconds = 2;
  std::string file;  // given: it is read instead of one written here
  std::string only;  // part of a case's name: the other cases are left out
};

void append_row(CounterRng rng, int64_t row, std::string& out) {
  auto next = [&, i = static_cast<uint64_t>(row) * 128]() mutable { return rng.bits(i++); };
  out += next() % 4 == 0 ? '1' : '0';
  for (int i = 0; i < 13; ++i) {
    out += '\t';
    if (next() % 100 < 15) continue;  // missing
    const uint64_t digits = 1 + next() % (i == 4 ? 6 : 4);
    uint64_t value = next();
    for (uint64_t d = 0; d < digits; ++d, value /= 10) out += static_cast<char>('0' + value % 10);
  }
  for (int i = 0; i < 26; ++i) {
    out += '\t';
    if (next() % 100 < 10) continue;
    const uint64_t bits = next();
    const uint64_t id = mix64((bits % 100 < 60 ? bits >> 32 & 255 : bits >> 32) + 7) & 0xffffffff;
    fmt::format_to(std::back_inserter(out), "{:08x}", id);
  }
  out += '\n';
}

/// The file in a folder of its own, removed with it.
class MadeFiles {
 public:
  MadeFiles()
      : folder_(
            (std::filesystem::temp_directory_path() / fmt::format("strata_read_bench_{}", getpid()))
                .string()) {
    std::filesystem::create_directory(folder_);
  }
  ~MadeFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  MadeFiles(const MadeFiles&) = delete;
  MadeFiles& operator=(const MadeFiles&) = delete;

  std::string write(int64_t rows) const {
    const std::string path = folder_ + "/text.tsv";
    const auto file = create_text(path);
    std::string text;
    for (int64_t row = 0; row < rows; ++row) {
      append_row({1}, row, text);
      if (text.size() < 1 << 20 && row + 1 < rows) continue;
      file->write(text);
      text.clear();
    }
    file->finish();
    return path;
  }

  /// A compressed copy; `ending` is .gz or .zst.
  std::string compress(const std::string& path, std::string_view ending) const {
    const std::string copy = folder_ + "/text.tsv" + std::string(ending);
    const auto from = open_text(path);
    const auto to = create_text(copy);
    std::vector<char> buffer(1 << 20);
    for (int64_t got = 1; got > 0;) {
      got = from->read(buffer);
      to->write({buffer.data(), static_cast<size_t>(got)});
    }
    to->finish();
    return copy;
  }

 private:
  std::string folder_;
};

/// Processor time of the process, which has one thread here: other programs on the machine do not
/// count, waiting for the disk would not either (the file is in the page cache).
double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_of(const std::function<void()>& body) {
  const double start = processor_seconds();
  body();
  return processor_seconds() - start;
}

/// Best time of repetitions that fill `budget` seconds; at least three.
double best_of(double budget, const std::function<void()>& body) {
  double best = 1e300;
  double spent = 0;
  for (int i = 0; i < 3 || spent < budget; ++i) {
    const double took = seconds_of(body);
    best = std::min(best, took);
    spent += took;
  }
  return best;
}

int64_t read_bytes(const std::string& path, bool find_lines) {
  const InputFile file(path);
  std::vector<char> buffer(1 << 20);
  int64_t found = 0;
  for (int64_t offset = 0;;) {
    const int64_t got = file.read_at(offset, buffer.data(), std::ssize(buffer));
    if (got == 0) return found;
    offset += got;
    const char* at = buffer.data();
    const char* const end = at + got;
    while (find_lines) {
      at = static_cast<const char*>(memchr(at, '\n', static_cast<size_t>(end - at)));
      if (at == nullptr) break;
      ++found;
      ++at;
    }
  }
}

int64_t read_stream(const std::string& path) {
  const auto stream = open_text(path);
  std::vector<char> buffer(1 << 20);
  int64_t bytes = 0;
  for (int64_t got = 1; got > 0; bytes += got) got = stream->read(buffer);
  return bytes;
}

void read_epoch(Reader& reader, Batch& batch) {
  reader.seek({0, 0});
  while (reader.next(batch)) {
  }
}

class ReadBench {
 public:
  explicit ReadBench(const Options& options)
      : options_(options), path_(options.file.empty() ? made_.write(options.rows) : options.file) {}

  void run() {
    rows_ = read_bytes(path_, true);
    bytes_ = read_stream(path_);
    fmt::print("{}, instruction set {}; one thread; {} rows, {:.0f} MB, batch {}\n", cpu_model(),
               isa::name(isa::level()), rows_, static_cast<double>(bytes_) * 1e-6, options_.batch);
    line("limit: pread", [&] { read_bytes(path_, false); });
    const double limit = line("limit: pread + line ends", [&] { read_bytes(path_, true); });
    DataConfig config;
    line(
        "index (one scan)", [&] { open(path_, config); }, limit);
    config.shuffle = false;
    batches("batches, file order", path_, config, limit);
    config.shuffle = true;
    batches("batches, shuffled", path_, config, limit);
    config.columns = modulo_columns();
    batches("batches, shuffled, ids mod 1 M", path_, config, limit);
    config.columns = {{.preset = "criteo_bucketized"}};
    batches("batches, shuffled, with buckets", path_, config, limit);
    compressed(".gz");
    compressed(".zst");
  }

 private:
  static std::vector<ColumnConfig> modulo_columns() {
    std::vector<ColumnConfig> columns = {{.name = "label", .type = ColumnType::kLabel}};
    for (int i = 1; i <= 26; ++i) {
      columns.push_back({.name = fmt::format("C{}", i),
                         .keys = KeyRule::kModulo,
                         .encoding = IdEncoding::kHex,
                         .buckets = 1 << 20});
    }
    return columns;
  }

  static std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    }
    return "unknown processor";
  }

  void compressed(std::string_view ending) {
    if (std::string("limit: decompress ").append(ending).find(options_.only) == std::string::npos &&
        std::string("batches from ").append(ending).find(options_.only) == std::string::npos) {
      return;
    }
    const std::string copy = made_.compress(path_, ending);
    const double limit =
        line(fmt::format("limit: decompress {}", ending), [&] { read_stream(copy); });
    batches(fmt::format("batches from {}", ending), copy, DataConfig{}, limit);
  }

  std::unique_ptr<Reader> open(const std::string& path, DataConfig config) const {
    config.train = {path};
    config.prefetch = 0;
    return make_reader(config, make_schema(config), Part::kTrain, {.batch_size = options_.batch});
  }

  void batches(std::string_view what, const std::string& path, const DataConfig& config,
               double limit) {
    if (what.find(options_.only) == what.npos) return;
    const auto reader = open(path, config);
    Batch batch;
    line(
        what, [&] { read_epoch(*reader, batch); }, limit);
  }

  /// Measures and prints a case; seconds it took, 0 where it is left out. `limit`: seconds of the
  /// machine's own limit, 0 where the case is one.
  double line(std::string_view what, const std::function<void()>& body, double limit = 0) const {
    if (what.find(options_.only) == what.npos) return 0;
    const double seconds = best_of(options_.seconds, body);
    fmt::print("{:<34} {:>6.2f} GB/s {:>6.2f} M rows/s", what,
               static_cast<double>(bytes_) / seconds * 1e-9,
               static_cast<double>(rows_) / seconds * 1e-6);
    if (limit > 0) fmt::print("   {:>3.0f} % of its limit", 100 * limit / seconds);
    fmt::print("\n");
    return seconds;
  }

  const MadeFiles made_;
  const Options options_;
  const std::string path_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace
}  // namespace strata::data

int main(int count, char** words) {
  strata::data::Options options;
  CLI::App app("Criteo text to ready batches on one core, from the page cache");
  app.add_option("--rows", options.rows, "Rows of the file it writes");
  app.add_option("--batch", options.batch, "Lines of a batch");
  app.add_option("--seconds", options.seconds, "Processor time per case");
  app.add_option("--file", options.file, "A plain Criteo file to read instead");
  app.add_option("--only", options.only, "Part of a case's name: the others are left out");
  CLI11_PARSE(app, count, words);
  strata::data::ReadBench(options).run();
}
