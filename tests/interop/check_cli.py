"""Our own command line, judged by what a broker and its scripts are told. Runs against Apache Kafka as well."""
import json
import subprocess
import time

from harness import check, run


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
