// BROKER TOPIC CODEC: creates the topic and produces the records of standard input (tests/interop/records.py).
const { Kafka, CompressionTypes, logLevel } = require('kafkajs');
const fs = require('fs');

const [broker, topic, codec] = process.argv.slice(2);
const bytes = (text) => (text === '-' ? null : text === '=' ? Buffer.alloc(0) : Buffer.from(text, 'base64'));

function message(line) {
  const f = line.split('\t');
  const headers = {};
  for (let i = 3; i < f.length; i += 2) {
    const name = bytes(f[i]).toString();
    headers[name] = [...(headers[name] || []), bytes(f[i + 1])];
  }
  return { key: bytes(f[0]), value: bytes(f[1]), timestamp: f[2], headers, partition: 0 };
}

async function main() {
  const kafka = new Kafka({ clientId: 'interop', brokers: [broker], logLevel: logLevel.ERROR });
  const admin = kafka.admin();
  await admin.connect();
  if (!(await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))) throw new Error('the topic existed');
  await admin.disconnect();
  const messages = fs.readFileSync(0, 'utf8').trimEnd().split('\n').map(message);
  const producer = kafka.producer();
  await producer.connect();
  const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  for (let i = 0; i < messages.length; i += 100) {
    const [done] = await producer.send({ topic, acks: -1, compression, messages: messages.slice(i, i + 100) });
    if (Number(done.baseOffset) !== i) throw new Error(`batch ${i} was acknowledged at ${done.baseOffset}`);
  }
  await producer.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
