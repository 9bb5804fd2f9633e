"""kcat (librdkafka 2.0): the command line that most people try first."""
import json
import subprocess
import time

import wire
from harness import Skip, check, register, run
from records import Record, same, sample
from wire import CODECS, stored

SEPARATOR = "\x1f"


def kcat(ctx, *words, stdin=None, timeout=60):
    return run(["kcat", "-b", ctx.address, "-X", "broker.address.family=v4", "-m", "15", *words], stdin=stdin,
               timeout=timeout)


def produce(ctx, topic, lines, *words, partition=0):
    kcat(ctx, "-P", "-t", topic, "-p", partition, "-K", SEPARATOR, *words, stdin="\n".join(lines).encode() + b"\n")


def read(ctx, topic, partition=0, *words):
    """Every record of a partition, for values without tabs and newlines."""
    out = kcat(ctx, "-C", "-t", topic, "-p", partition, "-o", "beginning", "-e", "-q",
               "-f", r"%o\t%T\t%K\t%S\t%k\t%s\t%h\n", *words)
    records = []
    for number, line in enumerate(out.decode().splitlines()):
        offset, stamp, key_size, value_size, key, value, headers = line.split("\t")
        assert int(offset) == number, f"offset {offset} where {number} was due"
        pairs = tuple((h.split("=", 1)[0], h.split("=", 1)[1].encode()) for h in headers.split(",") if h)
        records.append(Record(None if key_size == "-1" else key.encode(), None if value_size == "-1" else value.encode(),
                              pairs, int(stamp)))
    return records


def numbered(count, size=60):
    return [f"k{i % 7}{SEPARATOR}{i:06d} " + "x" * (i * 13 % size) + "." for i in range(count)]


@check("kcat: metadata names the broker and a new topic", needs="kcat")
def metadata(ctx):
    topic = ctx.new_topic("meta", partitions=3)
    found = json.loads(kcat(ctx, "-L", "-J", "-t", topic))
    assert len(found["brokers"]) == 1 and found["brokers"][0]["name"], found["brokers"]
    assert [len(t["partitions"]) for t in found["topics"] if t["topic"] == topic] == [3], found["topics"]


@check("kcat: a topic is created by producing to it", needs="kcat")
def auto_create(ctx):
    topic = ctx.topic_name("auto")
    kcat(ctx, "-P", "-t", topic, stdin=b"first\n")
    for _ in range(20):
        if kcat(ctx, "-C", "-t", topic, "-o", "beginning", "-e", "-q") == b"first\n":
            return
        time.sleep(0.2)
    raise AssertionError("the record did not come back")


@check("kcat: keyed records keep their partition and their order, and offsets have no gaps", needs="kcat")
def keyed(ctx):
    partitions, sent = 4, [(f"k{i % 37}", f"{i:05d} " + "x" * (i * 13 % 120)) for i in range(3000)]
    topic = ctx.new_topic("keyed", partitions)
    kcat(ctx, "-P", "-t", topic, "-K", SEPARATOR, "-X", "acks=all",
         stdin="".join(f"{key}{SEPARATOR}{value}\n" for key, value in sent).encode())
    by_key, used = {}, []
    for partition in range(partitions):
        records = read(ctx, topic, partition)  # in which offsets rise by one from 0
        used.append(len(records))
        for key in {r.key.decode() for r in records}:
            assert key not in by_key, f"{key} is in two partitions"
            by_key[key] = [r.value.decode() for r in records if r.key.decode() == key]
    assert by_key == {f"k{k}": [value for key, value in sent if key == f"k{k}"] for k in range(37)}
    assert all(used), f"records in the partitions: {used}"


def codec_roundtrip(codec, idempotent):
    def run_check(ctx):
        topic, lines = ctx.new_topic(f"kcat-{codec}"), numbered(2000, 400)
        began = int(time.time() * 1000) - 1000
        produce(ctx, topic, lines, "-z", codec, "-X", "linger.ms=50", "-X", f"enable.idempotence={str(idempotent).lower()}")
        got = read(ctx, topic)
        same([Record(*(part.encode() for part in line.split(SEPARATOR))) for line in lines], got)
        assert all(began <= r.timestamp_ms <= time.time() * 1000 + 1000 for r in got), "times are not those of producing"
        stored(ctx, topic, codec, idempotent)
    return run_check


for name in CODECS:
    register(f"kcat: 2000 records, codec {name}, come back equal", codec_roundtrip(name, False), needs="kcat")
register("kcat: 2000 records of an idempotent producer come back equal", codec_roundtrip("zstd", True), needs="kcat")


@check("kcat: every acks stores the records", needs="kcat")
def acks(ctx):
    for how in ("0", "1", "all"):
        topic, lines = ctx.new_topic(f"acks{how}"), numbered(500)
        produce(ctx, topic, lines, "-X", f"acks={how}")
        for _ in range(20):  # acks=0 promises nothing about when
            got = read(ctx, topic)
            if len(got) == len(lines):
                break
            time.sleep(0.2)
        same([Record(*(part.encode() for part in line.split(SEPARATOR))) for line in lines], got)


@check("kcat: headers keep order and repeated names", needs="kcat")
def headers(ctx):
    topic = ctx.new_topic("headers")
    kcat(ctx, "-P", "-t", topic, "-p", 0, "-H", "a=1", "-H", "b=two", "-H", "a=3", stdin=b"v\n")
    same([Record(None, b"v", (("a", b"1"), ("b", b"two"), ("a", b"3")))], read(ctx, topic))


@check("kcat: absent keys and values are told from empty ones", needs="kcat")
def nulls(ctx):
    topic = ctx.new_topic("nulls")
    kcat(ctx, "-P", "-t", topic, "-p", 0, "-K:", "-Z", stdin=b"k1:\n:v2\nk3:v3\n")
    same([Record(b"k1", None), Record(None, b"v2"), Record(b"k3", b"v3")], read(ctx, topic))


@check("kcat: a record of 900,000 bytes comes back equal", needs="kcat")
def big(ctx):
    topic, path = ctx.new_topic("big"), ctx.file("big")
    path.write_bytes(bytes(97 + i * i % 25 for i in range(900_000)))
    kcat(ctx, "-P", "-t", topic, "-p", 0, path)
    assert kcat(ctx, "-C", "-t", topic, "-p", 0, "-o", "beginning", "-c", "1", "-q", "-D", "") == path.read_bytes()


@check("kcat: reading starts where it is asked to", needs="kcat")
def positions(ctx):
    topic = ctx.new_topic("positions")
    produce(ctx, topic, [f"k{SEPARATOR}m{i}" for i in range(100)])
    def at(*where):
        return kcat(ctx, "-C", "-t", topic, "-p", 0, "-q", "-f", "%o:%s ", "-o", *where).decode()
    assert at("40", "-c", "3") == "40:m40 41:m41 42:m42 "
    assert at("-3", "-e") == "97:m97 98:m98 99:m99 "
    assert at("end", "-e") == ""
    assert b"offset 0" in kcat(ctx, "-Q", "-t", f"{topic}:0:-2")
    assert b"offset 100" in kcat(ctx, "-Q", "-t", f"{topic}:0:-1")


@check("kcat: an offset is found by its time", needs="kcat")
def by_time(ctx):
    topic = ctx.new_topic("time")
    for i in range(4):
        kcat(ctx, "-P", "-t", topic, "-p", 0, stdin=b"t%d\n" % i)
        time.sleep(0.03)
    stamps = [r.timestamp_ms for r in read(ctx, topic)]
    for i, stamp in enumerate(stamps):
        assert b"offset %d" % i in kcat(ctx, "-Q", "-t", f"{topic}:0:{stamp}"), f"record {i} at {stamp}"
    assert b"offset 0" in kcat(ctx, "-Q", "-t", f"{topic}:0:1")


@check("kcat: 20,000 records come through fetches of 5,000 bytes", needs="kcat")
def small_fetches(ctx):
    topic, lines = ctx.new_topic("small"), [f"k{SEPARATOR}s{i}" for i in range(20_000)]
    produce(ctx, topic, lines, "-X", "linger.ms=5")
    got = kcat(ctx, "-C", "-t", topic, "-p", 0, "-o", "beginning", "-e", "-q", "-X", "fetch.message.max.bytes=5000")
    assert got.decode().split() == [f"s{i}" for i in range(20_000)]


def group_reads(ctx, group, topic, *words):
    """All that a group reads until it is at the end of every partition; kcat commits that as it leaves."""
    out = kcat(ctx, "-G", group, "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000", "-q", "-e", *words, topic)
    return sorted(out.decode().split())


@check("kcat: a group goes on where it was, and another one begins at the start", needs="kcat")
def group_resumes(ctx):
    topic, first, second = ctx.new_topic("resume", 3), [f"a{i:03d}" for i in range(300)], [f"b{i:02d}" for i in range(50)]
    one, other = ctx.topic_name("one"), ctx.topic_name("other")
    kcat(ctx, "-P", "-t", topic, stdin="\n".join(first).encode())
    assert group_reads(ctx, one, topic) == first
    assert group_reads(ctx, one, topic) == [], "what was committed is read again"
    kcat(ctx, "-P", "-t", topic, stdin="\n".join(second).encode())
    assert group_reads(ctx, one, topic) == second
    assert group_reads(ctx, other, topic, "-X", "partition.assignment.strategy=cooperative-sticky") == first + second
    assert group_reads(ctx, other, topic, "-X", "partition.assignment.strategy=cooperative-sticky") == []


@check("kcat: a transaction is read as a whole, and its end takes an offset", needs="kcat")
def transaction(ctx):
    with wire.Connection(*ctx.host_port) as connection:
        if wire.END_TXN not in connection.served():
            raise Skip("this broker serves no transactions yet")
    topic, lines = ctx.new_topic("transaction"), [f"x{i}" for i in range(200)]
    kcat(ctx, "-P", "-t", topic, "-p", 0, "-X", f"transactional.id={topic}", stdin="\n".join(lines).encode())
    def committed():
        return kcat(ctx, "-C", "-t", topic, "-p", 0, "-o", "beginning", "-e", "-q", "-X", "isolation.level=read_committed").decode().split()
    for _ in range(20):  # the marker follows the answer
        if committed():
            break
        time.sleep(0.2)
    assert committed() == lines
    assert b"offset 201" in kcat(ctx, "-Q", "-t", f"{topic}:0:-1"), "the marker has no offset of its own"


@check("kcat: a waiting consumer sees a record within half a second", needs="kcat")
def long_poll(ctx):
    topic = ctx.new_topic("poll")
    with subprocess.Popen(["kcat", "-b", ctx.address, "-C", "-t", topic, "-p", "0", "-o", "end", "-c", "1", "-q", "-u",
                           "-X", "fetch.wait.max.ms=8000"], stdout=subprocess.PIPE) as consumer:
        try:
            time.sleep(2)
            kcat(ctx, "-P", "-t", topic, "-p", 0, stdin=b"now\n")
            began = time.monotonic()
            assert consumer.stdout.readline() == b"now\n"
            took = time.monotonic() - began
            assert took < 0.5, f"it took {took:.2f} s"
        finally:
            consumer.kill()


@check("kcat: LogAppendTime stamps the broker's time", needs="kcat")
def append_time(ctx):
    topic = ctx.new_topic("appendtime", message_timestamp_type="LogAppendTime")
    began = int(time.time() * 1000) - 1000
    produce(ctx, topic, numbered(50, 400), "-z", "lz4", "-X", "linger.ms=50")
    assert all(began <= r.timestamp_ms <= time.time() * 1000 + 1000 for r in read(ctx, topic))
    assert all(b.log_append_time for b in stored(ctx, topic, "lz4"))
