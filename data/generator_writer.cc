#include "data/generator_writer.h"

#include <algorithm>
#include <string>
#include <vector>

namespace strata::data {

void generate_tsv(const CriteoGenerator& generator, int64_t begin, int64_t end, ThreadPool& pool,
                  const std::function<void(std::string_view)>& write) {
  constexpr int64_t kLines = 4096;  // about 1 MB of text: one task
  constexpr int64_t kTasks = 16;
  std::vector<std::string> texts(kTasks);
  for (int64_t start = begin; start < end; start += kTasks * kLines) {
    const int64_t tasks = std::min(kTasks, (end - start + kLines - 1) / kLines);
    pool.parallel_for(tasks, [&](int64_t task, int) {
      std::string& text = texts[task];
      text.clear();
      const int64_t first = start + task * kLines;
      for (int64_t i = first; i < std::min(end, first + kLines); ++i) {
        CriteoGenerator::append_tsv(generator.row(i), text);
      }
    });
    for (int64_t task = 0; task < tasks; ++task) write(texts[task]);
  }
}

}  // namespace strata::data
