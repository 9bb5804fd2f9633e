"""[FOLDER] -- BROKER create|produce|read TOPIC [CODEC idempotent|plain]: kafka-python, from FOLDER if given.
Records come in and go out as lines (records.py)."""
import sys
import time
from pathlib import Path

split = sys.argv.index("--")
sys.path[:0] = [*sys.argv[1:split], str(Path(__file__).resolve().parent.parent)]
broker, action, topic, *rest = sys.argv[split + 1:]

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition  # noqa: E402
from kafka.admin import NewTopic  # noqa: E402

from records import Record, from_lines, to_lines  # noqa: E402

if action == "create":
    client = KafkaAdminClient(bootstrap_servers=broker)
    client.create_topics([NewTopic(topic, 1, 1)])
    until = time.monotonic() + 5  # a broker may learn of it a little later
    while topic not in client.list_topics():
        assert time.monotonic() < until, f"{topic} is not listed"
        time.sleep(0.05)
    client.close()
elif action == "produce":
    settings = {"compression_type": None if rest[0] == "none" else rest[0]}
    if rest[1] == "idempotent":
        settings["enable_idempotence"] = True
    elif not sys.argv[1:split]:
        settings["enable_idempotence"] = False
    producer = KafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=20, **settings)
    sent = [producer.send(topic, partition=0, key=r.key, value=r.value, headers=list(r.headers),
                          timestamp_ms=r.timestamp_ms) for r in from_lines(sys.stdin.buffer.read())]
    producer.flush(60)
    for i, future in enumerate(sent):
        assert future.get(10).offset == i, f"record {i} was acknowledged at {future.get(0).offset}"
    producer.close()
else:
    consumer = KafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False, auto_offset_reset="earliest")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end, out = consumer.end_offsets([partition])[partition], []
    while len(out) < end:
        for m in sum(consumer.poll(2000).values(), []):
            assert m.offset == len(out), f"offset {m.offset} where {len(out)} was due"
            out.append(Record(m.key, m.value, tuple(m.headers), m.timestamp))
    consumer.close()
    sys.stdout.buffer.write(to_lines(out))
