#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace strata {

/// std::allocator with cache-line alignment, so that rows start on vector boundaries.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(google-explicit-constructor)
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlignment)); }
  void deallocate(T* p, size_t) { ::operator delete(p, kAlignment); }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};
template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// Page size a HugeBuffer asks for.
enum class Pages { kHuge, kSmall };

/// Anonymous zeroed memory: in steps of 2 MiB on huge pages where the kernel allows it, or (kSmall)
/// in steps of 4 KiB. Buffers of 2 MiB and more are aligned to 2 MiB. Physical memory is taken on
/// first touch, a page at a time. Throws Error{resource} when the mapping is refused.
class HugeBuffer {
 public:
  static constexpr size_t kHugePageBytes = size_t{2} << 20;
  static constexpr size_t kSmallPageBytes = size_t{4} << 10;

  HugeBuffer() = default;
  explicit HugeBuffer(size_t bytes, Pages pages = Pages::kHuge);
  HugeBuffer(HugeBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  HugeBuffer& operator=(HugeBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~HugeBuffer();

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  /// Takes the physical memory of [offset, offset + bytes) in one call rather than page by page on
  /// first touch, where the system can do so; rounded outwards to small pages.
  void populate(size_t offset, size_t bytes);
  /// Gives the physical memory of [offset, offset + bytes) back to the system; the range reads as
  /// zeros when it is touched again. Both are multiples of the page size.
  void release(size_t offset, size_t bytes);
  /// Moves [offset, offset + bytes), a touched range of small pages, to huge pages where the system
  /// can do so at once; else it stays as it is. Both are multiples of kHugePageBytes.
  void collapse(size_t offset, size_t bytes);

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace strata
