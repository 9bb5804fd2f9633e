// What would make one seed run two ways, or would reach around the node that code is given, may be named only
// where the seam to the machine is. The message says what to use instead.
#include <gtest/gtest.h>

#include "tests/tidy/source_tree.h"

namespace tidy {
namespace {

struct Ban {
  std::vector<std::string_view> tokens;
  std::vector<std::string_view> allowed_under;
  std::string_view instead;
};
const std::vector<Ban> kBans{
    {{"std::thread", "std::jthread", "std::mutex", "std::shared_mutex", "std::recursive_mutex", "std::lock_guard",
      "std::unique_lock", "std::scoped_lock", "std::condition_variable", "std::condition_variable_any", "std::async",
      "std::call_once", "std::counting_semaphore", "std::binary_semaphore", "std::latch", "std::barrier",
      "std::this_thread", "pthread_create"},
     {"kernel/posix/", "kernel/metrics."},  // metrics guard only the list that shards register in
     "fibers, scopes, channels, the kernel's mutex, or offload() for CPU work"},
    {{"_clock::now", "gettimeofday", "clock_gettime", "usleep", "nanosleep", " time(", "(time(", "::time(", "localtime",
      "localtime_r", "timerfd_create"},
     {"kernel/posix/"},
     "the node's clock and its timers"},
    {{"std::random_device", "std::mt19937", "std::mt19937_64", "std::default_random_engine", "rand(", "srand(", "drand48",
      "getrandom", "std::shuffle", "std::ranges::shuffle", "std::sample", "std::uniform_int_distribution",
      "std::uniform_real_distribution", "std::bernoulli_distribution", "std::exponential_distribution",
      "std::normal_distribution", "std::discrete_distribution"},
     {"kernel/posix/"},
     "the node's random, by domain, and its own draws: a library may change its distributions"},
    {{"::open(", "::openat(", "::read(", "::write(", "::close(", "::socket(", "::connect(", "::accept(", "::accept4(",
      "::bind(", "::listen(", "::send(", "::recv(", "::poll(", "epoll_create1", "epoll_wait", "epoll_ctl", "pread(",
      "pwrite(", "preadv", "pwritev", "pread64", "pwrite64", "fsync(", "fdatasync(", "syncfs(", "::unlink(", "::rename(",
      "::mmap(", "::fopen(", "fopen(", "std::ifstream", "std::ofstream", "std::fstream", "std::filesystem", "sendfile("},
     {"kernel/posix/", "net/codegen/"},  // the generator is a tool of the build and runs on no node
     "the node's disk and network"},
    {{"getenv", "secure_getenv", "setenv", "setlocale"}, {"kernel/posix/", "main.cc"}, "a setting that is passed in"},
    {{"::fork(", "posix_spawn", "std::system(", "::kill("},
     {"kernel/posix/", "main.cc"},
     "a job of the kernel: processes are of the machine"},
    {{"catch (...)", "catch(...)"}, {}, "nothing: it would swallow the unwinding of a crash. Catch a named type"},
    {{"std::format(", "std::print(", "std::println("}, {}, "fmt: g++ 12 has no std::format"},
    {{"std::expected<"}, {"kernel/result.h"}, "kernel::Result"},
    {{"std::hash<"}, {}, "a hash of ours: the library's may change between versions"},
};

/// The draws of kernel::Random.
constexpr std::array<std::string_view, 5> kDraws{"u64", "below", "between", "chance", "heavy_tail"};

/// Reads with `code` already stripped of comments and literals.
const Ban* broken_ban(std::string_view path, std::string_view code) {
  for (const Ban& ban : kBans) {
    const auto under = [&](std::string_view folder) { return path.starts_with(folder); };
    if (std::ranges::any_of(ban.allowed_under, under)) continue;
    if (std::ranges::any_of(ban.tokens, [&](std::string_view token) { return has_token(code, token); })) return &ban;
  }
  return nullptr;
}

/// A variable that outlives its scope and may change: `static` or `thread_local` without const.
bool is_mutable_static(std::string_view code) {
  const auto start = code.find_first_not_of(' ');
  if (start == code.npos) return false;
  std::string_view rest = code.substr(start);
  if (has_token(rest, "thread_local")) return true;
  if (!rest.starts_with("static ")) return false;
  for (const std::string_view constant : {"constexpr", "const", "consteval", "constinit const"}) {
    if (has_token(rest, constant)) return false;
  }
  const auto end = rest.find_first_of("(=;{");
  return end != rest.npos && rest[end] != '(';
}

/// Names declared as hash containers in `code`.
std::vector<std::string> hash_containers(std::string_view code) {
  std::vector<std::string> names;
  for (const std::string_view kind : {"unordered_map<", "unordered_set<", "unordered_multimap<"}) {
    for (std::size_t at = code.find(kind); at != code.npos; at = code.find(kind, at + 1)) {
      std::size_t i = at + kind.size();
      for (int depth = 1; i < code.size() && depth > 0; ++i) depth += code[i] == '<' ? 1 : code[i] == '>' ? -1 : 0;
      while (i < code.size() && (code[i] == ' ' || code[i] == '&')) ++i;
      std::size_t end = i;
      while (end < code.size() && is_word(code[end])) ++end;
      if (end > i) names.emplace_back(code.substr(i, end - i));
    }
  }
  return names;
}

bool walks(std::string_view line, std::string_view container) {
  const auto colon = line.find(" : ");
  if (has_token(line, "for") && colon != line.npos && has_token(line.substr(colon), container)) return true;
  return has_token(line, std::string{container} + ".begin()");
}

/// Where `code` draws twice in an order that is the compiler's choice: in two arguments of one call, or on both sides of an
/// operator that orders nothing. The index of the second draw's end, or npos.
std::size_t unordered_draws(std::string_view code) {
  struct Frame {
    bool is_call = false;       // ( or [: commas order nothing there
    bool is_draw = false;       // the call of a draw: it comes after what its arguments draw
    bool is_body = false;       // a block: what is drawn in it is not drawn where it stands
    bool is_condition = false;  // of if, for, while, switch: it comes before what follows
    bool drawn_since_order = false;
    bool drawn = false;  // at all
    bool drawn_in_earlier_argument = false;
  };
  const auto is_one_of = [](auto what, auto... names) { return ((what == names) || ...); };
  std::vector<Frame> frames{{.is_body = true}};
  std::string_view word;  // the last one, unless a bracket came after it
  bool word_is_draw = false;
  char last = ' ';
  for (std::size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    const std::string_view two = code.substr(i, 2);
    Frame& here = frames.back();
    if (is_word(c)) {
      std::size_t end = i;
      while (end < code.size() && is_word(code[end])) ++end;
      word = code.substr(i, end - i);
      word_is_draw = (last == '.' || last == '>') && std::ranges::find(kDraws, word) != kDraws.end();
      i = end - 1;
    } else if (c == '(' || c == '[' || c == '{') {
      const bool opens_body = c == '{' && (is_one_of(last, ')', ']', ';', '{', '}') || is_one_of(word, "mutable", "else", "do", "const", "noexcept"));
      frames.push_back({.is_call = c != '{', .is_draw = word_is_draw && c == '(', .is_body = opens_body,
                        .is_condition = is_one_of(word, "if", "for", "while", "switch")});
      word = {};
      word_is_draw = false;
    } else if (is_one_of(c, ')', ']', '}') && frames.size() > 1) {
      const Frame inner = here;
      frames.pop_back();
      Frame& outer = frames.back();
      if (inner.is_body && !outer.is_call) outer.drawn_since_order = outer.drawn = false;
      if (inner.is_draw || ((inner.drawn || inner.drawn_in_earlier_argument) && !inner.is_body && !inner.is_condition)) {
        if (outer.drawn_since_order || outer.drawn_in_earlier_argument) return i;
        outer.drawn_since_order = outer.drawn = true;
      }
      word = {};
    } else if (c == ';') {
      here.drawn_since_order = here.drawn = false;
    } else if (c == ',' && here.is_call) {
      here.drawn_in_earlier_argument |= here.drawn;
      here.drawn_since_order = here.drawn = false;
    } else if (c == '?' || c == ':' || c == ',' || is_one_of(two, "&&", "||", "<<") ||
               (c == '=' && two != "==" && !is_one_of(last, '=', '!', '<', '>'))) {
      here.drawn_since_order = false;  // what comes now comes after it
    }
    if (c != ' ' && c != '\n') last = c;
  }
  return code.npos;
}

TEST(BannedCalls, no_draw_depends_on_the_order_of_arguments) {
  for (const SourceFile& file : source_files()) {
    if (!file.is_cpp()) continue;
    const std::string code = code_only(file.text);
    const std::size_t at = unordered_draws(code);
    EXPECT_EQ(at, code.npos) << place(file, static_cast<std::size_t>(std::ranges::count(code.substr(0, std::min(at, code.size())), '\n')))
                             << ": two draws whose order each compiler chooses: name the first one's value";
  }
}

TEST(BannedCalls, only_the_seam_names_the_machine) {
  for (const SourceFile& file : source_files()) {
    if (!file.is_production()) continue;
    const std::string code = code_only(file.text);
    const auto lines = lines_of(code);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Ban* ban = broken_ban(file.path, lines[i]);
      EXPECT_EQ(ban, nullptr) << place(file, i) << ": " << lines[i] << "\n  use instead: " << (ban ? ban->instead : "");
    }
  }
}

TEST(BannedCalls, no_variable_outlives_its_node) {
  for (const SourceFile& file : source_files()) {
    if (!file.is_production() || file.path.starts_with("kernel/posix/")) continue;
    const std::string code = code_only(file.text);
    const auto lines = lines_of(code);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_FALSE(is_mutable_static(lines[i]))
          << place(file, i) << ": " << lines[i] << "\n  use instead: a member of the node, the shard or the caller";
    }
  }
}

TEST(BannedCalls, nothing_walks_a_hash_container) {
  const auto files = source_files();
  for (const SourceFile& file : files) {
    if (!file.is_production()) continue;
    const std::string code = code_only(file.text);
    auto names = hash_containers(code);
    // A class declares its members in the header beside the .cc that walks them.
    const std::string header = file.path.substr(0, file.path.rfind('.')) + ".h";
    const auto beside = std::ranges::find(files, header, &SourceFile::path);
    if (beside != files.end()) std::ranges::copy(hash_containers(code_only(beside->text)), std::back_inserter(names));
    const auto lines = lines_of(code);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (const std::string& name : names) {
        EXPECT_FALSE(walks(lines[i], name)) << place(file, i) << ": " << lines[i] << "\n  the order of " << name
                                            << " differs between builds: use an ordered container or sort the keys";
      }
    }
  }
}

TEST(BannedCalls, the_rules_see_what_they_are_for) {
  EXPECT_NE(broken_ban("net/a.cc", "  std::thread t;"), nullptr);
  EXPECT_NE(broken_ban("net/a.cc", "auto n = std::chrono::steady_clock::now();"), nullptr);
  EXPECT_NE(broken_ban("sim/a.cc", "x = time(nullptr);"), nullptr);
  EXPECT_NE(broken_ban("sim/a.cc", "int r = rand();"), nullptr);
  EXPECT_NE(broken_ban("broker/a.cc", "const int fd = ::open(p, O_RDONLY);"), nullptr);
  EXPECT_NE(broken_ban("broker/a.cc", "} catch (...) {"), nullptr);
  EXPECT_NE(broken_ban("kernel/posix/a.cc", "} catch (...) {"), nullptr);
  EXPECT_EQ(broken_ban("kernel/posix/a.cc", "const int fd = ::open(p, O_RDONLY);"), nullptr);
  EXPECT_EQ(broken_ban("net/a.cc", "log.segment_time(f); operand(x); disk.open(f, path);"), nullptr);
  EXPECT_EQ(broken_ban("net/a.cc", code_only("// std::thread here\nauto s = \"std::mutex\";")), nullptr);
  for (const std::string_view code : {"use(r.below(2), r.between(0, 3));", "use(T{r.below(2) == 0 ? a : b}, r.below(3));", "use(r.below(2) == 0 ? a : b,\n  r.below(3));",
                                      "x = r.below(2) + r.below(3);", "fmt::format(s, T{r.below(2)}, r->below(3));"})
    EXPECT_NE(unordered_draws(code), code.npos) << code;
  for (const std::string_view code : {"const T t{r.below(2), r.between(0, 3)};", "r.between(0, r.below(3));", "x = r.below(2); y = r.below(3);",
                                      "if (r.below(2) == 0 || r.below(3) == 0) x = r.below(2) == 0 ? r.below(3) : r.below(4);",
                                      "run([&] { x = r.below(2); }, [&](T t) { y = r.below(2); });"})
    EXPECT_EQ(unordered_draws(code), code.npos) << code;
  EXPECT_TRUE(is_mutable_static("  static int calls = 0;"));
  EXPECT_TRUE(is_mutable_static("static std::vector<int> pool;"));
  EXPECT_TRUE(is_mutable_static("  thread_local int depth = 0;"));
  EXPECT_FALSE(is_mutable_static("  static constexpr int kMax = 3;"));
  EXPECT_FALSE(is_mutable_static("  static Result<Frame> decode(ByteView in);"));
  const auto names = hash_containers("std::unordered_map<int, std::vector<int>> waiting_; std::map<int, int> sorted_;");
  ASSERT_EQ(names, std::vector<std::string>{"waiting_"});
  EXPECT_TRUE(walks("  for (auto& [id, list] : waiting_) {", "waiting_"));
  EXPECT_FALSE(walks("  for (auto& [id, list] : waiting_sorted) {", "waiting_"));
}

}  // namespace
}  // namespace tidy
