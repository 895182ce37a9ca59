#include "tests/cli/strata_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace strata::tests {
namespace {

std::string make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "strata_cli_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

void redirect(int to, const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || dup2(file, to) < 0) _exit(126);
}

[[noreturn]] void become_strata(const std::vector<std::string>& arguments,
                                const std::string& folder,
                                const std::vector<std::string>& environment) {
  std::vector<char*> argv = {const_cast<char*>(STRATA_BINARY)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  for (const std::string& entry : environment) putenv(const_cast<char*>(entry.c_str()));
  if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
  execv(STRATA_BINARY, argv.data());
  _exit(127);
}

}  // namespace

nlohmann::json Outcome::json() const {
  std::string last;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) last = line;
  return nlohmann::json::parse(last, nullptr, false);
}

StrataProcess::StrataProcess(const std::vector<std::string>& arguments, const std::string& folder,
                             const std::vector<std::string>& environment)
    : files_(make_folder()) {
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ > 0) return;
  redirect(STDOUT_FILENO, files_ + "/out");
  redirect(STDERR_FILENO, files_ + "/err");
  become_strata(arguments, folder, environment);
}

StrataProcess::~StrataProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::filesystem::remove_all(files_);
}

void StrataProcess::send(int signal) const { kill(pid_, signal); }

bool StrataProcess::wait_for_error(const std::string& text, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < deadline) {
    if (read(files_ + "/err").find(text) != std::string::npos) return true;
    siginfo_t info{};
    const bool ended =
        waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid != 0;
    if (ended) return read(files_ + "/err").find(text) != std::string::npos;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

Outcome StrataProcess::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read(files_ + "/out"), read(files_ + "/err")};
}

std::string StrataProcess::read(const std::string& path) const {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> train_command(const std::string& config,
                                       const std::vector<std::string>& settings,
                                       const std::vector<std::string>& more) {
  std::vector<std::string> words = {"train", config, "--json"};
  for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Outcome run_strata(const std::vector<std::string>& arguments, const std::string& folder,
                   const std::vector<std::string>& environment) {
  return StrataProcess(arguments, folder, environment).wait();
}

ScratchFolder::ScratchFolder() : path_(make_folder()) {}
ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }

std::string ScratchFolder::path(const std::string& name) const {
  return name.empty() ? path_ : path_ + "/" + name;
}

void ScratchFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name), std::ios::binary) << text;
}

std::string criteo_lines(int rows, int bad_line) {
  std::string out;
  for (int i = 1; i <= rows; ++i) {
    out += i == bad_line ? "x" : std::to_string(i % 3 == 0);
    for (int f = 0; f < 13; ++f) out += "\t" + std::to_string((i * 7 + f) % 50);
    for (int f = 0; f < 26; ++f) {
      char id[16];
      std::snprintf(id, sizeof id, "\t%08x", static_cast<unsigned>((i * 31 + f * 17) % 40));
      out += id;
    }
    out += "\n";
  }
  return out;
}

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace strata::tests
