// strata doctor: the machine, the build, and what would mend what is missing.
#include "cli/command.h"
#include "cli/doctor.h"

namespace strata::cli {

void add_doctor(CLI::App& app, Action& chosen) {
  app.add_subcommand("doctor", "Examine this machine and this build")->callback([&chosen] {
    chosen = [](const Context& context) {
      const std::vector<Finding> findings = examine();
      if (context.json) {
        print_json(to_json(findings));
      } else {
        print_text(to_text(findings));
      }
      return 0;
    };
  });
}

}  // namespace strata::cli
