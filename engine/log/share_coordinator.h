#pragma once

#include "engine/core/context.h"
#include "engine/core/result.h"
#include "engine/log/broker_config.h"
#include "engine/log/partition_log.h"
#include "engine/log/requests.h"
#include "engine/log/share_records.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <variant>
#include <vector>

namespace queuelab::log {

/// Puts what has changed over what was known: sorted, without overlaps, neighbours of one state
/// together, nothing below `startOffset` (-1: keep all). Where both speak of an offset, the higher
/// delivery count counts, then the higher state: what is settled stays so (Kafka's
/// PersisterStateBatchCombiner).
std::vector<ShareStateBatch> combineShareState(std::span<const ShareStateBatch> known,
    std::span<const ShareStateBatch> changed, std::int64_t startOffset);

/// The share coordinator (KIP-932; Kafka's ShareCoordinatorShard): keeps the state of
/// share-partitions in memory and as records in __share_group_state, from which another coordinator
/// takes it over. It writes nothing itself: a request is judged, the broker appends the record that
/// comes of it, and only then is it carried out. A value.
class ShareCoordinator {
public:
    explicit ShareCoordinator(const BrokerConfig &config)
        : m_updatesPerSnapshot(config.shareSnapshotUpdates)
    {
    }

    /// The record that a request wants appended to `partition` of __share_group_state.
    struct Change {
        std::int32_t partition = 0;
        ShareStateKey key;
        /// Nothing: the share-partition is deleted.
        std::variant<std::monostate, ShareSnapshotRecord, ShareUpdateRecord> record;
        SharedBytes batch(std::int64_t nowMs) const;
    };

    // Which share-partitions are its own: those of the partitions of __share_group_state that its
    // broker leads.

    /// The broker became the leader of this partition: reads back what is below `highWatermark`. An
    /// Error when the log cannot be read; it then coordinates nothing of it.
    Result<void, Error> load(std::int32_t partition, const PartitionLog &log,
        std::int64_t highWatermark, const Files &files);
    void unload(std::int32_t partition);
    bool coordinates(std::int32_t partition) const { return m_partitions.contains(partition); }

    std::vector<std::int32_t> partitions() const;

    // What a request comes to. The partition is coordinated here.

    /// What is to be appended before the answer; nothing when it changes nothing.
    using Verdict = Result<std::optional<Change>, ErrorCode>;

    /// A new beginning. FencedStateEpoch when it is known with a later state epoch; nothing is to
    /// be done when it is known with this one: the group coordinator asks again when it has heard
    /// no answer.
    Verdict initialize(std::int32_t partition, const ShareStateKey &key,
        const InitializeShareGroupStateRequest &request, std::int64_t nowMs) const;
    /// InvalidRequest when it was not initialized, FencedLeaderEpoch when a later leader has read
    /// or written it. A new leader's epoch is written down, which fences the one before.
    struct Read {
        ReadShareGroupStateResponse response{};
        std::optional<Change> change{};
    };
    Read read(std::int32_t partition, const ShareStateKey &key,
        const ReadShareGroupStateRequest &request, std::int64_t nowMs) const;
    /// InvalidRequest, FencedLeaderEpoch, FencedStateEpoch. A snapshot follows each
    /// share.coordinator.snapshot.update.records.per.snapshot updates.
    Verdict write(std::int32_t partition, const ShareStateKey &key,
        const WriteShareGroupStateRequest &request, std::int64_t nowMs) const;
    /// Nothing changes when it is not known.
    Verdict remove(std::int32_t partition, const ShareStateKey &key) const;
    /// What is known of a topic's share-partitions goes with the topic.
    std::vector<Change> removeTopic(const TopicId &topicId) const;

    /// The change stands in the log, at `offset`.
    void apply(const Change &change, std::int64_t offset);

    /// Records of this partition below that offset say nothing that later ones do not say: nobody
    /// needs them any more.
    std::int64_t redundantBelow(std::int32_t partition) const;

private:
    struct State {
        ShareSnapshotRecord now{}; ///< with all updates
        std::int32_t updates = 0; ///< since the last snapshot
        std::int64_t snapshotOffset = -1; ///< where that stands
    };
    struct Partition {
        std::map<ShareStateKey, State> states{};
        std::int64_t endOffset = 0; ///< behind the newest record
    };

    const State *find(std::int32_t partition, const ShareStateKey &key) const;
    Change changeOf(std::int32_t partition, const ShareStateKey &key, const State *known,
        const WriteShareGroupStateRequest &request, std::int64_t nowMs) const;
    void applyRecord(Partition &partition, const Change &change, std::int64_t offset);

    std::int32_t m_updatesPerSnapshot;
    std::map<std::int32_t, Partition> m_partitions;
};

} // namespace queuelab::log
