#include "engine/core/memory_files.h"
#include "engine/log/events.h"
#include "engine/world/world.h"
#include "lessons/measures/measure.h"
#include "lessons/measures/rounds.h"
#include "lessons/measures/scratch.h"

#include <algorithm>

namespace queuelab::lessons {

namespace {

constexpr std::int32_t kBrokers = 3;

/// A cluster with one topic and one group that reads it.
class Cluster {
public:
    static Result<std::unique_ptr<Cluster>, Error> create(
        std::int32_t partitions, std::int32_t members)
    {
        world::WorldConfig config;
        config.logBrokers = kBrokers;
        auto world = world::World::create(config, std::make_unique<MemoryFiles>());
        if (!world)
            return std::unexpected(world.error());
        std::unique_ptr<Cluster> cluster(new Cluster(std::move(*world)));
        world::CreateTopic topic;
        topic.name = "measured";
        topic.partitions = partitions;
        topic.replicationFactor = kBrokers;
        if (const auto made = cluster->apply(topic); !made)
            return std::unexpected(made.error());
        cluster->run(10s);
        if (const auto joined = cluster->join(members); !joined)
            return std::unexpected(joined.error());
        cluster->run(20s);
        return cluster;
    }

    Result<void, Error> join(std::int32_t members)
    {
        world::AddConsumer consumers;
        consumers.group = "readers";
        consumers.topics = {"measured"};
        consumers.count = members;
        consumers.configs = {{"partition.assignment.strategy", "range"}};
        return apply(consumers);
    }
    Result<void, Error> apply(const world::Command &command)
    {
        if (const auto done = m_world->apply(command); !done)
            return std::unexpected(
                Error{world::commandText(command), done.error().message, done.error().code});
        return {};
    }
    void run(Duration time) { m_world->runUntil(m_world->now() + time); }

    double count(log::LogEvent event) const
    {
        return static_cast<double>(m_world->trace().count(log::kind(event)));
    }
    double metadataRecords() const
    {
        std::int64_t most = 0;
        for (const log::BrokerSnapshot &broker : m_world->snapshot()->log.brokers)
            most = std::max(most, broker.metadataLogEndOffset);
        return static_cast<double>(most);
    }

private:
    explicit Cluster(std::unique_ptr<world::World> world)
        : m_world(std::move(world))
    {
    }
    std::unique_ptr<world::World> m_world;
};

/// A sample: processor milliseconds of a rebalance, partitions handed over in it, elections after a
/// broker died, records of the metadata log before that.
Result<Sample, Error> costsOf(std::int32_t partitions, std::int32_t members)
{
    const Result<std::unique_ptr<Cluster>, Error> created = Cluster::create(partitions, members);
    if (!created)
        return std::unexpected(created.error());
    Cluster &cluster = **created;

    const double assigned = cluster.count(log::LogEvent::PartitionAssigned);
    const double processor = threadProcessorSeconds();
    if (const auto joined = cluster.join(1); !joined)
        return std::unexpected(joined.error());
    cluster.run(10s);
    const double processorOfRebalance = threadProcessorSeconds() - processor;
    const double handedOver = cluster.count(log::LogEvent::PartitionAssigned) - assigned;

    const double metadata = cluster.metadataRecords();
    const double elected = cluster.count(log::LogEvent::LeaderElected);
    world::KillBroker kill;
    kill.broker = kBrokers;
    if (const auto killed = cluster.apply(kill); !killed)
        return std::unexpected(killed.error());
    cluster.run(20s);
    return Sample{processorOfRebalance * 1e3, handedOver,
        cluster.count(log::LogEvent::LeaderElected) - elected, metadata};
}

Result<std::vector<Measurement>, Error> measurePartitionCosts(
    const MeasureSettings &settings, const std::string &, const MeasureWatch &watch)
{
    const auto few = static_cast<std::int32_t>(settings.at("few"));
    const auto many = static_cast<std::int32_t>(settings.at("many"));
    const auto members = static_cast<std::int32_t>(settings.at("members"));
    const std::vector<OneRun> contenders{
        [&] { return costsOf(few, members); }, [&] { return costsOf(many, members); }};
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    return std::vector<Measurement>{
        {"few-rebalance-processor-time", rounds->median(0, 0), "ms"},
        {"many-rebalance-processor-time", rounds->median(1, 0), "ms"},
        {"few-handed-over", rounds->median(0, 1), "partitions"},
        {"many-handed-over", rounds->median(1, 1), "partitions"},
        {"few-elections", rounds->median(0, 2), "elections"},
        {"many-elections", rounds->median(1, 2), "elections"},
        {"few-metadata-records", rounds->median(0, 3), "records"},
        {"many-metadata-records", rounds->median(1, 3), "records"},
        {"rebalance-ratio", rounds->ratio(1, 0, 0), "times"},
        {"metadata-ratio", rounds->ratio(1, 0, 3), "times"},
    };
}

} // namespace

Measure partitionCosts()
{
    return {"partition-costs",
        "Two clusters of three brokers in virtual time, alike but for the partitions of their "
        "topic, each on all three: one more consumer joins a group that reads it, then a broker "
        "dies. Processor time is this machine's, over ten virtual seconds; the rest is counted.",
        {{"few", "partitions of the first topic", 10, 1, 10'000},
            {"many", "partitions of the second topic", 500, 1, 10'000},
            {"members", "consumers in the group before", 5, 1, 100},
            {"rounds", "how often both are measured", 1, 1, 99}},
        {{"few-rebalance-processor-time",
             "processor time while the consumer joins, few partitions"},
            {"many-rebalance-processor-time", "the same with many partitions"},
            {"few-handed-over", "partitions handed out again in that rebalance"},
            {"many-handed-over", "the same with many partitions"},
            {"few-elections", "leaders elected after a broker died"},
            {"many-elections", "the same with many partitions"},
            {"few-metadata-records", "records in the cluster's metadata log before it died"},
            {"many-metadata-records", "the same with many partitions"},
            {"rebalance-ratio", "how many times the processor time"},
            {"metadata-ratio", "how many times the metadata"}},
        measurePartitionCosts};
}

} // namespace queuelab::lessons
