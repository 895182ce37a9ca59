// How fast Criteo text becomes ready batches on one core, from the page cache.
//
//   read_bench [--rows N] [--batch B] [--seconds S] [--file F] [--only CASE]
//
// The program writes its own file from counters: 13 integers of mostly small, heavy-tailed counts
// and 26 categories, with the null rates of the public set. Limits in the same run: the bytes read
// with pread alone, and pread plus a memchr for every line end.

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
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "data/config.h"
#include "data/input_file.h"
#include "data/reader.h"
#include "data/schema.h"

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

std::string write_file(const Options& options) {
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("strata_read_bench_{}.tsv", getpid()))
          .string();
  std::ofstream file(path, std::ios::binary);
  std::string text;
  for (int64_t row = 0; row < options.rows; ++row) {
    append_row({1}, row, text);
    if (text.size() > 1 << 20 || row + 1 == options.rows) {
      file << text;
      text.clear();
    }
  }
  return path;
}

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

void print_line(std::string_view what, double seconds, int64_t bytes, int64_t rows) {
  fmt::print("{:<36} {:>7.2f} GB/s {:>8.2f} M rows/s\n", what,
             static_cast<double>(bytes) / seconds * 1e-9,
             static_cast<double>(rows) / seconds * 1e-6);
}

void read_epoch(Reader& reader, Batch& batch) {
  reader.seek({0, 0});
  while (reader.next(batch)) {
  }
}

void run(const Options& options) {
  const std::string path = options.file.empty() ? write_file(options) : options.file;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  const int64_t rows = read_bytes(path, true);
  fmt::print("{} rows, {:.0f} MB, batch {}\n", rows, static_cast<double>(bytes) * 1e-6,
             options.batch);
  const auto line = [&](std::string_view what, const std::function<void()>& body) {
    if (what.find(options.only) == what.npos) return;
    print_line(what, best_of(options.seconds, body), bytes, rows);
  };
  line("limit: pread", [&] { read_bytes(path, false); });
  line("limit: pread + line ends", [&] { read_bytes(path, true); });

  DataConfig config;
  config.train = {path};
  config.prefetch = 0;
  const ReadPlan plan{.batch_size = options.batch};
  const std::map<std::string, std::function<void(DataConfig&)>> cases = {
      {"batches, file order", [](DataConfig& c) { c.shuffle = false; }},
      {"batches, shuffled", [](DataConfig&) {}},
      {"batches, shuffled, ids mod 1 M",
       [](DataConfig& c) {
         c.columns.clear();
         c.columns.push_back({.name = "label", .type = ColumnType::kLabel});
         for (int i = 1; i <= 26; ++i) {
           c.columns.push_back({.name = fmt::format("C{}", i),
                                .keys = KeyRule::kModulo,
                                .encoding = IdEncoding::kHex,
                                .buckets = 1 << 20});
         }
       }},
      {"batches, shuffled, with buckets",
       [](DataConfig& c) { c.columns = {{.preset = "criteo_bucketized"}}; }}};
  Batch batch;
  for (const auto& [name, change] : cases) {
    DataConfig changed = config;
    change(changed);
    const auto reader = make_reader(changed, make_schema(changed), Part::kTrain, plan);
    line(name, [&] { read_epoch(*reader, batch); });
  }
  line("index (one scan)", [&] { make_reader(config, make_schema(config), Part::kTrain, plan); });
  if (options.file.empty()) std::filesystem::remove(path);
}

}  // namespace
}  // namespace strata::data

int main(int count, char** words) {
  strata::data::Options options;
  CLI::App app("Criteo text to ready batches on one core, from the page cache");
  app.add_option("--rows", options.rows, "Rows of the file it writes");
  app.add_option("--batch", options.batch, "Lines of a batch");
  app.add_option("--seconds", options.seconds, "Processor time per case");
  app.add_option("--file", options.file, "A Criteo file to read instead");
  app.add_option("--only", options.only, "Part of a case's name: the others are left out");
  CLI11_PARSE(app, count, words);
  strata::data::run(options);
}
