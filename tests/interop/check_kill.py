"""The broker is killed (kill -9) while a producer is at work, and started again on the same data."""
import collections
import threading
import time

from check_confluent import read
from harness import Skip, check

KILLS = 3


class Stream:
    """An endless idempotent producer in a thread of its own; `acknowledged` maps a record's number to its offset."""

    def __init__(self, address, topic, pause=0.001, **settings):
        from confluent_kafka import Producer
        self.producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "acks": "all", "linger.ms": 2,
                                  "message.timeout.ms": 120_000, "reconnect.backoff.max.ms": 500, "log_level": 2} | settings)
        self.topic, self.pause, self.acknowledged, self.failed, self.sent = topic, pause, {}, [], 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._send)
        self.thread.start()

    def _delivered(self, error, message):
        number = int(message.value().split()[0])
        if error:
            self.failed.append((number, str(error)))
        else:
            self.acknowledged[number] = message.offset()

    def _send(self):
        while not self.stop.is_set():
            try:
                self.producer.produce(self.topic, key=b"k%d" % (self.sent % 97), partition=0,
                                      value=b"%d " % self.sent + b"v" * (self.sent % 500), on_delivery=self._delivered)
                self.sent += 1
            except BufferError:
                self.producer.poll(0.05)
            if self.sent % 20 == 0:
                self.producer.poll(0)
                time.sleep(self.pause)

    def finish(self):
        self.stop.set()
        self.thread.join()
        assert self.producer.flush(120) == 0, "records were still under way two minutes after the last start"


def is_there(ctx, stream):
    """Every record of a stream that has ended is in its topic: once, where it was acknowledged, in order."""
    assert not stream.failed, f"{len(stream.failed)} gave up, first: {stream.failed[0]}"
    numbers = [int(r.value.split()[0]) for r in read(ctx, stream.topic)]
    twice = [n for n, times in collections.Counter(numbers).items() if times > 1]
    assert not twice, f"{len(twice)} records are there twice, first: {min(twice)}"
    for number, offset in stream.acknowledged.items():
        assert offset < len(numbers) and numbers[offset] == number, f"record {number} was acknowledged at {offset} and is not there"
    assert numbers == sorted(numbers), "records changed places"
    assert len(numbers) == stream.sent, f"{stream.sent} sent, {len(numbers)} there"


def killed_in_the_middle(ctx, codec):
    if not ctx.broker.own:
        raise Skip("this broker is not ours to kill")
    topic = ctx.new_topic(f"kill-{codec}")
    stream = Stream(ctx.address, topic, **{"compression.type": codec})
    try:
        for _ in range(KILLS):
            before = len(stream.acknowledged)
            until = time.monotonic() + 30
            while len(stream.acknowledged) < before + 2000 and time.monotonic() < until:
                time.sleep(0.01)
            assert len(stream.acknowledged) >= before + 2000, f"only {len(stream.acknowledged) - before} acknowledged in 30 s"
            ctx.broker.kill()
            time.sleep(0.2)
            ctx.broker.start()
    finally:
        stream.finish()
    is_there(ctx, stream)


@check("kill -9 while producing: every acknowledged record is there, none twice", needs="confluent", alone=True)
def plain(ctx):
    killed_in_the_middle(ctx, "none")


@check("kill -9 while producing lz4: every acknowledged record is there, none twice", needs="confluent", alone=True)
def compressed(ctx):
    killed_in_the_middle(ctx, "lz4")


@check("a clean stop and start: records, topics and settings are what they were", needs="confluent", alone=True)
def clean_restart(ctx):
    from check_confluent import produce
    from confluent_kafka.admin import AdminClient, ConfigResource
    from records import same, sample
    if not ctx.broker.own:
        raise Skip("this broker is not ours to stop")
    topic, records = ctx.new_topic("restart", 2, retention_ms=987654321), sample(400, seed=9)
    produce(ctx, topic, records, partition=1, compression_type="snappy")
    ctx.broker.stop()
    ctx.broker.start()
    same(records, read(ctx, topic, 1))
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    client = AdminClient({"bootstrap.servers": ctx.address})
    settings = client.describe_configs([resource])[resource].result(15)
    assert settings["retention.ms"].value == "987654321", settings["retention.ms"]
    produce(ctx, topic, records[:50], partition=1)
    assert len(read(ctx, topic, 1)) == 450
