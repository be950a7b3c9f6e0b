#!/usr/bin/python3
"""confluent-kafka, that is librdkafka, against the broker."""
import os
import signal
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from member import Member
from records import PARTITIONS, describe, expect, expect_equal, read_lines, record


def produce(bootstrap, topic, codec, path):
    failures = []
    acknowledged = [0]

    def delivered(error, _message):
        acknowledged[0] += 1
        if error is not None:
            failures.append(str(error))

    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": codec,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 20,
            "queue.buffering.max.messages": 1000000,
        }
    )
    lines = read_lines(path)
    for number, line in enumerate(lines):
        partition, key, value, headers, timestamp = record(number, line)
        producer.produce(
            topic, value=value, key=key, headers=headers, partition=partition, timestamp=timestamp, callback=delivered
        )
        producer.poll(0)
    left = producer.flush(120)
    expect_equal((left, failures[:3], acknowledged[0]), (0, [], len(lines)), "every record is acknowledged")


def open_consumer(bootstrap):
    # A group id is asked for by the client and not used: partitions are assigned by hand, nothing is committed.
    return Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False, "check.crcs": True}
    )


def consume(bootstrap, topic, path):
    consumer = open_consumer(bootstrap)
    ends = {}
    for number in range(PARTITIONS):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)
        expect_equal(low, 0, "low watermark")
        ends[number] = high
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
    left = {number for number, end in ends.items() if end > 0}
    patience = 100
    with open(path, "w", encoding="utf-8") as out:
        while left:
            messages = consumer.consume(1000, timeout=0.2)
            patience = 100 if messages else patience - 1
            expect(patience > 0, f"nothing came within 20 seconds, waiting for partitions {left}")
            for m in messages:
                expect(m.error() is None, str(m.error()))
                timestamp = m.timestamp()[1]
                out.write(describe(m.partition(), m.offset(), timestamp, m.key(), m.value(), m.headers()))
                if m.offset() == ends[m.partition()] - 1:
                    left.discard(m.partition())
    consumer.close()


def admin(bootstrap, topic):
    client = AdminClient({"bootstrap.servers": bootstrap})
    all_done(client.create_topics([NewTopic(topic, 2, 1, config={"segment.bytes": "1048576"})]))
    refused("TOPIC_ALREADY_EXISTS", client.create_topics([NewTopic(topic, 2, 1)]))
    refused("INVALID_PARTITIONS", client.create_topics([NewTopic(topic + "-none", 0, 1)]))
    refused("INVALID_CONFIG", client.create_topics([NewTopic(topic + "-bad", 1, 1, config={"retention.ms": "x"})]))
    refused("TOPIC_EXCEPTION", client.create_topics([NewTopic("no/such/name", 1, 1)]))
    all_done(client.create_topics([NewTopic(topic + "-asked", 1, 1)], validate_only=True))
    metadata = client.list_topics(timeout=10)
    expect_equal(sorted(metadata.topics[topic].partitions), [0, 1], "partitions")
    expect(topic + "-asked" not in metadata.topics, "validate_only creates nothing")

    all_done(client.create_partitions([NewPartitions(topic, 3)]))
    refused("INVALID_PARTITIONS", client.create_partitions([NewPartitions(topic, 2)]))
    wait_for(lambda: len(client.list_topics(topic, timeout=10).topics[topic].partitions) == 3, "three partitions")

    all_done(client.delete_topics([topic]))
    wait_for(lambda: topic not in client.list_topics(timeout=10).topics, "the topic is gone")
    refused("UNKNOWN_TOPIC_OR_PART", client.delete_topics([topic]))


def configs(bootstrap, topic):
    client = AdminClient({"bootstrap.servers": bootstrap})
    all_done(client.create_topics([NewTopic(topic, 1, 1, config={"segment.bytes": "1048576"})]))
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    entries = next(iter(client.describe_configs([resource]).values())).result(10)
    expect_equal(entries["segment.bytes"].value, "1048576", "segment.bytes as created")
    expect(entries["retention.ms"].is_default, "retention.ms is a default")
    change = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config={"retention.ms": "7777"})
    all_done(client.alter_configs([change]))
    entries = next(iter(client.describe_configs([resource]).values())).result(10)
    expect_equal(entries["retention.ms"].value, "7777", "retention.ms as altered")
    refused(
        "INVALID_CONFIG",
        client.alter_configs([ConfigResource(ConfigResource.Type.TOPIC, topic, set_config={"retention.ms": "-7"})]),
    )
    brokers = client.list_topics(timeout=10).brokers
    broker = ConfigResource(ConfigResource.Type.BROKER, str(next(iter(brokers))))
    entries = next(iter(client.describe_configs([broker]).values())).result(10)
    expect("log.retention.hours" in entries, "the broker describes its configs")


def offsets(bootstrap, topic):
    consumer = open_consumer(bootstrap)
    base = 1700000000000

    def offset_of(timestamp):
        answer = consumer.offsets_for_times([TopicPartition(topic, 0, timestamp)], timeout=10)[0]
        expect(answer.error is None, str(answer.error))
        return answer.offset

    expect_equal(offset_of(base + 5000), 500, "offset of a timestamp")
    expect_equal(offset_of(base + 4997), 500, "offset of the next timestamp")
    expect_equal(offset_of(base + 10000), 1000, "offset over a gap")
    expect_equal(offset_of(base + 10**12), -1, "offset of a timestamp behind the end")
    expect_equal(offset_of(0), 0, "offset of the beginning of time")
    consumer.close()


def limits(bootstrap, topic):
    """A record near the limit comes back; one over it is refused, and what follows it is not harmed."""
    answers = []
    producer = Producer(
        {"bootstrap.servers": bootstrap, "message.max.bytes": 10000000, "enable.idempotence": True, "linger.ms": 0}
    )
    values = [os.urandom(900000), os.urandom(2000000), b"small"]

    def delivered(error, _message):
        answers.append(error and error.name())

    for value in values:
        producer.produce(topic, value=value, partition=0, callback=delivered)
        expect_equal(producer.flush(60), 0, "records without an answer")
    expect_equal(answers, [None, "MSG_SIZE_TOO_LARGE", None], "answers")

    consumer = open_consumer(bootstrap)
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    for value in (values[0], values[2]):
        message = consumer.poll(20)
        expect(message is not None and message.error() is None, "a record comes")
        expect(message.value() == value, "the record is the one that was sent")
    consumer.close()


def stream(bootstrap, topic, acknowledged_path):
    """Produces numbers until it gets SIGTERM. What was acknowledged is written down, in order, before more comes."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 2,
            "message.timeout.ms": 120000,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "queue.buffering.max.messages": 2000,
        }
    )
    failures = []
    with open(acknowledged_path, "w", encoding="ascii", buffering=1) as out:

        def delivered(error, message):
            if error is None:
                number = message.value().split()[0].decode()
                out.write(f"{message.partition()}\t{message.offset()}\t{number}\n")
            else:
                failures.append(str(error))

        # Values of about a kilobyte: segments of a megabyte are rolled in between.
        padding = b"x" * 1000
        number = 0
        while not stopped:
            try:
                value = b"%d %s" % (number, padding)
                producer.produce(topic, value=value, partition=number % PARTITIONS, callback=delivered)
                number += 1
            except BufferError:
                producer.poll(0.05)
            producer.poll(0)
        left = producer.flush(60)
    expect_equal((left, failures[:3]), (0, []), "the producer lost nothing")


def trickle(bootstrap, topic, partitions, acknowledged_path):
    """Produces some hundred records a second until it gets SIGTERM; writes down what was acknowledged."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    settings = {"enable.idempotence": True, "linger.ms": 5, "reconnect.backoff.max.ms": 200}
    producer = Producer({"bootstrap.servers": bootstrap, **settings})
    failures = []
    with open(acknowledged_path, "w", encoding="ascii", buffering=1) as out:

        def delivered(error, message):
            if error is None:
                out.write(f"{message.partition()}\t{message.offset()}\n")
            else:
                failures.append(str(error))

        number = 0
        while not stopped:
            producer.produce(topic, value=b"%d" % number, partition=number % int(partitions), callback=delivered)
            number += 1
            producer.poll(0.002)
            time.sleep(0.002)
        left = producer.flush(60)
    expect_equal((left, failures[:3]), (0, []), "the producer lost nothing")


def member(bootstrap, topic, group, strategy, session_timeout_ms, instance=None):
    """Reads as a member of a group until it gets SIGTERM; commits what it has read."""
    this = Member()
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "partition.assignment.strategy": strategy,
        "session.timeout.ms": int(session_timeout_ms),
        "heartbeat.interval.ms": int(session_timeout_ms) // 10,
        "max.poll.interval.ms": 4 * int(session_timeout_ms),
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "fetch.wait.max.ms": 100,
        "reconnect.backoff.max.ms": 200,
    }
    if instance is not None:
        settings["group.instance.id"] = instance
    consumer = Consumer(settings)

    def commit():
        try:
            answer = consumer.commit(asynchronous=False)
            this.offsets("committed", [(each.partition, each.offset) for each in answer if each.error is None])
        except KafkaException:
            # Nothing is new; or the group is being rebalanced, or the broker is away, and what was read comes again.
            pass

    def revoked(_, partitions):
        commit()
        this.ownership("revoked", partitions)

    consumer.subscribe(
        [topic],
        on_assign=lambda _, partitions: this.ownership("assigned", partitions),
        on_revoke=revoked,
        on_lost=lambda _, partitions: this.ownership("lost", partitions),
    )
    while not this.is_stopped:
        # One by one: in this version a call for many drops those that it holds when a rebalance comes between. And said
        # at once: the next poll may commit, when the member has to give up partitions.
        count = 0
        while count < 200 and (message := consumer.poll(0.02 if count else 0.1)) is not None:
            if message.error() is None:
                this.offsets("read", [(message.partition(), message.offset())])
                count += 1
        if count > 0:
            commit()
    consumer.close()


def committed(bootstrap, topic, group, partitions):
    """Prints a group's committed offsets, in the order of the partitions."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    asked = [TopicPartition(topic, number) for number in range(int(partitions))]
    print(" ".join(str(each.offset) for each in consumer.committed(asked, timeout=30)))
    consumer.close()


def all_done(futures):
    for future in futures.values():
        future.result(20)


def refused(code, futures):
    for future in futures.values():
        try:
            future.result(20)
        except KafkaException as e:
            expect_equal(e.args[0].name(), code, "error code")
            continue
        expect(False, f"{code} did not come")


def wait_for(condition, what):
    deadline = time.monotonic() + 10
    while not condition():
        expect(time.monotonic() < deadline, what)
        time.sleep(0.05)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    commands = [produce, consume, admin, configs, offsets, limits, stream, trickle, member, committed]
    next(each for each in commands if each.__name__ == command)(*arguments)
    print("done")
