#include "engine/log/quorum.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace queuelab::log {
namespace {

constexpr Duration kQuorumRetryBackoff = std::chrono::milliseconds{20}; // quorum.retry.backoff.ms
// Kafka's raft client reconnects after 50 ms, then twice as long every time, up to 500 ms.
constexpr Duration kQuorumReconnectBackoff = std::chrono::milliseconds{50};
constexpr Duration kQuorumReconnectBackoffMax = std::chrono::milliseconds{500};
constexpr std::uint64_t kReadBytes = 1 << 20;

std::vector<NodeId> votersOf(NodeId self, const BrokerConfig &config)
{
    std::vector<NodeId> voters = config.quorumVoters;
    if (voters.empty())
        voters.push_back(self);
    std::ranges::sort(voters);
    return voters;
}

/// Kept for ever; a batch is as large as it has to be.
LogConfig metadataLogConfig()
{
    LogConfig config;
    config.retentionMs = -1;
    config.retentionBytes = -1;
    config.maxMessageBytes = INT32_MAX;
    return config;
}

} // namespace

Quorum::Quorum(NodeId self, const BrokerConfig &config)
    : m_self(self)
    , m_voters(votersOf(self, config))
    , m_electionTimeout(config.quorumElectionTimeout)
    , m_fetchTimeout(config.quorumFetchTimeout)
    , m_electionBackoffMax(config.quorumElectionBackoffMax)
    , m_requestTimeout(config.quorumRequestTimeout)
{
}

bool Quorum::isVoter(NodeId node) const
{
    return std::ranges::binary_search(m_voters, node);
}

Result<void, Error> Quorum::open(const std::string &directory, bool cleanShutdown, Context &context,
    std::vector<std::string> &notes)
{
    const std::string place = fmt::format("{}/{}-0", directory, kMetadataTopic);
    m_statePath = place + "/quorum-state";
    RecoveryReport report;
    auto log = PartitionLog::open(place, metadataLogConfig(), cleanShutdown, context, &report);
    if (!log)
        return std::unexpected(log.error());
    m_log = std::move(*log);
    for (const std::string &note : report.notes)
        notes.push_back(fmt::format("{}-0/{}", kMetadataTopic, note));
    // Answers to an earlier life may still be on their way: they must not be taken for this one's.
    m_lastRequest = context.random.below(std::uint64_t{1} << 48);
    const auto stored = readElectionState(context.files, m_statePath);
    if (!stored)
        return std::unexpected(stored.error());
    m_persisted = *stored;

    m_role = isVoter(m_self) ? QuorumRole::Unattached : QuorumRole::Observer;
    if (m_role == QuorumRole::Unattached)
        m_timeout = electionTimeout(context);
    m_epoch = lastEpoch();
    if (m_persisted && m_persisted->epoch >= m_epoch) {
        m_epoch = m_persisted->epoch;
        if (m_persisted->votedFor >= 0)
            m_votedFor = NodeId(m_persisted->votedFor);
        if (m_persisted->leader == m_self.value()) {
            // It comes back resigned: in this epoch it neither leads nor votes for another, since
            // records it had not synced may be gone (QuorumState.initialize).
            m_votedFor = m_self;
            m_resignation.emplace();
            std::ranges::copy_if(m_voters,
                std::inserter(m_resignation->unaware, m_resignation->unaware.end()),
                [this](NodeId voter) { return voter != m_self; });
        } else if (m_persisted->leader >= 0) {
            m_leader = NodeId(m_persisted->leader);
            m_timeout = context.now + m_fetchTimeout;
            if (m_role == QuorumRole::Unattached)
                m_role = QuorumRole::Follower;
        }
    }
    if (m_voters == std::vector{m_self}) {
        Effects none; // there is nobody to tell
        becomeProspective(context, none);
        if (!isLeader()) {
            return std::unexpected(Error{place, "the only voter cannot write here",
                "free space, or repair the disk, and start the broker again"});
        }
    }
    m_deadline = context.now;
    return {};
}

Result<void, Error> Quorum::close(Context &context)
{
    return m_log->close(context);
}

Result<std::int64_t, ErrorCode> Quorum::append(
    const std::vector<Bytes> &values, Context &context, Effects &effects)
{
    invariant(!values.empty(), "a batch of metadata has records");
    if (!isLeader())
        return std::unexpected(ErrorCode::NotController);
    const std::int64_t timestamp = epochMillis(context.wallClock());
    BatchBuilder builder;
    builder.reset();
    for (const Bytes &value : values)
        builder.append(timestamp, std::nullopt, ByteView(value));
    const auto appended = m_log->append(builder.finish(), m_epoch, context, AppendOrigin::Broker);
    if (!appended) {
        becomeResigned(context, effects);
        act(context, effects);
        return std::unexpected(ErrorCode::KafkaStorageError);
    }
    advanceHighWatermark();
    act(context, effects);
    return appended->lastOffset;
}

Result<void, Error> Quorum::read(std::int64_t from, std::int64_t to,
    const std::function<void(std::int64_t offset, ByteView value)> &handle,
    const Files &files) const
{
    const auto damaged = [this](std::int64_t offset) {
        return std::unexpected(
            Error{m_log->directory(), fmt::format("the batch at offset {} cannot be read", offset),
                "stop and start the broker: it cuts off what is damaged and fetches it again"});
    };
    std::vector<SharedBytes> slices;
    while (from < to) {
        slices.clear();
        const auto got = m_log->read(from, to, kReadBytes, slices, files);
        if (!got)
            return damaged(from);
        if (got->bytes == 0) // `to` lies inside a batch
            return {};
        for (const SharedBytes &slice : slices) {
            ByteView batches = slice.view();
            while (!batches.empty()) {
                const auto header = readBatchHeader(batches);
                if (!header || header->sizeBytes() > batches.size())
                    return damaged(from);
                RecordCursor cursor(batches.first(header->sizeBytes()));
                while (!header->isControl() && cursor.next()) {
                    const RecordView &record = cursor.record();
                    if (record.offset >= from && record.value)
                        handle(record.offset, *record.value);
                }
                if (!cursor.ok())
                    return damaged(header->baseOffset);
                batches = batches.subspan(header->sizeBytes());
            }
        }
        from = got->nextOffset;
    }
    return {};
}

void Quorum::resign(Context &context, Effects &effects)
{
    if (!isLeader())
        return;
    becomeResigned(context, effects);
    act(context, effects);
}

void Quorum::apply(const PeerRequest &request, Context &context, Effects &effects)
{
    const auto reply = [&](Response &&response) {
        effects.emplace_back(
            std::in_place_type<AnswerPeer>, request.from, request.id, std::move(response));
    };
    if (const auto *vote = std::get_if<VoteRequest>(&request.request))
        reply(answer(*vote, context, effects));
    else if (const auto *begin = std::get_if<BeginQuorumEpochRequest>(&request.request))
        reply(answer(*begin, context, effects));
    else if (const auto *end = std::get_if<EndQuorumEpochRequest>(&request.request))
        reply(answer(*end, context, effects));
    else if (const auto *fetch = std::get_if<FetchRequest>(&request.request))
        onFetch(request, *fetch, context, effects);
    else
        invariantBroken("the quorum is asked for votes, epochs and its log");
    act(context, effects);
}

void Quorum::apply(const PeerAnswer &answer, Context &context, Effects &effects)
{
    const auto found = m_connections.find(answer.from);
    if (found == m_connections.end() || found->second.request != answer.id)
        return; // it was given up
    found->second = {};
    if (const auto *vote = std::get_if<VoteResponse>(&answer.response))
        take(answer.from, *vote, context, effects);
    else if (const auto *begin = std::get_if<BeginQuorumEpochResponse>(&answer.response))
        take(answer.from, *begin, context, effects);
    else if (const auto *end = std::get_if<EndQuorumEpochResponse>(&answer.response))
        take(answer.from, *end, context, effects);
    else if (const auto *fetched = std::get_if<FetchResponse>(&answer.response))
        take(answer.from, *fetched, context, effects);
    act(context, effects);
}

void Quorum::peerLost(NodeId peer, Context &context, Effects &effects)
{
    std::erase_if(m_parked, [peer](const ParkedFetch &fetch) { return fetch.from == peer; });
    if (const auto replica = m_replicas.find(peer); replica != m_replicas.end())
        replica->second.toldHighWatermark = 0; // the answer that told it may be lost
    const auto found = m_connections.find(peer);
    if (found != m_connections.end() && found->second.request) {
        Connection &connection = found->second;
        const Duration delay = kQuorumReconnectBackoff * (1 << std::min(connection.losses, 4));
        connection.request.reset();
        connection.until = context.now + std::min(delay, kQuorumReconnectBackoffMax);
        ++connection.losses;
    }
    act(context, effects);
}

void Quorum::expire(Context &context, Effects &effects)
{
    act(context, effects);
}

/// Does what the role demands at this moment; every input ends here (KafkaRaftClient.poll).
void Quorum::act(Context &context, Effects &effects)
{
    releaseConnections(context.now);
    while (m_timeout && *m_timeout <= context.now)
        timeOut(context, effects);
    send(context, effects);
    answerParked(context, effects);
    findDeadline(context.now);
}

void Quorum::send(Context &context, Effects &effects)
{
    switch (m_role) {
    case QuorumRole::Leader:
        if (m_announceAt > context.now)
            return;
        m_announceAt = context.now + m_fetchTimeout / 2;
        for (const NodeId voter : m_voters) {
            if (voter != m_self && isReady(voter, context.now))
                ask(voter, BeginQuorumEpochRequest{m_self.value(), m_epoch}, context, effects);
        }
        return;
    case QuorumRole::Prospective:
    case QuorumRole::Candidate:
        askForVotes(context, effects);
        return;
    case QuorumRole::Follower:
        fetchFromLeader(context, effects);
        return;
    case QuorumRole::Observer:
        // Without a timeout there is no leader, or it has not answered for too long.
        if (m_timeout)
            fetchFromLeader(context, effects);
        else
            fetchFromAnyVoter(context, effects);
        return;
    case QuorumRole::Unattached:
        if (!m_resignation) {
            fetchFromAnyVoter(context, effects);
            return;
        }
        for (const NodeId voter : m_resignation->unaware) {
            if (isReady(voter, context.now)) {
                ask(voter,
                    EndQuorumEpochRequest{m_self.value(), m_epoch, m_resignation->successors},
                    context, effects);
            }
        }
        return;
    }
}

bool Quorum::isReady(NodeId peer, Instant now) const
{
    const auto found = m_connections.find(peer);
    return found == m_connections.end() || (!found->second.request && found->second.until <= now);
}

bool Quorum::anyRequestOut() const
{
    return std::ranges::any_of(
        m_connections, [](const auto &entry) { return entry.second.request.has_value(); });
}

void Quorum::ask(NodeId peer, Request request, Context &context, Effects &effects)
{
    const RequestId id(kQuorumRequest | ++m_lastRequest);
    Connection &connection = m_connections[peer];
    connection.request = id;
    connection.until = context.now + m_requestTimeout;
    effects.emplace_back(std::in_place_type<AskPeer>, peer, id, std::move(request));
}

void Quorum::backOff(NodeId peer, Instant now)
{
    m_connections[peer].until = now + kQuorumRetryBackoff;
}

void Quorum::releaseConnections(Instant now)
{
    for (auto &[peer, connection] : m_connections) {
        if (!connection.request || connection.until > now)
            continue;
        connection.request.reset();
        connection.until = now + kQuorumRetryBackoff;
    }
}

void Quorum::findDeadline(Instant now)
{
    m_deadline = m_timeout;
    const auto consider = [this](Instant at) {
        if (!m_deadline || at < *m_deadline)
            m_deadline = at;
    };
    if (isLeader() && m_voters.size() > 1)
        consider(m_announceAt);
    for (const ParkedFetch &fetch : m_parked)
        consider(fetch.until);
    for (const auto &[peer, connection] : m_connections) {
        if (connection.request || connection.until > now)
            consider(connection.until);
    }
}

} // namespace queuelab::log
