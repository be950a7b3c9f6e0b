// KafkaJS against the broker. Its consumer works in groups only; what it reads here, it reads through the classes that
// its consumer is made of.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import { lz4Compress, lz4Decompress } from '@platformatic/wasm-utils'
import {
  describe, expect, expectEqual, FIRST_TIMESTAMP, nanoseconds, PARTITIONS, readLines, record, refused, run, waitFor,
} from './records.mjs'

const require = createRequire(import.meta.url)
const kafkajs = require('kafkajs')
const { Kafka, CompressionCodecs, CompressionTypes, ConfigResourceTypes, logLevel } = kafkajs
const Cluster = require('kafkajs/src/cluster')
const { createLogger } = require('kafkajs/src/loggers')
const LoggerConsole = require('kafkajs/src/loggers/console')
const createSocketFactory = require('kafkajs/src/network/socketFactory')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => Buffer.from(lz4Compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(lz4Decompress(buffer)),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => zlib.zstdCompressSync(encoder.buffer),
  decompress: async buffer => zlib.zstdDecompressSync(buffer),
})

const codecs = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

const connect = bootstrap => new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR, clientId: 'kafkajs' })

async function produce(bootstrap, topic, codec, path) {
  const producer = connect(bootstrap).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const lines = readLines(path)
  for (let at = 0; at < lines.length; at += 3000) {
    const messages = lines.slice(at, at + 3000).map((line, i) => {
      const r = record(at + i, line)
      return { ...r, timestamp: String(r.timestamp) }
    })
    const answers = await producer.send({ topic, messages, compression: codecs[codec], acks: -1 })
    expect(answers.every(a => a.errorCode === 0 && Number(a.baseOffset) >= 0), 'every batch is acknowledged')
  }
  await producer.disconnect()
}

async function consume(bootstrap, topic, path) {
  const logger = createLogger({ level: logLevel.ERROR, logCreator: LoggerConsole })
  const cluster = new Cluster({
    logger, brokers: [bootstrap], socketFactory: createSocketFactory(), clientId: 'kafkajs', metadataMaxAge: 300000,
    connectionTimeout: 5000, requestTimeout: 30000, enforceRequestTimeout: true, retry: { retries: 5 },
    allowAutoTopicCreation: false, maxInFlightRequests: null, isolationLevel: 0, offsets: new Map(),
  })
  await cluster.connect()
  await cluster.addTargetTopic(topic)
  const out = fs.openSync(path, 'w')
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const leader = cluster.findTopicPartitionMetadata(topic).find(p => p.partitionId === partition).leader
    const broker = await cluster.findBroker({ nodeId: String(leader) })
    for (let offset = 0n, end = 1n; offset < end;) {
      const { responses } = await broker.fetch({
        isolationLevel: 0, maxWaitTime: 1000, minBytes: 1, maxBytes: 1 << 20,
        topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: 1 << 20 }] }],
      })
      const answer = responses[0].partitions[0]
      expectEqual(answer.errorCode, 0, 'error of a fetch')
      end = BigInt(answer.highWatermark)
      let text = ''
      for (const m of answer.messages) {
        if (BigInt(m.offset) < offset) continue
        text += describe(partition, m.offset, m.timestamp, m.key, m.value, Object.entries(m.headers ?? {}))
        offset = BigInt(m.offset) + 1n
      }
      fs.writeSync(out, text)
    }
  }
  await cluster.disconnect()
}

async function admin(bootstrap, topic) {
  const client = connect(bootstrap).admin()
  await client.connect()
  const entries = [{ name: 'retention.ms', value: '123456' }]
  const topics = [{ topic, numPartitions: 2, configEntries: entries }]
  expectEqual(await client.createTopics({ topics }), true, 'created')
  expectEqual(await client.createTopics({ topics: [{ topic }] }), false, 'created again')
  await refused(
    client.createTopics({ topics: [{ topic: `${topic}-rf`, replicationFactor: 7 }] }),
    e => JSON.stringify(e.errors?.map(x => x.type) ?? e.type).includes('INVALID_REPLICATION_FACTOR'),
    'a replication factor of 7')
  expect((await client.listTopics()).includes(topic), 'the topic is listed')

  await client.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
  await waitFor(
    async () => (await client.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length === 3,
    'three partitions')
  const cluster = await client.describeCluster()
  expect(cluster.brokers.length === 1 && cluster.clusterId, 'the cluster describes itself')

  await client.deleteTopics({ topics: [topic] })
  await waitFor(async () => !(await client.listTopics()).includes(topic), 'the topic is gone')
  await client.disconnect()
}

async function configs(bootstrap, topic) {
  const client = connect(bootstrap).admin()
  await client.connect()
  await client.createTopics({ topics: [{ topic, configEntries: [{ name: 'retention.ms', value: '123456' }] }] })
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  const value = async name => (await client.describeConfigs({ resources: [resource], includeSynonyms: true }))
    .resources[0].configEntries.find(e => e.configName === name).configValue
  expectEqual(await value('retention.ms'), '123456', 'retention.ms as created')
  const configEntries = [{ name: 'max.message.bytes', value: '2222' }]
  await client.alterConfigs({ resources: [{ ...resource, configEntries }] })
  expectEqual(await value('max.message.bytes'), '2222', 'max.message.bytes as altered')
  await client.disconnect()
}

async function offsets(bootstrap, topic) {
  const client = connect(bootstrap).admin()
  await client.connect()
  const of = async time => (await client.fetchTopicOffsetsByTimestamp(topic, FIRST_TIMESTAMP + time))
    .find(p => p.partition === 0).offset
  const ends = async () => (await client.fetchTopicOffsets(topic)).find(p => p.partition === 0)
  expectEqual(await of(5000), '500', 'offset of a timestamp')
  expectEqual(await of(4997), '500', 'offset of the next timestamp')
  expectEqual(await of(10000), '1000', 'offset over a gap')
  const { high } = await ends()
  expectEqual(await of(1e12), high, 'offset of a timestamp behind the end')
  await client.disconnect()
}

async function deleteRecords(bootstrap, topic) {
  const client = connect(bootstrap).admin()
  await client.connect()
  // The client deletes records only of topics that it has met.
  await client.fetchTopicOffsets(topic)
  await client.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '600' }] })
  const ends = (await client.fetchTopicOffsets(topic)).find(p => p.partition === 0)
  expectEqual(ends.low, '600', 'low watermark after the deletion')
  await client.disconnect()
}

// Reads as a member of a group until it gets SIGTERM; commits what it has read. Says what member.py says.
async function member(bootstrap, topic, group, strategy, sessionTimeoutMs) {
  const say = (event, ...rest) => process.stdout.write([event, ...rest].join(' ') + '\n')
  const own = (event, partitions) => say(event, nanoseconds(), ...partitions)
  const stopped = new Promise(resolve => process.once('SIGTERM', resolve))
  say('started')
  const sessionTimeout = Number(sessionTimeoutMs)
  const consumer = connect(bootstrap).consumer({
    groupId: group, sessionTimeout, heartbeatInterval: sessionTimeout / 10, rebalanceTimeout: 4 * sessionTimeout,
    maxWaitTimeInMs: 100, retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 50 },
  })
  let owned = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    owned = payload.memberAssignment[topic] ?? []
    own('assigned', owned)
  })
  consumer.on(consumer.events.REBALANCING, () => own('revoked', owned))
  consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
    for (const { partition, offset } of payload.topics.flatMap(each => each.partitions)) {
      say('committed', partition, offset)
    }
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    partitionsConsumedConcurrently: 1,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      for (const { offset } of batch.messages) {
        say('read', batch.partition, offset)
        resolveOffset(offset)
      }
      await heartbeat()
    },
  })
  await stopped
  await consumer.stop()
  own('revoked', owned)
  await consumer.disconnect()
}

await run({ produce, consume, admin, configs, offsets, member, 'delete-records': deleteRecords })
