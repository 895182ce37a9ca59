#pragma once
// Reads the safetensors files that tests/golden/twin.py writes.

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace strata::models {

/// One file: named flat arrays. Throws std::runtime_error for a missing file, name or type.
class GoldenFile {
 public:
  explicit GoldenFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    uint64_t header_bytes = 0;
    if (bytes_.size() < 8) throw std::runtime_error("no golden file " + path);
    std::memcpy(&header_bytes, bytes_.data(), 8);
    header_ = nlohmann::json::parse(bytes_.begin() + 8, bytes_.begin() + 8 + header_bytes);
    data_ = 8 + header_bytes;
  }

  /// Names that start with `prefix`, without it.
  std::vector<std::string> names(const std::string& prefix) const {
    std::vector<std::string> out;
    for (const auto& [name, entry] : header_.items()) {
      if (name.starts_with(prefix)) out.push_back(name.substr(prefix.size()));
    }
    return out;
  }

  template <class T>
  std::vector<T> read(const std::string& name) const {
    if (!header_.contains(name)) throw std::runtime_error("no golden array " + name);
    const auto& entry = header_[name];
    if (entry["dtype"] != type_name(T{})) throw std::runtime_error("type of golden array " + name);
    const size_t begin = entry["data_offsets"][0];
    const size_t end = entry["data_offsets"][1];
    std::vector<T> out((end - begin) / sizeof(T));
    std::memcpy(out.data(), bytes_.data() + data_ + begin, end - begin);
    return out;
  }

 private:
  static std::string type_name(float) { return "F32"; }
  static std::string type_name(double) { return "F64"; }
  static std::string type_name(int64_t) { return "I64"; }
  static std::string type_name(uint64_t) { return "U64"; }

  std::vector<char> bytes_;
  nlohmann::json header_;
  size_t data_ = 0;
};

}  // namespace strata::models
