#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/log/deadlines.h"
#include "engine/log/partition_log.h"
#include "engine/log/snapshot.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::log {

/// One broker's part of the controller quorum: KRaft (KIP-595, pre-vote KIP-996; facts: kafka.md
/// 5). The voters elect a leader, the active controller, which appends to the metadata log
/// `__cluster_metadata-0`; the others, and brokers without a vote, fetch it. A record is committed
/// once a majority of the voters has it on disk. A value; part of a Broker, whose effects it
/// appends.
///
/// Its requests to peers have ids with kQuorumRequest set, so that their answers find it.
///
/// It syncs what it appends before it counts (as KRaft does), and keeps epoch and vote in the file
/// `quorum-state`, so that a restart never votes twice in an epoch. Nothing is read from a log
/// whose end is not known to be committed: until it has heard of a high watermark, highWatermark()
/// is 0. The log is not compacted into snapshots: it is as long as the cluster's history.
class Quorum {
public:
    static constexpr std::uint64_t kQuorumRequest = std::uint64_t{1} << 63;

    Quorum(NodeId self, const BrokerConfig &config);

    /// Reads the log and quorum-state below `directory` (the broker's). The only voter is the
    /// leader when this returns, and all it has is committed.
    Result<void, Error> open(const std::string &directory, bool cleanShutdown, Context &context,
        std::vector<std::string> &notes);
    Result<void, Error> close(Context &context);

    /// Vote, BeginQuorumEpoch, EndQuorumEpoch, and Fetch of kMetadataTopic, by another broker.
    /// Answered now or later.
    void apply(const PeerRequest &request, Context &context, Effects &effects);
    /// The answer to a request of its own.
    void apply(const PeerAnswer &answer, Context &context, Effects &effects);
    void peerLost(NodeId peer, Context &context, Effects &effects);
    std::optional<Instant> nextDeadline() const { return m_deadline; }
    /// Carries out what is due. The first call after open() starts its timers.
    void expire(Context &context, Effects &effects);

    bool isLeader() const { return m_role == QuorumRole::Leader; }
    /// The active controller as far as it knows.
    std::optional<NodeId> leader() const { return m_leader; }
    std::int32_t epoch() const { return m_epoch; }
    /// As leader: appends these records as one batch. Returns the offset of the last: they are
    /// committed when highWatermark() is above it, which may be at once. NotController when it does
    /// not lead, KafkaStorageError when it cannot write (it then resigns).
    Result<std::int64_t, ErrorCode> append(
        const std::vector<Bytes> &values, Context &context, Effects &effects);
    /// Everything below is committed; never goes down in a life.
    std::int64_t highWatermark() const { return m_highWatermark; }
    std::int64_t logEndOffset() const { return m_log->logEndOffset(); }
    /// Calls `handle(offset, value)` for the records in [from, to), control records left out.
    Result<void, Error> read(std::int64_t from, std::int64_t to,
        const std::function<void(std::int64_t offset, ByteView value)> &handle,
        const Files &files) const;
    /// As leader: steps down in favour of the voter that is furthest (EndQuorumEpoch). Before a
    /// controlled shutdown.
    void resign(Context &context, Effects &effects);

    QuorumRole role() const { return m_role; }

private:
    // The integrator fixes what others call; the rest is the implementer's.
    NodeId m_self;
    std::vector<NodeId> m_voters;
    QuorumRole m_role = QuorumRole::Unattached;
    std::int32_t m_epoch = 0;
    std::optional<NodeId> m_leader;
    std::optional<PartitionLog> m_log; ///< from open() on
    std::int64_t m_highWatermark = 0;
    std::optional<Instant> m_deadline;
};

} // namespace queuelab::log
