#pragma once
// What this program was built with.

#include <string>
#include <vector>

namespace strata::cli {

/// A library or part of the program.
struct Component {
  std::string name;
  std::string version;  // empty: not built in
  std::string enables;  // what it is for: what is missing without it
  std::string mend;     // the command that adds it; empty where nothing can be done
};

/// Compiler, libraries and optional parts, in a fixed order.
std::vector<Component> components();

/// "strata 0.1.0" and one line per component.
std::string version_text();

}  // namespace strata::cli
