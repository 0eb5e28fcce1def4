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
        snapshot.log.brokers.push_back({.id = id, .isRegistered = true, .isFenced = false});
    snapshot.log.controller = shape.brokers > 1 ? 2 : 1;

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
        for (const std::int32_t id : partition.replicas) {
            partition.replicaStates.push_back({.broker = id,
                .logEndOffset =
                    id == partition.leader ? partition.logEndOffset : partition.highWatermark,
                .highWatermark = partition.highWatermark,
                .leaderEpoch = 0});
        }
        for (auto &broker : snapshot.log.brokers) {
            ++broker.replicas;
            broker.leads += broker.id == partition.leader ? 1 : 0;
        }
        partition.segments = {{.baseOffset = 0, .nextOffset = partition.logEndOffset - 12},
            {.baseOffset = partition.logEndOffset - 12, .nextOffset = partition.logEndOffset}};
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

/// Three brokers just after the first died: its partitions have another leader and a new epoch, and
/// its own log holds three records that no other replica has.
inline world::Snapshot failoverSnapshot()
{
    auto snapshot = logSnapshot({.partitions = 3, .records = 20, .consumers = 2, .brokers = 3});
    snapshot.log.brokers[0].alive = false;
    snapshot.log.brokers[0].leads = 0;
    snapshot.log.brokers[1].leads = 2;
    for (auto &partition : snapshot.log.topics[0].partitions) {
        std::erase(partition.isr, 1);
        partition.replicaStates[0].online = false;
        partition.replicaStates[0].inSync = false;
        if (partition.leader == 1) {
            partition.leader = 2;
            partition.leaderEpoch = 1;
            partition.replicaStates[0].logEndOffset = partition.logEndOffset + 3;
        } else {
            partition.replicaStates[0].logEndOffset = partition.logEndOffset - 4;
        }
    }
    return snapshot;
}

inline exchange::MessageSnapshot exchangeMessage(std::uint64_t number, bool redelivered = false)
{
    exchange::MessageSnapshot message;
    message.number = number;
    message.label = "pay-" + std::to_string(number);
    message.routingKey = "payment.card.eu";
    message.redelivered = redelivered;
    message.deliveries = redelivered ? 2 : 1;
    return message;
}

inline exchange::QueueSnapshot exchangeQueue(
    const std::string &name, std::uint64_t ready, std::uint64_t unacked)
{
    exchange::QueueSnapshot queue;
    queue.name = name;
    queue.durable = true;
    queue.messagesReady = ready;
    queue.messagesUnacknowledged = unacked;
    for (std::uint64_t number = 0;
        number < std::min<std::uint64_t>(ready, exchange::QueueSnapshot::kShownMessages); ++number)
        queue.ready.push_back(exchangeMessage(100 + number, number < 2 && name == "card"));
    return queue;
}

inline world::ClientSnapshot exchangeClient(
    const std::string &name, world::ClientRole role, const std::string &target)
{
    world::ClientSnapshot client;
    client.name = name;
    client.engine = world::Engine::Exchange;
    client.role = role;
    client.target = target;
    return client;
}

inline void addWorker(world::Snapshot &snapshot, const std::string &name, const std::string &queue,
    int prefetch, int unacked)
{
    world::ClientSnapshot client = exchangeClient(name, world::ClientRole::Worker, queue);
    client.prefetch = static_cast<std::uint16_t>(prefetch);
    exchange::ConsumerSnapshot consumer;
    consumer.tag = "ctag-" + name;
    consumer.queue = queue;
    consumer.connection = name;
    consumer.prefetch = client.prefetch;
    for (int number = 0; number < unacked; ++number) {
        consumer.unacked.push_back(
            exchangeMessage(static_cast<std::uint64_t>(10 + number), number == 1));
        client.holding.push_back({queue, 10 + number, "pay", number == 1, 1, snapshot.now + 400ms});
    }
    consumer.unackedCount = consumer.unacked.size();
    client.holdingCount = consumer.unackedCount;
    snapshot.clients.push_back(client);
    snapshot.exchange.consumers.push_back(consumer);
}

/// A topic exchange before three queues, one with a dead-letter queue; worker-1 has just crashed.
inline world::Snapshot exchangeSnapshot()
{
    world::Snapshot snapshot = emptySnapshot();
    auto &broker = snapshot.exchange;
    broker.connections = 5;
    broker.exchanges = {{"", "direct", true, 0, 0, 0}, {"amq.topic", "topic", true, 0, 0, 0},
        {"dlx", "fanout", true, 2, 2, 0}, {"orders", "topic", true, 120, 240, 3}};
    const auto bind = [&](const std::string &source, const std::string &queue,
                          const std::string &key, bool lit) {
        exchange::BindingSnapshot binding;
        binding.source = source;
        binding.destination = queue;
        binding.routingKey = key;
        binding.matched = lit ? 40 : 0;
        binding.lastMatch = lit ? snapshot.now - 100ms : Instant{};
        broker.bindings.push_back(binding);
    };
    bind("dlx", "card.dead", "", false);
    bind("orders", "audit", "#", true);
    bind("orders", "card", "payment.card.#", true);
    bind("orders", "invoices", "payment.*", false);
    broker.queues = {exchangeQueue("audit", 9, 2), exchangeQueue("card", 7, 3),
        exchangeQueue("card.dead", 2, 0), exchangeQueue("invoices", 4, 0)};
    broker.queues[1].deadLetterExchange = "dlx";
    broker.queues[1].deadLettered = 2;
    broker.queues[2].ready[0].deathReason = "expired";
    broker.queues[2].ready[1].deathReason = "rejected";

    snapshot.clients.push_back(exchangeClient("web", world::ClientRole::Publisher, "orders"));
    snapshot.clients.back().rate = 40;
    snapshot.clients.push_back(exchangeClient("mobile", world::ClientRole::Publisher, "orders"));
    snapshot.clients.back().rate = 5;
    snapshot.clients.back().sent = 61;
    snapshot.clients.push_back(exchangeClient("worker-1", world::ClientRole::Worker, "card"));
    snapshot.clients.back().state = world::ClientState::Crashed;
    snapshot.clients.back().prefetch = 3;
    addWorker(snapshot, "worker-2", "card", 3, 3);
    addWorker(snapshot, "billing", "invoices", 5, 0);
    addWorker(snapshot, "auditor", "audit", 0, 2);
    return snapshot;
}

/// `count` queues behind one direct exchange, each with a worker.
inline world::Snapshot wideExchangeSnapshot(int count)
{
    world::Snapshot snapshot = emptySnapshot();
    snapshot.exchange.exchanges = {{"jobs", "direct", true, 1, 1, 0}};
    for (int number = 0; number < count; ++number) {
        const std::string name = "queue-" + std::to_string(number);
        snapshot.exchange.queues.push_back(exchangeQueue(name, 200'000, 40));
        exchange::BindingSnapshot binding;
        binding.source = "jobs";
        binding.destination = name;
        binding.routingKey = name;
        snapshot.exchange.bindings.push_back(binding);
        addWorker(snapshot, "worker-" + std::to_string(number), name, 40, 40);
    }
    return snapshot;
}

inline visibility::MessageSnapshot heldMessage(
    const world::Snapshot &snapshot, std::uint64_t number, Duration left, const std::string &by)
{
    visibility::MessageSnapshot message;
    message.number = number;
    message.receiveCount = 1;
    message.timeout = 30s;
    message.due = snapshot.now + left;
    message.heldBy = by;
    return message;
}

inline world::ClientSnapshot visibilityClient(
    const std::string &name, world::ClientRole role, const std::string &queue)
{
    world::ClientSnapshot client;
    client.name = name;
    client.engine = world::Engine::Visibility;
    client.role = role;
    client.target = queue;
    return client;
}

/// A queue with `visible` messages, four in flight, three delayed, and a dead-letter queue.
inline world::Snapshot visibilitySnapshot(std::uint64_t visible = 214)
{
    world::Snapshot snapshot = emptySnapshot();
    visibility::QueueSnapshot queue;
    queue.name = "thumbnails";
    queue.receiveMessageWaitTimeSeconds = 20;
    queue.deadLetterQueue = "thumbnails-dlq";
    queue.maxReceiveCount = 5;
    queue.visible = visible;
    queue.notVisible = 4;
    queue.delayed = 3;
    queue.deadLettered = 4;
    queue.oldestSent = snapshot.now - 41s;
    for (std::uint64_t number = 0;
        number < std::min<std::uint64_t>(visible, visibility::QueueSnapshot::kShownMessages);
        ++number) {
        visibility::MessageSnapshot message;
        message.number = 231 + number;
        message.receiveCount = number == 3 ? 2 : 0;
        queue.shownVisible.push_back(message);
    }
    queue.shownInFlight = {heldMessage(snapshot, 17, 2s, "worker-1"),
        heldMessage(snapshot, 201, 17s, "worker-1"), heldMessage(snapshot, 214, 27s, "worker-3"),
        heldMessage(snapshot, 215, 29s, "worker-4")};
    queue.shownInFlight[1].receiveCount = 2;
    queue.shownInFlight[2].extended = true;
    for (const int seconds : {4, 9, 52}) {
        visibility::MessageSnapshot message;
        message.number = static_cast<std::uint64_t>(300 + seconds);
        message.due = snapshot.now + std::chrono::seconds(seconds);
        message.timeout = 60s;
        queue.shownDelayed.push_back(message);
    }
    queue.waiting = {"worker-2"};
    visibility::QueueSnapshot dead;
    dead.name = "thumbnails-dlq";
    dead.deadLetterSources = {"thumbnails"};
    dead.visible = 4;
    for (std::uint64_t number = 1; number <= 4; ++number) {
        visibility::MessageSnapshot message;
        message.number = number;
        message.receiveCount = 6;
        dead.shownVisible.push_back(message);
    }
    snapshot.visibility.queues = {queue, dead};

    using enum world::ClientRole;
    snapshot.clients = {visibilityClient("uploads", Sender, "thumbnails"),
        visibilityClient("worker-1", Receiver, "thumbnails"),
        visibilityClient("worker-2", Receiver, "thumbnails"),
        visibilityClient("worker-3", Receiver, "thumbnails"),
        visibilityClient("worker-4", Receiver, "thumbnails")};
    snapshot.clients[0].rate = 12;
    snapshot.clients[1].holdingCount = 2;
    snapshot.clients[1].holding = {{"thumbnails", 17, "", false, 1, snapshot.now + 6s},
        {"thumbnails", 201, "", false, 1, Instant{}}};
    snapshot.clients[2].waiting = true;
    snapshot.clients[3].holdingCount = 1;
    snapshot.clients[4].state = world::ClientState::Crashed;
    return snapshot;
}

} // namespace queuelab::test
