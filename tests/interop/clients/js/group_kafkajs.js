// BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as members.py describes it.
// Its one assignor is named as other clients name theirs, so that it can share a group with them.
const { Kafka, PartitionAssigners, AssignerProtocol, logLevel } = require('kafkajs');

const [broker, topic, groupId, assignor, , session] = process.argv.slice(2);

const named = (options) => ({
  ...PartitionAssigners.roundRobin(options),
  name: assignor,
  protocol({ topics }) {
    const metadata = AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) });
    return { name: assignor, metadata };
  },
});

async function main() {
  const retry = { retries: 1000, initialRetryTime: 100, maxRetryTime: 500 };
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry });
  const consumer = kafka.consumer({ groupId, sessionTimeout: Number(session), heartbeatInterval: 500, retry,
    maxWaitTimeInMs: 500, partitionAssigners: [named] });
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    console.error(error.message);
    if (!restart) process.nextTick(() => consumer.disconnect().catch(() => {}).then(main).catch(die));
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      process.stdout.write(batch.messages.map((m) => `R ${batch.partition} ${m.offset} ${m.key}\n`).join(''));
      const next = String(BigInt(batch.lastOffset()) + 1n);
      resolveOffset(batch.lastOffset());
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset: next }]);
      process.stdout.write(`C ${batch.partition} ${next}\n`);
      await heartbeat();
    },
  });
}

function die(error) {
  console.error(error);
  process.exit(1);
}

main().catch(die);
