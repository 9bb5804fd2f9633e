// What a test of an oracle asks for in the end.
#pragma once

#include <set>
#include <string>

#include "scenarios/run.h"

namespace scenarios {

/// Ends the run. The rules that were found broken, each once, in alphabetical order: "D1 L4".
inline std::string broken_rules(Run& run) {
  std::set<std::string> rules;
  for (const Violation& violation : run.finish().violations) rules.insert(violation.rule);
  std::string text;
  for (const std::string& rule : rules) text += (text.empty() ? "" : " ") + rule;
  return text;
}

}  // namespace scenarios
