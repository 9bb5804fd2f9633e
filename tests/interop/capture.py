#!/usr/bin/env python3
"""Captures what foreign clients and Apache Kafka say to each other: the frames in tests/golden/frames/.

    build/interop/venv/bin/python tests/interop/capture.py [WORD]

With WORD only the clients whose name holds it; `./dev interop` must have installed them before. Two Apache Kafka nodes
run, each a broker and a controller. In front of each listener stands a proxy that knows frames; it is the proxies that
the nodes advertise. What clients say goes to a file named after the client, what the nodes say to each other to
apache-4.4.0.txt. A line is

    request|response API VERSION HEX      # step of capture.py that caused it

and HEX is a frame without its size, header included. Of each API and version a few frames of different sizes are
kept, of Produce and Fetch some of every step, because a step stands for a codec. Captures differ from run to run (ids,
times): take new files as a whole, and look at what the test of them says (tests/net/frames_test.cc).
"""
import collections
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import install
from brokers import free_port
from harness import BUILD, HERE

OUT = HERE.parent / "golden" / "frames"
FRAME_BYTES_MAX = 6000
KEPT = 3
PRODUCE, FETCH = 0, 1
CLIENT_LISTENERS = ("PLAINTEXT", "SASL")


class Tape:
    """The frames of one client, few of a kind."""

    def __init__(self, name):
        self.name, self.step, self.lock = name, "", threading.Lock()
        self.frames, self.sizes = [], collections.defaultdict(set)

    def add(self, kind, api, version, frame):
        records = (kind, api) in (("request", PRODUCE), ("response", FETCH))
        about = (kind, api, version, self.step if records else "")
        with self.lock:
            sizes = self.sizes[about]
            if len(frame) > FRAME_BYTES_MAX or len(frame) in sizes or len(sizes) >= KEPT:
                return
            sizes.add(len(frame))
            self.frames.append((api, version, kind, frame, self.step))

    def write(self):
        OUT.mkdir(parents=True, exist_ok=True)
        frames = sorted(self.frames, key=lambda f: f[:3])
        (OUT / f"{self.name}.txt").write_text("".join(
            f"{kind} {api} {version} {frame.hex()}  # {step}\n" for api, version, kind, frame, step in frames))
        print(f"{self.name}: {len(frames)} frames of {len({f[0] for f in frames})} APIs", flush=True)


class Proxy:
    """Passes on every frame as it is, and tells the tape that is put in."""

    def __init__(self, port, target, tape=None):
        self.tape, self.target = tape, target
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = port
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.server.accept()
            try:
                broker = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            waiting = {}
            for source, sink, hear in ((client, broker, self._request), (broker, client, self._response)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=(source, sink, hear, waiting), daemon=True).start()

    @staticmethod
    def _exactly(source, size):
        out = bytearray()
        while len(out) < size:
            part = source.recv(size - len(out))
            if not part:
                raise OSError("closed")
            out += part
        return bytes(out)

    def _pass_on(self, source, sink, hear, waiting):
        try:
            while True:
                head = self._exactly(source, 4)
                frame = self._exactly(source, struct.unpack(">i", head)[0])
                hear(frame, waiting)
                sink.sendall(head + frame)
        except OSError:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _request(self, frame, waiting):
        api, version, correlation = struct.unpack_from(">hhi", frame)
        waiting[correlation] = api, version
        if self.tape:
            self.tape.add("request", api, version, frame)

    def _response(self, frame, waiting):
        api, version = waiting.pop(struct.unpack_from(">i", frame)[0], (None, None))
        if api is None:
            return
        # A version that the broker lacks is answered in version 0.
        if api == 18 and version > 0 and frame[4:6] == b"\0\x23":
            version = 0
        if self.tape:
            self.tape.add("response", api, version, frame)


class Node:
    """One of two Apache Kafka nodes, with proxies before its listeners for clients, for brokers and for controllers."""

    def __init__(self, number, apache):
        self.number, self.folder = number, BUILD / f"run-capture-{number}"
        # It is told to clients, and so becomes part of what is captured: nothing of this checkout's.
        self.logs = Path(f"/tmp/kalda-capture-{number}/logs")
        shutil.rmtree(self.logs, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.listen = {name: free_port() for name in ("PLAINTEXT", "SASL", "INTERNAL", "CONTROLLER")}
        self.proxies = {name: Proxy(free_port(), port, None if name in CLIENT_LISTENERS else apache)
                        for name, port in self.listen.items()}
        self.process = None

    def controller(self):
        directory = ["", "AAAAAAAAAAEAAAAAAAAAAQ", "AAAAAAAAAAIAAAAAAAAAAg"][self.number]
        return f"{self.number}@127.0.0.1:{self.proxies['CONTROLLER'].port}:{directory}"

    def format(self, controllers):
        def at(ports):
            return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
        properties = {
            "process.roles": "broker,controller", "node.id": self.number, "listeners": at(self.listen),
            "advertised.listeners": at({name: proxy.port for name, proxy in self.proxies.items()}),
            "listener.security.protocol.map": ",".join(
                f"{name}:{'SASL_' if name == 'SASL' else ''}PLAINTEXT" for name in self.listen),
            "controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "INTERNAL",
            "controller.quorum.bootstrap.servers": ",".join(c.split("@")[1].rsplit(":", 1)[0] for c in controllers),
            "log.dirs": self.logs, "log.initial.task.delay.ms": 1000, "auto.create.topics.enable": "true",
            "metadata.log.max.snapshot.interval.ms": 5000, "group.initial.rebalance.delay.ms": 0,
            "sasl.enabled.mechanisms": "PLAIN", "listener.name.sasl.plain.sasl.jaas.config":
                'org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="secret";',
            "delegation.token.secret.key": "secret", "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1, "transaction.state.log.min.isr": 1,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true", "super.users": "User:ANONYMOUS;User:ann",
        }
        for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
            properties |= {f"{topic}.num.partitions": 2, f"{topic}.replication.factor": 1}
        file = self.folder / "server.properties"
        file.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        self._java("kafka.tools.StorageTool", "format", "-t", "aW50ZXJvcGludGVyb3AtLQ", "-c", file,
                   "--initial-controllers", ",".join(controllers)).wait()

    def _java(self, *words):
        with open(self.folder / "output.log", "ab") as output:
            return subprocess.Popen(["java", "-Xmx400M", "-cp", f"{install.kafka_libs()}/*", *map(str, words)],
                                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder)

    def start(self):
        self.process = self._java("kafka.Kafka", self.folder / "server.properties")

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def run(*words, stdin=None, env=None):
    done = subprocess.run([str(w) for w in words], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=180, check=False, env=os.environ | (env or {}))
    text = done.stdout.decode(errors="replace")
    if done.returncode or len(words) > 3 and words[0] == "java":
        for line in text.splitlines():
            if not line.endswith(": done") and not line.startswith("SLF4J"):
                print("    " + line[:200], flush=True)


def lines(count=20):
    from records import Record, to_lines
    return to_lines([Record(None if i % 3 == 0 else b"key-%d" % i, b"value %d " % i * 8, (("name", b"v"),),
                            1_700_000_000_000 + i) for i in range(count)])


CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def java(address, sasl, tape):
    classes = BUILD / "java-client"
    classes.mkdir(exist_ok=True)
    libs = f"{install.kafka_libs()}/*"
    run("javac", "-nowarn", "-cp", libs, "-d", classes, HERE / "clients" / "java" / "Everything.java")
    for step in [f"produce {codec}" for codec in CODECS] + ["admin", "groups", "transactions", "shares", "tokens"]:
        tape.step = step
        run("java", "-cp", f"{libs}:{classes}", "Everything", sasl if step == "tokens" else address, *step.split())


def librdkafka(address, _sasl, tape):
    """The newest librdkafka, by confluent-kafka-python."""
    import confluent_kafka as ck
    from confluent_kafka import admin as a
    base = {"bootstrap.servers": address, "socket.timeout.ms": 8000}
    admin, topic = a.AdminClient(base), "librdkafka-topic"

    def wait(futures):
        for future in (futures.values() if isinstance(futures, dict) else [futures]):
            try:
                future.result(10)
            except Exception as error:  # an error has bytes too
                print(f"    {tape.step}: {str(error)[:150]}", flush=True)

    tape.step = "create"
    wait(admin.create_topics([a.NewTopic(topic, 2, 2, config={"retention.ms": "-1"})]))
    time.sleep(1)
    for codec in CODECS:
        tape.step = f"produce {codec}"
        producer = ck.Producer(base | {"compression.type": codec, "linger.ms": 50,
                                       "enable.idempotence": codec != "none"})
        for i in range(20):
            producer.produce(topic, key=None if i % 3 == 0 else f"key-{i}", value=f"value {i} " * 8, partition=0,
                             headers=[("name", b"v"), ("nothing", None)] if i % 4 == 0 else None,
                             timestamp=1_700_000_000_000 + i)
        producer.flush(10)
        consumer = ck.Consumer(base | {"group.id": "none", "enable.partition.eof": True, "enable.auto.commit": False})
        low, high = consumer.get_watermark_offsets(ck.TopicPartition(topic, 0), 8)
        consumer.assign([ck.TopicPartition(topic, 0, high - 20)])
        seen, until = 0, time.monotonic() + 8
        while seen < 20 and time.monotonic() < until:
            seen += sum(not m.error() for m in consumer.consume(20, 0.5))
        consumer.close()
    for protocol in ("classic", "consumer"):
        tape.step = f"group {protocol}"
        consumer = ck.Consumer(base | {"group.id": f"librdkafka-{protocol}", "group.protocol": protocol,
                                       "auto.offset.reset": "earliest"}
                               | ({"heartbeat.interval.ms": 500} if protocol == "classic" else {}))
        consumer.subscribe([topic])
        consumer.consume(50, 5)
        consumer.commit(offsets=[ck.TopicPartition(topic, 0, 2, metadata="note")], asynchronous=False)
        consumer.committed([ck.TopicPartition(topic, 0)], 8)
        consumer.offsets_for_times([ck.TopicPartition(topic, 0, 1_700_000_000_003)], 8)
        wait(admin.describe_consumer_groups([f"librdkafka-{protocol}"]))
        consumer.close()
    tape.step = "transaction"
    producer = ck.Producer(base | {"transactional.id": "librdkafka-transaction"})
    producer.init_transactions(10)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(topic, value="v", partition=0)
        consumer = ck.Consumer(base | {"group.id": "librdkafka-offsets"})
        producer.send_offsets_to_transaction([ck.TopicPartition(topic, 0, 1)], consumer.consumer_group_metadata(), 10)
        consumer.close()
        end(10)
    tape.step = "admin"
    resource = a.ConfigResource(a.ConfigResource.Type.TOPIC, topic)
    admin.list_topics(timeout=8)
    wait(admin.describe_configs([resource]))
    wait(admin.incremental_alter_configs([a.ConfigResource(a.ConfigResource.Type.TOPIC, topic, incremental_configs=[
        a.ConfigEntry("retention.ms", "5000", incremental_operation=a.AlterConfigOpType.SET)])]))
    wait(admin.alter_configs([a.ConfigResource(a.ConfigResource.Type.TOPIC, topic,
                                               set_config={"retention.ms": "7000"})]))
    wait(admin.create_partitions([a.NewPartitions(topic, 3)]))
    wait(admin.describe_cluster(include_authorized_operations=True))
    wait(admin.describe_topics(ck.TopicCollection([topic]), include_authorized_operations=True))
    wait(admin.list_consumer_groups())
    wait(admin.list_offsets({ck.TopicPartition(topic, 0): a.OffsetSpec.max_timestamp()}))
    wait(admin.delete_records([ck.TopicPartition(topic, 0, 1)]))
    wait(admin.list_consumer_group_offsets([ck.ConsumerGroupTopicPartitions("librdkafka-classic")]))
    wait(admin.alter_consumer_group_offsets([ck.ConsumerGroupTopicPartitions("librdkafka-classic",
                                                                             [ck.TopicPartition(topic, 0, 1)])]))
    wait(admin.delete_consumer_groups(["librdkafka-classic"]))
    wait(admin.describe_user_scram_credentials([]))
    wait(admin.alter_user_scram_credentials([a.UserScramCredentialUpsertion("bob", a.ScramCredentialInfo(
        a.ScramMechanism.SCRAM_SHA_256, 4096), b"secret")]))
    wait(admin.create_acls([a.AclBinding(a.ResourceType.TOPIC, "b", a.ResourcePatternType.LITERAL, "User:bob", "*",
                                         a.AclOperation.READ, a.AclPermissionType.ALLOW)]))
    every = a.AclBindingFilter(a.ResourceType.ANY, None, a.ResourcePatternType.ANY, "User:bob", None,
                               a.AclOperation.ANY, a.AclPermissionType.ANY)
    wait(admin.describe_acls(every))
    wait(admin.delete_acls([every]))
    wait(admin.elect_leaders(ck.ElectionType.PREFERRED, [ck.TopicPartition(topic, 0)]))
    wait(admin.delete_topics([topic]))


def kcat(address, sasl, tape):
    """librdkafka 2.0, which speaks older versions."""
    words = ["kcat", "-b", address, "-X", "broker.address.family=v4", "-m", "10"]
    for codec in CODECS:
        tape.step = f"produce {codec}"
        for extra in ([], ["-X", "enable.idempotence=true"]):
            run(*words, "-P", "-t", "kcat-topic", "-p", 0, "-K", ":", "-z", codec, "-H", "name=v", "-X", "linger.ms=50",
                *extra, stdin=b"".join(b"key-%d:%s\n" % (i, b"value %d " % i * 8) for i in range(20)))
        run(*words, "-C", "-t", "kcat-topic", "-p", 0, "-o", "-20", "-c", 20, "-e", "-q")
    tape.step = "sasl"
    run("kcat", "-b", sasl, "-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanisms=PLAIN",
        "-X", "sasl.username=ann", "-X", "sasl.password=secret", "-m", 10, "-L", "-t", "kcat-topic")
    tape.step = "metadata"
    run(*words, "-L")
    run(*words, "-Q", "-t", "kcat-topic:0:1700000000000")
    tape.step = "group"
    run(*words, "-G", "kcat-group", "kcat-topic", "-e", "-q", "-X", "auto.offset.reset=earliest",
        "-X", "heartbeat.interval.ms=100")
    tape.step = "transaction"
    run(*words, "-P", "-t", "kcat-topic", "-X", "transactional.id=kcat-transaction", stdin=b"one\ntwo\n")


def kafka_python(address, sasl, tape):
    client = HERE / "clients" / "client_kafka_python.py"
    for action, *rest in [["create"]] + [["produce", codec, "idempotent"] for codec in CODECS] + [["read"]]:
        tape.step = " ".join([action, *rest])
        topic = "kafka-python-" + (rest[0] if rest else "none")
        run(sys.executable, client, "--", address, action, topic, *rest, stdin=lines())
    from kafka import KafkaConsumer
    tape.step = "sasl"
    KafkaConsumer(bootstrap_servers=sasl, security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN",
                  sasl_plain_username="ann", sasl_plain_password="secret").topics()
    tape.step = "group"
    consumer = KafkaConsumer("kafka-python-none", bootstrap_servers=address, group_id="kafka-python",
                             auto_offset_reset="earliest", heartbeat_interval_ms=300)
    consumer.poll(4000)
    time.sleep(1)
    consumer.poll(500)
    consumer.commit()
    consumer.close()


def kafka_python_old(address, _sasl, tape):
    client = HERE / "clients" / "client_kafka_python.py"
    for action, *rest in [["create"]] + [["produce", codec, "plain"] for codec in CODECS] + [["read"]]:
        tape.step = " ".join([action, *rest])
        run(sys.executable, client, BUILD / "kafka-python-old", "--", address, action,
            "old-" + (rest[0] if rest else "none"), *rest, stdin=lines())
    tape.step = "group"
    run(sys.executable, "-c", f"""import sys, time
sys.path.insert(0, {str(BUILD / "kafka-python-old")!r})
from kafka import KafkaConsumer
consumer = KafkaConsumer("old-none", bootstrap_servers={address!r}, group_id="old", auto_offset_reset="earliest",
                         heartbeat_interval_ms=300)
consumer.poll(4000)
time.sleep(1)
consumer.poll(500)
consumer.commit()
consumer.close()""")


def kafkajs(address, _sasl, tape):
    for codec in ("none", "gzip"):
        for action, *rest in (["create"], ["produce", codec]):
            tape.step = f"{action} {codec}"
            run("node", HERE / "clients" / "js" / "client_kafkajs.js", address.split(",")[0], action, f"js-{codec}", *rest,
                stdin=lines(), env={"NODE_PATH": str(BUILD / "js" / "node_modules"), "KAFKAJS_NO_PARTITIONER_WARNING": "1"})


def franz_go(address, _sasl, tape):
    for codec in CODECS:
        for action, *rest in (["create"], ["produce", codec, "plain" if codec == "gzip" else "idempotent"]):
            tape.step = f"{action} {codec}"
            run(BUILD / "franz-client", address.split(",")[0], action, f"franz-{codec}", *rest, stdin=lines())


CLIENTS = {"java-4.4.0": java, "librdkafka-2.16": librdkafka, "kcat-librdkafka-2.0": kcat,
           "kafka-python-3.0": kafka_python, "kafka-python-2.0": kafka_python_old, "kafkajs-2.2": kafkajs,
           "franz-go": franz_go}


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    apache = Tape("apache-4.4.0")
    apache.step = "start"
    nodes = [Node(1, apache), Node(2, apache)]
    controllers = [node.controller() for node in nodes]
    for node in nodes:
        node.format(controllers)
    for node in nodes:
        node.start()
    address, sasl = (",".join(f"127.0.0.1:{node.proxies[name].port}" for node in nodes) for name in CLIENT_LISTENERS)
    from confluent_kafka.admin import AdminClient
    try:
        until = time.monotonic() + 60
        while len(AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=60).brokers) < 2:
            assert time.monotonic() < until, "two brokers do not come up: see build/interop/run-capture-*/output.log"
            time.sleep(0.5)
        for name, client in CLIENTS.items():
            if word not in name:
                continue
            print(f"capturing {name}", flush=True)
            tape = Tape(name)
            apache.step = name
            proxies = [node.proxies[listener] for node in nodes for listener in CLIENT_LISTENERS]
            for proxy in proxies:
                proxy.tape = tape
            client(address, sasl, tape)
            for proxy in proxies:
                proxy.tape = None
            tape.write()
        # A node goes and comes back: elections, truncation, changes of the in-sync replicas.
        for node in nodes:
            apache.step = f"node {node.number} away"
            node.stop()
            run("kcat", "-b", address, "-P", "-t", "java-topic", "-p", 0, "-m", 10, stdin=b"alone\n")
            apache.step = f"node {node.number} back"
            node.start()
            time.sleep(15)
        if not word:
            apache.write()
    finally:
        for node in nodes:
            if node.process:
                node.process.kill()


if __name__ == "__main__":
    main()
