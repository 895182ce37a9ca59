// The table the trainer uses against its peers and the machine's limits, alternating in one run:
//   find            10 M keys, Zipf 1.05, two threads: DramTable, boost::unordered_flat_map, a
//                   plain linear-probing table with prefetch ("line"), touching one line a key
//   find-or-insert  the same keys with 2 % new ones, one thread
//   look-up + pool  10 M rows x 16 through Collection, one id a bag: against a bare gather
// Ratios are medians over repetitions in which the contestants ran one after another.
// Usage: table_bench [keys = 10000000 [repetitions = 5]]

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#if __has_include(<boost/unordered/unordered_flat_map.hpp>)
#include <boost/unordered/unordered_flat_map.hpp>
#define STRATA_BENCH_BOOST 1
#endif

#include "base/buffer.h"
#include "base/hash.h"
#include "base/isa.h"
#include "base/thread_pool.h"
#include "embedding/collection.h"
#include "storage/dram_table.h"

namespace strata::bench {
namespace {

constexpr int kThreads = 2;
constexpr int64_t kQueries = int64_t{1} << 23;
constexpr int64_t kBatch = 8192;       // keys a call
constexpr int64_t kPoolBatch = 65536;  // samples a call
constexpr int kDim = 16;
constexpr int kRowBytes = 4 * kDim + 4;  // as SGD has them: weights and stamp
constexpr size_t kAhead = 24;

std::atomic<uint64_t> sink{0};  // keeps results alive

double seconds_of(int threads, const std::function<void(int)>& work) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) {
    others.emplace_back([&, t] {
      ++ready;
      while (!go) {
      }
      work(t);
    });
  }
  while (ready < threads - 1) {
  }
  const auto start = std::chrono::steady_clock::now();
  go = true;
  work(0);
  for (auto& thread : others) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Zipf(1.05) ranks, each rank at a random index.
struct Workload {
  std::vector<uint64_t> ids;      // [keys]
  std::vector<uint32_t> queries;  // [kQueries] indices into ids

  explicit Workload(int64_t keys) : ids(keys), queries(kQueries) {
    for (int64_t i = 0; i < keys; ++i) ids[i] = mix64(2 * i + 1);
    std::vector<double> below(keys);
    double sum = 0;
    for (int64_t i = 0; i < keys; ++i) below[i] = sum += std::pow(double(i + 1), -1.05);
    std::vector<uint32_t> place(keys);
    for (int64_t i = 0; i < keys; ++i) place[i] = static_cast<uint32_t>(i);
    const CounterRng rng{1};
    for (int64_t i = keys - 1; i > 0; --i) std::swap(place[i], place[rng.below(i, i + 1)]);
    seconds_of(kThreads, [&](int t) {
      for (int64_t q = kQueries / kThreads * t; q < kQueries / kThreads * (t + 1); ++q) {
        const double u = static_cast<double>(mix64(7 * q + 99) >> 11) * 0x1p-53 * sum;
        const int64_t rank = std::lower_bound(below.begin(), below.end(), u) - below.begin();
        queries[q] = place[std::min(rank, keys - 1)];
      }
    });
  }
};

/// Linear probing, 16-byte places, a power of two of them, load at most 0.6: the simplest fast
/// table. Pages of 4 KiB, as an engine gets them without asking.
class Line {
 public:
  explicit Line(int64_t keys) {
    int bits = 1;
    while ((int64_t{1} << bits) < keys * 5 / 3) ++bits;
    mask_ = (uint64_t{1} << bits) - 1;
    shift_ = 64 - bits;
    memory_ = HugeBuffer((mask_ + 1) * sizeof(Place), Pages::kSmall);
    places_ = reinterpret_cast<Place*>(memory_.data());
  }
  void prefetch(uint64_t key) const { __builtin_prefetch(places_ + home(key)); }
  uint64_t find(uint64_t key) const {
    uint64_t i = home(key);
    while (places_[i].key != key) {
      if (places_[i].key == 0) return 0;
      i = (i + 1) & mask_;
    }
    return places_[i].value;
  }
  uint64_t find_or_insert(uint64_t key, uint64_t value) {
    uint64_t i = home(key);
    while (places_[i].key != 0 && places_[i].key != key) i = (i + 1) & mask_;
    if (places_[i].key == 0) places_[i] = {key, value};
    return places_[i].value;
  }

 private:
  struct Place {
    uint64_t key, value;
  };
  uint64_t home(uint64_t key) const { return (key * 0x9E3779B97F4A7C15ull) >> shift_; }
  HugeBuffer memory_;
  Place* places_ = nullptr;
  uint64_t mask_ = 0;
  int shift_ = 0;
};

#ifdef STRATA_BENCH_BOOST
struct MixHash {
  using is_avalanching = void;
  size_t operator()(uint64_t key) const noexcept {
    const auto product = static_cast<unsigned __int128>(key) * 0x9E3779B97F4A7C15ull;
    return static_cast<size_t>(product >> 64) ^ static_cast<size_t>(product);
  }
};
using BoostMap = boost::unordered_flat_map<uint64_t, uint64_t, MixHash>;
#endif

/// One contestant: what it is called, how fast each repetition was.
struct Contestant {
  std::string name;
  std::function<double()> seconds;
  std::vector<double> mops = {};
};

/// Runs everybody in turn; prints Mops and the ratio of the first to each other one.
void compare(const std::string& title, int64_t operations, int repetitions,
             std::vector<Contestant> contestants) {
  for (int r = 0; r < repetitions; ++r) {
    for (Contestant& c : contestants) {
      c.mops.push_back(static_cast<double>(operations) / c.seconds() / 1e6);
    }
  }
  fmt::print("{}\n", title);
  for (const Contestant& c : contestants) {
    std::vector<double> ratios;
    for (int r = 0; r < repetitions; ++r) ratios.push_back(contestants[0].mops[r] / c.mops[r]);
    const auto [low, high] = std::minmax_element(ratios.begin(), ratios.end());
    fmt::print("  {:<34} {:8.1f} Mops   ours is {:5.2f}x  ({:.2f} … {:.2f})\n", c.name,
               median(c.mops), median(ratios), *low, *high);
  }
}

/// The slice of [0, n) of thread t.
std::pair<int64_t, int64_t> share(int64_t n, int threads, int t) {
  return {n / threads * t, n / threads * (t + 1)};
}

class TableBench {
 public:
  TableBench(const Workload& work, int repetitions)
      : work_(work),
        repetitions_(repetitions),
        keys_(kQueries),
        table_({.row_bytes = kRowBytes}),
        line_(static_cast<int64_t>(work.ids.size()) * 11 / 10) {
    const auto n = static_cast<int64_t>(work_.ids.size());
    for (int64_t q = 0; q < kQueries; ++q) keys_[q] = work_.ids[work_.queries[q]];
    std::vector<int64_t> slots(kBatch), created;
    double worst = 0;
    const double grown = seconds_of(1, [&](int) {
      for (int64_t at = 0; at < n; at += kBatch) {
        const auto start = std::chrono::steady_clock::now();
        const int64_t count = std::min(kBatch, n - at);
        created.clear();
        table_.find_or_insert({work_.ids.data() + at, size_t(count)}, {slots.data(), size_t(count)},
                              created);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        worst = std::max(worst, took.count());
      }
    });
    const auto usage = table_.usage();
    fmt::print(
        "grow from nothing: {:.1f} M inserts/s; slowest call of {} keys {:.1f} ms; "
        "{:.1f} B of index a row, in all {:.3f} x (rows x (8 + row bytes))\n",
        static_cast<double>(n) / grown / 1e6, kBatch, worst * 1e3,
        static_cast<double>(usage.index_bytes) / static_cast<double>(n),
        static_cast<double>(usage.index_bytes + usage.row_bytes) /
            static_cast<double>((8 + kRowBytes) * n));
    for (int64_t i = 0; i < n; ++i) line_.find_or_insert(work_.ids[i], i);
#ifdef STRATA_BENCH_BOOST
    boost_.reserve(n);
    for (int64_t i = 0; i < n; ++i) boost_.emplace(work_.ids[i], i);
#endif
    int bits = 1;
    while ((int64_t{1} << bits) * 4 < n * 5 / 3) ++bits;
    touch_shift_ = 64 - bits;
    touched_ = HugeBuffer(size_t{64} << bits, Pages::kSmall);
    std::memset(touched_.data(), 1, touched_.bytes());
  }

  void run() {
    std::vector<Contestant> find = {{"DramTable", [&] { return find_ours(); }},
                                    {"line (4 KiB pages)", [&] { return find_line(); }}};
#ifdef STRATA_BENCH_BOOST
    find.push_back({"boost::unordered_flat_map", [&] { return find_boost(); }});
#endif
    find.push_back({"limit: touch one line a key", [&] { return touch(); }});
    compare("find, Zipf 1.05, 2 threads", kQueries, repetitions_, std::move(find));
    std::vector<Contestant> insert = {{"DramTable", [&] { return insert_ours(); }},
                                      {"line (4 KiB pages)", [&] { return insert_line(); }}};
#ifdef STRATA_BENCH_BOOST
    insert.push_back({"boost::unordered_flat_map", [&] { return insert_boost(); }});
#endif
    compare("find-or-insert, 2 % new, Zipf 1.05, 1 thread", kQueries / 4, std::min(repetitions_, 3),
            std::move(insert));
  }

 private:
  double find_ours() {
    return seconds_of(kThreads, [&](int t) {
      const auto [begin, end] = share(kQueries, kThreads, t);
      std::vector<int64_t> slots(kBatch);
      uint64_t sum = 0;
      for (int64_t at = begin; at < end; at += kBatch) {
        table_.find({keys_.data() + at, size_t(kBatch)}, slots);
        for (const int64_t slot : slots) sum += slot;
      }
      sink += sum;
    });
  }
  double find_line() {
    return seconds_of(kThreads, [&](int t) {
      const auto [begin, end] = share(kQueries, kThreads, t);
      uint64_t sum = 0;
      for (int64_t i = begin; i < end; ++i) {
        line_.prefetch(keys_[std::min(i + int64_t(kAhead), end - 1)]);
        sum += line_.find(keys_[i]);
      }
      sink += sum;
    });
  }
  double touch() {
    const std::byte* lines = touched_.data();
    const int shift = touch_shift_;
    return seconds_of(kThreads, [&](int t) {
      const auto [begin, end] = share(kQueries, kThreads, t);
      const auto at = [&](int64_t i) {
        return lines + ((keys_[i] * 0x9E3779B97F4A7C15ull) >> shift) * 64;
      };
      uint64_t sum = 0;
      for (int64_t i = begin; i < end; ++i) {
        __builtin_prefetch(at(std::min(i + int64_t(kAhead), end - 1)));
        sum += static_cast<uint64_t>(*at(i));
      }
      sink += sum;
    });
  }

  /// Every 50th of the keys is new; each call makes other ones.
  std::vector<uint64_t> keys_with_new() {
    ++salt_;
    std::vector<uint64_t> keys(keys_.begin(), keys_.begin() + kQueries / 4);
    for (size_t i = 0; i < keys.size(); i += 50) keys[i] = mix64(i + (salt_ << 40));
    return keys;
  }
  double insert_ours() {
    const auto keys = keys_with_new();
    std::vector<int64_t> slots(kBatch), created;
    return seconds_of(1, [&](int) {
      for (size_t at = 0; at < keys.size(); at += kBatch) {
        created.clear();
        table_.find_or_insert({keys.data() + at, size_t(kBatch)}, slots, created);
      }
      sink += slots[0];
    });
  }
  double insert_line() {
    const auto keys = keys_with_new();
    return seconds_of(1, [&](int) {
      uint64_t sum = 0;
      for (size_t i = 0; i < keys.size(); ++i) sum += line_.find_or_insert(keys[i], i);
      sink += sum;
    });
  }
#ifdef STRATA_BENCH_BOOST
  double find_boost() {
    return seconds_of(kThreads, [&](int t) {
      const auto [begin, end] = share(kQueries, kThreads, t);
      uint64_t sum = 0;
      for (int64_t i = begin; i < end; ++i) sum += boost_.find(keys_[i])->second;
      sink += sum;
    });
  }
  double insert_boost() {
    const auto keys = keys_with_new();
    return seconds_of(1, [&](int) {
      uint64_t sum = 0;
      for (size_t i = 0; i < keys.size(); ++i) sum += boost_.try_emplace(keys[i], i).first->second;
      sink += sum;
    });
  }
  BoostMap boost_;
#endif

  const Workload& work_;
  const int repetitions_;
  std::vector<uint64_t> keys_;
  storage::DramTable table_;
  Line line_;
  HugeBuffer touched_;
  int touch_shift_ = 0;
  uint64_t salt_ = 0;
};

/// Look-up and pooling of one table of kDim floats a row, one id a bag.
class PoolBench {
 public:
  PoolBench(const Workload& work, int repetitions)
      : work_(work),
        repetitions_(repetitions),
        tables_({config()}, {{.table = "t"}}, 1),
        out_(kPoolBatch * kDim),
        flat_(work.ids.size() * kDim * sizeof(float)) {
    const auto n = static_cast<int64_t>(work.ids.size());
    Batch batch;
    embedding::KeyedBatch keys;
    for (int64_t at = 0; at < n; at += kPoolBatch) {
      fill(batch, std::min(kPoolBatch, n - at), [&](int64_t i) { return work.ids[at + i]; });
      tables_.prepare(batch, keys, pool_);
      tables_.look_up(keys, embedding::LookUpMode::kTrain, 1, pool_);
    }
    auto* floats = reinterpret_cast<float*>(flat_.data());
    std::fill_n(floats, n * kDim, 1e-3f);
    const auto usage = tables_.usage(0);
    fmt::print("table of {} rows x {} floats: {:.3f} x (rows x (8 + row bytes))\n", usage.rows,
               kDim,
               static_cast<double>(usage.bytes()) /
                   static_cast<double>(usage.rows * (8 + tables_.layout(0).row_bytes())));
  }

  void run() {
    double prepare = 0, look_up = 0, pool = 0;
    std::vector<Contestant> contestants = {
        {"look-up + pool (keys prepared)", [&] { return ours(prepare, look_up, pool); }},
        {"limit: bare gather, huge pages", [&] { return gather(); }}};
    compare("look-up + pool, one id a bag, Zipf 1.05, 2 threads", kQueries, repetitions_,
            std::move(contestants));
    const double all = prepare + look_up + pool;
    fmt::print(
        "  shares: prepare {:.0f} % (one table: one thread), look-up {:.0f} %, pool {:.0f} %"
        "; with prepare {:.1f} M/s\n",
        100 * prepare / all, 100 * look_up / all, 100 * pool / all,
        static_cast<double>(kQueries) * repetitions_ / all / 1e6);
  }

 private:
  static embedding::TableConfig config() {
    embedding::TableConfig config;
    config.name = "t";
    config.dim = kDim;
    config.optimizer = {.algorithm = kernels::Sgd{}};
    return config;
  }
  template <class Id>
  static void fill(Batch& batch, int64_t size, Id id) {
    batch.size = size;
    batch.ids.resize(size);
    batch.offsets.resize(size + 1);
    for (int64_t i = 0; i < size; ++i) {
      batch.ids[i] = id(i);
      batch.offsets[i] = i;
    }
    batch.offsets[size] = size;
    batch.chunk_begin = {0, size};
  }

  /// Seconds of look-up and pooling; adds up the parts.
  double ours(double& prepare, double& look_up, double& pool) {
    double total = 0;
    const auto timed = [&](double& part, auto&& body) {
      const double seconds = seconds_of(1, [&](int) { body(); });
      part += seconds;
      return seconds;
    };
    Batch batch;
    for (int64_t at = 0; at < kQueries; at += kPoolBatch) {
      fill(batch, kPoolBatch, [&](int64_t i) { return work_.ids[work_.queries[at + i]]; });
      timed(prepare, [&] { tables_.prepare(batch, keys_, pool_); });
      total +=
          timed(look_up, [&] { tables_.look_up(keys_, embedding::LookUpMode::kTrain, 1, pool_); });
      total += timed(pool, [&] {
        constexpr int64_t kChunks = 8;
        pool_.parallel_for(kChunks, [&](int64_t c, int) {
          const int64_t begin = kPoolBatch * c / kChunks;
          tables_.pool(keys_, begin, kPoolBatch * (c + 1) / kChunks, out_.data() + begin * kDim,
                       kDim);
        });
      });
    }
    return total;
  }

  double gather() {
    const auto* floats = reinterpret_cast<const float*>(flat_.data());
    return seconds_of(kThreads, [&](int t) {
      for (int64_t at = 0; at < kQueries; at += kPoolBatch) {
        const auto [begin, end] = share(kPoolBatch, kThreads, t);
        const uint32_t* index = work_.queries.data() + at;
        for (int64_t i = begin; i < end; ++i) {
          const int64_t next = std::min(at + i + int64_t(kAhead), kQueries - 1) - at;
          __builtin_prefetch(floats + int64_t{index[next]} * kDim);
          std::memcpy(out_.data() + i * kDim, floats + int64_t{index[i]} * kDim,
                      kDim * sizeof(float));
        }
      }
    });
  }

  const Workload& work_;
  const int repetitions_;
  ThreadPool pool_{kThreads};
  embedding::Collection tables_;
  embedding::KeyedBatch keys_;
  AlignedVector<float> out_;
  HugeBuffer flat_;
};

/// Argument `index`, or `fallback` when it is not given; 0 when it is no number.
int64_t number(int argc, char** argv, int index, int64_t fallback) {
  if (index >= argc) return fallback;
  const std::string_view text(argv[index]);
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ptr == text.data() + text.size() ? value : 0;
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace
}  // namespace strata::bench

int main(int argc, char** argv) {
  using namespace strata::bench;
  const int64_t keys = number(argc, argv, 1, 10'000'000);
  const int64_t repetitions = number(argc, argv, 2, 5);
  if (keys < 1000 || keys > 1'000'000'000 || repetitions < 1 || repetitions > 1000) {
    fmt::print(stderr, "usage: table_bench [keys >= 1000 [repetitions >= 1]]\n");
    return 2;
  }
  double load = 0;
  if (getloadavg(&load, 1) != 1) load = 0;
  fmt::print("{}, {} hardware threads, instruction set {}, load average {:.1f}; {} keys\n",
             cpu_model(), std::thread::hardware_concurrency(),
             strata::isa::name(strata::isa::level()), load, keys);
  const Workload work(keys);
  {
    TableBench table(work, static_cast<int>(repetitions));
    table.run();
  }
  PoolBench pool(work, static_cast<int>(repetitions));
  pool.run();
  return sink == 42;
}
