#include "engine/world/world_state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world {

namespace {

double milliseconds(Duration duration)
{
    return std::chrono::duration<double, std::milli>(duration).count();
}

void addGroupLag(
    const log::ClusterSnapshot &log, const log::GroupSnapshot &group, SeriesRecorder &series)
{
    std::int64_t lag = 0;
    for (const log::CommittedOffset &committed : group.committed) {
        const auto topic =
            std::ranges::find(log.topics, committed.partition.topic, &log::TopicSnapshot::name);
        if (topic == log.topics.end())
            continue;
        const auto partition = std::ranges::find(
            topic->partitions, committed.partition.partition, &log::PartitionSnapshot::partition);
        if (partition != topic->partitions.end())
            lag += partition->highWatermark - committed.offset;
    }
    series.add(Engine::Log, group.name + " lag", "records", SeriesRecorder::Kind::Level,
        static_cast<double>(lag));
}

} // namespace

log::ClusterSnapshot World::State::logSnapshot() const
{
    std::vector<log::BrokerView> views;
    std::vector<bool> alive;
    for (const LogNode &node : logNodes) {
        views.push_back(node.broker.view());
        alive.push_back(node.alive);
    }
    return log::clusterSnapshot(std::move(views), alive);
}

void World::State::sampleReplication(const log::ClusterSnapshot &log)
{
    const auto level = [&](std::string name, const char *unit, std::size_t value) {
        series.add(Engine::Log, std::move(name), unit, SeriesRecorder::Kind::Level,
            static_cast<double>(value));
    };
    std::size_t underReplicated = 0;
    for (const log::TopicSnapshot &topic : log.topics) {
        std::size_t inSync = 0;
        for (const log::PartitionSnapshot &partition : topic.partitions) {
            inSync += partition.isr.size();
            if (partition.isr.size() < partition.replicas.size())
                ++underReplicated;
        }
        if (!topic.isInternal)
            level(topic.name + " in-sync replicas", "replicas", inSync);
    }
    level("under-replicated", "partitions", underReplicated);
}

void World::State::sample()
{
    using Kind = SeriesRecorder::Kind;
    const log::ClusterSnapshot log = logSnapshot();
    for (const log::TopicSnapshot &topic : log.topics) {
        std::int64_t records = 0;
        for (const log::PartitionSnapshot &partition : topic.partitions)
            records += partition.logEndOffset;
        if (!topic.isInternal)
            series.add(Engine::Log, topic.name + " in", "records/s", Kind::Counter,
                static_cast<double>(records));
    }
    if (logNodes.size() > 1)
        sampleReplication(log);
    for (const log::GroupSnapshot &group : log.groups)
        addGroupLag(log, group, series);
    for (const exchange::QueueSnapshot &queue : exchange.snapshot().queues) {
        const auto add = [&](const char *what, const char *unit, Kind kind, std::uint64_t value) {
            series.add(Engine::Exchange, queue.name + what, unit, kind, static_cast<double>(value));
        };
        add(" ready", "messages", Kind::Level, queue.messagesReady);
        add(" unacked", "messages", Kind::Level, queue.messagesUnacknowledged);
        add(" in", "messages/s", Kind::Counter, queue.published);
        add(" delivered", "messages/s", Kind::Counter, queue.delivered);
    }
    for (const visibility::QueueSnapshot &queue : visibility.snapshot().queues) {
        const auto add = [&](const char *what, const char *unit, Kind kind, std::uint64_t value) {
            series.add(
                Engine::Visibility, queue.name + what, unit, kind, static_cast<double>(value));
        };
        add(" visible", "messages", Kind::Level, queue.visible);
        add(" in flight", "messages", Kind::Level, queue.notVisible);
        add(" in", "messages/s", Kind::Counter, queue.sent);
        add(" received", "messages/s", Kind::Counter, queue.received);
    }
    for (const OutcomeSnapshot &outcome : outcomes.snapshot(trace.names())) {
        series.add(outcome.engine, outcome.name + " handled", "messages/s", Kind::Counter,
            static_cast<double>(outcome.handled + outcome.handledAgain));
        series.add(outcome.engine, outcome.name + " latency p99", "ms", Kind::Level,
            milliseconds(outcome.latencyP99));
    }
    series.finish();
}

/// Why nothing passes between the client and brokers; empty when all can.
std::string World::State::cutOff(const Host &host) const
{
    if (host.linkCut)
        return "its link is cut";
    for (std::uint32_t number = 0; number < host.connections; ++number) {
        const Connection &connection = connections[host.firstConnection + number];
        if (connection.cut)
            return fmt::format("its link to {} is cut", nodeOf(connection.far).name);
    }
    return {};
}

std::shared_ptr<const Snapshot> World::State::snapshot() const
{
    auto out = std::make_shared<Snapshot>();
    out->seed = config.seed;
    out->mode = mode;
    out->start = start;
    out->now = now;
    out->events = trace.end();
    out->steps = steps;
    out->log = logSnapshot();
    out->logTails = logTails(out->log);
    out->exchange = exchange.snapshot();
    out->visibility = visibility.snapshot();
    out->clients.reserve(hosts.size());
    for (const Host &host : hosts) {
        ClientSnapshot &client = out->clients.emplace_back();
        client.name = host.name;
        client.role = host.role;
        client.state = host.state;
        client.engine = host.engine;
        host.actor->describe(client, trace.names());
        client.rate = host.rate;
        if (const std::string cut = cutOff(host); !cut.empty())
            client.note = cut;
    }
    out->outcomes = outcomes.snapshot(trace.names());
    out->series = series.snapshot();
    out->notes = notes;
    return out;
}

} // namespace queuelab::world
