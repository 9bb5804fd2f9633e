"""Our own consumer in one group with other people's: who reads what is divided among them, whoever leads, and what one
of them leaves the other takes over. Lag by Kafka's tool is ours."""
import collections
import json
import signal
import subprocess
import sys
import time

from harness import HERE, check, register, run
from check_java import tool
from install import KAFKA_TOOLS, kafka_tools_libs

PARTITIONS, RECORDS = 6, 300
JAVA_NAMES = {"range": "Range", "roundrobin": "RoundRobin", "sticky": "Sticky", "cooperative-sticky": "CooperativeSticky"}


def kalda(ctx, *words, stdin=None):
    return run([ctx.program, *words, "-b", ctx.address], stdin=stdin)


def native(ctx, topic, group, assignor):
    return [ctx.program, "consume", topic, "-g", group, "-f", "-b", ctx.address, "--assignor", assignor, "--session-timeout", "6"]


def java(ctx, topic, group, assignor):
    settings = {"partition.assignment.strategy": f"org.apache.kafka.clients.consumer.{JAVA_NAMES[assignor]}Assignor",
                "auto.offset.reset": "earliest", "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000,
                "auto.commit.interval.ms": 500}
    return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{kafka_tools_libs()}/*",
            "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", ctx.address, "--topic", topic,
            "--group", group, *(word for key, value in settings.items() for word in ("--command-property", f"{key}={value}"))]


def confluent(ctx, topic, group, assignor):
    return [sys.executable, HERE / "clients" / "confluent_member.py", ctx.address, topic, group, assignor]


class Member:
    """A member in a process of its own; what it reads is in a file, so that a kill takes nothing back."""

    def __init__(self, ctx, command, name):
        self.path, self.errors = ctx.file(name), ctx.file(f"{name}.err")
        with open(self.path, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=errors)

    def values(self):
        return self.path.read_bytes().split()

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(40)

    def last_words(self):
        return self.errors.read_bytes()[-400:].decode(errors="replace")


class Stage:
    """A topic, a group, its members, and all that was written."""

    def __init__(self, ctx, hint):
        self.ctx, self.topic, self.group = ctx, ctx.new_topic(hint, PARTITIONS), ctx.topic_name("group")
        self.members, self.past, self.written = {}, [], 0

    def start(self, name, command):
        self.members[name] = Member(self.ctx, command, f"{name}-{len(self.past)}")
        self.past.append(self.members[name])

    def end(self, name, how):
        self.members.pop(name).end(how)

    def write(self, count=RECORDS):
        lines = b"".join(b"k%d:%s-%d\n" % (i % 101, self.topic.encode(), self.written + i) for i in range(count))
        kalda(self.ctx, "produce", self.topic, "--key-separator", ":", stdin=lines)
        self.written += count

    def until(self, what, holds, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for name, member in self.members.items():
                assert member.process.poll() is None, f"{name} ended by itself: {member.last_words()}"
            if holds():
                return
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s: {what}; {self.describe()}")

    def describe(self):
        return json.loads(kalda(self.ctx, "group", "describe", self.group, "--format", "json"))

    def shares(self):
        """How many partitions each member has, once the group is stable."""
        try:
            group = self.describe()
        except AssertionError:
            return []
        return sorted(len(member["partitions"]) for member in group["members"]) if group["state"] == "Stable" else []

    def seen(self):
        return collections.Counter(value for member in self.past for value in member.values())

    def all_read(self):
        self.until(f"{self.written} records read", lambda: len(self.seen()) == self.written)

    def finish(self):
        for member in self.members.values():
            member.process.kill()
            member.process.wait()


def lag_is_the_tools(stage):
    """Every partition that either names, with its offsets."""
    ours = {}
    for line in kalda(stage.ctx, "group", "lag", stage.group, "--format", "json").splitlines():
        one = json.loads(line)
        ours[one["partition"]] = (str(one["committed"]), str(one["end"]), str(one["lag"]))
    theirs, heading = {}, None
    out = tool("consumer.group.ConsumerGroupCommand", "--bootstrap-server", stage.ctx.address, "--describe", "--group", stage.group)
    for line in out.decode().splitlines():
        cells = line.split()
        if "CURRENT-OFFSET" in cells:
            heading = cells
        elif heading and cells and cells[0] == stage.group:
            row = dict(zip(heading, cells))
            theirs[int(row["PARTITION"])] = (row["CURRENT-OFFSET"], row["LOG-END-OFFSET"], row["LAG"])
    assert ours and ours == theirs, f"ours {ours}, Kafka's tool {theirs}"


def shared(other, assignor, tool_too):
    def run_check(ctx):
        stage = Stage(ctx, f"shared-{assignor}")
        half = [PARTITIONS // 2, PARTITIONS // 2]
        try:
            kalda(ctx, "group", "list")
            stage.start("ours", native(ctx, stage.topic, stage.group, assignor))
            stage.until("we are alone", lambda: stage.shares() == [PARTITIONS])
            stage.start("theirs", other(ctx, stage.topic, stage.group, assignor))
            stage.until("both have half, divided by ours", lambda: stage.shares() == half)
            stage.write()
            stage.all_read()
            assert set(stage.seen().values()) == {1}, "read twice without need"
            assert all(member.values() for member in stage.members.values()), "one has read everything"
            stage.end("ours", signal.SIGKILL)
            stage.write()
            stage.all_read()
            stage.start("ours", native(ctx, stage.topic, stage.group, assignor))
            stage.until("both have half, divided by theirs", lambda: stage.shares() == half)
            stage.end("theirs", signal.SIGKILL)
            stage.write()
            stage.all_read()
            stage.end("ours", signal.SIGINT)
            stage.write(50)
            if tool_too:
                lag_is_the_tools(stage)
            rest = kalda(ctx, "consume", stage.topic, "-g", stage.group).split()
            assert len(rest) == 50, f"{len(rest)} left to read, 50 were written since the last commit"
        finally:
            stage.finish()
    return run_check


for name in ("range", "roundrobin", "sticky", "cooperative-sticky"):
    register(f"kalda and Java {KAFKA_TOOLS} in one group, {name}: each leads once, each is killed once, nothing is lost",
             shared(java, name, True), needs="java-tools")
for name in ("range", "roundrobin", "cooperative-sticky"):
    register(f"kalda and librdkafka in one group, {name}: each leads once, each is killed once, nothing is lost",
             shared(confluent, name, False), needs="confluent")


@check(f"kalda group reset is what Kafka's tool {KAFKA_TOOLS} shows, and the reverse", needs="java-tools")
def reset(ctx):
    stage = Stage(ctx, "reset")
    stage.write()
    kalda(ctx, "consume", stage.topic, "-g", stage.group)
    lag_is_the_tools(stage)
    kalda(ctx, "group", "reset", stage.group, "-t", stage.topic, "--shift-by=-7", "--execute")
    lag_is_the_tools(stage)
    tool("consumer.group.ConsumerGroupCommand", "--bootstrap-server", ctx.address, "--reset-offsets", "--group", stage.group,
         "--topic", stage.topic, "--to-offset", "3", "--execute")
    lag_is_the_tools(stage)
    ends = [json.loads(line)["end"] for line in kalda(ctx, "group", "lag", stage.group, "--format", "json").splitlines()]
    rest = len(kalda(ctx, "consume", stage.topic, "-g", stage.group).split())
    assert rest == sum(max(0, end - 3) for end in ends), f"{rest} read from 3 on, of {ends}"
