#include "ui/stages/log_view.h"

#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using world::ClientSnapshot;

namespace {

RecordState shareState(const log::SharePartitionSnapshot &share, std::int64_t offset)
{
    if (offset < share.startOffset)
        return RecordState::Acknowledged;
    if (offset >= share.endOffset)
        return RecordState::NotGivenOut;
    const log::ShareRecordsSnapshot *run = runOf(share, offset);
    if (!run)
        return RecordState::Available;
    switch (run->state) {
    case log::ShareRecordState::Available:
        return RecordState::Available;
    case log::ShareRecordState::Acquired:
        return RecordState::Acquired;
    case log::ShareRecordState::Acknowledged:
        return RecordState::Acknowledged;
    case log::ShareRecordState::Archived:
        return RecordState::Archived;
    }
    return RecordState::Available;
}

/// How many readable records a group has not done with.
std::int64_t lagOf(const log::PartitionSnapshot &partition, const GroupProgress &group)
{
    if (!group.share) {
        const auto read = group.committed >= 0 ? group.committed : partition.logStartOffset;
        return std::max<std::int64_t>(0, partition.highWatermark - read);
    }
    std::int64_t lag = partition.highWatermark - group.share->startOffset;
    for (const log::ShareRecordsSnapshot &run : group.share->records) {
        if (run.state == log::ShareRecordState::Acknowledged
            || run.state == log::ShareRecordState::Archived)
            lag -= run.lastOffset - run.firstOffset + 1;
    }
    return std::max<std::int64_t>(0, lag);
}

bool isOfFencedProducer(log::ErrorCode error)
{
    return error == log::ErrorCode::ProducerFenced || error == log::ErrorCode::InvalidProducerEpoch
        || error == log::ErrorCode::InvalidProducerIdMapping;
}

} // namespace

bool isConsumer(const ClientSnapshot &client)
{
    return client.engine == world::Engine::Log && client.role == world::ClientRole::Consumer;
}

std::optional<TransactionView> transactionOf(
    const ClientSnapshot &client, const world::Snapshot &snapshot)
{
    if (client.transactionalId.empty())
        return std::nullopt;
    TransactionView view;
    view.client = &client;
    const auto known = std::ranges::find(snapshot.log.transactions, client.transactionalId,
        &log::TransactionSnapshot::transactionalId);
    if (known != snapshot.log.transactions.end())
        view.known = &*known;
    view.isTold = client.transactionStatus == log::TransactionStatus::FatalError
        && isOfFencedProducer(client.transactionError);
    // Epochs go up with every transaction too (KIP-890), so only another client tells a zombie.
    for (const ClientSnapshot &other : snapshot.clients) {
        const bool isYounger = other.producerId == client.producerId
            ? other.producerEpoch > client.producerEpoch
            : view.known && other.producerId == view.known->producerId;
        if (&other != &client && other.transactionalId == client.transactionalId
            && client.producerId >= 0 && isYounger)
            view.youngerEpoch = std::max<std::int32_t>(view.youngerEpoch, other.producerEpoch);
    }
    view.isFenced = view.isTold || view.youngerEpoch >= 0;
    if (view.known && view.known->state == "Ongoing" && !view.isFenced
        && view.known->producerId == client.producerId && view.known->timeout.count() > 0) {
        const Duration timeout = view.known->timeout;
        view.timeLeft = view.known->startedAt + timeout - snapshot.now;
        view.partLeft = std::clamp(
            std::chrono::duration<double>(*view.timeLeft) / std::chrono::duration<double>(timeout),
            0.0, 1.0);
    }
    return view;
}

QString producerName(
    std::int64_t producerId, std::int16_t producerEpoch, const world::Snapshot &snapshot)
{
    if (producerId < 0)
        return {};
    std::vector<const ClientSnapshot *> having;
    for (const ClientSnapshot &client : snapshot.clients) {
        if (client.producerId == producerId)
            having.push_back(&client);
    }
    const auto same = std::ranges::find(having, producerEpoch, &ClientSnapshot::producerEpoch);
    if (same != having.end())
        return text((*same)->name);
    if (having.size() == 1)
        return text(having.front()->name);
    for (const log::TransactionSnapshot &transaction : snapshot.log.transactions) {
        if (transaction.producerId == producerId)
            return text(transaction.transactionalId);
    }
    return {};
}

const log::ShareRecordsSnapshot *runOf(
    const log::SharePartitionSnapshot &share, std::int64_t offset)
{
    const auto after = std::ranges::upper_bound(
        share.records, offset, {}, &log::ShareRecordsSnapshot::firstOffset);
    if (after == share.records.begin() || offset > (after - 1)->lastOffset)
        return nullptr;
    return &*(after - 1);
}

const GroupProgress *Lane::of(std::size_t group) const
{
    const auto found = std::ranges::find(groups, group, &GroupProgress::group);
    return found == groups.end() ? nullptr : &*found;
}

RecordState Lane::state(std::int64_t offset, const GroupProgress *group) const
{
    if (offset >= partition->highWatermark)
        return RecordState::NotReplicated;
    if (!group)
        return RecordState::Unread;
    if (group->share)
        return shareState(*group->share, offset);
    if (offset < group->committed)
        return RecordState::Committed;
    if (offset < group->position)
        return RecordState::HandedOut;
    if (offset < group->fetched)
        return RecordState::FetchedAhead;
    return RecordState::Unread;
}

std::optional<Slot> Lane::slotAt(std::int64_t offset) const
{
    const std::vector<Slot> slots =
        newestSlots(*partition, tail, 2 * world::LogTailSnapshot::kRecords);
    const auto after = std::ranges::upper_bound(slots, offset, {}, &Slot::offset);
    if (after == slots.begin() || offset >= (after - 1)->next)
        return std::nullopt;
    return *(after - 1);
}

bool Lane::hasTransactions() const
{
    return !partition->transactions.empty()
        || partition->lastStableOffset < partition->highWatermark
        || (tail
            && std::ranges::any_of(
                tail->records,
                [](const world::StoredRecord &record) {
                    return record.fate != world::TransactionFate::None;
                }));
}

const log::PartitionTransaction *Lane::holdsBack() const
{
    const auto &all = partition->transactions;
    const auto found = std::ranges::find_if(all, [this](const log::PartitionTransaction &one) {
        return one.firstOffset == partition->lastStableOffset
            && (one.markerOffset < 0 || one.markerOffset >= partition->highWatermark);
    });
    return found == all.end() ? nullptr : &*found;
}

const Lane *LogView::lane(const QString &name) const
{
    for (const TopicView &topic : topics) {
        const auto found = std::ranges::find(topic.lanes, name, &Lane::name);
        if (found != topic.lanes.end())
            return &*found;
    }
    return nullptr;
}

BrokerState stateOf(const log::BrokerSnapshot &broker)
{
    if (!broker.alive)
        return BrokerState::Down;
    return broker.isRegistered && broker.isFenced ? BrokerState::Fenced : BrokerState::Up;
}

std::int64_t furthestEnd(const log::PartitionSnapshot &partition)
{
    std::int64_t end = partition.logEndOffset;
    for (const log::ReplicaSnapshot &replica : partition.replicaStates)
        end = std::max(end, replica.logEndOffset);
    return end;
}

QString leaderText(const log::PartitionSnapshot &partition, bool withEpoch)
{
    if (partition.leader <= 0)
        return QStringLiteral("–");
    QString words = QStringLiteral("B%1").arg(partition.leader);
    if (withEpoch)
        words += QStringLiteral(" e%1").arg(partition.leaderEpoch);
    return words;
}

LogView makeLogView(const world::Snapshot &snapshot, const Thing &chosen)
{
    LogView view;
    std::map<std::string, const log::GroupSnapshot *> names;
    for (const auto &group : snapshot.log.groups)
        names[group.name] = &group;
    for (const auto &client : snapshot.clients) {
        if (isConsumer(client))
            names.emplace(client.group, nullptr);
        else if (client.engine == world::Engine::Log && client.role == world::ClientRole::Producer)
            view.producers.push_back({&client, transactionOf(client, snapshot)});
    }

    std::vector<std::map<std::string, GroupProgress>> progress;
    std::optional<std::size_t> wantedGroup;
    for (const auto &[name, group] : names) {
        view.groups.push_back(makeGroup(name, group, snapshot));
        const GroupView &made = view.groups.back();
        progress.push_back(progressOf(made, view.groups.size() - 1, snapshot));
        const bool wanted = (chosen.kind == Thing::Kind::Group && chosen.name == made.name)
            || (chosen.kind == Thing::Kind::Client
                && std::ranges::find(made.members, chosen.name, &MemberView::name)
                    != made.members.end());
        if (wanted)
            wantedGroup = view.groups.size() - 1;
    }

    const auto lively = std::ranges::find_if(
        view.groups, [](const GroupView &group) { return !group.members.empty(); });
    if (wantedGroup)
        view.selected = *wantedGroup;
    else if (lively != view.groups.end())
        view.selected = static_cast<std::size_t>(lively - view.groups.begin());

    std::map<std::string, const world::LogTailSnapshot *> tails;
    for (const world::LogTailSnapshot &tail : snapshot.logTails)
        tails[tail.partition.name()] = &tail;
    for (const auto &topic : snapshot.log.topics) {
        if (topic.name.starts_with("__"))
            continue;
        TopicView topicView{text(topic.name), &topic, {}};
        for (const auto &partition : topic.partitions) {
            const std::string name = topic.name + "-" + std::to_string(partition.partition);
            const auto tail = tails.find(name);
            Lane lane{text(name), topicView.name, &partition,
                tail == tails.end() ? nullptr : tail->second, {}};
            for (const auto &group : progress) {
                const auto found = group.find(name);
                if (found == group.end())
                    continue;
                GroupProgress entry = found->second;
                entry.lag = lagOf(partition, entry);
                lane.groups.push_back(entry);
            }
            topicView.lanes.push_back(std::move(lane));
        }
        view.topics.push_back(std::move(topicView));
    }
    return view;
}

} // namespace queuelab::ui
