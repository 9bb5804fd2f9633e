"""Kafka's verifiable clients and performance tools, and its tool for groups, as an operator and a system test use them."""
import json
import os
import subprocess
import time

from check_java import tool
from groups import rows_of
from harness import check
from install import kafka_tools_libs, kafka_tools_release

COUNT = 5000


def told(output):
    """The events that a verifiable client prints, one JSON object a line."""
    return [json.loads(line) for line in output.decode().splitlines() if line.startswith("{")]


@check(f"Java tools {kafka_tools_release()}: verifiable producer and consumer: what is acknowledged is consumed once and committed",
       needs="java-tools")
def verifiable(ctx):
    topic, group = ctx.new_topic("verifiable", 3), ctx.topic_name("group")
    server = ("--bootstrap-server", ctx.address)
    events = told(tool("VerifiableProducer", *server, "--topic", topic, "--max-messages", str(COUNT), "--acks", "-1"))
    acknowledged = sorted((e["partition"], e["offset"]) for e in events if e["name"] == "producer_send_success")
    assert len(acknowledged) == COUNT and not [e for e in events if e["name"] == "producer_send_error"], events[-1]
    events = told(tool("VerifiableConsumer", *server, "--topic", topic, "--group-id", group, "--max-messages", str(COUNT),
                       "--reset-policy", "earliest", "--session-timeout", "6000", "--verbose"))
    consumed = sorted((e["partition"], e["offset"]) for e in events if e["name"] == "record_data")
    assert consumed == acknowledged, f"{len(consumed)} consumed, {len(acknowledged)} acknowledged"
    commits = [e for e in events if e["name"] == "offsets_committed"]
    assert commits and all(e["success"] for e in commits), commits[:1]
    lines = tool("GetOffsetShell", *server, "--topic", topic).decode().split()
    committed = {p["partition"]: p["offset"] for e in commits for p in e["offsets"]}
    assert lines == [f"{topic}:{p}:{committed.get(p, 0)}" for p in range(3)], f"{lines}, committed {committed}"


@check(f"Java tools {kafka_tools_release()}: producer and consumer performance tools move every record", needs="java-tools")
def performance(ctx):
    topic = ctx.new_topic("perf", 3)
    out = tool("ProducerPerformance", "--topic", topic, "--num-records", "20000", "--record-size", "200", "--throughput", "-1",
               "--command-property", f"bootstrap.servers={ctx.address}", "compression.type=lz4").decode()
    assert "20000 records sent" in out, out[-300:]
    out = tool("ConsumerPerformance", "--bootstrap-server", ctx.address, "--topic", topic, "--num-records", "20000",
               "--timeout", "20000").decode()
    names, values = ([cell.strip() for cell in line.split(",")] for line in out.splitlines()[-2:])
    row = dict(zip(names, values))
    assert int(next(v for k, v in row.items() if k.startswith(("data.consumed.in.nMsg", "nMsg")))) == 20000, out


@check(f"Java tools {kafka_tools_release()}: a group is listed, described, reset and deleted, refused while it has members",
       needs="java-tools")
def groups(ctx):
    topic, group = ctx.new_topic("grouped", 2), ctx.topic_name("group")
    server = ("--bootstrap-server", ctx.address)
    tool("ProducerPerformance", "--topic", topic, "--num-records", "100", "--record-size", "20", "--throughput", "-1",
         "--command-property", f"bootstrap.servers={ctx.address}")
    with open(os.devnull, "wb") as nowhere:
        member = subprocess.Popen(["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{kafka_tools_libs()}/*",
                                   "org.apache.kafka.tools.consumer.ConsoleConsumer", *server, "--topic", topic, "--group", group,
                                   "--command-property", "auto.offset.reset=earliest", "--command-property",
                                   "auto.commit.interval.ms=100"], stdout=nowhere, stderr=nowhere)
    try:
        until = time.monotonic() + 30
        while (state := manage(server, "--describe", "--group", group, "--state")).find("Stable") < 0:
            assert time.monotonic() < until, state
        members = manage(server, "--describe", "--group", group, "--members", "--verbose")
        assert f"{topic}" in members and "console-consumer" in members, members
        assert group in manage(server, "--list", "--state", "stable").split()
        refused = manage(server, "--delete", "--group", group)
        assert "GroupNotEmptyException" in refused, refused
        refused = manage(server, "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute")
        assert "inactive" in refused, refused
    finally:
        member.terminate()
        member.wait(30)
    assert rows(server, group) == {p: (str(n), str(n), "0") for p, n in ends(server, topic).items()}
    manage(server, "--reset-offsets", "--group", group, "--topic", topic, "--shift-by", "-3", "--execute")
    assert rows(server, group) == {p: (str(max(0, n - 3)), str(n), str(min(3, n))) for p, n in ends(server, topic).items()}
    removed = manage(server, "--delete-offsets", "--group", group, "--topic", f"{topic}:0")
    assert list(rows(server, group)) == [1], removed
    assert "successful" in manage(server, "--delete", "--group", group)
    assert group not in manage(server, "--list").split()


def manage(server, *words):
    """Kafka's tool for groups; it says what was refused in its output and fails or does not."""
    try:
        return tool("consumer.group.ConsumerGroupCommand", *server, *words).decode()
    except AssertionError as error:
        return str(error)


def rows(server, group):
    return rows_of(manage(server, "--describe", "--group", group), group)


def ends(server, topic):
    lines = tool("GetOffsetShell", *server, "--topic", topic).decode().split()
    return {int(line.split(":")[1]): int(line.split(":")[2]) for line in lines}
