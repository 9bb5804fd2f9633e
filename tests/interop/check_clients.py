"""Each client makes a topic, produces all shapes of records by each codec it has, plain or idempotent, and reads them.

A client is a program called as `PROGRAM BROKER create|produce|read TOPIC [CODEC idempotent|plain]`; records come in and go
out as lines (records.py). What it wrote is read by librdkafka too, and judged as it lies in the log.
"""
import dataclasses
import os
import sys

from check_confluent import read as confluent_read
from harness import BUILD, HERE, register, run
from install import KAFKA, kafka_libs
from records import from_lines, same, sample, to_lines
from wire import CODECS, stored

CLIENTS = HERE / "clients"


@dataclasses.dataclass
class Client:
    needs: str
    command: list  # its words
    codecs: list
    idempotent: tuple = ()  # by these codecs; by the others plain
    env: dict = dataclasses.field(default_factory=dict)
    absent_headers: bool = True    # it can say that a header has no value
    header_names_apart: bool = True  # it keeps the order of headers with different names
    needs_of_codec: dict = dataclasses.field(default_factory=dict)


def java():
    return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{BUILD / 'java-client'}:{kafka_libs()}/*", "Client"]


def python(name, *words):
    return [sys.executable, CLIENTS / f"client_{name}.py", *words]


def node(name):
    return {"command": ["node", CLIENTS / "js" / f"client_{name}.js"],
            "env": {"NODE_PATH": str(BUILD / "js" / "node_modules"), "KAFKAJS_NO_PARTITIONER_WARNING": "1"}}


EXTRA = {codec: "kafka-python-codecs" for codec in ("snappy", "lz4", "zstd")}

ALL = {
    f"Java {KAFKA}": Client("java java-client", java(), CODECS, ("none", "zstd")),
    "kafka-python": Client("kafka-python", python("kafka_python", "--"), CODECS, ("gzip",), absent_headers=False,
                           needs_of_codec=EXTRA),
    "kafka-python 2.0.2": Client("kafka-python-old", python("kafka_python", f"{BUILD / 'kafka-python-old'}", "--"),
                                 ["none", "gzip"], absent_headers=False),
    "aiokafka": Client("aiokafka", python("aiokafka"), CODECS, ("none", "lz4"), needs_of_codec=EXTRA),
    # Other codecs are plug-ins of kafkajs, and need a newer Node for @platformatic/kafka.
    "kafkajs": Client("kafkajs", codecs=["none", "gzip"], absent_headers=False, header_names_apart=False, **node("kafkajs")),
    "@platformatic/kafka": Client("platformatic", codecs=["none", "gzip", "snappy", "lz4"], idempotent=("none",),
                                  **node("platformatic")),
    "franz-go": Client("franz-go", [BUILD / "franz-client"], CODECS, ("none", "snappy")),
    "sarama": Client("sarama", [BUILD / "sarama-client"], CODECS, ("none", "zstd")),
    # gzip and zstd are libraries that it is not built with here.
    "rdkafka crate": Client("rdkafka-crate", [BUILD / "rdkafka" / "debug" / "client"], ["none", "snappy", "lz4"], ("none",)),
}


def roundtrip(client, codec):
    def run_check(ctx):
        def ask(*what, stdin=None):
            return run([*client.command, ctx.address, *what], stdin=stdin, env=os.environ | client.env)
        topic, kind = ctx.topic_name(f"{client.needs.split()[0]}-{codec}"), "idempotent" if codec in client.idempotent else "plain"
        records = sample(seed=len(client.needs), absent_headers=client.absent_headers)
        if not client.header_names_apart:
            records = [dataclasses.replace(r, headers=tuple(sorted(r.headers, key=lambda h: h[0]))) for r in records]
        ask("create", topic)
        ask("produce", topic, codec, kind, stdin=to_lines(records))
        same(records, confluent_read(ctx, topic))
        same(records, from_lines(ask("read", topic)))
        stored(ctx, topic, codec, kind == "idempotent")
    return run_check


for client_name, one in ALL.items():
    for codec_name in one.codecs:
        register(f"{client_name}: codec {codec_name}: a topic is created, all shapes of records come back equal",
                 roundtrip(one, codec_name), needs=f"confluent {one.needs} {one.needs_of_codec.get(codec_name, '')}")
