#include "tests/storage/memory_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace strata::storage {
namespace {

using Node = MemoryFileSystem::Node;

class MemoryWritableFile final : public WritableFile {
 public:
  MemoryWritableFile(std::string path, std::shared_ptr<Node> node)
      : WritableFile(std::move(path)), node_(std::move(node)) {}
  int64_t write_once(std::span<const std::byte> bytes) override {
    node_->now.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return static_cast<int64_t>(bytes.size());
  }
  int sync_once() override {
    node_->durable = node_->now;
    return 0;
  }

 private:
  std::shared_ptr<Node> node_;
};

class MemoryReadableFile final : public ReadableFile {
 public:
  MemoryReadableFile(std::string path, std::shared_ptr<Node> node)
      : ReadableFile(std::move(path), static_cast<int64_t>(node->now.size())),
        node_(std::move(node)) {}
  int64_t read_once(int64_t offset, std::span<std::byte> out) const override {
    const auto size = static_cast<int64_t>(node_->now.size());
    if (offset >= size) return 0;
    const int64_t n = std::min(size - offset, static_cast<int64_t>(out.size()));
    std::memcpy(out.data(), node_->now.data() + offset, static_cast<size_t>(n));
    return n;
  }

 private:
  std::shared_ptr<Node> node_;
};

void revert(Node& node) {
  node.now = node.durable;
  node.entries = node.durable_entries;
  for (auto& [name, below] : node.entries) revert(*below);
}

}  // namespace

MemoryFileSystem::MemoryFileSystem() : FileSystem("memory"), root_(std::make_shared<Node>()) {
  root_->directory = true;
}

void MemoryFileSystem::power_loss() { revert(*root_); }

std::string& MemoryFileSystem::content(const std::string& name) { return find(name)->now; }

std::shared_ptr<Node> MemoryFileSystem::find(const std::string& name) const {
  std::shared_ptr<Node> node = root_;
  for (size_t at = 0; at < name.size();) {
    const size_t slash = std::min(name.find('/', at), name.size());
    const auto next = node->entries.find(name.substr(at, slash - at));
    if (next == node->entries.end()) throw file_error("find", path(name), ENOENT);
    node = next->second;
    at = slash + 1;
  }
  return node;
}

std::pair<std::shared_ptr<Node>, std::string> MemoryFileSystem::parent_of(
    const std::string& name) const {
  const size_t slash = name.rfind('/');
  if (slash == name.npos) return {root_, name};
  return {find(name.substr(0, slash)), name.substr(slash + 1)};
}

std::unique_ptr<WritableFile> MemoryFileSystem::do_create(const std::string& name, DurableStep) {
  auto [parent, leaf] = parent_of(name);
  auto [at, added] = parent->entries.emplace(leaf, std::make_shared<Node>());
  if (!added) throw file_error("create", path(name), EEXIST);
  return std::make_unique<MemoryWritableFile>(path(name), at->second);
}

void MemoryFileSystem::do_make_directory(const std::string& name, DurableStep) {
  auto [parent, leaf] = parent_of(name);
  auto [at, added] = parent->entries.emplace(leaf, std::make_shared<Node>());
  if (!added) throw file_error("create", path(name), EEXIST);
  at->second->directory = true;
}

void MemoryFileSystem::do_rename(const std::string& from, const std::string& to, DurableStep) {
  auto [old_parent, old_leaf] = parent_of(from);
  auto [new_parent, new_leaf] = parent_of(to);
  const auto node = find(from);
  new_parent->entries[new_leaf] = node;
  old_parent->entries.erase(old_leaf);
}

void MemoryFileSystem::do_remove(const std::string& name, DurableStep) {
  const auto node = find(name);
  if (!node->entries.empty()) throw file_error("remove", path(name), ENOTEMPTY);
  auto [parent, leaf] = parent_of(name);
  parent->entries.erase(leaf);
}

void MemoryFileSystem::do_sync_directory(const std::string& name, DurableStep) {
  const auto node = find(name);
  node->durable_entries = node->entries;
}

std::unique_ptr<ReadableFile> MemoryFileSystem::do_open(const std::string& name) const {
  return std::make_unique<MemoryReadableFile>(path(name), find(name));
}

std::vector<Entry> MemoryFileSystem::do_list(const std::string& name) const {
  std::vector<Entry> entries;
  for (const auto& [leaf, node] : find(name)->entries) {
    entries.push_back({leaf, node->directory ? EntryKind::kDirectory : EntryKind::kFile,
                       static_cast<int64_t>(node->now.size())});
  }
  return entries;
}

}  // namespace strata::storage
