#include "cli/output_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"

namespace strata::cli {

OutputFile::OutputFile(const std::string& path)
    : path_(path), partial_(path + ".partial"), out_(partial_, std::ios::binary) {
  if (!out_) throw Error(ErrorCode::kIo, "cannot write {}: {}", path_, std::strerror(errno));
}

OutputFile::~OutputFile() {
  if (!committed_) std::remove(partial_.c_str());
}

void OutputFile::commit() {
  out_.close();
  if (!out_) throw Error(ErrorCode::kIo, "cannot write {}: is the disk full?", path_);
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) {
    throw Error(ErrorCode::kIo, "cannot write {}: {}", path_, std::strerror(errno));
  }
  committed_ = true;
}

}  // namespace strata::cli
