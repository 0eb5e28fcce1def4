// A share consumer's records: sessions with leaders, fetching, handing out, acknowledging.

#include "engine/log/share_consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

/// Takes what is said of one partition, as a request has it: in order, each offset once.
std::vector<AcknowledgementBatch> batchesOf(std::vector<std::pair<std::int64_t, std::int64_t>> runs,
    const std::vector<AcknowledgeType> &types)
{
    std::vector<std::size_t> order(runs.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::ranges::sort(order, {}, [&runs](std::size_t i) { return runs[i].first; });
    std::vector<AcknowledgementBatch> batches;
    for (const std::size_t i : order) {
        if (!batches.empty() && batches.back().lastOffset + 1 == runs[i].first
            && batches.back().types.front() == types[i])
            batches.back().lastOffset = runs[i].second;
        else
            batches.push_back({runs[i].first, runs[i].second, {types[i]}});
    }
    return batches;
}

} // namespace

std::map<NodeId, std::set<TopicPartition>> ShareConsumer::State::wantedByLeader() const
{
    std::map<NodeId, std::set<TopicPartition>> wanted;
    if (!assignment)
        return wanted;
    for (const TopicPartition &partition : *assignment) {
        const auto leader = leaders.find(partition);
        if (leader != leaders.end() && leader->second.broker.value() >= 0)
            wanted[leader->second.broker].insert(partition);
    }
    return wanted;
}

void ShareConsumer::State::sendRequests(Context &context, ClientEffects &effects)
{
    const bool fetches = waiting && buffer.empty();
    if (fetches) {
        for (const auto &[broker, partitions] : wantedByLeader()) {
            Session &session = sessions[broker];
            const bool renews = std::ranges::any_of(
                session.said, [](const Said &said) { return said.type == AcknowledgeType::Renew; });
            if (!renews && !isBusy(broker) && context.now >= session.notBefore
                && brokers.canReach(broker, context.now))
                sendFetch(broker, session, partitions, context, effects);
        }
    }
    for (auto &[broker, session] : sessions) {
        if (session.isUrgent && !session.said.empty() && !isBusy(broker)
            && context.now >= session.notBefore)
            sendAcknowledgements(broker, session, context, effects);
    }
}

void ShareConsumer::State::sendFetch(NodeId broker, Session &session,
    const std::set<TopicPartition> &wanted, Context &context, ClientEffects &effects)
{
    ShareFetchRequest request;
    request.group = config.group;
    request.memberId = memberId;
    request.sessionEpoch = session.epoch;
    request.maxWait = config.fetchMaxWait;
    request.minBytes = config.fetchMinBytes;
    request.maxBytes = config.fetchMaxBytes;
    request.maxRecords = config.maxPollRecords;
    request.batchSize = config.maxPollRecords;
    request.recordLimit = config.recordLimit;
    std::map<TopicPartition, ShareFetchRequest::Partition> partitions;
    for (const TopicPartition &partition : wanted) {
        if (session.epoch == 0 || !session.partitions.contains(partition))
            partitions[partition].partition = partition;
    }
    for (const TopicPartition &partition : session.partitions) {
        if (session.epoch != 0 && !wanted.contains(partition))
            request.forgotten.push_back(partition);
    }
    std::int64_t count = 0;
    for (auto &[partition, batches] : takeSaid(session, count)) {
        partitions[partition].partition = partition;
        partitions[partition].acknowledgements = std::move(batches);
        // Only to acknowledge: it is not to be fetched.
        if (!wanted.contains(partition)
            && std::ranges::find(request.forgotten, partition) == request.forgotten.end())
            request.forgotten.push_back(partition);
    }
    for (auto &[partition, entry] : partitions)
        request.partitions.push_back(std::move(entry));
    session.partitions = wanted;
    session.epoch = session.epoch == INT32_MAX ? 1 : session.epoch + 1;
    session.isUrgent = false;
    send(Sent::Fetch, broker, std::move(request), count, context, effects);
}

/// What there is to say to this broker, by partition; `count` records in all.
std::map<TopicPartition, std::vector<AcknowledgementBatch>> ShareConsumer::State::takeSaid(
    Session &session, std::int64_t &count)
{
    struct Runs {
        std::vector<std::pair<std::int64_t, std::int64_t>> runs;
        std::vector<AcknowledgeType> types;
    };
    std::map<TopicPartition, Runs> byPartition;
    for (const Said &said : std::exchange(session.said, {})) {
        Runs &runs = byPartition[said.partition];
        runs.runs.emplace_back(said.first, said.last);
        runs.types.push_back(said.type);
        count += said.last - said.first + 1;
    }
    std::map<TopicPartition, std::vector<AcknowledgementBatch>> batches;
    for (auto &[partition, runs] : byPartition)
        batches[partition] = batchesOf(std::move(runs.runs), runs.types);
    return batches;
}

void ShareConsumer::State::sendAcknowledgements(
    NodeId broker, Session &session, Context &context, ClientEffects &effects)
{
    ShareAcknowledgeRequest request;
    request.group = config.group;
    request.memberId = memberId;
    request.sessionEpoch = session.epoch;
    request.isRenewAck = std::ranges::any_of(
        session.said, [](const Said &said) { return said.type == AcknowledgeType::Renew; });
    std::int64_t count = 0;
    for (auto &[partition, batches] : takeSaid(session, count))
        request.partitions.push_back({partition, std::move(batches)});
    if (session.epoch != ShareFetchRequest::kFinalEpoch)
        session.epoch = session.epoch == INT32_MAX ? 1 : session.epoch + 1;
    session.isUrgent = false;
    send(Sent::Acknowledge, broker, std::move(request), count, context, effects);
}

/// Whatever it had acquired in it is not its own any more.
void ShareConsumer::State::endSession(NodeId broker, Session &session)
{
    for (const Said &said : std::exchange(session.said, {}))
        refused += static_cast<std::uint64_t>(said.last - said.first + 1);
    std::erase_if(buffer, [broker](const Fetched &fetched) { return fetched.broker == broker; });
    session.epoch = 0;
    ++session.life;
    session.partitions.clear();
    session.isUrgent = false;
}

void ShareConsumer::State::sessionError(const InFlight &request, ErrorCode error, Context &context)
{
    Session &session = sessions[request.broker];
    refused += static_cast<std::uint64_t>(request.acknowledged);
    endSession(request.broker, session);
    session.failures = std::min(session.failures + 1, kManyFailures);
    // A session that is gone is opened anew at once; a broker that has no room is left alone.
    if (error != ErrorCode::ShareSessionNotFound || session.failures > 1)
        session.notBefore = context.now + backoff(session.failures, context);
}

void ShareConsumer::State::applyFetch(
    const InFlight &request, const ShareFetchResponse &response, Context &context)
{
    if (response.error != ErrorCode::None)
        return sessionError(request, response.error, context);
    Session &session = sessions[request.broker];
    session.failures = 0;
    bool hasFailed = false;
    for (const ShareFetchResponse::Partition &partition : response.partitions) {
        if (partition.acknowledgeError != ErrorCode::None) // how many of them it does not say
            refused += static_cast<std::uint64_t>(request.acknowledged);
        if (partition.error != ErrorCode::None) {
            hasFailed = true;
            leaderMoved(partition.partition, partition.currentLeader);
            continue;
        }
        if (!partition.acquired.empty()) {
            buffer.push_back({request.broker, session.life, partition.partition, partition.records,
                partition.acquired});
        }
    }
    if (hasFailed)
        session.notBefore = context.now + backoff(1, context);
}

void ShareConsumer::State::applyAcknowledge(
    const InFlight &request, const ShareAcknowledgeResponse &response, Context &context)
{
    if (response.error != ErrorCode::None)
        return sessionError(request, response.error, context);
    for (const ShareAcknowledgeResponse::Partition &partition : response.partitions) {
        if (partition.error == ErrorCode::None)
            continue;
        refused += static_cast<std::uint64_t>(request.acknowledged);
        if (partition.error == ErrorCode::NotLeaderOrFollower)
            leaderMoved(partition.partition, partition.currentLeader);
    }
}

std::int64_t ShareConsumer::poll(Context &context, ClientEffects &effects, const Handle &handle)
{
    State &state = *m_state;
    if (!state.running)
        return 0;
    if (!state.config.explicitAcknowledgement)
        state.acceptDelivered();
    std::int64_t count = 0;
    while (state.delivered.empty() && !state.buffer.empty()) {
        // All of one fetch: it had asked for max.poll.records.
        const NodeId broker = state.buffer.front().broker;
        while (!state.buffer.empty() && state.buffer.front().broker == broker) {
            const State::Fetched fetched = std::move(state.buffer.front());
            state.buffer.pop_front();
            state.handOut(fetched, handle, count, context);
        }
    }
    state.waiting = count == 0 && state.delivered.empty();
    state.advance(context, effects);
    return count;
}

void ShareConsumer::State::handOut(
    const Fetched &fetched, const Handle &handle, std::int64_t &count, Context &context)
{
    auto run = fetched.acquired.begin();
    const auto end = fetched.acquired.end();
    std::int64_t next = run->firstOffset; // of the run in hand
    const Delivered origin{fetched.broker, fetched.life, fetched.partition, 0, 0};
    std::int64_t given = 0;
    const auto noRecordsUntil = [&](std::int64_t offset) {
        while (run != end && next < offset) {
            const std::int64_t last = std::min(run->lastOffset, offset - 1);
            if (next <= last)
                say(origin, next, last, AcknowledgeType::Gap);
            next = last + 1;
            if (last == run->lastOffset && ++run != end)
                next = run->firstOffset;
        }
    };
    for (const SharedBytes &piece : fetched.pieces) {
        for (ByteView rest = piece.view(); !rest.empty();) {
            const BatchHeader header = *readBatchHeader(rest);
            RecordCursor cursor(rest.first(header.sizeBytes()));
            rest = rest.subspan(header.sizeBytes());
            while (!header.isControl() && run != end && cursor.next()) {
                const RecordView &record = cursor.record();
                noRecordsUntil(record.offset);
                if (run == end || record.offset < next)
                    continue;
                if (!delivered.empty() && delivered.back().partition == fetched.partition
                    && delivered.back().last + 1 == record.offset
                    && delivered.back().life == fetched.life)
                    delivered.back().last = record.offset;
                else
                    delivered.push_back({fetched.broker, fetched.life, fetched.partition,
                        record.offset, record.offset});
                handle(fetched.partition, record, run->deliveryCount);
                ++given;
                next = record.offset + 1;
                if (record.offset == run->lastOffset && ++run != end)
                    next = run->firstOffset;
            }
            noRecordsUntil(header.lastOffset() + 1);
        }
    }
    count += given;
    if (given == 0)
        return;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::RecordsPolled),
        .subject = context.trace.name(fetched.partition.name()),
        .actor = name,
        .item = fetched.acquired.front().firstOffset,
        .count = given});
}

void ShareConsumer::State::say(
    const Delivered &run, std::int64_t first, std::int64_t last, AcknowledgeType type)
{
    Session &session = sessions[run.broker];
    if (session.life != run.life) { // the lock went with the session
        refused += static_cast<std::uint64_t>(last - first + 1);
        return;
    }
    withdrawRenewals(session, run.partition, first, last);
    if (!session.said.empty()) {
        Said &before = session.said.back();
        if (before.partition == run.partition && before.type == type && before.last + 1 == first) {
            before.last = last;
            return;
        }
    }
    session.said.push_back({run.partition, first, last, type});
}

/// What is said last counts: a request names each offset once.
void ShareConsumer::State::withdrawRenewals(
    Session &session, const TopicPartition &partition, std::int64_t first, std::int64_t last)
{
    for (std::size_t i = 0; i < session.said.size(); ++i) {
        Said &queued = session.said[i];
        if (queued.type != AcknowledgeType::Renew || queued.partition != partition
            || queued.last < first || queued.first > last)
            continue;
        Said rest = queued;
        rest.first = last + 1;
        queued.last = first - 1;
        if (rest.first <= rest.last)
            session.said.push_back(std::move(rest));
    }
    std::erase_if(session.said, [](const Said &queued) { return queued.first > queued.last; });
}

void ShareConsumer::State::acceptDelivered()
{
    for (const Delivered &run : std::exchange(delivered, {}))
        say(run, run.first, run.last, AcknowledgeType::Accept);
}

bool ShareConsumer::acknowledge(
    const TopicPartition &partition, std::int64_t offset, AcknowledgeType type)
{
    State &state = *m_state;
    const auto run = std::ranges::find_if(state.delivered, [&](const State::Delivered &known) {
        return known.partition == partition && known.first <= offset && offset <= known.last;
    });
    if (run == state.delivered.end())
        return false;
    state.say(*run, offset, offset, type);
    if (type == AcknowledgeType::Renew)
        return true;
    if (offset == run->first) {
        if (++run->first > run->last)
            state.delivered.erase(run);
        return true;
    }
    State::Delivered rest = *run;
    rest.first = offset + 1;
    run->last = offset - 1;
    if (rest.first <= rest.last)
        state.delivered.insert(run + 1, std::move(rest));
    return true;
}

void ShareConsumer::commit(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (!state.config.explicitAcknowledgement)
        state.acceptDelivered();
    for (auto &[broker, session] : state.sessions)
        session.isUrgent = !session.said.empty();
    state.advance(context, effects);
}

std::int64_t ShareConsumer::unacknowledged() const
{
    std::int64_t count = 0;
    for (const State::Delivered &run : m_state->delivered)
        count += run.last - run.first + 1;
    return count;
}

} // namespace queuelab::log
