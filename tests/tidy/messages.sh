#!/usr/bin/env bash
# What `kalda` ($1) says when it does not work: one line that names what and where, says what to do next, and nothing of
# our source or our numbers.
set -u
kalda=$1
ground=$(mktemp -d)
trap 'rm -rf "$ground"' EXIT
failed=0

# says STATUS PATTERN WORD...: `kalda WORD...` ends with that status, and what it says last matches the pattern.
says() {
  local status=$1 pattern=$2 said got
  shift 2
  said=$("$kalda" "$@" 2>&1 >/dev/null </dev/null)
  got=$?
  if [ "$got" != "$status" ] || ! grep -qE -e "$pattern" <<<"$said" || [ "$(grep -c . <<<"$said")" != 1 ] ||
    grep -qE '\.(cc|h):[0-9]|(kernel|net|broker|clients)\.[a-z0-9_]+' <<<"$said" || [ "${#said}" -gt 400 ]; then
    echo "kalda $* ended with $got, $status was to be, and said: $said"
    failed=1
  fi
}

endless=$(printf '9%.0s' {1..309})
for number in "$endless" 99999999999 0 -1 abc 1.5; do
  says 2 'topic create: --partitions: .* no whole number from 1 to 2147483647; see ' topic create orders "--partitions=$number"
done
says 2 '--replication-factor: .* from 1 to 32767' topic create orders --replication-factor 32768
says 2 '--timeout: .* no number above 0' topic list --timeout "$endless"
says 2 '--timeout: .* no number above 0' topic list --timeout 0
says 2 '--rate: nan is no number' consume orders --rate nan
says 2 '--partition: .* no whole number' consume orders --partition 0,4294967296
says 2 '--count: .* no whole number' consume orders --count "$endless"
says 2 '--acks: 5 is none of 0,1,all,-1' produce orders --acks 5
says 2 '--seeds: .* no whole number' sim run --seeds "$endless"
says 2 '^kalda: there is no command snore; see ' snore
says 2 '^kalda topic: there is no command snore; see ' topic snore
says 2 '^kalda topic: a command is missing; see ' topic
says 2 '^kalda consume: topic is required; see ' consume

says 2 "cannot read $ground/none: No such file or directory; name a server.properties" serve --config "$ground/none"
says 2 "cannot read $ground: Is a directory; name a server.properties" serve --config "$ground"
says 2 "cannot read $ground/none: No such file or directory; name " doctor --config "$ground/none"
says 2 "cannot write $ground/none/x.xml: No such file or directory; name a file" sim run --seeds 1 --junit "$ground/none/x.xml"
says 1 "$ground/none: No such file or directory; name a file or directory" log dump "$ground/none"
says 1 '127.0.0.1:1: Connection refused; .*kalda serve' topic list -b 127.0.0.1:1

# Whose directory it is: the words for the reason stand behind the advice.
mkdir "$ground/data" && printf 'version=1\nnode.id=7\ncluster.id=4L6g3nShT-eMCtK--X86sw\ndirectory.id=D7Kv7pxZQRilo4_1vbcyQg\n' >"$ground/data/meta.properties"
said=$("$kalda" --log-level error serve --set "log.dirs=$ground/data" --set listeners=PLAINTEXT://127.0.0.1:0 --set kalda.admin.port=-1 2>&1)
grep -qE "^kalda serve: $ground/data/meta.properties says node.id=7.*\(foreign node\)$" <<<"$said" || { echo "of a foreign directory: $said"; failed=1; }
exit $failed
