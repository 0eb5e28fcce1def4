#pragma once

#include "engine/log/record_batch.h"
#include "engine/world/actor.h"
#include "engine/world/actors/shown.h"
#include "engine/world/workload.h"

#include <algorithm>
#include <string>

namespace queuelab::world {

/// What an application keeps of a record until it has handled it.
struct HandledRecord {
    log::TopicPartition partition;
    NameId partitionName = kNoName;
    std::int64_t offset = 0;
    NameId producer = kNoName; ///< from the stamp; kNoName when there is none
    std::uint64_t sequence = 0;
    std::uint64_t keyHash = 0; ///< 0: no key
    Instant created{};
    std::string label{}; ///< of records without a stamp: how the value begins

    std::string text(const NameTable &names) const
    {
        return sequence == 0 ? label
                             : std::string(names.name(producer)) + "#" + std::to_string(sequence);
    }
    Outcomes::Handling handling(NameId scope, Instant now) const
    {
        return {.engine = Engine::Log,
            .scope = scope,
            .partition = partitionName,
            .item = offset,
            .producer = producer,
            .sequence = sequence,
            .keyHash = keyHash,
            .latency = std::max(Duration{}, now - created)};
    }
};

inline HandledRecord handledRecord(
    const log::TopicPartition &partition, const log::RecordView &record, ActorContext &context)
{
    Trace &trace = context.base.trace;
    HandledRecord out{.partition = partition,
        .partitionName = trace.name(partition.name()),
        .offset = record.offset,
        .keyHash = record.key ? hashOfKey(*record.key) : 0};
    const ByteView body = record.value.value_or(ByteView{});
    if (const std::optional<Stamp> stamp = readBody(body)) {
        out.producer = trace.name(stamp->producer);
        out.sequence = stamp->sequence;
        out.created = context.worldStart + stamp->created;
    } else {
        out.created = Instant(std::chrono::milliseconds(record.timestamp));
        out.label = asText(body.first(std::min(body.size(), kLabelBytes)));
    }
    return out;
}

} // namespace queuelab::world
