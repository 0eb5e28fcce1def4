#include "engine/log/modern_group.h"

#include "engine/core/result.h"

#include <algorithm>
#include <iterator>

namespace queuelab::log {

std::string_view memberStateName(ModernMemberState state)
{
    switch (state) {
    case ModernMemberState::Stable:
        return "STABLE";
    case ModernMemberState::UnrevokedPartitions:
        return "UNREVOKED_PARTITIONS";
    case ModernMemberState::UnreleasedPartitions:
        return "UNRELEASED_PARTITIONS";
    }
    return {};
}

const ModernMember *ModernGroup::member(const std::string &memberId) const
{
    const auto found = m_members.find(memberId);
    return found == m_members.end() ? nullptr : &found->second;
}

const ModernMember *ModernGroup::staticMember(const std::string &instanceId) const
{
    const auto found = m_staticMembers.find(instanceId);
    return found == m_staticMembers.end() ? nullptr : member(found->second);
}

const PartitionSet &ModernGroup::target(const std::string &memberId) const
{
    static const PartitionSet kNone;
    const auto found = m_target.find(memberId);
    return found == m_target.end() ? kNone : found->second;
}

std::set<std::string> ModernGroup::subscribedTopics() const
{
    std::set<std::string> topics;
    for (const auto &[id, member] : m_members)
        topics.insert(member.topics.begin(), member.topics.end());
    return topics;
}

std::optional<std::string> ModernGroup::preferredAssignor() const
{
    std::map<std::string, int> votes;
    for (const auto &[id, member] : m_members) {
        if (member.assignor)
            ++votes[*member.assignor];
    }
    const auto most =
        std::ranges::max_element(votes, {}, [](const auto &vote) { return vote.second; });
    if (most == votes.end())
        return std::nullopt;
    return most->first;
}

GroupState ModernGroup::state() const
{
    if (m_members.empty())
        return GroupState::Empty;
    if (m_type == GroupType::Share)
        return GroupState::Stable;
    if (m_epoch > m_assignmentEpoch)
        return GroupState::Assigning;
    const bool isThere = std::ranges::all_of(m_members, [this](const auto &entry) {
        return entry.second.state == ModernMemberState::Stable
            && entry.second.epoch == m_assignmentEpoch;
    });
    return isThere ? GroupState::Stable : GroupState::Reconciling;
}

Assignees ModernGroup::assignees() const
{
    Assignees out;
    for (const auto &[id, member] : m_members)
        out.emplace_hint(
            out.end(), id, AssigneeMember{member.instanceId, member.topics, target(id)});
    return out;
}

void ModernGroup::noteMember(ModernRecord record, const std::string &memberId)
{
    m_unwritten.insert({record, memberId});
}

bool ModernGroup::subscribe(const ModernMember &said)
{
    const auto [at, isNew] = m_members.try_emplace(said.memberId);
    ModernMember &member = at->second;
    ModernMember next = member;
    next.memberId = said.memberId;
    next.clientId = said.clientId;
    next.name = said.name;
    next.instanceId = said.instanceId;
    next.rebalanceTimeoutMs = said.rebalanceTimeoutMs;
    next.topics = said.topics;
    next.assignor = said.assignor;
    if (!isNew && next == member)
        return false;
    const bool changed = next.topics != member.topics;
    member = std::move(next);
    if (member.instanceId)
        m_staticMembers[*member.instanceId] = member.memberId;
    noteMember(ModernRecord::Member, member.memberId);
    return changed;
}

void ModernGroup::replace(const std::string &from, const std::string &to)
{
    ModernMember member = at(from);
    PartitionSet partitions = target(from);
    remove(from);
    member.memberId = to;
    member.epoch = 0;
    member.previousEpoch = 0;
    if (member.instanceId)
        m_staticMembers[*member.instanceId] = to;
    own(member);
    m_members.insert_or_assign(to, std::move(member));
    m_target.insert_or_assign(to, std::move(partitions));
    for (const ModernRecord record :
        {ModernRecord::Member, ModernRecord::TargetMember, ModernRecord::CurrentMember})
        noteMember(record, to);
}

void ModernGroup::leaveForNow(const std::string &memberId)
{
    ModernMember next = at(memberId);
    next.epoch = kLeaveForNowEpoch;
    next.revoking.clear();
    for (auto &[partition, epoch] : next.assigned)
        epoch = 0;
    replaceState(at(memberId), std::move(next));
}

void ModernGroup::remove(const std::string &memberId)
{
    auto node = m_members.extract(memberId);
    invariant(!node.empty(), "who is removed from a group is a member");
    const ModernMember &gone = node.mapped();
    disown(gone);
    if (gone.instanceId) {
        const auto known = m_staticMembers.find(*gone.instanceId);
        if (known != m_staticMembers.end() && known->second == memberId)
            m_staticMembers.erase(known);
    }
    m_target.erase(memberId);
    for (const ModernRecord record :
        {ModernRecord::Member, ModernRecord::TargetMember, ModernRecord::CurrentMember})
        noteMember(record, memberId);
}

void ModernGroup::bumpEpoch(std::uint64_t metadataHash)
{
    ++m_epoch;
    m_metadataHash = metadataHash;
    noteMember(ModernRecord::GroupEpoch, {});
}

void ModernGroup::setTarget(TargetAssignment &&target, std::int64_t nowMs)
{
    for (auto &[id, partitions] : target) {
        const auto before = m_target.find(id);
        if (before == m_target.end() || before->second != partitions)
            noteMember(ModernRecord::TargetMember, id);
    }
    m_target = std::move(target);
    m_assignmentEpoch = m_epoch;
    m_assignmentMs = nowMs;
    noteMember(ModernRecord::TargetEpoch, {});
}

bool ModernGroup::isOwnedByAnother(
    const TopicPartition &partition, const ModernMember &member) const
{
    const auto owner = m_owners.find(partition);
    return owner != m_owners.end() && owner->second != member.memberId && !m_overlaps;
}

void ModernGroup::own(const ModernMember &member)
{
    if (m_type == GroupType::Share)
        return;
    for (const auto *partitions : {&member.assigned, &member.revoking}) {
        for (const auto &[partition, epoch] : *partitions)
            m_owners[partition] = member.memberId;
    }
}

void ModernGroup::disown(const ModernMember &member)
{
    for (const auto *partitions : {&member.assigned, &member.revoking}) {
        for (const auto &[partition, epoch] : *partitions) {
            const auto owner = m_owners.find(partition);
            if (owner != m_owners.end() && owner->second == member.memberId)
                m_owners.erase(owner);
        }
    }
}

bool ModernGroup::replaceState(ModernMember &member, ModernMember &&next)
{
    if (next == member)
        return false;
    disown(member);
    member = std::move(next);
    own(member);
    noteMember(ModernRecord::CurrentMember, member.memberId);
    return true;
}

namespace {

bool ownsAny(const std::map<TopicPartition, std::int32_t> &partitions,
    const std::optional<PartitionSet> &owned)
{
    return !owned || std::ranges::any_of(*owned, [&](const TopicPartition &partition) {
        return partitions.contains(partition);
    });
}

void setEpoch(ModernMember &member, std::int32_t epoch)
{
    member.previousEpoch = member.epoch;
    member.epoch = epoch;
}

} // namespace

bool ModernGroup::reconcile(
    const std::string &memberId, bool subscriptionChanged, const std::optional<PartitionSet> &owned)
{
    ModernMember &member = at(memberId);
    if (m_type == GroupType::Share)
        return reconcileShares(member, subscriptionChanged);
    switch (member.state) {
    case ModernMemberState::Stable:
        if (member.epoch != m_assignmentEpoch)
            return advance(member, owned);
        return subscriptionChanged && dropUnsubscribed(member, owned);
    case ModernMemberState::UnrevokedPartitions:
        if (!ownsAny(member.revoking, owned))
            return advance(member, owned);
        return subscriptionChanged && dropUnsubscribed(member, owned);
    case ModernMemberState::UnreleasedPartitions:
        return advance(member, owned);
    }
    return false;
}

/// Gives up what is not in the target, and only when that is done takes what is free of it.
bool ModernGroup::advance(ModernMember &member, const std::optional<PartitionSet> &owned)
{
    ModernMember next = member;
    next.assigned.clear();
    next.revoking.clear();
    const PartitionSet &wanted = target(member.memberId);
    const auto isWanted = [&](const TopicPartition &partition) {
        return wanted.contains(partition) && member.topics.contains(partition.topic);
    };
    for (const auto &[partition, epoch] : member.assigned)
        (isWanted(partition) ? next.assigned : next.revoking).emplace(partition, epoch);
    if (!next.revoking.empty() && ownsAny(next.revoking, owned)) {
        next.state = ModernMemberState::UnrevokedPartitions;
        setEpoch(next, member.epoch);
        return replaceState(member, std::move(next));
    }
    next.revoking.clear();
    next.state = ModernMemberState::Stable;
    for (const TopicPartition &partition : wanted) {
        if (!isWanted(partition) || next.assigned.contains(partition))
            continue;
        if (isOwnedByAnother(partition, member))
            next.state = ModernMemberState::UnreleasedPartitions;
        else
            next.assigned.emplace(partition, m_assignmentEpoch);
    }
    setEpoch(next, m_assignmentEpoch);
    return replaceState(member, std::move(next));
}

/// A topic that it no longer subscribes to goes at once, before there is a new target.
bool ModernGroup::dropUnsubscribed(ModernMember &member, const std::optional<PartitionSet> &owned)
{
    ModernMember next = member;
    std::erase_if(next.assigned, [&](const auto &entry) {
        if (member.topics.contains(entry.first.topic))
            return false;
        next.revoking.insert(entry);
        return true;
    });
    if (next.assigned.size() == member.assigned.size())
        return false;
    if (ownsAny(next.revoking, owned))
        next.state = ModernMemberState::UnrevokedPartitions;
    else
        next.revoking = member.revoking;
    setEpoch(next, member.epoch);
    return replaceState(member, std::move(next));
}

/// Nobody has to wait for anybody.
bool ModernGroup::reconcileShares(ModernMember &member, bool subscriptionChanged)
{
    if (member.epoch == m_assignmentEpoch && !subscriptionChanged)
        return false;
    ModernMember next = member;
    next.assigned.clear();
    for (const TopicPartition &partition : target(member.memberId)) {
        if (member.topics.contains(partition.topic))
            next.assigned.emplace(partition, m_assignmentEpoch);
    }
    if (member.epoch != m_assignmentEpoch)
        setEpoch(next, m_assignmentEpoch);
    return replaceState(member, std::move(next));
}

void ModernGroup::beginInitializing(const PartitionSet &partitions)
{
    m_initializing.insert(partitions.begin(), partitions.end());
    noteMember(ModernRecord::ShareState, {});
}

void ModernGroup::initialized(const TopicPartition &partition)
{
    if (m_initializing.erase(partition) == 0)
        return; // of a topic that is gone
    m_initialized.insert(partition);
    noteMember(ModernRecord::ShareState, {});
}

void ModernGroup::notInitialized(const TopicPartition &partition)
{
    if (m_initializing.erase(partition) > 0)
        noteMember(ModernRecord::ShareState, {});
}

void ModernGroup::forgetTopic(const std::string &topic)
{
    const auto isOfIt = [&](const TopicPartition &partition) { return partition.topic == topic; };
    if (std::erase_if(m_initializing, isOfIt) + std::erase_if(m_initialized, isOfIt) > 0)
        noteMember(ModernRecord::ShareState, {});
}

bool ModernGroup::hasUnassignedShares() const
{
    if (m_members.empty() || m_initialized.empty())
        return false;
    PartitionSet assigned;
    for (const auto &[id, partitions] : m_target)
        assigned.insert(partitions.begin(), partitions.end());
    const std::set<std::string> topics = subscribedTopics();
    return std::ranges::any_of(m_initialized, [&](const TopicPartition &partition) {
        return topics.contains(partition.topic) && !assigned.contains(partition);
    });
}

bool ModernGroup::exists(const ModernRecordKey &key) const
{
    switch (key.record) {
    case ModernRecord::Member:
    case ModernRecord::CurrentMember:
        return m_members.contains(key.memberId);
    case ModernRecord::TargetMember:
        return m_target.contains(key.memberId);
    case ModernRecord::GroupEpoch:
    case ModernRecord::TargetEpoch:
    case ModernRecord::ShareState:
        return true;
    }
    return false;
}

std::vector<ModernRecordKey> ModernGroup::takeUnwritten()
{
    const std::set<ModernRecordKey> unwritten = std::exchange(m_unwritten, {});
    std::vector<ModernRecordKey> keys(unwritten.rbegin(), unwritten.rend());
    const auto written = std::ranges::stable_partition(
        keys, [this](const ModernRecordKey &key) { return !exists(key); });
    std::ranges::reverse(written);
    return keys;
}

void ModernGroup::putBack(const std::vector<ModernRecordKey> &keys)
{
    m_unwritten.insert(keys.begin(), keys.end());
}

std::vector<ModernRecordKey> ModernGroup::allKeys() const
{
    std::vector<ModernRecordKey> keys;
    for (const auto &[id, member] : m_members)
        keys.push_back({ModernRecord::CurrentMember, id});
    for (const auto &[id, partitions] : m_target)
        keys.push_back({ModernRecord::TargetMember, id});
    keys.push_back({ModernRecord::TargetEpoch, {}});
    for (const auto &[id, member] : m_members)
        keys.push_back({ModernRecord::Member, id});
    keys.push_back({ModernRecord::GroupEpoch, {}});
    if (m_type == GroupType::Share)
        keys.push_back({ModernRecord::ShareState, {}});
    return keys;
}

void ModernGroup::restoreEpoch(std::int32_t epoch, std::uint64_t metadataHash)
{
    m_epoch = epoch;
    m_metadataHash = metadataHash;
}

void ModernGroup::restoreTargetEpoch(std::int32_t epoch, std::int64_t assignmentMs)
{
    m_assignmentEpoch = epoch;
    m_assignmentMs = assignmentMs;
}

void ModernGroup::restoreTarget(const std::string &memberId, PartitionSet &&partitions)
{
    m_target.insert_or_assign(memberId, std::move(partitions));
}

void ModernGroup::restoreCurrent(ModernMember &&current)
{
    ModernMember &member = m_members[current.memberId];
    member.epoch = current.epoch;
    member.previousEpoch = current.previousEpoch;
    member.state = current.state;
    member.assigned = std::move(current.assigned);
    member.revoking = std::move(current.revoking);
}

void ModernGroup::restoreSubscription(ModernMember &&subscription)
{
    ModernMember &member = m_members[subscription.memberId];
    member.memberId = subscription.memberId;
    member.clientId = std::move(subscription.clientId);
    member.name = subscription.name;
    member.instanceId = std::move(subscription.instanceId);
    member.rebalanceTimeoutMs = subscription.rebalanceTimeoutMs;
    member.topics = std::move(subscription.topics);
    member.assignor = std::move(subscription.assignor);
}

void ModernGroup::restoreShares(PartitionSet &&initializing, PartitionSet &&initialized)
{
    m_initializing = std::move(initializing);
    m_initialized = std::move(initialized);
}

void ModernGroup::finishRestoring()
{
    std::erase_if(m_members, [](const auto &entry) { return entry.second.memberId.empty(); });
    std::erase_if(m_target, [this](const auto &entry) { return !m_members.contains(entry.first); });
    for (const auto &[id, member] : m_members) {
        own(member);
        if (member.instanceId)
            m_staticMembers[*member.instanceId] = id;
    }
}

} // namespace queuelab::log
