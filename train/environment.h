#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace strata::train {

/// What a result may depend on besides config and data, for env.json: version, compiler, operating
/// system, CPU and instruction set, cores, threads, memory, command line. Holds no secrets: of the
/// environment only the STRATA_ISA variable is read.
nlohmann::ordered_json describe_environment(const std::string& command_line, int threads);

}  // namespace strata::train
