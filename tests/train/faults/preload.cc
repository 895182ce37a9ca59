// A library to preload into `strata`: what a machine can do to a process.
//   STRATA_TEST_CALL_LOG=FILE     writes "number call path" of every call that changes what a crash
//                                 leaves: the fail points of storage/fail_point.h lie around these
//   STRATA_TEST_KILL_AT=NUMBER    SIGKILL before that call; with STRATA_TEST_KILL_AFTER=1 after it
//   STRATA_TEST_HANG_AT=TEXT      a call whose path has that text never comes back
//   STRATA_TEST_CLOCK=jump        the wall clock jumps a day back and forth at every look
//   STRATA_TEST_CLOCK=stop        the wall clock stands still
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

std::string path_of(int folder, const char* name) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  char path[PATH_MAX];
  const ssize_t size = readlink(link, path, sizeof path);
  std::string whole(path, size > 0 ? static_cast<size_t>(size) : 0);
  if (name != nullptr) whole += std::string("/") + name;
  return whole;
}

std::atomic<long> calls{0};

void log_call(long number, const char* call, const std::string& path) {
  const char* log = std::getenv("STRATA_TEST_CALL_LOG");
  if (log == nullptr) return;
  std::FILE* file = std::fopen(log, "a");
  if (file == nullptr) return;
  std::fprintf(file, "%ld %s %s\n", number, call, path.c_str());
  std::fclose(file);
}

/// Makes the call, or dies before or after it.
template <class F>
int counted(const char* call, const std::string& path, F make) {
  const long number = ++calls;
  log_call(number, call, path);
  const auto chosen = [number](const char* name) {
    const char* at = std::getenv(name);
    return at != nullptr && std::to_string(number) == at;
  };
  const char* hang = std::getenv("STRATA_TEST_HANG_AT");
  while (hang != nullptr && path.find(hang) != std::string::npos) sleep(1);
  const bool dies = chosen("STRATA_TEST_KILL_AT");
  const bool after = std::getenv("STRATA_TEST_KILL_AFTER") != nullptr;
  if (dies && !after) raise(SIGKILL);
  const int result = make();
  if (dies) raise(SIGKILL);
  return result;
}

}  // namespace

extern "C" int fsync(int file) {
  return counted("fsync", path_of(file, nullptr), [&] { return next<int(int)>("fsync")(file); });
}

extern "C" int mkdirat(int folder, const char* name, mode_t mode) {
  return counted("mkdirat", path_of(folder, name), [&] {
    return next<int(int, const char*, mode_t)>("mkdirat")(folder, name, mode);
  });
}

extern "C" int unlinkat(int folder, const char* name, int flags) {
  return counted("unlinkat", path_of(folder, name),
                 [&] { return next<int(int, const char*, int)>("unlinkat")(folder, name, flags); });
}

extern "C" int renameat(int from, const char* name, int to, const char* target) {
  return counted("renameat", path_of(to, target), [&] {
    return next<int(int, const char*, int, const char*)>("renameat")(from, name, to, target);
  });
}

extern "C" int openat(int folder, const char* name, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  const auto open = [&] {
    return next<int(int, const char*, int, ...)>("openat")(folder, name, flags, mode);
  };
  if ((flags & O_CREAT) == 0) return open();
  return counted("openat", path_of(folder, name), open);
}

extern "C" int clock_gettime(clockid_t clock, timespec* out) {
  const int result = next<int(clockid_t, timespec*)>("clock_gettime")(clock, out);
  const char* mode = std::getenv("STRATA_TEST_CLOCK");
  if (clock != CLOCK_REALTIME || mode == nullptr) return result;
  constexpr time_t kDay = 86'400;
  static std::atomic<long> looks{0};
  if (std::strcmp(mode, "stop") == 0) *out = {.tv_sec = 1'000'000'000, .tv_nsec = 0};
  if (std::strcmp(mode, "jump") == 0) out->tv_sec += ++looks % 2 == 0 ? kDay : -kDay;
  return result;
}
