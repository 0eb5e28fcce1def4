#pragma once

#include "engine/core/trace.h"
#include "engine/log/broker_io.h"
#include "engine/world/simulation/compaction_history.h"
#include "engine/world/simulation/poll_history.h"
#include "engine/world/simulation/scenario.h"
#include "engine/world/simulation/share_history.h"
#include "engine/world/simulation/transaction_history.h"
#include "engine/world/world.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::world::simulation {

/// By the stamp in a record's body: producer (counted from 1) and running number.
constexpr RecordId recordId(std::uint64_t producer, std::uint64_t sequence)
{
    return producer << 40 | sequence;
}

/// Something that went wrong, under the name the field has for it.
enum class AnomalyKind : std::uint8_t {
    LostWrite, ///< acknowledged, and not there
    Duplicate, ///< one record twice in a partition
    OutOfOrder, ///< a producer's records in another order than it sent them
    VanishedRead, ///< a consumer was given it, and it is gone or another one
    HighWatermarkBack, ///< a reader was told a lower high watermark than before, by the same leader
    ReplicasDiffer, ///< below the high watermark
    NotReplicated, ///< long after everything was healed
    GroupNotBalanced, ///< long after everything was healed: not a full, disjoint assignment
    NotRecovered, ///< a broker did not start again from its directory
    AbortedRead, ///< G1a: a record of an aborted transaction counts as committed
    IntermediateRead, ///< G1b: a record was read before its transaction was to be committed
    CircularFlow, ///< G1c: transactions follow each other in a circle by what they wrote and read
    WriteCycle, ///< G0: as before, by what they wrote alone
    FracturedTransaction, ///< part of it is committed
    OpenTransaction, ///< long after everything was healed
    FencedWrite, ///< a producer wrote after a younger one had its transactional id
    SkippedPoll, ///< poll() left out a record
    NonMonotonicPoll, ///< poll() went back
    LostValue, ///< compaction removed a key's newest record
    RevivedValue, ///< a deleted key is back
    AcquiredTwice, ///< two consumers of a share group had a record at once
    DeliveredAgain, ///< to a share group, settled or more often than the limit says
    NeverDelivered, ///< to a share group
    ShareGroupBehind, ///< long after everything was healed: not everything is settled
};
std::string_view anomalyName(AnomalyKind kind); ///< "lost write"

struct Anomaly {
    AnomalyKind kind = AnomalyKind::LostWrite;
    bool isPromised = false; ///< these settings promise that it cannot happen
    std::uint64_t count = 1;
    std::string text; ///< where, when, and the chain of events that caused it
};

/// What clients were told while a simulation ran, and the events that explain it afterwards.
class History final : public LogTap, public TraceSink {
public:
    explicit History(const Scenario &scenario)
        : m_scenario(scenario)
    {
    }

    void request(NodeId broker, const log::ClientRequest &request, Instant now) override;
    void answer(NodeId broker, const log::Answer &answer, Instant now) override;
    void event(std::uint64_t sequence, const TraceEvent &event, const NameTable &names) override;

    /// A batch that was acknowledged to its producer.
    struct Acknowledged {
        std::int64_t baseOffset = 0;
        std::vector<RecordId> records;
        std::int16_t acks = -1;
        NodeId broker{0};
        Instant at{};
    };
    /// A partition of one of the scenario's topics.
    struct Partition {
        std::vector<Acknowledged> acknowledged; ///< in the order the answers came
        std::vector<RecordId> read; ///< by offset, what consumers were given; 0 nothing
    };
    const std::map<log::TopicPartition, Partition> &partitions() const { return m_partitions; }
    /// Anomalies that only show while it runs.
    const std::vector<Anomaly> &anomalies() const { return m_anomalies; }

    /// A change of leader, a truncation or a recovery that cut something, for explaining losses.
    struct Incident {
        Instant at{};
        std::string text;
        bool removes = false; ///< records went with it
        std::int64_t from = 0; ///< the first offset that went
    };
    /// The incidents of a partition, oldest first.
    const std::vector<Incident> &incidents(const std::string &partition) const;

    /// Whether a leader that was restarted in order refused this producer's batch as out of order:
    /// the producer snapshot of a clean stop has the newest batch only, so that of several that
    /// are sent again the older ones are not known (Kafka's does that too), and the producer begins
    /// a new epoch with them.
    bool wasForgotten(const std::string &partition, const std::string &producer) const
    {
        return m_forgotten.contains({partition, producer});
    }

    /// The last known leader was elected (every replica in sync or eligible had stopped uncleanly)
    /// though it had lost power and had not been in sync since: what only its page cache held is
    /// gone, whatever the others have (Kafka's balanced recovery, KIP-966).
    struct PowerLoss {
        Instant at{}; ///< of the election
        std::string leader;
        std::optional<std::int64_t> end{}; ///< of its log then; none when it appended nothing since
    };
    /// The first such election after `since` that left out `offset`; nullptr: none did. `logEnd` is
    /// where the log ends now.
    const PowerLoss *lostWithPower(const std::string &partition, std::int64_t offset, Instant since,
        std::int64_t logEnd) const;

    /// Whether that has happened to any partition, internal ones too; or the power went where the
    /// coordinators' own topics have no three copies. Then a marker may be gone of a transaction
    /// that its coordinator takes for ended, and what hangs hangs for good, in Kafka too.
    bool hasLostPower() const
    {
        return !m_powerLosses.empty()
            || (m_scenario.world.logBrokers < kBrokersForSafety && !m_powerLost.empty());
    }

    const TransactionHistory &transactions() const { return m_transactions; }
    const PollHistory &polls() const { return m_polls; }
    const CompactionHistory &compaction() const { return m_compaction; }
    const ShareHistory &shares() const { return m_shares; }

    std::uint64_t producerNumber(std::string_view name); ///< from 1
    RecordId idOf(ByteView body); ///< 0: not written by a simulated producer
    std::uint64_t acknowledgedRecords() const { return m_acknowledgedRecords; }
    std::uint64_t readRecords() const { return m_readRecords; }

private:
    struct Sent {
        std::int16_t acks = -1;
        std::map<log::TopicPartition, std::vector<RecordId>> records;
    };
    void followPower(const TraceEvent &event, const NameTable &names);
    void answered(NodeId broker, const log::Answer &answer, const log::ProduceResponse &response,
        Instant now);
    void answered(
        NodeId broker, const log::Answer &answer, const log::FetchResponse &response, Instant now);
    void readRecord(const log::TopicPartition &partition, std::int64_t offset, RecordId record);

    static constexpr std::int32_t kBrokersForSafety = 3;

    const Scenario &m_scenario;
    TransactionHistory m_transactions;
    PollHistory m_polls;
    CompactionHistory m_compaction;
    ShareHistory m_shares;
    std::map<std::string, std::uint64_t, std::less<>> m_producers;
    std::map<std::pair<ClientId, RequestId>, Sent> m_sent;
    std::map<log::TopicPartition, Partition> m_partitions;
    /// By who told whom; forgotten when the broker ends or the leader changes.
    std::map<log::TopicPartition, std::map<std::pair<NodeId, ClientId>, std::int64_t>>
        m_highWatermarks;
    std::map<std::string, std::vector<Incident>, std::less<>> m_incidents;
    std::set<std::pair<std::string, std::string>> m_forgotten; // partition, producer
    bool m_anyCleanStop = false;
    /// Brokers that lost power, with the partitions they have been in sync with since.
    std::map<std::string, std::set<std::string>> m_powerLost;
    std::map<std::string, std::vector<PowerLoss>> m_powerLosses; // by partition, oldest first
    std::vector<Anomaly> m_anomalies;
    Instant m_start{kVirtualStart};
    std::uint64_t m_acknowledgedRecords = 0;
    std::uint64_t m_readRecords = 0;
};

/// Calls `handle(offset, body)` for every record of whole batches.
void forEachRecord(ByteView batches, const std::function<void(std::int64_t, ByteView)> &handle);

} // namespace queuelab::world::simulation
