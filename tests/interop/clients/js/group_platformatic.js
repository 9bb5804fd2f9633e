// BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as members.py describes it.
const { load } = require('./lines');

const [broker, topic, groupId, assignor, instance, session] = process.argv.slice(2);

const late = (ms) => new Promise((_, reject) => setTimeout(reject, ms, new Error(`no answer within ${ms} ms`)).unref());

async function member(Consumer) {
  const consumer = new Consumer({
    clientId: 'interop', bootstrapBrokers: [broker], groupId, ...(instance === '-' ? {} : { groupInstanceId: instance }),
    sessionTimeout: Number(session), rebalanceTimeout: 30000, heartbeatInterval: 500, retries: 3, retryDelay: 200,
    // The form it writes is that of version 0, whatever it is told to call it; other leaders want the name to be true.
    protocols: [{ name: assignor, version: 0 }], autocommit: false,
  });
  try {
    const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', maxWaitTime: 500 });
    let read = new Map();
    let due = Date.now() + 100;
    for await (const message of stream) {
      process.stdout.write(`R ${message.partition} ${message.offset} ${message.key}\n`);
      read.set(message.partition, message.offset + 1n);
      if (Date.now() < due && stream.readableLength > 0) continue;
      const offsets = [...read].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }));
      try {
        await Promise.race([consumer.commit({ offsets }), late(5000)]);
        process.stdout.write(offsets.map((o) => `C ${o.partition} ${o.offset}\n`).join(''));
      } catch (error) { // no broker, or another generation: the records come again, to us or to another
        console.error(error.message);
      }
      read = new Map();
      due = Date.now() + 100;
    }
  } finally {
    await consumer.close(true).catch(() => {});
  }
}

// The stream ends with an error when the broker was away. With endless retries it may wait for ever instead: told of a new
// leader epoch it cannot read the answer, since it takes the fields with tags, in which a broker names the leader, for
// none. Apache Kafka's answer is the same; it only takes longer to start. So it is given up and begun again.
async function main() {
  const { Consumer } = await load('@platformatic/kafka');
  for (;;) {
    await member(Consumer).catch((error) => console.error(error.message));
    await new Promise((done) => setTimeout(done, 200));
  }
}

main();
