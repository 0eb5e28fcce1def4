#include "engine/world/simulation/checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace queuelab::world::simulation {

namespace {

const log::TopicSnapshot *find(const log::ClusterSnapshot &log, std::string_view name)
{
    const auto found = std::ranges::find(log.topics, name, &log::TopicSnapshot::name);
    return found == log.topics.end() ? nullptr : &*found;
}

std::string clock(const World &world, Instant at)
{
    return formatClock(at - world.start());
}

/// What one replica holds of a partition.
struct Replica {
    Bytes bytes; ///< of whole batches, from `start` on
    std::int64_t start = 0;
    std::vector<RecordId> records; ///< by offset - start; 0 where there is none of ours
    RecordId at(std::int64_t offset) const
    {
        const bool isHere =
            offset >= start && offset - start < static_cast<std::int64_t>(records.size());
        return isHere ? records[static_cast<std::size_t>(offset - start)] : 0;
    }
};

/// Everything below `end` that the broker's copy holds.
Replica readReplica(const World &world, History &history, NodeId broker,
    const log::TopicPartition &partition, std::int64_t start, std::int64_t end)
{
    constexpr std::uint64_t kPiece = 1'048'576;
    Replica replica;
    replica.start = start;
    std::int64_t next = start;
    while (next < end) {
        const auto pieces = world.replicaBatches(broker, partition, next, kPiece);
        if (!pieces || pieces->empty())
            break;
        const std::int64_t before = next;
        for (const SharedBytes &piece : *pieces) {
            const ByteView view = piece.view();
            replica.bytes.insert(replica.bytes.end(), view.begin(), view.end());
            forEachRecord(view, [&](std::int64_t offset, ByteView body) {
                if (offset < next)
                    return;
                replica.records.resize(static_cast<std::size_t>(offset - start), 0);
                replica.records.push_back(history.idOf(body));
                next = offset + 1;
            });
        }
        if (next == before)
            break;
    }
    return replica;
}

/// Holds one partition's logs against its history.
class PartitionCheck {
public:
    PartitionCheck(const Scenario &scenario, History &history, const World &world,
        const log::TopicPartition &partition, const log::PartitionSnapshot &snapshot,
        std::vector<Anomaly> &found)
        : m_scenario(scenario)
        , m_history(history)
        , m_world(world)
        , m_partition(partition)
        , m_snapshot(snapshot)
        , m_isSafe(scenario.topic(partition.topic).isSafe())
        , m_found(found)
    {
    }

    void run()
    {
        m_log = readReplica(m_world, m_history, NodeId{m_snapshot.leader}, m_partition,
            m_snapshot.logStartOffset, m_snapshot.logEndOffset);
        replicasAgree();
        orderAndDuplicates();
        const auto told = m_history.partitions().find(m_partition);
        if (told == m_history.partitions().end())
            return;
        nothingAcknowledgedIsLost(told->second.acknowledged);
        nothingReadIsGone(told->second.read);
    }

private:
    void add(AnomalyKind kind, bool isPromised, std::uint64_t count, std::string text)
    {
        m_found.push_back(
            {kind, isPromised, count, fmt::format("{}: {}", m_partition.name(), text)});
    }

    void replicasAgree()
    {
        for (const log::ReplicaSnapshot &replica : m_snapshot.replicaStates) {
            if (replica.broker == m_snapshot.leader || !replica.online)
                continue;
            const Replica copy = readReplica(m_world, m_history, NodeId{replica.broker},
                m_partition, m_snapshot.logStartOffset, m_snapshot.highWatermark);
            const std::size_t size = std::min(copy.bytes.size(), m_log.bytes.size());
            const auto differs = std::mismatch(copy.bytes.begin(),
                copy.bytes.begin() + static_cast<std::ptrdiff_t>(size), m_log.bytes.begin());
            const bool isShort = static_cast<std::int64_t>(copy.records.size()) + copy.start
                < m_snapshot.highWatermark;
            if (differs.first != copy.bytes.begin() + static_cast<std::ptrdiff_t>(size) || isShort)
                add(AnomalyKind::ReplicasDiffer, true, 1,
                    fmt::format("below the high watermark {} broker {} and the leader {} differ {}",
                        m_snapshot.highWatermark, replica.broker, m_snapshot.leader,
                        isShort ? "in length"
                                : fmt::format("at byte {}", differs.first - copy.bytes.begin())));
        }
    }

    void orderAndDuplicates()
    {
        for (const SimulatedProducer &producer : m_scenario.producers) {
            if (producer.topic != m_partition.topic)
                continue;
            const bool isPromised = m_isSafe && producer.idempotent;
            const std::uint64_t number = m_history.producerNumber(producer.name);
            std::set<RecordId> met;
            std::uint64_t duplicates = 0;
            std::uint64_t late = 0;
            std::int64_t firstDuplicate = -1;
            std::int64_t firstLate = -1;
            RecordId newest = 0;
            for (std::size_t at = 0; at < m_log.records.size(); ++at) {
                const RecordId record = m_log.records[at];
                if (record == 0 || record >> 40 != number)
                    continue;
                const std::int64_t offset = m_log.start + static_cast<std::int64_t>(at);
                if (!met.insert(record).second) {
                    if (duplicates++ == 0)
                        firstDuplicate = offset;
                } else if (record < newest && late++ == 0) {
                    firstLate = offset;
                }
                newest = std::max(newest, record);
            }
            const bool forgotten = m_history.wasForgotten(m_partition.name(), producer.name);
            if (duplicates > 0)
                add(AnomalyKind::Duplicate, isPromised && !forgotten, duplicates,
                    fmt::format("{} of {} stand there twice, the first at offset {}{}", duplicates,
                        producer.name, firstDuplicate,
                        !producer.idempotent ? ": a retry without idempotence"
                            : forgotten      ? ": a leader restarted in order knew the newest "
                                               "batch only, and the producer began a new epoch"
                                             : ""));
            if (late > 0)
                add(AnomalyKind::OutOfOrder, isPromised, late,
                    fmt::format("{} of {} come after later ones, the first at offset {}{}", late,
                        producer.name, firstLate,
                        producer.idempotent
                            ? ""
                            : fmt::format(": {} requests in flight", producer.maxInFlight)));
        }
    }

    /// What became of the record at `offset` that was there at `since`: who was elected, and who
    /// cut it off.
    std::string cause(std::int64_t offset, Instant since) const
    {
        const History::Incident *election = nullptr;
        const History::Incident *removal = nullptr;
        for (const History::Incident &incident : m_history.incidents(m_partition.name())) {
            if (!incident.removes) {
                if (!election || election->at < since)
                    election = &incident;
            } else if (incident.at >= since && incident.from <= offset) {
                removal = &incident;
                break;
            }
        }
        std::string text;
        if (election)
            text += "; " + election->text;
        if (removal)
            text += "; " + removal->text;
        return text;
    }

    /// The excuse for a loss, as a text; empty when there is none.
    std::string lostWithPower(std::int64_t offset, Instant since) const
    {
        const History::PowerLoss *loss =
            m_history.lostWithPower(m_partition.name(), offset, since, m_snapshot.logEndOffset);
        return loss ? fmt::format("; it was only in page caches: all replicas that could have led "
                                  "stopped uncleanly, and {}, which led last and was elected at "
                                  "{}, had lost power",
                          loss->leader, clock(m_world, loss->at))
                    : std::string();
    }

    void nothingAcknowledgedIsLost(const std::vector<History::Acknowledged> &batches)
    {
        const std::set<RecordId> there(m_log.records.begin(), m_log.records.end());
        // Losses of the same kind and cause are one finding.
        std::map<std::pair<bool, std::string>, std::uint64_t> losses;
        for (const History::Acknowledged &batch : batches) {
            const std::string acks = batch.acks == -1 ? "all" : std::to_string(batch.acks);
            for (std::size_t at = 0; at < batch.records.size(); ++at) {
                const RecordId record = batch.records[at];
                const std::int64_t offset = batch.baseOffset + static_cast<std::int64_t>(at);
                if (record == 0 || m_log.at(offset) == record || there.contains(record))
                    continue;
                const std::string excuse = lostWithPower(offset, batch.at);
                ++losses[{m_isSafe && batch.acks == -1 && excuse.empty(),
                    fmt::format("acknowledged with acks={} by broker {}{}{}", acks,
                        batch.broker.value(), cause(offset, batch.at), excuse)}];
            }
        }
        for (const auto &[loss, count] : losses)
            add(AnomalyKind::LostWrite, loss.first, count, loss.second);
    }

    void nothingReadIsGone(const std::vector<RecordId> &read)
    {
        struct Gone {
            std::uint64_t count = 0;
            std::int64_t first = 0;
        };
        std::map<std::string, Gone> goneByExcuse;
        for (std::size_t offset = 0; offset < read.size(); ++offset) {
            const auto at = static_cast<std::int64_t>(offset);
            if (read[offset] == 0 || at < m_log.start || m_log.at(at) == read[offset])
                continue;
            Gone &gone = goneByExcuse[lostWithPower(at, m_world.start())];
            if (gone.count++ == 0)
                gone.first = at;
        }
        for (const auto &[excuse, gone] : goneByExcuse)
            add(AnomalyKind::VanishedRead, m_isSafe && excuse.empty(), gone.count,
                fmt::format("a consumer was given {} that are gone or others now, the first at "
                            "offset {}{}{}",
                    gone.count, gone.first, cause(gone.first, m_world.start()), excuse));
    }

    const Scenario &m_scenario;
    History &m_history;
    const World &m_world;
    const log::TopicPartition &m_partition;
    const log::PartitionSnapshot &m_snapshot;
    bool m_isSafe;
    std::vector<Anomaly> &m_found;
    Replica m_log;
};

void checkGroup(const SimulatedGroup &group, const Snapshot &snapshot, bool isPromised,
    std::vector<Anomaly> &found)
{
    const auto add = [&](std::string text) {
        found.push_back({AnomalyKind::GroupNotBalanced, isPromised, 1,
            fmt::format("group {}: {}", group.name, text)});
    };
    const auto seen = std::ranges::find(snapshot.log.groups, group.name, &log::GroupSnapshot::name);
    if (seen == snapshot.log.groups.end()) {
        add("no broker coordinates it");
        return;
    }
    if (seen->state != log::GroupState::Stable) {
        add(fmt::format("it is {}", log::groupStateName(seen->state)));
        return;
    }
    if (seen->members.size() != group.members.size())
        add(fmt::format(
            "{} members, but {} consumers run", seen->members.size(), group.members.size()));
    std::map<log::TopicPartition, std::string> owners;
    for (const log::MemberSnapshot &member : seen->members) {
        for (const log::TopicPartition &partition : member.assignment) {
            const auto [owner, isNew] = owners.try_emplace(partition, member.clientId);
            if (!isNew)
                add(fmt::format(
                    "{} is owned by {} and {}", partition.name(), owner->second, member.clientId));
        }
    }
    const log::TopicSnapshot *topic = find(snapshot.log, group.topic);
    if (topic && owners.size() != topic->partitions.size())
        add(fmt::format(
            "{} of {} partitions have an owner", owners.size(), topic->partitions.size()));
    // What each consumer thinks it owns must agree.
    std::map<std::string, std::string> believers;
    for (const ClientSnapshot &client : snapshot.clients) {
        if (client.group != group.name || client.state != ClientState::Running)
            continue;
        for (const PositionSnapshot &position : client.positions) {
            const auto [believer, isNew] = believers.try_emplace(position.partition, client.name);
            if (!isNew)
                add(fmt::format("{} is worked on by {} and {}", position.partition,
                    believer->second, client.name));
        }
    }
}

/// Whether nothing is left for them to read, and what they read is committed.
void checkCaughtUp(const SimulatedTransformers &transformers, const Snapshot &snapshot,
    bool isPromised, std::vector<Anomaly> &found)
{
    const log::TopicSnapshot *topic = find(snapshot.log, transformers.from);
    for (const ClientSnapshot &client : snapshot.clients) {
        if (!topic || client.group != transformers.group)
            continue;
        bool isThrough =
            client.holdingCount == 0 && client.transactionStatus == log::TransactionStatus::Ready;
        for (const PositionSnapshot &position : client.positions)
            isThrough = isThrough
                && position.position
                    >= topic->partitions[static_cast<std::size_t>(position.index)].lastStableOffset;
        if (!isThrough)
            found.push_back({AnomalyKind::GroupNotBalanced, isPromised, 1,
                fmt::format("{} has not come to the end of {}", client.name, transformers.from)});
    }
}

/// Whether everything was given out and is settled.
void checkSettled(const SimulatedShareGroup &group, const Snapshot &snapshot, bool isPromised,
    std::vector<Anomaly> &found)
{
    const log::TopicSnapshot *topic = find(snapshot.log, group.topic);
    if (!topic)
        return;
    for (const log::PartitionSnapshot &partition : topic->partitions) {
        const auto share = std::ranges::find_if(
            snapshot.log.sharePartitions, [&](const log::SharePartitionSnapshot &candidate) {
                return candidate.group == group.name && candidate.partition.topic == group.topic
                    && candidate.partition.partition == partition.partition;
            });
        const bool isThere = share != snapshot.log.sharePartitions.end();
        if (partition.logEndOffset > 0
            && (!isThere || share->startOffset < partition.highWatermark))
            found.push_back({AnomalyKind::ShareGroupBehind, isPromised, 1,
                fmt::format("{} has settled {}-{} up to {} of {}", group.name, group.topic,
                    partition.partition, isThere ? share->startOffset : 0,
                    partition.highWatermark)});
    }
}

} // namespace

std::vector<Anomaly> checkAtRest(
    const Scenario &scenario, const History &history, const Snapshot &snapshot)
{
    const bool isPromised = !history.hasLostPower();
    std::vector<Anomaly> found;
    for (const log::BrokerSnapshot &broker : snapshot.log.brokers) {
        if (!broker.alive || broker.isFenced)
            found.push_back({AnomalyKind::NotReplicated, true, 1,
                fmt::format("broker {} is {}", broker.id, broker.alive ? "fenced" : "down")});
    }
    for (const SimulatedTopic &wanted : scenario.topics) {
        const log::TopicSnapshot *topic = find(snapshot.log, wanted.name);
        if (!topic) {
            found.push_back({AnomalyKind::NotReplicated, true, 1,
                fmt::format("topic {} is not there", wanted.name)});
            continue;
        }
        for (const log::PartitionSnapshot &partition : topic->partitions) {
            const bool isWhole = partition.leader > 0
                && partition.isr.size() == partition.replicas.size()
                && partition.highWatermark == partition.logEndOffset
                // With weak settings a marker may be lost, and nobody writes it again.
                && (!wanted.isSafe() || !isPromised
                    || partition.lastStableOffset == partition.highWatermark);
            if (!isWhole)
                found.push_back({AnomalyKind::NotReplicated, true, 1,
                    fmt::format("{}-{}: leader {}, ISR [{}] of [{}], high watermark {} of {}, last "
                                "stable offset {}",
                        topic->name, partition.partition, partition.leader,
                        fmt::join(partition.isr, ", "), fmt::join(partition.replicas, ", "),
                        partition.highWatermark, partition.logEndOffset,
                        partition.lastStableOffset)});
        }
    }
    // A member of a KIP-848 group that its coordinator has forgotten with its power is answered
    // GROUP_ID_NOT_FOUND, which ends Java's consumers and ours.
    for (const SimulatedGroup &group : scenario.groups)
        checkGroup(group, snapshot, isPromised || !group.sharesOutServerSide, found);
    for (const SimulatedTransformers &transformers : scenario.transformers) {
        checkGroup({transformers.group, transformers.from, transformers.members}, snapshot,
            isPromised || !transformers.sharesOutServerSide, found);
        checkCaughtUp(transformers, snapshot, isPromised, found);
    }
    for (const SimulatedShareGroup &group : scenario.shareGroups)
        checkSettled(group, snapshot, isPromised, found);
    for (const log::TransactionSnapshot &transaction : snapshot.log.transactions) {
        if (transaction.state != "Empty" && !transaction.state.starts_with("Complete"))
            found.push_back({AnomalyKind::OpenTransaction, isPromised, 1,
                fmt::format("{} is {}", transaction.transactionalId, transaction.state)});
    }
    return found;
}

std::vector<Anomaly> checkLogs(const Scenario &scenario, History &history, const World &world)
{
    std::vector<Anomaly> found;
    const std::shared_ptr<const Snapshot> snapshot = world.snapshot();
    for (const SimulatedTopic &wanted : scenario.topics) {
        const log::TopicSnapshot *topic = find(snapshot->log, wanted.name);
        if (!topic)
            continue;
        for (const log::PartitionSnapshot &partition : topic->partitions) {
            if (partition.leader < 1)
                continue;
            const log::TopicPartition name{topic->name, partition.partition};
            if (wanted.isCompacted) // each replica compacts by itself: see checkCompacted()
                continue;
            PartitionCheck(scenario, history, world, name, partition, found).run();
        }
    }
    return found;
}

std::vector<Anomaly> checkDirectories(const Scenario &scenario, const World &world)
{
    std::vector<Anomaly> found;
    const std::unique_ptr<World> copy = world.copy();
    const auto add = [&](std::int32_t broker, const CommandError &error) {
        found.push_back({AnomalyKind::NotRecovered, true, 1,
            fmt::format("broker {} at {}: {}", broker, clock(world, world.now()), error.message)});
    };
    for (std::int32_t broker = 1; broker <= scenario.world.logBrokers; ++broker) {
        if (const auto killed = copy->apply(KillBroker{broker}); !killed)
            add(broker, killed.error());
    }
    for (std::int32_t broker = 1; broker <= scenario.world.logBrokers; ++broker) {
        if (const auto restarted = copy->apply(RestartBroker{broker}); !restarted)
            add(broker, restarted.error());
    }
    return found;
}

} // namespace queuelab::world::simulation
