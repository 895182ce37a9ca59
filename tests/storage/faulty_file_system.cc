#include "tests/storage/faulty_file_system.h"

#include <cerrno>

namespace strata::storage {
namespace {

class FaultyWritableFile final : public WritableFile {
 public:
  FaultyWritableFile(FaultyFileSystem& files, std::unique_ptr<WritableFile> inner)
      : WritableFile(inner->path()), files_(files), inner_(std::move(inner)) {}

  int64_t write_once(std::span<const std::byte> bytes) override {
    const Fault fault = files_.next_call();
    if (files_.full()) return -ENOSPC;
    if (fault == Fault::kIoError) return -EIO;
    if (fault == Fault::kInterrupt) return -EINTR;
    if (fault == Fault::kNone || bytes.size() < 2) return inner_->write_once(bytes);
    if (fault == Fault::kNoSpace) files_.set_full();
    return inner_->write_once(bytes.first(bytes.size() / 2));
  }
  int sync_once() override {
    const Fault fault = files_.next_call();
    if (fault == Fault::kIoError) return -EIO;
    if (fault == Fault::kNoSpace) return -ENOSPC;
    return fault == Fault::kInterrupt ? -EINTR : inner_->sync_once();
  }

 private:
  FaultyFileSystem& files_;
  std::unique_ptr<WritableFile> inner_;
};

class FaultyReadableFile final : public ReadableFile {
 public:
  FaultyReadableFile(const FaultyFileSystem& files, std::unique_ptr<ReadableFile> inner)
      : ReadableFile(inner->path(), inner->bytes()), files_(files), inner_(std::move(inner)) {}

  int64_t read_once(int64_t offset, std::span<std::byte> out) const override {
    const Fault fault = files_.next_call();
    if (fault == Fault::kIoError) return -EIO;
    if (fault == Fault::kInterrupt) return -EINTR;
    if (fault == Fault::kShortWrite) out = out.first((out.size() + 1) / 2);
    return inner_->read_once(offset, out);
  }

 private:
  const FaultyFileSystem& files_;
  std::unique_ptr<ReadableFile> inner_;
};

}  // namespace

void FaultyFileSystem::crash_at(FailPoint point) {
  set_hook([this, point](FailPoint reached) {
    if (crashed_ || reached == point) {
      crashed_ = true;
      throw SimulatedCrash();
    }
  });
}

Fault FaultyFileSystem::next_call() const {
  if (crashed_) throw SimulatedCrash();
  return ++calls_ == at_ ? fault_ : Fault::kNone;
}

void FaultyFileSystem::enter(const std::string& name, bool writes) const {
  const Fault fault = next_call();
  if (fault == Fault::kIoError) throw file_error("use", path(name), EIO);
  if (writes && (full_ || fault == Fault::kNoSpace)) throw file_error("use", path(name), ENOSPC);
}

std::unique_ptr<WritableFile> FaultyFileSystem::do_create(const std::string& name,
                                                          DurableStep step) {
  enter(name, true);
  return std::make_unique<FaultyWritableFile>(*this, inner_.create(name, step));
}

void FaultyFileSystem::do_make_directory(const std::string& name, DurableStep step) {
  enter(name, true);
  inner_.make_directory(name, step);
}

void FaultyFileSystem::do_rename(const std::string& from, const std::string& to, DurableStep step) {
  enter(from, true);
  inner_.rename(from, to, step);
}

void FaultyFileSystem::do_remove(const std::string& name, DurableStep step) {
  enter(name, false);
  inner_.remove(name, step);
}

void FaultyFileSystem::do_sync_directory(const std::string& name, DurableStep step) {
  enter(name, true);
  inner_.sync_directory(name, step);
}

std::unique_ptr<ReadableFile> FaultyFileSystem::do_open(const std::string& name) const {
  enter(name, false);
  return std::make_unique<FaultyReadableFile>(*this, inner_.open(name));
}

std::vector<Entry> FaultyFileSystem::do_list(const std::string& name) const {
  enter(name, false);
  return inner_.list(name);
}

}  // namespace strata::storage
