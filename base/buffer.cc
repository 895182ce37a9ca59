#include "base/buffer.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/error.h"

namespace strata {
namespace {

std::byte* map_pages(size_t bytes) {
  void* raw = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) {
    throw Error(ErrorCode::kResource, "cannot map {} bytes of memory: {}", bytes,
                std::strerror(errno));
  }
  return static_cast<std::byte*>(raw);
}

size_t round_up(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

}  // namespace

HugeBuffer::HugeBuffer(size_t bytes, Pages pages) {
  if (bytes == 0) return;
  const bool huge = pages == Pages::kHuge;
  bytes = round_up(bytes, huge ? kHugePageBytes : kSmallPageBytes);
  if (bytes < kHugePageBytes) {
    data_ = map_pages(bytes);
  } else {
    // Map one huge page more than needed and give back the ends, so that the start is aligned.
    std::byte* raw = map_pages(bytes + kHugePageBytes);
    const size_t before = -reinterpret_cast<uintptr_t>(raw) % kHugePageBytes;
    if (before > 0) munmap(raw, before);
    if (before < kHugePageBytes) munmap(raw + before + bytes, kHugePageBytes - before);
    data_ = raw + before;
  }
  bytes_ = bytes;
  // Advice only; either size is correct.
  madvise(data_, bytes_, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

HugeBuffer::~HugeBuffer() {
  if (data_) munmap(data_, bytes_);
}

void HugeBuffer::populate(size_t offset, size_t bytes) {
  STRATA_CHECK(offset <= bytes_ && bytes <= bytes_ - offset, "populate", offset, bytes, bytes_);
  const size_t begin = offset / kSmallPageBytes * kSmallPageBytes;
  const size_t end = round_up(offset + bytes, kSmallPageBytes);
#ifdef MADV_POPULATE_WRITE
  madvise(data_ + begin, end - begin, MADV_POPULATE_WRITE);
#else
  constexpr int kMadvPopulateWrite =
      23;  // Linux 5.14; older kernels refuse it: first touch does it
  madvise(data_ + begin, end - begin, kMadvPopulateWrite);
#endif
}

void HugeBuffer::release(size_t offset, size_t bytes) {
  STRATA_CHECK(offset <= bytes_ && bytes <= bytes_ - offset, "release", offset, bytes, bytes_);
  madvise(data_ + offset, bytes, MADV_DONTNEED);
}

void HugeBuffer::collapse(size_t offset, size_t bytes) {
  STRATA_CHECK(offset <= bytes_ && bytes <= bytes_ - offset, "collapse", offset, bytes, bytes_);
  madvise(data_ + offset, bytes, MADV_HUGEPAGE);
#ifdef MADV_COLLAPSE
  madvise(data_ + offset, bytes, MADV_COLLAPSE);
#else
  constexpr int kMadvCollapse = 25;  // Linux 6.1; older kernels refuse it and collapse in time
  madvise(data_ + offset, bytes, kMadvCollapse);
#endif
}

}  // namespace strata
