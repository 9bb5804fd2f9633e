"""Members of groups, one program a client, and what is judged of them.

Each program is started as `PROGRAM BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS` (INSTANCE `-` for a dynamic member),
reads TOPIC as one of GROUP from the committed offsets or the beginning, retries through everything, and prints

    R PARTITION OFFSET KEY     a record, before the offset after it is committed
    C PARTITION OFFSET         a commit the broker acknowledged

until it is killed. What is printed is in a file, so a kill takes nothing back. kcat, Java's console consumer and our own
print no C; the latter two have their own forms of an R line.
"""
import os
import signal
import subprocess
import sys
import threading
import time

from harness import BUILD, HERE
from install import kafka_tools_libs

JAVA_NAMES = {"range": "Range", "roundrobin": "RoundRobin", "sticky": "Sticky", "cooperative-sticky": "CooperativeSticky"}


def program(*command, env=None):
    return lambda ctx, *words: ([*command, ctx.address, *words], env)


def java(ctx, topic, group, assignor, instance, session_ms):
    settings = {"partition.assignment.strategy": f"org.apache.kafka.clients.consumer.{JAVA_NAMES[assignor]}Assignor",
                "auto.offset.reset": "earliest", "session.timeout.ms": session_ms, "heartbeat.interval.ms": 500,
                "auto.commit.interval.ms": 200} | ({} if instance == "-" else {"group.instance.id": instance})
    return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{kafka_tools_libs()}/*",
            "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", ctx.address, "--topic", topic,
            "--group", group, *(word for key, value in settings.items() for word in ("--command-property", f"{key}={value}")),
            *(word for what in ("partition=true", "offset=true", "key=true", "value=false")
              for word in ("--formatter-property", f"print.{what}"))], None


def kcat(ctx, topic, group, assignor, instance, session_ms):
    settings = {"broker.address.family": "v4", "partition.assignment.strategy": assignor, "auto.offset.reset": "earliest",
                "session.timeout.ms": session_ms, "heartbeat.interval.ms": 500, "auto.commit.interval.ms": 200,
                "reconnect.backoff.max.ms": 500} | ({} if instance == "-" else {"group.instance.id": instance})
    return ["kcat", "-b", ctx.address, *(word for key, value in settings.items() for word in ("-X", f"{key}={value}")),
            "-q", "-u", "-E", "-f", "R %p %o %k\\n", "-G", group, topic], None


def native(ctx, topic, group, assignor, instance, session_ms):
    return [ctx.program, "consume", topic, "-g", group, "-f", "-b", ctx.address, "--assignor", assignor, "--session-timeout",
            str(int(session_ms) / 1000), *([] if instance == "-" else ["--instance-id", instance]),
            "--show", "partition,offset,key"], None


def python(name):
    return program(sys.executable, HERE / "clients" / f"group_{name}.py")


def node(name):
    return program("node", HERE / "clients" / "js" / f"group_{name}.js",
                   env=os.environ | {"NODE_PATH": str(BUILD / "js" / "node_modules")})


# Tool of install.py: (how to start a member, the assignors it divides by, whether it can be static).
CLIENTS = {
    "kcat": (kcat, ("roundrobin", "cooperative-sticky"), True),
    "confluent": (python("confluent"), ("range", "cooperative-sticky"), True),
    "kafka-python": (python("kafka_python"), ("range", "cooperative-sticky"), True),
    "aiokafka": (python("aiokafka"), ("roundrobin", "sticky"), True),
    "kafkajs": (node("kafkajs"), ("roundrobin",), False),
    "platformatic": (node("platformatic"), ("roundrobin",), True),
    "franz-go": (program(BUILD / "franz-member"), ("sticky", "cooperative-sticky"), True),
    "sarama": (program(BUILD / "sarama-member"), ("range", "sticky"), True),
    "rdkafka-crate": (program(BUILD / "rdkafka" / "debug" / "rdkafka-member"), ("roundrobin", "cooperative-sticky"), True),
    "java-tools": (java, ("range", "cooperative-sticky"), True),
}


class Member:
    """One process in a group."""

    def __init__(self, ctx, start, topic, group, assignor, instance, session_ms, name):
        self.path, self.errors = ctx.file(name), ctx.file(f"{name}.err")
        self.records, self.commits, self.seen_bytes = [], [], 0
        command, env = start(ctx, topic, group, assignor, instance, str(session_ms))
        with open(self.path, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=errors, env=env)

    def lines(self):
        """(partition, offset, key) of each record, and (partition, offset) of each acknowledged commit, so far."""
        with open(self.path, "rb") as file:
            file.seek(self.seen_bytes)
            fresh = file.read()
        fresh = fresh[:fresh.rfind(b"\n") + 1]
        self.seen_bytes += len(fresh)
        for line in fresh.splitlines():
            words = line.replace(b"Partition:", b"R ", 1).replace(b"Offset:", b"", 1).split()
            if words[0] == b"C":
                self.commits.append((int(words[1]), int(words[2])))
            else:
                partition, offset, key = words[1:4] if words[0] == b"R" else words[:3]
                self.records.append((int(partition), int(offset), key))
        return self.records, self.commits

    def kill(self):
        self.process.kill()
        self.process.wait()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(40)

    def last_words(self):
        return self.errors.read_bytes()[-400:].decode(errors="replace")


class Writer:
    """Writes (key, value) pairs at a rate, in a thread of its own, through kills of the broker; none is written twice."""

    def __init__(self, address, topic, pairs, per_second):
        from confluent_kafka import Producer
        self.producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 5,
                                  "compression.type": "none", "message.timeout.ms": 120_000,
                                  "reconnect.backoff.max.ms": 500, "log_level": 2})
        self.topic, self.pairs, self.per_second, self.failed = topic, pairs, per_second, []
        self.at = {}  # where each record is: (partition, offset) -> key
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._send)
        self.thread.start()

    def _delivered(self, error, message):
        if error:
            self.failed.append(str(error))
        else:
            self.at[(message.partition(), message.offset())] = message.key()

    def _send(self):
        began, sent = time.monotonic(), 0
        while sent < len(self.pairs) and not self.stopped.is_set():
            due = min(len(self.pairs), int((time.monotonic() - began) * self.per_second))
            while sent < due:
                try:
                    self.producer.produce(self.topic, key=self.pairs[sent][0], value=self.pairs[sent][1],
                                          on_delivery=self._delivered)
                    sent += 1
                except BufferError:
                    self.producer.poll(0.05)
            self.producer.poll(0.02)
        while self.producer.flush(0.2) and not self.stopped.is_set():
            pass

    def done(self):
        return not self.thread.is_alive()

    def finish(self):
        self.stopped.set()
        self.thread.join()
