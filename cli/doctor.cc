#include "cli/doctor.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "base/isa.h"
#include "cli/version.h"
#include "train/memory_limit.h"

namespace strata::cli {
namespace {

using State = Finding::State;

std::string read_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// The value of "name : value" in /proc/cpuinfo or /proc/meminfo.
std::string proc_value(const std::string& path, std::string_view name) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    const size_t colon = line.find(':');
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && begin != std::string::npos) return line.substr(begin);
  }
  return {};
}

Finding operating_system() {
  utsname name{};
  uname(&name);
  return {State::kGood, "system", fmt::format("{} {} {}", name.sysname, name.release, name.machine),
          "", ""};
}

Finding cpu() {
  const std::string flags = proc_value("/proc/cpuinfo", "flags");
  std::string found;
  for (const char* feature : {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"}) {
    const std::string padded = " " + flags + " ";
    if (padded.find(fmt::format(" {} ", feature)) != std::string::npos) {
      found += fmt::format(" {}", feature);
    }
  }
  return {State::kGood, "cpu",
          fmt::format("{}, {} threads,{}", proc_value("/proc/cpuinfo", "model name"),
                      std::thread::hardware_concurrency(), found.empty() ? " no SIMD" : found),
          "", ""};
}

Finding instruction_set() {
  const isa::Level level = isa::level();
  Finding finding{State::kGood, "kernels", isa::name(level), "", ""};
  if (level == isa::Level::kBaseline) {
    finding.state = State::kNote;
    finding.disables = "no AVX2: training is several times slower on this CPU";
  }
  return finding;
}

Finding memory() {
  const std::string available = proc_value("/proc/meminfo", "MemAvailable");
  const int64_t free_bytes = std::strtoll(available.c_str(), nullptr, 10) * 1024;
  return {State::kGood, "memory",
          fmt::format("{}, {} free", train::format_bytes(train::machine_memory_bytes()),
                      train::format_bytes(free_bytes)),
          "", ""};
}

Finding disk() {
  std::error_code error;
  const auto space = std::filesystem::space(".", error);
  Finding finding{State::kGood, "disk", "", "", ""};
  if (error) {
    finding.state = State::kNote;
    finding.value = error.message();
    return finding;
  }
  finding.value =
      fmt::format("{} free here", train::format_bytes(static_cast<int64_t>(space.available)));
  constexpr uint64_t kLittle = uint64_t{1} << 30;
  if (space.available < kLittle) {
    finding.state = State::kNote;
    finding.disables = "checkpoints of large tables will not fit";
    finding.mend = "--set checkpoint.path=… on a larger disk";
  }
  return finding;
}

Finding huge_pages() {
  const std::string text = read_line("/sys/kernel/mm/transparent_hugepage/enabled");
  const bool off = text.empty() || text.find("[never]") != std::string::npos;
  Finding finding{State::kGood, "huge pages", text, "", ""};
  if (off) {
    finding.state = State::kMissing;
    if (text.empty()) finding.value = "not offered by this kernel";
    finding.disables = "look-ups in large tables are up to 2.6 times slower";
    finding.mend = "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled";
  }
  return finding;
}

struct LibraryClose {
  void operator()(void* library) const { dlclose(library); }
};

/// Number of GPUs and driver version by libcuda; nothing without a driver.
struct Driver {
  int devices = 0;
  int version = 0;  // 1000 * major + 10 * minor
};

std::optional<Driver> cuda_driver() {
  const std::unique_ptr<void, LibraryClose> library(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL));
  if (!library) return std::nullopt;
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(library.get(), "cuInit"));
  const auto count = reinterpret_cast<int (*)(int*)>(dlsym(library.get(), "cuDeviceGetCount"));
  const auto version = reinterpret_cast<int (*)(int*)>(dlsym(library.get(), "cuDriverGetVersion"));
  Driver driver;
  if (init == nullptr || count == nullptr || version == nullptr) return std::nullopt;
  if (version(&driver.version) != 0) driver.version = 0;
  if (init(0) != 0 || count(&driver.devices) != 0) driver.devices = 0;
  return driver;
}

Finding gpu() {
  const std::optional<Driver> driver = cuda_driver();
  const std::string unused = "; not needed: this version trains on the CPU";
  if (!driver) return {State::kNote, "gpu", "no driver (libcuda.so.1)" + unused, "", ""};
  const std::string version =
      fmt::format("driver for CUDA {}.{}", driver->version / 1000, driver->version % 1000 / 10);
  if (driver->devices == 0) {
    return {State::kNote, "gpu", "none visible, " + version + unused, "", ""};
  }
  return {State::kGood, "gpu", fmt::format("{} visible, {}{}", driver->devices, version, unused),
          "", ""};
}

std::string_view state_name(State state) {
  switch (state) {
    case State::kGood:
      return "ok";
    case State::kNote:
      return "note";
    case State::kMissing:
      return "missing";
  }
  return "?";
}

}  // namespace

std::vector<Finding> examine() {
  std::vector<Finding> out = {operating_system(), cpu(), instruction_set(), memory(), disk(),
                              huge_pages(),       gpu()};
  out.push_back({State::kGood, "strata", STRATA_VERSION, "", ""});
  for (const Component& part : components()) {
    const bool there = !part.version.empty();
    const State absent = part.mend.empty() ? State::kNote : State::kMissing;
    out.push_back({there ? State::kGood : absent, part.name, there ? part.version : "not built in",
                   there ? "" : part.enables, there ? "" : part.mend});
  }
  return out;
}

std::string to_text(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out +=
        fmt::format("{:<8} {:<14} {}\n", state_name(finding.state), finding.subject, finding.value);
    if (!finding.disables.empty()) out += fmt::format("{:24}disables: {}\n", "", finding.disables);
    if (!finding.mend.empty()) out += fmt::format("{:24}mend: {}\n", "", finding.mend);
  }
  return out;
}

nlohmann::ordered_json to_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"subject", finding.subject},
                    {"state", state_name(finding.state)},
                    {"value", finding.value},
                    {"disables", finding.disables},
                    {"mend", finding.mend}});
  }
  return {{"findings", list}};
}

}  // namespace strata::cli
