#pragma once

#include "engine/world/snapshot.h"

#include <algorithm>
#include <memory>
#include <string>

/// Snapshots written by hand: states that a running world reaches only for a moment (a rebalance,
/// records above the high watermark, a crashed worker's requeue) or only after hours, for the tests
/// of the pictures.
namespace queuelab::test {

using SharedSnapshot = std::shared_ptr<const world::Snapshot>;

inline world::Snapshot emptySnapshot()
{
    world::Snapshot snapshot;
    snapshot.start = kVirtualStart;
    snapshot.now = kVirtualStart + 9204ms;
    return snapshot;
}

struct LogShape {
    int partitions = 6;
    int records = 40;
    int consumers = 7;
    int brokers = 1;
    log::GroupState state = log::GroupState::Stable;
};

/// One topic, one producer, one group that owns its partitions in turn; every third partition lags.
inline world::Snapshot logSnapshot(const LogShape &shape)
{
    world::Snapshot snapshot = emptySnapshot();
    for (int id = 1; id <= shape.brokers; ++id)
        snapshot.log.brokers.push_back({id, true});

    log::TopicSnapshot topic;
    topic.name = "orders";
    topic.replicationFactor = shape.brokers;
    log::GroupSnapshot group;
    group.name = "billing";
    group.state = shape.state;
    group.generation = 4;
    group.protocol = "cooperative-sticky";
    for (int index = 0; index < shape.partitions; ++index) {
        log::PartitionSnapshot partition;
        partition.partition = index;
        partition.leader = 1 + index % shape.brokers;
        for (int id = 1; id <= shape.brokers; ++id)
            partition.replicas.push_back(id);
        partition.isr = partition.replicas;
        partition.logEndOffset = shape.records + (index * 7) % 10;
        partition.highWatermark = std::max(0L, partition.logEndOffset - (index == 4 ? 1 : 0));
        partition.lastStableOffset = partition.highWatermark;
        partition.segments = {{0, 4096, 0}, {partition.logEndOffset - 12, 900, 0}};
        topic.partitions.push_back(partition);
        const std::int64_t committed =
            std::max<std::int64_t>(0, partition.highWatermark - index % 3 * 3 - 1);
        group.committed.push_back({{"orders", index}, committed, snapshot.now});
    }
    snapshot.log.topics.push_back(topic);

    world::ClientSnapshot producer;
    producer.name = "checkout";
    producer.role = world::ClientRole::Producer;
    producer.target = "orders";
    producer.rate = 120;
    producer.sent = 256;
    snapshot.clients.push_back(producer);

    for (int number = 0; number < shape.consumers; ++number) {
        world::ClientSnapshot client;
        client.name = "c" + std::to_string(number + 1);
        client.role = world::ClientRole::Consumer;
        client.group = "billing";
        client.target = "orders";
        client.lastPoll = snapshot.now - 12ms;
        client.holdingCount = static_cast<std::uint64_t>(number % 4);
        log::MemberSnapshot member;
        member.memberId = client.name + "-id";
        member.clientId = client.name;
        member.lastHeartbeat = snapshot.now - 1s;
        for (int index = number; index < shape.partitions; index += shape.consumers) {
            const auto &partition = topic.partitions[static_cast<std::size_t>(index)];
            const std::int64_t committed = group.committed[static_cast<std::size_t>(index)].offset;
            const std::int64_t position = std::min(partition.highWatermark, committed + index % 4);
            member.assignment.push_back({"orders", index});
            client.positions.push_back({"orders-" + std::to_string(index), "orders", index,
                position, committed, std::min(partition.highWatermark, position + 1)});
        }
        if (client.positions.empty())
            client.note = "idle: owns nothing";
        group.members.push_back(member);
        snapshot.clients.push_back(client);
    }
    snapshot.log.groups.push_back(group);
    return snapshot;
}

} // namespace queuelab::test
