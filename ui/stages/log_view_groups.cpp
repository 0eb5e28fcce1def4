// Who is in a group, what each member has and waits for, and where the group stands.

#include "ui/stages/log_view.h"
#include "ui/stages/words.h"

#include <algorithm>
#include <set>

namespace queuelab::ui {

using world::ClientSnapshot;
using world::ClientState;

namespace {

std::vector<QString> namesOf(const std::vector<log::TopicPartition> &partitions)
{
    std::vector<QString> names;
    names.reserve(partitions.size());
    for (const log::TopicPartition &partition : partitions)
        names.push_back(text(partition.name()));
    return names;
}

MemberState stateOf(
    const ClientSnapshot *client, const log::MemberSnapshot *member, const MemberView &view)
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
    if (!view.revoking.empty())
        return MemberState::GivesUp;
    if (!view.awaited.empty())
        return MemberState::WaitsForRelease;
    return !view.owned.empty() ? MemberState::Working : MemberState::Idle;
}

/// What the coordinator of a group of KIP-848 has in mind for a member.
void addTarget(const log::MemberSnapshot &member, MemberView &view)
{
    view.epoch = member.memberEpoch;
    view.revoking = namesOf(member.revoking);
    for (const QString &wanted : namesOf(member.target)) {
        if (std::ranges::find(view.owned, wanted) == view.owned.end())
            view.awaited.push_back(wanted);
    }
}

MemberView makeMember(const ClientSnapshot *client, const log::MemberSnapshot *member,
    log::GroupType type, const world::Snapshot &snapshot)
{
    MemberView view;
    view.client = client;
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
        // out. Members of a share group have no positions of their own.
        const bool keepsItsShare =
            client->state == ClientState::Crashed || type == log::GroupType::Share;
        if (keepsItsShare && view.owned.empty() && member)
            view.owned = namesOf(member->assignment);
        view.holding = client->holdingCount;
        view.again = client->handledAgain;
        view.note = text(client->note);
        view.transaction = transactionOf(*client, snapshot);
        if (client->lastPoll != Instant{})
            view.sincePoll = snapshot.now - client->lastPoll;
    } else {
        view.name = text(member->clientId);
        view.owned = namesOf(member->assignment);
    }
    if (member) {
        view.sinceHeartbeat = snapshot.now - member->lastHeartbeat;
        if (type != log::GroupType::Classic)
            addTarget(*member, view);
    }
    view.state = stateOf(client, member, view);
    return view;
}

/// What members of a share group have acquired, and until when.
void addLocks(GroupView &view, const world::Snapshot &snapshot)
{
    for (const log::SharePartitionSnapshot &share : snapshot.log.sharePartitions) {
        if (text(share.group) != view.name)
            continue;
        for (const log::ShareRecordsSnapshot &run : share.records) {
            if (run.state != log::ShareRecordState::Acquired)
                continue;
            const auto holder =
                std::ranges::find(view.members, text(run.member), &MemberView::name);
            if (holder == view.members.end())
                continue;
            const Duration left = run.lockedUntil - snapshot.now;
            holder->lockLeft = std::min(holder->lockLeft.value_or(left), left);
        }
    }
}

} // namespace

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
        view.members.push_back(makeMember(&client, member, view.type(), snapshot));
    }
    for (const auto *member : unclaimed)
        view.members.push_back(makeMember(nullptr, member, view.type(), snapshot));

    std::set<QString> topics;
    for (const auto &member : view.members) {
        for (const QString &partition : member.owned)
            topics.insert(partition.left(partition.lastIndexOf(u'-')));
        const bool late = view.state() == log::GroupState::PreparingRebalance
            ? member.state != MemberState::WaitsForJoin
            : view.state() == log::GroupState::CompletingRebalance
                && member.state != MemberState::WaitsForSync;
        // With KIP-848 others wait only for those that have something to give up.
        if ((late && member.inGroup) || member.state == MemberState::GivesUp)
            view.waitedFor.push_back(member.name);
    }
    view.severalTopics = topics.size() > 1;
    view.readsCommitted =
        !view.members.empty() && std::ranges::all_of(view.members, [](const MemberView &member) {
            return member.client && member.client->isolationLevel == "read_committed";
        });
    if (view.type() == log::GroupType::Share)
        addLocks(view, snapshot);
    return view;
}

std::map<std::string, GroupProgress> progressOf(
    const GroupView &group, std::size_t index, const world::Snapshot &snapshot)
{
    std::map<std::string, GroupProgress> progress;
    const auto at = [&](const std::string &partition) -> GroupProgress & {
        GroupProgress &entry = progress[partition];
        entry.group = index;
        entry.readsCommitted = group.readsCommitted;
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
            const bool reads =
                member.state != MemberState::Crashed && member.state != MemberState::Paused;
            // Members of a share group read the same partition side by side.
            entry.owner = entry.owner.isEmpty() || group.type() != log::GroupType::Share
                ? member.name
                : entry.owner + QStringLiteral(", ") + member.name;
            entry.read = entry.read || reads;
        }
    }
    for (const log::SharePartitionSnapshot &share : snapshot.log.sharePartitions) {
        if (text(share.group) == group.name)
            at(share.partition.name()).share = &share;
    }
    return progress;
}

} // namespace queuelab::ui
