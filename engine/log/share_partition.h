#pragma once

#include "engine/core/context.h"
#include "engine/core/result.h"
#include "engine/log/events.h"
#include "engine/log/requests.h"
#include "engine/log/snapshot.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace queuelab::log {

/// One partition for one share group, as the partition's leader keeps it (KIP-932; facts: kafka.md
/// 7; Kafka's SharePartition). Records from the start offset (SPSO) to the end offset (SPEO) are in
/// flight: each is available, acquired by a member until its lock expires, acknowledged, or
/// archived. Everything below is settled, nothing above was given out yet. A value.
///
/// What is acknowledged counts once it is stored: the broker takes what has changed (takeWrite),
/// sends it to the share coordinator, and says what became of it (written). Until then the record
/// can neither be acquired nor acknowledged by anybody. One write is out at a time; what changes
/// meanwhile goes with the next.
///
/// Neighbouring records in the same state are one run, so that a batch costs as much as a record.
/// Offsets that the log has no record for (compaction, markers) are in the runs like all others;
/// who acquires them acknowledges them as gaps.
class SharePartition {
public:
    /// A member of the group with a session here. Numbers are the broker's own, from 1.
    struct Member {
        std::uint32_t number = 0;
        NameId name = kNoName; ///< its client in the trace
        friend bool operator==(const Member &, const Member &) = default;
    };
    /// Of the group or the broker, as they are now.
    struct Settings {
        std::int16_t deliveryCountLimit = 5;
        std::int32_t maxRecordLocks = 2'000; ///< records in flight at most
        Duration lockDuration = std::chrono::seconds{30};
        bool ignoresLocks = false; ///< PlantedBug::ShareLockIgnored
    };
    /// A record batch of the log that was read for a fetch.
    struct LogBatch {
        std::int64_t firstOffset = 0;
        std::int64_t lastOffset = 0;
        /// Of a transaction that was aborted, and the group reads committed: nobody gets it.
        bool isAborted = false;
    };
    struct Acquisition {
        Member member{};
        std::int32_t maxRecords = 500;
        std::int32_t batchSize = 500; ///< new runs are cut to about this size, between batches
        bool recordLimit =
            false; ///< never more than maxRecords; else the last batch is taken whole
    };
    /// Number of a write: who waits for his acknowledgement to be stored waits for this one. 0:
    /// there is nothing to wait for.
    using WriteId = std::uint64_t;
    struct Write {
        WriteId id = 0;
        std::int64_t startOffset = 0;
        std::vector<ShareStateBatch> batches{};
    };

    /// The trace's names of the partition and the group.
    SharePartition(NameId partition, NameId group)
        : m_partition(partition)
        , m_group(group)
    {
    }

    /// Begins with what the share coordinator has of it. `startOffset` is known (see
    /// share.auto.offset.reset). Records that the former leader had given out are available again.
    void load(std::int64_t startOffset, std::span<const ShareStateBatch> batches, Context &context);

    std::int64_t startOffset() const { return m_startOffset; }
    std::int64_t endOffset() const { return m_endOffset; }
    /// The first offset that somebody may acquire: a record in flight that is available, or the end
    /// offset.
    std::int64_t nextFetchOffset(const Settings &settings);
    /// False when nothing in flight is available and there are as many in flight as may be.
    bool canAcquire(const Settings &settings);

    /// Gives the member what is available in `batches`, which begin with the batch that holds
    /// nextFetchOffset() and leave none out. In flight first, then new records. Appends to `out`.
    void acquire(const Acquisition &wanted, std::span<const LogBatch> batches,
        const Settings &settings, Context &context, std::vector<AcquiredRecords> &out);

    /// Whether the batches make sense by themselves: InvalidRequest when one is empty or upside
    /// down, when they overlap or go down, or when there are neither one type nor as many as
    /// offsets.
    static ErrorCode check(std::span<const AcknowledgementBatch> batches);
    /// All or nothing. InvalidRecordState when one of the records is not acquired by this member (a
    /// lock that has expired, an acknowledgement that was given before), InvalidRequest when an
    /// offset was not given out to anybody. What is below the start offset is settled, and left
    /// out.
    Result<WriteId, ErrorCode> acknowledge(const Member &member,
        std::span<const AcknowledgementBatch> batches, const Settings &settings, Context &context);
    /// The member has gone: what it holds is available again.
    WriteId release(const Member &member, const Settings &settings, Context &context);

    /// Records below were deleted from the log.
    void logStartMoved(std::int64_t logStartOffset, Context &context);

    /// The earliest lock ends then; perhaps nothing is due (it was acknowledged).
    std::optional<Instant> nextDeadline() const;
    /// Takes records back whose lock has expired. True when some are available now.
    bool expire(const Settings &settings, Context &context);

    /// What has changed, to be stored; nullptr when nothing has, or a write is out. Valid until
    /// written().
    const Write *takeWrite();
    /// The one that is out.
    const Write *writeOut() const { return m_out ? &*m_out : nullptr; }
    bool hasChanges() const { return !m_changes.empty(); }
    /// The write that is out is stored, or will not be: then its acknowledgements are taken back.
    void written(bool stored, const Settings &settings, Context &context);

    /// By offset, at most `most` runs. What is not stored yet shows as acquired. `clientOf` gives
    /// the client of a member's number.
    template <class ClientOf>
    std::vector<ShareRecordsSnapshot> snapshot(std::size_t most, ClientOf &&clientOf) const
    {
        std::vector<ShareRecordsSnapshot> shown;
        for (const Run &run : m_runs) {
            const bool isHeld = run.isAcquired() || run.write != 0;
            ShareRecordsSnapshot next{run.first, run.last,
                isHeld ? ShareRecordState::Acquired : run.state, run.deliveryCount,
                isHeld ? std::string(clientOf(run.member.number)) : std::string(),
                isHeld ? run.lockedAt : Instant{}, isHeld ? run.lockedUntil : Instant{}};
            if (!shown.empty() && isSame(shown.back(), next)) {
                shown.back().lastOffset = next.lastOffset;
                continue;
            }
            if (shown.size() == most)
                break;
            shown.push_back(std::move(next));
        }
        return shown;
    }

private:
    struct Run {
        std::int64_t first = 0;
        std::int64_t last = 0;
        ShareRecordState state = ShareRecordState::Available;
        AcknowledgeType type = AcknowledgeType::Accept; ///< while `write` is set: what was said
        std::int16_t deliveryCount = 0;
        Member member{}; ///< who has it; while `write` is set: who had it
        Instant lockedAt{};
        Instant lockedUntil{};
        WriteId write = 0; ///< the state counts when this write is stored; 0: it does
        bool isAcquired() const { return state == ShareRecordState::Acquired; }
        bool isAvailable() const { return state == ShareRecordState::Available && write == 0; }
        bool isSettled() const
        {
            return write == 0
                && (state == ShareRecordState::Acknowledged || state == ShareRecordState::Archived);
        }
    };
    struct Lock {
        Instant until;
        std::int64_t first;
        std::int64_t last;
    };

    static bool isSame(const ShareRecordsSnapshot &one, const ShareRecordsSnapshot &other);
    std::size_t runAt(std::int64_t offset) const;
    std::size_t cutAt(std::int64_t offset);
    void append(std::int64_t first, std::int64_t last, ShareRecordState state);
    bool mayAcquire(const Run &run, const Member &member, const Settings &settings) const;
    void lock(Run &run, const Member &member, Duration duration, Context &context);
    std::int64_t acquireAgain(const Acquisition &wanted, std::int64_t from, std::int64_t to,
        const Settings &settings, Context &context, std::vector<AcquiredRecords> &out);
    void acquireNew(const Acquisition &wanted, std::span<const LogBatch> batches, std::int64_t most,
        const Settings &settings, Context &context, std::vector<AcquiredRecords> &out);
    ErrorCode judge(const Member &member, const AcknowledgementBatch &batch) const;
    bool take(const AcknowledgementBatch &batch, const Settings &settings, Context &context);
    bool transition(std::int64_t first, std::int64_t last, AcknowledgeType type,
        const Settings &settings, Context &context);
    void takeBack(Run &run, const Settings &settings, Context &context);
    void madeAvailable(std::int64_t offset);
    void changed(const Run &run);
    void moveStart(Context &context);
    void recordSettled(const Run &run, Context &context) const;
    void record(
        LogEvent event, const Run &run, std::int64_t value, LogReason why, Context &context) const;

    NameId m_partition;
    NameId m_group;
    std::int64_t m_startOffset = 0;
    std::int64_t m_endOffset = 0;
    std::deque<Run> m_runs; // from the start offset to the end offset, without gaps
    std::int64_t m_availableFrom = 0; // nothing below is available
    std::deque<Lock> m_locks; // by time; those of records that were acknowledged are stale
    WriteId m_nextWrite = 1;
    std::vector<ShareStateBatch> m_changes; // to go with m_nextWrite, in the order they were made
    std::optional<Write> m_out;
};

} // namespace queuelab::log
