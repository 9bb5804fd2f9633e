#!/usr/bin/env bash
# What the completion script of `kalda` ($1) offers at the end of a command line, as bash hands it over.
set -u
source <("$1" completion bash)
failed=0

# offers LINE WORD...: LINE's last word, cut where bash cuts it, can become each WORD (and what else there is).
offers() {
  local line=$1 word got
  shift
  line=${line//=/ = }
  line=${line//:/ : }
  read -ra COMP_WORDS <<<"$line"
  [[ $line != *' ' || $line == *'= ' ]] || COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _kalda
  got=" ${COMPREPLY[*]-} "
  for word in "$@"; do
    case $word in
      !*) [[ $got != *" ${word#!} "* ]] || { echo "'$line' offers ${word#!}:$got"; failed=1; } ;;
      *) [[ $got == *" $word "* ]] || { echo "'$line' does not offer $word:$got"; failed=1; } ;;
    esac
  done
}

offers "kalda " serve sim topic --log-level completion
offers "kalda se" serve !sim
offers "kalda --log-level debug serve --" --config !--seeds
offers "kalda --log-level=debug sim r" run replay !mutants
offers "kalda --log-level " debug info warn error !serve
offers "kalda --log-level=w" warn !debug
offers "kalda --log-format=" auto text json
offers "kalda completion " bash zsh
offers "kalda completion z" zsh !bash
offers "kalda sim run --scenario " broker-survives !--seeds
offers "kalda sim run -s b" broker-survives
offers "kalda sim run --seeds 4 --format " text json
offers "kalda sim run --seeds 4 --" --scenario --first-seed
offers "kalda sim replay 3 --s" --scenario !--seeds
offers "kalda topic list --bootstrap-server localhost:9092 --" --help !--log-level
offers "kalda produce orders --format " raw json hex !--count
offers "kalda produce orders --" --count --rate --progress --report
offers "kalda consume orders --format=" raw json hex
offers "kalda consume orders --from 5 --" --to --rate --progress
offers "kalda sim run --junit "  !--seeds !run
# As zsh hands it over.
COMP_WORDS=(kalda sim run --format=j) COMP_CWORD=3
_kalda
[ "${COMPREPLY[*]}" = --format=json ] || { echo "--format=j becomes ${COMPREPLY[*]}"; failed=1; }
exit $failed
