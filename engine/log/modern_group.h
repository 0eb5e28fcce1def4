#pragma once

#include "engine/core/ids.h"
#include "engine/core/trace.h"
#include "engine/log/server_assignors.h"
#include "engine/log/snapshot.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace queuelab::log {

/// Member epochs of heartbeats that say something else.
inline constexpr std::int32_t kJoinEpoch = 0;
inline constexpr std::int32_t kLeaveEpoch = -1;
inline constexpr std::int32_t kLeaveForNowEpoch = -2; ///< a static member will be back

/// The records of a group with assignment by the coordinator, in Kafka's order of writing. Their
/// numbers in __consumer_offsets depend on the group's type.
enum class ModernRecord : std::uint8_t {
    Member, ///< its subscription
    GroupEpoch,
    TargetMember,
    TargetEpoch,
    CurrentMember,
    ShareState, ///< which share-partitions are initialized
};
struct ModernRecordKey {
    ModernRecord record = ModernRecord::GroupEpoch;
    std::string memberId{}; ///< empty for those of the group
    friend auto operator<=>(const ModernRecordKey &, const ModernRecordKey &) = default;
};

/// Kafka's MemberState; the numbers stand in the records.
enum class ModernMemberState : std::int8_t {
    Stable = 0,
    UnrevokedPartitions = 1, ///< has to give up partitions, and has not said that it did
    UnreleasedPartitions = 2, ///< waits for partitions that others still have
};
std::string_view memberStateName(ModernMemberState state); ///< "UNREVOKED_PARTITIONS"

struct ModernMember {
    std::string memberId{};
    std::string clientId{};
    NameId name = kNoName;
    std::optional<std::string> instanceId{};
    std::int32_t rebalanceTimeoutMs = -1;
    std::set<std::string> topics{};
    std::optional<std::string> assignor{};

    std::int32_t epoch = 0;
    std::int32_t previousEpoch = -1;
    ModernMemberState state = ModernMemberState::Stable;
    /// With the epoch at which each was assigned: a commit with an older one is not the owner's.
    std::map<TopicPartition, std::int32_t> assigned{};
    std::map<TopicPartition, std::int32_t> revoking{};
    friend bool operator==(const ModernMember &, const ModernMember &) = default;
};

/// A consumer group of KIP-848 or a share group of KIP-932: members with their epochs, the target
/// that they are led to, and what they have on the way there (Kafka's ModernGroup and
/// CurrentAssignmentBuilder). A value without clock and log: who uses it says what time it is, and
/// writes what has changed.
///
/// Three epochs: the group's goes up when members or what they subscribe to change; the target's is
/// the group epoch that it was computed for; a member's is the target's that it has reached, or is
/// on its way from.
///
/// In a consumer group a partition is owned by one member at most, from the moment it is assigned
/// until that member has said that it no longer has it, or is gone.
class ModernGroup {
public:
    explicit ModernGroup(GroupType type = GroupType::Consumer, bool overlaps = false)
        : m_type(type)
        , m_overlaps(overlaps)
    {
    }

    GroupType type() const { return m_type; }
    std::int32_t epoch() const { return m_epoch; }
    std::int32_t assignmentEpoch() const { return m_assignmentEpoch; }
    /// When the target was computed, in milliseconds since the epoch; 0 it never was.
    std::int64_t assignmentMs() const { return m_assignmentMs; }
    std::uint64_t metadataHash() const { return m_metadataHash; }
    const std::map<std::string, ModernMember> &members() const { return m_members; }
    const ModernMember *member(const std::string &memberId) const;
    const ModernMember *staticMember(const std::string &instanceId) const;
    const PartitionSet &target(const std::string &memberId) const;
    /// Of all members.
    std::set<std::string> subscribedTopics() const;
    /// The assignor most members ask for; nothing when none does.
    std::optional<std::string> preferredAssignor() const;
    GroupState state() const;
    Assignees assignees() const;

    // Changes. Each notes which records have to be written.

    /// Takes what `member` says of itself; epochs and partitions of a known member stay. Returns
    /// whether the topics it subscribes to have changed.
    bool subscribe(const ModernMember &member);
    /// Another process takes the place of a static member that has left for now.
    void replace(const std::string &from, const std::string &to);
    void leaveForNow(const std::string &memberId);
    void remove(const std::string &memberId);
    void bumpEpoch(std::uint64_t metadataHash);
    /// The target for the present group epoch.
    void setTarget(TargetAssignment &&target, std::int64_t nowMs);
    /// One step of a member towards the target. `owned` is what it says it has, nothing when it
    /// does not say. Returns whether anything changed.
    bool reconcile(const std::string &memberId, bool subscriptionChanged,
        const std::optional<PartitionSet> &owned);

    // Share groups: the partitions whose state the share coordinator keeps.

    const PartitionSet &initialized() const { return m_initialized; }
    const PartitionSet &initializing() const { return m_initializing; }
    void beginInitializing(const PartitionSet &partitions);
    void initialized(const TopicPartition &partition);
    void notInitialized(const TopicPartition &partition);
    void forgetTopic(const std::string &topic);
    /// Whether initialized partitions of subscribed topics are missing in the target.
    bool hasUnassignedShares() const;

    // Writing.

    /// What has to be written, in its order: first what is no more.
    std::vector<ModernRecordKey> takeUnwritten();
    void putBack(const std::vector<ModernRecordKey> &keys);
    /// All records of a group that ends.
    std::vector<ModernRecordKey> allKeys() const;
    bool exists(const ModernRecordKey &key) const;

    // Reading back: the newest record of each key, in any order; then finishRestoring().

    void restoreEpoch(std::int32_t epoch, std::uint64_t metadataHash);
    void restoreTargetEpoch(std::int32_t epoch, std::int64_t assignmentMs);
    void restoreTarget(const std::string &memberId, PartitionSet &&partitions);
    /// Epochs, state and partitions of `current`.
    void restoreCurrent(ModernMember &&current);
    void restoreSubscription(ModernMember &&subscription);
    void restoreShares(PartitionSet &&initializing, PartitionSet &&initialized);
    /// Forgets what belongs to no member.
    void finishRestoring();
    /// Gives each member the name that clients of its client id have in the trace.
    template <class NameOf> void nameMembers(NameOf &&nameOf)
    {
        for (auto &[id, member] : m_members)
            member.name = nameOf(member.clientId);
    }

private:
    ModernMember &at(const std::string &memberId) { return m_members.at(memberId); }
    void noteMember(ModernRecord record, const std::string &memberId);
    bool advance(ModernMember &member, const std::optional<PartitionSet> &owned);
    bool dropUnsubscribed(ModernMember &member, const std::optional<PartitionSet> &owned);
    bool reconcileShares(ModernMember &member, bool subscriptionChanged);
    bool isOwnedByAnother(const TopicPartition &partition, const ModernMember &member) const;
    bool replaceState(ModernMember &member, ModernMember &&next);
    void own(const ModernMember &member);
    void disown(const ModernMember &member);

    GroupType m_type;
    bool m_overlaps; ///< PlantedBug::OverlappingAssignment
    std::int32_t m_epoch = 0;
    std::int32_t m_assignmentEpoch = 0;
    std::int64_t m_assignmentMs = 0;
    std::uint64_t m_metadataHash = 0;
    std::map<std::string, ModernMember> m_members;
    std::map<std::string, std::string> m_staticMembers; ///< instance id → member id
    TargetAssignment m_target;
    std::map<TopicPartition, std::string> m_owners; ///< assigned to, or being given up by
    PartitionSet m_initialized;
    PartitionSet m_initializing;
    std::set<ModernRecordKey> m_unwritten;
};

} // namespace queuelab::log
