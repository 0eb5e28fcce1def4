#include "engine/world/client_configs.h"

#include "engine/world/world.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <limits>

namespace queuelab::world {

namespace {

/// Puts a setting's text into a config; what is wanted instead, when it is no valid value.
template <class Config>
using Setter = std::function<std::optional<std::string>(Config &, const std::string &)>;
template <class Config> using Setters = std::map<std::string, Setter<Config>>;

template <class T>
std::optional<std::string> setNumber(
    const std::string &text, std::int64_t low, std::int64_t high, T &out)
{
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
        return fmt::format("write a whole number from {} to {}", low, high);
    out = static_cast<T>(value);
    return std::nullopt;
}

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int32_t>::max();

template <class Config>
Setter<Config> number(std::int32_t Config::*member, std::int64_t low, std::int64_t high = kMaxInt)
{
    return [=](Config &config, const std::string &text) {
        return setNumber(text, low, high, config.*member);
    };
}

template <class Config>
Setter<Config> milliseconds(std::chrono::milliseconds Config::*member, std::int64_t low)
{
    return [=](Config &config, const std::string &text) {
        return setNumber(text, low, kMaxInt, config.*member);
    };
}

/// A setting in seconds or minutes.
template <class Config, class Unit>
Setter<Config> inUnits(std::chrono::milliseconds Config::*member, std::int64_t low, Unit unit)
{
    return [=](Config &config, const std::string &text) -> std::optional<std::string> {
        std::int64_t value = 0;
        if (auto wanted = setNumber(text, low, kMaxInt, value))
            return wanted;
        config.*member = value * std::chrono::milliseconds(unit);
        return std::nullopt;
    };
}

template <class Config>
Setter<Config> smallNumber(std::int16_t Config::*member, std::int64_t low, std::int64_t high)
{
    return [=](Config &config, const std::string &text) {
        return setNumber(text, low, high, config.*member);
    };
}

template <class Config> Setter<Config> boolean(bool Config::*member)
{
    return [=](Config &config, const std::string &text) -> std::optional<std::string> {
        if (text != "true" && text != "false")
            return "write true or false";
        config.*member = text == "true";
        return std::nullopt;
    };
}

template <class Config>
std::optional<ConfigProblem> applySettings(
    const Settings &settings, const Setters<Config> &setters, std::string_view what, Config &config)
{
    for (const auto &[key, value] : settings) {
        const auto setter = setters.find(key);
        if (setter == setters.end()) {
            std::vector<std::string> known;
            for (const auto &entry : setters)
                known.push_back(entry.first);
            const std::optional<std::string> near = nearest(key, known);
            return ConfigProblem{fmt::format("there is no {} setting '{}'", what, key),
                near ? fmt::format("did you mean '{}'?", *near) : std::string()};
        }
        if (const std::optional<std::string> wanted = setter->second(config, value))
            return ConfigProblem{fmt::format("'{}' cannot be '{}'", key, value), *wanted};
    }
    return std::nullopt;
}

/// "a, b" is a and b.
std::vector<std::string> commaSeparated(const std::string &text)
{
    std::vector<std::string> parts;
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t comma = std::min(text.find(',', from), text.size());
        std::erase(parts.emplace_back(text.substr(from, comma - from)), ' ');
        from = comma + 1;
    }
    return parts;
}

/// "1, 2": the numbers of brokers.
template <class Config>
std::optional<std::string> setBootstrap(Config &config, const std::string &text)
{
    config.bootstrapServers.clear();
    for (const std::string &number : commaSeparated(text)) {
        std::int32_t broker = 0;
        if (setNumber(number, 1, WorldConfig::kMostLogBrokers, broker))
            return "write the number of a broker, or several with commas between";
        config.bootstrapServers.emplace_back(broker);
    }
    return std::nullopt;
}

std::optional<std::string> setAcks(log::ProducerConfig &config, const std::string &text)
{
    if (text == "all" || text == "-1")
        config.acks = -1;
    else if (text == "0" || text == "1")
        config.acks = text == "0" ? 0 : 1;
    else
        return "write 0, 1 or all";
    return std::nullopt;
}

std::optional<std::string> setCompression(log::ProducerConfig &config, const std::string &text)
{
    const std::optional<log::CompressionType> type = log::compressionOf(text);
    if (!type)
        return "write none, gzip, snappy, lz4 or zstd";
    config.compression = *type;
    return std::nullopt;
}

std::optional<std::string> setBufferMemory(log::ProducerConfig &config, const std::string &text)
{
    return setNumber(text, 0, std::numeric_limits<std::int64_t>::max(), config.bufferMemory);
}

std::optional<std::string> setTransactionalId(log::ProducerConfig &config, const std::string &text)
{
    if (text.empty())
        return "give it a name, or leave it out";
    config.transactionalId = text;
    return std::nullopt;
}

constexpr std::int32_t kMaxInFlightIdempotent = 5;

const Setters<log::ProducerConfig> &producerSetters()
{
    using Config = log::ProducerConfig;
    static const Setters<Config> setters{
        {"bootstrap.servers", setBootstrap<Config>},
        {"acks", setAcks},
        {"linger.ms", milliseconds(&Config::linger, 0)},
        {"batch.size", number(&Config::batchSize, 0)},
        {"max.in.flight.requests.per.connection", number(&Config::maxInFlight, 1)},
        {"delivery.timeout.ms", milliseconds(&Config::deliveryTimeout, 1)},
        {"request.timeout.ms", milliseconds(&Config::requestTimeout, 1)},
        {"retry.backoff.ms", milliseconds(&Config::retryBackoff, 0)},
        {"retry.backoff.max.ms", milliseconds(&Config::retryBackoffMax, 0)},
        {"retries", number(&Config::retries, 0)},
        {"metadata.max.age.ms", milliseconds(&Config::metadataMaxAge, 0)},
        {"enable.idempotence", boolean(&Config::enableIdempotence)},
        {"compression.type", setCompression},
        {"buffer.memory", setBufferMemory},
        {"max.request.size", number(&Config::maxRequestSize, 1)},
        {"transactional.id", setTransactionalId},
        {"transaction.timeout.ms", milliseconds(&Config::transactionTimeout, 1)},
    };
    return setters;
}

/// What Kafka says of settings that do not go together (ProducerConfig, 4.x). Without being asked
/// for by name idempotence is only given up.
std::optional<ConfigProblem> checkIdempotence(
    const Settings &settings, const log::ProducerConfig &config)
{
    if (!config.enableIdempotence && config.transactionalId)
        return ConfigProblem{"a producer with a 'transactional.id' is idempotent",
            "leave out 'enable.idempotence', or 'transactional.id'"};
    if (!config.enableIdempotence)
        return std::nullopt;
    const bool isAskedFor =
        settings.contains("enable.idempotence") || config.transactionalId.has_value();
    const auto refusal = [](std::string why) {
        return ConfigProblem{"the idempotent producer " + std::move(why),
            "change that, or write enable.idempotence: false"};
    };
    if (isAskedFor && config.acks != -1)
        return refusal("needs 'acks' all");
    if (isAskedFor && config.retries == 0)
        return refusal("needs 'retries' above 0");
    if (config.acks == -1 && config.retries > 0 && config.maxInFlight > kMaxInFlightIdempotent)
        return refusal(fmt::format(
            "needs 'max.in.flight.requests.per.connection' of at most {}", kMaxInFlightIdempotent));
    return std::nullopt;
}

std::optional<std::string> setAssignors(log::ConsumerConfig &config, const std::string &text)
{
    config.assignors.clear();
    for (const std::string &name : commaSeparated(text)) {
        const std::optional<log::Assignor> assignor = log::assignorByName(name);
        if (!assignor)
            return "write range, roundrobin, sticky or cooperative-sticky, or several with commas "
                   "between";
        config.assignors.push_back(*assignor);
    }
    return std::nullopt;
}

std::optional<std::string> setOffsetReset(log::ConsumerConfig &config, const std::string &text)
{
    if (text == "earliest")
        config.autoOffsetReset = log::OffsetReset::Earliest;
    else if (text == "latest")
        config.autoOffsetReset = log::OffsetReset::Latest;
    else if (text == "none")
        config.autoOffsetReset = log::OffsetReset::None;
    else
        return "write earliest, latest or none";
    return std::nullopt;
}

std::optional<std::string> setGroupInstance(log::ConsumerConfig &config, const std::string &text)
{
    if (text.empty())
        return "give it a name, or leave it out";
    config.groupInstanceId = text;
    return std::nullopt;
}

std::optional<std::string> setIsolation(log::ConsumerConfig &config, const std::string &text)
{
    if (text != "read_uncommitted" && text != "read_committed")
        return "write read_uncommitted or read_committed";
    config.isolationLevel = text == "read_committed" ? log::IsolationLevel::ReadCommitted
                                                     : log::IsolationLevel::ReadUncommitted;
    return std::nullopt;
}

std::optional<std::string> setGroupProtocol(log::ConsumerConfig &config, const std::string &text)
{
    if (text != "classic" && text != "consumer")
        return "write classic or consumer";
    config.groupProtocol =
        text == "consumer" ? log::GroupProtocol::Consumer : log::GroupProtocol::Classic;
    return std::nullopt;
}

/// Whether the brokers have it they say themselves.
std::optional<std::string> setRemoteAssignor(log::ConsumerConfig &config, const std::string &text)
{
    if (text.empty())
        return "name one of the broker's group.consumer.assignors, or leave it out";
    config.groupRemoteAssignor = text;
    return std::nullopt;
}

const Setters<log::ConsumerConfig> &consumerSetters()
{
    using Config = log::ConsumerConfig;
    static const Setters<Config> setters{
        {"bootstrap.servers", setBootstrap<Config>},
        {"group.instance.id", setGroupInstance},
        {"group.protocol", setGroupProtocol},
        {"group.remote.assignor", setRemoteAssignor},
        {"isolation.level", setIsolation},
        {"partition.assignment.strategy", setAssignors},
        {"session.timeout.ms", milliseconds(&Config::sessionTimeout, 1)},
        {"heartbeat.interval.ms", milliseconds(&Config::heartbeatInterval, 1)},
        {"max.poll.interval.ms", milliseconds(&Config::maxPollInterval, 1)},
        {"max.poll.records", number(&Config::maxPollRecords, 1)},
        {"auto.commit.interval.ms", milliseconds(&Config::autoCommitInterval, 0)},
        {"auto.offset.reset", setOffsetReset},
        {"fetch.min.bytes", number(&Config::fetchMinBytes, 0)},
        {"fetch.max.wait.ms", milliseconds(&Config::fetchMaxWait, 0)},
        {"fetch.max.bytes", number(&Config::fetchMaxBytes, 0)},
        {"max.partition.fetch.bytes", number(&Config::maxPartitionFetchBytes, 0)},
        {"request.timeout.ms", milliseconds(&Config::requestTimeout, 1)},
        {"retry.backoff.ms", milliseconds(&Config::retryBackoff, 0)},
        {"retry.backoff.max.ms", milliseconds(&Config::retryBackoffMax, 0)},
        {"metadata.max.age.ms", milliseconds(&Config::metadataMaxAge, 0)},
    };
    return setters;
}

std::optional<std::string> setAcquireMode(log::ShareConsumerConfig &config, const std::string &text)
{
    if (text != "batch_optimized" && text != "record_limit")
        return "write batch_optimized or record_limit";
    config.recordLimit = text == "record_limit";
    return std::nullopt;
}

const Setters<log::ShareConsumerConfig> &shareConsumerSetters()
{
    using Config = log::ShareConsumerConfig;
    static const Setters<Config> setters{
        {"bootstrap.servers", setBootstrap<Config>},
        {"share.acquire.mode", setAcquireMode},
        {"max.poll.records", number(&Config::maxPollRecords, 1)},
        {"fetch.min.bytes", number(&Config::fetchMinBytes, 0)},
        {"fetch.max.wait.ms", milliseconds(&Config::fetchMaxWait, 0)},
        {"fetch.max.bytes", number(&Config::fetchMaxBytes, 0)},
        {"request.timeout.ms", milliseconds(&Config::requestTimeout, 1)},
        {"retry.backoff.ms", milliseconds(&Config::retryBackoff, 0)},
        {"retry.backoff.max.ms", milliseconds(&Config::retryBackoffMax, 0)},
        {"metadata.max.age.ms", milliseconds(&Config::metadataMaxAge, 0)},
    };
    return setters;
}

/// What Kafka refuses to take together with a group protocol (ConsumerConfig, 4.x).
std::optional<ConfigProblem> checkGroupProtocol(
    const Settings &settings, const log::ConsumerConfig &config)
{
    if (config.groupProtocol == log::GroupProtocol::Classic) {
        if (!settings.contains("group.remote.assignor"))
            return std::nullopt;
        return ConfigProblem{"'group.remote.assignor' cannot be set with group.protocol=classic",
            "leave it out, or write group.protocol: consumer"};
    }
    for (const auto &[key, instead] :
        {std::pair{"partition.assignment.strategy",
             "leave it out: the coordinator assigns; 'group.remote.assignor' chooses how"},
            std::pair{"heartbeat.interval.ms",
                "leave it out: the broker's 'group.consumer.heartbeat.interval.ms' decides"},
            std::pair{"session.timeout.ms",
                "leave it out: the broker's 'group.consumer.session.timeout.ms' decides"}}) {
        if (settings.contains(key))
            return ConfigProblem{
                fmt::format("'{}' cannot be set with group.protocol=consumer", key), instead};
    }
    return std::nullopt;
}

constexpr std::int64_t kMostReplicas = WorldConfig::kMostLogBrokers;

/// A feature level in Kafka, not a setting of the broker: 1 is on.
std::optional<std::string> setDedupeBufferSize(log::BrokerConfig &config, const std::string &text)
{
    constexpr std::int64_t kLeast = 1'048'576; // Kafka wants 1 MiB for each thread of the cleaner
    return setNumber(
        text, kLeast, std::numeric_limits<std::int64_t>::max(), config.logCleanerDedupeBufferSize);
}

std::optional<std::string> setEligibleLeaderReplicas(
    log::BrokerConfig &config, const std::string &text)
{
    if (text != "0" && text != "1")
        return "write 0 or 1";
    config.eligibleLeaderReplicas = text == "1";
    return std::nullopt;
}

std::optional<std::string> setConsumerAssignors(log::BrokerConfig &config, const std::string &text)
{
    config.consumerAssignors.clear();
    for (const std::string &name : commaSeparated(text)) {
        if (name != "uniform" && name != "range")
            return "write uniform or range, or both with a comma between; the first is the default";
        config.consumerAssignors.push_back(name);
    }
    return std::nullopt;
}

const Setters<log::BrokerConfig> &brokerSetters()
{
    using Config = log::BrokerConfig;
    static const Setters<Config> setters = [] {
        Setters<Config> all{
            {"group.min.session.timeout.ms", milliseconds(&Config::groupMinSessionTimeout, 0)},
            {"group.max.session.timeout.ms", milliseconds(&Config::groupMaxSessionTimeout, 0)},
            {"group.initial.rebalance.delay.ms",
                milliseconds(&Config::groupInitialRebalanceDelay, 0)},
            {"group.max.size", number(&Config::groupMaxSize, 1)},
            {"group.consumer.session.timeout.ms", milliseconds(&Config::consumerSessionTimeout, 1)},
            {"group.consumer.heartbeat.interval.ms",
                milliseconds(&Config::consumerHeartbeatInterval, 1)},
            {"group.consumer.max.size", number(&Config::consumerGroupMaxSize, 1)},
            {"group.consumer.assignors", setConsumerAssignors},
            {"group.consumer.assignment.interval.ms",
                milliseconds(&Config::consumerAssignmentInterval, 0)},
            {"num.partitions", number(&Config::numPartitions, 1, 10'000)},
            {"auto.create.topics.enable", boolean(&Config::autoCreateTopics)},
            {"log.retention.check.interval.ms", milliseconds(&Config::retentionCheckInterval, 1)},
            {"default.replication.factor",
                smallNumber(&Config::defaultReplicationFactor, 1, kMostReplicas)},
            {"offsets.topic.num.partitions", number(&Config::offsetsTopicPartitions, 1, 10'000)},
            {"offsets.topic.replication.factor",
                smallNumber(&Config::offsetsTopicReplicationFactor, 1, kMostReplicas)},
            {"offsets.retention.minutes",
                inUnits(&Config::offsetsRetention, 1, std::chrono::minutes{1})},
            {"replica.lag.time.max.ms", milliseconds(&Config::replicaLagTimeMax, 1)},
            {"replica.fetch.wait.max.ms", milliseconds(&Config::replicaFetchWaitMax, 0)},
            {"replica.fetch.max.bytes", number(&Config::replicaFetchMaxBytes, 0)},
            {"replica.fetch.response.max.bytes", number(&Config::replicaFetchResponseMaxBytes, 0)},
            {"replica.fetch.backoff.ms", milliseconds(&Config::replicaFetchBackoff, 0)},
            {"replica.high.watermark.checkpoint.interval.ms",
                milliseconds(&Config::highWatermarkCheckpointInterval, 1)},
            {"producer.id.expiration.ms", milliseconds(&Config::producerIdExpiration, 1)},
            {"controller.quorum.election.timeout.ms",
                milliseconds(&Config::quorumElectionTimeout, 1)},
            {"controller.quorum.fetch.timeout.ms", milliseconds(&Config::quorumFetchTimeout, 1)},
            {"controller.quorum.election.backoff.max.ms",
                milliseconds(&Config::quorumElectionBackoffMax, 1)},
            {"controller.quorum.request.timeout.ms",
                milliseconds(&Config::quorumRequestTimeout, 1)},
            {"broker.heartbeat.interval.ms", milliseconds(&Config::brokerHeartbeatInterval, 1)},
            {"broker.session.timeout.ms", milliseconds(&Config::brokerSessionTimeout, 1)},
            {"auto.leader.rebalance.enable", boolean(&Config::autoLeaderRebalance)},
            {"leader.imbalance.check.interval.seconds",
                inUnits(&Config::leaderImbalanceCheckInterval, 1, std::chrono::seconds{1})},
            {"leader.imbalance.per.broker.percentage",
                number(&Config::leaderImbalancePercentage, 0, 100)},
            {"unclean.leader.election.interval.ms",
                milliseconds(&Config::uncleanElectionInterval, 1)},
            {"eligible.leader.replicas.version", setEligibleLeaderReplicas},
            {"transaction.state.log.num.partitions",
                number(&Config::transactionPartitions, 1, 10'000)},
            {"transaction.state.log.replication.factor",
                smallNumber(&Config::transactionReplicationFactor, 1, kMostReplicas)},
            {"transaction.state.log.min.isr", number(&Config::transactionMinIsr, 1)},
            {"transaction.max.timeout.ms", milliseconds(&Config::transactionMaxTimeout, 1)},
            {"transaction.abort.timed.out.transaction.cleanup.interval.ms",
                milliseconds(&Config::transactionAbortInterval, 1)},
            {"transactional.id.expiration.ms", milliseconds(&Config::transactionalIdExpiration, 1)},
            {"transaction.remove.expired.transaction.cleanup.interval.ms",
                milliseconds(&Config::transactionalIdCleanupInterval, 1)},
            {"transaction.partition.verification.enable",
                boolean(&Config::transactionPartitionVerification)},
            {"group.share.session.timeout.ms", milliseconds(&Config::shareSessionTimeout, 1)},
            {"group.share.heartbeat.interval.ms", milliseconds(&Config::shareHeartbeatInterval, 1)},
            {"group.share.max.size", number(&Config::shareGroupMaxSize, 1, 1'000)},
            {"group.share.record.lock.duration.ms",
                milliseconds(&Config::shareRecordLockDuration, 1'000)},
            {"group.share.min.record.lock.duration.ms",
                milliseconds(&Config::shareMinRecordLockDuration, 1'000)},
            {"group.share.max.record.lock.duration.ms",
                milliseconds(&Config::shareMaxRecordLockDuration, 1'000)},
            {"group.share.delivery.count.limit",
                smallNumber(&Config::shareDeliveryCountLimit, 2, 10)},
            {"group.share.partition.max.record.locks",
                number(&Config::sharePartitionMaxRecordLocks, 100, 10'000)},
            {"group.share.max.share.sessions", number(&Config::shareMaxSessions, 1)},
            {"share.coordinator.state.topic.num.partitions",
                number(&Config::shareStatePartitions, 1, 10'000)},
            {"share.coordinator.state.topic.replication.factor",
                smallNumber(&Config::shareStateReplicationFactor, 1, kMostReplicas)},
            {"share.coordinator.state.topic.min.isr", number(&Config::shareStateMinIsr, 1)},
            {"share.coordinator.snapshot.update.records.per.snapshot",
                number(&Config::shareSnapshotUpdates, 0)},
            // A feature level in Kafka, not a setting of the broker.
            {"log.cleaner.enable", boolean(&Config::logCleaner)},
            {"log.cleaner.backoff.ms", milliseconds(&Config::logCleanerBackoff, 1)},
            {"log.cleaner.dedupe.buffer.size", setDedupeBufferSize},
            {"transaction.version", smallNumber(&Config::transactionVersion, 1, 2)},
        };
        // Broker-wide defaults of topic settings; Kafka calls most of them log.<topic setting>.
        static const std::map<std::string, std::string> topicDefaults{
            {"log.segment.bytes", "segment.bytes"},
            {"log.roll.ms", "segment.ms"},
            {"log.retention.ms", "retention.ms"},
            {"log.retention.bytes", "retention.bytes"},
            {"log.flush.interval.messages", "flush.messages"},
            {"log.cleanup.policy", "cleanup.policy"},
            {"log.cleaner.min.cleanable.ratio", "min.cleanable.dirty.ratio"},
            {"log.cleaner.min.compaction.lag.ms", "min.compaction.lag.ms"},
            {"log.cleaner.max.compaction.lag.ms", "max.compaction.lag.ms"},
            {"log.cleaner.delete.retention.ms", "delete.retention.ms"},
            {"message.max.bytes", "max.message.bytes"},
            {"min.insync.replicas", "min.insync.replicas"},
            {"unclean.leader.election.enable", "unclean.leader.election.enable"},
        };
        for (const auto &[brokerKey, topicKey] : topicDefaults) {
            all[brokerKey] = [key = topicKey](Config &config,
                                 const std::string &text) -> std::optional<std::string> {
                const auto parsed = log::LogConfig::parse({{key, text}});
                if (!parsed)
                    return parsed.error().why;
                config.topicDefaults[key] = text;
                return std::nullopt;
            };
        }
        return all;
    }();
    return setters;
}

} // namespace

Result<log::ProducerConfig, ConfigProblem> producerConfig(const AddProducer &command)
{
    log::ProducerConfig config;
    if (auto problem = applySettings(command.configs, producerSetters(), "producer", config))
        return std::unexpected(*std::move(problem));
    if (auto problem = checkIdempotence(command.configs, config))
        return std::unexpected(*std::move(problem));
    if (command.transaction != Transactions{} && !config.transactionalId)
        return std::unexpected(ConfigProblem{"'transaction' is for a producer with transactions",
            "add configs: {transactional.id: NAME}"});
    return config;
}

Result<log::ConsumerConfig, ConfigProblem> consumerConfig(const AddConsumer &command)
{
    log::ConsumerConfig config;
    config.group = command.group;
    config.topics = command.topics;
    config.enableAutoCommit = command.commit == "auto";
    if (command.configs.contains("enable.auto.commit"))
        return std::unexpected(
            ConfigProblem{"'enable.auto.commit' is decided by the field 'commit'",
                "write commit: auto, or commit: after, before or never"});
    if (auto problem = applySettings(command.configs, consumerSetters(), "consumer", config))
        return std::unexpected(*std::move(problem));
    if (auto problem = checkGroupProtocol(command.configs, config))
        return std::unexpected(*std::move(problem));
    return config;
}

Result<TransformerConfigs, ConfigProblem> transformerConfigs(
    const AddTransformer &command, const std::string &name)
{
    const bool isExactlyOnce = command.guarantee == "exactly-once";
    if (command.transaction != Transactions{} && !isExactlyOnce)
        return std::unexpected(
            ConfigProblem{"'transaction' is for guarantee: exactly-once", "leave out one of them"});
    if (command.configs.contains("transactional.id") && !isExactlyOnce)
        return std::unexpected(ConfigProblem{
            "'transactional.id' is for guarantee: exactly-once", "leave out one of them"});
    AddConsumer reading{.group = command.group,
        .topics = command.from,
        .name = {},
        .processing = {},
        .commit = "never",
        .failsOn = {},
        .retry = {},
        .configs = {}};
    AddProducer writing;
    for (const auto &[key, value] : command.configs) {
        const bool isReading = consumerSetters().contains(key);
        if (isReading || key == "enable.auto.commit")
            reading.configs[key] = value;
        if (!isReading || producerSetters().contains(key))
            writing.configs[key] = value;
    }
    if (isExactlyOnce)
        writing.configs.try_emplace("transactional.id", name.empty() ? command.group : name);
    auto consumer = consumerConfig(reading);
    if (!consumer)
        return std::unexpected(consumer.error());
    if (isExactlyOnce && !command.configs.contains("isolation.level"))
        consumer->isolationLevel = log::IsolationLevel::ReadCommitted;
    const auto producer = producerConfig(writing);
    if (!producer)
        return std::unexpected(producer.error());
    return TransformerConfigs{*consumer, *producer};
}

Result<log::ShareConsumerConfig, ConfigProblem> shareConsumerConfig(const AddShareConsumer &command)
{
    log::ShareConsumerConfig config;
    config.group = command.group;
    config.topics = command.topics;
    config.explicitAcknowledgement = command.acknowledge == "explicit";
    if (auto problem =
            applySettings(command.configs, shareConsumerSetters(), "share consumer", config))
        return std::unexpected(std::move(*problem));
    return config;
}

Result<log::BrokerConfig, ConfigProblem> brokerConfig(const Settings &settings)
{
    log::BrokerConfig config;
    if (auto problem = applySettings(settings, brokerSetters(), "broker", config))
        return std::unexpected(*std::move(problem));
    return config;
}

} // namespace queuelab::world
