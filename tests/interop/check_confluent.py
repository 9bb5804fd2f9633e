"""confluent-kafka-python (the newest librdkafka): the client that can say everything, so also the measure of others."""
import time

from harness import check, register
from records import Record, partition_of, same, sample
from wire import CODECS, stored


def produce(ctx, topic, records, partition=0, **settings):
    from confluent_kafka import Producer
    failures = []
    producer = Producer({"bootstrap.servers": ctx.address, "linger.ms": 20, "message.timeout.ms": 30_000}
                        | {k.replace("_", "."): v for k, v in settings.items()})
    for r in records:
        while True:
            try:
                producer.produce(topic, value=r.value, key=r.key, headers=list(r.headers), partition=partition,
                                 timestamp=r.timestamp_ms or 0,
                                 on_delivery=lambda error, _: failures.append(error) if error else None)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0, "records were still under way after a minute"
    assert not failures, f"{len(failures)} not delivered, first: {failures[0]}"


def read(ctx, topic, partition=0, dense=True, **settings):
    """Every record of a partition, assigned, from the beginning to the end of now. `dense`: no offset is missing."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
    consumer = Consumer({"bootstrap.servers": ctx.address, "group.id": "none", "enable.auto.commit": False,
                         "enable.partition.eof": True} | {k.replace("_", "."): v for k, v in settings.items()})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    out, until = [], time.monotonic() + 60
    try:
        while time.monotonic() < until:
            for message in consumer.consume(500, 0.2):
                if message.error():
                    if message.error().code() == KafkaError._PARTITION_EOF:
                        return out
                    raise AssertionError(str(message.error()))
                assert not dense or message.offset() == len(out), f"offset {message.offset()} where {len(out)} was due"
                out.append(Record(message.key(), message.value(), tuple(message.headers() or ()), message.timestamp()[1]))
        raise AssertionError(f"no end after a minute and {len(out)} records")
    finally:
        consumer.close()


def codec_roundtrip(codec, idempotent):
    def run_check(ctx):
        topic, records = ctx.new_topic(f"confluent-{codec}"), sample(seed=len(codec))
        produce(ctx, topic, records, compression_type=codec, enable_idempotence=idempotent)
        same(records, read(ctx, topic))
        stored(ctx, topic, codec, idempotent)
    return run_check


for name in CODECS:
    for idempotent in (False, True):
        register(f"confluent-kafka: {'idempotent, ' if idempotent else ''}codec {name}: all shapes of records come back equal",
                 codec_roundtrip(name, idempotent), needs="confluent")


@check("confluent-kafka: topics are created, described and deleted", needs="confluent")
def admin(ctx):
    from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
    client, name = AdminClient({"bootstrap.servers": ctx.address}), ctx.topic_name("admin")
    client.create_topics([NewTopic(name, 4, 1, config={"max.message.bytes": "4000"})])[name].result(15)
    assert len(client.list_topics(name, 15).topics[name].partitions) == 4
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    settings = client.describe_configs([resource])[resource].result(15)
    assert settings["max.message.bytes"].value == "4000", settings["max.message.bytes"]
    assert settings["cleanup.policy"].value == "delete"
    cluster = client.describe_cluster().result(15)
    assert cluster.cluster_id and len(cluster.nodes) == 1, vars(cluster)
    client.delete_topics([name])[name].result(15)
    for _ in range(50):
        if name not in client.list_topics(timeout=15).topics:
            return
        time.sleep(0.1)
    raise AssertionError("the topic is still listed")


@check("confluent-kafka: a topic that exists, or cannot, is refused with its reason", needs="confluent")
def admin_refusals(ctx):
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic
    client, name = AdminClient({"bootstrap.servers": ctx.address}), ctx.new_topic("twice")
    for topic, code in ((NewTopic(name, 1, 1), KafkaError.TOPIC_ALREADY_EXISTS),
                        (NewTopic("no spaces", 1, 1), KafkaError.TOPIC_EXCEPTION),
                        (NewTopic(name + "-r", 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
                        (NewTopic(name + "-c", 1, 1, config={"max.message.bytes": "many"}), KafkaError.INVALID_CONFIG)):
        try:
            client.create_topics([topic])[topic.topic].result(15)
        except KafkaException as error:
            assert error.args[0].code() == code, f"{topic.topic}: {error}"
        else:
            raise AssertionError(f"{topic.topic} was created")


@check("confluent-kafka: a record over max.message.bytes is refused, the next one is stored", needs="confluent")
def too_large(ctx):
    topic = ctx.new_topic("limited", max_message_bytes=2000)
    try:
        produce(ctx, topic, [Record(b"k", b"x" * 5000)])
    except AssertionError as error:
        assert "MSG_SIZE_TOO_LARGE" in str(error), error
    else:
        raise AssertionError("5,000 bytes were taken")
    produce(ctx, topic, [Record(b"k", b"small")])
    same([Record(b"k", b"small")], read(ctx, topic))


@check("confluent-kafka: keyed records of six partitions keep their order by key", needs="confluent")
def keyed(ctx):
    topic, records = ctx.new_topic("keyed", partitions=6), sample(600, seed=5)
    for p in range(6):
        produce(ctx, topic, [r for r in records if partition_of(r.key, 6) == p], partition=p, compression_type="lz4")
    for p in range(6):
        same([r for r in records if partition_of(r.key, 6) == p], read(ctx, topic, p))


@check("confluent-kafka: a record is found by its time", needs="confluent")
def by_time(ctx):
    from confluent_kafka import Consumer, TopicPartition
    topic, records = ctx.new_topic("times"), sample(200, seed=6)
    produce(ctx, topic, records, compression_type="zstd")
    consumer = Consumer({"bootstrap.servers": ctx.address, "group.id": "none"})
    try:
        for i in (0, 1, 77, 199):
            found = consumer.offsets_for_times([TopicPartition(topic, 0, records[i].timestamp_ms)], 15)[0]
            assert found.offset == i, f"record {i} was found at {found.offset}"
        assert consumer.get_watermark_offsets(TopicPartition(topic, 0), 15) == (0, 200)
    finally:
        consumer.close()


@check("confluent-kafka: an offset out of range is reset as asked", needs="confluent")
def out_of_range(ctx):
    from confluent_kafka import Consumer, KafkaException, TopicPartition
    topic = ctx.new_topic("range")
    produce(ctx, topic, [Record(b"k", b"only")])
    consumer = Consumer({"bootstrap.servers": ctx.address, "group.id": "none", "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "log_level": 2})
    try:
        consumer.assign([TopicPartition(topic, 0, 1_000_000)])
        until = time.monotonic() + 20
        while time.monotonic() < until:
            message = consumer.poll(1)
            if message is not None and not message.error():
                assert (message.offset(), message.value()) == (0, b"only")
                return
        raise AssertionError("nothing came")
    finally:
        consumer.close()
