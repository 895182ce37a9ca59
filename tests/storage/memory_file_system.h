#pragma once
// A file system in memory that knows what is on the disk and what is only in the page cache.

#include <map>
#include <memory>
#include <string>

#include "storage/file_system.h"

namespace strata::storage {

/// Every file and directory has two states: the present one and the one that survives a power loss
/// (bytes by sync, names by sync_directory). power_loss() goes back to the second, in the least
/// kind way POSIX allows: what was not synced never happened.
class MemoryFileSystem final : public FileSystem {
 public:
  struct Node {
    bool directory = false;
    std::string now, durable;                                               // of a file
    std::map<std::string, std::shared_ptr<Node>> entries, durable_entries;  // of a directory
  };

  MemoryFileSystem();
  int64_t available_bytes() const override { return available_bytes_; }
  void set_available_bytes(int64_t bytes) { available_bytes_ = bytes; }

  /// What an operating system finds after the machine lost power.
  void power_loss();

  /// Present content of a file, to be read or damaged at will.
  std::string& content(const std::string& name);

 protected:
  std::unique_ptr<WritableFile> do_create(const std::string& name, DurableStep step) override;
  void do_make_directory(const std::string& name, DurableStep step) override;
  void do_rename(const std::string& from, const std::string& to, DurableStep step) override;
  void do_remove(const std::string& name, DurableStep step) override;
  void do_sync_directory(const std::string& name, DurableStep step) override;
  std::unique_ptr<ReadableFile> do_open(const std::string& name) const override;
  std::vector<Entry> do_list(const std::string& name) const override;

 private:
  std::shared_ptr<Node> find(const std::string& name) const;
  std::pair<std::shared_ptr<Node>, std::string> parent_of(const std::string& name) const;

  std::shared_ptr<Node> root_;
  int64_t available_bytes_ = int64_t{1} << 40;
};

}  // namespace strata::storage
