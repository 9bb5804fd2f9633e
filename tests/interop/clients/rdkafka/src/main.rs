//! BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as tests/interop/members.py describes it.
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

const COMMIT_EVERY: Duration = Duration::from_millis(100);

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, broker, topic, group, assignor, instance, session] = words.as_slice() else {
        panic!("six words are needed");
    };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", broker)
        .set("group.id", group)
        .set("partition.assignment.strategy", assignor)
        .set("session.timeout.ms", session)
        .set("heartbeat.interval.ms", "500")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("reconnect.backoff.max.ms", "500")
        .set("log_level", "2");
    if instance != "-" {
        config.set("group.instance.id", instance);
    }
    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");

    let mut read: BTreeMap<i32, i64> = BTreeMap::new();
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut due = Instant::now() + COMMIT_EVERY;
    loop {
        if let Some(Ok(message)) = consumer.poll(COMMIT_EVERY) {
            let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            writeln!(out, "R {} {} {}", message.partition(), message.offset(), key).expect("output");
            read.insert(message.partition(), message.offset() + 1);
        }
        if read.is_empty() || Instant::now() < due {
            continue;
        }
        out.flush().expect("output");
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in &read {
            offsets.add_partition_offset(topic, *partition, Offset::Offset(*offset)).expect("an offset");
        }
        // A commit that fails (no broker, another generation) is not printed: the records come again, to us or to another.
        match consumer.commit(&offsets, CommitMode::Sync) {
            Ok(()) => read.iter().for_each(|(partition, offset)| writeln!(out, "C {partition} {offset}").expect("output")),
            Err(error) => eprintln!("{error}"),
        }
        out.flush().expect("output");
        read.clear();
        due = Instant::now() + COMMIT_EVERY;
    }
}
