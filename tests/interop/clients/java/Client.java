// BROKER create|produce|read TOPIC [CODEC idempotent|plain]: Kafka's own client. Records come in and go out as lines
// (tests/interop/records.py).
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Client {
  static byte[] in(String text) {
    if (text.equals("-")) return null;
    return text.equals("=") ? new byte[0] : Base64.getDecoder().decode(text);
  }

  static String out(byte[] data) {
    if (data == null) return "-";
    return data.length == 0 ? "=" : Base64.getEncoder().encodeToString(data);
  }

  public static void main(String[] words) throws Exception {
    String broker = words[0], topic = words[2];
    switch (words[1]) {
      case "create" -> create(broker, topic);
      case "produce" -> produce(broker, topic, words[3], words[4]);
      default -> read(broker, topic);
    }
  }

  static void create(String broker, String topic) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
      long until = System.nanoTime() + 5_000_000_000L;  // a broker may learn of it a little later
      while (!admin.listTopics().names().get().contains(topic)) {
        if (System.nanoTime() > until) throw new AssertionError(topic + " is not listed");
        Thread.sleep(50);
      }
    }
  }

  static void produce(String broker, String topic, String codec, String kind) throws Exception {
    Map<String, Object> settings = Map.of("bootstrap.servers", broker, "compression.type", codec, "acks", "all",
        "enable.idempotence", kind.equals("idempotent"), "linger.ms", "20");
    var sent = new ArrayList<Future<RecordMetadata>>();
    try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] f = line.split("\t");
        var record = new ProducerRecord<>(topic, 0, f[2].equals("-") ? null : Long.valueOf(f[2]), in(f[0]), in(f[1]));
        for (int i = 3; i < f.length; i += 2) record.headers().add(new String(in(f[i]), StandardCharsets.UTF_8), in(f[i + 1]));
        sent.add(producer.send(record));
      }
      producer.flush();
      for (int i = 0; i < sent.size(); ++i) {
        if (sent.get(i).get().offset() != i) throw new AssertionError("record " + i + " at " + sent.get(i).get().offset());
      }
    }
  }

  static void read(String broker, String topic) {
    Map<String, Object> settings = Map.of("bootstrap.servers", broker, "enable.auto.commit", "false");
    var partition = new TopicPartition(topic, 0);
    var text = new StringBuilder();
    try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      for (long next = 0; next < end; ) {
        for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofSeconds(2))) {
          if (r.offset() != next++) throw new AssertionError("offset " + r.offset() + " where " + (next - 1) + " was due");
          text.append(out(r.key())).append('\t').append(out(r.value())).append('\t').append(r.timestamp());
          for (Header h : r.headers()) {
            text.append('\t').append(out(h.key().getBytes(StandardCharsets.UTF_8))).append('\t').append(out(h.value()));
          }
          text.append('\n');
        }
      }
    }
    System.out.print(text);
  }
}
