#pragma once

#include "engine/core/context.h"
#include "engine/log/assignor.h"
#include "engine/log/client.h"
#include "engine/log/producer.h"
#include "engine/log/record_batch.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace queuelab::log {

/// Whose protocol a group runs: the members share out (JoinGroup), or the coordinator (KIP-848).
enum class GroupProtocol : std::uint8_t { Classic, Consumer };

enum class OffsetReset : std::uint8_t { Earliest, Latest, None };

/// A consumer's settings under Kafka's keys and defaults.
struct ConsumerConfig {
    std::string group{}; ///< group.id
    std::vector<std::string> topics{};
    std::optional<std::string> groupInstanceId{}; ///< group.instance.id
    std::vector<Assignor> assignors{
        Assignor::Range, Assignor::CooperativeSticky}; ///< partition.assignment.strategy
    std::chrono::milliseconds sessionTimeout{45'000}; ///< session.timeout.ms
    std::chrono::milliseconds heartbeatInterval{3'000}; ///< heartbeat.interval.ms
    std::chrono::milliseconds maxPollInterval{300'000}; ///< max.poll.interval.ms
    std::int32_t maxPollRecords = 500; ///< max.poll.records
    bool enableAutoCommit = true; ///< enable.auto.commit
    std::chrono::milliseconds autoCommitInterval{5'000}; ///< auto.commit.interval.ms
    OffsetReset autoOffsetReset = OffsetReset::Latest; ///< auto.offset.reset
    std::int32_t fetchMinBytes = 1; ///< fetch.min.bytes
    std::chrono::milliseconds fetchMaxWait{500}; ///< fetch.max.wait.ms
    std::int32_t maxPartitionFetchBytes = 1'048'576; ///< max.partition.fetch.bytes
    std::chrono::milliseconds metadataMaxAge{300'000}; ///< metadata.max.age.ms
    std::int32_t fetchMaxBytes = 52'428'800; ///< fetch.max.bytes
    std::chrono::milliseconds requestTimeout{30'000}; ///< request.timeout.ms
    std::chrono::milliseconds retryBackoff{100}; ///< retry.backoff.ms
    std::chrono::milliseconds retryBackoffMax{1'000}; ///< retry.backoff.max.ms
    std::vector<NodeId> bootstrapServers{NodeId{1}}; ///< bootstrap.servers
    IsolationLevel isolationLevel = IsolationLevel::ReadUncommitted; ///< isolation.level
    GroupProtocol groupProtocol = GroupProtocol::Classic; ///< group.protocol
    /// group.remote.assignor: "uniform" or "range"; nothing: the coordinator's default. Only with
    /// group.protocol=consumer, where session.timeout.ms, heartbeat.interval.ms and
    /// partition.assignment.strategy are not the client's to set.
    std::optional<std::string> groupRemoteAssignor{};
};

/// A run of records of one partition that poll() hands out.
struct PolledRecords {
    TopicPartition partition;
    std::int64_t firstOffset = 0;
    std::int64_t lastOffset = 0;
    std::int32_t count = 0;
};

/// Kafka's consumer: group membership with heartbeats, assignment, fetching ahead, positions,
/// commits. It follows the partitions' leaders and its group's coordinator from broker to broker. A
/// value. The application drives it: poll() when it wants records, apply() with every
/// answer, wake() at the time it asked for. Between polls it heartbeats by itself, as the Java
/// client's background thread does. A poll() that gave nothing is taken as one that blocks: until
/// the next call the consumer joins rebalances and auto-commits by itself. After one that gave
/// records the application is busy: a rebalance waits for its next poll(), and without one for
/// max.poll.interval.ms it leaves the group. Auto-commit happens inside poll(), as in Kafka: what
/// the PREVIOUS poll returned is committed. After a change of leader a position is checked against
/// the new leader's log (KIP-320). With read_committed it reads up to the last stable offset and
/// drops the records of aborted transactions. With group.protocol=consumer the coordinator assigns,
/// partition by partition, and what does not move goes on being read. It records assigned, revoked,
/// polled, reset and the leader's assignment in the trace; the broker records the rest.
class Consumer {
public:
    Consumer(std::string clientId, ConsumerConfig config);
    Consumer(const Consumer &);
    Consumer &operator=(const Consumer &);
    Consumer(Consumer &&) noexcept;
    Consumer &operator=(Consumer &&) noexcept;
    ~Consumer();

    void start(Context &context, ClientEffects &effects);
    void apply(RequestId id, const Response &response, Context &context, ClientEffects &effects);
    /// The broker refused the connection or it broke: what is out to it is tried again. What is out
    /// to others is not touched.
    void connectionLost(NodeId broker, Context &context, ClientEffects &effects);
    void wake(Context &context, ClientEffects &effects);

    /// Hands out at most max.poll.records records that were fetched, without copying: `handle` is
    /// called for each in order. Returns the runs it gave, in a vector valid until the next call;
    /// empty when nothing has arrived.
    const std::vector<PolledRecords> &poll(Context &context, ClientEffects &effects,
        const std::function<void(const TopicPartition &, const RecordView &)> &handle);
    /// Whether poll() would hand out records now.
    bool hasRecords() const;
    /// Commits the positions up to what poll() has returned; tried again until the group answers.
    void commit(Context &context, ClientEffects &effects);
    /// Moves the position of an owned partition.
    void seek(const TopicPartition &partition, std::int64_t offset);
    /// Takes back what poll() gave of an owned partition from `offset` on, without having handled
    /// it: it is handed out again.
    void giveBack(const TopicPartition &partition, std::int64_t offset);
    /// A paused partition stays owned; poll() gives nothing of it, nor is more of it fetched. A
    /// partition that is assigned anew is not paused.
    void pause(const TopicPartition &partition);
    void resume(const TopicPartition &partition, Context &context, ClientEffects &effects);
    /// Leaves in order: commits if auto-commit is on, then LeaveGroup.
    void close(Context &context, ClientEffects &effects);
    /// The process dies without a word: the group finds out by its session timeout.
    void crash();

    struct Position {
        TopicPartition partition;
        std::int64_t position = -1; ///< next offset poll() gives; -1 not known yet
        std::int64_t committed = -1; ///< last one that this member committed or read; -1 none
        std::int64_t fetched = -1; ///< next offset to fetch
        /// Up to where it may read, as the last fetch told: the high watermark, with read_committed
        /// the last stable offset. Its lag is the way there from `position`. -1 not known yet.
        std::int64_t readableEnd = -1;
    };
    std::vector<Position> positions() const; ///< by partition
    std::int32_t generation() const; ///< or member epoch
    /// For a producer's sendOffsets(): a transaction commits only what the present owner read.
    ConsumerGroupMetadata groupMetadata() const;
    bool isMember() const; ///< joined and holding an assignment (which may be empty)
    std::string memberId() const;
    /// The answer that ended it (a fenced group.instance.id, an invalid session timeout); None
    /// while it runs.
    ErrorCode failure() const;
    const ConsumerConfig &config() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace queuelab::log
