// BROKER create|produce|read TOPIC [CODEC]: kafkajs. Records come in and go out as lines (lines.js).
const { Kafka, CompressionTypes, logLevel } = require('kafkajs');
const lines = require('./lines');

const [broker, action, topic, codec] = process.argv.slice(2);
const kafka = new Kafka({ clientId: 'interop', brokers: [broker], logLevel: logLevel.ERROR });

async function withAdmin(use) {
  const admin = kafka.admin();
  await admin.connect();
  const result = await use(admin);
  await admin.disconnect();
  return result;
}

async function create() {
  if (!(await withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })))) throw new Error('the topic existed');
}

function message({ key, value, timestamp, headers }) {
  const byName = {};
  for (const [name, bytes] of headers) byName[name] = [...(byName[name] || []), bytes];
  return { key, value, timestamp, headers: byName, partition: 0 };
}

async function produce() {
  const messages = lines.read().map(message);
  const producer = kafka.producer();
  await producer.connect();
  const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  for (let i = 0; i < messages.length; i += 100) {
    const [done] = await producer.send({ topic, acks: -1, compression, messages: messages.slice(i, i + 100) });
    if (Number(done.baseOffset) !== i) throw new Error(`batch ${i} was acknowledged at ${done.baseOffset}`);
  }
  await producer.disconnect();
}

// It reads in groups only.
async function read() {
  const [{ high }] = await withAdmin((admin) => admin.fetchTopicOffsets(topic));
  const consumer = kafka.consumer({ groupId: `${topic}-read` });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let next = 0n;
  let out = '';
  await new Promise((done, fail) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
    consumer.run({
      autoCommit: false,
      eachMessage: async ({ message: { offset, key, value, timestamp, headers } }) => {
        if (BigInt(offset) !== next++) throw new Error(`offset ${offset} where ${next - 1n} was due`);
        const pairs = Object.entries(headers).flatMap(([name, values]) => [].concat(values).map((bytes) => [name, bytes]));
        out += lines.lineOf({ key, value, timestamp, headers: pairs });
        if (next === BigInt(high)) done();
      },
    }).catch(fail);
  });
  await consumer.disconnect();
  process.stdout.write(out);
}

({ create, produce, read })[action]().catch((error) => {
  console.error(error);
  process.exit(1);
});
