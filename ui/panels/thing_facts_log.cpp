// What the inspector says about the things of a log.

#include "ui/panels/fact_words.h"
#include "ui/stages/log_words.h"

namespace queuelab::ui::facts {

using namespace Qt::StringLiterals;

namespace {

QString brokers(const std::vector<std::int32_t> &ids)
{
    QStringList words;
    for (const std::int32_t id : ids)
        words += QString::number(id);
    return words.join(u", "_s);
}

QString quorumWords(const log::BrokerSnapshot &broker)
{
    return tr("%1, epoch %2, metadata up to %3 of %4 committed")
        .arg(toText(log::quorumRoleName(broker.role)))
        .arg(broker.quorumEpoch)
        .arg(broker.metadataHighWatermark)
        .arg(broker.metadataLogEndOffset);
}

QString partitionNames(const std::vector<log::TopicPartition> &partitions)
{
    QStringList names;
    for (const log::TopicPartition &partition : partitions)
        names += toText(partition.name());
    return names.join(u", "_s);
}

/// What transactions, compaction and share groups make of a partition.
void addLogFacts(const world::Snapshot &snapshot, const PartitionOf &found, ThingFacts &out)
{
    const log::PartitionSnapshot &partition = *found.partition;
    const auto named = [&](std::int64_t producerId, std::int16_t epoch) {
        const QString name = producerName(producerId, epoch, snapshot);
        const QString id = tr("id %1, epoch %2").arg(producerId).arg(epoch);
        return name.isEmpty() ? id : name + u", "_s + id;
    };
    for (const log::PartitionTransaction &transaction : partition.transactions) {
        const QString words = transaction.markerOffset < 0 ? tr("open since offset %1")
            : transaction.committed                        ? tr("offsets %1 to %2, committed")
                                                           : tr("offsets %1 to %2, aborted");
        out.facts.push_back(
            {tr("transaction of %1").arg(named(transaction.producerId, transaction.producerEpoch)),
                transaction.markerOffset < 0
                    ? words.arg(transaction.firstOffset)
                    : words.arg(transaction.firstOffset).arg(transaction.markerOffset)});
    }
    for (const log::ProducerSnapshot &producer : partition.producers)
        out.facts.push_back({tr("producer %1").arg(producer.producerId),
            tr("epoch %1, last sequence %2")
                .arg(producer.producerEpoch)
                .arg(producer.lastSequence)});
    if (partition.firstDirtyOffset >= 0) {
        out.facts.push_back({tr("first dirty offset"), figure(partition.firstDirtyOffset)});
        out.facts.push_back(
            {tr("dirty"), tr("%1 % of the bytes that can be cleaned").arg(partition.dirtyPercent)});
        std::int64_t records = 0;
        for (const log::SegmentInfo &segment : partition.segments)
            records += std::max<std::int64_t>(0, segment.recordCount);
        out.facts.push_back({tr("records left"),
            tr("%1 of %2 offsets")
                .arg(figure(records), figure(partition.logEndOffset - partition.logStartOffset))});
    }
    for (const log::SharePartitionSnapshot &share : snapshot.log.sharePartitions) {
        if (share.partition.topic != found.topic->name
            || share.partition.partition != partition.partition)
            continue;
        out.facts.push_back({tr("share group %1").arg(toText(share.group)),
            tr("start offset %1, end offset %2, at most %3 deliveries")
                .arg(figure(share.startOffset), figure(share.endOffset))
                .arg(share.deliveryCountLimit)});
    }
}

} // namespace

PartitionOf findPartition(const world::Snapshot &snapshot, const QString &name)
{
    for (const log::TopicSnapshot &topic : snapshot.log.topics)
        for (const log::PartitionSnapshot &partition : topic.partitions)
            if (toText(topic.name) + u'-' + QString::number(partition.partition) == name)
                return {&topic, &partition};
    return {};
}

ThingFacts brokerFacts(const log::ClusterSnapshot &cluster, const log::BrokerSnapshot &broker)
{
    const QString state = !broker.alive ? tr("down")
        : broker.isFenced               ? tr("running, fenced")
                                        : tr("running");
    ThingFacts out{tr("broker"), tr("broker %1").arg(broker.id), {{tr("state"), state}}};
    if (cluster.brokers.size() < 2)
        return out;
    if (broker.id == cluster.controller)
        out.facts.push_back({tr("controller"), tr("the active one")});
    out.facts.push_back({tr("quorum"), quorumWords(broker)});
    out.facts.push_back({tr("leads"), figure(broker.leads)});
    out.facts.push_back({tr("replicas"), figure(broker.replicas)});
    return out;
}

ThingFacts partitionFacts(const world::Snapshot &snapshot, const PartitionOf &found)
{
    const log::PartitionSnapshot &partition = *found.partition;
    ThingFacts out{tr("partition"),
        toText(found.topic->name) + u'-' + QString::number(partition.partition),
        {{tr("leader"),
             partition.leader < 0
                 ? tr("none: offline")
                 : tr("broker %1, epoch %2").arg(partition.leader).arg(partition.leaderEpoch)},
            {tr("replicas"), brokers(partition.replicas)}, {u"ISR"_s, brokers(partition.isr)},
            {tr("log start offset"), figure(partition.logStartOffset)},
            {tr("last stable offset"), figure(partition.lastStableOffset)},
            {tr("high watermark"), figure(partition.highWatermark)},
            {tr("log end offset"), figure(partition.logEndOffset)},
            {tr("size"),
                tr("%1 bytes in %2 segments")
                    .arg(figure(partition.sizeBytes), figure(partition.segments.size()))}}};
    if (!partition.eligibleLeaderReplicas.empty())
        out.facts.push_back(
            {tr("eligible leader replicas"), brokers(partition.eligibleLeaderReplicas)});
    addLogFacts(snapshot, found, out);
    if (partition.replicaStates.size() < 2)
        return out;
    for (const log::ReplicaSnapshot &replica : partition.replicaStates) {
        QString words = tr("log end %1, high watermark %2")
                            .arg(figure(replica.logEndOffset), figure(replica.highWatermark));
        if (!replica.online)
            words = tr("down; ") + words;
        else if (!replica.inSync)
            words = tr("not in sync; ") + words;
        out.facts.push_back({tr("on broker %1").arg(replica.broker), words});
    }
    return out;
}

ThingFacts topicFacts(const log::TopicSnapshot &topic)
{
    ThingFacts out{tr("topic"), toText(topic.name),
        {{tr("partitions"), figure(topic.partitions.size())},
            {tr("replication factor"), figure(topic.replicationFactor)}}};
    for (const auto &[key, value] : topic.configs)
        out.facts.push_back({toText(key), toText(value)});
    return out;
}

ThingFacts groupFacts(const world::Snapshot &snapshot, const log::GroupSnapshot &group)
{
    const bool classic = group.type == log::GroupType::Classic;
    ThingFacts out{group.type == log::GroupType::Share ? tr("share group") : tr("consumer group"),
        toText(group.name),
        {{u"group.protocol"_s, toText(log::groupTypeName(group.type))},
            {tr("state"), toText(log::groupStateName(group.state))},
            {classic ? tr("generation") : tr("group epoch"), figure(group.generation)}}};
    const auto add = [&out](const QString &name, const QString &value) {
        out.facts.push_back({name, value});
    };
    if (!classic)
        add(tr("target assignment of epoch"), figure(group.assignmentEpoch));
    add(classic ? u"partition.assignment.strategy"_s : tr("assignor"), toText(group.protocol));
    if (group.coordinator > 0)
        add(tr("coordinator"), tr("broker %1").arg(group.coordinator));
    add(tr("members"), figure(group.members.size()));
    for (const log::MemberSnapshot &member : group.members) {
        QString words =
            member.assignment.empty() ? tr("owns nothing") : partitionNames(member.assignment);
        if (!classic) {
            words += u"; "_s
                + tr("member epoch %1, %2").arg(member.memberEpoch).arg(toText(member.state));
            if (member.target != member.assignment)
                words += u"; "_s + tr("shall have %1").arg(partitionNames(member.target));
            if (!member.revoking.empty())
                words += u"; "_s + tr("gives up %1").arg(partitionNames(member.revoking));
        }
        add(toText(member.clientId), words);
    }
    for (const log::CommittedOffset &offset : group.committed)
        add(tr("committed %1").arg(toText(offset.partition.name())),
            tr("%1 at %2").arg(offset.offset).arg(clock(snapshot, offset.at)));
    for (const log::PendingTxnOffset &pending : group.pendingTxn)
        add(tr("pending %1").arg(toText(pending.partition.name())),
            tr("%1, with the transaction of producer %2")
                .arg(pending.offset)
                .arg(pending.producerId));
    return out;
}

ThingFacts recordFacts(
    const world::Snapshot &snapshot, const PartitionOf &found, std::int64_t offset)
{
    const log::PartitionSnapshot &partition = *found.partition;
    const QString name = toText(found.topic->name) + u'-' + QString::number(partition.partition);
    ThingFacts out{tr("record"), tr("offset %1").arg(offset),
        {{tr("partition"), name},
            {tr("state"),
                offset < partition.highWatermark
                    ? tr("below the high watermark: readable")
                    : tr("above the high watermark: not readable yet")}}};
    const LogView view = makeLogView(snapshot, {});
    const Lane *lane = view.lane(name);
    if (!lane)
        return out; // of an internal topic
    if (const std::optional<Slot> slot = lane->slotAt(offset)) {
        if (slot->producerId >= 0)
            out.facts.push_back({tr("producer id"), figure(slot->producerId)});
        if (const QString words = LogWords::slot(*slot, snapshot); !words.isEmpty())
            out.facts.push_back({tr("what it is"), words});
    }
    for (const GroupProgress &group : lane->groups) {
        if (group.share)
            out.facts.push_back({tr("share group %1").arg(view.groups[group.group].name),
                LogWords::shareRecord(*group.share, offset, snapshot.now)});
    }
    return out;
}

std::vector<Fact> logClientFacts(
    const world::Snapshot &snapshot, const world::ClientSnapshot &client)
{
    std::vector<Fact> out;
    if (!client.isolationLevel.empty())
        out.push_back({u"isolation.level"_s, toText(client.isolationLevel)});
    if (!client.writesTo.empty())
        out.push_back({tr("writes to"), toText(client.writesTo)});
    if (client.engine == world::Engine::Log && !client.group.empty()) {
        if (const auto *group = findNamed(snapshot.log.groups, toText(client.group));
            group && group->type != log::GroupType::Classic) {
            const auto member =
                std::ranges::find(group->members, client.name, &log::MemberSnapshot::clientId);
            if (member != group->members.end())
                out.push_back({tr("member epoch"),
                    tr("%1, %2").arg(member->memberEpoch).arg(toText(member->state))});
        }
    }
    const auto transaction = transactionOf(client, snapshot);
    if (!transaction)
        return out;
    out.push_back({u"transactional.id"_s, toText(client.transactionalId)});
    if (client.producerId >= 0) {
        out.push_back({tr("producer id"), figure(client.producerId)});
        out.push_back({tr("producer epoch"), figure(client.producerEpoch)});
    }
    out.push_back({tr("transaction"), LogWords::transactionState(*transaction)});
    if (transaction->known) {
        const log::TransactionSnapshot &known = *transaction->known;
        out.push_back({tr("its coordinator"),
            tr("broker %1: %2, producer id %3, epoch %4")
                .arg(known.coordinator)
                .arg(toText(known.state))
                .arg(known.producerId)
                .arg(known.producerEpoch)});
        out.push_back({u"transaction.timeout.ms"_s, figure(known.timeout.count())});
        if (!known.partitions.empty())
            out.push_back({tr("partitions in it"), partitionNames(known.partitions)});
    }
    out.push_back({tr("committed, aborted"),
        tr("%1, %2").arg(
            figure(client.transactionsCommitted), figure(client.transactionsAborted))});
    return out;
}

} // namespace queuelab::ui::facts
