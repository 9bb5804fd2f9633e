// BROKER create|produce|read TOPIC [CODEC idempotent|plain]: @platformatic/kafka. Records come in and go out as lines
// (lines.js).
const lines = require('./lines');

const [broker, action, topic, compression, kind] = process.argv.slice(2);
const place = { clientId: 'interop', bootstrapBrokers: [broker] };

async function create({ Admin }) {
  const admin = new Admin(place);
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
  await admin.close();
}

async function produce({ Producer }) {
  const producer = new Producer({ ...place, ...(kind === 'idempotent' ? { idempotent: true } : {}) });
  const messages = lines.read().map(({ key, value, timestamp, headers }) => ({
    topic, partition: 0, key, value, timestamp: BigInt(timestamp),
    headers: new Map(headers.map(([name, bytes]) => [Buffer.from(name), bytes])),
  }));
  for (let i = 0; i < messages.length; i += 100) {
    const { offsets } = await producer.send({ acks: -1, compression, messages: messages.slice(i, i + 100) });
    if (Number(offsets[0].offset) !== i) throw new Error(`batch ${i} was acknowledged at ${offsets[0].offset}`);
  }
  await producer.close();
}

// It reads in groups only.
async function read({ Consumer }) {
  const consumer = new Consumer({ ...place, groupId: `${topic}-read` });
  const end = (await consumer.listOffsets({ topics: [topic] })).get(topic)[0];
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  let next = 0n;
  for await (const { offset, key, value, timestamp, headers } of stream) {
    if (offset !== next++) throw new Error(`offset ${offset} where ${next - 1n} was due`);
    process.stdout.write(lines.lineOf({ key, value, timestamp, headers: [...headers] }));
    if (next === end) break;
  }
  await consumer.close(true);
}

lines.load('@platformatic/kafka').then(({ create, produce, read })[action]).catch((error) => {
  console.error(error);
  process.exit(1);
});
