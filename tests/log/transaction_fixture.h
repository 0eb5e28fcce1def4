#pragma once

#include "engine/core/memory_files.h"
#include "engine/log/events.h"
#include "engine/log/transaction_coordinator.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace queuelab::log::testing {

/// The log of __transaction_state with a coordinator on it, in virtual time. What the coordinator
/// wants written is committed at once, when the test says so, or fails; markers are written at
/// once, or when the test says so; another coordinator can take over from what is committed.
class TransactionFixture {
public:
    enum class Writes { AtOnce, Later, Fail };

    explicit TransactionFixture(BrokerConfig brokerConfig = {}, std::uint64_t seed = 1)
        : config(std::move(brokerConfig))
        , random(seed)
        , coordinator(config, NodeId{broker})
    {
        config.transactionPartitions = 1; // every id is in it
        coordinator = TransactionCoordinator(config, NodeId{broker});
        LogConfig logConfig;
        logConfig.timestampAfterMaxMs = INT64_MAX;
        auto opened =
            PartitionLog::open("broker-1/__transaction_state-0", logConfig, true, m_context, {});
        invariant(opened.has_value(), "the log opens");
        m_log = std::make_unique<PartitionLog>(std::move(*opened));
        invariant(load().has_value(), "an empty log is read");
    }

    BrokerConfig config;
    Random random;
    Trace trace;
    Writes writes = Writes::AtOnce;
    ErrorCode writeError = ErrorCode::NotEnoughReplicas; ///< with Writes::Fail
    bool markersAtOnce = true;
    std::int64_t nextProducerId = 1'000;
    bool givesProducerIds = true;
    std::int32_t broker = 1;
    TransactionCoordinator coordinator;
    std::vector<TransactionCoordinator::MarkerWanted> written; ///< markers, oldest first

    Context &context() { return m_context; }
    Effects &effects() { return m_effects; }
    Instant now() const { return m_context.now; }

    // Requests. Each returns the number by which its answer is found.

    std::uint64_t init(const InitProducerIdRequest &request, std::string_view client = "app")
    {
        return call([&](Caller caller) {
            coordinator.initProducerId(caller, request, trace.name(client), m_context, m_effects);
        });
    }
    std::uint64_t add(const AddPartitionsToTxnRequest &request, std::string_view client = "app")
    {
        return call([&](Caller caller) {
            if (request.fromBroker)
                caller.peer = NodeId{7};
            coordinator.addPartitions(caller, request, trace.name(client), m_context, m_effects);
        });
    }
    std::uint64_t addOffsets(const AddOffsetsToTxnRequest &request, std::string_view client = "app")
    {
        return call([&](Caller caller) {
            coordinator.addOffsets(caller, request, {"__consumer_offsets", 7}, trace.name(client),
                m_context, m_effects);
        });
    }
    std::uint64_t end(const EndTxnRequest &request, std::string_view client = "app")
    {
        return call([&](Caller caller) {
            coordinator.end(caller, request, trace.name(client), m_context, m_effects);
        });
    }
    /// The answer to a call, once; nothing while there is none.
    template <class T> std::optional<T> answer(std::uint64_t id)
    {
        const auto found = m_answers.find(id);
        if (found == m_answers.end())
            return std::nullopt;
        T answer = std::get<T>(found->second);
        m_answers.erase(found);
        return answer;
    }
    bool isAnswered(std::uint64_t id) const { return m_answers.contains(id); }

    // Writes, markers and time.

    std::size_t pendingWrites() const { return m_pending.size(); }
    /// The oldest `count` of the writes that wait are committed, or fail.
    void finishWrites(ErrorCode error = ErrorCode::None, std::size_t count = SIZE_MAX)
    {
        for (; count > 0 && !m_pending.empty(); --count) {
            const TransactionCoordinator::Write write = std::move(m_pending.front());
            m_pending.pop_front();
            finish(write, error);
        }
        settle();
    }
    const std::deque<TransactionCoordinator::MarkerWanted> &pendingMarkers() const
    {
        return m_markers;
    }
    void writeMarkers(std::size_t count = SIZE_MAX)
    {
        for (; count > 0 && !m_markers.empty(); --count) {
            const TransactionCoordinator::MarkerWanted marker = std::move(m_markers.front());
            m_markers.pop_front();
            written.push_back(marker);
            coordinator.markerWritten(marker, m_context);
        }
        settle();
    }
    void run(Duration duration)
    {
        const Instant end = m_context.now + duration;
        for (auto next = coordinator.nextDeadline(); next && *next <= end;
            next = coordinator.nextDeadline()) {
            m_context.now = std::max(m_context.now, *next);
            coordinator.expire(m_context);
            settle();
        }
        m_context.now = end;
    }
    void giveProducerIds()
    {
        givesProducerIds = true;
        settle();
    }
    void denyProducerIds()
    {
        coordinator.denyProducerIds(m_context, m_effects);
        settle();
    }

    /// Another broker's coordinator takes over. What waits to be written is lost with the old one,
    /// but for the first `surviving` writes, which had made it into the log. Markers on their way
    /// are lost too.
    void failOver(std::size_t surviving = 0)
    {
        coordinator.unload(0, m_effects);
        settle();
        for (; surviving > 0 && !m_pending.empty(); --surviving) {
            append(m_pending.front());
            m_pending.pop_front();
        }
        m_pending.clear();
        m_markers.clear();
        ++broker;
        coordinator = TransactionCoordinator(config, NodeId{broker});
        invariant(load().has_value(), "the log is read back");
        settle();
    }
    Result<void, Error> load()
    {
        return coordinator.load(0, broker, *m_log, m_log->logEndOffset(), m_context);
    }
    /// As a broker of another kind would have left it there.
    void appendRecord(ByteView key, std::optional<ByteView> value)
    {
        BatchBuilder batch;
        batch.reset();
        batch.append(epochMillis(now()), key, value);
        invariant(m_log->append(batch.finish(), 0, m_context).has_value(), "the log takes it");
    }

    std::optional<TransactionSnapshot> transaction(const std::string &id = "tx") const
    {
        for (const TransactionSnapshot &shown : coordinator.snapshot()) {
            if (shown.transactionalId == id)
                return shown;
        }
        return std::nullopt;
    }
    std::string state(const std::string &id = "tx") const
    {
        const auto shown = transaction(id);
        return shown ? shown->state : "none";
    }
    /// What the log's records say of an id, oldest first; a tombstone is one without a state.
    std::vector<std::optional<TransactionMetadata>> records(const std::string &id = "tx")
    {
        std::vector<std::optional<TransactionMetadata>> found;
        std::vector<SharedBytes> pieces;
        if (m_log->logEndOffset() == 0)
            return found;
        invariant(m_log->read(0, m_log->logEndOffset(), UINT64_MAX, pieces, m_files).has_value(),
            "reads");
        for (const SharedBytes &piece : pieces) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const std::size_t size = readBatchHeader(rest)->sizeBytes();
                for (RecordCursor cursor(rest.first(size)); cursor.next();) {
                    if (decodeTransactionKey(*cursor.record().key) != id)
                        continue;
                    const auto value = cursor.record().value;
                    found.push_back(value ? decodeTransactionMetadata(*value) : std::nullopt);
                }
                rest = rest.subspan(size);
            }
        }
        return found;
    }
    /// The states that the log's records of an id go through: "Empty Ongoing PrepareCommit".
    std::string history(const std::string &id = "tx")
    {
        std::string text;
        for (const auto &record : records(id)) {
            text += text.empty() ? "" : " ";
            text += record ? transactionStateName(record->state) : "tombstone";
        }
        return text;
    }

private:
    template <class Function> std::uint64_t call(Function function)
    {
        const std::uint64_t id = m_nextCall++;
        function(Caller{ClientId{1}, RequestId{id}});
        settle();
        return id;
    }
    void append(const TransactionCoordinator::Write &write)
    {
        invariant(m_log->append(write.batch.view(), 0, m_context).has_value(), "the log takes it");
    }
    void finish(const TransactionCoordinator::Write &write, ErrorCode error)
    {
        if (error == ErrorCode::None)
            append(write);
        coordinator.written(write.id, error, m_context, m_effects);
    }
    /// Takes what the last step has left: writes, markers, wishes for producer ids, answers.
    void settle()
    {
        for (bool again = true; again;) {
            again = false;
            while (givesProducerIds && coordinator.producerIdsWanted() > 0) {
                coordinator.giveProducerId(nextProducerId++, m_context, m_effects);
                again = true;
            }
            std::vector<TransactionCoordinator::Write> taken;
            coordinator.takeWrites(taken);
            for (TransactionCoordinator::Write &write : taken) {
                if (writes == Writes::Later)
                    m_pending.push_back(std::move(write));
                else
                    finish(write, writes == Writes::Fail ? writeError : ErrorCode::None);
                again = true;
            }
            std::vector<TransactionCoordinator::MarkerWanted> markers;
            coordinator.takeMarkers(markers);
            for (TransactionCoordinator::MarkerWanted &marker : markers) {
                if (markersAtOnce) {
                    written.push_back(marker);
                    coordinator.markerWritten(marker, m_context);
                } else {
                    m_markers.push_back(std::move(marker));
                }
                again = true;
            }
        }
        for (Effect &effect : m_effects) {
            const auto take = [&](auto &answer) {
                const bool isFirst =
                    m_answers.emplace(answer.id.value(), std::move(answer.response)).second;
                invariant(isFirst, "a call is answered once");
            };
            if (auto *answer = std::get_if<Answer>(&effect))
                take(*answer);
            else
                take(std::get<AnswerPeer>(effect));
        }
        m_effects.clear();
    }

    MemoryFiles m_files;
    Context m_context{kVirtualStart, random, trace, m_files};
    std::unique_ptr<PartitionLog> m_log;
    Effects m_effects;
    std::deque<TransactionCoordinator::Write> m_pending;
    std::deque<TransactionCoordinator::MarkerWanted> m_markers;
    std::map<std::uint64_t, Response> m_answers;
    std::uint64_t m_nextCall = 1;
};

/// A transactional producer as far as the coordinator sees it: what it was told it is.
struct TransactionalProducer {
    TransactionFixture &at;
    std::string id = "tx";
    std::int64_t producerId = -1;
    std::int16_t epoch = -1;
    bool bumps = true; ///< transaction.version 2

    InitProducerIdResponse init(bool saysWhoItIs = false)
    {
        const auto answer = at.answer<InitProducerIdResponse>(at.init({.transactionalId = id,
            .producerId = saysWhoItIs ? producerId : -1,
            .producerEpoch = saysWhoItIs ? epoch : std::int16_t{-1}}));
        if (answer->error == ErrorCode::None) {
            producerId = answer->producerId;
            epoch = answer->producerEpoch;
        }
        return *answer;
    }
    AddPartitionsToTxnRequest adding(std::vector<TopicPartition> partitions) const
    {
        return {.transactionalId = id,
            .producerId = producerId,
            .producerEpoch = epoch,
            .fromBroker = bumps,
            .partitions = std::move(partitions)};
    }
    ErrorCode add(std::vector<TopicPartition> partitions)
    {
        return at.answer<AddPartitionsToTxnResponse>(at.add(adding(std::move(partitions))))
            ->partitions.at(0)
            .error;
    }
    EndTxnRequest ending(bool committed) const
    {
        return {.transactionalId = id,
            .producerId = producerId,
            .producerEpoch = epoch,
            .committed = committed,
            .bumpsEpoch = bumps};
    }
    ErrorCode end(bool committed)
    {
        const auto answer = at.answer<EndTxnResponse>(at.end(ending(committed)));
        if (answer->error == ErrorCode::None && answer->producerId >= 0) {
            producerId = answer->producerId;
            epoch = answer->producerEpoch;
        }
        return answer->error;
    }
};

inline InitProducerIdRequest initOf(
    std::string id = "tx", std::int64_t producerId = -1, std::int16_t epoch = -1)
{
    return {.transactionalId = std::move(id), .producerId = producerId, .producerEpoch = epoch};
}

/// "tx" with producer id 7 in epoch 5, as another broker's coordinator has left it.
inline TransactionMetadata stored(TransactionState state, std::int16_t clientTransactionVersion = 2)
{
    const bool hasPartitions = state == TransactionState::Ongoing
        || state == TransactionState::PrepareCommit || state == TransactionState::PrepareAbort;
    return {.producerId = 7,
        .previousProducerId = 7,
        .producerEpoch = 5,
        .timeoutMs = 60'000,
        .state = state,
        .partitions = hasPartitions ? std::vector<TopicPartition>{{"orders", 0}, {"orders", 1}}
                                    : std::vector<TopicPartition>{},
        .lastUpdateMs = epochMillis(kVirtualStart),
        .startMs = hasPartitions ? epochMillis(kVirtualStart) : -1,
        .clientTransactionVersion = clientTransactionVersion};
}
inline void loadFrom(TransactionFixture &at, const TransactionMetadata &metadata)
{
    at.appendRecord(encodeTransactionKey("tx"), encodeValue(metadata, 2));
    at.markersAtOnce = false;
    at.failOver();
}

/// Producer id and epoch.
using Ids = std::pair<std::int64_t, std::int16_t>;
inline Ids idsOf(const TransactionFixture &at, const std::string &id = "tx")
{
    const auto shown = at.transaction(id);
    return {shown->producerId, shown->producerEpoch};
}
/// Request by name: "init", "add", "verify", "offsets", "commit" and "abort" (transaction.version
/// 1), "commit2" and "abort2" (version 2). Returns the number of the answer.
inline std::uint64_t send(TransactionFixture &at, std::string_view request, std::int64_t producerId,
    std::int16_t epoch, const std::string &id = "tx")
{
    if (request == "init")
        return at.init(initOf(id, epoch < 0 ? -1 : producerId, epoch));
    if (request == "add" || request == "verify") {
        return at.add({.transactionalId = id,
            .producerId = producerId,
            .producerEpoch = epoch,
            .verifyOnly = request == "verify",
            .fromBroker = request == "verify",
            .partitions = {{"orders", 0}}});
    }
    if (request == "offsets")
        return at.addOffsets({id, producerId, epoch, "g"});
    return at.end({.transactionalId = id,
        .producerId = producerId,
        .producerEpoch = epoch,
        .committed = request.starts_with("commit"),
        .bumpsEpoch = request.ends_with('2')});
}
inline ErrorCode ask(TransactionFixture &at, std::string_view request, std::int64_t producerId,
    std::int16_t epoch, const std::string &id = "tx")
{
    const std::uint64_t call = send(at, request, producerId, epoch, id);
    if (request == "init")
        return at.answer<InitProducerIdResponse>(call)->error;
    if (request == "add" || request == "verify")
        return at.answer<AddPartitionsToTxnResponse>(call)->partitions.at(0).error;
    if (request == "offsets")
        return at.answer<AddOffsetsToTxnResponse>(call)->error;
    return at.answer<EndTxnResponse>(call)->error;
}

} // namespace queuelab::log::testing
