"""BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as members.py describes it; aiokafka."""
import asyncio
import sys

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError

ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor, "sticky": StickyPartitionAssignor}


async def main(broker, topic, group, assignor, instance, session):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker, group_id=group,
                                group_instance_id=None if instance == "-" else instance,
                                partition_assignment_strategy=[ASSIGNORS[assignor]], session_timeout_ms=int(session),
                                heartbeat_interval_ms=500, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    while True:
        read = {}
        for partition, records in (await consumer.getmany(timeout_ms=100)).items():
            sys.stdout.write("".join(f"R {r.partition} {r.offset} {r.key.decode()}\n" for r in records))
            read[partition] = records[-1].offset + 1
        sys.stdout.flush()
        if not read:
            continue
        try:
            await asyncio.wait_for(consumer.commit(read), 5)
            print("".join(f"C {p.partition} {offset}\n" for p, offset in read.items()), end="", flush=True)
        except (KafkaError, asyncio.TimeoutError) as error:  # no broker, or another generation: they come again
            print(repr(error), file=sys.stderr)
        await asyncio.sleep(0.05)


asyncio.run(main(*sys.argv[1:]))
