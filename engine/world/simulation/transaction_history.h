#pragma once

#include "engine/core/trace.h"
#include "engine/log/broker_io.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace queuelab::world::simulation {

/// Which record it is, told by the stamp in its body; 0 is none of ours.
using RecordId = std::uint64_t;

/// What producers with a transactional id did, and were told, as it is seen on the wire.
class TransactionHistory {
public:
    enum class Outcome : std::uint8_t {
        Unknown, ///< it was not told: its process died, or it was fenced
        Committed,
        Aborted
    };
    struct Transaction {
        std::string transactionalId;
        std::int64_t producerId = -1;
        std::int16_t producerEpoch = -1;
        Outcome outcome = Outcome::Unknown;
        std::optional<Instant> commitAsked{}; ///< when the coordinator first heard of the commit
        /// By partition and base sequence, so that a batch that is sent again counts once.
        std::map<log::TopicPartition, std::map<std::int32_t, std::vector<RecordId>>> records{};
    };
    const std::vector<Transaction> &transactions() const { return m_transactions; }

    /// A batch that was taken though its producer had been fenced before it arrived.
    struct FencedWrite {
        std::string transactionalId;
        log::TopicPartition partition;
        std::int16_t producerEpoch = -1;
        std::int16_t newestEpoch = -1;
        Instant at{};
    };
    const std::vector<FencedWrite> &fencedWrites() const { return m_fencedWrites; }

    /// `idOf` tells which record a body is.
    void request(const log::ClientRequest &request, Instant now,
        const std::function<RecordId(ByteView)> &idOf);
    void answer(const log::Answer &answer);

private:
    using Call = std::pair<ClientId, RequestId>;
    /// Partition, producer id, epoch, base sequence.
    using Batch = std::tuple<log::TopicPartition, std::int64_t, std::int16_t, std::int32_t>;
    struct Asked {
        std::string transactionalId{}; ///< InitProducerId
        std::optional<std::size_t> ending{}; ///< EndTxn: the transaction
        bool committed = false;
        std::vector<FencedWrite> fenced{}; ///< Produce: its batches of fenced epochs
    };
    void produced(const log::ClientRequest &request, const log::ProduceRequest &produce,
        Instant now, const std::function<RecordId(ByteView)> &idOf);
    Transaction &open(
        const std::string &transactionalId, std::int64_t producerId, std::int16_t producerEpoch);

    std::vector<Transaction> m_transactions;
    std::map<std::int64_t, std::size_t> m_open; // by producer id
    std::set<Batch> m_batches; // that were seen
    std::map<std::string, std::pair<std::int64_t, std::int16_t>> m_newest; // producer id and epoch
    std::map<Call, Asked> m_asked;
    std::vector<FencedWrite> m_fencedWrites;
};

} // namespace queuelab::world::simulation
