#include "engine/world/simulation/history.h"

#include "engine/log/events.h"
#include "engine/log/record_batch.h"
#include "engine/world/events.h"
#include "engine/world/workload.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world::simulation {

std::string_view anomalyName(AnomalyKind kind)
{
    switch (kind) {
    case AnomalyKind::LostWrite:
        return "lost write";
    case AnomalyKind::Duplicate:
        return "duplicate";
    case AnomalyKind::OutOfOrder:
        return "out of order";
    case AnomalyKind::VanishedRead:
        return "vanished read";
    case AnomalyKind::HighWatermarkBack:
        return "high watermark went back";
    case AnomalyKind::ReplicasDiffer:
        return "replicas differ";
    case AnomalyKind::NotReplicated:
        return "not replicated";
    case AnomalyKind::GroupNotBalanced:
        return "group not balanced";
    case AnomalyKind::NotRecovered:
        return "not recovered";
    case AnomalyKind::AbortedRead:
        return "aborted read (G1a)";
    case AnomalyKind::IntermediateRead:
        return "intermediate read (G1b)";
    case AnomalyKind::CircularFlow:
        return "circular information flow (G1c)";
    case AnomalyKind::WriteCycle:
        return "write cycle (G0)";
    case AnomalyKind::FracturedTransaction:
        return "fractured transaction";
    case AnomalyKind::OpenTransaction:
        return "open transaction";
    case AnomalyKind::FencedWrite:
        return "fenced write";
    case AnomalyKind::SkippedPoll:
        return "skipped poll";
    case AnomalyKind::NonMonotonicPoll:
        return "non-monotonic poll";
    case AnomalyKind::LostValue:
        return "lost value";
    case AnomalyKind::RevivedValue:
        return "revived value";
    case AnomalyKind::AcquiredTwice:
        return "acquired twice";
    case AnomalyKind::DeliveredAgain:
        return "delivered again";
    case AnomalyKind::NeverDelivered:
        return "never delivered";
    case AnomalyKind::ShareGroupBehind:
        return "share group behind";
    }
    return {};
}

void forEachRecord(ByteView batches, const std::function<void(std::int64_t, ByteView)> &handle)
{
    while (const std::optional<log::BatchHeader> header = log::readBatchHeader(batches)) {
        if (header->sizeBytes() > batches.size())
            return;
        for (log::RecordCursor cursor(batches.first(header->sizeBytes())); cursor.next();)
            handle(cursor.record().offset, cursor.record().value.value_or(ByteView{}));
        batches = batches.subspan(header->sizeBytes());
    }
}

std::uint64_t History::producerNumber(std::string_view name)
{
    const auto found = m_producers.find(name);
    if (found != m_producers.end())
        return found->second;
    return m_producers.emplace(name, m_producers.size() + 1).first->second;
}

RecordId History::idOf(ByteView body)
{
    const std::optional<Stamp> stamp = readBody(body);
    return stamp ? recordId(producerNumber(stamp->producer), stamp->sequence) : 0;
}

void History::request(NodeId, const log::ClientRequest &request, Instant now)
{
    m_transactions.request(request, now, [this](ByteView body) { return idOf(body); });
    m_shares.request(request);
    const auto *produce = std::get_if<log::ProduceRequest>(&request.request);
    if (!produce)
        return;
    m_compaction.request(request, *produce, m_scenario);
    Sent &sent = m_sent[{request.client, request.id}];
    sent.acks = produce->acks;
    for (const log::ProduceRequest::Partition &partition : produce->partitions) {
        std::vector<RecordId> &records = sent.records[partition.partition];
        forEachRecord(partition.records.view(),
            [&](std::int64_t, ByteView body) { records.push_back(idOf(body)); });
    }
}

void History::answer(NodeId broker, const log::Answer &answer, Instant now)
{
    m_transactions.answer(answer);
    m_shares.answer(broker, answer);
    if (const auto *produced = std::get_if<log::ProduceResponse>(&answer.response)) {
        m_compaction.answer(answer, *produced);
        answered(broker, answer, *produced, now);
    } else if (const auto *fetched = std::get_if<log::FetchResponse>(&answer.response)) {
        answered(broker, answer, *fetched, now);
    }
}

void History::answered(
    NodeId broker, const log::Answer &answer, const log::ProduceResponse &response, Instant now)
{
    const auto sent = m_sent.find({answer.client, answer.id});
    if (sent == m_sent.end())
        return;
    for (const log::ProduceResponse::Partition &partition : response.partitions) {
        if (partition.error != log::ErrorCode::None || partition.baseOffset < 0)
            continue;
        const auto records = sent->second.records.find(partition.partition);
        if (records == sent->second.records.end())
            continue;
        m_acknowledgedRecords += records->second.size();
        m_partitions[partition.partition].acknowledged.push_back(
            {partition.baseOffset, std::move(records->second), sent->second.acks, broker, now});
    }
    m_sent.erase(sent);
}

void History::answered(
    NodeId broker, const log::Answer &answer, const log::FetchResponse &response, Instant now)
{
    for (const log::FetchResponse::Partition &partition : response.partitions) {
        if (partition.error != log::ErrorCode::None)
            continue;
        for (const SharedBytes &piece : partition.records)
            forEachRecord(piece.view(), [&](std::int64_t offset, ByteView body) {
                readRecord(partition.partition, offset, idOf(body));
            });
        if (partition.highWatermark < 0)
            continue;
        std::int64_t &before = m_highWatermarks[partition.partition]
                                   .try_emplace({broker, answer.client}, -1)
                                   .first->second;
        if (partition.highWatermark < before)
            m_anomalies.push_back({AnomalyKind::HighWatermarkBack,
                m_scenario.topic(partition.partition.topic).isSafe(), 1,
                fmt::format("{}: broker {} told a consumer high watermark {} after {}, at {}",
                    partition.partition.name(), broker.value(), partition.highWatermark, before,
                    formatClock(now - m_start))});
        before = partition.highWatermark;
    }
}

void History::readRecord(const log::TopicPartition &partition, std::int64_t offset, RecordId record)
{
    std::vector<RecordId> &read = m_partitions[partition].read;
    const auto at = static_cast<std::size_t>(offset);
    if (read.size() <= at)
        read.resize(at + 1, 0);
    // The first answer counts: whoever sees another record there later sees that it vanished.
    if (read[at] == 0) {
        read[at] = record;
        ++m_readRecords;
    }
}

void History::event(std::uint64_t, const TraceEvent &event, const NameTable &names)
{
    using log::LogEvent;
    m_polls.event(event, names);
    m_shares.event(event, names);
    followPower(event, names);
    const bool endsLeadership = event.kind == log::kind(LogEvent::LeaderElected)
        || event.kind == log::kind(LogEvent::PartitionOffline);
    if (event.kind == kind(WorldEvent::BrokerRestarted)) {
        // A new process: what it says of the high watermark begins anew.
        m_highWatermarks.clear();
        return;
    }
    m_anyCleanStop = m_anyCleanStop || event.kind == kind(WorldEvent::BrokerStopped);
    if (m_anyCleanStop && event.kind == log::kind(LogEvent::BatchRefused)
        && event.value == static_cast<std::int64_t>(log::ErrorCode::OutOfOrderSequenceNumber))
        m_forgotten.emplace(names.name(event.subject), names.name(event.actor));
    const bool removes = event.kind == log::kind(LogEvent::ReplicaTruncated)
        || (event.kind == log::kind(LogEvent::LogRecovered) && event.value > 0);
    if (!endsLeadership && !removes)
        return;
    const std::string partition(names.name(event.subject));
    if (endsLeadership) {
        for (auto &[ofPartition, told] : m_highWatermarks) {
            if (ofPartition.name() == partition)
                told.clear();
        }
    }
    m_incidents[partition].push_back({event.at,
        fmt::format("{} at {}", describeEvent(event, names), formatClock(event.at - m_start)),
        removes, event.item});
}

void History::followPower(const TraceEvent &event, const NameTable &names)
{
    using log::LogEvent;
    const auto subject = [&] { return std::string(names.name(event.subject)); };
    if (event.kind == kind(WorldEvent::BrokerKilled)) {
        if (event.reason == reason(WorldReason::UnsyncedLost))
            m_powerLost[subject()].clear();
    } else if (event.kind == log::kind(LogEvent::IsrExpanded)) {
        const auto lost = m_powerLost.find(std::string(names.name(event.actor)));
        if (lost != m_powerLost.end())
            lost->second.insert(subject());
    } else if (event.kind == log::kind(LogEvent::BatchAppended)) {
        const auto losses = m_powerLosses.find(subject());
        if (losses != m_powerLosses.end() && !losses->second.back().end)
            losses->second.back().end = event.item;
    } else if (event.kind == log::kind(LogEvent::LeaderElected)
        && event.reason == log::reason(log::LogReason::LastKnownLeader)) {
        const std::string leader(names.name(event.actor));
        const auto lost = m_powerLost.find(leader);
        if (lost != m_powerLost.end() && !lost->second.contains(subject()))
            m_powerLosses[subject()].push_back({event.at, leader, std::nullopt});
    }
}

const History::PowerLoss *History::lostWithPower(
    const std::string &partition, std::int64_t offset, Instant since, std::int64_t logEnd) const
{
    const auto losses = m_powerLosses.find(partition);
    if (losses == m_powerLosses.end())
        return nullptr;
    const auto found = std::ranges::find_if(losses->second, [&](const PowerLoss &loss) {
        return loss.at > since && offset >= loss.end.value_or(logEnd);
    });
    return found == losses->second.end() ? nullptr : &*found;
}

const std::vector<History::Incident> &History::incidents(const std::string &partition) const
{
    static const std::vector<Incident> none;
    const auto found = m_incidents.find(partition);
    return found == m_incidents.end() ? none : found->second;
}

} // namespace queuelab::world::simulation
