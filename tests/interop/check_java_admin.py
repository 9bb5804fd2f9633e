"""Kafka's own command line tools on what an operator changes: topics, settings, records, directories."""
import json
import re

from check_java import tool
from harness import check
from install import kafka_tools_release


def one_record_each(ctx, topic, partitions):
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": ctx.address})
    for partition in range(partitions):
        producer.produce(topic, b"value", partition=partition)
    assert producer.flush(20) == 0, "records were not acknowledged"


@check(f"Java tools {kafka_tools_release()}: a topic gets more partitions, and each can be written and read",
       needs="java-tools confluent")
def more_partitions(ctx):
    server = ("--bootstrap-server", ctx.address)
    name = ctx.new_topic("grows")
    tool("TopicCommand", *server, "--alter", "--topic", name, "--partitions", "4")
    text = tool("TopicCommand", *server, "--describe", "--topic", name).decode()
    assert "PartitionCount: 4" in text and len(re.findall(r"Leader: \d+", text)) == 4, text
    one_record_each(ctx, name, 4)
    offsets = tool("GetOffsetShell", *server, "--topic", name).decode().split()
    assert offsets == [f"{name}:{p}:1" for p in range(4)], offsets


@check(f"Java tools {kafka_tools_release()}: records are deleted, and the earliest offset follows", needs="java-tools confluent")
def delete_records(ctx):
    server = ("--bootstrap-server", ctx.address)
    name = ctx.new_topic("delete")
    for _ in range(5):
        one_record_each(ctx, name, 1)
    plan = ctx.work / "delete.json"
    plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": name, "partition": 0, "offset": 3}]}))
    text = tool("DeleteRecordsCommand", *server, "--offset-json-file", str(plan)).decode()
    assert "low_watermark: 3" in text, text
    for when, offset in (("earliest", 3), ("latest", 5), ("max-timestamp", None)):
        line = tool("GetOffsetShell", *server, "--topic", name, "--time", when).decode().strip()
        assert offset is None or line == f"{name}:0:{offset}", line


@check(f"Java tools {kafka_tools_release()}: log directories are described with the size of each partition",
       needs="java-tools confluent")
def log_dirs(ctx):
    name = ctx.new_topic("sized")
    one_record_each(ctx, name, 1)
    text = tool("LogDirsCommand", "--bootstrap-server", ctx.address, "--describe", "--topic-list", name).decode()
    told = json.loads(text.strip().splitlines()[-1])
    (directory,) = told["brokers"][0]["logDirs"]
    assert directory["error"] is None, told
    (partition,) = directory["partitions"]
    assert partition["partition"] == f"{name}-0" and partition["size"] > 60 and partition["offsetLag"] == 0, told
