// @platformatic/kafka against the broker: the newest versions of the requests. It consumes in groups; here it fetches
// from partitions by name instead, which its consumer offers.
import fs from 'node:fs'
import { Admin, Consumer, Producer } from '@platformatic/kafka'
import {
  describe, expect, expectEqual, FIRST_TIMESTAMP, nanoseconds, PARTITIONS, readLines, record, refused, run, waitFor,
} from './records.mjs'

const TOPIC = 2
const options = bootstrap => ({ clientId: 'platformatic', bootstrapBrokers: [bootstrap], retries: 3, timeout: 20000 })

async function produce(bootstrap, topic, codec, path) {
  const producer = new Producer({ ...options(bootstrap), idempotent: true, compression: codec, acks: -1 })
  const lines = readLines(path)
  for (let at = 0; at < lines.length; at += 3000) {
    const messages = lines.slice(at, at + 3000).map((line, i) => {
      const r = record(at + i, line)
      const headers = new Map(Object.entries(r.headers).map(([name, data]) => [Buffer.from(name), data]))
      return {
        topic, partition: r.partition, timestamp: BigInt(r.timestamp), headers,
        key: r.key ?? undefined, value: r.value ?? undefined,
      }
    })
    const { offsets } = await producer.send({ messages })
    expect(offsets.length > 0 && offsets.every(o => o.offset >= 0n), 'every batch is acknowledged')
  }
  await producer.close()
}

async function consume(bootstrap, topic, path) {
  const consumer = new Consumer({ ...options(bootstrap), groupId: 'unused' })
  const { id, partitions } = (await consumer.metadata({ topics: [topic] })).topics.get(topic)
  const out = fs.openSync(path, 'w')
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let offset = 0n, end = 1n; offset < end;) {
      const response = await consumer.fetch({
        node: partitions[partition].leader, maxWaitTime: 1000, minBytes: 1, maxBytes: 1 << 20, isolationLevel: 0,
        topics: [{
          topicId: id,
          partitions: [{
            partition, currentLeaderEpoch: -1, fetchOffset: offset, lastFetchedEpoch: -1, partitionMaxBytes: 1 << 20,
          }],
        }],
      })
      const answer = response.responses[0].partitions[0]
      expectEqual(answer.errorCode, 0, 'error of a fetch')
      end = answer.highWatermark
      let text = ''
      for (const batch of answer.records ?? []) {
        for (const r of batch.records) {
          const at = batch.firstOffset + BigInt(r.offsetDelta)
          if (at < offset) continue
          text += describe(partition, at, batch.firstTimestamp + r.timestampDelta, r.key, r.value, r.headers)
          offset = at + 1n
        }
      }
      fs.writeSync(out, text)
    }
  }
  await consumer.close(true)
}

async function admin(bootstrap, topic) {
  const client = new Admin(options(bootstrap))
  const configs = [{ name: 'retention.ms', value: '123456' }]
  const [created] = await client.createTopics({ topics: [topic], partitions: 2, replicas: 1, configs })
  expectEqual([created.name, created.partitions, created.replicas], [topic, 2, 1], 'the created topic')
  const again = client.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
  await refused(again, hasCode('TOPIC_ALREADY_EXISTS'), 'creating it again')
  expect((await client.listTopics()).includes(topic), 'the topic is listed')

  await client.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }] })
  await waitFor(
    async () => (await client.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitionsCount === 3,
    'three partitions')
  await client.deleteTopics({ topics: [topic] })
  await waitFor(async () => !(await client.listTopics()).includes(topic), 'the topic is gone')
  await refused(client.deleteTopics({ topics: [topic] }), hasCode('UNKNOWN_TOPIC_OR_PARTITION'), 'deleting it again')
  await client.close()
}

async function configs(bootstrap, topic) {
  const client = new Admin(options(bootstrap))
  const entries = [{ name: 'retention.ms', value: '123456' }]
  await client.createTopics({ topics: [topic], partitions: 1, replicas: 1, configs: entries })
  const value = async name => (await client.describeConfigs({
    resources: [{ resourceType: TOPIC, resourceName: topic, configurationKeys: [name] }],
  }))[0].configs.find(c => c.name === name).value
  expectEqual(await value('retention.ms'), '123456', 'retention.ms as created')
  const change = (configOperation, name, value) => client.incrementalAlterConfigs({
    resources: [{ resourceType: TOPIC, resourceName: topic, configs: [{ name, configOperation, value }] }],
  })
  await change(0, 'segment.bytes', '1048577')
  expectEqual(await value('segment.bytes'), '1048577', 'segment.bytes as set')
  await change(2, 'cleanup.policy', 'compact')
  expectEqual(await value('cleanup.policy'), 'delete,compact', 'cleanup.policy with one appended')
  await change(1, 'retention.ms', null)
  expectEqual(await value('retention.ms'), '604800000', 'retention.ms as reset')
  await client.close()
}

async function offsets(bootstrap, topic) {
  const client = new Admin(options(bootstrap))
  const of = async timestamp => {
    const answer = await client.listOffsets({
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: BigInt(timestamp) }] }],
    })
    const { offset, timestamp: found } = answer[0].partitions[0]
    return [Number(offset), Number(found) < 0 ? -1 : Number(found) - FIRST_TIMESTAMP]
  }
  expectEqual(await of(FIRST_TIMESTAMP + 5000), [500, 5000], 'offset of a timestamp')
  expectEqual(await of(FIRST_TIMESTAMP + 4997), [500, 5000], 'offset of the next timestamp')
  expectEqual(await of(FIRST_TIMESTAMP + 10000), [1000, 30000], 'offset over a gap')
  expectEqual(await of(FIRST_TIMESTAMP + 1e12), [-1, -1], 'offset of a timestamp behind the end')
  expectEqual((await of(-2))[0], 0, 'earliest offset')
  const [latest] = await of(-1)
  expect(latest > 0, 'latest offset')
  expectEqual((await of(-3))[0], latest - 1, 'offset of the largest timestamp')
  await client.close()
}

async function deleteRecords(bootstrap, topic) {
  const client = new Admin(options(bootstrap))
  const deleteTo = offset => client.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset }] }] })
  const deleted = await deleteTo(700n)
  expectEqual(Number(deleted[0].partitions[0].lowWatermark), 700, 'low watermark of the answer')
  const earliest = await client.listOffsets({
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -2n }] }],
  })
  expectEqual(Number(earliest[0].partitions[0].offset), 700, 'earliest offset after the deletion')
  await refused(deleteTo(10n ** 12n), hasCode('OFFSET_OUT_OF_RANGE'), 'an offset behind the end')
  await client.close()
}

// Reads as a member of a group until it gets SIGTERM; commits what it has read. Says what member.py says. The strategy
// "consumer" is the consumer protocol (KIP-848), any other stands for the classic one with the client's own assignor.
async function member(bootstrap, topic, group, strategy, sessionTimeoutMs) {
  const say = (event, ...rest) => process.stdout.write([event, ...rest].join(' ') + '\n')
  const own = (event, partitions) => say(event, nanoseconds(), ...partitions)
  const stopped = new Promise(resolve => process.once('SIGTERM', resolve))
  const awake = setInterval(() => {}, 1000)
  say('started')
  const sessionTimeout = Number(sessionTimeoutMs)
  const protocol = strategy === 'consumer'
    ? { groupProtocol: 'consumer' }
    : { sessionTimeout, heartbeatInterval: sessionTimeout / 10 }
  const consumer = new Consumer({ ...options(bootstrap), ...protocol, groupId: group, rebalanceTimeout: 60000 })
  // It tells of nothing but sets its assignments the moment it goes by them.
  let assignments = null
  Object.defineProperty(consumer, 'assignments', {
    get: () => assignments,
    set: value => {
      const before = assignments?.find(each => each.topic === topic)?.partitions ?? []
      const after = value?.find(each => each.topic === topic)?.partitions ?? []
      own('revoked', before.filter(each => !after.includes(each)))
      own('assigned', after.filter(each => !before.includes(each)))
      assignments = value
    },
  })
  const stream = await consumer.consume({
    topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false, maxWaitTime: 100,
  })
  // By itself it would commit what is still on its way through the stream.
  const toCommit = new Map()
  stream.on('data', ({ partition, offset }) => {
    say('read', partition, offset)
    toCommit.set(partition, offset + 1n)
  })
  const commit = async () => {
    const offsets = [...toCommit].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }))
    toCommit.clear()
    // What is refused because the group is on the move comes again.
    if (offsets.length > 0) await consumer.commit({ offsets }).catch(() => {})
  }
  const committing = setInterval(commit, 100)
  stream.on('error', error => process.stderr.write(`${error.stack}\n`))
  await stopped
  clearInterval(awake)
  clearInterval(committing)
  await stream.close()
  await commit()
  await consumer.close(true)
}

const hasCode = code => function matches(error) {
  return error.apiId === code || (error.errors ?? []).some(matches) || (error.cause && matches(error.cause))
}

await run({ produce, consume, admin, configs, offsets, member, 'delete-records': deleteRecords })
