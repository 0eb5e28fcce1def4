#pragma once

#include "engine/log/broker.h"
#include "engine/log/broker_share.h"
#include "engine/log/cluster_image.h"
#include "engine/log/controller.h"
#include "engine/log/deadlines.h"
#include "engine/log/events.h"
#include "engine/log/group_coordinator.h"
#include "engine/log/group_records.h"
#include "engine/log/log_cleaner.h"
#include "engine/log/offset_checkpoint.h"
#include "engine/log/partition_log.h"
#include "engine/log/quorum.h"
#include "engine/log/replication.h"
#include "engine/log/transaction_coordinator.h"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace queuelab::log {

/// What a transactional batch, or a marker, is part of.
struct TransactionPart {
    NameId transactionalId = kNoName; ///< of a producer's batch
    std::int16_t markerVersion = 0; ///< see ProducerTerms
};

/// What a Broker is made of. Its functions are spread over the broker_*.cpp files by what they are
/// about; broker.cpp opens, closes and dispatches.
///
/// A step goes: what is due, then the input, then settle(), which carries out what has become
/// possible meanwhile (records committed in the metadata log, answers that waited for them, groups'
/// writes) until nothing is left. So a broker that is alone answers everything in the same step.
struct Broker::State {
    using FetchId = std::uint64_t;
    using ProduceId = std::uint64_t;
    using CallId = std::uint64_t;
    using AskId = std::uint64_t;
    using MarkersId = std::uint64_t;
    using VerificationId = std::uint64_t;

    // ---- Replicas

    /// A batch appended with acks=all that is not committed yet.
    struct AwaitedAppend {
        std::int64_t upTo = 0; ///< the high watermark that commits it
        ProduceId produce = 0;
        std::size_t index = 0; ///< in the request
    };
    /// Bytes that became readable for followers, but not yet for consumers.
    struct UncommittedBytes {
        std::int64_t endOffset = 0;
        std::int64_t bytes = 0;
    };
    /// A producer of which transactional batches wait here until the transaction coordinator has
    /// said that the partition is part of the transaction. It goes with the first of them that is
    /// appended, and with a marker, which may have overtaken the coordinator's answer.
    struct Verification {
        std::uint64_t guard = 0; ///< unique in this life of the broker
        std::int16_t producerEpoch = -1;
        std::int32_t lowestSequence = -1; ///< of the batches that wait
        bool addsPartition = false; ///< the leader itself adds it (transaction.version 2)
        std::size_t waiting = 0; ///< requests
    };
    /// This broker's replica of a partition. What it is (leader, follower, neither) follows from
    /// `leader`, as the metadata log has it.
    struct Partition {
        PartitionLog log;
        NameId name = kNoName; ///< "orders-3" in the trace
        std::int32_t leader = -1;
        std::int32_t leaderEpoch = -1;
        std::int32_t partitionEpoch = -1;
        std::vector<std::int32_t> replicas{};
        std::vector<std::int32_t> isr{}; ///< the committed one
        std::int64_t highWatermark = 0; ///< logStartOffset <= highWatermark <= logEndOffset
        /// Parked fetches that a higher high watermark, or a longer log, may complete; oldest
        /// first.
        std::vector<FetchId> waiting{};
        std::vector<FetchId>
            waitingCommitted{}; ///< read_committed: for a higher last stable offset
        std::vector<FetchId> waitingFollowers{};
        std::vector<BrokerShares::CallId> waitingShares{}; ///< share fetches, for more to read

        // As leader.
        Replication replication{};
        std::optional<std::vector<std::int32_t>> askedIsr{}; ///< an AlterPartition is under way
        std::vector<AwaitedAppend> awaited{}; ///< by offset
        std::vector<UncommittedBytes> uncommitted{}; ///< by offset; kept while somebody replicates
        std::map<std::int64_t, Verification> verifications{}; ///< by producer id

        // As follower.
        std::optional<Instant> fetchAfter{}; ///< after an error: not before then
        std::int32_t fetchEpoch = -1; ///< of the fetch that is under way: the leader's epoch
        std::int64_t fetchOffset = -1;
    };
    struct Topic {
        TopicId id{};
        LogConfig logConfig{}; ///< broker defaults and the topic's own, parsed
        std::vector<std::optional<Partition>> partitions{}; ///< those with a replica here
    };

    // ---- What waits

    struct ParkedFetch {
        Caller caller;
        NameId name = kNoName;
        FetchRequest request{};
        std::int64_t missingBytes = 0; ///< what appends must still bring before min bytes are there
        std::optional<Deadlines<FetchId>::Handle> deadline{};
    };
    /// The share coordinator's answer, once its record is committed.
    struct ShareStateAnswer {
        Caller caller;
        Response response;
    };
    /// A marker's place in a WriteTxnMarkersRequest.
    struct MarkerAppend {
        MarkersId request = 0;
        std::size_t marker = 0;
        std::size_t partition = 0;
    };
    /// A write of the transaction coordinator, by its id.
    struct TransactionWrite {
        std::uint64_t id = 0;
    };
    /// Who waits: a client, the group coordinator by the id of its write, the transaction
    /// coordinator, a marker, or the leader of a share-partition.
    using Appender =
        std::variant<Caller, std::uint64_t, TransactionWrite, MarkerAppend, ShareStateAnswer>;
    struct ParkedProduce {
        Appender from;
        ProduceResponse response{};
        std::size_t awaited = 0; ///< batches not committed yet
        std::optional<Deadlines<ProduceId>::Handle> deadline{};
    };
    struct ParkedMarkers {
        Caller caller;
        WriteTxnMarkersRequest request{};
        WriteTxnMarkersResponse response{};
        std::size_t awaited = 0; ///< markers not committed yet
    };
    /// A request that waits for the transaction coordinator's word on its partitions.
    struct Verifying {
        struct Guarded {
            TopicPartition partition;
            std::int32_t leaderEpoch = -1;
            std::uint64_t guard = 0;
        };
        Caller caller;
        NameId client = kNoName;
        std::variant<ProduceRequest, TxnOffsetCommitRequest> request;
        std::int64_t producerId = -1;
        std::int16_t producerEpoch = -1;
        Instant since{};
        std::vector<Guarded> guards{}; ///< what was asked about, in this order
        std::optional<Deadlines<VerificationId>::Handle> retry{};
    };
    // ---- Other brokers

    /// What an AskPeer was for.
    struct CallAsk {
        CallId call = 0;
    };
    struct ReplicaFetchAsk { };
    struct LogEndsAsk {
        TopicPartition partition;
        std::int32_t leaderEpoch = -1;
    };
    /// The state of a share-partition, to be read or written.
    struct ShareStateAsk {
        ShareKey share;
        std::uint64_t life = 0;
    };
    /// The state of a share-partition that is new to its group, to be kept from now on.
    struct ShareInitializationAsk {
        std::string group;
        TopicPartition partition;
    };
    struct VerificationAsk {
        VerificationId verification = 0;
    };
    struct MarkersAsk {
        std::vector<TransactionCoordinator::MarkerWanted> markers;
    };
    struct Asked {
        NodeId to;
        std::variant<CallAsk, ReplicaFetchAsk, LogEndsAsk, VerificationAsk, MarkersAsk,
            ShareStateAsk, ShareInitializationAsk>
            what;
        std::optional<Deadlines<AskId>::Handle> deadline{};
    };
    /// What this broker follows another one for: one fetch at a time, for all their partitions.
    struct Fetcher {
        std::set<TopicPartition> partitions{};
        std::optional<TopicPartition> last{}; ///< the last that got records: it begins after that
        bool inFlight = false;
        std::optional<Instant> after{}; ///< after a failure of the connection: not before then
    };

    // ---- The controller, from both sides

    enum class CallPurpose : std::uint8_t {
        Client, ///< forwarded for a client
        Topic, ///< created because somebody asked for it
        Registration,
        Heartbeat,
        AlterPartition,
        ProducerIds
    };
    /// A request of this broker's to whoever is the active controller, until it is answered.
    struct ControllerCall {
        CallPurpose purpose = CallPurpose::Client;
        Caller caller{}; ///< Client
        Request request{};
        std::optional<AskId> ask{}; ///< out to the controller
        bool decided = false; ///< decided here, waits for its records to be committed
        std::optional<Deadlines<CallId>::Handle> deadline{};
    };
    /// The controller's answers wait until what they say is committed.
    struct PendingAnswer {
        std::int64_t offset = -1; ///< the last record they depend on
        std::variant<CallId, Caller> to;
        Response response{};
    };
    struct PendingChange {
        std::int64_t offset = 0;
        Controller::Change change{};
    };
    /// What applied metadata records have touched, until the replicas here follow.
    struct Delta {
        std::vector<std::pair<TopicId, std::string>> removed{};
        std::set<TopicId> configs{};
        std::map<TopicId, std::set<std::int32_t>> partitions{};
        bool empty() const { return removed.empty() && configs.empty() && partitions.empty(); }
    };

    State(NodeId nodeId, BrokerConfig brokerConfig)
        : id(nodeId)
        , config(std::move(brokerConfig))
        , directory("broker-" + std::to_string(nodeId.value()))
        , quorum(id, config)
        , coordinator(config, nodeId)
        , shares(config)
        , transactions(config, nodeId)
    {
    }

    NodeId id;
    BrokerConfig config;
    std::string directory; ///< below the root of Files
    NameId name = kNoName; ///< "broker-1" in the trace
    bool cleanShutdown = false; ///< how its last life ended
    std::vector<std::string> notes{}; ///< for takeNotes()

    Quorum quorum;
    ClusterImage image{};
    std::int64_t appliedOffset = 0; ///< the image has all metadata records below
    /// The replicas follow the image: since the controller has said that the broker has caught up,
    /// for before that it would act on history.
    bool published = false;
    Delta delta{};
    std::optional<Error> metadataFailure{}; ///< the log cannot be read on

    std::map<std::string, Topic, std::less<>> topics{}; ///< with a replica here
    CheckpointedOffsets checkpointedHighWatermarks{}; ///< until published
    CheckpointedOffsets checkpointedLogStarts{}; ///< until published
    std::optional<Instant> nextCheckpoint{}; ///< set while the checkpoints are behind
    std::optional<Instant> nextRetentionCheck{}; ///< empty until the first step
    std::optional<Instant> nextDelayedDelete{}; ///< of files of deleted segments
    CheckpointedOffsets cleanedUpTo{}; ///< cleaner-offset-checkpoint: where each log is dirty from
    /// Compacted logs that may have something to clean now, or with time; others come in when a
    /// segment is closed.
    std::set<TopicPartition> toClean{};
    std::set<TopicPartition> uncleanable{}; ///< it failed: not again in this life, as in Kafka
    std::optional<Instant> nextCleaning{}; ///< set while toClean is not empty
    std::optional<Instant> nextIsrCheck{}; ///< set while this broker leads a replicated partition

    std::map<FetchId, ParkedFetch> parkedFetches{};
    FetchId nextFetch = 1;
    Deadlines<FetchId> fetchDeadlines{};
    std::map<ProduceId, ParkedProduce> parkedProduces{};
    ProduceId nextProduce = 1;
    Deadlines<ProduceId> produceDeadlines{};
    std::map<MarkersId, ParkedMarkers> parkedMarkers{};
    MarkersId nextMarkers = 1;
    std::map<VerificationId, Verifying> verifying{};
    VerificationId nextVerification = 1;
    std::uint64_t nextGuard = 1;
    Deadlines<VerificationId> verificationRetries{};

    std::map<AskId, Asked> asksOut{};
    std::vector<std::pair<AskId, Request>> asksToSelf{}; ///< oldest first
    AskId nextAsk = 1;
    Deadlines<AskId> askDeadlines{};
    std::map<NodeId, Fetcher> fetchers{}; ///< by leader
    bool fetchersChanged = false; ///< a fetch may be sent
    std::optional<Instant> nextFetchRetry{}; ///< the earliest `after` or `fetchAfter`
    std::set<TopicPartition> isrToAsk{}; ///< whose `askedIsr` has not been sent
    bool alterPartitionOut = false;

    std::optional<Controller> controller{}; ///< while this broker is the active controller
    std::int32_t controllerEpoch = -1;
    std::deque<PendingAnswer> pendingAnswers{}; ///< by offset
    std::deque<PendingChange> pendingChanges{}; ///< by offset
    std::map<CallId, ControllerCall> calls{};
    CallId nextCall = 1;
    std::vector<CallId> unsentCalls{}; ///< oldest first
    Deadlines<CallId> callDeadlines{};
    std::optional<Instant> callsAfter{}; ///< after a failure: not before then
    std::optional<NodeId> askedController{}; ///< whom the calls went to
    std::set<std::string> topicsAsked{}; ///< by a CallPurpose::Topic that is not answered

    std::uint64_t incarnation = 0;
    std::int64_t previousBrokerEpoch = -1;
    std::int64_t brokerEpoch = -1; ///< -1: not registered in this life
    bool communicating = false; ///< a registration or heartbeat is not answered
    std::optional<Instant> nextCommunication{}; ///< empty until the first step
    bool shuttingDown = false;
    bool shutDownSaid = false;
    std::optional<Instant> shutDownBy{}; ///< then it goes, whatever the controller says

    std::int64_t nextProducerId = 0; ///< of this broker's block
    std::int64_t producerIdsEnd = 0;
    bool producerIdsAsked = false;
    std::vector<std::pair<Caller, NameId>> waitForProducerId{};

    GroupCoordinator coordinator;
    std::vector<GroupCoordinator::Write> groupWrites{}; ///< reused
    std::set<std::int32_t> groupsToLoad{}; ///< partitions of __consumer_offsets led, not read yet

    BrokerShares shares;
    TransactionCoordinator transactions;
    std::vector<TransactionCoordinator::Write> transactionWrites{}; ///< reused
    std::set<std::int32_t>
        transactionsToLoad{}; ///< partitions of __transaction_state led, not read yet
    std::vector<TransactionCoordinator::MarkerWanted> markersToPlace{}; ///< reused
    std::map<std::int32_t, std::vector<TransactionCoordinator::MarkerWanted>>
        markerQueues{}; ///< by the leader they go to; none is empty
    std::set<std::int32_t> markersOut{}; ///< leaders that have not answered
    Deadlines<TransactionCoordinator::MarkerWanted> markersLater{}; ///< after a failure

    std::optional<Instant> askedWake{}; ///< the earliest WakeAt that is out

    // ---- broker.cpp
    void start(Context &context);
    void handle(
        Caller caller, NameId client, const Request &request, Context &context, Effects &effects);
    void handle(const PeerRequest &input, Context &context, Effects &effects);
    void handle(const PeerAnswer &input, Context &context, Effects &effects);
    void handle(const PeerLost &input, Context &context, Effects &effects);
    void dropParked(
        const std::function<bool(const Caller &)> &isGone); ///< nobody waits for their answers
    void expire(Context &context, Effects &effects);
    void settle(Context &context, Effects &effects);
    std::optional<Instant> nextDeadline() const;
    /// This broker may be asked too: the request and its answer then take the same way, within the
    /// step.
    AskId ask(NodeId to, Request request, decltype(Asked::what) what, Duration timeout,
        Context &context, Effects &effects);
    bool answerSelf(Context &context, Effects &effects);
    /// No answer came, and none will.
    void askFailed(Asked &&out, Context &context, Effects &effects);

    // ---- broker_files.cpp: what lies in the directory beside logs
    Result<void, Error> openDirectory(Context &context);
    Result<void, Error> closeDirectory(Context &context);
    void loadCheckpoints(Context &context);
    void removeStrays(Context &context);
    /// Writes the log start offsets that the files' names do not tell; `raised` replaces one.
    Result<void, Error> saveLogStartOffsets(Context &context,
        const std::optional<std::pair<TopicPartition, std::int64_t>> &raised = {}) const;
    Result<void, Error> saveHighWatermarks(Context &context) const;
    void saveCheckpoints(Context &context);
    void checkpointSoon(const Context &context);

    // ---- broker_metadata.cpp: what the metadata log says
    /// False when there was nothing new.
    bool applyCommitted(Context &context);
    void apply(const MetadataRecord &record);
    MetadataResponse metadata(const MetadataRequest &request, Context &context);
    std::optional<LeaderHint> leaderHint(const TopicPartition &partition) const;
    bool isActive(std::int32_t broker) const;
    bool isAlone() const { return config.brokers.size() <= 1; }

    // ---- broker_replicas.cpp: the replicas here follow it
    /// From now on, beginning with all there is.
    void publish(Context &context, Effects &effects);
    void follow(Delta &&delta, Context &context, Effects &effects);
    void removeTopic(
        const TopicId &topicId, const std::string &topicName, Context &context, Effects &effects);
    void updatePartition(
        const TopicImage &topic, std::int32_t number, Context &context, Effects &effects);
    std::optional<Partition> openReplica(
        const TopicImage &topic, std::int32_t number, const LogConfig &logConfig, Context &context);
    void leaveRole(
        const TopicPartition &name, Partition &partition, Context &context, Effects &effects);
    void beginRole(const TopicPartition &name, Partition &partition, bool ledBefore,
        Context &context, Effects &effects);
    void dropReplica(
        const TopicPartition &name, Partition &&partition, Context &context, Effects &effects);
    LogConfig logConfigOf(const TopicImage &topic);
    Partition *find(const TopicPartition &partition);
    const Partition *find(const TopicPartition &partition) const;
    bool leads(const Partition &partition) const { return partition.leader == id.value(); }
    /// The partition, when this broker leads it and `currentLeaderEpoch` (-1: any) is its epoch.
    Result<Partition *, ErrorCode> led(
        const TopicPartition &partition, std::int32_t currentLeaderEpoch = -1);

    // ---- broker_controller.cpp: talking to the controller, and being it
    void followQuorum(Context &context, Effects &effects);
    CallId call(CallPurpose purpose, Caller caller, Request request, Context &context);
    bool sendCalls(Context &context, Effects &effects);
    void callAnswered(CallId call, Response &&response, Context &context, Effects &effects);
    /// It was sent, and no answer will come.
    void callLost(CallId call, const Context &context);
    void retryCall(CallId call, const Context &context);
    void decide(std::variant<CallId, Caller> from, const Request &request, Context &context,
        Effects &effects);
    /// The offset of the last record in the log now.
    Result<std::int64_t, ErrorCode> appendChanges(
        std::vector<Controller::Change> &&changes, Context &context, Effects &effects);
    bool giveAnswers(Context &context, Effects &effects);
    void askForTopic(CreateTopicsRequest::Topic topic, Context &context);

    // ---- broker_lifecycle.cpp: registered, alive, going
    void communicate(Context &context);
    void registered(const BrokerRegistrationResponse &response, Context &context);
    void heartbeatAnswered(
        const BrokerHeartbeatResponse &response, Context &context, Effects &effects);
    void sayShutDown(Context &context, Effects &effects);

    // ---- broker_isr.cpp: the leader's side of replication
    void followerFetched(const TopicPartition &name, Partition &partition,
        const FetchRequest &request, const FetchRequest::Partition &fetched,
        std::int64_t logEndOffset, Context &context, Effects &effects);
    void advanceHighWatermark(Partition &partition, Context &context, Effects &effects);
    static bool isInMaximalIsr(const Partition &partition, std::int32_t broker);
    static std::size_t maximalIsrSize(const Partition &partition);
    /// The effective min.insync.replicas: never more than there are replicas.
    static std::size_t minIsr(const Partition &partition);
    void checkIsrs(Context &context, Effects &effects);
    void askForIsr(const TopicPartition &name, Partition &partition, std::vector<std::int32_t> isr);
    bool sendAlterPartition(Context &context);
    void alterPartitionAnswered(const AlterPartitionRequest &request,
        const AlterPartitionResponse &response, Context &context, Effects &effects);

    // ---- broker_fetcher.cpp: the follower's side
    void sendFetches(Context &context, Effects &effects);
    void retryFetchAt(Instant at);
    void replicaFetched(
        NodeId leader, const FetchResponse &response, Context &context, Effects &effects);
    void replicate(Partition &partition, const FetchResponse::Partition &fetched, Context &context);
    void followDivergence(Partition &partition, const EpochEnd &diverging, Context &context);
    void askLogEnds(NodeId leader, const TopicPartition &name, Partition &partition,
        Context &context, Effects &effects);
    void truncate(Partition &partition, std::int64_t offset, Context &context);
    void logEndsKnown(
        const LogEndsAsk &asked, const ListOffsetsResponse &response, Context &context);
    void backOff(Partition &partition, const Context &context);

    // ---- broker_produce.cpp
    void produce(Caller caller, NameId producer, const ProduceRequest &request, Context &context,
        Effects &effects);
    /// Appends what is not refused, and answers when the request's acks are there. `refused` has
    /// one code for each partition, or is empty.
    void appendAll(Caller caller, NameId producer, const ProduceRequest &request,
        const std::vector<ErrorCode> &refused, Context &context, Effects &effects);
    struct Appended {
        ProduceResponse::Partition result;
        std::optional<std::int64_t> awaits; ///< the high watermark that commits it, not reached yet
    };
    Appended appendBatch(const ProduceRequest::Partition &batch, std::int16_t acks, NameId producer,
        AppendOrigin origin, Context &context, Effects &effects, const TransactionPart &part = {});
    /// Index in the request, and the high watermark that commits it.
    using Awaits = std::vector<std::pair<std::size_t, std::int64_t>>;
    void park(Appender from, ProduceResponse &&response, const Awaits &awaits,
        std::chrono::milliseconds timeout, Context &context);
    /// One batch of it is committed, or will not be.
    void appendSettled(
        ProduceId produce, std::size_t index, ErrorCode error, Context &context, Effects &effects);
    void produceTimedOut(ProduceId produce, Context &context, Effects &effects);
    void completeAppends(Partition &partition, Context &context, Effects &effects);
    void failAppends(Partition &partition, ErrorCode error, Context &context, Effects &effects);
    void finish(ProduceId produce, Context &context, Effects &effects);

    // ---- broker_producer_ids.cpp: ids of producers, from this broker's block
    void initProducerId(Caller caller, NameId producer, Context &context, Effects &effects);
    void giveProducerIds(Context &context, Effects &effects);
    void askForProducerIds(Context &context);
    /// False when the transaction coordinator wants none.
    bool giveTransactionalProducerIds(Context &context, Effects &effects);

    // ---- broker_markers.cpp: the ends of transactions
    void writeMarkers(Caller caller, NameId client, const WriteTxnMarkersRequest &request,
        Context &context, Effects &effects);
    /// It is committed, or will not be.
    void markerSettled(
        const MarkerAppend &marker, ErrorCode error, Context &context, Effects &effects);
    static void recordMarker(
        const Partition &partition, ByteView batch, const AppendResult &appended, Context &context);
    /// The high watermark has moved from `before`, where the last stable offset was `stableBefore`,
    /// with `bytes` between. Wakes who reads only what is committed.
    void followLastStableOffset(Partition &partition, std::int64_t stableBefore,
        std::int64_t before, std::int64_t bytes, Context &context, Effects &effects);

    // ---- broker_verification.cpp: whether a transaction has the partitions that are written to
    /// Appends at once, or when the coordinator has said that it may.
    void produceInTransaction(Caller caller, NameId producer, const ProduceRequest &request,
        Context &context, Effects &effects);
    void commitInTransaction(Caller caller, NameId client, const TxnOffsetCommitRequest &request,
        Context &context, Effects &effects);
    void startVerification(Verifying &&request, Context &context, Effects &effects);
    /// Asks the coordinator, the first time and again.
    void verify(VerificationId verification, Context &context, Effects &effects);
    /// Null: there is no answer, and none will come.
    void verificationAnswered(
        VerificationId verification, const Response *response, Context &context, Effects &effects);
    /// One code for each of its guards.
    void verified(VerificationId verification, std::vector<ErrorCode> errors, Context &context,
        Effects &effects);
    void appendVerified(Verifying &request, const ProduceRequest &produce,
        const std::vector<ErrorCode> &errors, Context &context, Effects &effects);
    void commitVerified(Verifying &request, const TxnOffsetCommitRequest &commit,
        const std::vector<ErrorCode> &errors, Context &context, Effects &effects);
    void addGuard(Verifying &request, const TopicPartition &partitionName,
        std::int32_t baseSequence, bool addsPartition);
    ErrorCode checkGuard(const Verifying &request, const Verifying::Guarded &guarded);
    void releaseGuards(const Verifying &request, const std::vector<Verifying::Guarded> &guards);
    static void recordFenced(
        NameId producer, NameId transactionalId, std::int16_t producerEpoch, Context &context);

    // ---- broker_fetch.cpp
    void fetch(
        Caller caller, NameId fetcher, FetchRequest request, Context &context, Effects &effects);
    /// Up to where a consumer reads: high watermark or last stable offset.
    std::int64_t readLimit(const Partition &partition, IsolationLevel isolation) const;
    FetchResponse read(const FetchRequest &request, bool force, std::int64_t &missingBytes,
        NameId fetcher, Context &context);
    /// `bytes` more can be read by those that wait.
    void wakeFetches(const std::vector<FetchId> &waiting, std::int64_t bytes, Context &context,
        Effects &effects);
    /// How much can be read has changed by an amount that only reading tells.
    void reconsiderFetches(std::vector<FetchId> waiting, Context &context, Effects &effects);
    /// Whatever they wait for will not come here, or came with another epoch.
    void answerFetches(Partition &partition, Context &context, Effects &effects);
    void answerFetch(FetchId fetch, Context &context, Effects &effects);
    void unparkFetch(FetchId fetch);
    ListOffsetsResponse listOffsets(
        Caller caller, const ListOffsetsRequest &request, const Files &files);
    OffsetForLeaderEpochResponse endsOfEpochs(const OffsetForLeaderEpochRequest &request);

    // ---- broker_retention.cpp
    void checkRetention(Context &context);
    /// Files of segments whose file.delete.delay.ms is over.
    void deleteDelayed(Context &context);
    DeleteRecordsResponse deleteRecords(
        const DeleteRecordsRequest &request, NameId client, Context &context);
    DeleteRecordsResponse::Partition deleteRecordsOf(
        const DeleteRecordsRequest::Partition &wanted, NameId client, Context &context);

    // ---- broker_cleaner.cpp
    void loadCleanerCheckpoint(Context &context);
    void saveCleanerCheckpoint(Context &context);
    /// It has more closed segments than before, or is compacted from now on.
    void considerCleaning(
        const TopicPartition &partitionName, const PartitionLog &log, const Context &context);
    Cleanable cleanable(
        const TopicPartition &partitionName, const Partition &partition, std::int64_t nowMs) const;
    void cleanDirtiest(Context &context);
    void clean(const TopicPartition &partitionName, const Cleanable &range, Context &context);
    /// The log was cut: what comes behind is dirty.
    void cutCleanerCheckpoint(
        const TopicPartition &partitionName, const PartitionLog &log, Context &context);
    /// Not to be found by a later replica of the same name.
    void forgetCleanedReplicas(Context &context);
    void showCleaning(const TopicPartition &partitionName, const Partition &partition,
        PartitionSnapshot &out) const;

    // ---- broker_groups.cpp
    FindCoordinatorResponse findCoordinator(
        const FindCoordinatorRequest &request, Context &context, Effects &effects);
    /// The partition of an internal topic that keeps `key`; the topic is created when it is not
    /// there. Nothing while it is being created.
    std::optional<TopicPartition> coordinatingPartition(
        CoordinatorType type, std::string_view key, Context &context, Effects &effects);
    void commitOffsets(Caller caller, NameId client, const OffsetCommitRequest &request,
        Context &context, Effects &effects);
    void coordinate(
        Caller caller, NameId client, const Request &request, Context &context, Effects &effects);
    bool isLoading(const std::string &group) const;
    /// False when there was nothing to do; so the next.
    bool loadGroups(Context &context);
    bool writeGroups(Context &context, Effects &effects);

    // ---- broker_share.cpp: what consumers of share groups ask a leader
    void shareFetch(Caller caller, NameId client, const ShareFetchRequest &request,
        Context &context, Effects &effects);
    void shareAcknowledge(Caller caller, NameId client, const ShareAcknowledgeRequest &request,
        Context &context, Effects &effects);
    /// Also what comes of it is in the call's response, now or once it is stored.
    ErrorCode takeAcknowledgements(BrokerShares::CallId call, const TopicPartition &partition,
        const std::vector<AcknowledgementBatch> &batches, bool isRenewAck, Context &context);
    /// Its records are available again. `call` waits for that; 0: nobody does.
    void closeShareSession(
        const ShareSessions::Key &key, BrokerShares::CallId call, Context &context);
    void dropShareCalls(const std::function<bool(const Caller &)> &isGone);
    /// Gives what there is. False when nothing is, and it may go on waiting.
    bool serveShareFetch(BrokerShares::CallId call, bool force, Context &context);
    /// What a share fetch may acquire of one partition, and perhaps more.
    struct ShareRead {
        ErrorCode error = ErrorCode::None;
        BrokerShares::Led *share = nullptr;
        std::vector<SharedBytes> pieces{};
        std::vector<SharePartition::LogBatch> batches{};
        std::uint64_t bytes = 0;
    };
    ShareRead readShare(
        const ShareKey &key, std::int64_t maxRecords, std::uint64_t maxBytes, Context &context);
    std::int64_t readableShareBytes(const BrokerShares::Call &call, Context &context);
    /// An acknowledgement of the call is stored, or will not be.
    void shareStored(BrokerShares::CallId call, const TopicPartition &partition, ErrorCode error);
    /// The share-partition that it waits for is gone.
    void failShareFetch(
        BrokerShares::CallId call, const TopicPartition &partition, ErrorCode error);
    void waitForShares(BrokerShares::CallId call, Context &context);
    void stopWaiting(BrokerShares::CallId call);
    /// Answers when nothing is missing any more.
    void finishShareCall(BrokerShares::CallId call, Effects &effects);
    bool serveShares(Context &context, Effects &effects);

    // ---- broker_share_initialization.cpp: for the group coordinator
    bool askShareInitializations(Context &context, Effects &effects);
    /// nullptr: no answer came, and none will.
    void shareInitializationAnswered(const ShareInitializationAsk &asked, const Response *response,
        Context &context, Effects &effects);

    // ---- broker_share_state.cpp: the share-partitions led here, and storing their state
    SharePartition::Settings shareSettings(const std::string &group);
    const GroupConfig &groupConfig(const std::string &group);
    BrokerShares::Led *findShare(const ShareKey &key);
    /// Begins to read its state when it is not there.
    Result<BrokerShares::Led *, ErrorCode> ledShare(const ShareKey &key, Context &context);
    /// Something has changed in it: writes, locks, and what waits are seen to.
    void shareChanged(const ShareKey &key, BrokerShares::Led &share);
    void expireShares(Context &context, Effects &effects);
    bool askShareStates(Context &context, Effects &effects);
    /// nullptr: no answer came, and none will.
    void shareStateAnswered(const ShareStateAsk &asked, const Response *response, Context &context);
    void shareStateRead(const ShareKey &key, BrokerShares::Led &share,
        const ReadShareGroupStateResponse &response, Context &context);
    void shareStateFailed(
        const ShareKey &key, BrokerShares::Led &share, ErrorCode error, Context &context);
    Result<std::int64_t, ErrorCode> firstShareOffset(
        const std::string &group, const Partition &partition, Context &context);
    void beginShare(const ShareKey &key, BrokerShares::Led &share, std::int64_t startOffset,
        const std::vector<ShareStateBatch> &batches, Context &context);
    void shareWritten(
        const ShareKey &key, BrokerShares::Led &share, ErrorCode error, Context &context);
    void dropShare(const ShareKey &key, ErrorCode error);
    /// Another broker leads the partition, or nobody does.
    void dropShares(const TopicPartition &partition);

    SharePartitionSnapshot show(const ShareKey &key, const BrokerShares::Led &share) const;

    // ---- broker_share_coordinator.cpp: keeping the state of share-partitions
    void shareState(Caller caller, const Request &request, Context &context, Effects &effects);
    Result<std::pair<std::int32_t, ShareStateKey>, ErrorCode> shareStatePlace(
        const std::string &group, const TopicPartition &partition) const;
    Appended appendShareState(
        const ShareCoordinator::Change &change, Context &context, Effects &effects);
    /// Its record is committed, or is not.
    static void answerShareState(ShareStateAnswer &&answer, ErrorCode error, Effects &effects);
    bool loadShareStates(Context &context);
    void forgetShareStates(const TopicId &topicId, Context &context, Effects &effects);
    void pruneShareStates(Context &context);
    // ---- broker_transactions.cpp: the transaction coordinator here
    void initTransactions(Caller caller, NameId client, const InitProducerIdRequest &request,
        Context &context, Effects &effects);
    void addPartitionsToTxn(Caller caller, NameId client, const AddPartitionsToTxnRequest &request,
        Context &context, Effects &effects);
    void addOffsetsToTxn(Caller caller, NameId client, const AddOffsetsToTxnRequest &request,
        Context &context, Effects &effects);
    void endTxn(Caller caller, NameId client, const EndTxnRequest &request, Context &context,
        Effects &effects);
    bool isLoadingTransactions(const std::string &transactionalId) const;
    /// False when there was nothing to do; so the next.
    bool loadTransactions(Context &context);
    bool writeTransactions(Context &context, Effects &effects);
    bool sendMarkers(Context &context, Effects &effects);
    void placeMarker(TransactionCoordinator::MarkerWanted &&marker, Context &context);
    void markersAnswered(
        NodeId leader, MarkersAsk &&asked, const Response &answer, Context &context);
    void markersLost(NodeId leader, MarkersAsk &&asked, const Context &context);
};

/// The answer to `request` that says `error` of all it names; for requests that the controller
/// decides.
Response refusal(const Request &request, ErrorCode error);
/// Whether a controller's answer says nothing but that it is none.
bool isNotController(const Response &response);

} // namespace queuelab::log
