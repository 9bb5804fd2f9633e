"""BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as members.py describes it; newest librdkafka."""
import sys
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

broker, topic, group, assignor, instance, session = sys.argv[1:]
settings = {} if instance == "-" else {"group.instance.id": instance}
consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "partition.assignment.strategy": assignor,
                     "auto.offset.reset": "earliest", "session.timeout.ms": int(session), "heartbeat.interval.ms": 500,
                     "enable.auto.commit": False, "reconnect.backoff.max.ms": 500, "log_level": 2} | settings)
consumer.subscribe([topic])
read, due = {}, time.monotonic() + 0.1
while True:
    messages = [m for m in consumer.consume(200, 0.1) if not m.error()]
    sys.stdout.write("".join(f"R {m.partition()} {m.offset()} {m.key().decode()}\n" for m in messages))
    sys.stdout.flush()
    read |= {m.partition(): m.offset() + 1 for m in messages}
    if not read or time.monotonic() < due:
        continue
    try:
        for done in consumer.commit(offsets=[TopicPartition(topic, p, o) for p, o in read.items()], asynchronous=False):
            if not done.error:
                print(f"C {done.partition} {done.offset}", flush=True)
    except KafkaException as error:  # no broker, or another generation: the records come again, to us or to another
        print(error, file=sys.stderr)
    read, due = {}, time.monotonic() + 0.1
