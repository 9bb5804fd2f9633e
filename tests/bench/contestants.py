"""Who is measured: Kalda, Apache Kafka and the floor broker, each a process with its own data.

    server = start("kafka")
    topic = server.new_topic(partitions=1, durable=False)
    ...measure server.port, server.pid...
    server.drop_topic(topic)
    server.end()

`durable` is a property of the topic: an acknowledged record is on the disk. Kalda does that by default and leaves it to the
system with log.durability=relaxed; Kafka is the other way round, and syncs each batch with flush.messages=1.
"""
import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests" / "interop"))
import brokers  # noqa: E402
import wire  # noqa: E402
from install import BUILD, KAFKA, kafka_libs  # noqa: E402

PROGRAMS = TOP / "build" / "release" / "tests"
WORK = PROGRAMS / "bench-data"
KALDA = TOP / "build" / "release" / "kalda"


class Server:
    """Kalda or Apache Kafka: a broker of tests/interop, watched more closely while it starts."""

    def __init__(self, name, broker):
        self.name, self.broker, self.topics = name, broker, 0
        broker.pause = 0.001
        try:
            broker.start()
        except AssertionError:
            broker.kill()
            raise

    port = property(lambda self: self.broker.port)
    pid = property(lambda self: self.broker.process.pid)
    address = property(lambda self: self.broker.address)

    def connect(self):
        return wire.Connection("127.0.0.1", self.port)

    def new_topic(self, partitions=1, durable=False, **config):
        self.topics += 1
        name = f"bench{self.topics}"
        with self.connect() as c:
            c.create_topic(name, partitions, {"file.delete.delay.ms": "0", **self._durability(durable), **config})
        return name

    def _durability(self, durable):
        if self.name == "kafka":
            return {"flush.messages": "1"} if durable else {}
        return {} if durable else {"log.durability": "relaxed"}

    def drop_topic(self, name):
        with self.connect() as c:
            c.delete_topic(name)

    def end_offset(self, topic, partition=0):
        with self.connect() as c:
            return c.end_offset(topic, partition)

    def end(self):
        self.broker.kill()
        shutil.rmtree(self.broker.folder)


class Floor:
    """bench_floor: one topic of any name, empty whenever it was dropped."""
    name = "floor"

    def __init__(self):
        WORK.mkdir(parents=True, exist_ok=True)
        self.process = None

    pid = property(lambda self: self.process.pid)

    def new_topic(self, partitions=1, durable=False, **_):
        self.process = subprocess.Popen([PROGRAMS / "bench_floor", WORK] + ["--sync"] * durable, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        return "bench"

    def drop_topic(self, name):
        self.end()

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for file in WORK.glob("floor-*"):
            file.unlink()


def only_run():
    """Held until this process ends: two runs in one work tree would measure each other, and share the data directory."""
    WORK.mkdir(parents=True, exist_ok=True)
    lock = open(WORK / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SystemExit(f"another ./dev bench is at work here (it holds {lock.name})") from None
    return lock


def start(name):
    if name == "floor":
        return Floor()
    return Server(name, unstarted(name))


def unstarted(name):
    """The broker with an empty data directory, formatted where that takes a program of its own."""
    if name == "kafka":
        return brokers.Apache(WORK / "kafka", kafka_libs(), KAFKA)
    return brokers.Kalda(WORK / "kalda", KALDA)


def program_files(name):
    """What is read from the disk to start it at all."""
    if name == "kalda":
        return [KALDA]
    java = Path(shutil.which("java")).resolve().parent.parent
    return [*kafka_libs().glob("*.jar"), *(f for f in (java / "lib").rglob("*") if f.is_file())]


def versions():
    commit = subprocess.run(["git", "-C", str(TOP), "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False)
    return {"kalda": commit.stdout.strip() or "unknown", "kafka": KAFKA}
