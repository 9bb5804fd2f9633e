"""Kafka's own command line tools."""
import re

from harness import check, register, run
from install import kafka_tools_libs, kafka_tools_release
from records import Record, same
from wire import stored


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


def console(codec):
    def run_check(ctx):
        topic = ctx.new_topic(f"console-{codec}")
        sent = [Record(b"key%d" % (i % 5), b"value %d " % i + b"y" * (i * 7 % 300), (("n", b"%d" % i), ("again", b"a")))
                for i in range(400)]
        lines = b"".join(b"n:%s,again:a\t%s\t%s\n" % (r.headers[0][1], r.key, r.value) for r in sent)
        tool("ConsoleProducer", "--bootstrap-server", ctx.address, "--topic", topic, "--compression-codec", codec,
             "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true", stdin=lines)
        out = tool("consumer.ConsoleConsumer", "--bootstrap-server", ctx.address, "--topic", topic, "--partition", "0",
                   "--offset", "earliest", "--max-messages", str(len(sent)), "--timeout-ms", "20000",
                   *sum((["--formatter-property", f"print.{what}=true"] for what in ("key", "headers", "timestamp")), []))
        got = []
        for line in out.decode().splitlines():
            stamp, headers, key, value = line.split("\t")
            assert stamp.startswith("CreateTime:"), line
            got.append(Record(key.encode(), value.encode(),
                              tuple((h.split(":")[0], h.split(":")[1].encode()) for h in headers.split(","))))
        same(sent, got)
        stored(ctx, topic, codec)
    return run_check


for name in ("none", "lz4", "zstd"):
    register(f"Java tools {kafka_tools_release()}: console producer and consumer, codec {name}", console(name), needs="java-tools")
