#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/thread_pool.h"
#include "data/generator.h"

namespace strata::data {

/// Makes rows [begin, end) as Criteo TSV and hands them to `write` in order, some thousand lines at
/// a time. Rows are made in parallel; the bytes do not depend on the number of threads.
void generate_tsv(const CriteoGenerator& generator, int64_t begin, int64_t end, ThreadPool& pool,
                  const std::function<void(std::string_view)>& write);

}  // namespace strata::data
