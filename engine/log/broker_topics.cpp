// Topics: what exists, how it comes and goes, and the checkpoint file by which a broker finds its
// topics again.

#include "engine/log/broker_state.h"

#include <algorithm>
#include <charconv>
#include <ranges>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

constexpr std::size_t kTopicNameMax = 249;
constexpr std::int32_t kPartitionsMax = 100'000;
constexpr const char *kPartitionMetadataFile = "/partition.metadata";

bool isValidTopicName(std::string_view name)
{
    const auto isAllowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
            || c == '.' || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= kTopicNameMax && name != "." && name != ".."
        && std::ranges::all_of(name, isAllowed);
}

/// Names that differ in '.' and '_' only would share one name in Kafka's metrics, so they collide.
std::string collisionKey(std::string_view name)
{
    std::string key(name);
    std::ranges::replace(key, '.', '_');
    return key;
}

/// 16 random bytes as Kafka writes topic ids: base64 for URLs, 22 characters without padding.
std::string newTopicId(Random &random)
{
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    Bytes id;
    ByteWriter writer(id);
    writer.integer(random.next());
    writer.integer(random.next());
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint8_t byte : id) {
        bits = bits << 8 | byte;
        for (count += 8; count >= 6; count -= 6)
            text += kAlphabet[bits >> (count - 6) & 0x3f];
    }
    text += kAlphabet[bits << (6 - count) & 0x3f];
    return text;
}

/// The `topics` checkpoint: version line, number of topics, then for each a line "name partitions
/// replicas configs" and its configs as lines "key=value".
constexpr const char *kTopicsFile = "/topics";
constexpr std::string_view kTopicsVersion = "0";

struct TopicEntry {
    std::string name;
    std::int32_t partitions = 0;
    std::int16_t replicationFactor = 0;
    std::map<std::string, std::string> configs;
};

template <class T> bool parseNumber(std::string_view text, T &value)
{
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

std::optional<std::vector<TopicEntry>> parseTopics(std::string_view text)
{
    std::size_t at = 0;
    const auto line = [&]() -> std::optional<std::string_view> {
        const std::size_t end = text.find('\n', at);
        if (end == std::string_view::npos)
            return std::nullopt;
        const std::string_view found = text.substr(at, end - at);
        at = end + 1;
        return found;
    };
    std::size_t count = 0;
    if (line() != kTopicsVersion || !parseNumber(line().value_or(""), count))
        return std::nullopt;
    std::vector<TopicEntry> topics;
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<std::string_view> words;
        const std::string_view head = line().value_or("");
        for (const auto word : std::views::split(head, ' '))
            words.emplace_back(word.begin(), word.end());
        TopicEntry topic;
        std::size_t configs = 0;
        if (words.size() != 4 || !isValidTopicName(words[0])
            || !parseNumber(words[1], topic.partitions)
            || !parseNumber(words[2], topic.replicationFactor) || !parseNumber(words[3], configs)
            || topic.partitions < 1 || topic.partitions > kPartitionsMax)
            return std::nullopt;
        topic.name = words[0];
        for (std::size_t k = 0; k < configs; ++k) {
            const std::string_view config = line().value_or("");
            const std::size_t equals = config.find('=');
            if (equals == std::string_view::npos)
                return std::nullopt;
            topic.configs.emplace(config.substr(0, equals), config.substr(equals + 1));
        }
        topics.push_back(std::move(topic));
    }
    return at == text.size() ? std::optional(topics) : std::nullopt;
}

/// Topic configs over the broker's defaults for topics.
Result<LogConfig, LogConfig::Invalid> effectiveConfig(
    const BrokerConfig &broker, const std::map<std::string, std::string> &topic)
{
    std::map<std::string, std::string> merged = broker.topicDefaults;
    for (const auto &[key, value] : topic)
        merged[key] = value;
    return LogConfig::parse(merged);
}

} // namespace

Broker::State::Partition *Broker::State::find(const TopicPartition &partition)
{
    return const_cast<Partition *>(std::as_const(*this).find(partition));
}

const Broker::State::Partition *Broker::State::find(const TopicPartition &partition) const
{
    const auto topic = topics.find(partition.topic);
    if (topic == topics.end() || partition.partition < 0
        || partition.partition >= static_cast<std::int32_t>(topic->second.partitions.size()))
        return nullptr;
    return &topic->second.partitions[static_cast<std::size_t>(partition.partition)];
}

MetadataResponse Broker::State::metadata(const MetadataRequest &request, Context &context)
{
    MetadataResponse response;
    response.brokers.push_back(id.value());
    response.controller = id.value();
    const auto describe = [&response](const std::string &name, const Topic &topic) {
        TopicMetadata &out = response.topics.emplace_back();
        out.name = name;
        out.partitions.reserve(topic.partitions.size());
        for (const Partition &partition : topic.partitions) {
            const auto number = static_cast<std::int32_t>(out.partitions.size());
            out.partitions.push_back({ErrorCode::None, number, partition.leader,
                partition.leaderEpoch, partition.replicas, partition.isr});
        }
    };
    if (!request.topics) {
        for (const auto &[name, topic] : topics)
            describe(name, topic);
        return response;
    }
    for (const std::string &name : *request.topics) {
        if (const auto found = topics.find(name); found != topics.end()) {
            describe(name, found->second);
            continue;
        }
        TopicMetadata &unknown = response.topics.emplace_back();
        unknown.name = name;
        unknown.error = isValidTopicName(name) ? ErrorCode::UnknownTopicOrPartition
                                               : ErrorCode::InvalidTopicException;
        // Creation is started; the client asks again and then finds the topic, as with Kafka's
        // KRaft brokers.
        if (request.allowAutoTopicCreation && config.autoCreateTopics) {
            const ErrorCode error = createTopic({name, config.numPartitions, 1, {}}, context).error;
            if (error != ErrorCode::None)
                unknown.error = error;
            else if (!saveTopics(context))
                unknown.error = ErrorCode::KafkaStorageError;
        }
    }
    return response;
}

CreateTopicsResponse Broker::State::createTopics(
    const CreateTopicsRequest &request, Context &context)
{
    CreateTopicsResponse response;
    for (const CreateTopicsRequest::Topic &wanted : request.topics)
        response.topics.push_back(createTopic(wanted, context));
    if (const auto saved = saveTopics(context); !saved) {
        for (CreateTopicsResponse::Topic &topic : response.topics) {
            if (topic.error == ErrorCode::None) {
                topic.error = ErrorCode::KafkaStorageError;
                topic.message = saved.error().text();
            }
        }
    }
    return response;
}

CreateTopicsResponse::Topic Broker::State::createTopic(
    const CreateTopicsRequest::Topic &wanted, Context &context)
{
    const auto refuse = [&wanted](ErrorCode error, std::string message) {
        return CreateTopicsResponse::Topic{wanted.name, error, std::move(message)};
    };
    if (!isValidTopicName(wanted.name)) {
        return refuse(ErrorCode::InvalidTopicException,
            "a topic name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and is "
            "not '.' "
            "or '..'");
    }
    if (topics.contains(wanted.name))
        return refuse(ErrorCode::TopicAlreadyExists, "the topic exists already");
    const std::string key = collisionKey(wanted.name);
    for (const std::string &name : std::views::keys(topics)) {
        if (collisionKey(name) == key) {
            return refuse(ErrorCode::InvalidTopicException,
                fmt::format(
                    "the name collides with '{}': '.' and '_' are the same in metrics", name));
        }
    }
    if (wanted.partitions < 1 || wanted.partitions > kPartitionsMax) {
        return refuse(ErrorCode::InvalidPartitions,
            fmt::format("a topic has 1 to {} partitions", kPartitionsMax));
    }
    constexpr int kLiveBrokers = 1;
    if (wanted.replicationFactor < 1 || wanted.replicationFactor > kLiveBrokers) {
        return refuse(ErrorCode::InvalidReplicationFactor,
            fmt::format("replication factor {} needs as many brokers, {} is alive",
                wanted.replicationFactor, kLiveBrokers));
    }
    const auto logConfig = effectiveConfig(config, wanted.configs);
    if (!logConfig) {
        return refuse(ErrorCode::InvalidConfig,
            fmt::format("{}: {}", logConfig.error().key, logConfig.error().why));
    }

    Topic topic;
    topic.replicationFactor = wanted.replicationFactor;
    topic.configs = wanted.configs;
    topic.logConfig = *logConfig;
    const std::string partitionMetadata =
        "version: 0\ntopic_id: " + newTopicId(context.random) + "\n";
    for (std::int32_t number = 0; number < wanted.partitions; ++number) {
        auto partition = makePartition(
            wanted.name, number, topic.logConfig, asBytes(partitionMetadata), context);
        if (!partition)
            return refuse(ErrorCode::KafkaStorageError, partition.error().text());
        topic.partitions.push_back(std::move(*partition));
    }
    topics.emplace(wanted.name, std::move(topic));
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::TopicCreated),
        .subject = context.trace.name(wanted.name),
        .count = wanted.partitions});
    return {wanted.name, ErrorCode::None, {}};
}

Result<Broker::State::Partition, Error> Broker::State::makePartition(const std::string &topic,
    std::int32_t number, const LogConfig &logConfig, ByteView partitionMetadata,
    Context &context) const
{
    const std::string name = TopicPartition{topic, number}.name();
    const std::string path = directory + "/" + name;
    auto log = PartitionLog::open(path, logConfig, true, context, nullptr);
    if (!log)
        return std::unexpected(log.error());
    if (const auto written =
            replaceFile(context.files, path + kPartitionMetadataFile, partitionMetadata);
        !written) {
        (void)log->close(context); // the error to tell is the first one
        return std::unexpected(written.error());
    }
    return Partition{.log = std::move(*log),
        .name = context.trace.name(name),
        .leader = id.value(),
        .replicas = {id.value()},
        .isr = {id.value()},
        .waiting = {}};
}

CreatePartitionsResponse Broker::State::createPartitions(
    const CreatePartitionsRequest &request, Context &context)
{
    CreatePartitionsResponse response;
    for (const CreatePartitionsRequest::Topic &wanted : request.topics) {
        const auto named =
            std::ranges::count(request.topics, wanted.name, &CreatePartitionsRequest::Topic::name);
        response.topics.push_back(named == 1
                ? growTopic(wanted, request.validateOnly, context)
                : CreatePartitionsResponse::Topic{wanted.name, ErrorCode::InvalidRequest,
                      "the request names the topic more than once"});
    }
    return response;
}

CreatePartitionsResponse::Topic Broker::State::growTopic(
    const CreatePartitionsRequest::Topic &wanted, bool validateOnly, Context &context)
{
    const auto refuse = [&wanted](ErrorCode error, std::string message) {
        return CreatePartitionsResponse::Topic{wanted.name, error, std::move(message)};
    };
    const auto found = topics.find(wanted.name);
    if (found == topics.end())
        return refuse(ErrorCode::UnknownTopicOrPartition, "there is no such topic");
    Topic &topic = found->second;
    const auto before = static_cast<std::int32_t>(topic.partitions.size());
    if (wanted.count <= before || wanted.count > kPartitionsMax) {
        return refuse(ErrorCode::InvalidPartitions,
            fmt::format("the topic has {} partitions; their number only grows, up to {}", before,
                kPartitionsMax));
    }
    if (validateOnly)
        return {wanted.name, ErrorCode::None, {}};

    // All partitions of a topic carry its id, so the new ones take over what the first one has.
    const std::string metadataPath =
        topic.partitions.front().log.directory() + kPartitionMetadataFile;
    const auto file = context.files.open(metadataPath, false);
    if (!file)
        return refuse(ErrorCode::KafkaStorageError, file.error().text());
    const auto partitionMetadata = readWhole(context.files, *file);
    context.files.close(*file);
    if (!partitionMetadata)
        return refuse(ErrorCode::KafkaStorageError, partitionMetadata.error().text());

    std::optional<Error> failure;
    for (std::int32_t number = before; number < wanted.count && !failure; ++number) {
        auto partition =
            makePartition(wanted.name, number, topic.logConfig, *partitionMetadata, context);
        if (partition)
            topic.partitions.push_back(std::move(*partition));
        else
            failure = partition.error();
    }
    if (!failure) {
        if (const auto saved = saveTopics(context); !saved)
            failure = saved.error();
    }
    if (failure) {
        // Empty directories may stay behind; the next try takes them over.
        while (static_cast<std::int32_t>(topic.partitions.size()) > before) {
            (void)topic.partitions.back().log.close(context);
            topic.partitions.pop_back();
        }
        return refuse(ErrorCode::KafkaStorageError, failure->text());
    }
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::PartitionsAdded),
        .subject = context.trace.name(wanted.name),
        .count = wanted.count - before,
        .value = wanted.count});
    return {wanted.name, ErrorCode::None, {}};
}

DeleteTopicsResponse Broker::State::deleteTopics(
    const DeleteTopicsRequest &request, Context &context, Effects &effects)
{
    DeleteTopicsResponse response;
    for (const std::string &name : request.topics) {
        const auto found = topics.find(name);
        if (found == topics.end()) {
            response.topics.push_back({name, ErrorCode::UnknownTopicOrPartition});
            continue;
        }
        std::vector<FetchId> waiting;
        std::vector<std::string> directories;
        for (Partition &partition : found->second.partitions) {
            waiting.insert(waiting.end(), partition.waiting.begin(), partition.waiting.end());
            directories.push_back(partition.log.directory());
        }
        auto deleted = topics.extract(found);
        // Not to be found by a later topic of the same name.
        if (!saveLogStartOffsets(context)) {
            topics.insert(std::move(deleted));
            response.topics.push_back({name, ErrorCode::KafkaStorageError});
            continue;
        }
        // Whatever cannot be closed is removed all the same.
        for (Partition &partition : deleted.mapped().partitions)
            (void)partition.log.close(context);
        // The checkpoint first: a stop in between leaves directories behind, never a topic without
        // them.
        ErrorCode error = saveTopics(context) ? ErrorCode::None : ErrorCode::KafkaStorageError;
        for (const std::string &path : directories) {
            if (!context.files.remove(path))
                error = ErrorCode::KafkaStorageError;
        }
        coordinator.forgetTopic(name, context);
        writeGroups(context, effects);
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::TopicDeleted),
            .subject = context.trace.name(name)});
        // Who waited for its records learns now that there will be none.
        std::ranges::sort(waiting);
        const auto repeated = std::ranges::unique(waiting);
        waiting.erase(repeated.begin(), repeated.end());
        for (const FetchId fetchId : waiting)
            answerFetch(fetchId, context, effects);
        response.topics.push_back({name, error});
    }
    return response;
}

Result<void, Error> Broker::State::loadTopics(
    bool cleanShutdown, Context &context, std::vector<std::string> &notes)
{
    const std::string path = directory + kTopicsFile;
    if (!context.files.exists(path))
        return {};
    const auto file = context.files.open(path, false);
    if (!file)
        return std::unexpected(file.error());
    const auto bytes = readWhole(context.files, *file);
    context.files.close(*file);
    if (!bytes)
        return std::unexpected(bytes.error());
    const auto entries = parseTopics(asText(*bytes));
    if (!entries) {
        return std::unexpected(Error{path, "the list of topics is damaged",
            "restore the file from a copy, or start with an empty directory"});
    }
    for (const TopicEntry &entry : *entries) {
        const auto logConfig = effectiveConfig(config, entry.configs);
        if (!logConfig) {
            return std::unexpected(Error{path,
                fmt::format(
                    "topic {}: {}: {}", entry.name, logConfig.error().key, logConfig.error().why),
                "correct the value in that file"});
        }
        Topic topic;
        topic.replicationFactor = entry.replicationFactor;
        topic.configs = entry.configs;
        topic.logConfig = *logConfig;
        for (std::int32_t number = 0; number < entry.partitions; ++number) {
            const std::string name = TopicPartition{entry.name, number}.name();
            RecoveryReport report;
            auto log = PartitionLog::open(
                directory + "/" + name, topic.logConfig, cleanShutdown, context, &report);
            if (!log)
                return std::unexpected(log.error());
            const NameId traceName = context.trace.name(name);
            if (!report.notes.empty()) {
                context.trace.record({.at = context.now,
                    .kind = kind(LogEvent::LogRecovered),
                    .subject = traceName,
                    .item = log->logEndOffset(),
                    .value = static_cast<std::int64_t>(report.bytesCut)});
            }
            for (const std::string &note : report.notes)
                notes.push_back(log->directory() + "/" + note);
            const std::int64_t end = log->logEndOffset();
            topic.partitions.push_back({.log = std::move(*log),
                .name = traceName,
                .leader = id.value(),
                .replicas = {id.value()},
                .isr = {id.value()},
                .highWatermark = end, // the only replica: all it has is committed
                .waiting = {}});
        }
        topics.emplace(entry.name, std::move(topic));
    }
    return {};
}

Result<void, Error> Broker::State::saveTopics(Context &context) const
{
    std::string text = fmt::format("{}\n{}\n", kTopicsVersion, topics.size());
    for (const auto &[name, topic] : topics) {
        text += fmt::format("{} {} {} {}\n", name, topic.partitions.size(), topic.replicationFactor,
            topic.configs.size());
        for (const auto &[key, value] : topic.configs)
            text += fmt::format("{}={}\n", key, value);
    }
    return replaceFile(context.files, directory + kTopicsFile, asBytes(text));
}

} // namespace queuelab::log
