#include "engine/log/broker.h"

#include "engine/log/broker_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr const char *kCleanShutdownFile = "/.kafka_cleanshutdown";
constexpr std::size_t kSegmentsShown = 64;

template <class... Functions> struct Overloaded : Functions... {
    using Functions::operator()...;
};

} // namespace

Broker::Broker(NodeId id, BrokerConfig config)
    : m_state(std::make_unique<State>(id, std::move(config)))
{
}

Broker::Broker(const Broker &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}

Broker &Broker::operator=(const Broker &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}

Broker::Broker(Broker &&) noexcept = default;
Broker &Broker::operator=(Broker &&) noexcept = default;
Broker::~Broker() = default;

Result<std::vector<std::string>, Error> Broker::open(Context &context)
{
    State &state = *m_state;
    std::vector<std::string> notes;
    if (const auto made = context.files.createDirectories(state.directory); !made)
        return std::unexpected(made.error());
    const std::string marker = state.directory + kCleanShutdownFile;
    const bool cleanShutdown = context.files.exists(marker);
    if (const auto loaded = state.loadTopics(cleanShutdown, context, notes); !loaded)
        return std::unexpected(loaded.error());
    state.loadLogStartOffsets(context, notes);
    if (const auto opened = state.offsets.open(state.directory, cleanShutdown, context, notes);
        !opened)
        return std::unexpected(opened.error());
    // From here on a stop is unclean until close() says otherwise.
    if (cleanShutdown) {
        if (const auto removed = context.files.remove(marker); !removed)
            return std::unexpected(removed.error());
        if (const auto synced = context.files.syncDirectory(state.directory); !synced)
            return std::unexpected(synced.error());
    }
    return notes;
}

Result<void, Error> Broker::close(Context &context)
{
    State &state = *m_state;
    for (auto &[name, topic] : state.topics) {
        for (State::Partition &partition : topic.partitions) {
            if (const auto closed = partition.log.close(context); !closed)
                return closed;
        }
    }
    if (const auto closed = state.offsets.close(context); !closed)
        return closed;
    return replaceFile(context.files, state.directory + kCleanShutdownFile, {});
}

void Broker::apply(const Input &input, Context &context, Effects &effects)
{
    State &state = *m_state;
    if (!state.nextRetentionCheck)
        state.nextRetentionCheck = context.now + state.config.retentionCheckInterval;
    // What was due before this input happens before it.
    state.expire(context, effects);
    std::visit(Overloaded{
                   [&](const ClientRequest &request) { state.handle(request, context, effects); },
                   [&](const ClientGone &gone) { state.clientGone(gone.client); },
                   [&](const WakeUp &) { state.askedWake.reset(); },
                   [](const auto &) {}, // a broker alone has no peers
               },
        input);

    const std::optional<Instant> next = state.nextDeadline();
    if (next && (!state.askedWake || *next < *state.askedWake)) {
        state.askedWake = next;
        effects.emplace_back(std::in_place_type<WakeAt>, *next);
    }
}

void Broker::State::handle(const ClientRequest &input, Context &context, Effects &effects)
{
    const Caller caller{input.client, input.id};
    const auto answer = [&](auto &&response) {
        effects.push_back(
            Answer{caller.client, caller.id, std::forward<decltype(response)>(response)});
    };
    std::visit(
        Overloaded{
            [&](const MetadataRequest &request) { answer(metadata(request, context)); },
            [&](const CreateTopicsRequest &request) { answer(createTopics(request, context)); },
            [&](const CreatePartitionsRequest &request) {
                answer(createPartitions(request, context));
            },
            [&](const DeleteTopicsRequest &request) {
                answer(deleteTopics(request, context, effects));
            },
            [&](const ProduceRequest &request) {
                produce(caller, input.name, request, context, effects);
            },
            [&](const FetchRequest &request) {
                fetch(caller, input.name, request, context, effects);
            },
            [&](const ListOffsetsRequest &request) { answer(listOffsets(request, context.files)); },
            [&](const DeleteRecordsRequest &request) {
                answer(deleteRecords(request, input.name, context));
            },
            [&](const InitProducerIdRequest &) {
                answer(InitProducerIdResponse{
                    .producerId = nextProducerId++, .producerEpoch = 0});
            },
            [&](const FindCoordinatorRequest &request) { answer(findCoordinator(request)); },
            [&](const JoinGroupRequest &request) {
                coordinator.join(caller, request, context, effects);
            },
            [&](const SyncGroupRequest &request) {
                coordinator.sync(caller, request, context, effects);
            },
            [&](const HeartbeatRequest &request) {
                answer(coordinator.heartbeat(request, context));
            },
            [&](const LeaveGroupRequest &request) {
                answer(coordinator.leave(request, context, effects));
            },
            [&](const OffsetCommitRequest &request) {
                answer(commitOffsets(request, input.name, context));
            },
            [&](const OffsetFetchRequest &request) { answer(fetchOffsets(request)); },
            [](const auto &) {},
        },
        input.request);
}

void Broker::State::clientGone(ClientId client)
{
    std::vector<FetchId> gone;
    for (const auto &[fetchId, parked] : parkedFetches) {
        if (parked.caller.client == client)
            gone.push_back(fetchId);
    }
    for (const FetchId fetchId : gone) {
        unparkFetch(fetchId);
        parkedFetches.erase(fetchId);
    }
    coordinator.clientGone(client);
}

void Broker::State::expire(Context &context, Effects &effects)
{
    while (const std::optional<FetchId> due = fetchDeadlines.takeDue(context.now))
        answerFetch(*due, context, effects);
    coordinator.expire(context, effects);
    if (context.now >= *nextRetentionCheck) {
        checkRetention(context);
        nextRetentionCheck = context.now + config.retentionCheckInterval;
    }
}

std::optional<Instant> Broker::State::nextDeadline() const
{
    std::optional<Instant> next = nextRetentionCheck;
    for (const std::optional<Instant> &other :
        {fetchDeadlines.earliest(), coordinator.nextDeadline()}) {
        if (other && (!next || *other < *next))
            next = other;
    }
    return next;
}

ClusterSnapshot Broker::snapshot() const
{
    const State &state = *m_state;
    ClusterSnapshot cluster;
    cluster.brokers.push_back({.id = state.id.value()});
    for (const auto &[name, topic] : state.topics) {
        TopicSnapshot &shown = cluster.topics.emplace_back();
        shown.name = name;
        shown.replicationFactor = topic.replicationFactor;
        shown.configs = topic.configs;
        shown.partitions.reserve(topic.partitions.size());
        for (const State::Partition &partition : topic.partitions) {
            PartitionSnapshot &out = shown.partitions.emplace_back();
            out.partition = static_cast<std::int32_t>(shown.partitions.size()) - 1;
            out.leader = partition.leader;
            out.leaderEpoch = partition.leaderEpoch;
            out.replicas = partition.replicas;
            out.isr = partition.isr;
            out.logStartOffset = partition.log.logStartOffset();
            out.lastStableOffset = partition.highWatermark; // no transactions are open
            out.highWatermark = partition.highWatermark;
            out.logEndOffset = partition.log.logEndOffset();
            out.sizeBytes = partition.log.sizeBytes();
            out.segments = partition.log.segments();
            if (out.segments.size() > kSegmentsShown) {
                out.segments.erase(out.segments.begin(),
                    out.segments.end() - static_cast<std::ptrdiff_t>(kSegmentsShown));
            }
        }
    }
    cluster.groups = state.groups();
    return cluster;
}

Result<std::vector<SharedBytes>, ErrorCode> Broker::peek(const TopicPartition &partition,
    std::int64_t offset, std::uint64_t maxBytes, const Files &files) const
{
    const State::Partition *found = m_state->find(partition);
    if (!found)
        return std::unexpected(ErrorCode::UnknownTopicOrPartition);
    std::vector<SharedBytes> batches;
    const auto read = found->log.read(offset, found->log.logEndOffset(), maxBytes, batches, files);
    if (!read)
        return std::unexpected(read.error());
    return batches;
}

} // namespace queuelab::log
