#include "engine/log/control_records.h"
#include "engine/log/events.h"
#include "engine/log/quorum.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

// Who leads: KRaft's roles and their changes, as in QuorumState and KafkaRaftClient of Kafka 4.x.

namespace queuelab::log {
namespace {

void recordRole(LogEvent event, NodeId broker, std::int32_t epoch, Context &context)
{
    context.trace.record({.at = context.now,
        .kind = kind(event),
        .subject = context.trace.name(fmt::format("broker-{}", broker.value())),
        .value = epoch});
}

std::int32_t idOf(const std::optional<NodeId> &node)
{
    return node ? node->value() : -1;
}

} // namespace

/// At random in [timeout, 2 * timeout), so that voters seldom stand at the same moment.
Instant Quorum::electionTimeout(Context &context) const
{
    const auto spread = std::max<Duration::rep>(m_electionTimeout.count(), 1);
    return context.now
        + Duration(spread
            + static_cast<Duration::rep>(context.random.below(static_cast<std::uint64_t>(spread))));
}

/// False when the file could not be written: what it would have said must not be relied on.
bool Quorum::write(const ElectionState &state, Context &context)
{
    if (m_persisted == state)
        return true;
    if (!writeElectionState(context.files, m_statePath, state))
        return false;
    m_persisted = state;
    return true;
}

bool Quorum::persist(Context &context)
{
    return write({m_epoch, idOf(m_leader), idOf(m_votedFor)}, context);
}

/// Every change of role. Requests that are out belong to the old one: their answers count no more.
void Quorum::enter(QuorumRole role, std::int32_t epoch, std::optional<NodeId> leader,
    std::optional<Instant> timeout, Context &context, Effects &effects)
{
    const bool led = isLeader();
    const bool leads = role == QuorumRole::Leader;
    const std::int32_t before = m_epoch;
    if (led != leads) {
        // A leader's append is on disk when it returns, or has not happened. A follower syncs once
        // for all that it has fetched.
        LogConfig config = m_log->config();
        config.flushMessages = leads ? 1 : INT64_MAX;
        m_log->configure(config);
    }
    if (epoch > m_epoch)
        m_votedFor.reset();
    m_epoch = epoch;
    m_role = role;
    m_leader = leader;
    m_timeout = timeout;
    m_connections.clear();
    m_votes.clear();
    m_leaderAnswers = false;
    m_resignation.reset();
    if (led) {
        recordRole(LogEvent::ControllerResigned, m_self, before, context);
        m_replicas.clear();
        m_heardFrom.clear();
        answerParked(context, effects);
    }
}

void Quorum::becomeUnattached(std::int32_t epoch, Context &context, Effects &effects)
{
    if (m_role == QuorumRole::Observer) {
        enter(m_role, epoch, std::nullopt, std::nullopt, context, effects);
    } else {
        // An election that is under way keeps its time, or endless new epochs would keep all from
        // ever standing.
        const bool waiting = m_role == QuorumRole::Unattached || m_role == QuorumRole::Candidate
            || (m_role == QuorumRole::Prospective && !votesRejected());
        const auto timeout = waiting ? m_timeout : std::optional(electionTimeout(context));
        enter(QuorumRole::Unattached, epoch, std::nullopt, timeout, context, effects);
    }
    // Others know the epoch: not to know it after a restart harms nothing, if no vote was cast in
    // it.
    static_cast<void>(persist(context));
}

void Quorum::becomeFollower(std::int32_t epoch, NodeId leader, Context &context, Effects &effects)
{
    const auto role = m_role == QuorumRole::Observer ? QuorumRole::Observer : QuorumRole::Follower;
    enter(role, epoch, leader, context.now + m_fetchTimeout, context, effects);
    static_cast<void>(persist(context)); // as above; a vote was written when it was cast
}

void Quorum::becomeProspective(Context &context, Effects &effects)
{
    enter(QuorumRole::Prospective, m_epoch, m_leader, electionTimeout(context), context, effects);
    m_votes[m_self] = true;
    if (votesGranted())
        becomeCandidate(context, effects);
}

void Quorum::becomeCandidate(Context &context, Effects &effects)
{
    const std::int32_t epoch = m_epoch + 1;
    const Instant timeout = electionTimeout(context);
    // Nobody may hear of an epoch that a crash would take back.
    if (!write({epoch, -1, m_self.value()}, context)) {
        enter(QuorumRole::Unattached, m_epoch, std::nullopt, timeout, context, effects);
        return;
    }
    enter(QuorumRole::Candidate, epoch, std::nullopt, timeout, context, effects);
    m_votedFor = m_self;
    recordRole(LogEvent::QuorumCandidate, m_self, m_epoch, context);
    m_votes[m_self] = true;
    if (votesGranted())
        becomeLeader(context, effects);
}

/// The epoch begins with a record that names the leader. It is also what lets the high watermark
/// move: records of earlier epochs are committed only together with one of this epoch (Raft,
/// section 5.4.2).
void Quorum::becomeLeader(Context &context, Effects &effects)
{
    LeaderChange change{.leader = m_self.value()};
    for (const NodeId voter : m_voters)
        change.voters.push_back(voter.value());
    for (const auto &[voter, granted] : m_votes) {
        if (granted)
            change.grantingVoters.push_back(voter.value());
    }
    std::optional<Instant> silence;
    if (m_voters.size() > 1)
        silence = context.now + m_fetchTimeout * 3 / 2;
    enter(QuorumRole::Leader, m_epoch, m_self, silence, context, effects);
    recordRole(LogEvent::ControllerElected, m_self, m_epoch, context);
    m_epochStart = m_log->logEndOffset();
    m_announceAt = context.now;
    const Bytes batch = leaderChangeBatch(change, epochMillis(context.wallClock()));
    if (!persist(context) || !m_log->append(batch, m_epoch, context, AppendOrigin::Broker)) {
        becomeResigned(context, effects);
        return;
    }
    advanceHighWatermark();
}

/// It keeps the vote for itself, so it grants none in this epoch.
void Quorum::becomeResigned(Context &context, Effects &effects)
{
    Resignation resignation;
    std::vector<std::pair<std::int64_t, NodeId>> byEndOffset;
    for (const NodeId voter : m_voters) {
        if (voter == m_self)
            continue;
        const auto replica = m_replicas.find(voter);
        byEndOffset.emplace_back(
            replica == m_replicas.end() ? -1 : replica->second.endOffset, voter);
        resignation.unaware.insert(voter);
    }
    std::ranges::stable_sort(
        byEndOffset, std::ranges::greater{}, [](const auto &entry) { return entry.first; });
    for (const auto &[endOffset, voter] : byEndOffset)
        resignation.successors.push_back(voter.value());
    enter(
        QuorumRole::Unattached, m_epoch, std::nullopt, electionTimeout(context), context, effects);
    m_resignation = std::move(resignation);
}

/// A prospective that would not be elected goes on as it was.
void Quorum::loseElection(Context &context, Effects &effects)
{
    if (m_leader)
        becomeFollower(m_epoch, *m_leader, context, effects);
    else
        becomeUnattached(m_epoch, context, effects);
}

/// m_timeout has passed: sets a later one, or another role.
void Quorum::timeOut(Context &context, Effects &effects)
{
    switch (m_role) {
    case QuorumRole::Leader: // no majority has fetched from it: there may be another leader
        becomeResigned(context, effects);
        return;
    case QuorumRole::Unattached:
        if (m_resignation) { // on to an epoch in which it may vote again
            if (write({m_epoch + 1, -1, -1}, context))
                becomeUnattached(m_epoch + 1, context, effects);
            else
                m_timeout = electionTimeout(context);
            return;
        }
        [[fallthrough]];
    case QuorumRole::Follower:
    case QuorumRole::Candidate:
        becomeProspective(context, effects);
        return;
    case QuorumRole::Prospective:
        loseElection(context, effects);
        return;
    case QuorumRole::Observer:
        m_timeout.reset();
        return;
    }
}

/// Somebody says who leads `epoch`; -1: there is such an epoch (KafkaRaftClient.maybeTransition).
void Quorum::learn(std::int32_t epoch, std::int32_t leader, Context &context, Effects &effects)
{
    if (epoch < m_epoch)
        return;
    // That it led itself is an old tale: it has resigned since, or lives another life.
    const bool known = leader != m_self.value() && isVoter(NodeId(leader));
    if (epoch > m_epoch) {
        if (known)
            becomeFollower(epoch, NodeId(leader), context, effects);
        else
            becomeUnattached(epoch, context, effects);
        return;
    }
    if (!known)
        return;
    invariant(!m_leader || m_leader->value() == leader, "an epoch of the quorum has one leader");
    if (!m_leader)
        becomeFollower(epoch, NodeId(leader), context, effects);
}

/// What every answer says besides: epoch and leader. True when the rest of it counts.
bool Quorum::heed(NodeId from, ErrorCode error, std::int32_t epoch, std::int32_t leader,
    Context &context, Effects &effects)
{
    const bool counts = error == ErrorCode::None && epoch == m_epoch;
    const auto roleBefore = m_role;
    if (error != ErrorCode::None)
        backOff(from, context.now);
    learn(epoch, leader, context, effects);
    return counts && m_role == roleBefore;
}

/// Kafka's rules (KIP-595, KIP-996). A pre-vote costs nothing, and only says that the log is good
/// enough and no living leader is known; a vote is given once in an epoch.
bool Quorum::grants(const VoteRequest &vote) const
{
    const bool upToDate = std::pair(vote.lastOffsetEpoch, vote.lastOffset)
        >= std::pair(lastEpoch(), m_log->logEndOffset());
    if (vote.preVote)
        return upToDate && !isLeader() && !m_leaderAnswers;
    if (m_role == QuorumRole::Follower || isLeader())
        return false;
    if (m_votedFor)
        return m_votedFor->value() == vote.candidateId;
    return upToDate && !m_leader;
}

bool Quorum::castVote(NodeId candidate, Context &context)
{
    if (m_votedFor == candidate)
        return true;
    m_votedFor = candidate;
    if (!persist(context)) {
        m_votedFor.reset();
        return false;
    }
    // The candidate's chance is as good as its own: it waits anew, and asks anew.
    m_timeout = electionTimeout(context);
    std::erase_if(m_votes, [this](const auto &entry) { return entry.first != m_self; });
    return true;
}

bool Quorum::votesGranted() const
{
    return static_cast<std::size_t>(std::ranges::count_if(m_votes, [](const auto &entry) {
        return entry.second;
    })) >= majority();
}

bool Quorum::votesRejected() const
{
    const auto rejected = static_cast<std::size_t>(
        std::ranges::count_if(m_votes, [](const auto &entry) { return !entry.second; }));
    return rejected > m_voters.size() - majority();
}

VoteResponse Quorum::answer(const VoteRequest &vote, Context &context, Effects &effects)
{
    VoteResponse response;
    const NodeId candidate(vote.candidateId);
    // An epoch in which there are records already has had its election.
    const bool impossible = vote.lastOffset < 0 || vote.lastOffsetEpoch < 0
        || vote.lastOffsetEpoch > vote.candidateEpoch - (vote.preVote ? 0 : 1);
    if (impossible || !isVoter(candidate) || !isVoter(m_self)) {
        response.error = ErrorCode::InvalidRequest;
    } else if (vote.candidateEpoch < m_epoch) {
        response.error = ErrorCode::FencedLeaderEpoch;
    } else {
        if (vote.candidateEpoch > m_epoch)
            becomeUnattached(vote.candidateEpoch, context, effects);
        response.voteGranted = grants(vote) && (vote.preVote || castVote(candidate, context));
    }
    response.leaderId = idOf(m_leader);
    response.leaderEpoch = m_epoch;
    return response;
}

BeginQuorumEpochResponse Quorum::answer(
    const BeginQuorumEpochRequest &begin, Context &context, Effects &effects)
{
    BeginQuorumEpochResponse response;
    if (!isVoter(NodeId(begin.leaderId)))
        response.error = ErrorCode::InvalidRequest;
    else if (begin.leaderEpoch < m_epoch)
        response.error = ErrorCode::FencedLeaderEpoch;
    else
        learn(begin.leaderEpoch, begin.leaderId, context, effects);
    response.leaderId = idOf(m_leader);
    response.leaderEpoch = m_epoch;
    return response;
}

EndQuorumEpochResponse Quorum::answer(
    const EndQuorumEpochRequest &end, Context &context, Effects &effects)
{
    EndQuorumEpochResponse response;
    if (!isVoter(NodeId(end.leaderId))) {
        response.error = ErrorCode::InvalidRequest;
    } else if (end.leaderEpoch < m_epoch) {
        response.error = ErrorCode::FencedLeaderEpoch;
    } else {
        learn(end.leaderEpoch, end.leaderId, context, effects);
        if (m_role == QuorumRole::Follower && idOf(m_leader) == end.leaderId) {
            // The best successor stands at once, the others one after another
            // (strictExponentialElectionBackoffMs). A leader that has said goodbye is none that
            // answers.
            m_leaderAnswers = false;
            const auto place = std::ranges::find(end.preferredSuccessors, m_self.value());
            const auto position = place - end.preferredSuccessors.begin();
            const auto count = static_cast<std::ptrdiff_t>(end.preferredSuccessors.size());
            m_timeout = context.now;
            if (position > 0 && position < count)
                *m_timeout += m_electionBackoffMax / (std::int64_t{1} << (count - position));
        }
    }
    response.leaderId = idOf(m_leader);
    response.leaderEpoch = m_epoch;
    return response;
}

void Quorum::take(NodeId from, const VoteResponse &vote, Context &context, Effects &effects)
{
    if (!heed(from, vote.error, vote.leaderEpoch, vote.leaderId, context, effects))
        return;
    m_votes[from] = vote.voteGranted;
    if (votesGranted()) {
        if (m_role == QuorumRole::Prospective)
            becomeCandidate(context, effects);
        else
            becomeLeader(context, effects);
    } else if (votesRejected() && m_role == QuorumRole::Prospective) {
        loseElection(context, effects);
    }
    // A candidate that has lost waits for the rest of its random timeout.
}

void Quorum::take(
    NodeId from, const BeginQuorumEpochResponse &begin, Context &context, Effects &effects)
{
    heed(from, begin.error, begin.leaderEpoch, begin.leaderId, context, effects);
}

void Quorum::take(
    NodeId from, const EndQuorumEpochResponse &end, Context &context, Effects &effects)
{
    if (heed(from, end.error, end.leaderEpoch, end.leaderId, context, effects) && m_resignation)
        m_resignation->unaware.erase(from);
}

void Quorum::askForVotes(Context &context, Effects &effects)
{
    if (votesRejected())
        return;
    for (const NodeId voter : m_voters) {
        if (m_votes.contains(voter) || !isReady(voter, context.now))
            continue;
        ask(voter,
            VoteRequest{.candidateEpoch = m_epoch,
                .candidateId = m_self.value(),
                .lastOffsetEpoch = lastEpoch(),
                .lastOffset = m_log->logEndOffset(),
                .preVote = m_role == QuorumRole::Prospective},
            context, effects);
    }
}

} // namespace queuelab::log
