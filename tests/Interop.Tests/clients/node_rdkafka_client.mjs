// node-rdkafka: librdkafka 2.12, with its consumer protocol for groups (KIP-848). It is compiled when it is installed, and
// so lies in a cache of its own (see install-clients.sh).
import { createRequire } from 'node:module'
import { nanoseconds, run } from './records.mjs'

const Kafka = createRequire(`${process.env.ORLEANS_KAFKA_NODE_RDKAFKA}/`)('node-rdkafka')
const { ERR__ASSIGN_PARTITIONS } = Kafka.CODES.ERRORS

// Reads as a member of a group until it gets SIGTERM; commits what it has read. Says what member.py says. The strategy
// "consumer" is the consumer protocol, any other that of the classic one.
async function member(bootstrap, topic, group, strategy, sessionTimeoutMs) {
  const say = (event, ...rest) => process.stdout.write([event, ...rest].join(' ') + '\n')
  const own = (event, partitions) => say(event, nanoseconds(), ...partitions)
  let isStopped = false
  process.once('SIGTERM', () => { isStopped = true })
  say('started')
  const sessionTimeout = Number(sessionTimeoutMs)
  const protocol = strategy === 'consumer'
    ? { 'group.protocol': 'consumer' }
    : {
        'session.timeout.ms': sessionTimeout,
        'heartbeat.interval.ms': sessionTimeout / 10,
        'partition.assignment.strategy': strategy,
      }
  const isIncremental = strategy === 'consumer' || strategy === 'cooperative-sticky'
  let owned = []
  // By its own positions it would commit what another thread has taken and not handed over yet.
  const toCommit = new Map()
  const commit = () => {
    const offsets = [...toCommit].map(([partition, offset]) => ({ topic, partition, offset }))
    toCommit.clear()
    // Not waited for, lest this thread be stuck with it: before it closes, the client waits by itself.
    if (offsets.length > 0) consumer.commit(offsets)
  }
  // While it closes, a rebalance may still be on its way; there is nothing to answer then.
  const answer = change => {
    try {
      change()
    } catch (error) {
      if (!isStopped) throw error
    }
  }
  const consumer = new Kafka.KafkaConsumer({
    ...protocol,
    'metadata.broker.list': bootstrap,
    'group.id': group,
    'max.poll.interval.ms': 4 * sessionTimeout,
    'enable.auto.commit': false,
    'fetch.wait.max.ms': 100,
    'reconnect.backoff.max.ms': 200,
    rebalance_cb: (error, assignment) => {
      const partitions = assignment.map(each => each.partition)
      if (error.code === ERR__ASSIGN_PARTITIONS) {
        own('assigned', partitions)
        owned = [...owned, ...partitions]
        answer(() => isIncremental ? consumer.incrementalAssign(assignment) : consumer.assign(assignment))
      } else {
        answer(commit)
        own('revoked', partitions)
        owned = owned.filter(each => !partitions.includes(each))
        answer(() => isIncremental ? consumer.incrementalUnassign(assignment) : consumer.unassign())
      }
    },
  }, { 'auto.offset.reset': 'earliest' })
  consumer.setDefaultConsumeTimeout(50)
  await new Promise((resolve, reject) => consumer.connect({}, error => error ? reject(error) : resolve()))
  consumer.subscribe([topic])
  while (!isStopped) {
    const messages = await new Promise(resolve => consumer.consume(200, (_, messages) => resolve(messages ?? [])))
    for (const { partition, offset } of messages) {
      say('read', partition, offset)
      if (owned.includes(partition)) toCommit.set(partition, offset + 1)
    }
    if (messages.length > 0) commit()
    else await new Promise(resolve => setTimeout(resolve, 20))
  }
  // It does not always come back from closing, and then not from exiting either: so it ends by SIGKILL, when it has left.
  await Promise.race([
    new Promise(resolve => consumer.disconnect(resolve)),
    new Promise(resolve => setTimeout(resolve, 5000)),
  ])
  own('revoked', owned)
  process.kill(process.pid, 'SIGKILL')
}

await run({ member })
