#pragma once

#include "engine/log/broker.h"
#include "engine/log/deadlines.h"
#include "engine/log/events.h"
#include "engine/log/group_coordinator.h"
#include "engine/log/offset_store.h"
#include "engine/log/partition_log.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// What a Broker is made of. Its functions are spread over broker_topics.cpp, broker_produce.cpp,
/// broker_fetch.cpp, broker_retention.cpp and broker_groups.cpp; broker.cpp opens, closes and
/// dispatches.
struct Broker::State {
    using FetchId = std::uint64_t;

    struct Partition {
        PartitionLog log;
        NameId name = kNoName; ///< "orders-3" in the trace
        std::int32_t leader = 0;
        std::int32_t leaderEpoch = 0;
        std::vector<std::int32_t> replicas;
        std::vector<std::int32_t> isr;
        std::int64_t highWatermark = 0; ///< logStartOffset <= highWatermark <= logEndOffset
        std::vector<FetchId>
            waiting; ///< parked fetches that an append here may complete, oldest first
    };
    struct Topic {
        std::int16_t replicationFactor = 1;
        std::map<std::string, std::string> configs; ///< as they were set
        LogConfig logConfig; ///< broker defaults and `configs`, parsed
        std::vector<Partition> partitions;
    };
    struct ParkedFetch {
        Caller caller;
        NameId name = kNoName;
        FetchRequest request;
        std::int64_t missingBytes = 0; ///< what appends must still bring before min bytes are there
        std::optional<Deadlines<FetchId>::Handle> deadline;
    };

    State(NodeId nodeId, BrokerConfig brokerConfig)
        : id(nodeId)
        , config(std::move(brokerConfig))
        , coordinator(config)
        , directory("broker-" + std::to_string(nodeId.value()))
    {
    }

    NodeId id;
    BrokerConfig config;
    std::map<std::string, Topic, std::less<>> topics;
    GroupCoordinator coordinator;
    OffsetStore offsets;
    std::int64_t nextProducerId = 0;
    std::string directory; ///< below the root of Files

    std::map<FetchId, ParkedFetch> parkedFetches;
    FetchId nextFetch = 1;
    Deadlines<FetchId> fetchDeadlines;
    std::optional<Instant> nextRetentionCheck; ///< empty until the first step
    std::optional<Instant> askedWake; ///< the earliest WakeAt that is out

    // Topics.
    Partition *find(const TopicPartition &partition);
    const Partition *find(const TopicPartition &partition) const;
    MetadataResponse metadata(const MetadataRequest &request, Context &context);
    CreateTopicsResponse createTopics(const CreateTopicsRequest &request, Context &context);
    CreatePartitionsResponse createPartitions(
        const CreatePartitionsRequest &request, Context &context);
    DeleteTopicsResponse deleteTopics(
        const DeleteTopicsRequest &request, Context &context, Effects &effects);
    CreateTopicsResponse::Topic createTopic(
        const CreateTopicsRequest::Topic &wanted, Context &context);
    CreatePartitionsResponse::Topic growTopic(
        const CreatePartitionsRequest::Topic &wanted, bool validateOnly, Context &context);
    /// Makes partition `number` of a topic, with its directory. The caller adds it to the topic.
    Result<Partition, Error> makePartition(const std::string &topic, std::int32_t number,
        const LogConfig &logConfig, ByteView partitionMetadata, Context &context) const;
    Result<void, Error> loadTopics(
        bool cleanShutdown, Context &context, std::vector<std::string> &notes);
    Result<void, Error> saveTopics(Context &context) const;
    void checkRetention(Context &context);
    DeleteRecordsResponse deleteRecords(
        const DeleteRecordsRequest &request, NameId client, Context &context);
    DeleteRecordsResponse::Partition deleteRecordsOf(
        const DeleteRecordsRequest::Partition &wanted, NameId client, Context &context);
    /// Reads `log-start-offset-checkpoint` into the open logs. A damaged one is noted, and no
    /// reason to stop: the logs then start where their first segment does.
    void loadLogStartOffsets(Context &context, std::vector<std::string> &notes);
    /// Writes the log start offsets that the files' names do not tell; `raised` replaces one.
    Result<void, Error> saveLogStartOffsets(Context &context,
        const std::optional<std::pair<TopicPartition, std::int64_t>> &raised = {}) const;

    // Records.
    void produce(Caller caller, NameId producer, const ProduceRequest &request, Context &context,
        Effects &effects);
    ProduceResponse::Partition appendBatch(const ProduceRequest::Partition &batch,
        std::int16_t acks, NameId producer, Context &context, Effects &effects);
    void fetch(
        Caller caller, NameId consumer, FetchRequest request, Context &context, Effects &effects);
    FetchResponse read(const FetchRequest &request, bool force, std::int64_t &missingBytes,
        NameId consumer, Context &context);
    /// `bytes` more can be read below the high watermark.
    void wakeFetches(Partition &partition, std::int64_t bytes, Context &context, Effects &effects);
    void answerFetch(FetchId fetch, Context &context, Effects &effects);
    void unparkFetch(FetchId fetch);
    ListOffsetsResponse listOffsets(const ListOffsetsRequest &request, const Files &files) const;

    // Groups.
    FindCoordinatorResponse findCoordinator(const FindCoordinatorRequest &request) const;
    OffsetCommitResponse commitOffsets(
        const OffsetCommitRequest &request, NameId client, Context &context);
    OffsetFetchResponse fetchOffsets(const OffsetFetchRequest &request) const;
    std::vector<GroupSnapshot> groups() const;

    void handle(const ClientRequest &input, Context &context, Effects &effects);
    void clientGone(ClientId client);
    void expire(Context &context, Effects &effects);
    std::optional<Instant> nextDeadline() const;
};

} // namespace queuelab::log
