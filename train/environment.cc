#include "train/environment.h"

#include <sys/utsname.h>

#include <fstream>
#include <string>
#include <thread>

#include "base/isa.h"
#include "train/memory_limit.h"

namespace strata::train {
namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(": ");
    return colon == std::string::npos ? line : line.substr(colon + 2);
  }
  return "unknown";
}

std::string operating_system() {
  utsname name{};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

}  // namespace

nlohmann::ordered_json describe_environment(const std::string& command_line, int threads) {
  return {{"strata", STRATA_VERSION},
          {"compiler", __VERSION__},
          {"system", operating_system()},
          {"cpu", cpu_model()},
          {"instruction_set", isa::name(isa::level())},
          {"cores", std::thread::hardware_concurrency()},
          {"threads", threads},
          {"memory_bytes", machine_memory_bytes()},
          {"command", command_line}};
}

}  // namespace strata::train
