// What the logs hold, record by record: for the messages view, and the newest of each partition for
// a snapshot.

#include "engine/log/control_records.h"
#include "engine/log/record_batch.h"
#include "engine/world/world_state.h"

#include <algorithm>
#include <map>

namespace queuelab::world {

namespace {

constexpr std::size_t kShownValueBytes = 256;
constexpr std::uint64_t kRowsBytes = 1'048'576; // read at once for the messages view
constexpr std::uint64_t kTailBytes = 262'144; // read at once for a snapshot

std::string shortened(ByteView bytes)
{
    return std::string(asText(bytes.first(std::min(bytes.size(), kShownValueBytes))));
}

/// The type of a control record stands in its key, behind a version (facts: kafka.md 1.3).
RecordKind controlKind(const log::RecordView &record)
{
    if (!record.key || record.key->size() < 4)
        return RecordKind::OtherControl;
    const auto type = static_cast<log::ControlType>((*record.key)[2] << 8 | (*record.key)[3]);
    switch (type) {
    case log::ControlType::Commit:
        return RecordKind::CommitMarker;
    case log::ControlType::Abort:
        return RecordKind::AbortMarker;
    case log::ControlType::LeaderChange:
        break;
    }
    return RecordKind::OtherControl;
}

RecordKind kindOf(const log::BatchHeader &batch, const log::RecordView &record)
{
    if (batch.isControl())
        return controlKind(record);
    return record.key && !record.value ? RecordKind::Tombstone : RecordKind::Data;
}

TransactionFate initialFate(const log::BatchHeader &batch, RecordKind kind)
{
    switch (kind) {
    case RecordKind::CommitMarker:
        return TransactionFate::Committed;
    case RecordKind::AbortMarker:
        return TransactionFate::Aborted;
    default:
        return batch.isTransactional() ? TransactionFate::Open : TransactionFate::None;
    }
}

/// Calls `use(header, record)` for every record in `pieces` from `from` on. Returns the offset
/// after the last batch, `from` when there is none.
template <class Use>
std::int64_t eachRecord(const std::vector<SharedBytes> &pieces, std::int64_t from, Use use)
{
    std::int64_t next = from;
    for (const SharedBytes &piece : pieces) {
        ByteView rest = piece.view();
        while (true) {
            const std::optional<log::BatchHeader> header = log::readBatchHeader(rest);
            if (!header || header->sizeBytes() > rest.size())
                break;
            for (log::RecordCursor cursor(rest.first(header->sizeBytes())); cursor.next();) {
                if (cursor.record().offset >= from)
                    use(*header, cursor.record());
            }
            next = header->lastOffset() + 1;
            rest = rest.subspan(header->sizeBytes());
        }
    }
    return next;
}

StoredRecord stored(const log::BatchHeader &batch, const log::RecordView &record)
{
    const RecordKind kind = kindOf(batch, record);
    return {.offset = record.offset,
        .kind = kind,
        .fate = initialFate(batch, kind),
        .producerId = batch.producerId,
        .producerEpoch = batch.producerEpoch};
}

/// A producer's next marker decides about its records before it. Where the end of the log is not
/// among `records`, what no marker of theirs decides is not known.
void decideFates(std::vector<StoredRecord> &records, bool toTheEnd)
{
    std::map<std::int64_t, TransactionFate> decided; // by producer id
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (record->kind == RecordKind::CommitMarker || record->kind == RecordKind::AbortMarker) {
            decided[record->producerId] = record->fate;
        } else if (record->fate == TransactionFate::Open) {
            const auto known = decided.find(record->producerId);
            if (known != decided.end())
                record->fate = known->second;
            else if (!toTheEnd)
                record->fate = TransactionFate::None;
        }
    }
}

std::string stateText(const StoredRecord &record, bool isReplicated)
{
    if (!isReplicated)
        return "above the high watermark";
    switch (record.kind) {
    case RecordKind::CommitMarker:
        return "COMMIT marker";
    case RecordKind::AbortMarker:
        return "ABORT marker";
    case RecordKind::OtherControl:
        return "control record";
    case RecordKind::Data:
    case RecordKind::Tombstone:
        break;
    }
    switch (record.fate) {
    case TransactionFate::Open:
        return "in an open transaction";
    case TransactionFate::Aborted:
        return "aborted";
    case TransactionFate::None:
    case TransactionFate::Committed:
        break;
    }
    return record.kind == RecordKind::Tombstone ? "tombstone" : "committed";
}

/// Where the newest `wanted` records begin, as far as the segments' counts tell: in a segment that
/// was compacted the ones left are taken to lie evenly.
std::int64_t tailStart(const log::PartitionSnapshot &partition, std::int64_t wanted)
{
    std::int64_t from = partition.logEndOffset;
    for (auto segment = partition.segments.rbegin(); segment != partition.segments.rend();
        ++segment) {
        const std::int64_t offsets = segment->nextOffset - segment->baseOffset;
        const std::int64_t records = segment->recordCount < 0 ? offsets : segment->recordCount;
        if (records > wanted) {
            from = segment->nextOffset - offsets * wanted / records;
            break;
        }
        from = segment->baseOffset;
        wanted -= records;
    }
    return std::clamp(from, partition.logStartOffset, partition.logEndOffset);
}

} // namespace

const log::Broker *World::State::replicaOf(const log::PartitionSnapshot &partition) const
{
    std::vector<std::int32_t> candidates{partition.leader};
    candidates.insert(candidates.end(), partition.replicas.begin(), partition.replicas.end());
    for (const std::int32_t broker : candidates) {
        if (broker > 0 && nodeOf(NodeId{broker}).alive)
            return &nodeOf(NodeId{broker}).broker;
    }
    return nullptr;
}

std::vector<World::MessageRow> World::State::records(const std::string &topic,
    std::int32_t partition, std::int64_t fromOffset, std::size_t limit) const
{
    std::vector<MessageRow> rows;
    const log::ClusterSnapshot log = logSnapshot();
    const auto inTopic = std::ranges::find(log.topics, topic, &log::TopicSnapshot::name);
    if (inTopic == log.topics.end())
        return rows;
    const auto found =
        std::ranges::find(inTopic->partitions, partition, &log::PartitionSnapshot::partition);
    if (found == inTopic->partitions.end())
        return rows;
    const log::Broker *broker = replicaOf(*found);
    if (!broker)
        return rows;
    const auto pieces = broker->peek({topic, partition}, fromOffset, kRowsBytes, *files);
    if (!pieces)
        return rows;
    std::vector<StoredRecord> stores; // beyond the rows too, for the markers that decide them
    const std::int64_t next = eachRecord(
        *pieces, fromOffset, [&](const log::BatchHeader &batch, const log::RecordView &record) {
            stores.push_back(stored(batch, record));
            if (rows.size() >= limit)
                return;
            MessageRow &row = rows.emplace_back();
            row.item = record.offset;
            row.at = Instant(std::chrono::milliseconds(record.timestamp));
            if (batch.isControl())
                return;
            if (record.key)
                row.key = shortened(*record.key);
            if (record.value) {
                row.value = shortened(*record.value);
                row.sizeBytes = record.value->size();
            }
        });
    decideFates(stores, next >= found->logEndOffset);
    for (std::size_t index = 0; index < rows.size(); ++index) {
        const StoredRecord &record = stores[index];
        rows[index].record = record;
        rows[index].state = stateText(record, record.offset < found->highWatermark);
    }
    return rows;
}

std::vector<LogTailSnapshot> World::State::logTails(const log::ClusterSnapshot &log) const
{
    std::vector<LogTailSnapshot> tails;
    for (const log::TopicSnapshot &topic : log.topics) {
        for (const log::PartitionSnapshot &partition : topic.partitions) {
            if (topic.isInternal || tails.size() >= Snapshot::kLogTails)
                break;
            if (const log::Broker *broker = replicaOf(partition))
                tails.push_back(logTail({topic.name, partition.partition}, partition, *broker));
        }
    }
    return tails;
}

LogTailSnapshot World::State::logTail(const log::TopicPartition &name,
    const log::PartitionSnapshot &partition, const log::Broker &broker) const
{
    LogTailSnapshot tail{.partition = name, .from = 0, .to = 0, .records = {}};
    tail.from = tail.to = tailStart(partition, LogTailSnapshot::kRecords);
    const auto pieces = broker.peek(name, tail.from, kTailBytes, *files);
    if (!pieces)
        return tail;
    tail.to = eachRecord(
        *pieces, tail.from, [&](const log::BatchHeader &batch, const log::RecordView &record) {
            tail.records.push_back(stored(batch, record));
        });
    decideFates(tail.records, tail.to >= partition.logEndOffset);
    if (tail.records.size() > LogTailSnapshot::kRecords) {
        tail.records.erase(tail.records.begin(),
            tail.records.end() - static_cast<std::ptrdiff_t>(LogTailSnapshot::kRecords));
        tail.from = tail.records.front().offset;
    }
    return tail;
}

} // namespace queuelab::world
