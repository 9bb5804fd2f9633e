"""How cost grows: with partitions, with connections, with the size of a record. The figure is broker CPU, which a busy
machine moves less than a clock.

Prints a table and writes scaling.csv (each line one point: axis, at, broker, and what was measured) and scaling.svg.
"""
import contextlib
import csv
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

import clients
import contestants
import machine
import plot

HERE = Path(__file__).resolve().parent
PARTITIONS_AT_ONCE = 1000  # Kafka's controller refuses requests that make 10,000 records, and takes its time for many
FIELDS = ("axis", "at", "broker", "cpu_us_per_request", "cpu_s_per_gb", "requests_per_s", "mb_per_s", "p50_us", "p99_us", "rss_mib")


def more_partitions(server, topic, count):
    """CreatePartitions 0, and waits until the new ones have leaders."""
    name = topic.encode()
    body = struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiib", count, -1, 60_000, 0)
    with server.connect() as c:
        answer = c.call(37, 0, body)
        error = struct.unpack_from(">h", answer, 8 + 2 + len(name))[0]
        assert error == 0, f"CreatePartitions answered {error}"
        for partition in range(count - PARTITIONS_AT_ONCE, count):
            until = time.monotonic() + 60
            while c.end_offset(topic, partition) is None:
                assert time.monotonic() < until, f"{topic}-{partition} has no leader"
                time.sleep(.05)


def by_partitions(server, partitions, seconds):
    """Single 1 KiB records from 64 connections, each partition in turn."""
    with clients.topic(server, partitions=min(partitions, PARTITIONS_AT_ONCE)) as topic:
        for count in range(2 * PARTITIONS_AT_ONCE, partitions + 1, PARTITIONS_AT_ONCE):
            more_partitions(server, topic, count)
        # Every partition has its first record before the clock runs: files are made then.
        clients.load(server, topic, 300, warm_up=0, requests=partitions, connections=64, partitions=partitions, record_bytes=1024, batch_bytes=1100)
        return clients.load(server, topic, seconds, connections=64, partitions=partitions, record_bytes=1024, batch_bytes=1100,
                            bytes_max=clients.BYTES_MAX)


def by_connections(server, connections, seconds):
    """Single 1 KiB records to 16 partitions, one in flight on each connection."""
    with clients.topic(server, partitions=16) as topic:
        return clients.load(server, topic, seconds, connections=connections, partitions=16, record_bytes=1024, batch_bytes=1100,
                            bytes_max=clients.BYTES_MAX)


def by_record_size(server, record_bytes, seconds):
    """Batches of 64 KiB, or of one record where that is larger; 5 in flight."""
    with clients.topic(server, **{"max.message.bytes": str(2 << 20)}) as topic:
        return clients.load(server, topic, seconds, record_bytes=record_bytes, batch_bytes=65536, in_flight=5, bytes_max=clients.BYTES_MAX)


# axis: how a point is measured, where, what of it is plotted, and that in words
AXES = {"partitions": (by_partitions, (1, 100, 10_000), "cpu_us_per_request", "broker CPU a request of one 1 KiB record, µs"),
        "connections": (by_connections, (1, 1000, 10_000), "cpu_us_per_request", "broker CPU a request of one 1 KiB record, µs"),
        "record bytes": (by_record_size, (10, 100, 1 << 10, 10 << 10, 100 << 10, 1 << 20), "cpu_s_per_gb", "broker CPU a GB, s")}


def point(axis, at, server, samples):
    middle = {key: statistics.median(s[key] for s in samples) for key in samples[0]}
    return {"axis": axis, "at": at, "broker": server.name, "cpu_us_per_request": middle["broker_cpu_us_per_request"],
            "cpu_s_per_gb": middle["broker_cpu_s_per_gb"], "requests_per_s": middle["requests_per_s"], "mb_per_s": middle["mb_per_s"],
            "p50_us": middle["p50_us"], "p99_us": middle["p99_us"], "rss_mib": round(machine.rss_bytes(server.pid) / 2**20, 1)}


def points_at(axis, at, names, rounds, seconds, jvm_warm_up):
    """A point of each broker. They are new ones: a broker that held 10,000 partitions is not what one of them costs. One that
    fails is told of, and has no point."""
    measure, points, trouble = AXES[axis][0], [], []
    with contextlib.ExitStack() as running:
        samples = {}
        for name in names:
            server = contestants.start(name)
            running.callback(server.end)
            samples[server] = []
            if name == "kafka":
                by_record_size(server, 1024, jvm_warm_up)
        for _ in range(rounds):
            for server in list(samples):
                try:
                    samples[server].append(measure(server, at, seconds))
                except (AssertionError, OSError, subprocess.SubprocessError) as error:
                    trouble.append(f"{server.name} at {at:,} {axis}: {error}")
                    del samples[server]
        points = [point(axis, at, server, all_of_it) for server, all_of_it in samples.items()]
    return points, trouble


def run(names, options):
    seconds = max(options.seconds / 3, 1)
    head = f"{time.strftime('%Y-%m-%d')}, {machine.says()}; medians of {options.rounds} rounds of {seconds:g} s"
    points, trouble = [], []
    for axis, (_, places, _, _) in AXES.items():
        for at in places:
            print(f"{time.strftime('%H:%M:%S')} {at:,} {axis}", file=sys.stderr, flush=True)
            measured, failed = points_at(axis, at, names, options.rounds, seconds, options.jvm_warm_up)
            points, trouble = points + measured, trouble + failed
    with open(HERE / "scaling.csv", "w", newline="") as file:
        file.write(f"# {head}\n")
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(points)
    panels = [plot.Panel(axis, words, {name: [(p["at"], p[what]) for p in points if (p["axis"], p["broker"]) == (axis, name)]
                                       for name in names}) for axis, (_, _, what, words) in AXES.items()]
    (HERE / "scaling.svg").write_text(plot.svg(panels))
    print(f"{head}\n\n| Axis | At | Broker | CPU µs a request | CPU s a GB | requests/s | MB/s | p50 µs | p99 µs | RSS MiB |\n"
          "| --- | --: | --- | --: | --: | --: | --: | --: | --: | --: |")
    for p in points:
        print(f"| {p['axis']} | {p['at']:,} | {p['broker']} | {p['cpu_us_per_request']:.1f} | {p['cpu_s_per_gb']:.2f} | {p['requests_per_s']:,.0f} "
              f"| {p['mb_per_s']:.1f} | {p['p50_us']:,.0f} | {p['p99_us']:,.0f} | {p['rss_mib']:.0f} |")
    for words in trouble:
        print(f"\nnot measured: {words}")
    return 1 if trouble else 0
