#pragma once

#include "engine/core/bytes.h"
#include "engine/log/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

// The records of __transaction_state, byte for byte (facts: kafka.md 4.4). A record without a value
// deletes its transactional id.

inline constexpr std::string_view kTransactionTopic = "__transaction_state";

/// Kafka's states; the numbers stand in the records.
enum class TransactionState : std::int8_t {
    Empty = 0,
    Ongoing = 1,
    PrepareCommit = 2,
    PrepareAbort = 3,
    CompleteCommit = 4,
    CompleteAbort = 5,
    Dead = 6,
    PrepareEpochFence = 7
};
std::string_view transactionStateName(TransactionState state); ///< "PrepareCommit"
/// Whether Kafka's TransactionState allows this step (facts: 4.4, "Valid").
bool isValidTransition(TransactionState from, TransactionState to);

/// What the coordinator knows of a transactional id, as it is stored.
struct TransactionMetadata {
    std::int64_t producerId = -1;
    std::int64_t previousProducerId = -1; ///< version 1, tag 0: the one before this record
    std::int64_t nextProducerId = -1; ///< version 1, tag 1: while it ends with an epoch used up
    std::int16_t producerEpoch = -1;
    std::int16_t nextProducerEpoch = -1; ///< version 1, tag 3: of two-phase commit (KIP-939)
    std::int32_t timeoutMs = 0;
    TransactionState state = TransactionState::Empty;
    std::vector<TopicPartition> partitions{}; ///< sorted
    std::int64_t lastUpdateMs = -1;
    std::int64_t startMs = -1; ///< -1: none is under way
    /// Version 1, tag 2: 2 when the epoch was bumped as the transaction was decided.
    std::int16_t clientTransactionVersion = 0;
    friend bool operator==(const TransactionMetadata &, const TransactionMetadata &) = default;
};

Bytes encodeTransactionKey(std::string_view transactionalId);
/// Into a buffer whose room is used again; what it held is gone.
void encodeTransactionKey(std::string_view transactionalId, Bytes &out);
/// Nothing when it is malformed.
std::optional<std::string> decodeTransactionKey(ByteView bytes);
/// Version 1 (flexible) from transaction.version 1 on, as Kafka 4 writes it; else version 0.
Bytes encodeValue(const TransactionMetadata &metadata, std::int16_t transactionVersion);
void encodeValue(const TransactionMetadata &metadata, std::int16_t transactionVersion, Bytes &out);
/// Versions 0 and 1; nothing when it is malformed or newer.
std::optional<TransactionMetadata> decodeTransactionMetadata(ByteView bytes);

} // namespace queuelab::log
