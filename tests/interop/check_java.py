"""Kafka's own command line tools."""
import json
import re
import time

from harness import check, register, run
from install import kafka_tools_libs, kafka_tools_release
from records import Record, same
from wire import CODECS, stored


def tool(name, *words, stdin=None):
    return run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{kafka_tools_libs()}/*",
                f"org.apache.kafka.tools.{name}", *words], stdin=stdin)


@check(f"Java tools {kafka_tools_release()}: a topic is created, listed, described and deleted", needs="java-tools")
def topics(ctx):
    name = ctx.topic_name("tools")
    server = ("--bootstrap-server", ctx.address)
    tool("TopicCommand", *server, "--create", "--topic", name, "--partitions", "3", "--config", "retention.ms=123456789")
    described = tool("TopicCommand", *server, "--describe", "--topic", name).decode()
    assert "PartitionCount: 3" in described and "retention.ms=123456789" in described, described
    assert len(re.findall(r"Leader: \d+", described)) == 3, described
    assert name in tool("TopicCommand", *server, "--list").decode().split()
    tool("TopicCommand", *server, "--delete", "--topic", name)
    for _ in range(5):
        if name not in tool("TopicCommand", *server, "--list").decode().split():
            return
    raise AssertionError("the topic is still listed")


PRINTED = ("timestamp", "partition", "offset", "headers", "key")  # in the order in which the tool writes them


def console(codec):
    def run_check(ctx):
        topic, began = ctx.new_topic(f"console-{codec}"), int(time.time() * 1000)
        sent = [Record(b"key%d" % (i % 5), b"value %d " % i + b"y" * (i * 7 % 300), (("n", b"%d" % i), ("again", b"a")))
                for i in range(400)]
        lines = b"".join(b"n:%s,again:a\t%s\t%s\n" % (r.headers[0][1], r.key, r.value) for r in sent)
        tool("ConsoleProducer", "--bootstrap-server", ctx.address, "--topic", topic, "--compression-codec", codec,
             "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true", stdin=lines)
        ended = int(time.time() * 1000)
        out = tool("consumer.ConsoleConsumer", "--bootstrap-server", ctx.address, "--topic", topic, "--partition", "0",
                   "--offset", "earliest", "--max-messages", str(len(sent)), "--timeout-ms", "20000",
                   *sum((["--formatter-property", f"print.{what}=true"] for what in PRINTED), []))
        got, times = [], []
        for number, line in enumerate(out.decode().splitlines()):
            stamp, partition, offset, headers, key, value = line.split("\t")
            assert (partition, offset) == ("Partition:0", f"Offset:{number}"), line
            assert stamp.startswith("CreateTime:"), line
            times.append(int(stamp.removeprefix("CreateTime:")))
            got.append(Record(key.encode(), value.encode(),
                              tuple((h.split(":")[0], h.split(":")[1].encode()) for h in headers.split(","))))
        same(sent, got)
        assert began <= min(times) and max(times) <= ended, f"times from {min(times)} to {max(times)}, not {began} to {ended}"
        # This producer is idempotent unless it is told otherwise.
        batches = stored(ctx, topic, codec, idempotent=True)
        assert [b.max_timestamp for b in batches] == [max(times[b.base_offset:b.base_offset + b.count]) for b in batches]
        on_disk(ctx, topic, batches)
    return run_check


def on_disk(ctx, topic, batches):
    """What `kalda log dump` says of the batches is what was fetched."""
    if not (ctx.broker.own and ctx.broker.log_dir):
        return
    dumped = run([ctx.program, "log", "dump", ctx.broker.log_dir / f"{topic}-0" / f"{0:020}.log", "--format", "json"])
    seen = [(b["base_offset"], b["codec"], b["producer_id"], b["base_sequence"], b["max_timestamp_ms"])
            for b in map(json.loads, dumped.splitlines()) if b["kind"] == "batch"]
    assert seen == [(b.base_offset, b.codec, b.producer_id, b.base_sequence, b.max_timestamp) for b in batches], seen


for name in CODECS:
    register(f"Java tools {kafka_tools_release()}: console producer (idempotent) and consumer, codec {name}", console(name),
             needs="java-tools")
