#include "ui/stages/log_view.h"

#include "ui/stages/words.h"

#include <algorithm>
#include <map>
#include <set>

namespace queuelab::ui {

using world::ClientSnapshot;
using world::ClientState;

namespace {

bool isConsumer(const ClientSnapshot &client)
{
    return client.engine == world::Engine::Log && client.role == world::ClientRole::Consumer;
}

MemberState stateOf(const ClientSnapshot *client, const log::MemberSnapshot *member, bool owns)
{
    if (client && client->state == ClientState::Crashed)
        return MemberState::Crashed;
    if (client && client->state == ClientState::Paused)
        return MemberState::Paused;
    if (!member)
        return MemberState::Outside;
    if (member->joinParked)
        return MemberState::WaitsForJoin;
    if (member->syncParked)
        return MemberState::WaitsForSync;
    return owns ? MemberState::Working : MemberState::Idle;
}

MemberView makeMember(const ClientSnapshot *client, const log::MemberSnapshot *member,
    const world::Snapshot &snapshot)
{
    MemberView view;
    view.inGroup = member != nullptr;
    if (client) {
        // What it owns is what it believes: while an eager rebalance runs it has given everything
        // up.
        view.name = text(client->name);
        for (const auto &position : client->positions) {
            view.owned.push_back(text(position.partition));
            if (position.fetched > position.position && position.position >= 0)
                view.ahead += position.fetched - position.position;
        }
        // A dead one believes nothing, but the group keeps its share for it until the session times
        // out.
        if (client->state == ClientState::Crashed && view.owned.empty() && member) {
            for (const auto &partition : member->assignment)
                view.owned.push_back(text(partition.name()));
        }
        view.holding = client->holdingCount;
        view.again = client->handledAgain;
        view.note = text(client->note);
        if (client->lastPoll != Instant{})
            view.sincePoll = snapshot.now - client->lastPoll;
    } else {
        view.name = text(member->clientId);
        for (const auto &partition : member->assignment)
            view.owned.push_back(text(partition.name()));
    }
    if (member)
        view.sinceHeartbeat = snapshot.now - member->lastHeartbeat;
    view.state = stateOf(client, member, !view.owned.empty());
    return view;
}

GroupView makeGroup(
    const std::string &name, const log::GroupSnapshot *group, const world::Snapshot &snapshot)
{
    GroupView view;
    view.name = text(name);
    view.group = group;
    std::vector<const log::MemberSnapshot *> unclaimed;
    if (group) {
        for (const auto &member : group->members)
            unclaimed.push_back(&member);
    }
    // Simulated clients first, in the order they were added: they keep their places while they come
    // and go.
    for (const auto &client : snapshot.clients) {
        if (!isConsumer(client) || client.group != name)
            continue;
        const auto found = std::ranges::find(unclaimed, client.name,
            [](const log::MemberSnapshot *member) { return member->clientId; });
        const log::MemberSnapshot *member = found == unclaimed.end() ? nullptr : *found;
        if (member)
            unclaimed.erase(found);
        else if (client.state == ClientState::Stopped)
            continue;
        view.members.push_back(makeMember(&client, member, snapshot));
    }
    for (const auto *member : unclaimed)
        view.members.push_back(makeMember(nullptr, member, snapshot));

    std::set<QString> topics;
    for (const auto &member : view.members) {
        for (const QString &partition : member.owned)
            topics.insert(partition.left(partition.lastIndexOf(u'-')));
        const bool late = view.state() == log::GroupState::PreparingRebalance
            ? member.state != MemberState::WaitsForJoin
            : view.state() == log::GroupState::CompletingRebalance
                && member.state != MemberState::WaitsForSync;
        if (late && member.inGroup)
            view.waitedFor.push_back(member.name);
    }
    view.severalTopics = topics.size() > 1;
    return view;
}

/// Where `group` stands in each partition it has anything to do with.
std::map<std::string, GroupProgress> progressOf(
    const GroupView &group, std::size_t index, const world::Snapshot &snapshot)
{
    std::map<std::string, GroupProgress> progress;
    const auto at = [&](const std::string &partition) -> GroupProgress & {
        GroupProgress &entry = progress[partition];
        entry.group = index;
        return entry;
    };
    if (group.group) {
        for (const auto &committed : group.group->committed)
            at(committed.partition.name()).committed = committed.offset;
        for (const auto &member : group.group->members) {
            for (const auto &partition : member.assignment)
                at(partition.name());
        }
    }
    for (const auto &client : snapshot.clients) {
        if (!isConsumer(client) || text(client.group) != group.name)
            continue;
        for (const auto &position : client.positions) {
            GroupProgress &entry = at(position.partition);
            entry.position = std::max(entry.position, position.position);
            entry.fetched = std::max(entry.fetched, position.fetched);
        }
    }
    for (const auto &member : group.members) {
        for (const QString &partition : member.owned) {
            GroupProgress &entry = at(partition.toStdString());
            entry.owner = member.name;
            entry.read =
                member.state != MemberState::Crashed && member.state != MemberState::Paused;
        }
    }
    return progress;
}

} // namespace

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
    if (offset < group->committed)
        return RecordState::Committed;
    if (offset < group->position)
        return RecordState::HandedOut;
    if (offset < group->fetched)
        return RecordState::FetchedAhead;
    return RecordState::Unread;
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
            view.producers.push_back(&client);
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

    for (const auto &topic : snapshot.log.topics) {
        if (topic.name.starts_with("__"))
            continue;
        TopicView topicView{text(topic.name), &topic, {}};
        for (const auto &partition : topic.partitions) {
            const std::string name = topic.name + "-" + std::to_string(partition.partition);
            Lane lane{text(name), topicView.name, &partition, {}};
            for (const auto &group : progress) {
                const auto found = group.find(name);
                if (found == group.end())
                    continue;
                GroupProgress entry = found->second;
                const auto read = entry.committed >= 0 ? entry.committed : partition.logStartOffset;
                entry.lag = std::max<std::int64_t>(0, partition.highWatermark - read);
                lane.groups.push_back(entry);
            }
            topicView.lanes.push_back(std::move(lane));
        }
        view.topics.push_back(std::move(topicView));
    }
    return view;
}

} // namespace queuelab::ui
