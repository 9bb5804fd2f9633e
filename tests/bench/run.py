#!/usr/bin/env python3
"""Measures brokers side by side: rounds interleaved (A-B-A-B), medians, ratios, broker CPU.

    ./dev bench [--brokers floor,kalda,relaxed,apache] [--rows P3,F1] [--rounds 3] [--seconds 5]

Apache Kafka takes part when `./dev interop --apache` has fetched it. Durable rows: ours in its default mode, Kafka with
flush.messages=1, the floor with a sync a turn. In the other rows `kalda` syncs all the same, after the answer, and
`relaxed` (log.durability=relaxed) leaves it to the system as Kafka and the floor do.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests" / "interop"))
import brokers as local  # noqa: E402
import wire  # noqa: E402
from install import KAFKA, kafka_libs  # noqa: E402

LOAD, FLOOR, WORK = (TOP / "build" / "release" / "tests" / p for p in ("bench_load", "bench_floor", "bench-data"))

# name: what it is, options of bench_load, durable, the measure that counts
ROWS = {
    "P3": ("produce 1 KiB records, 64 KiB batches, 5 in flight", dict(record_bytes=1024, batch_bytes=65536, in_flight=5), False, "mb_per_s"),
    "P1": ("produce 100 B records, 16 KiB batches, 5 in flight", dict(record_bytes=100, batch_bytes=16384, in_flight=5), False, "records_per_s"),
    "P5": ("produce single 1 KiB records, 64 in flight", dict(record_bytes=1024, batch_bytes=1100, in_flight=64), False, "requests_per_s"),
    "L1": ("produce single 1 KiB records, 1,000 a second", dict(record_bytes=1024, batch_bytes=1100, in_flight=64, rate=1000), False, "p50_us"),
    "F1": ("fetch 1 MiB, hot", dict(batch_bytes=1 << 20, mode="fetch"), False, "mb_per_s"),
    "D2": ("durable 1 KiB, one stream", dict(record_bytes=1024, batch_bytes=1100, acks=-1), True, "requests_per_s"),
    "D1": ("durable 1 KiB, 64 streams, 1 partition", dict(record_bytes=1024, batch_bytes=1100, acks=-1, connections=64), True, "requests_per_s"),
    "D1p": ("durable 1 KiB, 64 streams, 64 partitions", dict(record_bytes=1024, batch_bytes=1100, acks=-1, connections=64, partitions=64), True, "requests_per_s"),
    "D3": ("durable 64 KiB batches of 1 KiB, 5 in flight", dict(record_bytes=1024, batch_bytes=65536, in_flight=5, acks=-1), True, "mb_per_s"),
}


# What one round may write: more would be measured against the system throttling who writes, not against the broker.
BYTES_MAX = 4_000_000_000


class Floor:
    def __init__(self, durable):
        WORK.mkdir(parents=True, exist_ok=True)
        self.durable = durable
        self._begin()

    def _begin(self):
        self.process = subprocess.Popen([FLOOR, WORK] + ["--sync"] * self.durable, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def new_topic(self, partitions, durable):
        return "bench"

    def drop_topic(self, name):
        self.end()
        self._begin()

    def end(self):
        self.process.kill()
        self.process.wait()
        for file in WORK.glob("floor-*"):
            file.unlink()


class Server:
    """Kalda or Apache Kafka."""

    def __init__(self, broker, topic_settings):
        self.broker, self.topic_settings, self.topics = broker, topic_settings, 0
        broker.start()
        self.port, self.process = broker.port, broker.process

    def new_topic(self, partitions, durable):
        self.topics += 1
        name = f"bench{self.topics}"
        with wire.Connection("127.0.0.1", self.port) as c:
            c.create_topic(name, partitions, {"file.delete.delay.ms": "0", **self.topic_settings(durable)})
        return name

    def drop_topic(self, name):
        with wire.Connection("127.0.0.1", self.port) as c:
            c.delete_topic(name)

    def end(self):
        self.broker.kill()
        shutil.rmtree(self.broker.folder)


def apache():
    return local.Apache(WORK / "apache", kafka_libs(), KAFKA)


def kalda(name="kalda"):
    return local.Kalda(WORK / name, TOP / "build" / "release" / "kalda")


def start(name, durable):
    if name == "floor":
        return Floor(durable)
    if name == "apache":
        return Server(apache(), lambda d: {"flush.messages": "1"} if d else {})
    return Server(kalda(name), lambda d: {"log.durability": "relaxed"} if name == "relaxed" else {})


def load(server, topic, seconds, warm_up=1, **options):
    words = [str(LOAD), "--port", str(server.port), "--topic", topic, "--pid", str(server.process.pid),
             "--seconds", str(seconds), "--warm-up", str(warm_up)]
    for key, value in options.items():
        words += ["--" + key.replace("_", "-"), str(value)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds + 120, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)


def fresh_topic(server, options, durable):
    topic = server.new_topic(options.get("partitions", 1), durable)
    if options.get("mode") == "fetch":
        load(server, topic, 2, 0, record_bytes=1024, batch_bytes=65536, in_flight=5)
    return topic


def measure(row, names, rounds, seconds, jvm_warm_up):
    text, options, durable, what = ROWS[row]
    bounded = options if options.get("mode") == "fetch" else {**options, "bytes_max": BYTES_MAX}
    servers = {}
    results = {name: [] for name in names}
    try:
        for name in names:
            servers[name] = start(name, durable)
        for round_number in range(rounds):
            for name, server in servers.items():
                # A compiler at work in the broker is not its steady state.
                if name == "apache" and round_number == 0:
                    topic = fresh_topic(server, options, durable)
                    load(server, topic, jvm_warm_up, 0, **options)
                    server.drop_topic(topic)
                topic = fresh_topic(server, options, durable)
                results[name].append(load(server, topic, seconds, **bounded))
                # Every round meets the same machine: no data of others in its memory, none on the way to the disk.
                server.drop_topic(topic)
                time.sleep(1)
                os.sync()
    finally:
        for server in servers.values():
            server.end()
    print(f"\n{row}: {text} ({what}; medians of {rounds} rounds of {seconds} s)")
    print(f"  {'':8}{'MB/s':>9}{'records/s':>12}{'requests/s':>12}{'p50 us':>10}{'p99 us':>10}{'p99.9 us':>10}{'cpu s/GB':>10}{'cpu s/M rec':>12}{'ratio':>8}")
    base = None
    for name in names:
        m = {k: statistics.median(r[k] for r in results[name]) for k in results[name][0]}
        base = base or m[what]
        print(f"  {name:8}{m['mb_per_s']:9.1f}{m['records_per_s']:12.0f}{m['requests_per_s']:12.0f}{m['p50_us']:10.0f}{m['p99_us']:10.0f}"
              f"{m['p999_us']:10.0f}{m['broker_cpu_s_per_gb']:10.2f}{m['broker_cpu_s_per_million_records']:12.3f}{m[what] / base:8.2f}", flush=True)


def rss_mib(pid):
    line = next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cold_start(names, rounds):
    """S1: empty folder to the first acknowledged record, topic creation included; M1: memory when idle after that."""
    print("\nS1/M1: cold start from an empty folder to the first ack; memory 5 s later")
    for name in names:
        times, memory = [], []
        for _ in range(rounds):
            broker = apache() if name == "apache" else kalda()  # formatting, where it is a program of its own, is not counted
            began = time.monotonic()
            server = Server(broker, lambda d: {})
            topic = server.new_topic(1, False)
            load(server, topic, 60, 0, record_bytes=1024, batch_bytes=1100, requests=1)
            times.append(time.monotonic() - began)
            time.sleep(5)
            memory.append(rss_mib(server.process.pid))
            server.end()
        print(f"  {name:8} {statistics.median(times) * 1000:8.0f} ms {statistics.median(memory):8.1f} MiB", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--brokers", default="floor,kalda,relaxed,apache")
    options.add_argument("--rows", default=",".join(ROWS) + ",S1")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--jvm-warm-up", type=int, default=60)
    chosen = options.parse_args()
    names = chosen.brokers.split(",")
    if {"kalda", "relaxed"} & set(names) and not (TOP / "build" / "release" / "kalda").exists():
        names = [n for n in names if n not in ("kalda", "relaxed")]
        print("without kalda: it is not built")
    if "apache" in names and not kafka_libs().exists():
        names.remove("apache")
        print("without Apache Kafka: run ./dev interop --apache once")
    print(f"{time.strftime('%Y-%m-%d')} {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}", flush=True)
    for row in chosen.rows.split(","):
        if row == "S1":
            cold_start([n for n in names if n not in ("floor", "relaxed")], chosen.rounds)
        else:
            measure(row, names, chosen.rounds, chosen.seconds, chosen.jvm_warm_up)


if __name__ == "__main__":
    main()
