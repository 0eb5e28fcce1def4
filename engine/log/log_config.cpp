#include "engine/log/log_config.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <string>
#include <string_view>

namespace queuelab::log {
namespace {

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxLong = std::numeric_limits<std::int64_t>::max();

/// A setting that is a number in [least, most], 32 or 64 bits wide.
struct TopicNumber {
    std::string_view key;
    std::int64_t least;
    std::int64_t most;
    void (*set)(LogConfig &config, std::int64_t value);
};

template <auto kField> void setField(LogConfig &config, std::int64_t value)
{
    using Number = std::remove_reference_t<decltype(config.*kField)>;
    config.*kField = static_cast<Number>(value);
}

constexpr TopicNumber kTopicNumbers[] = {
    {"segment.bytes", 1 << 20, kMaxInt,
        setField<&LogConfig::segmentBytes>}, // 1 MiB at least since 4.0
    // Kafka's own way round that limit, for tests; ours for lessons whose segments fit on a screen.
    {"internal.segment.bytes", 14, kMaxInt, setField<&LogConfig::segmentBytes>},
    {"segment.ms", 1, kMaxLong, setField<&LogConfig::segmentMs>},
    {"retention.ms", -1, kMaxLong, setField<&LogConfig::retentionMs>},
    {"retention.bytes", -1, kMaxLong, setField<&LogConfig::retentionBytes>},
    {"segment.index.bytes", 4, kMaxInt, setField<&LogConfig::segmentIndexBytes>},
    {"index.interval.bytes", 0, kMaxInt, setField<&LogConfig::indexIntervalBytes>},
    {"max.message.bytes", 0, kMaxInt, setField<&LogConfig::maxMessageBytes>},
    {"flush.messages", 1, kMaxLong, setField<&LogConfig::flushMessages>},
    {"min.compaction.lag.ms", 0, kMaxLong, setField<&LogConfig::minCompactionLagMs>},
    {"max.compaction.lag.ms", 1, kMaxLong, setField<&LogConfig::maxCompactionLagMs>},
    {"delete.retention.ms", 0, kMaxLong, setField<&LogConfig::deleteRetentionMs>},
    {"file.delete.delay.ms", 0, kMaxLong, setField<&LogConfig::fileDeleteDelayMs>},
    {"min.insync.replicas", 1, kMaxInt, setField<&LogConfig::minInsyncReplicas>},
    {"message.timestamp.before.max.ms", 0, kMaxLong, setField<&LogConfig::timestampBeforeMaxMs>},
    {"message.timestamp.after.max.ms", 0, kMaxLong, setField<&LogConfig::timestampAfterMaxMs>},
};

constexpr std::string_view kTimestampType = "message.timestamp.type";
constexpr std::string_view kCleanupPolicy = "cleanup.policy";
constexpr std::string_view kDirtyRatio = "min.cleanable.dirty.ratio";
constexpr std::string_view kFlushMs = "flush.ms";
constexpr std::string_view kMinLag = "min.compaction.lag.ms";
constexpr std::string_view kUncleanElection = "unclean.leader.election.enable";
constexpr std::string_view kCompression = "compression.type";

std::string knownTopicKeys()
{
    std::string keys;
    for (const TopicNumber &setting : kTopicNumbers)
        keys += fmt::format("{}, ", setting.key);
    return keys
        + fmt::format("{}, {}, {}, {}, {}", kUncleanElection, kCompression, kTimestampType,
            kCleanupPolicy, kDirtyRatio);
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view kSpaces = " \t";
    const std::size_t from = text.find_first_not_of(kSpaces);
    if (from == std::string_view::npos)
        return {};
    return text.substr(from, text.find_last_not_of(kSpaces) - from + 1);
}

/// "delete", "compact", both in any order, or nothing: then records stay for ever (Kafka 4.2).
std::string applyCleanupPolicy(LogConfig &config, std::string_view value)
{
    config.deletes = false;
    config.compacts = false;
    for (bool more = !trimmed(value).empty(); more;) {
        const std::size_t comma = value.find(',');
        more = comma != std::string_view::npos;
        const std::string_view policy = trimmed(value.substr(0, comma));
        if (policy != "delete" && policy != "compact")
            return fmt::format("'{}' is neither delete nor compact", policy);
        bool &set = policy == "delete" ? config.deletes : config.compacts;
        if (set)
            return fmt::format("'{}' is there twice", policy);
        set = true;
        if (more)
            value.remove_prefix(comma + 1);
    }
    return {};
}

std::string applyDirtyRatio(LogConfig &config, std::string_view value)
{
    double ratio = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ratio);
    if (error != std::errc() || end != value.data() + value.size())
        return fmt::format("'{}' is not a number", value);
    if (!(ratio >= 0 && ratio <= 1)) // not a number is refused too
        return fmt::format("{} is not in 0 to 1", value);
    config.minCleanableDirtyRatio = ratio;
    return {};
}

/// A codec's name, `uncompressed` for none, or `producer`: as it comes.
std::string applyCompression(LogConfig &config, std::string_view value)
{
    constexpr std::string_view kUncompressed = "uncompressed";
    const auto codec = compressionOf(value);
    // "none" is a producer's word; the topic's is "uncompressed".
    const bool isCodec = codec && *codec != CompressionType::None;
    if (!isCodec && value != kUncompressed && value != "producer") {
        return fmt::format(
            "'{}' is none of producer, uncompressed, gzip, snappy, lz4 and zstd", value);
    }
    config.compression = codec;
    if (value == kUncompressed)
        config.compression = CompressionType::None;
    return {};
}

/// Why `value` is refused; empty when it was set.
std::string apply(LogConfig &config, std::string_view key, std::string_view value)
{
    for (const TopicNumber &setting : kTopicNumbers) {
        if (setting.key != key)
            continue;
        std::int64_t number = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc() || end != value.data() + value.size())
            return fmt::format("'{}' is not a whole number", value);
        if (number < setting.least || number > setting.most)
            return fmt::format("{} is not in {} to {}", number, setting.least, setting.most);
        setting.set(config, number);
        return {};
    }
    if (key == kTimestampType) {
        if (value != "CreateTime" && value != "LogAppendTime")
            return fmt::format("'{}' is neither CreateTime nor LogAppendTime", value);
        config.logAppendTime = value == "LogAppendTime";
        return {};
    }
    // Kafka itself looks at it only with log.flush.scheduler.interval.ms, which is not set.
    if (key == kFlushMs && value != std::to_string(kMaxLong))
        return "nothing is flushed by the clock here: use flush.messages";
    if (key == kFlushMs)
        return {};
    if (key == kCleanupPolicy)
        return applyCleanupPolicy(config, value);
    if (key == kDirtyRatio)
        return applyDirtyRatio(config, value);
    if (key == kUncleanElection) {
        if (value != "true" && value != "false")
            return fmt::format("'{}' is neither true nor false", value);
        config.uncleanLeaderElection = value == "true";
        return {};
    }
    if (key == kCompression)
        return applyCompression(config, value);
    return fmt::format("no such topic setting; there are {}", knownTopicKeys());
}

} // namespace

Result<LogConfig, LogConfig::Invalid> LogConfig::parse(
    const std::map<std::string, std::string> &configs)
{
    LogConfig config;
    for (const auto &[key, value] : configs) {
        if (std::string why = apply(config, key, value); !why.empty())
            return std::unexpected(Invalid{key, std::move(why)});
    }
    if (config.minCompactionLagMs > config.maxCompactionLagMs) {
        return std::unexpected(Invalid{std::string(kMinLag),
            fmt::format("{} is more than max.compaction.lag.ms, {}", config.minCompactionLagMs,
                config.maxCompactionLagMs)});
    }
    return config;
}

Result<LogConfig, LogConfig::Invalid> LogConfig::parse(
    const std::map<std::string, std::string> &defaults,
    const std::map<std::string, std::string> &configs)
{
    std::map<std::string, std::string> merged = configs;
    merged.insert(defaults.begin(), defaults.end());
    return parse(merged);
}

} // namespace queuelab::log
