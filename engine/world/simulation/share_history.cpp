#include "engine/world/simulation/share_history.h"

#include "engine/log/events.h"
#include "engine/world/events.h"

namespace queuelab::world::simulation {

namespace {

log::AcknowledgeType typeAt(const log::AcknowledgementBatch &batch, std::int64_t offset)
{
    if (batch.types.size() == 1)
        return batch.types.front();
    const auto place = static_cast<std::size_t>(offset - batch.firstOffset);
    return place < batch.types.size() ? batch.types[place] : log::AcknowledgeType::Gap;
}

} // namespace

void ShareHistory::request(const log::ClientRequest &request)
{
    std::vector<std::pair<log::TopicPartition, std::vector<log::AcknowledgementBatch>>> all;
    const auto gather = [&](const auto &partitions) {
        for (const auto &partition : partitions) {
            m_partitions.emplace(partition.partition.name(), partition.partition);
            all.emplace_back(partition.partition, partition.acknowledgements);
        }
    };
    if (const auto *fetch = std::get_if<log::ShareFetchRequest>(&request.request)) {
        gather(fetch->partitions);
        asked(request, fetch->group, fetch->sessionEpoch, all);
    } else if (const auto *said = std::get_if<log::ShareAcknowledgeRequest>(&request.request)) {
        gather(said->partitions);
        asked(request, said->group, said->sessionEpoch, all);
    }
}

void ShareHistory::asked(const log::ClientRequest &request, const std::string &group,
    std::int32_t sessionEpoch,
    const std::vector<std::pair<log::TopicPartition, std::vector<log::AcknowledgementBatch>>>
        &acknowledgements)
{
    Asked &asked = m_asked[{request.client, request.id}];
    asked.consumer = request.name;
    asked.group = group;
    for (const auto &[partition, batches] : acknowledgements) {
        if (batches.empty())
            continue;
        asked.acknowledged[partition] = batches;
        // What it has said something about may be given to others from now on.
        std::map<std::int64_t, Lock> &locks = m_locks[{group, partition}];
        for (const log::AcknowledgementBatch &batch : batches)
            locks.erase(locks.lower_bound(batch.firstOffset), locks.upper_bound(batch.lastOffset));
    }
    const bool beginsOrEnds = sessionEpoch <= 0;
    if (!beginsOrEnds)
        return;
    for (auto &[place, locks] : m_locks)
        std::erase_if(locks, [&](const auto &lock) { return lock.second.holder == request.name; });
}

void ShareHistory::answer(NodeId broker, const log::Answer &answer)
{
    auto found = m_asked.extract({answer.client, answer.id});
    if (found.empty())
        return;
    const Asked &asked = found.mapped();
    if (const auto *said = std::get_if<log::ShareAcknowledgeResponse>(&answer.response)) {
        for (const log::ShareAcknowledgeResponse::Partition &partition : said->partitions) {
            if (said->error == log::ErrorCode::None && partition.error == log::ErrorCode::None)
                confirmed(asked, partition.partition);
        }
        return;
    }
    const auto *fetched = std::get_if<log::ShareFetchResponse>(&answer.response);
    if (!fetched || fetched->error != log::ErrorCode::None)
        return;
    m_lockTimeout = fetched->acquisitionLockTimeout;
    const std::string brokerName = "broker-" + std::to_string(broker.value());
    for (const log::ShareFetchResponse::Partition &partition : fetched->partitions) {
        const auto leader = m_leaders.find(partition.partition.name());
        const bool leads = leader != m_leaders.end() && leader->second == brokerName;
        if (partition.acknowledgeError == log::ErrorCode::None)
            confirmed(asked, partition.partition);
        for (const log::AcquiredRecords &run : partition.acquired) {
            for (std::int64_t offset = run.firstOffset; offset <= run.lastOffset; ++offset) {
                Record &record = m_records[{asked.group, partition.partition}][offset];
                ++record.deliveries;
                record.highestCount = std::max(record.highestCount, run.deliveryCount);
                const auto suspect =
                    m_suspects.extract({{asked.group, partition.partition}, offset});
                if (leads && !suspect.empty())
                    m_breaches.push_back(suspect.mapped());
            }
        }
    }
}

void ShareHistory::acquired(const TraceEvent &event, const Place &place)
{
    for (std::int64_t offset = event.item; offset < event.item + event.count; ++offset) {
        if (m_records[place][offset].isSettled)
            m_suspects.insert_or_assign(std::pair(place, offset),
                Breach{Breach::Kind::DeliveredAfterSettled, place, offset, event.at});
        const auto [lock, isNew] = m_locks[place].try_emplace(offset);
        if (!isNew && lock->second.holder != event.actor && event.at < lock->second.until)
            m_suspects.insert_or_assign(std::pair(place, offset),
                Breach{Breach::Kind::AcquiredTwice, place, offset, event.at});
        lock->second = {event.actor, event.at + m_lockTimeout};
    }
}

void ShareHistory::confirmed(const Asked &asked, const log::TopicPartition &partition)
{
    const auto batches = asked.acknowledged.find(partition);
    if (batches == asked.acknowledged.end())
        return;
    for (const log::AcknowledgementBatch &batch : batches->second) {
        for (std::int64_t offset = batch.firstOffset; offset <= batch.lastOffset; ++offset) {
            const log::AcknowledgeType type = typeAt(batch, offset);
            if (type == log::AcknowledgeType::Accept || type == log::AcknowledgeType::Reject)
                m_records[{asked.group, partition}][offset].isSettled = true;
        }
    }
}

void ShareHistory::event(const TraceEvent &event, const NameTable &names)
{
    using log::LogEvent;
    const bool isAcquired = event.kind == log::kind(LogEvent::RecordsAcquired);
    if (isAcquired || event.kind == log::kind(LogEvent::RecordsAcknowledged)) {
        const auto partition = m_partitions.find(names.name(event.subject));
        if (partition == m_partitions.end())
            return;
        const Place place{std::string(names.name(event.detail)), partition->second};
        std::map<std::int64_t, Lock> &locks = m_locks[place];
        if (isAcquired)
            acquired(event, place);
        else // by itself, or because its consumer is gone
            locks.erase(locks.lower_bound(event.item), locks.lower_bound(event.item + event.count));
        return;
    }
    if (event.kind == log::kind(LogEvent::LeaderElected))
        m_leaders[std::string(names.name(event.subject))] = names.name(event.actor);
    const bool mayEndLocks = event.kind < log::kind(LogEvent::TopicCreated)
        || event.kind == log::kind(LogEvent::LeaderElected)
        || event.kind == log::kind(LogEvent::MemberLeft)
        || event.kind == log::kind(LogEvent::SharePartitionLoaded);
    if (mayEndLocks)
        m_locks.clear();
}

} // namespace queuelab::world::simulation
