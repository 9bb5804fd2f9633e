"""One data directory and one server.properties, served in turn by Apache Kafka and by Kalda: each serves what the other wrote
and goes on with it, after clean stops and after kill -9. One idempotent producer and one member of a group live through it
all, so that producers' sequences and group generations must be what the other side left."""
import hashlib
import subprocess
import time
from pathlib import Path

from brokers import Local, free_port
from check_confluent import produce, read
from check_kill import Stream, is_there
from groups import Group, kalda, until
from harness import BUILD, Context, register
from install import KAFKA, kafka_libs
from members import CLIENTS
from records import Record, sample
from wire import CODECS, Connection

CLUSTER_ID = "aW50ZXJjaGFuZ2UtMTIzNA"
# Topics by what is special about them; the last one is compared by the last value of each key.
SETTINGS = {"plain": {"retention.ms": "98765432101", "segment.bytes": "1048576"},
            "times": {"message.timestamp.type": "LogAppendTime"},
            "trimmed": {}, "grown": {}, "decided": {"segment.bytes": "1048576"},
            "compacted": {"cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.01"}}


class Passed(Local):
    """Served by whom `start` names."""

    def __init__(self, folder, program, quorum):
        super().__init__(folder)
        self.program, self.who = Path(program).resolve(), None
        controller = free_port()
        properties = {
            "process.roles": "broker,controller", "node.id": "1",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER", "log.dirs": str(self.log_dir),
            "offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "2", "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.backoff.ms": "300",
            # Kafka tells the disk of a log's start once a minute, so that kill -9 takes a DeleteRecords back.
            "log.flush.start.offset.checkpoint.interval.ms": "200",
            "metadata.log.max.record.bytes.between.snapshots": "4000",
        } | ({"controller.quorum.voters": f"1@127.0.0.1:{controller}"} if quorum == "static" else
             {"controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}"})
        self.properties = self.folder / "server.properties"
        self.properties.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        self.quorum = quorum

    def format(self):
        """As Kafka's users do before the first start; Kalda needs no such step."""
        subprocess.run(["java", "-cp", f"{kafka_libs()}/*", "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c",
                        str(self.properties), *(["--standalone"] if self.quorum == "dynamic" else [])],
                       check=True, stdout=subprocess.DEVNULL)

    def command(self):
        if self.who == "kalda":
            return [self.program, "serve", "-c", self.properties, "--set", "kalda.admin.port=0"]
        return ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", f"{kafka_libs()}/*", "kafka.Kafka", self.properties]

    def hand_to(self, who, clean):
        if self.process is not None:
            (self.stop if clean else self.kill)()
        self.who = who
        self.start()

    def version(self):
        return self.who


class Owner:
    """What one made in the directory, and what there is of it now."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.connect()
        self.topics = {kind: f"{kind}.topic" for kind in SETTINGS}
        self.turn, self.latest = 0, {}

    def connect(self):
        """Anew for each that serves: librdkafka's admin client asks no coordinator again that was restarted, whoever it is."""
        from confluent_kafka.admin import AdminClient
        self.admin = AdminClient({"bootstrap.servers": self.ctx.address, "log_level": 2})

    def fill(self):
        """Everything that there is to be kept."""
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import NewPartitions, NewTopic
        partitions = {"plain": 3, "decided": 2}
        wanted = [NewTopic(self.topics[kind], partitions.get(kind, 1), 1, config=settings) for kind, settings in SETTINGS.items()]
        for future in self.admin.create_topics([*wanted, NewTopic("gone.topic", 2, 1)]).values():
            future.result(20)
        self.wait_for_leaders()
        produce(self.ctx, "gone.topic", sample(50))
        self.admin.delete_topics(["gone.topic"])["gone.topic"].result(20)
        self.admin.create_partitions([NewPartitions(self.topics["grown"], 3)])[self.topics["grown"]].result(20)
        self.wait_for_leaders()
        kalda(self.ctx, "config", "set", "broker", "default", "message.max.bytes=7654321")
        kalda(self.ctx, "config", "set", "topic", self.topics["times"], "max.message.bytes=654321")
        self.add()
        trimmed = self.topics["trimmed"]
        self.admin.delete_records([TopicPartition(trimmed, 0, 37)])[TopicPartition(trimmed, 0)].result(20)
        self.commit("reader", {0: 11, 1: 7, 2: 3})

    def add(self):
        """More of the same, by whoever serves now."""
        self.turn += 1
        for number, codec in enumerate(CODECS):
            produce(self.ctx, self.topics["plain"], sample(120, seed=self.turn * 10 + number), partition=number % 2,
                    compression_type=codec, enable_idempotence=number % 2 == 0)
        large = [Record(b"large", hashlib.sha256(b"%d %d" % (self.turn, i)).digest() * 1000) for i in range(40)]
        produce(self.ctx, self.topics["plain"], large, partition=2)  # of several segments
        for kind in ("times", "trimmed"):
            produce(self.ctx, self.topics[kind], sample(60, seed=self.turn), compression_type="lz4")
        produce(self.ctx, self.topics["decided"], sample(20, seed=self.turn))
        for partition in range(3):
            produce(self.ctx, self.topics["grown"], sample(20, seed=self.turn + partition), partition=partition)
        for rewrite in range(4):
            records = [Record(b"key %d" % i, None if i % 7 == self.turn % 7 else b"%d %d %d" % (self.turn, rewrite, i))
                       for i in range(rewrite, 50, 2)]
            produce(self.ctx, self.topics["compacted"], records, enable_idempotence=True)
            self.latest |= {r.key: r.value for r in records}
            time.sleep(0.25)  # another segment
        self.wait_for_compaction()
        self.commit(f"reader of turn {self.turn}", {0: self.turn, 2: 5})
        self.commit("reader", {1: 7 + self.turn})

    def commit(self, group, offsets):
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.ctx.address, "group.id": group, "log_level": 2})
        consumer.commit(offsets=[TopicPartition(self.topics["plain"], p, offset, f"words of {p}") for p, offset in offsets.items()],
                        asynchronous=False)
        consumer.close()

    def partitions(self):
        return [(topic, p) for kind, topic in self.topics.items() for p in range({"plain": 3, "grown": 3, "decided": 2}.get(kind, 1))]

    def wait_for_leaders(self):
        until_time = time.monotonic() + 30
        with Connection(*self.ctx.host_port) as connection:
            while any(connection.end_offset(topic, p) is None for topic, p in self.partitions()[:-1]):
                if time.monotonic() > until_time:
                    break  # who asks next says what is missing
                time.sleep(0.1)

    def view(self):
        """All that a client can see and that no broker may change by itself."""
        from confluent_kafka import ConsumerGroupTopicPartitions, TopicCollection
        from confluent_kafka.admin import ConfigResource
        names = sorted(self.admin.list_topics(timeout=20).topics)
        seen = {"topics": names, "cluster": self.admin.describe_cluster().result(20).cluster_id}
        for name, future in self.admin.describe_topics(TopicCollection(names)).items():
            told = future.result(20)
            seen[f"topic {name}"] = (str(told.topic_id), len(told.partitions), told.is_internal)
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
        for resource, future in self.admin.describe_configs(resources).items():
            seen[f"settings of {resource.name}"] = {k: (e.value, e.source) for k, e in future.result(20).items()
                                                    if e.source not in (4, 5)}
        with Connection(*self.ctx.host_port) as connection:
            for topic, p in self.partitions():
                ends = (connection.end_offset(topic, p, -2), connection.end_offset(topic, p))
                if topic == self.topics["compacted"]:
                    seen[f"end of {topic}"] = ends[1]
                    continue
                content, times, count = hashlib.sha256(), [], 0
                for batch in connection.batches(topic, p):
                    content.update(batch.raw)
                    times, count = times + [batch.max_timestamp], count + batch.count
                found = [connection.end_offset(topic, p, at) for at in times[:: max(1, len(times) // 5)]]
                seen[f"records of {topic}-{p}"] = (*ends, count, content.hexdigest(), found)
        for topic, p in [(self.topics["times"], 0), *((self.topics["decided"], p) for p in range(2))]:
            for isolation in ("read_committed", "read_uncommitted"):
                seen[f"{isolation} of {topic}-{p}"] = isolated(self.ctx, topic, p, isolation)
        groups = sorted(g.group_id for g in self.admin.list_consumer_groups().result(20).valid)
        seen["groups"] = groups
        for group in (g for g in groups if g.startswith("reader") or g == "modern"):
            told = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(20)
            seen[f"offsets of {group}"] = sorted((p.topic, p.partition, p.offset, p.metadata) for p in told.topic_partitions)
        return seen

    def compacted(self):
        """The last value of each key, and how many records there are."""
        records = read(self.ctx, self.topics["compacted"], dense=False)
        return {r.key: r.value for r in records}, len(records)

    def wait_for_compaction(self):
        """Each turn writes 100 records of 50 keys; those of the last 25 are in the segment that is still written."""
        until_time = time.monotonic() + 40
        while (count := self.compacted()[1]) > 50 + 25:
            assert time.monotonic() < until_time, f"{count} records of 50 keys are left after 40 s"
            time.sleep(0.3)

    def last_values_are_kept(self):
        kept = self.compacted()[0]
        wrong = {key: kept.get(key) for key, value in self.latest.items() if kept.get(key) != value}
        assert not wrong, f"the last values of keys are {dict(list(wrong.items())[:3])}"


def differs(before, after):
    return [f"{key}: {before.get(key)!r:.300} became {after.get(key)!r:.300}" for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)]


def passed_on(first, quorum, clean):
    """`first` makes all, then the two take turns; `clean` says how each turn ends."""
    def run_check(ctx):
        broker = Passed(BUILD / f"run-passed-{first}-{quorum}", ctx.program, quorum)
        here = Context(broker, ctx.tools, ctx.work, ctx.program)
        turns = ["kafka", "kalda"] * 3
        turns = turns[turns.index(first):][:len(clean) + 1]
        stream = group = None
        try:
            if first == "kafka":
                broker.format()
            broker.hand_to(first, True)
            owner = Owner(here)
            owner.fill()
            if first == "kafka":
                transactions(here, owner.topics["times"], owner.topics["decided"])
                modern_group(here, owner.topics["grown"])
            stream = Stream(here.address, here.new_topic("stream"), pause=0.02)
            group = Group(here, stream.topic, "range")
            group.start("lasting", CLIENTS["confluent"][0])
            for who, is_clean in zip(turns[1:], clean):
                goal = len(stream.acknowledged) + 1500
                until("the stream flows", [group], lambda: len(stream.acknowledged) > goal and group.members["lasting"].lines()[1])
                before, acknowledged = owner.view(), group.acknowledged()
                broker.hand_to(who, is_clean)
                owner.connect()
                owner.wait_for_leaders()
                wrong = differs(before, owner.view())
                assert not wrong, f"{len(wrong)} things differ under {who}: " + "; ".join(wrong[:4])
                group.commits_are_there(acknowledged)
                owner.last_values_are_kept()
                owner.add()
            stream.finish()
            is_there(here, stream)
            until("all is read", [group], lambda: len(group.read()) >= stream.sent)
            group.commits_are_there(group.acknowledged())
        finally:
            if stream:
                stream.finish()
            if group:
                group.kill_all()
            broker.stop()
    return run_check


def transactional(ctx, name):
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": ctx.address, "transactional.id": name, "log_level": 2,
                         "transaction.timeout.ms": 900_000})
    producer.init_transactions(30)
    return producer


def transactions(ctx, plain, decided):
    """Kalda coordinates none yet, but serves what they left: committed ones, aborted ones that overlap and reach over
    segments, and one that stays open in the last partition with decided ones behind it."""
    producer = transactional(ctx, "t")
    producer.begin_transaction()
    for i in range(10):
        producer.produce(plain, b"kept %d" % i, partition=0)
    producer.commit_transaction(30)
    several = [transactional(ctx, f"t{i}") for i in range(3)]
    for turn in range(6):
        for one in several:
            one.begin_transaction()
        for i in range(12):
            for number, one in enumerate(several):
                one.produce(decided, hashlib.sha256(b"%d %d %d" % (turn, number, i)).digest() * 500, partition=i % 2)
                one.flush(30)
        for number, one in enumerate(several):
            one.commit_transaction(30) if (turn + number) % 3 == 0 else one.abort_transaction(30)
    seen = {isolation: isolated(ctx, decided, 0, isolation)[1] for isolation in ("read_committed", "read_uncommitted")}
    assert seen["read_committed"] + 72 == seen["read_uncommitted"], f"of 108 records {seen} are read"
    open_one, *others = several
    open_one.begin_transaction()
    open_one.produce(decided, b"undecided", partition=1)
    open_one.flush(30)
    for number, one in enumerate(others):
        one.begin_transaction()
        one.produce(decided, b"decided behind it", partition=1)
        one.commit_transaction(30) if number else one.abort_transaction(30)


def isolated(ctx, topic, partition, isolation):
    """What a reader gets, and where the log ends for him."""
    from confluent_kafka import Consumer, TopicPartition
    records = read(ctx, topic, partition, dense=False, isolation_level=isolation)
    consumer = Consumer({"bootstrap.servers": ctx.address, "group.id": "none", "isolation.level": isolation, "log_level": 2})
    ends = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20, cached=False)
    consumer.close()
    ours = kalda(ctx, "consume", topic, "-p", str(partition), "--format", "hex", *["--read-committed"] * (isolation == "read_committed"))
    told = ours.decode().splitlines()
    assert len(told) == len(records), f"`kalda consume` reads {len(told)} {isolation} records of {len(records)}"
    wrong = [at for at, r in enumerate(records) if r.value and told[at] != r.value.hex()]
    assert not wrong, f"`kalda consume` reads other {isolation} records: {wrong[:5]}"
    return hashlib.sha256(repr(records).encode()).hexdigest(), len(records), ends


def modern_group(ctx, topic):
    """A group of the protocol that brokers drive (KIP-848) commits; its offsets are there without it."""
    from confluent_kafka import Consumer
    consumer = Consumer({"bootstrap.servers": ctx.address, "group.id": "modern", "group.protocol": "consumer",
                         "auto.offset.reset": "earliest", "enable.auto.commit": False, "log_level": 2})
    consumer.subscribe([topic])
    read_until, count = time.monotonic() + 30, 0
    while count < 60:
        assert time.monotonic() < read_until, f"{count} of 60 records came within 30 s"
        count += len(consumer.consume(60, 0.5))
    consumer.commit(asynchronous=False)
    consumer.close()


for name, words, turns in (("kafka", "dynamic", (True, False, True)), ("kafka", "static", (False, True)),
                           ("kalda", "dynamic", (True, False, True))):
    register(f"interchange with Apache Kafka {KAFKA}: a directory begun by {name} ({words} quorum) is passed on {len(turns)} "
             "times and loses nothing", passed_on(name, words, turns), needs="java confluent", alone=True)
