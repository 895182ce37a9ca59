#include "train/yaml_node.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "base/utf8.h"

namespace strata::train {
namespace {

/// What a subtree costs when an alias repeats it.
struct Weight {
  size_t nodes = 0;
  size_t bytes = 0;
  int height = 0;
};

Weight weigh(const YamlNode& node) {
  Weight total{1, node.scalar.size(), 0};
  const auto include = [&](const YamlNode& child) {
    const Weight w = weigh(child);
    total.nodes += w.nodes;
    total.bytes += w.bytes;
    total.height = std::max(total.height, w.height + 1);
  };
  for (const YamlNode& item : node.items) include(item);
  for (const YamlEntry& entry : node.entries) {
    total.bytes += entry.key.size();
    include(entry.value);
  }
  return total;
}

/// Builds the tree from the parser's events and enforces the limits as they come.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(int source, Problems& problems, const YamlLimits& limits)
      : source_(source), problems_(problems), limits_(limits) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      fail(place(mark, 3), "a config is one YAML document; a second starts here");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    complete(make(YamlNode::Kind::kNull, mark, 1), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) fail(place(mark, 1), "this alias refers to a node around itself");
    const Weight weight = weigh(found->second);
    if (static_cast<int>(stack_.size()) + weight.height > limits_.depth) fail_depth(place(mark, 1));
    charge(weight, place(mark, 1));
    complete(found->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode node = make(YamlNode::Kind::kScalar, mark, value.size());
    node.quoted = tag == "!";
    if (node.quoted) node.place.length += 2;
    charge({0, value.size(), 0}, node.place);
    node.scalar = value;
    complete(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlNode> key;                 // of a map: the key that waits for its value
    std::unordered_map<std::string, int> lines;  // of a map: where each key stands
  };

  SourcePlace place(const YAML::Mark& mark, size_t length) const {
    return {source_, mark.line + 1, mark.column + 1, static_cast<int>(length)};
  }

  [[noreturn]] void fail(const SourcePlace& where, std::string message) {
    problems_.add(where, std::move(message));
    throw ConfigError(problems_.report());
  }
  [[noreturn]] void fail_depth(const SourcePlace& where) {
    fail(where, fmt::format("nested deeper than {} levels", limits_.depth));
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    fail(place(mark, 1), fmt::format("tags are not supported: '{}'", tag));
  }

  void charge(const Weight& weight, const SourcePlace& where) {
    nodes_ += weight.nodes;
    bytes_ += weight.bytes;
    if (nodes_ > limits_.nodes) {
      fail(where, fmt::format("more than {} values (aliases count as what they expand to)",
                              limits_.nodes));
    }
    if (bytes_ > limits_.scalar_bytes) {
      fail(where, fmt::format("more than {} bytes of text (aliases count as what they expand to)",
                              limits_.scalar_bytes));
    }
  }

  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark, size_t length) {
    YamlNode node;
    node.kind = kind;
    node.place = place(mark, length);
    charge({1, 0, 0}, node.place);
    return node;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    if (static_cast<int>(stack_.size()) >= limits_.depth) fail_depth(place(mark, 1));
    stack_.push_back({make(kind, mark, 1), anchor, std::nullopt, {}});
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    complete(std::move(frame.node), frame.anchor);
  }

  void complete(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      charge(weigh(node), node.place);
      anchors_[anchor] = node;
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& parent = stack_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      add_entry(parent, std::move(node));
    }
  }

  void add_entry(Frame& map, YamlNode value) {
    const YamlNode key = std::move(*map.key);
    map.key.reset();
    if (key.kind != YamlNode::Kind::kScalar) {
      problems_.add(key.place, "a key must be a word");
      return;
    }
    if (key.scalar == "<<" && !key.quoted) {
      problems_.add(key.place, "merge keys ('<<') are not supported",
                    "write the keys out, or use tables.defaults");
      return;
    }
    const auto [first, fresh] = map.lines.try_emplace(key.scalar, key.place.line);
    if (!fresh) {
      problems_.add(key.place, fmt::format("duplicate key '{}'", key.scalar),
                    fmt::format("it is first given at line {}", first->second));
      return;
    }
    map.node.entries.push_back({key.scalar, key.place, std::move(value)});
  }

  int source_;
  Problems& problems_;
  YamlLimits limits_;
  YamlNode root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  int documents_ = 0;
  size_t nodes_ = 0;
  size_t bytes_ = 0;
};

SourcePlace place_at(int source, std::string_view text, size_t at) {
  const std::string_view head = text.substr(0, at);
  const auto line = std::count(head.begin(), head.end(), '\n') + 1;
  const size_t begin = head.rfind('\n');
  const size_t column = begin == std::string_view::npos ? at + 1 : at - begin;
  return {source, static_cast<int>(line), static_cast<int>(column), 1};
}

/// Why a byte may not stand in a config; empty when it may. `length`: of the sequence it begins.
std::string byte_fault(char c, size_t length) {
  const auto byte = static_cast<unsigned char>(c);
  if (length == 0) return fmt::format("invalid UTF-8 (byte 0x{:02x})", byte);
  const bool control = (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 127;
  return control ? fmt::format("control character 0x{:02x}", byte) : std::string();
}

void check_bytes(int source, std::string_view text, Problems& problems) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    const std::string fault = byte_fault(text[at], length);
    if (!fault.empty()) {
      problems.add(place_at(source, text, at), fault);
      problems.throw_if_any();
    }
    at += length;
  }
}

/// Tabs may not indent: YAML forbids it, and parsers report it far from the cause. The parser looks
/// ahead within a line before its first event, so the length of lines bounds its memory.
void check_lines(int source, std::string_view text, const YamlLimits& limits, Problems& problems) {
  size_t faults = 0;
  for (size_t begin = 0; begin < text.size() && faults < 20;) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    const size_t first = line.find_first_not_of(" \t\r");
    const size_t tab = line.find('\t');
    if (first != std::string_view::npos && line[first] != '#' && tab < first) {
      problems.add(place_at(source, text, begin + tab), "tab used for indentation; use spaces");
      ++faults;
    }
    if (line.size() > limits.line_bytes) {
      problems.add(place_at(source, text, begin),
                   fmt::format("line longer than {} bytes", limits.line_bytes));
      ++faults;
    }
    begin = end + 1;
  }
  if (faults > 0) problems.throw_if_any();
}

/// Bounds the tokens of the text before the parser sees it: within brackets it looks ahead to their
/// end before its first event, at about 250 bytes of memory a token.
void check_tokens(int source, std::string_view text, const YamlLimits& limits, Problems& problems) {
  constexpr std::string_view kAlways = "[]{},\"'&*!|>%@`";
  constexpr std::string_view kBeforeSpace = "-?:";
  size_t found = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool before_space = at + 1 < text.size() && (text[at + 1] == ' ' || text[at + 1] == '\n');
    const bool indicator = kAlways.find(text[at]) != std::string_view::npos ||
                           (before_space && kBeforeSpace.find(text[at]) != std::string_view::npos);
    if (!indicator || ++found <= limits.nodes) continue;
    problems.add(place_at(source, text, at), fmt::format("more than {} values", limits.nodes));
    problems.throw_if_any();
  }
}

void parse_into(TreeBuilder& builder, const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(builder)) {
  }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const YamlEntry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).find(key));
}

YamlNode parse_yaml(int source, Problems& problems, const YamlLimits& limits) {
  const std::string text = problems.source(source).text;
  if (text.size() > limits.bytes) {
    problems.add({source, 1, 1, 1},
                 fmt::format("larger than {} bytes; this is not a config", limits.bytes));
    problems.throw_if_any();
  }
  check_bytes(source, text, problems);
  check_lines(source, text, limits, problems);
  check_tokens(source, text, limits, problems);
  TreeBuilder builder(source, problems, limits);
  try {
    parse_into(builder, text);
  } catch (const YAML::Exception& e) {
    problems.add({source, e.mark.line + 1, e.mark.column + 1, 1}, "YAML syntax: " + e.msg);
    problems.throw_if_any();
  }
  return builder.take();
}

YamlNode read_yaml_file(const std::string& path, Problems& problems, const YamlLimits& limits) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kMissing : ErrorCode::kIo;
    throw Error(code, "config file '{}': {}", path, std::strerror(errno));
  }
  if (std::filesystem::is_directory(path)) {
    throw Error(ErrorCode::kIo, "config file '{}' is a directory", path);
  }
  std::string text(limits.bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) throw Error(ErrorCode::kIo, "config file '{}': read", path);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  const int source = problems.add_source({ConfigSource::Kind::kFile, path, std::move(text)});
  return parse_yaml(source, problems, limits);
}

}  // namespace strata::train
