"""Our own consumer in one group with one other: who reads what is divided among them, whoever leads, and what one of them
leaves the other takes over. Lag by Kafka's tool is ours."""
import concurrent.futures
import json

from check_java import tool
from groups import Group, kalda, until
from harness import check, register
from install import kafka_tools_release
from members import CLIENTS, native

PARTITIONS, RECORDS = 6, 300


class Stage:
    """A topic, a group, and all that was written."""

    def __init__(self, ctx, assignor):
        self.ctx, self.topic, self.written = ctx, ctx.new_topic(f"shared-{assignor}", PARTITIONS), 0
        self.group = Group(ctx, self.topic, assignor)

    def write(self, count=RECORDS):
        lines = b"".join(b"k%d:%d\n" % (i % 101, self.written + i) for i in range(count))
        kalda(self.ctx, "produce", self.topic, "--key-separator", ":", stdin=lines)
        self.written += count

    def until(self, what, holds):
        until(what, [self.group], holds)

    def until_shared(self, *shares):
        self.until(f"shares are {shares}", lambda: self.group.shares() == list(shares))

    def until_all_read(self):
        self.until(f"{self.written} records read", lambda: len(self.group.read()) == self.written)


def shared(other, assignors):
    """A group by each assignor, all at once: most of the time is spent waiting for those that were killed to be missed."""
    def run_check(ctx):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            for done in [threads.submit(one_group, ctx, other, assignor) for assignor in assignors]:
                done.result()
    return run_check


def one_group(ctx, other, assignor):
    stage, half = Stage(ctx, assignor), [PARTITIONS // 2] * 2
    group, theirs = stage.group, CLIENTS[other][0]
    try:
        group.start("ours", native)
        stage.until_shared(PARTITIONS)
        group.start("theirs", theirs)
        stage.until_shared(*half)  # divided by ours
        stage.write()
        stage.until_all_read()
        assert group.times_read() == stage.written, "read twice without need"
        assert all(member.lines()[0] for member in group.members.values()), "one has read everything"
        group.kill("ours")
        stage.write()
        stage.until_all_read()
        group.start("ours", native)
        stage.until_shared(*half)  # divided by theirs
        group.kill("theirs")
        stage.write()
        stage.until_all_read()
        group.leave("ours")
        stage.write(50)
        if other == "java-tools":
            group.lag_is_the_tools()
        rest = kalda(ctx, "consume", stage.topic, "-g", group.name).split()
        assert len(rest) == 50, f"{len(rest)} left to read, 50 were written since the last commit"
    finally:
        group.kill_all()


for name, client, assignors in ((f"Java {kafka_tools_release()}", "java-tools", ("range", "roundrobin", "sticky", "cooperative-sticky")),
                                ("librdkafka", "confluent", ("range", "roundrobin", "cooperative-sticky"))):
    register(f"kalda and {name} in one group, by {', '.join(assignors)}: each leads once, each is killed once, nothing is lost",
             shared(client, assignors), needs=client)


@check(f"kalda group reset is what Kafka's tool {kafka_tools_release()} shows, and the reverse", needs="java-tools")
def reset(ctx):
    stage = Stage(ctx, "range")
    group, topic = stage.group, stage.topic
    stage.write()
    kalda(ctx, "consume", topic, "-g", group.name)
    group.lag_is_the_tools()
    kalda(ctx, "group", "reset", group.name, "-t", topic, "--shift-by=-7", "--execute")
    group.lag_is_the_tools()
    tool("consumer.group.ConsumerGroupCommand", "--bootstrap-server", ctx.address, "--reset-offsets", "--group", group.name,
         "--topic", topic, "--to-offset", "3", "--execute")
    group.lag_is_the_tools()
    ends = [json.loads(line)["end"] for line in kalda(ctx, "group", "lag", group.name, "--format", "json").splitlines()]
    rest = len(kalda(ctx, "consume", topic, "-g", group.name).split())
    assert rest == sum(max(0, end - 3) for end in ends), f"{rest} read from 3 on, of {ends}"
