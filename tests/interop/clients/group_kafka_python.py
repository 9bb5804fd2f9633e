"""BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as members.py describes it; kafka-python."""
import sys
import time

from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

broker, topic, group, assignor, instance, session = sys.argv[1:]
assignors = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor, "sticky": StickyPartitionAssignor,
             "cooperative-sticky": CooperativeStickyAssignor}
consumer = KafkaConsumer(topic, bootstrap_servers=broker, group_id=group, partition_assignment_strategy=[assignors[assignor]],
                         group_instance_id=None if instance == "-" else instance, session_timeout_ms=int(session),
                         heartbeat_interval_ms=500, enable_auto_commit=False, auto_offset_reset="earliest",
                         reconnect_backoff_max_ms=500)
due = time.monotonic()
while True:
    for partition, records in consumer.poll(100).items():
        sys.stdout.write("".join(f"R {r.partition} {r.offset} {r.key.decode()}\n" for r in records))
    sys.stdout.flush()
    if time.monotonic() < due:
        continue
    due = time.monotonic() + 0.1
    read = {p: consumer.position(p, timeout_ms=1000) for p in consumer.assignment()}
    read = {p: offset for p, offset in read.items() if offset is not None}
    if not read:
        continue
    try:
        consumer.commit({p: OffsetAndMetadata(offset, "", -1) for p, offset in read.items()}, timeout_ms=3000)
        print("".join(f"C {p.partition} {offset}\n" for p, offset in read.items()), end="", flush=True)
    except KafkaError as error:  # no broker, or another generation: the records come again, to us or to another
        print(repr(error), file=sys.stderr)
