"""BROKER create|produce|read TOPIC [CODEC idempotent|plain]: aiokafka. Records come in and go out as lines (records.py)."""
import asyncio
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from records import Record, from_lines, to_lines  # noqa: E402

broker, action, topic, *rest = sys.argv[1:]


async def create():
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    await client.start()
    answer = await client.create_topics([NewTopic(topic, 1, 1)])
    assert all(error[1] == 0 for error in answer.topic_errors), answer
    await client.close()


async def produce():
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=20, enable_idempotence=rest[1] == "idempotent",
                                compression_type=None if rest[0] == "none" else rest[0])
    await producer.start()
    sent = [await producer.send(topic, partition=0, key=r.key, value=r.value, headers=list(r.headers),
                                timestamp_ms=r.timestamp_ms) for r in from_lines(sys.stdin.buffer.read())]
    for i, future in enumerate(sent):
        assert (done := await future).offset == i, f"record {i} was acknowledged at {done.offset}"
    await producer.stop()


async def read():
    consumer, partition = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False), TopicPartition(topic, 0)
    await consumer.start()
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    end, out = (await consumer.end_offsets([partition]))[partition], []
    while len(out) < end:
        for m in sum((await consumer.getmany(timeout_ms=2000)).values(), []):
            assert m.offset == len(out), f"offset {m.offset} where {len(out)} was due"
            out.append(Record(m.key, m.value, tuple(m.headers), m.timestamp))
    await consumer.stop()
    sys.stdout.buffer.write(to_lines(out))


asyncio.run({"create": create, "produce": produce, "read": read}[action]())
