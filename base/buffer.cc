#include "base/buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace strata {
namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

HugeBuffer::HugeBuffer(size_t bytes) : bytes_((bytes + kHugePage - 1) / kHugePage * kHugePage) {
  if (bytes == 0) return;
  // Map one huge page more than needed and give back the ends, so that the start is aligned.
  const size_t mapped = bytes_ + kHugePage;
  void* raw = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) {
    throw Error(ErrorCode::kResource, "cannot map {} bytes of memory: {}", mapped,
                std::strerror(errno));
  }
  const auto start = reinterpret_cast<uintptr_t>(raw);
  const uintptr_t aligned = (start + kHugePage - 1) / kHugePage * kHugePage;
  if (aligned > start) munmap(raw, aligned - start);
  const uintptr_t end = aligned + bytes_;
  if (start + mapped > end) munmap(reinterpret_cast<void*>(end), start + mapped - end);
  data_ = reinterpret_cast<std::byte*>(aligned);
  madvise(data_, bytes_, MADV_HUGEPAGE);  // advice only; 4 KiB pages are correct too
}

HugeBuffer::~HugeBuffer() {
  if (data_) munmap(data_, bytes_);
}

}  // namespace strata
