"""Our own command line, judged by what a broker and its scripts are told. Runs against Apache Kafka as well."""
import json
import re
import subprocess
import time

from harness import Skip, check, run


def kalda(ctx, *words, stdin=None):
    """The lines of `--format json`."""
    out = run([ctx.program, *words, "--format", "json", "-b", ctx.address], stdin=stdin)
    return [json.loads(line) for line in out.decode().splitlines()]


def fails(ctx, *words, status=1):
    """What it says when it does not work."""
    done = subprocess.run([str(ctx.program), *words, "-b", ctx.address], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (done.returncode, done.stderr)
    return done.stderr


@check("kalda: settings of topics are set, appended to, taken back, and shown with their sources")
def topic_settings(ctx):
    name = ctx.new_topic("config")

    def described(setting):
        return kalda(ctx, "config", "describe", "topic", name, setting)[0]

    assert kalda(ctx, "config", "set", "topic", name, "retention.ms=12345", "flush.ms=77")[0]["changed"]
    told = described("retention.ms")
    assert (told["value"], told["source"]) == ("12345", "set on the topic"), told
    assert [one["value"] for one in told["synonyms"]][0] == "12345"
    assert {one["name"] for one in kalda(ctx, "config", "describe", "topic", name)} >= {"retention.ms", "flush.ms"}
    kalda(ctx, "config", "set", "topic", name, "--append", "cleanup.policy=compact")
    assert described("cleanup.policy")["value"] == "delete,compact"
    kalda(ctx, "config", "set", "topic", name, "--subtract", "cleanup.policy=delete")
    assert described("cleanup.policy")["value"] == "compact"
    kalda(ctx, "config", "unset", "topic", name, "retention.ms")
    told = described("retention.ms")
    assert (told["value"], told["source"]) == ("604800000", "built in"), told
    assert not kalda(ctx, "config", "set", "topic", name, "flush.ms=1", "--dry-run")[0]["changed"]
    assert described("flush.ms")["value"] == "77"


@check("kalda: a setting of one broker, or of all, reaches topics that have none of their own")
def broker_settings(ctx):
    name = ctx.new_topic("config")
    for broker, source in (("1", "set on the broker"), ("default", "set for all brokers")):
        kalda(ctx, "config", "set", "broker", broker, "message.max.bytes=765432")
        try:
            told = kalda(ctx, "config", "describe", "topic", name, "max.message.bytes")[0]
            assert (told["value"], told["source"]) == ("765432", source), told
        finally:
            kalda(ctx, "config", "unset", "broker", broker, "message.max.bytes")
    assert {"kind": "topic", "resource": name} in kalda(ctx, "config", "list")


@check("kalda: a setting that is refused changes nothing and says why")
def refused(ctx):
    name = ctx.new_topic("config")
    said = fails(ctx, "config", "set", "topic", name, "retention.ms=5", "cleanup.policy=burn")
    assert "INVALID_CONFIG" in said and "nothing was changed" in said, said
    assert kalda(ctx, "config", "describe", "topic", name, "retention.ms")[0]["value"] == "604800000"
    assert "UNKNOWN_TOPIC_OR_PARTITION" in fails(ctx, "config", "set", "topic", name + "-none", "retention.ms=5")
    assert "kalda config explain" in fails(ctx, "config", "describe", "topic", name, "retention.weeks")


@check("kalda: settings are explained without a broker, misspelt ones with the nearest name")
def explained(ctx):
    out = run([ctx.program, "config", "explain", "retention.ms", "--format", "json"])
    told = json.loads(out)
    assert (told["default"], told["unit"], told["changes"]) == ("604800000", "milliseconds", "any time"), told
    assert "log.retention.ms" in told["broker_synonyms"], told
    done = subprocess.run([str(ctx.program), "config", "explain", "retentoin.ms"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "did you mean retention.ms?" in done.stderr, done.stderr


@check("kalda: what consume prints in each format produce takes, and reading keeps to its bounds")
def formats(ctx):
    name, copy, reader = ctx.new_topic("forms"), ctx.new_topic("copy"), ctx.topic_name("reader")
    began = int(time.time() * 1000) - 60_000
    lines = [{"key": "k", "value": "v", "headers": [{"name": "h", "value": "x"}, {"name": "i", "value_hex": "ff"}]},
             {"key_hex": "fe", "value": None, "headers": []}, {"key": None, "value": "w", "headers": []}]
    for i, line in enumerate(lines):
        line["timestamp_ms"] = began + i * 1000
    told = kalda(ctx, "produce", name, "--report", "json", stdin="".join(json.dumps(one) + "\n" for one in lines).encode())
    assert told[0]["ok"] == 3, told

    def read(topic, *words):
        return [{word: one.get(word) for word in sorted({*one} - {"topic", "partition", "offset"})}
                for one in kalda(ctx, "consume", topic, *words)]

    assert read(name) == [dict(sorted(one.items())) for one in lines], read(name)
    assert read(name, "--from", "1", "--to", "2") == read(name)[1:2]
    assert read(name, "--from", f"@{began + 1}", "--to", f"@{began + 2000}") == read(name)[1:2]
    assert read(name, "--follow", "--to", "3") == read(name)
    assert read(name, "-g", reader, "--from", f"@{began + 500}", "--to", "2") == read(name)[1:2]
    assert read(name, "-g", reader) == read(name)[2:], "what was not shown was not committed"
    printed = run([ctx.program, "consume", name, "--format", "hex", "--show", "headers,key", "--count", "1", "-b", ctx.address])
    assert printed == b"h=78,i=ff\t6b\t76\n", printed
    run([ctx.program, "produce", copy, "--format", "hex", "--headers", "-k", "\t", "-n", "1", "-b", ctx.address], stdin=printed * 2)
    assert [{**one, "timestamp_ms": 0} for one in read(copy)] == [{**read(name)[0], "timestamp_ms": 0}], read(copy)
    assert "is not beginning, end" in fails(ctx, "consume", name, "--from", "soon", status=2)


@check("kalda: produce names the line that the broker refuses, with the broker's own words and what to do")
def refused_record(ctx):
    name = ctx.new_topic("compacted", cleanup_policy="compact")

    def fails_to_produce(lines, *words):
        done = subprocess.run([str(ctx.program), "produce", name, "-b", ctx.address, "--linger-ms", "500", *words],
                              input=lines, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1, (done.returncode, done.stderr)
        return done.stderr

    said = fails_to_produce("a:1\nb:2\nNULL:3\nc:4\n", "-k", ":", "--null", "NULL")
    assert "line 3: the record was refused, and with it 3 others of the same batch, lines 1 to 4" in said, said
    assert "INVALID_RECORD (" in said and "key" in said.partition("INVALID_RECORD (")[2].partition(")")[0], said
    assert "cleanup.policy=compact" in said.rpartition(";")[2], said
    kalda(ctx, "config", "set", "topic", name, "max.message.bytes=1000")
    said = fails_to_produce("a:1\nb:" + "x" * 2000 + "\n", "-k", ":")
    assert "line 1: the record was not written, nor 1 other of the same batch, to line 2" in said, said
    assert "MESSAGE_TOO_LARGE" in said and "raise max.message.bytes" in said, said


@check("kalda: topics are created, listed, described and deleted, for people and for programs")
def topics(ctx):
    one, two, none = ctx.topic_name("made"), ctx.topic_name("made"), ctx.topic_name("none")

    def text(*words):
        return run([ctx.program, "topic", *words, "-b", ctx.address]).decode()

    tried = kalda(ctx, "topic", "create", one, "-p", "2", "--dry-run")[0]
    assert (tried["topic"], tried["created"], tried["error"]) == (one, False, None), tried
    assert one not in text("list").splitlines(), "a dry run has made it"
    made = kalda(ctx, "topic", "create", one, "-p", "3", "-r", "1", "-c", "retention.ms=12345", "-c", "cleanup.policy=compact")
    assert len(made) == 1 and {**made[0], "id": ""} == {"topic": one, "created": True, "error": None, "id": "", "partitions": 3,
                                                       "replication_factor": 1}, made
    assert text("create", two) in (f"created {two} (1 partitions)\n", f"created {two}\n")
    assert text("create", one, "--if-not-exists").startswith(f"exists {one}")
    said = fails(ctx, "topic", "create", one)
    assert f"cannot create topic {one}: TOPIC_ALREADY_EXISTS" in said, said
    assert "is not NAME=VALUE" in fails(ctx, "topic", "create", none, "-c", "nonsense", status=2)
    assert "INVALID_CONFIG" in fails(ctx, "topic", "create", none, "-c", "retention.ms=soon")

    assert {one, two} <= {*text("list").splitlines()} and none not in text("list")
    listed = {t["topic"]: t for t in kalda(ctx, "topic", "list")}
    assert listed[one] == {"topic": one, "id": made[0]["id"], "partitions": 3, "internal": False}, listed[one]
    assert not any(name.startswith("__") for name in listed), "the cluster's own topics are not asked for"

    told = kalda(ctx, "topic", "describe", one)
    assert len(told) == 1 and told[0]["id"] == made[0]["id"], told
    assert told[0]["configs"].items() >= {"retention.ms": "12345", "cleanup.policy": "compact"}.items(), told[0]["configs"]
    assert "segment.bytes" not in told[0]["configs"] and "segment.bytes" in kalda(ctx, "topic", "describe", one, "--all-configs")[0]["configs"]
    assert [p["partition"] for p in told[0]["partitions"]] == [0, 1, 2], told
    for partition in told[0]["partitions"]:
        assert [partition["leader"]] == partition["replicas"] == partition["in_sync"] and partition["offline"] == [], partition
    shown = text("describe", one)
    assert shown.startswith(f"{one}  id {made[0]['id']}  3 partitions\n") and "  retention.ms=12345\n" in shown, shown
    assert f"cannot describe topic {none}: UNKNOWN_TOPIC_OR_PARTITION" in fails(ctx, "topic", "describe", none)

    gone = kalda(ctx, "topic", "delete", one)
    assert gone == [{"topic": one, "deleted": True, "error": None}], gone
    assert text("delete", two) == f"deleted {two}\n"
    assert f"cannot delete topic {two}: UNKNOWN_TOPIC_OR_PARTITION" in fails(ctx, "topic", "delete", two)
    assert text("delete", two, "--if-exists") == ""
    assert not {one, two} & {*text("list").splitlines()}


@check("kalda: log dump shows what lies on the disk, and says so where nothing does")
def log_dump(ctx):
    if not (ctx.broker.own and ctx.broker.log_dir):
        raise Skip("this broker's files are not at hand")
    topic = ctx.new_topic("dumped")
    run([ctx.program, "produce", topic, "-k", "\t", "-b", ctx.address], stdin=b"k1\tfirst\nk2\tsecond\n")
    folder = ctx.broker.log_dir / f"{topic}-0"

    def dump(*words):
        return run([ctx.program, "log", "dump", *words]).decode()

    segment = folder / f"{0:020}.log"
    lines = [json.loads(line) for line in dump(segment, "--records", "--format", "json").splitlines()]
    assert lines and not any(line.get("error") for line in lines), lines
    assert [(r["offset"], r["key"], r["value"]) for r in lines if r["kind"] == "record"] == [(0, "k1", "first"), (1, "k2", "second")], lines
    whole = dump(folder)
    assert f"{segment}:\n  batch " in whole and f"{folder}/partition.metadata:\n" in whole, whole
    assert "first" in dump(folder, "--records") and "first" not in whole

    # Internal topics are told by type and fields, in both forms; what is of no known topic stays as it is.
    run([ctx.program, "consume", topic, "-g", topic + "-group", "--count", "2", "-b", ctx.address])
    wanted = {"type": "OffsetCommit", "key": {"group": topic + "-group", "topic": topic, "partition": 0}}
    commits = [line for log in ctx.broker.log_dir.glob("__consumer_offsets-*/*.log")
               for line in map(json.loads, dump(log, "--records", "--format", "json").splitlines())
               if {word: line.get(word) for word in wanted} == wanted]
    assert commits and commits[-1]["value"]["offset"] == 2, commits
    metadata = ctx.broker.log_dir / "__cluster_metadata-0" / f"{0:020}.log"
    told = [json.loads(line) for line in dump(metadata, "--records", "--format", "json").splitlines()]
    assert not any("note" in line for line in told), [line for line in told if "note" in line]
    assert "leader_change" in {line.get("type") for line in told}
    assert [r["value"]["name"] for r in told if r.get("type") == "TopicRecord" and r["value"]["name"] == topic] == [topic]
    assert re.search(rf'^  record offset=\d+ .* type=TopicRecord key=null version=0 value=\{{"name":"{topic}",', dump(metadata, "--records"), re.M)
    copy = ctx.work / metadata.name
    copy.write_bytes(metadata.read_bytes())
    assert "type=TopicRecord" not in dump(copy, "--records")
    assert "type=TopicRecord" in dump(copy, "--records", "--topic", "__cluster_metadata")

    def failing(*words):
        done = subprocess.run([str(ctx.program), "log", "dump", *[str(w) for w in words]], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    missing = ctx.work / "no-such-directory"
    status, out, said = failing(missing)
    assert (status, out) == (1, "") and f"kalda log dump: {missing}: No such file or directory" in said, (status, out, said)
    status, out, said = failing(segment, missing)
    assert status == 1 and segment.name in out and str(missing) in said, (status, out, said)
    assert failing()[0] == 2, "a path is required"

    damaged = ctx.work / segment.name
    content = bytearray(segment.read_bytes())
    content[70] ^= 0xff
    damaged.write_bytes(content)
    status, out, said = failing(damaged)
    assert status == 1 and "bad crc" in out and "1 of these files cannot be read whole" in said, (status, out, said)
