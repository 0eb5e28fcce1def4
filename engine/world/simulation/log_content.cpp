#include "engine/world/simulation/log_content.h"

#include "engine/log/control_records.h"
#include "engine/log/producer_entries.h"
#include "engine/log/record_batch.h"

#include <algorithm>
#include <utility>

namespace queuelab::world::simulation {

namespace {

/// Reads batches front to back and settles transactions by the markers it meets.
class Reader {
public:
    Reader(History &history, LogContent &content)
        : m_history(history)
        , m_content(content)
    {
    }

    void read(ByteView batches)
    {
        while (const std::optional<log::BatchHeader> header = log::readBatchHeader(batches)) {
            if (header->sizeBytes() > batches.size())
                return;
            read(*header, batches.first(header->sizeBytes()));
            batches = batches.subspan(header->sizeBytes());
        }
    }

private:
    void read(const log::BatchHeader &header, ByteView batch)
    {
        if (header.producerId >= 0) {
            const auto newest = m_epochs.try_emplace(header.producerId, header.producerEpoch).first;
            if (header.producerEpoch < newest->second && !m_content.epochWentBack)
                m_content.epochWentBack = header.baseOffset;
            newest->second = std::max(newest->second, header.producerEpoch);
        }
        for (log::RecordCursor cursor(batch); cursor.next();) {
            const log::RecordView &record = cursor.record();
            if (header.isControl()) {
                settle(header, record);
                continue;
            }
            if (header.isTransactional())
                m_open[header.producerId].push_back(m_content.records.size());
            const auto place = static_cast<std::int32_t>(record.offset - header.baseOffset);
            m_content.records.push_back(
                {record.offset, m_history.idOf(record.value.value_or(ByteView{})),
                    record.key ? std::optional(std::string(asText(*record.key))) : std::nullopt,
                    !record.value, header.producerId, header.producerEpoch,
                    header.baseSequence < 0 ? -1 : log::sequenceAfter(header.baseSequence, place),
                    header.isTransactional() ? Decision::Open : Decision::None});
        }
    }

    void settle(const log::BatchHeader &header, const log::RecordView &marker)
    {
        constexpr std::size_t kKeyBytes = 4; // version and type
        if (!marker.key || marker.key->size() < kKeyBytes)
            return;
        const auto type = static_cast<log::ControlType>(
            loadBigEndian<std::int16_t>(marker.key->data() + sizeof(std::int16_t)));
        for (const std::size_t record : std::exchange(m_open[header.producerId], {}))
            m_content.records[record].decision =
                type == log::ControlType::Commit ? Decision::Committed : Decision::Aborted;
    }

    History &m_history;
    LogContent &m_content;
    std::map<std::int64_t, std::vector<std::size_t>> m_open; // by producer id: indexes of records
    std::map<std::int64_t, std::int16_t> m_epochs; // by producer id: the newest
};

LogContent readLog(History &history, const World &world, NodeId broker,
    const log::TopicPartition &partition, std::int64_t start, std::int64_t end)
{
    constexpr std::uint64_t kPiece = 1'048'576;
    LogContent content;
    Reader reader(history, content);
    for (std::int64_t next = start; next < end;) {
        const auto pieces = world.replicaBatches(broker, partition, next, kPiece);
        if (!pieces || pieces->empty())
            break;
        const std::int64_t before = next;
        for (const SharedBytes &piece : *pieces) {
            reader.read(piece.view());
            for (ByteView rest = piece.view(); !rest.empty();) {
                const auto header = log::readBatchHeader(rest);
                next = header->lastOffset() + 1;
                rest = rest.subspan(header->sizeBytes());
            }
        }
        if (next == before)
            break;
    }
    return content;
}

} // namespace

std::int64_t LogContent::count(std::int64_t first, std::int64_t last, bool visibleOnly) const
{
    auto at = std::ranges::lower_bound(records, first, {}, &LoggedRecord::offset);
    std::int64_t found = 0;
    for (; at != records.end() && at->offset <= last; ++at)
        found += !visibleOnly || at->isVisible() ? 1 : 0;
    return found;
}

Logs readLogs(const Scenario &scenario, History &history, const World &world)
{
    Logs logs;
    const std::shared_ptr<const Snapshot> snapshot = world.snapshot();
    for (const log::TopicSnapshot &topic : snapshot->log.topics) {
        if (std::ranges::find(scenario.topics, topic.name, &SimulatedTopic::name)
            == scenario.topics.end())
            continue;
        for (const log::PartitionSnapshot &partition : topic.partitions) {
            if (partition.leader < 1)
                continue;
            const log::TopicPartition name{topic.name, partition.partition};
            logs[name] = readLog(history, world, NodeId{partition.leader}, name,
                partition.logStartOffset, partition.logEndOffset);
        }
    }
    return logs;
}

} // namespace queuelab::world::simulation
