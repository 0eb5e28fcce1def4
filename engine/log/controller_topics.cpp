// The controller's decisions about topics: what exists, where its replicas are, its settings.

#include "engine/log/controller.h"
#include "engine/log/controller_placement.h"
#include "engine/log/group_config.h"
#include "engine/log/topic_name.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

constexpr std::int32_t kPartitionsMax = 100'000;
constexpr const char *kNamedTwice = "the request names the topic more than once";
constexpr const char *kGroupNamedTwice = "the request names the group more than once";

/// Names that differ in '.' and '_' only would share one name in Kafka's metrics.
bool collide(std::string_view a, std::string_view b)
{
    const auto inMetrics = [](char c) { return c == '.' ? '_' : c; };
    return std::ranges::equal(a, b, {}, inMetrics, inMetrics);
}

/// Kafka draws again when the text begins with '-': tools would take it for an option.
TopicId newTopicId(const ClusterImage &image, Random &random)
{
    TopicId id{};
    do {
        storeBigEndian(id.data(), random.next());
        storeBigEndian(id.data() + sizeof(std::uint64_t), random.next());
    } while (topicIdText(id).front() == '-' || image.topic(id));
    return id;
}

/// What is wrong with replicas given by hand; empty when nothing is.
std::string assignmentProblem(const std::vector<std::int32_t> &replicas, std::size_t expected,
    std::size_t number, const ClusterImage &image)
{
    if (replicas.empty())
        return fmt::format("partition {} has no replicas", number);
    if (replicas.size() != expected) {
        return fmt::format(
            "partition {} has {} replicas, partition 0 has {}", number, replicas.size(), expected);
    }
    if (std::set(replicas.begin(), replicas.end()).size() != replicas.size())
        return fmt::format("partition {} names a broker more than once", number);
    for (const std::int32_t broker : replicas) {
        if (!image.broker(broker))
            return fmt::format(
                "partition {} names broker {}, which is not registered", number, broker);
    }
    const bool canStart = std::ranges::any_of(
        replicas, [&image](std::int32_t broker) { return image.broker(broker)->isActive(); });
    return canStart
        ? std::string()
        : fmt::format("all brokers of partition {} are fenced or shutting down", number);
}

/// Why that many replicas cannot be placed; empty when they can.
std::string placementProblem(std::int16_t replicationFactor, const ReplicaPlacer &placer)
{
    if (replicationFactor < 1)
        return fmt::format("replication factor {} is below 1", replicationFactor);
    if (static_cast<std::size_t>(replicationFactor) > placer.usableBrokers()) {
        return fmt::format("replication factor {} needs as many brokers, {} can hold a replica",
            replicationFactor, placer.usableBrokers());
    }
    return placer.unfencedBrokers() == 0 ? "all brokers are fenced or shutting down"
                                         : std::string();
}

/// Carries the wanted changes out on `configs`; the records of those that change something.
std::vector<ConfigRecord> alter(std::map<std::string, std::string> &configs,
    const AlterConfigsRequest::Resource &wanted, ConfigResource resource)
{
    std::vector<ConfigRecord> records;
    for (const auto &[key, value] : wanted.configs) {
        const auto set = configs.find(key);
        const bool isSo =
            value ? set != configs.end() && set->second == *value : set == configs.end();
        if (isSo)
            continue;
        if (value)
            configs[key] = *value;
        else
            configs.erase(key);
        records.push_back({wanted.name, key, value, resource});
    }
    return records;
}

} // namespace

CreateTopicsResponse Controller::createTopics(
    const CreateTopicsRequest &request, Changes &changes, Context &context)
{
    CreateTopicsResponse response;
    for (const CreateTopicsRequest::Topic &wanted : request.topics) {
        const auto named =
            std::ranges::count(request.topics, wanted.name, &CreateTopicsRequest::Topic::name);
        response.topics.push_back(named == 1
                ? createTopic(wanted, changes, context)
                : CreateTopicsResponse::Topic{wanted.name, ErrorCode::InvalidRequest, kNamedTwice});
    }
    return response;
}

CreateTopicsResponse::Topic Controller::createTopic(
    const CreateTopicsRequest::Topic &wanted, Changes &changes, Context &context)
{
    const auto refuse = [&wanted](ErrorCode error, std::string message) {
        return CreateTopicsResponse::Topic{wanted.name, error, std::move(message)};
    };
    if (!isValidTopicName(wanted.name)) {
        return refuse(ErrorCode::InvalidTopicException,
            "a topic name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and is "
            "not '.' or '..'");
    }
    if (wanted.name == kMetadataTopic)
        return refuse(ErrorCode::InvalidRequest, "the metadata log is not a topic to create");
    if (m_image.topic(wanted.name))
        return refuse(ErrorCode::TopicAlreadyExists, "the topic exists already");
    for (const std::string &name : std::views::keys(m_image.topics())) {
        if (collide(name, wanted.name)) {
            return refuse(ErrorCode::InvalidTopicException,
                fmt::format(
                    "the name collides with '{}': '.' and '_' are the same in metrics", name));
        }
    }
    if (const auto parsed = LogConfig::parse(m_config.topicDefaults, wanted.configs); !parsed) {
        return refuse(ErrorCode::InvalidConfig,
            fmt::format("{}: {}", parsed.error().key, parsed.error().why));
    }

    std::vector<std::vector<std::int32_t>> placement = wanted.assignments;
    if (!placement.empty()) {
        if (wanted.partitions != -1 || wanted.replicationFactor != -1) {
            return refuse(ErrorCode::InvalidRequest,
                "with replicas given by hand, the number of partitions and the replication factor "
                "are -1");
        }
        for (std::size_t number = 0; number < placement.size(); ++number) {
            std::string problem =
                assignmentProblem(placement[number], placement.front().size(), number, m_image);
            if (!problem.empty())
                return refuse(ErrorCode::InvalidReplicaAssignment, std::move(problem));
        }
    } else {
        const std::int32_t count =
            wanted.partitions == -1 ? m_config.numPartitions : wanted.partitions;
        if (count < 1 || count > kPartitionsMax) {
            return refuse(ErrorCode::InvalidPartitions,
                fmt::format("a topic has 1 to {} partitions", kPartitionsMax));
        }
        const std::int16_t replicationFactor = wanted.replicationFactor == -1
            ? m_config.defaultReplicationFactor
            : wanted.replicationFactor;
        ReplicaPlacer placer(m_image, {}, context.random);
        if (std::string problem = placementProblem(replicationFactor, placer); !problem.empty())
            return refuse(ErrorCode::InvalidReplicationFactor, std::move(problem));
        std::generate_n(std::back_inserter(placement), count,
            [&placer, replicationFactor] { return placer.place(replicationFactor); });
    }

    const TopicId id = newTopicId(m_image, context.random);
    commit(changes, TopicRecord{wanted.name, id}, LogReason::NewTopic,
        static_cast<std::int64_t>(placement.size()));
    for (const auto &[name, value] : wanted.configs)
        commit(changes, ConfigRecord{wanted.name, name, value}, LogReason::NewTopic);
    for (std::size_t number = 0; number < placement.size(); ++number)
        commitPartition(changes, id, static_cast<std::int32_t>(number), placement[number], 0);
    return {wanted.name, ErrorCode::None, {}};
}

/// The replicas are all taken to be in sync: the partition is empty.
void Controller::commitPartition(Changes &changes, const TopicId &topic, std::int32_t number,
    const std::vector<std::int32_t> &replicas, std::int64_t partitions)
{
    const std::vector<std::int32_t> isr = activeOf(replicas);
    invariant(!isr.empty(), "a new partition has a leader");
    commit(changes,
        PartitionRecord{.topicId = topic,
            .partition = number,
            .replicas = replicas,
            .isr = isr,
            .leader = isr.front()},
        LogReason::NewTopic, partitions);
}

std::vector<std::int32_t> Controller::activeOf(const std::vector<std::int32_t> &replicas) const
{
    std::vector<std::int32_t> active;
    std::ranges::copy_if(replicas, std::back_inserter(active), [this](std::int32_t id) {
        const BrokerImage *broker = m_image.broker(id);
        return broker && broker->isActive();
    });
    return active;
}

CreatePartitionsResponse Controller::createPartitions(
    const CreatePartitionsRequest &request, Changes &changes, Context &context)
{
    CreatePartitionsResponse response;
    for (const CreatePartitionsRequest::Topic &wanted : request.topics) {
        const auto named =
            std::ranges::count(request.topics, wanted.name, &CreatePartitionsRequest::Topic::name);
        response.topics.push_back(named == 1
                ? addPartitions(wanted, request.validateOnly, changes, context)
                : CreatePartitionsResponse::Topic{
                      wanted.name, ErrorCode::InvalidRequest, kNamedTwice});
    }
    return response;
}

CreatePartitionsResponse::Topic Controller::addPartitions(
    const CreatePartitionsRequest::Topic &wanted, bool validateOnly, Changes &changes,
    Context &context)
{
    const auto refuse = [&wanted](ErrorCode error, std::string message) {
        return CreatePartitionsResponse::Topic{wanted.name, error, std::move(message)};
    };
    const TopicImage *topic = m_image.topic(wanted.name);
    if (!topic)
        return refuse(ErrorCode::UnknownTopicOrPartition, "there is no such topic");
    const auto before = static_cast<std::int32_t>(topic->partitions.size());
    if (wanted.count <= before || wanted.count > kPartitionsMax) {
        return refuse(ErrorCode::InvalidPartitions,
            fmt::format("the topic has {} partitions; their number only grows, up to {}", before,
                kPartitionsMax));
    }
    const auto replicationFactor =
        static_cast<std::int16_t>(topic->partitions.front().replicas.size());
    ReplicaPlacer placer(m_image, topic->partitions, context.random);
    if (std::string problem = placementProblem(replicationFactor, placer); !problem.empty())
        return refuse(ErrorCode::InvalidReplicationFactor, std::move(problem));
    if (!validateOnly) {
        for (std::int32_t number = before; number < wanted.count; ++number) {
            commitPartition(changes, topic->id, number, placer.place(replicationFactor),
                number == before ? wanted.count - before : 0);
        }
    }
    return {wanted.name, ErrorCode::None, {}};
}

DeleteTopicsResponse Controller::deleteTopics(const DeleteTopicsRequest &request, Changes &changes)
{
    DeleteTopicsResponse response;
    for (const std::string &name : request.topics) {
        ErrorCode error = ErrorCode::None;
        if (std::ranges::count(request.topics, name) != 1)
            error = ErrorCode::InvalidRequest;
        else if (const TopicImage *topic = m_image.topic(name); !topic)
            error = ErrorCode::UnknownTopicOrPartition;
        else
            commit(changes, RemoveTopicRecord{topic->id}, LogReason::None);
        response.topics.push_back({name, error});
    }
    return response;
}

AlterConfigsResponse Controller::alterConfigs(const AlterConfigsRequest &request, Changes &changes)
{
    const auto isNamedOnce = [](const auto &resources, const std::string &name) {
        return std::ranges::count(resources, name, &AlterConfigsRequest::Resource::name) == 1;
    };
    AlterConfigsResponse response;
    for (const AlterConfigsRequest::Resource &wanted : request.topics) {
        response.topics.push_back(isNamedOnce(request.topics, wanted.name)
                ? alterTopic(wanted, changes)
                : AlterConfigsResponse::Resource{
                      wanted.name, ErrorCode::InvalidRequest, kNamedTwice});
    }
    for (const AlterConfigsRequest::Resource &wanted : request.groups) {
        response.groups.push_back(isNamedOnce(request.groups, wanted.name)
                ? alterGroup(wanted, changes)
                : AlterConfigsResponse::Resource{
                      wanted.name, ErrorCode::InvalidRequest, kGroupNamedTwice});
    }
    return response;
}

AlterConfigsResponse::Resource Controller::alterTopic(
    const AlterConfigsRequest::Resource &wanted, Changes &changes)
{
    const TopicImage *topic = m_image.topic(wanted.name);
    if (!topic)
        return {wanted.name, ErrorCode::UnknownTopicOrPartition, "there is no such topic"};
    const LogConfig before = settings(*topic);
    std::map<std::string, std::string> configs = topic->configs;
    std::vector<ConfigRecord> records = alter(configs, wanted, ConfigResource::Topic);
    const auto after = LogConfig::parse(m_config.topicDefaults, configs);
    if (!after) {
        return {wanted.name, ErrorCode::InvalidConfig,
            fmt::format("{}: {}", after.error().key, after.error().why)};
    }
    for (ConfigRecord &record : records)
        commit(changes, std::move(record), LogReason::AskedFor);
    // Partitions that had too few replicas in sync may have enough now, and then nobody is eligible
    // beside them.
    if (after->minInsyncReplicas != before.minInsyncReplicas)
        applyMinIsr(*topic, changes);
    return {wanted.name, ErrorCode::None, {}};
}

AlterConfigsResponse::Resource Controller::alterGroup(
    const AlterConfigsRequest::Resource &wanted, Changes &changes)
{
    if (wanted.name.empty())
        return {wanted.name, ErrorCode::InvalidRequest, "a group has a name"};
    const auto *before = m_image.groupConfigs(wanted.name);
    std::map<std::string, std::string> configs =
        before ? *before : std::map<std::string, std::string>{};
    std::vector<ConfigRecord> records = alter(configs, wanted, ConfigResource::Group);
    if (const auto after = GroupConfig::parse(m_config, configs); !after) {
        return {wanted.name, ErrorCode::InvalidConfig,
            fmt::format("{}: {}", after.error().key, after.error().why)};
    }
    for (ConfigRecord &record : records)
        commit(changes, std::move(record), LogReason::AskedFor);
    return {wanted.name, ErrorCode::None, {}};
}

} // namespace queuelab::log
