// Share groups at the leader of a partition: sessions, fetches that acquire records, and
// acknowledgements.

#include "engine/log/broker_state.h"
#include "engine/log/control_records.h"

#include <algorithm>
#include <set>
#include <utility>

namespace queuelab::log {

namespace {

using Call = BrokerShares::Call;
using CallId = BrokerShares::CallId;
using LogBatch = SharePartition::LogBatch;

/// Read at a time, so that not much more is read than is acquired.
constexpr std::uint64_t kShareChunkBytes = 65'536;

template <class Response_> auto &partitionOf(Response_ &response, const TopicPartition &partition)
{
    const auto found = std::ranges::find_if(
        response.partitions, [&](const auto &known) { return known.partition == partition; });
    if (found != response.partitions.end())
        return *found;
    response.partitions.emplace_back().partition = partition;
    return response.partitions.back();
}

void sayAcknowledgeError(Call &call, const TopicPartition &partition, ErrorCode error,
    const std::optional<LeaderHint> &leader)
{
    if (auto *fetched = std::get_if<ShareFetchResponse>(&call.response)) {
        auto &out = partitionOf(*fetched, partition);
        out.acknowledgeError = error;
        if (error == ErrorCode::NotLeaderOrFollower)
            out.currentLeader = leader;
        return;
    }
    auto &out = partitionOf(std::get<ShareAcknowledgeResponse>(call.response), partition);
    out.error = error;
    if (error == ErrorCode::NotLeaderOrFollower)
        out.currentLeader = leader;
}

/// Adds the batches of pieces from `firstPiece` on.
void addBatches(
    const std::vector<SharedBytes> &pieces, std::size_t firstPiece, std::vector<LogBatch> &out)
{
    for (std::size_t i = firstPiece; i < pieces.size(); ++i) {
        for (ByteView rest = pieces[i].view(); !rest.empty();) {
            const BatchHeader header = *readBatchHeader(rest);
            out.push_back({header.baseOffset, header.lastOffset()});
            rest = rest.subspan(header.sizeBytes());
        }
    }
}

/// Marks the batches of transactions that were aborted, as a consumer that reads committed finds
/// them: from a transaction's first offset to its ABORT marker.
void markAborted(const std::vector<SharedBytes> &pieces,
    std::vector<FetchResponse::Partition::AbortedTransaction> aborted,
    std::vector<LogBatch> &batches)
{
    if (aborted.empty())
        return;
    std::ranges::sort(aborted, {}, &FetchResponse::Partition::AbortedTransaction::firstOffset);
    auto next = aborted.begin();
    std::set<std::int64_t> aborting; // producer ids
    auto batch = batches.begin();
    for (const SharedBytes &piece : pieces) {
        for (ByteView rest = piece.view(); !rest.empty(); ++batch) {
            const BatchHeader header = *readBatchHeader(rest);
            const ByteView bytes = rest.first(header.sizeBytes());
            rest = rest.subspan(bytes.size());
            for (; next != aborted.end() && next->firstOffset <= header.lastOffset(); ++next)
                aborting.insert(next->producerId);
            if (header.isControl()) {
                RecordCursor cursor(bytes);
                if (cursor.next() && cursor.record().key
                    && readControlType(*cursor.record().key) == ControlType::Abort)
                    aborting.erase(header.producerId);
            } else {
                batch->isAborted = header.isTransactional() && aborting.contains(header.producerId);
            }
        }
    }
}

/// Of what was read, the batches with something that was acquired.
void keepAcquired(const std::vector<SharedBytes> &pieces,
    const std::vector<AcquiredRecords> &acquired, std::vector<SharedBytes> &out)
{
    auto run = acquired.begin();
    for (const SharedBytes &piece : pieces) {
        std::size_t keptFrom = 0;
        std::size_t at = 0;
        const auto close = [&] {
            if (at > keptFrom)
                out.push_back(piece.slice(keptFrom, at - keptFrom));
        };
        while (at < piece.size()) {
            const BatchHeader header = *readBatchHeader(piece.view().subspan(at));
            while (run != acquired.end() && run->lastOffset < header.baseOffset)
                ++run;
            const bool isKept = run != acquired.end() && run->firstOffset <= header.lastOffset();
            if (!isKept) {
                close();
                keptFrom = at + header.sizeBytes();
            }
            at += header.sizeBytes();
        }
        close();
    }
}

} // namespace

void Broker::State::shareFetch(Caller caller, NameId client, const ShareFetchRequest &request,
    Context &context, Effects &effects)
{
    const auto refuse = [&](ErrorCode error) {
        caller.answer(ShareFetchResponse{.error = error}, effects);
    };
    const bool opens = request.sessionEpoch == ShareFetchRequest::kInitialEpoch;
    const bool closes = request.sessionEpoch == ShareFetchRequest::kFinalEpoch;
    const bool acknowledges =
        std::ranges::any_of(request.partitions, [](const ShareFetchRequest::Partition &wanted) {
            return !wanted.acknowledgements.empty();
        });
    if (request.group.empty() || request.memberId.empty() || (opens && acknowledges))
        return refuse(ErrorCode::InvalidRequest);
    const ShareSessions::Key key{request.group, request.memberId};
    const auto session = opens
        ? shares.sessions.open(key, caller.client, client, context.trace.names().name(client))
        : shares.sessions.go(key, request.sessionEpoch);
    if (!session)
        return refuse(session.error());
    std::vector<TopicPartition> &inSession = (*session)->partitions;
    for (const ShareFetchRequest::Partition &wanted : request.partitions) {
        if (!closes && std::ranges::find(inSession, wanted.partition) == inSession.end())
            inSession.push_back(wanted.partition);
    }
    std::erase_if(inSession, [&](const TopicPartition &partition) {
        return std::ranges::find(request.forgotten, partition) != request.forgotten.end();
    });

    const CallId callId = shares.nextCall++;
    Call &call = shares.calls[callId];
    call.caller = caller;
    call.member = (*session)->member;
    call.group = request.group;
    call.limits = request;
    call.limits.partitions.clear();
    call.response = ShareFetchResponse{
        .acquisitionLockTimeout = groupConfig(request.group).shareRecordLockDuration};
    call.fetches = !closes && !request.isRenewAck && request.maxRecords > 0;
    if (call.fetches) {
        // So that each partition is the first in its turn.
        call.wanted = inSession;
        if (!call.wanted.empty()) {
            std::ranges::rotate(call.wanted,
                call.wanted.begin() + (request.sessionEpoch % std::ssize(call.wanted)));
        }
    }
    for (const ShareFetchRequest::Partition &wanted : request.partitions) {
        if (wanted.acknowledgements.empty())
            continue;
        const ErrorCode error = takeAcknowledgements(
            callId, wanted.partition, wanted.acknowledgements, request.isRenewAck, context);
        sayAcknowledgeError(call, wanted.partition, error, leaderHint(wanted.partition));
    }
    if (closes)
        closeShareSession(key, callId, context);
    if (call.fetches) {
        const bool mayWait =
            request.maxWait > std::chrono::milliseconds::zero() && !call.wanted.empty();
        if (serveShareFetch(callId, !mayWait, context))
            call.fetches = false;
        else
            waitForShares(callId, context);
    }
    finishShareCall(callId, effects);
}

void Broker::State::shareAcknowledge(Caller caller, NameId, const ShareAcknowledgeRequest &request,
    Context &context, Effects &effects)
{
    const ShareSessions::Key key{request.group, request.memberId};
    const auto session = request.sessionEpoch == ShareFetchRequest::kInitialEpoch
        ? std::unexpected(ErrorCode::InvalidShareSessionEpoch)
        : shares.sessions.go(key, request.sessionEpoch);
    if (!session) {
        caller.answer(ShareAcknowledgeResponse{.error = session.error()}, effects);
        return;
    }
    const CallId callId = shares.nextCall++;
    Call &call = shares.calls[callId];
    call.caller = caller;
    call.member = (*session)->member;
    call.group = request.group;
    call.response = ShareAcknowledgeResponse{
        .acquisitionLockTimeout = groupConfig(request.group).shareRecordLockDuration};
    for (const ShareAcknowledgeRequest::Partition &wanted : request.partitions) {
        const ErrorCode error = takeAcknowledgements(
            callId, wanted.partition, wanted.acknowledgements, request.isRenewAck, context);
        sayAcknowledgeError(call, wanted.partition, error, leaderHint(wanted.partition));
    }
    if (request.sessionEpoch == ShareFetchRequest::kFinalEpoch)
        closeShareSession(key, callId, context);
    finishShareCall(callId, effects);
}

ErrorCode Broker::State::takeAcknowledgements(CallId callId, const TopicPartition &partition,
    const std::vector<AcknowledgementBatch> &batches, bool isRenewAck, Context &context)
{
    Call &call = shares.calls.at(callId);
    const bool renews = std::ranges::any_of(batches, [](const AcknowledgementBatch &batch) {
        return std::ranges::find(batch.types, AcknowledgeType::Renew) != batch.types.end();
    });
    if (const ErrorCode error = SharePartition::check(batches); error != ErrorCode::None)
        return error;
    if (renews && (!isRenewAck || !groupConfig(call.group).shareRenewAcknowledge))
        return ErrorCode::InvalidRequest;
    const ShareKey key{call.group, partition};
    BrokerShares::Led *share = findShare(key);
    if (!share || share->phase != BrokerShares::Led::Phase::Active) {
        const auto leading = led(partition);
        return leading ? ErrorCode::UnknownTopicOrPartition : leading.error();
    }
    const auto taken =
        share->records.acknowledge(call.member, batches, shareSettings(call.group), context);
    if (!taken)
        return taken.error();
    if (*taken != 0) {
        share->awaited.push_back({*taken, callId});
        ++call.unstored;
    }
    shareChanged(key, *share);
    return ErrorCode::None;
}

void Broker::State::closeShareSession(
    const ShareSessions::Key &key, CallId callId, Context &context)
{
    const auto session = shares.sessions.go(key, ShareFetchRequest::kFinalEpoch);
    if (!session)
        return;
    const SharePartition::Member member = (*session)->member;
    shares.sessions.close(key);
    for (auto &[partition, groups] : shares.led) {
        const auto share = groups.find(key.first);
        if (share == groups.end())
            continue;
        const SharePartition::WriteId write =
            share->second.records.release(member, shareSettings(key.first), context);
        if (write != 0 && callId != 0) {
            share->second.awaited.push_back({write, callId});
            ++shares.calls.at(callId).unstored;
        }
        shareChanged({key.first, partition}, share->second);
    }
}

void Broker::State::dropShareCalls(const std::function<bool(const Caller &)> &isGone)
{
    for (auto next = shares.calls.begin(); next != shares.calls.end();) {
        const auto call = next++;
        if (!isGone(call->second.caller))
            continue;
        stopWaiting(call->first);
        shares.calls.erase(call);
    }
}

bool Broker::State::serveShareFetch(CallId callId, bool force, Context &context)
{
    Call &call = shares.calls.at(callId);
    if (!force && !call.hasFailed && call.limits.minBytes > 1
        && readableShareBytes(call, context) < call.limits.minBytes)
        return false;
    auto &response = std::get<ShareFetchResponse>(call.response);
    std::int64_t recordsLeft = call.limits.maxRecords;
    std::uint64_t bytesLeft = static_cast<std::uint64_t>(std::max(call.limits.maxBytes, 0));
    bool isDone = force || call.hasFailed;
    for (const TopicPartition &partition : call.wanted) {
        if (recordsLeft <= 0 || bytesLeft == 0)
            break;
        ShareRead read = readShare({call.group, partition}, recordsLeft, bytesLeft, context);
        if (read.error != ErrorCode::None) {
            auto &out = partitionOf(response, partition);
            out.error = read.error;
            if (read.error == ErrorCode::NotLeaderOrFollower)
                out.currentLeader = leaderHint(partition);
            isDone = true;
            continue;
        }
        if (read.batches.empty())
            continue;
        std::vector<AcquiredRecords> acquired;
        read.share->records.acquire({call.member, static_cast<std::int32_t>(recordsLeft),
                                        call.limits.batchSize, call.limits.recordLimit},
            read.batches, shareSettings(call.group), context, acquired);
        shareChanged({call.group, partition}, *read.share);
        if (acquired.empty())
            continue;
        isDone = true;
        auto &out = partitionOf(response, partition);
        keepAcquired(read.pieces, acquired, out.records);
        for (const AcquiredRecords &run : acquired)
            recordsLeft -= run.lastOffset - run.firstOffset + 1;
        for (const SharedBytes &piece : out.records)
            bytesLeft -= std::min<std::uint64_t>(bytesLeft, piece.size());
        out.acquired = std::move(acquired);
    }
    return isDone;
}

/// What lies in the log from the first record on that somebody may acquire: as much as holds so
/// many records, though some may not be available.
Broker::State::ShareRead Broker::State::readShare(
    const ShareKey &key, std::int64_t maxRecords, std::uint64_t maxBytes, Context &context)
{
    ShareRead read;
    const auto known = ledShare(key, context);
    if (!known) {
        read.error = known.error();
        return read;
    }
    read.share = *known;
    if (read.share->phase != BrokerShares::Led::Phase::Active)
        return read;
    const Partition &partition = *find(key.partition);
    SharePartition &records = read.share->records;
    const SharePartition::Settings settings = shareSettings(key.group);
    records.logStartMoved(partition.log.logStartOffset(), context);
    if (!records.canAcquire(settings))
        return read;
    const IsolationLevel isolation = groupConfig(key.group).shareIsolationLevel;
    const std::int64_t limit = readLimit(partition, isolation);
    const std::int64_t from = records.nextFetchOffset(settings);
    std::uint64_t bytes = 0;
    for (std::int64_t at = from; at < limit && at - from < maxRecords && bytes < maxBytes;) {
        const std::size_t known_ = read.pieces.size();
        const auto more = partition.log.read(
            at, limit, std::min(kShareChunkBytes, maxBytes - bytes), read.pieces, context.files);
        if (!more) {
            read.error = more.error();
            return read;
        }
        if (more->bytes == 0)
            break;
        addBatches(read.pieces, known_, read.batches);
        bytes += more->bytes;
        at = more->nextOffset;
    }
    if (isolation == IsolationLevel::ReadCommitted && !read.batches.empty()) {
        markAborted(read.pieces,
            partition.log.abortedTransactions(from, read.batches.back().lastOffset + 1),
            read.batches);
    }
    read.bytes = bytes;
    return read;
}

std::int64_t Broker::State::readableShareBytes(const Call &call, Context &context)
{
    std::uint64_t bytes = 0;
    const auto maxBytes = static_cast<std::uint64_t>(std::max(call.limits.minBytes, 0));
    for (const TopicPartition &partition : call.wanted) {
        const ShareRead read =
            readShare({call.group, partition}, call.limits.maxRecords, maxBytes, context);
        if (read.error != ErrorCode::None)
            return call.limits.minBytes; // that is told at once
        bytes += read.bytes;
    }
    return static_cast<std::int64_t>(bytes);
}

void Broker::State::shareStored(CallId callId, const TopicPartition &partition, ErrorCode error)
{
    const auto found = shares.calls.find(callId);
    if (found == shares.calls.end()) // nobody waits any more
        return;
    Call &call = found->second;
    if (error != ErrorCode::None)
        sayAcknowledgeError(call, partition, error, leaderHint(partition));
    if (--call.unstored == 0)
        shares.callsToServe.insert(callId);
}

void Broker::State::failShareFetch(CallId callId, const TopicPartition &partition, ErrorCode error)
{
    Call &call = shares.calls.at(callId);
    auto &out = partitionOf(std::get<ShareFetchResponse>(call.response), partition);
    out.error = error;
    if (error == ErrorCode::NotLeaderOrFollower)
        out.currentLeader = leaderHint(partition);
    std::erase(call.wanted, partition);
    call.hasFailed = true;
    if (Partition *known = find(partition))
        std::erase(known->waitingShares, callId);
    shares.callsToServe.insert(callId);
}

void Broker::State::waitForShares(CallId callId, Context &context)
{
    Call &call = shares.calls.at(callId);
    call.deadline = shares.callDeadlines.set(context.now + call.limits.maxWait, callId);
    for (const TopicPartition &wanted : call.wanted) {
        if (BrokerShares::Led *share = findShare({call.group, wanted}))
            share->waiting.push_back(callId);
        if (Partition *partition = find(wanted))
            partition->waitingShares.push_back(callId);
    }
}

void Broker::State::stopWaiting(CallId callId)
{
    Call &call = shares.calls.at(callId);
    if (!call.fetches)
        return;
    call.fetches = false;
    shares.callDeadlines.cancel(call.deadline);
    for (const TopicPartition &wanted : call.wanted) {
        if (BrokerShares::Led *share = findShare({call.group, wanted}))
            std::erase(share->waiting, callId);
        if (Partition *partition = find(wanted))
            std::erase(partition->waitingShares, callId);
    }
}

void Broker::State::finishShareCall(CallId callId, Effects &effects)
{
    const auto found = shares.calls.find(callId);
    if (found == shares.calls.end() || found->second.fetches || found->second.unstored > 0)
        return;
    Call call = std::move(found->second);
    shares.calls.erase(found);
    std::visit(
        [&](auto &response) { call.caller.answer(std::move(response), effects); }, call.response);
}

bool Broker::State::serveShares(Context &context, Effects &effects)
{
    if (shares.callsToServe.empty())
        return false;
    for (const CallId callId : std::exchange(shares.callsToServe, {})) {
        const auto found = shares.calls.find(callId);
        if (found == shares.calls.end())
            continue;
        if (found->second.fetches && serveShareFetch(callId, false, context))
            stopWaiting(callId);
        finishShareCall(callId, effects);
    }
    return true;
}

} // namespace queuelab::log
