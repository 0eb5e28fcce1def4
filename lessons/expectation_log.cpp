#include "lessons/expectation_kind.h"
#include "lessons/pauses.h"

#include "engine/log/transaction_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace queuelab::lessons {

namespace {

using log::GroupSnapshot;
using log::GroupState;
using log::PartitionSnapshot;
using log::TopicSnapshot;

std::int64_t sumOver(
    const TopicSnapshot &topic, const std::function<std::int64_t(const PartitionSnapshot &)> &value)
{
    std::int64_t sum = 0;
    for (const PartitionSnapshot &partition : topic.partitions)
        sum += value(partition);
    return sum;
}

/// Compaction leaves gaps between offsets: then segments say how many are left, as far as they
/// know.
std::int64_t recordsIn(const PartitionSnapshot &partition)
{
    const bool isCompacted = partition.firstDirtyOffset >= 0;
    if (!isCompacted)
        return partition.logEndOffset - partition.logStartOffset;
    std::int64_t count = 0;
    for (const log::SegmentInfo &segment : partition.segments)
        count += segment.recordCount >= 0 ? segment.recordCount
                                          : segment.nextOffset - segment.baseOffset;
    return count;
}

std::int64_t transactionsThat(const PartitionSnapshot &partition,
    const std::function<bool(const log::PartitionTransaction &)> &are)
{
    return std::ranges::count_if(partition.transactions, are);
}

std::vector<std::string> topicNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const TopicSnapshot &topic : evidence.snapshot.log.topics)
        names.push_back(topic.name);
    return names;
}

std::string partitionName(const TopicSnapshot &topic, const PartitionSnapshot &partition)
{
    return fmt::format("{}-{}", topic.name, partition.partition);
}

std::vector<std::string> partitionNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const TopicSnapshot &topic : evidence.snapshot.log.topics) {
        for (const PartitionSnapshot &partition : topic.partitions)
            names.push_back(partitionName(topic, partition));
    }
    return names;
}

std::vector<std::string> groupNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const GroupSnapshot &group : evidence.snapshot.log.groups)
        names.push_back(group.name);
    return names;
}

std::vector<std::string> transactionalIds(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const log::TransactionSnapshot &transaction : evidence.snapshot.log.transactions)
        names.push_back(transaction.transactionalId);
    return names;
}

template <class Number> std::vector<std::string> texts(const std::vector<Number> &numbers)
{
    std::vector<std::string> all;
    for (const Number value : numbers)
        all.push_back(fmt::format("{}", value));
    return all;
}

bool isUnderReplicated(const PartitionSnapshot &partition)
{
    return partition.isr.size() < partition.replicas.size();
}

std::vector<std::string> brokerNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const log::BrokerSnapshot &broker : evidence.snapshot.log.brokers)
        names.push_back(fmt::format("{}", broker.id));
    return names;
}

std::int64_t partitionsThat(
    const log::ClusterSnapshot &log, const std::function<bool(const PartitionSnapshot &)> &are)
{
    return std::accumulate(log.topics.begin(), log.topics.end(), std::int64_t{0},
        [&](std::int64_t sum, const TopicSnapshot &topic) {
            return sum + std::ranges::count_if(topic.partitions, are);
        });
}

/// A group with what the applications did, and the topics its offsets point into.
struct GroupView {
    const GroupSnapshot *group;
    const log::ClusterSnapshot *cluster;
    world::OutcomeSnapshot outcome;
    const Evidence *evidence;

    Unread unread() const
    {
        return unreadPartitions(
            evidence->trace, group->name, evidence->since, evidence->snapshot.now);
    }
};

std::size_t idleMembers(const GroupView &view)
{
    return static_cast<std::size_t>(std::ranges::count_if(view.group->members,
        [](const log::MemberSnapshot &member) { return member.assignment.empty(); }));
}

std::vector<std::string> partitionsPerMember(const GroupView &view)
{
    std::vector<std::size_t> counts;
    for (const log::MemberSnapshot &member : view.group->members)
        counts.push_back(member.assignment.size());
    std::ranges::sort(counts, std::greater{});
    std::vector<std::string> texts;
    for (const std::size_t count : counts)
        texts.push_back(fmt::format("{}", count));
    return texts;
}

/// Records behind the high watermark that were not committed, over every partition the group owns
/// or has committed.
std::int64_t lagOf(const GroupView &view)
{
    std::map<std::pair<std::string, std::int32_t>, std::optional<std::int64_t>> committed;
    for (const log::MemberSnapshot &member : view.group->members) {
        for (const log::TopicPartition &owned : member.assignment)
            committed[{owned.topic, owned.partition}];
    }
    for (const log::CommittedOffset &offset : view.group->committed)
        committed[{offset.partition.topic, offset.partition.partition}] = offset.offset;

    std::int64_t lag = 0;
    for (const TopicSnapshot &topic : view.cluster->topics) {
        for (const PartitionSnapshot &partition : topic.partitions) {
            const auto at = committed.find({topic.name, partition.partition});
            if (at != committed.end())
                lag += partition.highWatermark - at->second.value_or(partition.logStartOffset);
        }
    }
    return lag;
}

std::int64_t committedSum(const GroupView &view)
{
    return std::accumulate(view.group->committed.begin(), view.group->committed.end(),
        std::int64_t{0},
        [](std::int64_t sum, const log::CommittedOffset &offset) { return sum + offset.offset; });
}

void addTopic(Kinds &kinds)
{
    using T = const TopicSnapshot *;
    using F = FieldType;
    kinds.push_back(std::make_unique<KindOf<T>>(
        ExpectationKind{"topic", "kafka", "TOPIC", "A topic, all its partitions together."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<T, std::string> {
            for (const TopicSnapshot &topic : evidence.snapshot.log.topics) {
                if (topic.name == expectation.name)
                    return &topic;
            }
            return std::unexpected(notFound("topic", expectation.name, topicNames(evidence)));
        },
        topicNames,
        std::vector<ReadableField<T>>{
            {{"partitions", "how many it has"},
                [](T t) { return number(std::uint64_t{t->partitions.size()}); }},
            {{"replication-factor", "copies of each partition"},
                [](T t) { return number(std::int64_t{t->replicationFactor}); }},
            {{"records", "records stored now: log end minus log start, summed"},
                [](T t) { return number(sumOver(*t, recordsIn)); }},
            {{"records-per-partition", "the same for each, in the order of the partitions",
                 F::List},
                [](T t) -> Seen {
                    std::vector<std::string> texts;
                    for (const PartitionSnapshot &p : t->partitions)
                        texts.push_back(fmt::format("{}", recordsIn(p)));
                    return texts;
                }},
            {{"log-end-offset-sum", "records ever appended"},
                [](T t) {
                    return number(sumOver(*t, [](const auto &p) { return p.logEndOffset; }));
                }},
            {{"high-watermark-sum", "records consumers may see, those already deleted included"},
                [](T t) {
                    return number(sumOver(*t, [](const auto &p) { return p.highWatermark; }));
                }},
            {{"log-start-offset-sum", "records that retention deleted"},
                [](T t) {
                    return number(sumOver(*t, [](const auto &p) { return p.logStartOffset; }));
                }},
            {{"size-bytes", "bytes stored"},
                [](T t) {
                    return number(sumOver(
                        *t, [](const auto &p) { return static_cast<std::int64_t>(p.sizeBytes); }));
                }},
        }));
}

void addPartition(Kinds &kinds)
{
    using P = const PartitionSnapshot *;
    using F = FieldType;
    kinds.push_back(std::make_unique<KindOf<P>>(
        ExpectationKind{"partition", "kafka", "TOPIC-N", "One partition, such as orders-0."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<P, std::string> {
            for (const TopicSnapshot &topic : evidence.snapshot.log.topics) {
                for (const PartitionSnapshot &partition : topic.partitions) {
                    if (partitionName(topic, partition) == expectation.name)
                        return &partition;
                }
            }
            return std::unexpected(
                notFound("partition", expectation.name, partitionNames(evidence)));
        },
        partitionNames,
        std::vector<ReadableField<P>>{
            {{"log-end-offset", "the offset the next record will get"},
                [](P p) { return number(p->logEndOffset); }},
            {{"high-watermark", "consumers see what is below it"},
                [](P p) { return number(p->highWatermark); }},
            {{"last-stable-offset", "readers of committed transactions see what is below it"},
                [](P p) { return number(p->lastStableOffset); }},
            {{"open-transactions", "transactions with records in it that have not ended"},
                [](P p) {
                    return number(transactionsThat(*p,
                        [](const log::PartitionTransaction &it) { return it.markerOffset < 0; }));
                }},
            {{"aborted-transactions", "of the newest 32 with records in it, those aborted"},
                [](P p) {
                    return number(transactionsThat(*p, [](const log::PartitionTransaction &it) {
                        return it.markerOffset >= 0 && !it.committed;
                    }));
                }},
            {{"first-dirty-offset", "compaction begins here next; -1 when it is not compacted"},
                [](P p) { return number(p->firstDirtyOffset); }},
            {{"log-start-offset", "the oldest record still there"},
                [](P p) { return number(p->logStartOffset); }},
            {{"records", "records stored now; markers of transactions count"},
                [](P p) { return number(recordsIn(*p)); }},
            {{"segments", "segment files, at most the newest 64 counted"},
                [](P p) { return number(std::uint64_t{p->segments.size()}); }},
            {{"size-bytes", "bytes stored"}, [](P p) { return number(p->sizeBytes); }},
            {{"leader", "the broker that leads it; -1 none"},
                [](P p) { return number(std::int64_t{p->leader}); }},
            {{"leader-epoch", "goes up by one with every change of leader"},
                [](P p) { return number(std::int64_t{p->leaderEpoch}); }},
            {{"offline", "whether it has no leader", F::Truth},
                [](P p) -> Seen { return p->leader < 0; }},
            {{"replicas", "the brokers that keep a copy, the preferred leader first", F::List},
                [](P p) -> Seen { return texts(p->replicas); }},
            {{"isr", "the brokers whose copies are in sync", F::List},
                [](P p) -> Seen { return texts(p->isr); }},
            {{"in-sync-replicas", "how many replicas are in the ISR"},
                [](P p) { return number(std::uint64_t{p->isr.size()}); }},
            {{"under-replicated", "whether a replica is missing in the ISR", F::Truth},
                [](P p) -> Seen { return isUnderReplicated(*p); }},
            {{"eligible-leader-replicas",
                 "brokers outside the ISR that hold everything below the high watermark", F::List},
                [](P p) -> Seen { return texts(p->eligibleLeaderReplicas); }},
            {{"log-end-offsets", "of each replica, in the order of the replicas", F::List},
                [](P p) -> Seen {
                    std::vector<std::int64_t> ends;
                    for (const log::ReplicaSnapshot &replica : p->replicaStates)
                        ends.push_back(replica.logEndOffset);
                    return texts(ends);
                }},
        }));
}

void addGroup(Kinds &kinds)
{
    using G = GroupView;
    using F = FieldType;
    std::vector<std::string> states;
    for (const GroupState state : {GroupState::Empty, GroupState::PreparingRebalance,
             GroupState::CompletingRebalance, GroupState::Stable, GroupState::Dead})
        states.emplace_back(log::groupStateName(state));
    kinds.push_back(std::make_unique<KindOf<G>>(
        ExpectationKind{"group", "kafka", "GROUP",
            "A consumer group, and what its applications made of the records."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<G, std::string> {
            for (const GroupSnapshot &group : evidence.snapshot.log.groups) {
                if (group.name == expectation.name)
                    return G{&group, &evidence.snapshot.log,
                        outcomeOf(evidence.snapshot, world::Engine::Log, group.name), &evidence};
            }
            return std::unexpected(notFound("group", expectation.name, groupNames(evidence)));
        },
        groupNames,
        std::vector<ReadableField<G>>{
            {{"state", "the coordinator's state", F::Text, states},
                [](const G &g) -> Seen {
                    return std::string(log::groupStateName(g.group->state));
                }},
            {{"coordinator", "the broker that coordinates it; -1 none at present"},
                [](const G &g) { return number(std::int64_t{g.group->coordinator}); }},
            {{"generation", "goes up with every completed rebalance"},
                [](const G &g) { return number(std::int64_t{g.group->generation}); }},
            {{"protocol", "the assignor in use: range, cooperative-sticky", F::Text},
                [](const G &g) -> Seen { return g.group->protocol; }},
            {{"members", "consumers in the group"},
                [](const G &g) { return number(std::uint64_t{g.group->members.size()}); }},
            {{"idle-members", "members that own no partition"},
                [](const G &g) { return number(std::uint64_t{idleMembers(g)}); }},
            {{"partitions-per-member", "how many each member owns, the most first", F::List},
                [](const G &g) -> Seen { return partitionsPerMember(g); }},
            {{"lag", "records below the high watermark that are not committed"},
                [](const G &g) { return number(lagOf(g)); }},
            {{"committed", "the committed offsets, summed"},
                [](const G &g) { return number(committedSum(g)); }},
            {{"handled", "different records the applications finished with"},
                [](const G &g) { return number(g.outcome.handled); }},
            {{"handled-again", "handlings beyond the first of a record"},
                [](const G &g) { return number(g.outcome.handledAgain); }},
            {{"out-of-order-in-partition",
                 "records of a producer handled after a later one of the same partition"},
                [](const G &g) { return number(g.outcome.outOfOrderInPartition); }},
            {{"out-of-order-in-key", "records handled after a later one of the same key"},
                [](const G &g) { return number(g.outcome.outOfOrderInKey); }},
            {{"out-of-order-overall", "records handled after a later one of the whole topic"},
                [](const G &g) { return number(g.outcome.outOfOrderOverall); }},
            {{"latency-p99", "from making a record to having handled it, 99 of 100", F::Time},
                [](const G &g) -> Seen { return g.outcome.latencyP99; }},
            {{"unread-longest",
                 "the longest time in this step that a partition its members gave up was nobody's",
                 F::Time},
                [](const G &g) -> Seen { return g.unread().longest; }},
            {{"unread-total", "those times of all partitions, added up", F::Time},
                [](const G &g) -> Seen { return g.unread().total; }},
        }));
}

void addTransaction(Kinds &kinds)
{
    using T = const log::TransactionSnapshot *;
    using F = FieldType;
    std::vector<std::string> states;
    for (const log::TransactionState state :
        {log::TransactionState::Empty, log::TransactionState::Ongoing,
            log::TransactionState::PrepareCommit, log::TransactionState::PrepareAbort,
            log::TransactionState::CompleteCommit, log::TransactionState::CompleteAbort,
            log::TransactionState::Dead, log::TransactionState::PrepareEpochFence})
        states.emplace_back(log::transactionStateName(state));
    kinds.push_back(std::make_unique<KindOf<T>>(
        ExpectationKind{"transaction", "kafka", "TRANSACTIONAL-ID",
            "A transactional id, as its coordinator knows it."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<T, std::string> {
            for (const log::TransactionSnapshot &transaction : evidence.snapshot.log.transactions) {
                if (transaction.transactionalId == expectation.name)
                    return &transaction;
            }
            return std::unexpected(
                notFound("transaction", expectation.name, transactionalIds(evidence)));
        },
        transactionalIds,
        std::vector<ReadableField<T>>{
            {{"state", "the coordinator's state", F::Text, states},
                [](T t) -> Seen { return t->state; }},
            {{"coordinator", "the broker that coordinates it; -1 none at present"},
                [](T t) { return number(std::int64_t{t->coordinator}); }},
            {{"producer-epoch", "goes up with every producer that takes the id"},
                [](T t) { return number(std::int64_t{t->producerEpoch}); }},
            {{"partitions", "partitions in the transaction"},
                [](T t) { return number(std::uint64_t{t->partitions.size()}); }},
        }));
}

void addBroker(Kinds &kinds)
{
    struct BrokerThing {
        const log::BrokerSnapshot *broker;
        bool isController;
    };
    using B = BrokerThing;
    using F = FieldType;
    std::vector<std::string> roles;
    for (const log::QuorumRole role :
        {log::QuorumRole::Unattached, log::QuorumRole::Follower, log::QuorumRole::Prospective,
            log::QuorumRole::Candidate, log::QuorumRole::Leader, log::QuorumRole::Observer})
        roles.emplace_back(log::quorumRoleName(role));
    kinds.push_back(std::make_unique<KindOf<B>>(
        ExpectationKind{"broker", "kafka", "N", "A broker by its number."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<B, std::string> {
            const log::ClusterSnapshot &log = evidence.snapshot.log;
            for (const log::BrokerSnapshot &broker : log.brokers) {
                if (fmt::format("{}", broker.id) == expectation.name)
                    return B{&broker, broker.id == log.controller};
            }
            return std::unexpected(notFound("broker", expectation.name, brokerNames(evidence)));
        },
        brokerNames,
        std::vector<ReadableField<B>>{
            {{"alive", "whether its process runs", F::Truth},
                [](const B &b) -> Seen { return b.broker->alive; }},
            {{"fenced",
                 "whether the controller keeps it from leading: it sends no heartbeats, or "
                 "is not caught up yet",
                 F::Truth},
                [](const B &b) -> Seen { return b.broker->isFenced; }},
            {{"controller", "whether it is the active controller", F::Truth},
                [](const B &b) -> Seen { return b.isController; }},
            {{"role", "what it is in the controller quorum", F::Text, roles},
                [](const B &b) -> Seen {
                    return std::string(log::quorumRoleName(b.broker->role));
                }},
            {{"leads", "partitions it leads"},
                [](const B &b) { return number(std::int64_t{b.broker->leads}); }},
            {{"replicas", "partitions it keeps a copy of"},
                [](const B &b) { return number(std::int64_t{b.broker->replicas}); }},
        }));
}

void addCluster(Kinds &kinds)
{
    using C = const log::ClusterSnapshot *;
    kinds.push_back(std::make_unique<KindOf<C>>(
        ExpectationKind{"cluster", "kafka", "", "All brokers together."},
        [](const Expectation &, const Evidence &evidence) -> Result<C, std::string> {
            return &evidence.snapshot.log;
        },
        [](const Evidence &) { return std::vector<std::string>{}; },
        std::vector<ReadableField<C>>{
            {{"controller", "the broker that is the active controller; -1 none"},
                [](C c) { return number(std::int64_t{c->controller}); }},
            {{"live-brokers", "brokers whose process runs"},
                [](C c) {
                    return number(static_cast<std::int64_t>(
                        std::ranges::count(c->brokers, true, &log::BrokerSnapshot::alive)));
                }},
            {{"offline-partitions", "partitions without a leader"},
                [](C c) {
                    return number(partitionsThat(
                        *c, [](const PartitionSnapshot &p) { return p.leader < 0; }));
                }},
            {{"under-replicated-partitions", "partitions with a replica missing in the ISR"},
                [](C c) { return number(partitionsThat(*c, isUnderReplicated)); }},
        }));
}

} // namespace

void addLogKinds(Kinds &kinds)
{
    addTopic(kinds);
    addPartition(kinds);
    addGroup(kinds);
    addShareKinds(kinds);
    addTransaction(kinds);
    addBroker(kinds);
    addCluster(kinds);
}

} // namespace queuelab::lessons
