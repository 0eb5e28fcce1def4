// What lies in a broker's directory beside its logs: who it is, how it was stopped, and the offsets
// that logs do not keep themselves.

#include "engine/log/broker_state.h"
#include "engine/log/offset_checkpoint.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

constexpr const char *kMetaPropertiesFile = "/meta.properties";
constexpr const char *kCleanShutdownFile = "/.kafka_cleanshutdown";
constexpr const char *kHighWatermarkFile = "/replication-offset-checkpoint";
constexpr const char *kLogStartFile = "/log-start-offset-checkpoint";
/// All clusters are ours, so they have one id; 22 characters as Kafka's are.
constexpr std::string_view kClusterId = "queuelab-cluster-0000A";

Result<std::string, Error> readText(Files &files, const std::string &path)
{
    const auto file = files.open(path, false);
    if (!file)
        return std::unexpected(file.error());
    const auto bytes = readWhole(files, *file);
    files.close(*file);
    if (!bytes)
        return std::unexpected(bytes.error());
    return std::string(asText(*bytes));
}

/// The value of "key=value" in a properties file.
std::optional<std::string> property(std::string_view text, std::string_view key)
{
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        if (line.starts_with(key) && line.substr(key.size()).starts_with("="))
            return std::string(line.substr(key.size() + 1));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::nullopt;
}

/// The broker epoch in `.kafka_cleanshutdown`, {"version":0,"brokerEpoch":17}; -1 where there is
/// none.
std::int64_t brokerEpochIn(std::string_view text)
{
    constexpr std::string_view kKey = "\"brokerEpoch\":";
    const std::size_t at = text.find(kKey);
    std::int64_t epoch = -1;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), epoch);
    return epoch;
}

/// "orders-3" taken apart; nothing when it is not the name of a partition's directory.
std::optional<TopicPartition> partitionOfDirectory(std::string_view name)
{
    const std::size_t dash = name.rfind('-');
    if (dash == std::string_view::npos || dash == 0 || dash + 1 == name.size())
        return std::nullopt;
    TopicPartition partition{std::string(name.substr(0, dash)), 0};
    const auto parsed =
        std::from_chars(name.data() + dash + 1, name.data() + name.size(), partition.partition);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()
        || partition.partition < 0)
        return std::nullopt;
    return partition;
}

} // namespace

Result<void, Error> Broker::State::openDirectory(Context &context)
{
    if (const auto made = context.files.createDirectories(directory); !made)
        return made;
    const std::string propertiesPath = directory + kMetaPropertiesFile;
    if (context.files.exists(propertiesPath)) {
        const auto text = readText(context.files, propertiesPath);
        if (!text)
            return std::unexpected(text.error());
        const std::string version = property(*text, "version").value_or("");
        if (version != "1") {
            return std::unexpected(Error{propertiesPath,
                fmt::format("the directory has version '{}', this broker knows version 1", version),
                "use the program that wrote it, or start with an empty directory"});
        }
        if (const std::string node = property(*text, "node.id").value_or("");
            node != std::to_string(id.value())) {
            return std::unexpected(Error{propertiesPath,
                fmt::format("the directory belongs to node '{}', not to {}", node, id.value()),
                "give each broker the directory it had"});
        }
    } else {
        TopicId directoryId{};
        for (std::uint8_t &byte : directoryId)
            byte = static_cast<std::uint8_t>(context.random.next());
        const std::string text =
            fmt::format("cluster.id={}\ndirectory.id={}\nnode.id={}\nversion=1\n", kClusterId,
                topicIdText(directoryId), id.value());
        if (const auto written = replaceFile(context.files, propertiesPath, asBytes(text));
            !written)
            return written;
    }

    const std::string marker = directory + kCleanShutdownFile;
    cleanShutdown = context.files.exists(marker);
    if (!cleanShutdown)
        return {};
    if (const auto text = readText(context.files, marker))
        previousBrokerEpoch = brokerEpochIn(*text);
    // From here on a stop is unclean until close() says otherwise.
    if (const auto removed = context.files.remove(marker); !removed)
        return removed;
    return context.files.syncDirectory(directory);
}

Result<void, Error> Broker::State::closeDirectory(Context &context)
{
    if (published) {
        if (const auto saved = saveHighWatermarks(context); !saved)
            return saved;
        if (const auto saved = saveLogStartOffsets(context); !saved)
            return saved;
    }
    // The replicas that an unclean stop left were not looked at in this life: the next one must.
    if (!published && !cleanShutdown)
        return {};
    const std::string text = fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", brokerEpoch);
    return replaceFile(context.files, directory + kCleanShutdownFile, asBytes(text));
}

void Broker::State::loadCheckpoints(Context &context)
{
    const std::string highWatermarks = directory + kHighWatermarkFile;
    if (auto offsets = readOffsetCheckpoint(context.files, highWatermarks))
        checkpointedHighWatermarks = std::move(*offsets);
    else
        notes.push_back(
            highWatermarks + ": damaged and left aside; high watermarks begin at the log starts");
    const std::string logStarts = directory + kLogStartFile;
    if (auto offsets = readOffsetCheckpoint(context.files, logStarts))
        checkpointedLogStarts = std::move(*offsets);
    else
        notes.push_back(logStarts + ": damaged and left aside; logs start at their first segment");
    loadCleanerCheckpoint(context);
}

void Broker::State::removeStrays(Context &context)
{
    const auto names = context.files.list(directory);
    if (!names) {
        notes.push_back(names.error().text());
        return;
    }
    for (const std::string &entry : *names) {
        const auto partition = partitionOfDirectory(entry);
        if (!partition || partition->topic == kMetadataTopic)
            continue;
        const PartitionImage *ours = image.partition(*partition);
        if (ours && hasBroker(ours->replicas, id.value()))
            continue;
        const std::string path = directory + "/" + entry;
        const auto removed = context.files.remove(path);
        notes.push_back(removed ? path + ": removed; the cluster has no such replica on this broker"
                                : removed.error().text());
    }
}

Result<void, Error> Broker::State::saveLogStartOffsets(
    Context &context, const std::optional<std::pair<TopicPartition, std::int64_t>> &raised) const
{
    CheckpointedOffsets starts;
    for (const auto &[topicName, topic] : topics) {
        for (std::size_t number = 0; number < topic.partitions.size(); ++number) {
            if (!topic.partitions[number])
                continue;
            const PartitionLog &log = topic.partitions[number]->log;
            // Most logs start at 0, and then no segment need be looked at.
            if (log.logStartOffset() > 0
                && log.logStartOffset() > log.segments().front().baseOffset)
                starts[{topicName, static_cast<std::int32_t>(number)}] = log.logStartOffset();
        }
    }
    if (raised)
        starts[raised->first] = raised->second;
    const std::string path = directory + kLogStartFile;
    if (starts.empty() && !context.files.exists(path))
        return {};
    return writeOffsetCheckpoint(context.files, path, starts);
}

Result<void, Error> Broker::State::saveHighWatermarks(Context &context) const
{
    CheckpointedOffsets offsets;
    for (const auto &[topicName, topic] : topics) {
        for (std::size_t number = 0; number < topic.partitions.size(); ++number) {
            if (topic.partitions[number])
                offsets.emplace_hint(offsets.end(),
                    TopicPartition{topicName, static_cast<std::int32_t>(number)},
                    topic.partitions[number]->highWatermark);
        }
    }
    return writeOffsetCheckpoint(context.files, directory + kHighWatermarkFile, offsets);
}

void Broker::State::saveCheckpoints(Context &context)
{
    nextCheckpoint.reset();
    for (const auto &saved : {saveHighWatermarks(context), saveLogStartOffsets(context)}) {
        if (!saved) { // tried again: what stands there is older, and still true
            notes.push_back(saved.error().text());
            checkpointSoon(context);
        }
    }
}

void Broker::State::checkpointSoon(const Context &context)
{
    if (!nextCheckpoint)
        nextCheckpoint = context.now + config.highWatermarkCheckpointInterval;
}

} // namespace queuelab::log
