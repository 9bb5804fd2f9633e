#!/bin/sh
# mutable_globals.sh LIBRARY...   Lists writable data in the libraries of the rooms: a variable that is shared by all
# simulated nodes of a process makes a seed mean two things. Reads the objects, so it sees what a text search cannot:
# function-local statics (with their guards), namespace variables, thread_local ones.
set -u
# death_reporter: the one hook of CHECK, set by the simulator before any node runs (kernel/check.h).
# CLI, std: constants of the command line parser's header and of iostream, touched before any node runs.
allowed='kernel::.*death_reporter| CLI::|guard variable for CLI::|std::__ioinit'
found=$(objdump -tC "$@" 2>/dev/null | awk '
  /^In archive|file format/ { next }
  { for (i = 2; i <= NF; i++)
      if ($i ~ /^\.(data|bss|tdata|tbss)/ && $i !~ /^\.data\.rel\.ro/ && $(i-1) != "d") {
        name = ""; for (j = i + 2; j <= NF; j++) name = name " " $j
        if (name != "") print name; break } }' | grep -vE "$allowed|DW\.ref\." | sort -u)
[ -z "$found" ] && exit 0
echo "writable variables outside any node (make them members of the node, the shard or the caller):"
echo "$found"
exit 1
