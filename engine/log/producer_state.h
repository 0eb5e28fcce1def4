#pragma once

#include "engine/log/events.h"
#include "engine/log/producer.h"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// What a Producer is made of: an open batch for each partition (the accumulator), finished batches
/// in the order they became ready, and requests in flight.
struct Producer::State {
    struct Place {
        std::size_t topic; ///< index in `topics`
        std::int32_t partition;
    };
    struct Batch {
        std::uint64_t sequence; ///< in the order they were closed
        Place place;
        SharedBytes records;
        std::int32_t recordCount;
        Instant firstSent;
        Instant retryAt; ///< not before
    };
    struct Partition {
        BatchBuilder builder;
        Instant opened{}; ///< when the first record of the open batch came
        NameId name = kNoName;
        NodeId leader{-1}; ///< -1 not known
        std::deque<Batch> ready; ///< by sequence; a retried one takes its old place
        RequestId newestRequest{0}; ///< that carries a batch of it
    };
    /// Kafka's built-in partitioner for records without a key (KIP-794): stay with one partition
    /// for batch.size bytes.
    struct Sticky {
        std::int32_t partition = -1;
        std::int64_t bytes = 0;
    };
    struct WaitingRecord { ///< kept until the topic's metadata is known
        std::optional<std::int32_t> partition;
        std::int64_t timestampMs;
        std::optional<Bytes> key;
        std::optional<Bytes> value;
        Instant sent;
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions; ///< empty: metadata not known yet
        Sticky sticky;
        std::deque<WaitingRecord> waiting;
        bool needsMetadata = true;
    };
    struct ProduceInFlight {
        RequestId id;
        NodeId broker;
        Instant sentAt;
        std::vector<Batch> batches;
    };
    struct MetadataInFlight {
        RequestId id;
        Instant sentAt;
    };

    std::string clientId;
    ProducerConfig config;
    NameId name = kNoName;

    std::vector<Topic> topics; // in order of first use; never removed
    std::map<std::string, std::size_t, std::less<>> topicIds; // name → index
    std::size_t lastTopic = 0;
    std::vector<Place> readyPlaces; // partitions with ready batches, longest waiting first
    std::uint64_t nextBatch = 0;
    std::deque<ProduceInFlight> inFlight; // in the order they were sent
    std::optional<MetadataInFlight> metadata;
    std::optional<Instant> metadataNotBefore;
    std::optional<Instant> metadataExpires; // empty until there is any
    std::uint64_t nextRequest = 1;
    std::optional<Instant> askedWake;
    std::vector<Delivery> deliveries;
    Status counters;

    std::size_t topicIndex(std::string_view topic);
    std::int32_t choosePartition(Topic &topic, std::optional<ByteView> key, Random &random);
    void noteStickyBytes(Topic &topic, std::int32_t partition, std::int64_t bytes, Random &random);
    static bool allBatchesFull(const Partition &partition, std::int32_t batchSize);
    std::int32_t append(std::size_t topic, std::optional<std::int32_t> partition,
        std::int64_t timestampMs, std::optional<ByteView> key, std::optional<ByteView> value,
        Context &context, ClientEffects &effects);
    Partition &at(const Place &place);
    Batch finishBatch(const Place &place, Instant now);
    void queue(Batch &&batch);

    void drain(Context &context, ClientEffects &effects);
    void sendBatches(NodeId broker, Context &context, ClientEffects &effects);
    void requestMetadata(Context &context, ClientEffects &effects);
    /// What it knows of the cluster is asked for again after metadata.max.age.ms: that is how it
    /// finds partitions that were added.
    void expireMetadata(Instant now);
    void applyMetadata(const MetadataResponse &response, Context &context, ClientEffects &effects);
    void applyProduce(
        RequestId id, const ProduceResponse &response, Context &context, ClientEffects &effects);
    void delivered(Batch &batch, ErrorCode error, std::int64_t baseOffset, Context &context);
    void retry(std::vector<Batch> &&batches, Instant when, ClientEffects &effects);
    void expireInFlight(Context &context, ClientEffects &effects);
    void expireWaiting(Context &context);
    std::size_t inFlightTo(NodeId broker) const;
    void ask(Instant when, ClientEffects &effects);
    void askForNextWake(Instant now, ClientEffects &effects);
};

} // namespace queuelab::log
