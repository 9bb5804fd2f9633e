//! BROKER create|produce|read TOPIC [CODEC idempotent|plain]: the rdkafka crate. Records come in and go out as lines
//! (tests/interop/records.py).
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::ClientContext;
use std::future::Future;
use std::io::{BufRead, Write};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    match text {
        "-" => return None,
        "=" => return Some(Vec::new()),
        _ => (),
    }
    let mut out = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for c in text.bytes().filter(|c| *c != b'=') {
        bits = bits << 6 | DIGITS.iter().position(|d| *d == c).expect("a base64 digit") as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

fn text_of(data: Option<&[u8]>) -> String {
    let Some(data) = data else { return "-".into() };
    if data.is_empty() {
        return "=".into();
    }
    let mut out = String::new();
    for chunk in data.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, i| bits << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn create(config: &ClientConfig, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = config.create().expect("an admin client");
    let wanted = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    for result in wait(admin.create_topics(&[wanted], &AdminOptions::new())).expect("an answer") {
        result.expect("a topic");
    }
}

/// What was acknowledged, in order.
struct Acknowledged(Mutex<Vec<i64>>);
impl ClientContext for Acknowledged {}
impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        self.0.lock().expect("no panic").push(result.as_ref().expect("an acknowledgement").offset());
    }
}

fn produce(config: &mut ClientConfig, topic: &str, codec: &str, kind: &str) {
    config.set("compression.type", codec).set("linger.ms", "20").set("acks", "all");
    config.set("enable.idempotence", if kind == "idempotent" { "true" } else { "false" });
    let producer: ThreadedProducer<Acknowledged> =
        config.create_with_context(Acknowledged(Mutex::new(Vec::new()))).expect("a producer");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let fields: Vec<&str> = line.split('\t').collect();
        let (key, value) = (bytes_of(fields[0]), bytes_of(fields[1]));
        let mut headers = OwnedHeaders::new();
        for pair in fields[3..].chunks(2) {
            let name = String::from_utf8(bytes_of(pair[0]).unwrap_or_default()).expect("a name");
            headers = headers.insert(Header { key: &name, value: bytes_of(pair[1]).as_ref() });
        }
        let mut record = BaseRecord::to(topic).partition(0).timestamp(fields[2].parse().expect("a time")).headers(headers);
        if let Some(key) = &key {
            record = record.key(key);
        }
        if let Some(value) = &value {
            record = record.payload(value);
        }
        producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
    }
    producer.flush(Duration::from_secs(60)).expect("a flush");
    let offsets = producer.context().0.lock().expect("no panic");
    assert!(offsets.iter().copied().eq(0..offsets.len() as i64), "acknowledged at {offsets:?}");
}

fn read(config: &mut ClientConfig, topic: &str) {
    let consumer: BaseConsumer =
        config.set("group.id", "none").set("enable.auto.commit", "false").create().expect("a consumer");
    let (_, end) = consumer.fetch_watermarks(topic, 0, Duration::from_secs(20)).expect("the end");
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning).expect("a place");
    consumer.assign(&partitions).expect("an assignment");
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut next = 0;
    while next < end {
        let Some(message) = consumer.poll(Duration::from_secs(20)) else { panic!("nothing came after {next}") };
        let message = message.expect("a record");
        assert_eq!(message.offset(), next);
        next += 1;
        let time = message.timestamp().to_millis().unwrap_or(-1);
        write!(out, "{}\t{}\t{time}", text_of(message.key()), text_of(message.payload())).expect("output");
        for header in message.headers().into_iter().flat_map(|all| all.iter()) {
            write!(out, "\t{}\t{}", text_of(Some(header.key.as_bytes())), text_of(header.value)).expect("output");
        }
        writeln!(out).expect("output");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &words[1]);
    match words[2].as_str() {
        "create" => create(&config, &words[3]),
        "produce" => produce(&mut config, &words[3], &words[4], &words[5]),
        _ => read(&mut config, &words[3]),
    }
}
