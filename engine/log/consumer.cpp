#include "engine/log/consumer.h"

#include "engine/log/consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::string_view kCloseReason = "the consumer is being closed";

} // namespace

Consumer::State::State(ConsumerConfig settings)
    : config(std::move(settings))
    , cooperative(std::ranges::all_of(config.assignors, isCooperative))
    , brokers(config.bootstrapServers)
{
}

Consumer::Consumer(std::string clientId, ConsumerConfig config)
    : m_state(std::make_unique<State>(std::move(config)))
{
    m_state->clientId = std::move(clientId);
}

Consumer::Consumer(const Consumer &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}

Consumer &Consumer::operator=(const Consumer &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}

Consumer::Consumer(Consumer &&) noexcept = default;
Consumer &Consumer::operator=(Consumer &&) noexcept = default;
Consumer::~Consumer() = default;

void Consumer::start(Context &context, ClientEffects &effects)
{
    crash(); // whatever it knew from an earlier life
    State &state = *m_state;
    state.running = true;
    state.name = context.trace.name(state.clientId);
    state.groupName = context.trace.name(state.config.group);
    state.lastPoll = context.now;
    if (state.config.groupProtocol == GroupProtocol::Consumer)
        state.memberId = makeUuid(context.random);
    state.advance(context, effects);
}

void Consumer::crash()
{
    auto fresh = std::make_unique<State>(std::move(m_state->config));
    fresh->clientId = std::move(m_state->clientId);
    fresh->nextRequest =
        m_state->nextRequest; // an answer to the old life must not match the new one
    m_state = std::move(fresh);
}

void Consumer::apply(
    RequestId id, const Response &response, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    const auto found = std::ranges::find(state.inFlight, id, &State::InFlight::id);
    if (!state.running || found == state.inFlight.end())
        return; // an answer that nobody waits for any more
    const State::InFlight request = std::move(*found);
    state.inFlight.erase(found);
    state.brokers.answered(request.broker);
    const auto as = [&response]<class T>(std::type_identity<T>) -> const T & {
        const T *typed = std::get_if<T>(&response);
        invariant(typed != nullptr, "an answer has the type of its request");
        return *typed;
    };
    switch (request.sent) {
    case State::Sent::Metadata:
        state.applyMetadata(as(std::type_identity<MetadataResponse>{}), context, effects);
        break;
    case State::Sent::FindCoordinator:
        state.applyCoordinator(as(std::type_identity<FindCoordinatorResponse>{}), context);
        break;
    case State::Sent::Join:
        state.applyJoin(as(std::type_identity<JoinGroupResponse>{}), context, effects);
        break;
    case State::Sent::Sync:
        state.applySync(as(std::type_identity<SyncGroupResponse>{}), context);
        break;
    case State::Sent::Heartbeat:
        state.applyHeartbeat(as(std::type_identity<HeartbeatResponse>{}), context);
        break;
    case State::Sent::ConsumerHeartbeat:
        state.applyConsumerHeartbeat(
            as(std::type_identity<ConsumerGroupHeartbeatResponse>{}), context);
        break;
    case State::Sent::Leave:
        break;
    case State::Sent::Commit:
    case State::Sent::CommitFirst:
        state.applyCommit(request, as(std::type_identity<OffsetCommitResponse>{}), context);
        break;
    case State::Sent::OffsetFetch:
        state.applyOffsetFetch(as(std::type_identity<OffsetFetchResponse>{}), context);
        break;
    case State::Sent::ListOffsets:
        state.applyListOffsets(as(std::type_identity<ListOffsetsResponse>{}), context);
        break;
    case State::Sent::Validate:
        state.applyValidation(
            request, as(std::type_identity<OffsetForLeaderEpochResponse>{}), context);
        break;
    case State::Sent::Fetch:
        state.applyFetch(request, as(std::type_identity<FetchResponse>{}), context);
        break;
    }
    state.advance(context, effects);
}

void Consumer::connectionLost(NodeId broker, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (!state.running)
        return;
    state.lose(broker, context);
    state.advance(context, effects);
}

void Consumer::wake(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    state.askedWake.reset();
    if (!state.running)
        return;
    state.expireRequests(context);
    state.advance(context, effects);
}

const std::vector<PolledRecords> &Consumer::poll(Context &context, ClientEffects &effects,
    const std::function<void(const TopicPartition &, const RecordView &)> &handle)
{
    State &state = *m_state;
    state.polled.clear();
    if (!state.running)
        return state.polled;
    // From here to the end the application is in poll(): rebalances and auto-commit happen now,
    // before new records.
    state.waiting = true;
    state.lastPoll = context.now;
    state.advance(context, effects);
    if (state.running)
        state.handOut(handle, context);
    state.waiting = state.polled.empty();
    state.sendFetches(context, effects);
    state.askForNextWake(context.now, effects);
    return state.polled;
}

bool Consumer::hasRecords() const
{
    const State &state = *m_state;
    // An eager member that has to rejoin gives its partitions up first, and its buffered records
    // with them.
    const bool givesUpFirst = state.generation < 0 || (state.rejoinNeeded && !state.cooperative);
    return !givesUpFirst
        && std::ranges::any_of(state.buffer, [&state](const State::Fetched &fetched) {
               return !state.partitions.at(fetched.partition).paused;
           });
}

void Consumer::commit(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (!state.running)
        return;
    state.wantCommit(state.offsetsToCommit());
    state.advance(context, effects);
}

void Consumer::seek(const TopicPartition &partition, std::int64_t offset)
{
    State &state = *m_state;
    const auto found = state.partitions.find(partition);
    if (found == state.partitions.end())
        return;
    state.drop(partition);
    State::Partition &owned = found->second;
    state.setPosition(partition, owned, offset, -1);
    owned.resetReason.reset();
    owned.stuck = false;
    owned.sought = true;
}

void Consumer::giveBack(const TopicPartition &partition, std::int64_t offset)
{
    State &state = *m_state;
    const auto found = state.partitions.find(partition);
    if (found == state.partitions.end() || found->second.position <= offset)
        return;
    state.drop(partition);
    found->second.position = offset;
    found->second.fetched = offset;
}

void Consumer::pause(const TopicPartition &partition)
{
    if (const auto found = m_state->partitions.find(partition); found != m_state->partitions.end())
        found->second.paused = true;
}

void Consumer::resume(const TopicPartition &partition, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    const auto found = state.partitions.find(partition);
    if (found == state.partitions.end())
        return;
    found->second.paused = false;
    state.advance(context, effects);
}

void Consumer::close(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (!state.running)
        return;
    if (state.config.enableAutoCommit && state.generation >= 0)
        state.sendCommit(state.offsetsToCommit(), context, effects);
    else if (!state.commitWanted.empty() && state.generation >= 0)
        state.sendCommit(std::exchange(state.commitWanted, {}), context, effects);
    // A static member keeps its place: it is expected back within the session timeout.
    if (state.config.groupProtocol == GroupProtocol::Consumer)
        state.leaveConsumerGroup(context, effects);
    else if (!state.config.groupInstanceId)
        state.leave(kCloseReason, context, effects);
    state.revokeAll(LogReason::Unsubscribed, context);
    state.membershipLost(true, LogReason::Unsubscribed);
    state.inFlight.clear();
    state.running = false;
}

std::vector<Consumer::Position> Consumer::positions() const
{
    std::vector<Position> positions;
    positions.reserve(m_state->partitions.size());
    for (const auto &[partition, owned] : m_state->partitions)
        positions.push_back(
            {partition, owned.position, owned.committed, owned.fetched, owned.readableEnd});
    return positions;
}

std::int32_t Consumer::generation() const
{
    return m_state->generation;
}

bool Consumer::isMember() const
{
    return m_state->generation >= 0 && m_state->holdsAssignment;
}

ConsumerGroupMetadata Consumer::groupMetadata() const
{
    const State &state = *m_state;
    return {state.config.group, state.generation,
        state.generation < 0 ? std::string() : state.memberId, state.config.groupInstanceId};
}

std::string Consumer::memberId() const
{
    return m_state->memberId;
}

const ConsumerConfig &Consumer::config() const
{
    return m_state->config;
}

ErrorCode Consumer::failure() const
{
    return m_state->failure;
}

// The agenda.

void Consumer::State::advance(Context &context, ClientEffects &effects)
{
    if (!running)
        return;
    findCoordinator(context, effects);
    requestMetadata(context, effects);
    tendMembership(context, effects);
    findPositions(context, effects);
    validatePositions(context, effects);
    sendFetches(context, effects);
    askForNextWake(context.now, effects);
}

void Consumer::State::ask(Instant at, ClientEffects &effects)
{
    if (askedWake && *askedWake <= at)
        return;
    askedWake = at;
    effects.emplace_back(std::in_place_type<WakeClientAt>, at);
}

void Consumer::State::askForNextWake(Instant now, ClientEffects &effects)
{
    std::optional<Instant> next;
    // What is due already waits for an answer or for the application, not for time.
    const auto consider = [&next, now](Instant at) {
        if (at > now && (!next || at < *next))
            next = at;
    };
    for (const InFlight &request : inFlight)
        consider(request.expires);
    if (!coordinator)
        consider(std::max(coordinatorNotBefore, brokers.anyAt()));
    else if (const auto reconnect = brokers.reconnectAt(*coordinator))
        consider(*reconnect);
    consider(metadataWanted ? std::max(metadataNotBefore, brokers.anyAt()) : metadataExpires);
    if (config.groupProtocol == GroupProtocol::Consumer)
        consider(nextHeartbeat);
    else if (phase == Phase::Unjoined || rejoinNeeded)
        consider(joinNotBefore);
    if (reconciliation) {
        consider(reconciliation->commitNotBefore);
        consider(reconciliation->commitUntil);
    }
    if (generation >= 0) {
        consider(nextHeartbeat);
        if (!commitWanted.empty())
            consider(commitNotBefore);
        if (waiting && nextAutoCommit)
            consider(*nextAutoCommit);
        if (!waiting)
            consider(lastPoll + config.maxPollInterval);
    }
    for (const auto &[partition, owned] : partitions) {
        consider(owned.notBefore);
        if (const auto reconnect = brokers.reconnectAt(leaderOf(partition).broker))
            consider(*reconnect);
    }
    if (next)
        ask(*next, effects);
}

} // namespace queuelab::log
