"""Bars under load: producing, fetching, tailing, syncing, compressed; by our own generator and by other people's clients."""
import shutil

import clients
import contestants
import machine
from bar import A, F, Bar, Measured, R, Row, Run
from machine import Unavailable

P1 = dict(record_bytes=100, batch_bytes=16384, in_flight=5)
P3 = dict(record_bytes=1024, batch_bytes=65536, in_flight=5)
# Of the time of a measurement, what a foreign client or a codec gets: there are many of them.
SHARE = 1 / 5

SINGLE = dict(record_bytes=1024, batch_bytes=1100)


def produce(rows, floor=False, durable=False, partitions=1, **options):
    """One run of bench_load. `rows` says which measure of its JSON each row is, and which is its broker CPU."""
    def measure(server, seconds):
        with clients.topic(server, partitions=partitions, durable=durable) as topic:
            got = clients.load(server, topic, seconds, bytes_max=clients.BYTES_MAX, partitions=partitions, **options)
        return {row.name: Measured(got[what], got[cpu], got) for row, what, cpu in rows}
    return Run(tuple(row for row, _, _ in rows), measure, floor)


def fetch(row):
    def measure(server, seconds):
        with clients.topic(server) as topic:
            clients.fill(server, topic, hot_bytes(seconds))
            got = clients.load(server, topic, seconds, mode="fetch", batch_bytes=1 << 20)
        return {row.name: Measured(got["mb_per_s"], got["broker_cpu_s_per_gb"], got)}
    return Run((row,), measure, floor=True)


def hot_bytes(seconds):
    """What lies in the log to be read: enough for a client that reads it once."""
    return min(1_000_000_000, int(seconds * 2e8))


def tail(row, what, cpu, durable=False, **options):
    def measure(server, seconds):
        with clients.topic(server, durable=durable) as topic:
            got = clients.load(server, topic, seconds, mode="tail", **options)
        got["broker_cpu_ms_per_s"] = got["broker_cpu_s"] / got["seconds"] * 1000
        return {row.name: Measured(got[what], got[cpu], got)}
    return Run((row,), measure)


def one_stream(row):
    """D2: the floor is no broker here, but the disk itself."""
    def measure(server, seconds):
        if server.name == "floor":
            contestants.WORK.mkdir(parents=True, exist_ok=True)
            return {row.name: Measured(machine.sync_us(contestants.WORK, seconds), 0)}
        with clients.topic(server, durable=True) as topic:
            got = clients.load(server, topic, seconds, acks=-1, **SINGLE)
        return {row.name: Measured(got["p50_us"], got["broker_cpu_s_per_gb"], got)}
    return Run((row,), measure, floor=True)


def compressed(rows):
    """Z1: broker CPU a byte of the wire, as a multiple of what uncompressed batches of the same size cost just before."""
    def measure(server, seconds):
        spent = {}
        for codec in ["none", *rows]:
            with clients.topic(server) as topic:
                spent[codec] = clients.load(server, topic, seconds * SHARE, codec=codec, record_bytes=1024, batch_bytes=65536, in_flight=5,
                                            bytes_max=clients.BYTES_MAX)["broker_cpu_s_per_gb"]
        return {row.name: Measured(spent[codec] / spent["none"], spent[codec]) for codec, row in rows.items()}
    return Run(tuple(rows.values()), measure)


FOREIGN = {"librdkafka": clients.Librdkafka(), "java": clients.Java(), "franz-go": clients.Franz()}
NEEDS = {"librdkafka": contestants.PROGRAMS / "bench_rdkafka", "java": contestants.BUILD / "kafka-tools" / "libs",
         "franz-go": contestants.BUILD / "franz-bench"}


def foreign(kind, row, **options):
    def measure(server, seconds):
        if not NEEDS[row.client].exists() or row.client == "java" and not shutil.which("java"):
            raise Unavailable(f"{row.client} is not here: {NEEDS[row.client]}")
        client, seconds = FOREIGN[row.client], max(seconds * SHARE, 2)
        with clients.topic(server) as topic:
            if kind == "consume":
                clients.fill(server, topic, hot_bytes(seconds / SHARE))
            work = getattr(client, kind)
            (figure, records), cpu, took = clients.watched(server, lambda: work(server, topic, seconds, **options))
        if records <= 0:
            raise AssertionError(f"{row.client} moved no record")
        return {row.name: Measured(figure, cpu / took * 1000 if kind == "latency" else cpu / records * 1e6)}
    return Run((row,), measure)


def foreign_runs(kind, name, what, unit, gate_of=None, **options):
    """One run for each foreign client. Only `gate_of`'s row is judged: the others show what is left of a ratio when the client
    is most of the work."""
    runs = []
    for client in FOREIGN:
        text = f"{what}, on average, one at a time" if (kind, client) == ("latency", "java") else what
        row = Row(f"{name}/{client}", text, "relaxed", unit, kind != "latency", client=client,
                  cpu_unit="ms/s" if kind == "latency" else "s/M rec", gate=(R(1.3),) if client == gate_of else (),
                  goal=(R(2),) if client == gate_of else ())
        runs.append(foreign(kind, row, **options))
    return tuple(runs)


BARS = [
    Bar("P1 P4 P5", (
        produce([(Row("P1", "produce 100 B, 16 KiB batches, 5 in flight", "relaxed", "records/s", True, (R(1.3),), (R(2),)),
                  "records_per_s", "broker_cpu_s_per_gb"),
                 (Row("P4", "broker CPU per million 100 B records, as P1", "relaxed", "s/M rec", False, (R(1 / 3), F(2)), (R(1 / 6), F(1.5))),
                  "broker_cpu_s_per_million_records", "broker_cpu_s_per_gb")], floor=True, **P1),
        produce([(Row("P5", "broker CPU a request of one 1 KiB record, 64 in flight", "relaxed", "µs", False, (A(8),), (A(4), R(1 / 5))),
                  "broker_cpu_us_per_request", "broker_cpu_s_per_gb")], **SINGLE, in_flight=64),
        *foreign_runs("produce", "P1", "produce 100 B, 16 KiB batches", "records/s", "librdkafka", record_bytes=100, batch_bytes=16384))),
    Bar("P3", (
        produce([(Row("P3", "produce 1 KiB, 64 KiB batches, 5 in flight", "relaxed", "MB/s", True, (F(.6),), (F(.8), R(1.3))),
                  "mb_per_s", "broker_cpu_s_per_gb")], floor=True, **P3),
        *foreign_runs("produce", "P3", "produce 1 KiB, 64 KiB batches", "records/s", record_bytes=1024, batch_bytes=65536))),
    Bar("F1 F2", (
        fetch(Row("F1", "fetch 1 MiB, hot, one consumer", "relaxed", "MB/s", True, (F(.7),), (F(.9), R(1.5)))),
        *foreign_runs("consume", "F1", "consume 1 KiB, hot", "records/s"),
        tail(Row("F2", "broker CPU a delivered GB: 20 MB/s to 10 tailing consumers", "relaxed", "s/GB", False, (R(1 / 2),), (R(1 / 4),)),
             "broker_cpu_s_per_gb", "broker_cpu_s_per_gb", consumers=10, rate=300, record_bytes=1024, batch_bytes=65536))),
    Bar("D1 D2", (
        produce([(Row("D1", "1 KiB, 64 streams, 1 partition", "durable", "acks/s", True, (F(.5), R(4)), (F(.85), R(10))),
                  "requests_per_s", "broker_cpu_s_per_gb")], floor=True, durable=True, acks=-1, connections=64, **SINGLE),
        produce([(Row("D1p", "1 KiB, 64 streams, 64 partitions", "durable", "acks/s", True, (F(.5), R(4)), (F(.85), R(10))),
                  "requests_per_s", "broker_cpu_s_per_gb")], floor=True, durable=True, acks=-1, connections=64, partitions=64, **SINGLE),
        one_stream(Row("D2", "1 KiB, one stream, p50 (floor: append + fdatasync)", "durable", "µs", False, (F(1.6),), (F(1.2),))))),
    Bar("L1", (
        tail(Row("L1", "end to end p50, 1 KiB, 1,000/s", "relaxed", "µs", False, (A(300),), (A(120), R(1 / 4)), "ms/s"),
             "p50_us", "broker_cpu_ms_per_s", rate=1000, in_flight=64, **SINGLE),
        tail(Row("L1d", "end to end p50, 1 KiB, 1,000/s, acks=all", "durable", "µs", False, cpu_unit="ms/s"),
             "p50_us", "broker_cpu_ms_per_s", durable=True, rate=1000, in_flight=64, acks=-1, **SINGLE),
        *foreign_runs("latency", "L1", "end to end p50, 1 KiB, 1,000/s", "µs", record_bytes=1024))),
    Bar("Z1", (
        compressed({codec: Row(f"Z1/{codec}", f"CPU a wire byte, {codec} batches of 64 KiB, over uncompressed", "relaxed", "×", False,
                               (A(1.15),), (A(1.05),)) for codec in ("zstd", "lz4", "gzip", "snappy")}),)),
]
