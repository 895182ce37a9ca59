#pragma once
// Runs the built `strata` as a user does: a process of its own, with its exit code and output.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace strata::tests {

/// What a finished process left.
struct Outcome {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;

  /// The last line of standard output as JSON; discarded where it is none.
  nlohmann::json json() const;
};

/// A running `strata`; killed when it is destroyed before wait().
class StrataProcess {
 public:
  /// `environment`: "NAME=value" besides the test's own. `folder`: where it runs.
  StrataProcess(const std::vector<std::string>& arguments, const std::string& folder = "",
                const std::vector<std::string>& environment = {});
  ~StrataProcess();
  StrataProcess(const StrataProcess&) = delete;
  StrataProcess& operator=(const StrataProcess&) = delete;

  int pid() const { return pid_; }
  void send(int signal) const;
  /// Waits until standard error so far contains `text`; false after `seconds` or the end.
  bool wait_for_error(const std::string& text, double seconds);
  Outcome wait();

 private:
  std::string read(const std::string& path) const;

  std::string files_;  // temporary folder with out and err
  int pid_ = -1;
};

/// Runs to the end.
Outcome run_strata(const std::vector<std::string>& arguments, const std::string& folder = "",
                   const std::vector<std::string>& environment = {});

/// In the source folder, where the shipped configs find their data.
inline Outcome in_source(const std::vector<std::string>& arguments) {
  return run_strata(arguments, STRATA_SOURCE_DIR);
}

/// `strata train config --json` with values set ("key=value"), then `more`.
std::vector<std::string> train_command(const std::string& config,
                                       const std::vector<std::string>& settings,
                                       const std::vector<std::string>& more);

/// An empty folder for one test, removed with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string path(const std::string& name = "") const;
  void write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

/// The text of `rows` well-formed Criteo lines, a third of them positive; line `bad_line` (from 1;
/// 0: none) has a label that is no number.
std::string criteo_lines(int rows, int bad_line = 0);

/// All bytes of a file.
std::string read_text(const std::string& path);

}  // namespace strata::tests
