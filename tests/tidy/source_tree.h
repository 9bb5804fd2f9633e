// The source tree as the tidy tests see it: every file of ours with its path from the top and its text.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace tidy {

/// The rooms whose code is production code.
inline constexpr std::array<std::string_view, 6> kRooms{"kernel", "sim", "net", "broker", "clients", "scenarios"};

struct SourceFile {
  std::string path;  ///< from the top of the tree, "net/frame.h"
  std::string text;

  [[nodiscard]] std::string_view room() const { return std::string_view{path}.substr(0, path.find('/')); }
  [[nodiscard]] std::string_view extension() const {
    const auto dot = path.rfind('.');
    const auto slash = path.rfind('/');
    if (dot == std::string::npos || (slash != std::string::npos && dot < slash)) return {};
    return std::string_view{path}.substr(dot);
  }
  [[nodiscard]] bool is_cpp() const { return extension() == ".cc" || extension() == ".h"; }
  /// Code of the product rather than of its tests: a room's, or main.cc.
  [[nodiscard]] bool is_production() const {
    return is_cpp() && (path == "main.cc" || std::ranges::find(kRooms, room()) != kRooms.end());
  }
};

inline std::filesystem::path top() { return KALDA_SOURCE_DIR; }

/// Every file of ours, sorted by path. Builds, data and dot folders other than .ci are not ours.
inline std::vector<SourceFile> source_files() {
  namespace fs = std::filesystem;
  std::vector<SourceFile> files;
  for (auto it = fs::recursive_directory_iterator{top()}; it != fs::recursive_directory_iterator{}; ++it) {
    const std::string name = it->path().filename().string();
    const bool outside = (name.starts_with('.') && name != ".ci") || name == "__pycache__" || name == "node_modules" ||
                         (name == "build" && it.depth() == 0);
    if (it->is_directory()) {
      if (outside) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file() || outside) continue;
    std::ifstream in{it->path(), std::ios::binary};
    files.push_back({fs::relative(it->path(), top()).string(), std::string{std::istreambuf_iterator<char>{in}, {}}});
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

/// `code` with comments, string and character literals blanked out (newlines kept, so line numbers hold).
inline std::string code_only(std::string_view code) {
  std::string out{code};
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < std::min(to, out.size()); ++i) {
      if (out[i] != '\n') out[i] = ' ';
    }
  };
  for (std::size_t i = 0; i < code.size();) {
    if (code.substr(i, 2) == "//") {
      const std::size_t end = std::min(code.find('\n', i), code.size());
      blank(i, end);
      i = end;
    } else if (code.substr(i, 2) == "/*") {
      const std::size_t end = code.find("*/", i + 2);
      const std::size_t stop = end == code.npos ? code.size() : end + 2;
      blank(i, stop);
      i = stop;
    } else if (code.substr(i, 2) == "R\"") {
      const std::size_t open = code.find('(', i);
      const std::string close = ")" + std::string{code.substr(i + 2, open - i - 2)} + "\"";
      const std::size_t end = code.find(close, open);
      const std::size_t stop = end == code.npos ? code.size() : end + close.size();
      blank(i + 1, stop);
      i = stop;
    } else if (code[i] == '"' || (code[i] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(code[i - 1]))))) {
      const char quote = code[i];
      std::size_t end = i + 1;
      while (end < code.size() && code[end] != quote && code[end] != '\n') end += code[end] == '\\' ? 2 : 1;
      blank(i + 1, end);
      i = end + 1;
    } else {
      ++i;
    }
  }
  return out;
}

inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

inline bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Whether `line` holds `token` as a whole: not a piece of a longer name at whichever end is a name. A token that
/// starts with '_' is the end of a name.
inline bool has_token(std::string_view line, std::string_view token) {
  for (std::size_t at = line.find(token); at != line.npos; at = line.find(token, at + 1)) {
    // "::open(" is the machine's; "Log::open(" is ours.
    const bool ours = token.starts_with("::") && at > 0 && (is_word(line[at - 1]) || line[at - 1] == '>');
    const bool left = !ours && (!is_word(token.front()) || token.front() == '_' || at == 0 || !is_word(line[at - 1]));
    const std::size_t end = at + token.size();
    const bool right = !is_word(token.back()) || end == line.size() || !is_word(line[end]);
    if (left && right) return true;
  }
  return false;
}

/// "path:line", as compilers print it.
inline std::string place(const SourceFile& file, std::size_t line_index) {
  return file.path + ":" + std::to_string(line_index + 1);
}

}  // namespace tidy
