#pragma once

#include "engine/core/memory_files.h"
#include "engine/log/control_records.h"
#include "engine/log/events.h"
#include "engine/log/group_coordinator.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::log::testing {

/// The log of __consumer_offsets with a coordinator on it, in virtual time. What the coordinator
/// wants written is committed at once, when the test says so, or fails; another coordinator can
/// take over from what is committed.
class GroupFixture {
public:
    enum class Writes { AtOnce, Later, Fail };

    explicit GroupFixture(BrokerConfig brokerConfig = {}, std::uint64_t seed = 1)
        : config(std::move(brokerConfig))
        , random(seed)
        , coordinator(config, NodeId{broker})
    {
        config.offsetsTopicPartitions = 1; // every group is in it
        coordinator = GroupCoordinator(config, NodeId{broker});
        auto opened =
            PartitionLog::open("broker-1/__consumer_offsets-0", logConfig(), true, m_context, {});
        invariant(opened.has_value(), "the log opens");
        m_log = std::make_unique<PartitionLog>(std::move(*opened));
        load();
    }

    BrokerConfig config;
    Random random;
    Trace trace;
    Writes writes = Writes::AtOnce;
    ErrorCode writeError = ErrorCode::NotEnoughReplicas; ///< with Writes::Fail
    bool logForgets = false; ///< it says that writes are committed and keeps none: a planted bug
    std::int32_t broker = 1;
    GroupCoordinator coordinator;
    ClusterImage image;

    /// A topic comes, or gets more partitions.
    void setTopic(const std::string &name, std::int32_t partitions)
    {
        TopicId id{};
        std::ranges::copy(name.substr(0, id.size()), id.begin());
        if (!image.topic(name))
            image.apply(TopicRecord{name, id});
        for (auto i = static_cast<std::int32_t>(image.topic(name)->partitions.size());
            i < partitions; ++i)
            image.apply(PartitionRecord{id, i, {1}, {1}, 1, 0, 0, {}, {}});
        coordinator.metadataChanged();
    }
    void removeTopic(const std::string &name)
    {
        image.apply(RemoveTopicRecord{image.topic(name)->id});
        coordinator.metadataChanged();
        forgetTopic(name);
    }

    Instant now() const { return m_context.now; }
    Context &context() { return m_context; }
    const PartitionLog &log() const { return *m_log; }

    // Requests. Each returns the number by which its answer is found.

    std::uint64_t join(const JoinGroupRequest &request, std::uint32_t client = 1)
    {
        return call([&](Caller caller) { coordinator.join(caller, request, m_context, m_effects); },
            client);
    }
    std::uint64_t sync(const SyncGroupRequest &request, std::uint32_t client = 1)
    {
        return call([&](Caller caller) { coordinator.sync(caller, request, m_context, m_effects); },
            client);
    }
    std::uint64_t commit(const OffsetCommitRequest &request, std::uint32_t client = 1)
    {
        return call(
            [&](Caller caller) {
                coordinator.commit(caller, request, trace.name("client"), m_context, m_effects);
            },
            client);
    }
    std::uint64_t commitInTransaction(
        const TxnOffsetCommitRequest &request, std::uint32_t client = 1)
    {
        return call(
            [&](Caller caller) {
                coordinator.commitInTransaction(
                    caller, request, trace.name("client"), m_context, m_effects);
            },
            client);
    }
    /// The marker of a transaction's end is written, and committed.
    void endTransaction(std::int64_t producerId, std::int16_t producerEpoch, bool committed)
    {
        const Bytes marker =
            endTransactionBatch(committed ? ControlType::Commit : ControlType::Abort, producerId,
                producerEpoch, 0, epochMillis(now()));
        append(marker);
        coordinator.transactionEnded(0, producerId, committed, m_context, m_effects);
        settle();
    }
    std::uint64_t consumerBeat(
        const ConsumerGroupHeartbeatRequest &request, std::uint32_t client = 1)
    {
        return call(
            [&](Caller caller) {
                coordinator.consumerHeartbeat(
                    caller, request, trace.name(request.clientId), image, m_context, m_effects);
            },
            client);
    }
    std::uint64_t shareBeat(const ShareGroupHeartbeatRequest &request, std::uint32_t client = 1)
    {
        return call(
            [&](Caller caller) {
                coordinator.shareHeartbeat(
                    caller, request, trace.name(request.clientId), image, m_context, m_effects);
            },
            client);
    }
    /// What the share coordinators are to begin with; each is answered with `error`.
    std::vector<GroupCoordinator::ShareInitialization> initializeShares(
        ErrorCode error = ErrorCode::None)
    {
        std::vector<GroupCoordinator::ShareInitialization> wanted;
        coordinator.takeShareInitializations(wanted);
        for (const auto &it : wanted) {
            coordinator.shareInitialized(it.group, it.partition, error, m_context, m_effects);
            settle();
        }
        return wanted;
    }
    void forgetTopic(const std::string &topic)
    {
        coordinator.forgetTopic(topic, m_context);
        settle();
    }
    ErrorCode heartbeat(const std::string &memberId, std::int32_t generation,
        std::optional<std::string> groupInstanceId = {})
    {
        const auto answer = coordinator.heartbeat(
            {"g", generation, memberId, std::move(groupInstanceId)}, m_context);
        settle();
        return answer.error;
    }
    LeaveGroupResponse leave(const LeaveGroupRequest &request)
    {
        LeaveGroupResponse answer = coordinator.leave(request, m_context, m_effects);
        settle();
        return answer;
    }
    std::int64_t committed(const std::string &group, const TopicPartition &partition) const
    {
        const auto answer = coordinator.fetch({group, std::vector{partition}});
        return answer.error == ErrorCode::None ? answer.partitions.at(0).committedOffset : -2;
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

    // Writes and time.

    std::size_t pendingWrites() const { return m_pending.size(); }
    /// The oldest `count` of the writes that wait are committed, or fail.
    void finishWrites(ErrorCode error = ErrorCode::None, std::size_t count = SIZE_MAX)
    {
        for (; count > 0 && !m_pending.empty(); --count) {
            const GroupCoordinator::Write write = std::move(m_pending.front());
            m_pending.pop_front();
            finish(write, error);
        }
        settle();
    }
    void run(Duration duration)
    {
        const Instant end = m_context.now + duration;
        for (auto next = coordinator.nextDeadline(); next && *next <= end;
            next = coordinator.nextDeadline()) {
            m_context.now = std::max(m_context.now, *next);
            coordinator.expire(m_context, m_effects);
            settle();
        }
        m_context.now = end;
    }

    /// Another broker's coordinator takes over. What waits to be written is lost with the old one,
    /// but for the first `surviving` writes, which had made it into the log.
    void failOver(std::size_t surviving = 0)
    {
        coordinator.unload(0, m_context, m_effects);
        settle();
        for (; surviving > 0 && !m_pending.empty(); --surviving) {
            append(m_pending.front().batch.view());
            m_pending.pop_front();
        }
        m_pending.clear();
        coordinator = GroupCoordinator(config, NodeId{++broker});
        load();
    }

    std::optional<GroupSnapshot> group(const std::string &name = "g") const
    {
        for (const GroupSnapshot &shown : coordinator.snapshot()) {
            if (shown.name == name)
                return shown;
        }
        return std::nullopt;
    }
    GroupState state() const { return group().value().state; }
    /// How many records of the log have this key; tombstones only when asked for.
    std::size_t recordsOf(const Bytes &key, bool tombstones = false)
    {
        std::vector<SharedBytes> pieces;
        std::size_t count = 0;
        if (m_log->logEndOffset() == 0)
            return 0;
        invariant(m_log->read(0, m_log->logEndOffset(), UINT64_MAX, pieces, m_files).has_value(),
            "reads");
        for (const SharedBytes &piece : pieces) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const std::size_t size = readBatchHeader(rest)->sizeBytes();
                for (RecordCursor cursor(rest.first(size)); cursor.next();) {
                    const RecordView &record = cursor.record();
                    count += asText(*record.key) == asText(key)
                        && record.value.has_value() != tombstones;
                }
                rest = rest.subspan(size);
            }
        }
        return count;
    }
    /// As a broker of another kind would have left it there.
    void appendRecord(ByteView key, std::optional<ByteView> value)
    {
        BatchBuilder batch;
        batch.reset();
        batch.append(epochMillis(now()), key, value);
        invariant(m_log->append(batch.finish(), 0, m_context).has_value(), "the log takes it");
    }
    Result<void, Error> load()
    {
        return coordinator.load(0, *m_log, m_log->logEndOffset(), m_context, image);
    }

private:
    static LogConfig logConfig()
    {
        LogConfig logConfig;
        logConfig.timestampAfterMaxMs = INT64_MAX;
        return logConfig;
    }
    template <class Function> std::uint64_t call(Function function, std::uint32_t client)
    {
        const std::uint64_t id = m_nextCall++;
        function(Caller{ClientId{client}, RequestId{id}});
        settle();
        return id;
    }
    void append(ByteView batch)
    {
        invariant(m_log->append(batch, 0, m_context, AppendOrigin::Broker).has_value(),
            "the log takes it");
    }
    void finish(const GroupCoordinator::Write &write, ErrorCode error)
    {
        if (error == ErrorCode::None && !logForgets)
            append(write.batch.view());
        coordinator.written(write.id, error, m_context, m_effects);
    }
    /// Takes what the last step has left: writes and answers.
    void settle()
    {
        std::vector<GroupCoordinator::Write> taken;
        for (coordinator.takeWrites(taken); !taken.empty(); coordinator.takeWrites(taken)) {
            for (GroupCoordinator::Write &write : std::exchange(taken, {})) {
                if (writes == Writes::Later)
                    m_pending.push_back(std::move(write));
                else
                    finish(write, writes == Writes::Fail ? writeError : ErrorCode::None);
            }
        }
        for (Effect &effect : m_effects) {
            auto &answer = std::get<Answer>(effect);
            const bool isFirst =
                m_answers.emplace(answer.id.value(), std::move(answer.response)).second;
            invariant(isFirst, "a call is answered once");
        }
        m_effects.clear();
    }

    MemoryFiles m_files;
    Context m_context{kVirtualStart, random, trace, m_files};
    std::unique_ptr<PartitionLog> m_log;
    Effects m_effects;
    std::deque<GroupCoordinator::Write> m_pending;
    std::map<std::uint64_t, Response> m_answers;
    std::uint64_t m_nextCall = 1;
};

/// A JoinGroup of group "g" as the tests' members send it.
inline JoinGroupRequest joinOf(const std::string &clientId, const std::string &memberId = {},
    std::optional<std::string> groupInstanceId = {})
{
    JoinGroupRequest request;
    request.group = "g";
    request.clientId = clientId;
    request.memberId = memberId;
    request.groupInstanceId = std::move(groupInstanceId);
    request.rebalanceTimeout = std::chrono::seconds{60};
    request.protocols = {{"range", SharedBytes::fromText("metadata")}};
    request.memberIdRequired = false;
    return request;
}

} // namespace queuelab::log::testing
