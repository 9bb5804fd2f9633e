"""BROKER TOPIC GROUP ASSIGNOR: a member of a group that prints the values it reads, until it is told to end."""
import signal
import sys

from confluent_kafka import Consumer

running = True


def stop(*_):
    global running
    running = False


def main(broker, topic, group, assignor):
    signal.signal(signal.SIGTERM, stop)
    consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "partition.assignment.strategy": assignor,
                         "auto.offset.reset": "earliest", "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000,
                         "auto.commit.interval.ms": 500, "log_level": 2})
    consumer.subscribe([topic])
    while running:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            raise SystemExit(str(message.error()))
        print(message.value().decode(), flush=True)
    consumer.close()


main(*sys.argv[1:])
