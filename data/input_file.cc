#include "data/input_file.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/shipped.h"

namespace strata::data {
namespace {

[[noreturn]] void throw_errno(const std::string& path, int error) {
  const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::kMissing : ErrorCode::kIo;
  throw Error{code, "{}: {}", path, std::generic_category().message(error)};
}

void require_regular_file(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) throw_errno(path, errno);
  if (S_ISDIR(status.st_mode)) {
    throw Error{ErrorCode::kConfig, "{}: is a directory; name its files, for example {}/*.gz", path,
                path};
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error{ErrorCode::kConfig, "{}: is not a regular file, and positions need one", path};
  }
}

std::vector<std::string> glob_matches(const std::string& pattern) {
  glob_t found{};
  const int rc = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  if (rc == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (rc != 0 && rc != GLOB_NOMATCH) {
    throw Error{ErrorCode::kIo, "{}: the folder cannot be read", pattern};
  }
  std::sort(paths.begin(), paths.end(), natural_less);
  return paths;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digit run at `i` without leading zeros; moves `i` behind it.
std::string_view digit_run(const std::string& text, size_t& i) {
  while (i < text.size() && text[i] == '0') ++i;
  const size_t begin = i;
  while (i < text.size() && is_digit(text[i])) ++i;
  return std::string_view(text).substr(begin, i - begin);
}

/// A format that is not read, by its name or its first bytes, and the command that makes it one
/// that is: {0} is the file, {1} its name without the ending.
struct OtherFormat {
  std::string_view name;
  std::string_view ending;
  size_t offset;
  std::string_view magic;
  const char* command;
};
constexpr OtherFormat kOtherFormats[] = {
    {"bzip2", ".bz2", 4, "1AY&SY", "bzcat {0} | zstd -o {1}.zst"},
    {"xz", ".xz", 0, "\xFD\x37zXZ", "xzcat {0} | zstd -o {1}.zst"},
    {"zip", ".zip", 0, "PK\x03\x04", "unzip -p {0} | zstd -o {1}.zst"},
    {"Parquet", ".parquet", 0, "PAR1\x15",
     "python3 -c \"import pandas; pandas.read_parquet('{0}').to_csv('{1}.csv.gz', index=False)\""},
};

void refuse_other_formats(const std::string& path, std::string_view head) {
  for (const OtherFormat& format : kOtherFormats) {
    const bool named = path.ends_with(format.ending);
    const bool begins = head.substr(std::min(format.offset, head.size())).starts_with(format.magic);
    if (!named && !begins) continue;
    const std::string stem = path.substr(0, path.size() - (named ? format.ending.size() : 0));
    throw Error{
        ErrorCode::kData,
        "{}: is {}, which Strata does not read; it reads Criteo TSV and CSV, plain, gzip or "
        "zstd. Convert it: {}",
        path, format.name, fmt::format(fmt::runtime(format.command), path, stem)};
  }
}

}  // namespace

bool natural_less(const std::string& a, const std::string& b) {
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view x = digit_run(a, i);
      const std::string_view y = digit_run(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (a[i] != b[j]) return static_cast<uint8_t>(a[i]) < static_cast<uint8_t>(b[j]);
    ++i;
    ++j;
  }
  if (i < a.size() || j < b.size()) return i == a.size();
  return a < b;  // "01" and "1": equal numbers, distinct names
}

std::vector<std::string> expand_inputs(std::span<const std::string> patterns) {
  std::vector<std::string> files;
  for (const std::string& given : patterns) {
    const std::string pattern = shipped_path(given);
    const bool is_glob = pattern.find_first_of("*?[") != std::string::npos;
    struct stat status;
    if (!is_glob || ::stat(pattern.c_str(), &status) == 0) {
      files.push_back(pattern);
      continue;
    }
    std::vector<std::string> matches = glob_matches(pattern);
    if (matches.empty()) {
      throw Error{ErrorCode::kMissing, "{}: no file matches", pattern};
    }
    files.insert(files.end(), matches.begin(), matches.end());
  }
  for (const std::string& file : files) require_regular_file(file);
  return files;
}

InputFile::InputFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_.get() < 0) throw_errno(path_, errno);
}

int64_t InputFile::bytes() const {
  struct stat status;
  if (::fstat(fd_.get(), &status) != 0) throw_errno(path_, errno);
  return status.st_size;
}

int64_t InputFile::read_at(int64_t offset, char* out, int64_t bytes) const {
  int64_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(fd_.get(), out + done, static_cast<size_t>(bytes - done), offset + done);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(path_, errno);
    done += got;
  }
  return done;
}

int64_t InputFile::end_of_hole(int64_t offset) const {
  const off_t found = ::lseek(fd_.get(), offset, SEEK_DATA);
  if (found >= 0) return found;
  return errno == ENXIO ? std::max(offset, bytes()) : offset;
}

Compression detect_compression(const InputFile& file) {
  std::array<char, 16> first{};
  const int64_t got = file.read_at(0, first.data(), first.size());
  const std::string_view head(first.data(), static_cast<size_t>(got));
  refuse_other_formats(file.path(), head);
  Compression found = Compression::kNone;
  if (head.starts_with("\x1f\x8b")) found = Compression::kGzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) found = Compression::kZstd;
  if (got == 0) return Compression::kNone;
  const std::string_view name = file.path();
  if (name.ends_with(".gz") && found != Compression::kGzip) {
    throw Error{ErrorCode::kData, "{}: is not gzip data, as its name says", file.path()};
  }
  if (name.ends_with(".zst") && found != Compression::kZstd) {
    throw Error{ErrorCode::kData, "{}: is not zstd data, as its name says", file.path()};
  }
  return found;
}

}  // namespace strata::data
