// Compaction on a broker: which log is cleaned next, and how far each has been (Kafka's LogCleaner
// and LogCleanerManager). Leaders and followers clean their own copies.

#include "engine/log/broker_state.h"
#include "engine/log/log_cleaner.h"

#include <algorithm>
#include <limits>

namespace queuelab::log {

namespace {

constexpr const char *kCleanerFile = "/cleaner-offset-checkpoint";
/// As if all records were older than any min.compaction.lag.ms.
constexpr std::int64_t kAllAreOld = std::numeric_limits<std::int64_t>::max();

} // namespace

void Broker::State::loadCleanerCheckpoint(Context &context)
{
    const std::string path = directory + kCleanerFile;
    if (auto offsets = readOffsetCheckpoint(context.files, path))
        cleanedUpTo = std::move(*offsets);
    else
        notes.push_back(path + ": damaged and left aside; logs are compacted from their start");
}

void Broker::State::saveCleanerCheckpoint(Context &context)
{
    // When it cannot be written a log is cleaned once more: what stands there is older.
    if (const auto saved =
            writeOffsetCheckpoint(context.files, directory + kCleanerFile, cleanedUpTo);
        !saved)
        notes.push_back(saved.error().text());
}

void Broker::State::considerCleaning(
    const TopicPartition &partitionName, const PartitionLog &log, const Context &context)
{
    if (!config.logCleaner || !log.config().compacts || log.closedSegments().empty()
        || uncleanable.contains(partitionName))
        return;
    toClean.insert(partitionName);
    if (!nextCleaning)
        nextCleaning = context.now + config.logCleanerBackoff;
}

Cleanable Broker::State::cleanable(
    const TopicPartition &partitionName, const Partition &partition, std::int64_t nowMs) const
{
    const auto known = cleanedUpTo.find(partitionName);
    return cleanableRange(partition.log, known == cleanedUpTo.end() ? -1 : known->second,
        partition.highWatermark, nowMs);
}

void Broker::State::cleanDirtiest(Context &context)
{
    const std::int64_t nowMs = epochMillis(context.wallClock());
    const TopicPartition *dirtiest = nullptr;
    Cleanable range;
    for (auto next = toClean.begin(); next != toClean.end();) {
        const auto candidate = next++;
        const Partition *partition = find(*candidate);
        if (!partition || !partition->log.config().compacts) {
            toClean.erase(candidate);
            continue;
        }
        const LogConfig &topic = partition->log.config();
        const Cleanable found = cleanable(*candidate, *partition, nowMs);
        if (found.isDue(topic)) {
            if (!dirtiest || found.dirtyRatio() > range.dirtyRatio()) {
                dirtiest = &*candidate;
                range = found;
            }
            continue;
        }
        // What may be cleaned moves with the last stable offset and with time; else nothing
        // changes until a segment is closed.
        const bool mayBecomeDue = found.firstUncleanableOffset < partition->log.activeBaseOffset()
            || (found.dirtyBytes > 0
                && topic.maxCompactionLagMs != std::numeric_limits<std::int64_t>::max());
        if (!mayBecomeDue)
            toClean.erase(candidate);
    }
    if (dirtiest) {
        clean(TopicPartition(*dirtiest), range, context);
        nextCleaning = context.now; // the next one at once, as long as there is one
    } else if (toClean.empty()) {
        nextCleaning.reset();
    } else {
        nextCleaning = context.now + config.logCleanerBackoff;
    }
}

void Broker::State::clean(
    const TopicPartition &partitionName, const Cleanable &range, Context &context)
{
    Partition &partition = *find(partitionName);
    const auto cleaned = cleanLog(partition.log, range,
        {config.logCleanerDedupeBufferSize, config.logCleanerLoadFactor, config.plantedBug},
        partition.name, name, context);
    if (const auto due = partition.log.nextDelayedDelete();
        due && (!nextDelayedDelete || *due < *nextDelayedDelete))
        nextDelayedDelete = due;
    if (!cleaned) {
        notes.push_back(cleaned.error().text());
        toClean.erase(partitionName);
        uncleanable.insert(partitionName);
        return;
    }
    cleanedUpTo[partitionName] = cleaned->nextDirtyOffset;
    saveCleanerCheckpoint(context);
}

void Broker::State::cutCleanerCheckpoint(
    const TopicPartition &partitionName, const PartitionLog &log, Context &context)
{
    const auto known = cleanedUpTo.find(partitionName);
    if (known == cleanedUpTo.end() || known->second <= log.activeBaseOffset())
        return;
    known->second = log.activeBaseOffset();
    saveCleanerCheckpoint(context);
}

void Broker::State::forgetCleanedReplicas(Context &context)
{
    const auto isGone = [this](const TopicPartition &partition) { return !find(partition); };
    std::erase_if(uncleanable, isGone);
    if (std::erase_if(cleanedUpTo, [&](const auto &entry) { return isGone(entry.first); }) > 0)
        saveCleanerCheckpoint(context);
}

void Broker::State::showCleaning(
    const TopicPartition &partitionName, const Partition &partition, PartitionSnapshot &out) const
{
    if (!partition.log.config().compacts)
        return;
    const Cleanable found = cleanable(partitionName, partition, kAllAreOld);
    out.firstDirtyOffset = found.firstDirtyOffset;
    out.dirtyPercent = static_cast<std::int32_t>(100 * found.dirtyRatio());
}

} // namespace queuelab::log
