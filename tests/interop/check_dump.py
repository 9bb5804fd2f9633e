"""Kafka's own dump tool reads the files that the broker left behind."""
import collections
import json
import re

from check_confluent import produce
from check_java import tool
from groups import kalda
from harness import Skip, check, run
from records import sample


def dump(*words):
    text = tool("DumpLogSegments", *words).decode(errors="replace")
    for bad in ("Mismatches in", "Exception", "corrupt", "isvalid: false", "Found timestamp mismatch", "not found in log",
                "Found out of order timestamp"):
        assert bad not in text, f"{words}: {text[max(0, text.find(bad) - 200):text.find(bad) + 400]}"
    return text


def dumped_types(ctx, *paths):
    """How often `kalda log dump` names each type of record; every record must be understood."""
    out = run([ctx.program, "log", "dump", *paths, "--records", "--format", "json"]).decode()
    records = [line for line in map(json.loads, out.splitlines()) if line["kind"] == "record"]
    assert not any("note" in one for one in records), [one for one in records if "note" in one][:3]
    return collections.Counter(one["type"] for one in records)


@check("the dump tool reads segments, offset and time indexes, and finds them in order", needs="confluent java-tools",
       alone=True)
def segments(ctx):
    if not (ctx.broker.own and ctx.broker.log_dir):
        raise Skip("this broker's files are not at hand")
    topic, codecs = ctx.new_topic("dump", segment_bytes=1 << 20), ["none", "gzip", "snappy", "lz4", "zstd"]
    total = 0
    for turn in range(40):
        records = sample(300, seed=turn)
        produce(ctx, topic, records, compression_type=codecs[turn % 5], enable_idempotence=turn % 2 == 0)
        total += len(records)
    ctx.broker.stop()
    try:
        folder = ctx.broker.log_dir / f"{topic}-0"
        logs = sorted(folder.glob("*.log"))
        assert len(logs) > 1, f"the topic has {len(logs)} segment; it was meant to have several"
        next_offset, seen = 0, set()
        for log in logs:
            text = dump("--files", str(log), "--deep-iteration")
            assert f"starting offset: {int(log.stem)}" in text, text[:200]
            for base, last, codec in re.findall(r"^baseOffset: (\d+) lastOffset: (\d+) .*compresscodec: (\w+)", text, re.M):
                assert int(base) == next_offset, f"batch at {base} where {next_offset} was due"
                next_offset, seen = int(last) + 1, seen | {codec}
            for kind in (".index", ".timeindex"):
                index = log.with_suffix(kind)
                assert index.exists(), f"{index.name} is missing"
                dump("--files", str(index), "--index-sanity-check")
                dump("--files", str(index))
        assert next_offset == total, f"the log ends at {next_offset}, not {total}"
        assert seen == set(codecs), seen
        assert re.search(r"offset: \d+", dump("--files", str(logs[1].with_suffix(".index")))), "the index is empty"
    finally:
        ctx.broker.start()


@check("the dump tool reads producer snapshots and committed offsets", needs="confluent java-tools", alone=True)
def snapshots(ctx):
    if not (ctx.broker.own and ctx.broker.log_dir):
        raise Skip("this broker's files are not at hand")
    topic, group = ctx.new_topic("dump-ids", segment_bytes=1 << 20), ctx.topic_name("dumped")
    for turn in range(8):
        produce(ctx, topic, sample(300, seed=turn), enable_idempotence=True)
    kalda(ctx, "consume", topic, "-g", group)
    ctx.broker.stop()
    try:
        found = sorted((ctx.broker.log_dir / f"{topic}-0").glob("*.snapshot"))
        assert found, "there is no producer snapshot after a clean stop"
        text = dump("--files", str(found[-1]))
        ids = re.findall(r"producerId: (\d+) producerEpoch: (\d+) .*lastSequence: (\d+)", text)
        assert len(ids) == 8 and all(sequence == "299" for _, _, sequence in ids), text
        text = "".join(dump("--files", str(log), "--offsets-decoder")
                       for log in sorted(ctx.broker.log_dir.glob("__consumer_offsets-*/*.log")) if log.stat().st_size)
        assert re.search(rf'"group":"{group}","topic":"{topic}","partition":0.*"offset":2400', text), text[-600:]
        ours = dumped_types(ctx, *ctx.broker.log_dir.glob("__consumer_offsets-*/*.log"))
        theirs = {"OffsetCommit": text.count('key: {"type":"1"'), "GroupMetadata": text.count('key: {"type":"2"')}
        assert ours == theirs and all(theirs.values()), f"ours {ours}, Kafka's {theirs}: {text[-600:]}"
    finally:
        ctx.broker.start()


@check("the dump tool reads the metadata log and its snapshots", needs="java-tools", alone=True)
def metadata(ctx):
    if not (ctx.broker.own and ctx.broker.log_dir):
        raise Skip("this broker's files are not at hand")
    topic = ctx.new_topic("dump-meta")
    ctx.broker.stop()
    try:
        for snapshot in (ctx.broker.log_dir / "__cluster_metadata-0").glob("*.checkpoint"):
            text = dump("--files", str(snapshot), "--cluster-metadata-decoder")
            ours = dumped_types(ctx, snapshot)
            assert (ours["snapshot_header"], ours["snapshot_footer"], ours["kraft_version"], ours["kraft_voters"]) == (1,) * 4, ours
            for kind in ("SnapshotHeader", "SnapshotFooter", "KRaftVersion", "KRaftVoters", '"type":"FEATURE_LEVEL_RECORD"'):
                assert kind in text, f"there is no {kind} in {snapshot.name}: {text[:600]}"
        logs = sorted((ctx.broker.log_dir / "__cluster_metadata-0").glob("*.log"))
        text = "".join(dump("--files", str(log), "--cluster-metadata-decoder") for log in logs)
        assert f'"name":"{topic}"' in text, "the topic's record is not in the metadata log"
        for kind in ("REGISTER_BROKER_RECORD", "TOPIC_RECORD", "PARTITION_RECORD", "FEATURE_LEVEL_RECORD"):
            assert f'"type":"{kind}"' in text, f"there is no {kind}"
        theirs = collections.Counter(kind.replace("_", "").lower() for kind in re.findall(r'"type":"(\w+_RECORD)"', text))
        ours = collections.Counter({kind.lower(): count for kind, count in dumped_types(ctx, *logs).items() if kind.endswith("Record")})
        assert ours == theirs, f"ours {ours}, Kafka's {theirs}"
    finally:
        ctx.broker.start()
