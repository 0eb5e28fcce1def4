#include "engine/world/simulation/compaction_history.h"

#include "engine/log/record_batch.h"

namespace queuelab::world::simulation {

void CompactionHistory::request(
    const log::ClientRequest &request, const log::ProduceRequest &produce, const Scenario &scenario)
{
    for (const log::ProduceRequest::Partition &batch : produce.partitions) {
        if (!scenario.topic(batch.partition.topic).isCompacted)
            continue;
        const auto header = log::readBatchHeader(batch.records.view());
        if (!header)
            continue;
        Sent &sent = m_sent[{request.client, request.id}][batch.partition];
        sent.batch = {header->producerId, header->producerEpoch, header->baseSequence};
        for (log::RecordCursor cursor(batch.records.view()); cursor.next();) {
            const log::RecordView &record = cursor.record();
            if (!record.key)
                continue;
            sent.records.push_back({std::string(asText(*record.key)), !record.value});
            Key &key = m_keys[batch.partition][sent.records.back().key];
            if (!record.value)
                key.unsureTombstones.insert(sent.batch);
        }
    }
}

void CompactionHistory::answer(const log::Answer &answer, const log::ProduceResponse &response)
{
    const auto sent = m_sent.extract({answer.client, answer.id});
    if (sent.empty())
        return;
    for (const log::ProduceResponse::Partition &partition : response.partitions) {
        const auto batch = sent.mapped().find(partition.partition);
        if (partition.error != log::ErrorCode::None || partition.baseOffset < 0
            || batch == sent.mapped().end())
            continue;
        std::int64_t offset = partition.baseOffset;
        for (const Record &record : batch->second.records) {
            Key &key = m_keys[partition.partition][record.key];
            key.unsureTombstones.erase(batch->second.batch);
            if (offset > key.newestOffset) {
                key.newestOffset = offset;
                key.isTombstone = record.isTombstone;
            }
            ++offset;
        }
    }
}

} // namespace queuelab::world::simulation
