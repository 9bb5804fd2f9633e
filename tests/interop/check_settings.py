"""Settings changed and described by librdkafka's admin client. Kafka's own tool for it is not in the library we fetch."""
from harness import check


@check("confluent: settings of topics and brokers are set, appended to, shown with their sources, unset",
       needs="confluent")
def settings(ctx):
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
    admin = AdminClient({"bootstrap.servers": ctx.address})

    def alter(kind, name, setting, value, how):
        entry = ConfigEntry(setting, value, incremental_operation=getattr(AlterConfigOpType, how))
        resource = ConfigResource(kind, name, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(20)

    def value(kind, name, setting):
        resource = ConfigResource(kind, name)
        entry = admin.describe_configs([resource])[resource].result(20)[setting]
        return entry.value, entry.source, [one.value for one in entry.synonyms.values()]

    topic, broker = ConfigResource.Type.TOPIC, ConfigResource.Type.BROKER
    name = ctx.new_topic("set")
    alter(topic, name, "retention.ms", "12345", "SET")
    assert value(topic, name, "retention.ms")[:2] == ("12345", 1)
    alter(topic, name, "cleanup.policy", "compact", "APPEND")
    assert value(topic, name, "cleanup.policy")[0] == "delete,compact"
    alter(topic, name, "cleanup.policy", "delete", "SUBTRACT")
    assert value(topic, name, "cleanup.policy")[0] == "compact"
    alter(topic, name, "retention.ms", None, "DELETE")
    assert value(topic, name, "retention.ms")[:2] == ("604800000", 5)
    alter(broker, "1", "message.max.bytes", "765432", "SET")
    try:
        assert value(broker, "1", "message.max.bytes")[:2] == ("765432", 2)
        assert value(topic, name, "max.message.bytes")[:2] == ("765432", 2)
    finally:
        alter(broker, "1", "message.max.bytes", None, "DELETE")
    assert value(broker, "1", "message.max.bytes")[:2] == ("1048588", 5)
