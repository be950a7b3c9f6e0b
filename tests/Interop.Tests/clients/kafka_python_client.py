#!/usr/bin/python3
"""kafka-python against the broker: the newest versions of the requests that it knows are of 2019 and older."""
import sys
import time

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from member import Member
from records import PARTITIONS, describe, expect, expect_equal, read_lines, record


def produce(bootstrap, topic, codec, path):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        compression_type=None if codec == "none" else codec,
        linger_ms=20,
        batch_size=64 * 1024,
        max_block_ms=60000,
    )
    last = []
    for number, line in enumerate(read_lines(path)):
        partition, key, value, headers, timestamp = record(number, line)
        sent = producer.send(
            topic, value=value, key=key, headers=headers, partition=partition, timestamp_ms=timestamp
        )
        last = (last + [sent])[-100:]
    producer.flush(timeout=120)
    for sent in last:
        expect(sent.get(timeout=10).offset >= 0, "an acknowledged record has an offset")
    producer.close()


def consume(bootstrap, topic, path):
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False, check_crcs=True
    )
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    expect_equal(set(consumer.beginning_offsets(partitions).values()), {0}, "beginning offsets")
    with open(path, "w", encoding="utf-8") as out:
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=5000, max_records=10000).values():
                for r in records:
                    out.write(describe(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers))
    consumer.close()


def admin(bootstrap, topic):
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    client.create_topics([NewTopic(topic, 2, 1, topic_configs={"retention.ms": "123456"})])
    refused(TopicAlreadyExistsError, lambda: client.create_topics([NewTopic(topic, 2, 1)]))
    refused(InvalidReplicationFactorError, lambda: client.create_topics([NewTopic(topic + "-rf", 1, 7)]))
    expect(topic in client.list_topics(), "the topic is listed")
    described = client.describe_topics([topic])[0]
    expect_equal(described["error_code"], 0, "error of the description")
    expect_equal(sorted(p["partition"] for p in described["partitions"]), [0, 1], "partitions")

    client.create_partitions({topic: NewPartitions(4)})
    wait_for(lambda: len(client.describe_topics([topic])[0]["partitions"]) == 4, "four partitions")
    cluster = client.describe_cluster()
    expect(len(cluster["brokers"]) == 1 and cluster["cluster_id"], "the cluster describes itself")

    client.delete_topics([topic])
    wait_for(lambda: topic not in client.list_topics(), "the topic is gone")
    refused(UnknownTopicOrPartitionError, lambda: client.delete_topics([topic]))
    client.close()


def configs(bootstrap, topic):
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    client.create_topics([NewTopic(topic, 1, 1, topic_configs={"retention.ms": "123456"})])
    expect_equal(read_configs(client, topic)["retention.ms"], "123456", "retention.ms as created")
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": "compact"})])
    altered = read_configs(client, topic)
    expect_equal(altered["cleanup.policy"], "compact", "cleanup.policy as altered")
    expect_equal(altered["retention.ms"], "604800000", "retention.ms, which the full alteration reset")
    client.close()


def offsets(bootstrap, topic):
    """The topic holds the text: record n of a partition has a known timestamp."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    first = TopicPartition(topic, 0)
    base = 1700000000000
    found = consumer.offsets_for_times({first: base + 10 * 500})
    expect_equal((found[first].offset, found[first].timestamp), (500, base + 5000), "offset of a timestamp")
    found = consumer.offsets_for_times({first: base + 10 * 500 - 3})
    expect_equal((found[first].offset, found[first].timestamp), (500, base + 5000), "offset of the next timestamp")
    # Partition 0 goes on with line 3000 after its first thousand.
    found = consumer.offsets_for_times({first: base + 10 * 1000})
    expect_equal((found[first].offset, found[first].timestamp), (1000, base + 30000), "offset over a gap")
    found = consumer.offsets_for_times({first: base + 10**12})
    expect_equal(found[first], None, "offset of a timestamp behind the end")
    consumer.close()


class Listener(ConsumerRebalanceListener):
    def __init__(self, member):
        self.member = member

    def on_partitions_assigned(self, assigned):
        self.member.ownership("assigned", assigned)

    def on_partitions_revoked(self, revoked):
        self.member.ownership("revoked", revoked)


def member(bootstrap, topic, group, strategy, session_timeout_ms):
    """Reads as a member of a group until it gets SIGTERM; commits what it has read."""
    this = Member()
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        partition_assignment_strategy=[
            {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}[strategy]
        ],
        session_timeout_ms=int(session_timeout_ms),
        heartbeat_interval_ms=int(session_timeout_ms) // 10,
        max_poll_interval_ms=4 * int(session_timeout_ms),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
    )

    def commit():
        try:
            consumer.commit()
        except KafkaError:
            # The group is being rebalanced, or the broker is away: what was read comes again.
            pass

    consumer.subscribe([topic], listener=Listener(this))
    while not this.is_stopped:
        records = [each for batch in consumer.poll(timeout_ms=100, max_records=200).values() for each in batch]
        if records:
            this.offsets("read", [(each.partition, each.offset) for each in records])
            commit()
    commit()
    this.ownership("revoked", consumer.assignment())
    consumer.close(autocommit=False)


def read_configs(client, topic):
    answers = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    resource = answers[0].resources[0]
    expect_equal(resource[0], 0, "error of the configs")
    return {entry[0]: entry[1] for entry in resource[4]}


def refused(error, action):
    try:
        action()
    except error:
        return
    expect(False, f"{error.__name__} was not raised")


def wait_for(condition, what):
    deadline = time.monotonic() + 10
    while not condition():
        expect(time.monotonic() < deadline, what)
        time.sleep(0.05)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    next(each for each in [produce, consume, admin, configs, offsets, member] if each.__name__ == command)(*arguments)
    print("done")
