#pragma once

#include "engine/core/context.h"
#include "engine/log/client.h"
#include "engine/log/record_batch.h"
#include "engine/log/requests.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace queuelab::log {

/// A share consumer's settings under Kafka's keys and defaults.
struct ShareConsumerConfig {
    std::string group{}; ///< group.id
    std::vector<std::string> topics{};
    /// share.acknowledgement.mode=explicit: acknowledge() says it of every record before the next
    /// poll(). Else (implicit) the next poll() accepts what the one before gave.
    bool explicitAcknowledgement = false;
    bool recordLimit = false; ///< share.acquire.mode=record_limit; else batch_optimized
    std::int32_t maxPollRecords = 500; ///< max.poll.records
    std::int32_t fetchMinBytes = 1; ///< fetch.min.bytes
    std::chrono::milliseconds fetchMaxWait{500}; ///< fetch.max.wait.ms
    std::int32_t fetchMaxBytes = 52'428'800; ///< fetch.max.bytes
    std::chrono::milliseconds metadataMaxAge{300'000}; ///< metadata.max.age.ms
    std::chrono::milliseconds requestTimeout{30'000}; ///< request.timeout.ms
    std::chrono::milliseconds retryBackoff{100}; ///< retry.backoff.ms
    std::chrono::milliseconds retryBackoffMax{1'000}; ///< retry.backoff.max.ms
    std::vector<NodeId> bootstrapServers{NodeId{1}}; ///< bootstrap.servers
};

/// Kafka's share consumer (KIP-932): a member of a share group that fetches from the leaders of its
/// partitions, where the records it is given are locked for it until it acknowledges them or the
/// lock expires. A value. The application drives it as it drives a Consumer: poll() when it wants
/// records, apply() with every answer, wake() at the time it asked for. It fetches only while a
/// poll() that gave nothing waits: what is fetched is locked. Acknowledgements go with the next
/// fetch, or by themselves with commit(). One request is out to each broker, for their order counts
/// (the session's epoch). It records what it polls in the trace; the broker records the rest.
class ShareConsumer {
public:
    ShareConsumer(std::string clientId, ShareConsumerConfig config);
    ShareConsumer(const ShareConsumer &);
    ShareConsumer &operator=(const ShareConsumer &);
    ShareConsumer(ShareConsumer &&) noexcept;
    ShareConsumer &operator=(ShareConsumer &&) noexcept;
    ~ShareConsumer();

    void start(Context &context, ClientEffects &effects);
    void apply(RequestId id, const Response &response, Context &context, ClientEffects &effects);
    /// The session with that broker has ended, and with it the locks.
    void connectionLost(NodeId broker, Context &context, ClientEffects &effects);
    void wake(Context &context, ClientEffects &effects);

    using Handle =
        std::function<void(const TopicPartition &, const RecordView &, std::int16_t deliveryCount)>;
    /// Calls `handle` for what has been acquired, without copying; how many records it were. In
    /// explicit mode nothing is given while a record of the poll before is not acknowledged.
    std::int64_t poll(Context &context, ClientEffects &effects, const Handle &handle);
    /// Says it of a record that poll() gave; False when it is not one of those, or was acknowledged
    /// before. After Renew it stays to be acknowledged.
    bool acknowledge(const TopicPartition &partition, std::int64_t offset, AcknowledgeType type);
    /// Sends what was acknowledged without waiting for the next fetch. In implicit mode it accepts
    /// what the last poll gave.
    void commit(Context &context, ClientEffects &effects);
    /// Leaves in order: sends its acknowledgements, ends its sessions, which releases what it still
    /// has, and leaves the group.
    void close(Context &context, ClientEffects &effects);
    /// The process dies without a word: its locks end with its connections.
    void crash();

    /// Records that poll() gave and that are not acknowledged.
    std::int64_t unacknowledged() const;
    /// Acknowledgements that did not count, for the lock was gone; so many records will come again,
    /// or have come.
    std::uint64_t refused() const;
    std::vector<TopicPartition> assignment() const; ///< sorted
    std::int32_t memberEpoch() const;
    bool isMember() const; ///< has an assignment, which may be empty
    std::string memberId() const;
    /// The answer that ended it (the group is full); None while it runs.
    ErrorCode failure() const;
    const ShareConsumerConfig &config() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace queuelab::log
