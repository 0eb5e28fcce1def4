#include "engine/log/quorum.h"

#include <algorithm>
#include <utility>

// How the metadata log gets from the leader to the others, and what is committed of it.

namespace queuelab::log {
namespace {

constexpr std::chrono::milliseconds kMaxWait{500}; // KafkaRaftClient.MAX_FETCH_WAIT_MS
constexpr std::int32_t kMaxFetchBytes = 8 << 20; // KafkaRaftClient.MAX_FETCH_SIZE_BYTES

TopicPartition metadataPartition()
{
    return {std::string(kMetadataTopic), 0};
}

} // namespace

/// Of the newest record; 0 while there is none, as Kafka counts.
std::int32_t Quorum::lastEpoch() const
{
    return std::max(m_log->latestEpoch(), 0);
}

FetchResponse::Partition Quorum::emptyAnswer(ErrorCode error) const
{
    FetchResponse::Partition partition{.partition = metadataPartition(), .error = error};
    partition.highWatermark = m_highWatermark;
    partition.lastStableOffset = m_highWatermark;
    partition.logStartOffset = m_log->logStartOffset();
    partition.currentLeader = LeaderHint{m_leader ? m_leader->value() : -1, m_epoch};
    return partition;
}

void Quorum::onFetch(
    const PeerRequest &request, const FetchRequest &fetch, Context &context, Effects &effects)
{
    const auto refuse = [&](ErrorCode error) {
        FetchResponse response;
        response.partitions.push_back(emptyAnswer(error));
        effects.emplace_back(
            std::in_place_type<AnswerPeer>, request.from, request.id, std::move(response));
    };
    if (fetch.partitions.size() != 1 || fetch.partitions[0].partition != metadataPartition())
        return refuse(ErrorCode::UnknownTopicOrPartition);
    const FetchRequest::Partition &asked = fetch.partitions[0];
    if (asked.fetchOffset < 0 || asked.lastFetchedEpoch < 0
        || asked.lastFetchedEpoch > asked.currentLeaderEpoch)
        return refuse(ErrorCode::InvalidRequest);
    if (asked.currentLeaderEpoch < m_epoch)
        return refuse(ErrorCode::FencedLeaderEpoch);
    if (asked.currentLeaderEpoch > m_epoch)
        return refuse(ErrorCode::UnknownLeaderEpoch);
    if (!isLeader())
        return refuse(ErrorCode::NotLeaderOrFollower);
    if (const auto parted = divergence(asked)) {
        FetchResponse response;
        response.partitions.push_back(emptyAnswer(ErrorCode::None));
        response.partitions[0].divergingEpoch = parted;
        effects.emplace_back(
            std::in_place_type<AnswerPeer>, request.from, request.id, std::move(response));
        return;
    }
    countFollower(request.from, asked.fetchOffset, context.now);
    m_parked.push_back({request.from, request.id, asked.fetchOffset,
        std::min(fetch.maxBytes, asked.partitionMaxBytes), context.now + fetch.maxWait});
}

/// Where the logs have parted; nothing when the follower's is a prefix of ours.
std::optional<EpochEnd> Quorum::divergence(const FetchRequest::Partition &fetch) const
{
    if (fetch.fetchOffset == 0)
        return std::nullopt;
    const EpochEnd end = m_log->endOfEpoch(fetch.lastFetchedEpoch);
    if (end.epoch < 0) // an epoch later than all of ours
        return EpochEnd{lastEpoch(), m_log->logEndOffset()};
    if (end.epoch == fetch.lastFetchedEpoch && end.endOffset >= fetch.fetchOffset)
        return std::nullopt;
    return end;
}

/// A follower asks for what comes after `endOffset`: all before it is on its disk.
void Quorum::countFollower(NodeId follower, std::int64_t endOffset, Instant now)
{
    m_replicas[follower].endOffset = endOffset;
    if (!isVoter(follower))
        return;
    m_heardFrom.insert(follower);
    if (m_heardFrom.size() + 1 >= majority()) {
        m_heardFrom.clear();
        m_timeout = now + m_fetchTimeout * 3 / 2; // LeaderState: check quorum
    }
    advanceHighWatermark();
}

void Quorum::advanceHighWatermark()
{
    std::vector<std::int64_t> ends;
    for (const NodeId voter : m_voters) {
        const auto replica = m_replicas.find(voter);
        if (voter == m_self)
            ends.push_back(m_log->logEndOffset());
        else
            ends.push_back(replica == m_replicas.end() ? -1 : replica->second.endOffset);
    }
    std::ranges::sort(ends, std::ranges::greater{});
    const std::int64_t onMajority = ends[majority() - 1];
    if (onMajority > m_epochStart)
        m_highWatermark = std::max(m_highWatermark, onMajority);
}

/// Answers the fetches that need not wait: there are records, a new high watermark, or no more
/// time. Who does not lead any more has nothing to wait for.
void Quorum::answerParked(Context &context, Effects &effects)
{
    std::erase_if(m_parked, [&](const ParkedFetch &fetch) {
        Replica *const replica = isLeader() ? &m_replicas[fetch.from] : nullptr;
        if (replica && m_log->logEndOffset() <= fetch.offset
            && m_highWatermark <= replica->toldHighWatermark && fetch.until > context.now)
            return false;
        FetchResponse response;
        response.partitions.push_back(
            replica ? records(fetch, context.files) : emptyAnswer(ErrorCode::NotLeaderOrFollower));
        if (replica)
            replica->toldHighWatermark = m_highWatermark;
        effects.emplace_back(
            std::in_place_type<AnswerPeer>, fetch.from, fetch.id, std::move(response));
        return true;
    });
}

FetchResponse::Partition Quorum::records(const ParkedFetch &fetch, const Files &files) const
{
    FetchResponse::Partition answer = emptyAnswer(ErrorCode::None);
    const auto bytes =
        static_cast<std::uint64_t>(std::max(std::min(fetch.maxBytes, kMaxFetchBytes), 0));
    const auto read =
        m_log->read(fetch.offset, m_log->logEndOffset(), bytes, answer.records, files);
    if (!read)
        answer.error = read.error();
    return answer;
}

void Quorum::take(NodeId from, const FetchResponse &fetched, Context &context, Effects &effects)
{
    if (fetched.partitions.size() != 1)
        return backOff(from, context.now);
    const FetchResponse::Partition &partition = fetched.partitions[0];
    const LeaderHint says = partition.currentLeader.value_or(LeaderHint{-1, m_epoch});
    if (!heed(from, partition.error, says.leaderEpoch, says.leader, context, effects))
        return;
    const bool taken = m_leader == from
        && (partition.divergingEpoch ? truncate(*partition.divergingEpoch, context)
                                     : takeRecords(partition, context));
    if (!taken)
        return backOff(from, context.now);
    m_leaderAnswers = true;
    m_timeout = context.now + m_fetchTimeout;
}

bool Quorum::takeRecords(const FetchResponse::Partition &fetched, Context &context)
{
    if (!fetched.records.empty()) {
        m_unsynced = true;
        if (!m_log->replicate(fetched.records, context))
            return false;
    }
    m_highWatermark =
        std::max(m_highWatermark, std::min(fetched.highWatermark, m_log->logEndOffset()));
    return true;
}

/// Cuts off what the leader has not got. False when nothing could be cut.
bool Quorum::truncate(const EpochEnd &diverging, Context &context)
{
    // When this log does not know that epoch either, its end of the one before is the place.
    const EpochEnd own = m_log->endOfEpoch(diverging.epoch);
    const std::int64_t to =
        own.epoch == diverging.epoch ? std::min(own.endOffset, diverging.endOffset) : own.endOffset;
    if (to >= m_log->logEndOffset())
        return false;
    invariant(to >= m_highWatermark, "committed metadata is never cut off");
    m_unsynced = true;
    return m_log->truncateTo(to, context).has_value();
}

/// What it asks to follow on is on its disk: the leader counts on that. (An observer is not
/// counted.)
bool Quorum::sync(Context &context)
{
    if (m_unsynced && isVoter(m_self) && !m_log->flush(context))
        return false;
    m_unsynced = false;
    return true;
}

void Quorum::fetch(NodeId voter, Context &context, Effects &effects)
{
    if (!sync(context))
        return backOff(voter, context.now);
    FetchRequest request{.replicaId = m_self.value(), .maxWait = kMaxWait, .minBytes = 0};
    request.maxBytes = kMaxFetchBytes;
    FetchRequest::Partition partition{.partition = metadataPartition()};
    partition.fetchOffset = m_log->logEndOffset();
    partition.currentLeaderEpoch = m_epoch;
    partition.partitionMaxBytes = kMaxFetchBytes;
    partition.lastFetchedEpoch = lastEpoch();
    partition.logStartOffset = m_log->logStartOffset();
    request.partitions.push_back(std::move(partition));
    ask(voter, std::move(request), context, effects);
}

/// While the leader cannot be asked, another voter may know a new one.
void Quorum::fetchFromLeader(Context &context, Effects &effects)
{
    if (!isReady(*m_leader, context.now))
        fetchFromAnyVoter(context, effects);
    else if (!anyRequestOut())
        fetch(*m_leader, context, effects);
}

/// Whoever is not the leader refuses, and tells whom it takes for it.
void Quorum::fetchFromAnyVoter(Context &context, Effects &effects)
{
    if (anyRequestOut())
        return;
    std::vector<NodeId> ready;
    for (const NodeId voter : m_voters) {
        if (voter != m_self && isReady(voter, context.now))
            ready.push_back(voter);
    }
    if (!ready.empty())
        fetch(ready[context.random.below(ready.size())], context, effects);
}

} // namespace queuelab::log
