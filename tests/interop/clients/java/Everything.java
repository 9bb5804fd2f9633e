// BROKER admin|groups|shares|transactions|tokens|produce CODEC: asks for as many APIs as Kafka's own client
// can, so that their bytes can be captured (tests/interop/capture.py). That an answer is an error does not matter: it has
// bytes too.
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Everything {
  interface Step { Object run() throws Exception; }

  static void step(String name, Step step) {
    try {
      step.run();
      System.out.println(name + ": done");
    } catch (Exception e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      System.out.println(name + ": " + cause.getClass().getSimpleName() + ": " + cause.getMessage());
    }
  }

  static final String TOPIC = "java-topic";
  static final TopicPartition PARTITION = new TopicPartition(TOPIC, 0);

  static Map<String, Object> settings(String broker, Object... more) {
    var out = new HashMap<String, Object>(Map.of("bootstrap.servers", broker, "default.api.timeout.ms", "8000",
        "request.timeout.ms", "6000", "enable.metrics.push", "true"));
    for (int i = 0; i < more.length; i += 2) out.put((String) more[i], more[i + 1]);
    return out;
  }

  static byte[] bytes(String text) { return text.getBytes(StandardCharsets.UTF_8); }

  static KafkaProducer<byte[], byte[]> producer(Map<String, Object> settings) {
    return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static void send(KafkaProducer<byte[], byte[]> producer, int count) {
    for (int i = 0; i < count; ++i) {
      var record = new ProducerRecord<>(TOPIC, 0, 1_700_000_000_000L + i, i % 3 == 0 ? null : bytes("key-" + i),
          i % 5 == 4 ? null : bytes(("value " + i + " ").repeat(8)));
      if (i % 4 == 0) record.headers().add("name", bytes("v")).add("nothing", null);
      producer.send(record);
    }
    producer.flush();
  }

  public static void main(String[] words) throws Exception {
    switch (words[1]) {
      case "admin" -> admin(words[0]);
      case "groups" -> groups(words[0]);
      case "shares" -> shares(words[0]);
      case "tokens" -> tokens(words[0]);
      case "transactions" -> transactions(words[0]);
      default -> produce(words[0], words[2]);
    }
  }

  static void produce(String broker, String codec) throws Exception {
    try (Admin admin = Admin.create(settings(broker))) {
      step("createTopics", () -> admin.createTopics(List.of(new NewTopic(TOPIC, 2, (short) 2))).all().get());
    }
    try (var producer = producer(settings(broker, "compression.type", codec, "linger.ms", "50", "delivery.timeout.ms",
        "10000"))) {
      send(producer, 20);
    }
    try (var consumer = new KafkaConsumer<>(settings(broker), new ByteArrayDeserializer(),
        new ByteArrayDeserializer())) {
      consumer.assign(List.of(PARTITION));
      long end = consumer.endOffsets(List.of(PARTITION)).get(PARTITION);
      consumer.seek(PARTITION, end - 20);
      for (long until = System.nanoTime() + 8_000_000_000L; consumer.position(PARTITION) < end && System.nanoTime() < until; )
        consumer.poll(Duration.ofMillis(200));
      step("offsetsForTimes", () -> consumer.offsetsForTimes(Map.of(PARTITION, 1_700_000_000_005L)));
    }
  }

  static void groups(String broker) throws Exception {
    for (String protocol : List.of("classic", "consumer")) {
      String group = "java-" + protocol;
      var more = settings(broker, "group.id", group, "group.protocol", protocol, "auto.offset.reset", "earliest",
          "isolation.level", "read_committed", "group.instance.id", "static-1", "client.rack", "rack-a");
      if (protocol.equals("classic")) {
        more.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        more.put("heartbeat.interval.ms", "500");
      }
      var consumer = new KafkaConsumer<>(more, new ByteArrayDeserializer(), new ByteArrayDeserializer());
      consumer.subscribe(List.of(TOPIC));
      for (long until = System.nanoTime() + 6_000_000_000L; System.nanoTime() < until; ) consumer.poll(Duration.ofMillis(200));
      step("commit", () -> { consumer.commitSync(Map.of(PARTITION, new OffsetAndMetadata(3, Optional.of(0), "note"))); return 0; });
      step("committed", () -> consumer.committed(Set.of(PARTITION)));
      try (Admin admin = Admin.create(settings(broker))) {
        step("describeConsumerGroups", () -> admin.describeConsumerGroups(List.of(group),
            new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).all().get());
        step("describeClassicGroups", () -> admin.describeClassicGroups(List.of(group)).all().get());
        step("listGroups", () -> admin.listGroups().all().get());
        step("removeMembers", () -> admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(
            List.of(new MemberToRemove("static-1")))).all().get());
      }
      consumer.close();
      // A member without a static name says when it leaves.
      more.remove("group.instance.id");
      try (var passing = new KafkaConsumer<>(more, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
        passing.subscribe(List.of(TOPIC));
        for (long until = System.nanoTime() + 4_000_000_000L; System.nanoTime() < until; ) passing.poll(Duration.ofMillis(200));
      }
      try (Admin admin = Admin.create(settings(broker))) {
        step("listConsumerGroupOffsets", () -> admin.listConsumerGroupOffsets(group).all().get());
        step("alterConsumerGroupOffsets", () -> admin.alterConsumerGroupOffsets(group, Map.of(PARTITION,
            new OffsetAndMetadata(1))).all().get());
        step("deleteConsumerGroupOffsets", () -> admin.deleteConsumerGroupOffsets(group, Set.of(PARTITION)).all().get());
        step("deleteConsumerGroups", () -> admin.deleteConsumerGroups(List.of(group)).all().get());
      }
    }
  }

  static void shares(String broker) throws Exception {
    String group = "java-share";
    var more = settings(broker, "group.id", group, "share.acknowledgement.mode", "explicit");
    var consumer = new KafkaShareConsumer<>(more, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    consumer.subscribe(List.of(TOPIC));
    try (var producer = producer(settings(broker)); Admin admin = Admin.create(settings(broker))) {
      for (int round = 0; round < 12; ++round) {
        if (round == 6) send(producer, 5);
        var records = consumer.poll(Duration.ofMillis(1000));
        for (var record : records)
          consumer.acknowledge(record, record.offset() % 2 == 0 ? AcknowledgeType.ACCEPT : AcknowledgeType.RELEASE);
        step("commit", () -> consumer.commitSync());
      }
      step("describeShareGroups", () -> admin.describeShareGroups(List.of(group)).all().get());
      consumer.close();
      step("listShareGroupOffsets", () -> admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).all().get());
      step("alterShareGroupOffsets", () -> admin.alterShareGroupOffsets(group, Map.of(PARTITION, 0L)).all().get());
      step("deleteShareGroupOffsets", () -> admin.deleteShareGroupOffsets(group, Set.of(TOPIC)).all().get());
      step("deleteShareGroups", () -> admin.deleteShareGroups(List.of(group)).all().get());
    }
  }

  static void transactions(String broker) throws Exception {
    var more = settings(broker, "transactional.id", "java-transaction", "compression.type", "lz4", "linger.ms", "20");
    try (var producer = producer(more); Admin admin = Admin.create(settings(broker))) {
      producer.initTransactions();
      producer.beginTransaction();
      send(producer, 3);
      step("sendOffsets", () -> {
        producer.sendOffsetsToTransaction(Map.of(PARTITION, new OffsetAndMetadata(2)), new ConsumerGroupMetadata("java-offsets"));
        return 0;
      });
      step("describeProducers", () -> admin.describeProducers(List.of(PARTITION)).all().get());
      step("listTransactions", () -> admin.listTransactions().all().get());
      step("describeTransactions", () -> admin.describeTransactions(List.of("java-transaction")).all().get());
      producer.commitTransaction();
      producer.beginTransaction();
      send(producer, 2);
      producer.abortTransaction();
    }
    try (Admin admin = Admin.create(settings(broker))) {
      step("fenceProducers", () -> admin.fenceProducers(List.of("java-transaction")).all().get());
      step("forceTerminate", () -> admin.forceTerminateTransaction("java-transaction").result().get());
      step("abortTransaction", () -> admin.abortTransaction(new AbortTransactionSpec(PARTITION, 77, (short) 0, 0)).all().get());
    }
  }

  /// `broker` wants a name and a password.
  static void tokens(String broker) throws Exception {
    var more = settings(broker, "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "PLAIN", "sasl.jaas.config",
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"ann\" password=\"secret\";");
    try (Admin admin = Admin.create(more)) {
      byte[][] mac = {bytes("none")};
      step("createDelegationToken", () -> mac[0] = admin.createDelegationToken().delegationToken().get().hmac());
      step("describeDelegationToken", () -> admin.describeDelegationToken().delegationTokens().get());
      step("renewDelegationToken", () -> admin.renewDelegationToken(mac[0]).expiryTimestamp().get());
      step("expireDelegationToken", () -> admin.expireDelegationToken(mac[0]).expiryTimestamp().get());
    }
  }

  static void admin(String broker) throws Exception {
    try (Admin admin = Admin.create(settings(broker))) {
      var topic = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
      step("createTopics", () -> admin.createTopics(List.of(new NewTopic("java-made", Map.of(0, List.of(1, 2), 1, List.of(2, 1)))
          .configs(Map.of("retention.ms", "1000")), new NewTopic("bad name", 1, (short) 1)),
          new CreateTopicsOptions().retryOnQuotaViolation(false)).all().get());
      step("listTopics", () -> admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get());
      step("describeTopics", () -> admin.describeTopics(List.of(TOPIC, "missing"),
          new DescribeTopicsOptions().includeAuthorizedOperations(true)).allTopicNames().get());
      step("describeTopicsById", () -> admin.describeTopics(TopicCollection.ofTopicIds(List.of(new Uuid(1, 2)))).allTopicIds().get());
      step("describeCluster", () -> admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true)
          .includeFencedBrokers(true)).nodes().get());
      step("describeConfigs", () -> admin.describeConfigs(List.of(topic), new DescribeConfigsOptions().includeSynonyms(true)).all().get());
      step("incrementalAlterConfigs", () -> admin.incrementalAlterConfigs(Map.of(topic, List.of(
          new AlterConfigOp(new ConfigEntry("retention.ms", "77777"), AlterConfigOp.OpType.SET),
          new AlterConfigOp(new ConfigEntry("segment.ms", null), AlterConfigOp.OpType.DELETE)))).all().get());
      step("clientMetrics", () -> admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "all"),
          List.of(new AlterConfigOp(new ConfigEntry("metrics", "*"), AlterConfigOp.OpType.SET),
              new AlterConfigOp(new ConfigEntry("interval.ms", "1000"), AlterConfigOp.OpType.SET)))).all().get());
      step("groupConfig", () -> admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, "java-share"),
          List.of(new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET)))).all().get());
      step("listConfigResources", () -> admin.listConfigResources().all().get());
      step("createPartitions", () -> admin.createPartitions(Map.of("java-made", NewPartitions.increaseTo(3, List.of(List.of(1, 2))))).all().get());
      step("deleteRecords", () -> admin.deleteRecords(Map.of(PARTITION, RecordsToDelete.beforeOffset(1))).all().get());
      for (var spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.maxTimestamp(), OffsetSpec.earliestLocal()))
        step("listOffsets", () -> admin.listOffsets(Map.of(PARTITION, spec)).all().get());
      step("describeLogDirs", () -> admin.describeLogDirs(List.of(1)).allDescriptions().get());
      step("alterReplicaLogDirs", () -> admin.alterReplicaLogDirs(Map.of(new TopicPartitionReplica(TOPIC, 0, 1), "/nowhere")).all().get());
      step("alterPartitionReassignments", () -> admin.alterPartitionReassignments(Map.of(new TopicPartition("java-made", 0),
          Optional.of(new NewPartitionReassignment(List.of(2, 1))))).all().get());
      step("listPartitionReassignments", () -> admin.listPartitionReassignments().reassignments().get());
      step("electLeaders", () -> admin.electLeaders(ElectionType.PREFERRED, Set.of(PARTITION)).all().get());
      step("describeClientQuotas", () -> admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get());
      step("alterClientQuotas", () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(new ClientQuotaEntity(
          Map.of("client-id", "noisy")), List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1024.0),
          new ClientQuotaAlteration.Op("request_percentage", 12.5))))).all().get());
      step("describeClientQuotas", () -> admin.describeClientQuotas(ClientQuotaFilter.contains(List.of(
          ClientQuotaFilterComponent.ofEntity("client-id", "noisy")))).entities().get());
      step("alterUserScram", () -> admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion("ann",
          new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all().get());
      step("describeUserScram", () -> admin.describeUserScramCredentials().all().get());
      var acl = new AclBinding(new ResourcePattern(ResourceType.TOPIC, "a", PatternType.PREFIXED),
          new AccessControlEntry("User:ann", "*", AclOperation.READ, AclPermissionType.ALLOW));
      step("createAcls", () -> admin.createAcls(List.of(acl)).all().get());
      step("describeAcls", () -> admin.describeAcls(AclBindingFilter.ANY).values().get());
      step("deleteAcls", () -> admin.deleteAcls(List.of(acl.toFilter())).all().get());
      step("describeFeatures", () -> admin.describeFeatures().featureMetadata().get());
      step("updateFeatures", () -> admin.updateFeatures(Map.of("transaction.version", new FeatureUpdate((short) 2,
          FeatureUpdate.UpgradeType.UPGRADE)), new UpdateFeaturesOptions().validateOnly(true)).all().get());
      step("describeMetadataQuorum", () -> admin.describeMetadataQuorum().quorumInfo().get());
      step("addRaftVoter", () -> admin.addRaftVoter(9, new Uuid(3, 4), Set.of(new RaftVoterEndpoint("CONTROLLER", "127.0.0.1", 9))).all().get());
      step("removeRaftVoter", () -> admin.removeRaftVoter(9, new Uuid(3, 4)).all().get());
      step("unregisterBroker", () -> admin.unregisterBroker(9).all().get());
      step("unregisterController", () -> admin.unregisterController(9).all().get());
      step("describeStreamsGroups", () -> admin.describeStreamsGroups(List.of("none")).all().get());
      step("deleteTopics", () -> admin.deleteTopics(List.of("java-made", "missing")).all().get());
    }
    try (Admin admin = Admin.create(settings(broker))) {  // long enough to push metrics
      step("clientInstanceId", () -> admin.clientInstanceId(Duration.ofSeconds(5)));
      Thread.sleep(4000);
    }
  }
}
