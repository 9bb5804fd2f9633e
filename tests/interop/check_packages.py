"""Real input: the Debian package index as JSON, one record a package, keyed by name (about 60,000 records)."""
import json
import os
import subprocess

from check_confluent import produce as confluent_produce
from check_confluent import read as confluent_read
from check_java import tool
from check_kcat import kcat
from harness import BUILD, Skip, check
from records import Record, partition_of, same
from wire import stored

PARTITIONS = 3


def package_index():
    """Lines of (name, JSON), from apt's own lists; kept, so that every run sends the same bytes."""
    kept = BUILD / "packages.tsv"
    if not kept.exists():
        text = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")
        lines = []
        for paragraph in text.split("\n\n"):
            fields, name = {}, None
            for line in paragraph.splitlines():
                if line.startswith((" ", "\t")) and name:
                    fields[name] += "\n" + line.strip()
                elif ":" in line:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
            if "Package" in fields:
                lines.append(fields["Package"] + "\t" + json.dumps(fields, sort_keys=True))
        beside = kept.with_suffix(f".{os.getpid()}")  # other checks may do the same meanwhile
        beside.write_text("\n".join(lines) + "\n")
        beside.rename(kept)
    lines = kept.read_bytes().splitlines()
    if len(lines) < 10_000:
        kept.unlink(missing_ok=True)
        raise Skip(f"apt knows only {len(lines)} packages: run apt-get update")
    return lines


def split():
    """The index as records, by the partition each belongs to."""
    parts = [[] for _ in range(PARTITIONS)]
    for line in package_index():
        key, _, value = line.partition(b"\t")
        parts[partition_of(key, PARTITIONS)].append(Record(key, value))
    return parts


@check("real input by kcat: the Debian package index comes back equal, in order, as lz4", needs="kcat apt-cache")
def by_kcat(ctx):
    topic = ctx.new_topic("packages", PARTITIONS)
    for p, records in enumerate(split()):
        lines = b"".join(b"%s\t%s\n" % (r.key, r.value) for r in records)
        kcat(ctx, "-P", "-t", topic, "-p", p, "-K", "\t", "-z", "lz4", "-X", "linger.ms=20", stdin=lines, timeout=120)
        got = kcat(ctx, "-C", "-t", topic, "-p", p, "-o", "beginning", "-e", "-q", "-f", r"%k\t%s\n", timeout=120)
        assert got == lines, f"partition {p} differs: {len(got)} bytes came back of {len(lines)}"
        stored(ctx, topic, "lz4", partition=p)


@check("real input by confluent-kafka: idempotent, zstd, equal and in order, across segments",
       needs="confluent apt-cache")
def by_confluent(ctx):
    topic = ctx.new_topic("packages", PARTITIONS, segment_bytes=4 << 20)
    for p, records in enumerate(split()):
        confluent_produce(ctx, topic, records, partition=p, compression_type="zstd", enable_idempotence=True)
        same(records, confluent_read(ctx, topic, p), timestamps=False)
        stored(ctx, topic, "zstd", True, partition=p)


@check("real input by the Java console: equal and in order", needs="java-tools apt-cache")
def by_java(ctx):
    topic, lines = ctx.new_topic("packages"), package_index()
    tool("ConsoleProducer", "--bootstrap-server", ctx.address, "--topic", topic, "--reader-property", "parse.key=true",
         stdin=b"\n".join(lines) + b"\n")
    got = tool("consumer.ConsoleConsumer", "--bootstrap-server", ctx.address, "--topic", topic, "--partition", "0",
               "--offset", "earliest", "--max-messages", str(len(lines)), "--timeout-ms", "30000",
               "--formatter-property", "print.key=true")
    assert got.splitlines() == lines, f"{len(got.splitlines())} lines came back of {len(lines)}"
