#include "ui/stages/log_stage.h"

#include "engine/log/events.h"
#include "ui/stages/log_scene.h"
#include "ui/stages/log_words.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

QString stateName(log::GroupState state)
{
    return text(std::string(log::groupStateName(state)));
}

} // namespace

LogStage::LogStage(QWidget *parent)
    : SceneStage(world::Engine::Log, parent)
{
    setObjectName(u"stage.log"_s);
    setAccessibleName(tr("Log"));
}

Scene LogStage::layOut(
    const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure) const
{
    return LogScene(snapshot, input, measure).take();
}

QString LogStage::partitions(std::size_t count)
{
    return counted(count, tr("1 partition"), tr("%1 partitions"));
}

QString LogStage::members(std::size_t count)
{
    return counted(count, tr("1 member"), tr("%1 members"));
}

QString LogStage::describe(const world::Snapshot &snapshot, const Thing &thing) const
{
    const LogView view = makeLogView(snapshot, thing);
    const auto named = [&](const auto &list) {
        const auto found =
            std::ranges::find_if(list, [&](const auto &one) { return one.name == thing.name; });
        return found == list.end() ? nullptr : &*found;
    };
    switch (thing.kind) {
    case Thing::Kind::Topic:
        if (const TopicView *topic = named(view.topics))
            return tr("topic %1: %2").arg(topic->name, partitions(topic->lanes.size()));
        break;
    case Thing::Kind::Partition:
        if (const Lane *lane = view.lane(thing.name)) {
            const auto &partition = *lane->partition;
            QString words =
                tr("%1: records %2 to %3, readable up to %4")
                    .arg(lane->name, grouped(partition.logStartOffset),
                        grouped(partition.logEndOffset - 1), grouped(partition.highWatermark));
            if (partition.logEndOffset == partition.logStartOffset)
                words = tr("%1: empty, the next offset is %2")
                            .arg(lane->name, grouped(partition.logEndOffset));
            if (lane->hasTransactions()) {
                words += u'\n'
                    + tr("read_committed reads up to %1").arg(grouped(partition.lastStableOffset));
                if (const QString who = LogWords::holder(*lane, snapshot); !who.isEmpty())
                    words += tr(", held back by %1").arg(who);
            }
            if (lane->isCompacted())
                words += u'\n'
                    + tr("compacted below %1; %2 % of what can be cleaned is dirty")
                          .arg(grouped(partition.firstDirtyOffset))
                          .arg(partition.dirtyPercent);
            for (const log::ReplicaSnapshot &replica : partition.replicaStates) {
                if (partition.replicaStates.size() > 1)
                    words += u'\n' + replicaWords(partition, replica);
            }
            for (const GroupProgress &group : lane->groups) {
                words += u'\n';
                if (group.share) {
                    words +=
                        tr("share group %1: start offset %2, end offset %3, lag %4")
                            .arg(view.groups[group.group].name, grouped(group.share->startOffset),
                                grouped(group.share->endOffset), grouped(group.lag));
                    continue;
                }
                words += tr("%1: committed %2, lag %3, %4")
                             .arg(view.groups[group.group].name,
                                 group.committed < 0 ? tr("nothing") : grouped(group.committed),
                                 grouped(group.lag),
                                 group.owner.isEmpty() ? tr("owned by nobody")
                                                       : tr("owned by %1").arg(group.owner));
            }
            return words;
        }
        break;
    case Thing::Kind::Record:
        if (const Lane *lane = view.lane(thing.name))
            return recordWords(view, *lane, thing.item, snapshot);
        break;
    case Thing::Kind::Group:
        if (const GroupView *group = named(view.groups)) {
            QString words =
                tr("group %1: %2, %3")
                    .arg(group->name, stateName(group->state()), members(group->members.size()));
            if (group->readsCommitted)
                words += tr(", isolation.level=read_committed");
            if (!group->waitedFor.empty())
                words += u'\n'
                    + tr("waits for %1")
                          .arg(QStringList(group->waitedFor.begin(), group->waitedFor.end())
                                  .join(u", "_s));
            return words;
        }
        break;
    case Thing::Kind::Client:
        for (const LogView::Producer &producer : view.producers) {
            const world::ClientSnapshot &client = *producer.client;
            if (text(client.name) != thing.name)
                continue;
            return tr("producer %1: %2 to %3, %4 sent, %5 acknowledged, %6 failed")
                       .arg(thing.name, rateText(client.rate), text(client.target),
                           grouped(client.sent), grouped(client.confirmed), grouped(client.failed))
                + transactionWords(producer.transaction);
        }
        for (const GroupView &group : view.groups) {
            if (const MemberView *member = named(group.members))
                return memberWords(group, *member);
        }
        break;
    case Thing::Kind::Broker:
        for (const auto &broker : snapshot.log.brokers) {
            if (broker.id == thing.item)
                return brokerWords(snapshot.log, broker);
        }
        break;
    case Thing::Kind::None:
    case Thing::Kind::Exchange:
    case Thing::Kind::Binding:
    case Thing::Kind::Queue:
    case Thing::Kind::Message:
        break;
    }
    return {};
}

QString LogStage::recordWords(
    const LogView &view, const Lane &lane, std::int64_t offset, const world::Snapshot &snapshot)
{
    const QString record = tr("%1, offset %2").arg(lane.name, grouped(offset));
    QString more;
    if (const std::optional<Slot> slot = lane.slotAt(offset)) {
        more = LogWords::slot(*slot, snapshot);
        if (slot->kind != Slot::Kind::Record && slot->kind != Slot::Kind::Tombstone)
            return lane.name + u": "_s + more;
        if (!more.isEmpty())
            more = u'\n' + more;
    }
    return readWords(view, lane, offset, record, snapshot.now) + more;
}

QString LogStage::readWords(
    const LogView &view, const Lane &lane, std::int64_t offset, const QString &record, Instant now)
{
    const GroupProgress *group = lane.of(view.selected);
    const auto groupName = [&] { return view.groups[group->group].name; };
    switch (lane.state(offset, group)) {
    case RecordState::Committed:
        return tr("%1: committed past by %2").arg(record, groupName());
    case RecordState::HandedOut:
        return group->owner.isEmpty()
            ? tr("%1: handed out, not committed: whoever owns it next gets it again").arg(record)
            : tr("%1: handed to %2, not committed: after a crash it is read again")
                  .arg(record, group->owner);
    case RecordState::FetchedAhead:
        return tr("%1: fetched ahead by %2, not handed out yet").arg(record, group->owner);
    case RecordState::Unread:
        return group ? tr("%1: not read by %2").arg(record, groupName())
                     : tr("%1: no group reads it").arg(record);
    case RecordState::NotReplicated:
        return tr("%1: above the high watermark: not on all in-sync replicas yet, so nobody may "
                  "read it")
            .arg(record);
    case RecordState::Available:
    case RecordState::Acquired:
    case RecordState::Acknowledged:
    case RecordState::Archived:
    case RecordState::NotGivenOut:
        return tr("%1, share group %2: %3")
            .arg(record, groupName(), LogWords::shareRecord(*group->share, offset, now));
    }
    return {};
}

QString LogStage::transactionWords(const std::optional<TransactionView> &transaction)
{
    if (!transaction)
        return {};
    QString words = u'\n'
        + tr("transactional.id %1: %2")
              .arg(text(transaction->client->transactionalId),
                  LogWords::transactionState(*transaction));
    if (const QString id = LogWords::producerIdentity(*transaction->client); !id.isEmpty())
        words += u" ("_s + id + u')';
    return words;
}

QString LogStage::memberWords(const GroupView &group, const MemberView &member)
{
    const auto list = [](const std::vector<QString> &names) {
        return names.empty() ? tr("nothing")
                             : QStringList(names.begin(), names.end()).join(u", "_s);
    };
    QString words = tr("consumer %1 of %2: owns %3, holds %4")
                        .arg(member.name, group.name, list(member.owned),
                            counted(member.holding, tr("1 record"), tr("%1 records")));
    if (member.epoch >= 0)
        words += tr(", member epoch %1").arg(member.epoch);
    if (!member.revoking.empty())
        words += u'\n' + tr("has to give up %1").arg(list(member.revoking));
    if (!member.awaited.empty())
        words += u'\n' + tr("waits for %1, which others still own").arg(list(member.awaited));
    if (member.client && !member.client->writesTo.empty())
        words +=
            u'\n' + tr("writes what it makes of them to %1").arg(text(member.client->writesTo));
    return words + transactionWords(member.transaction);
}

QString LogStage::summary(const world::Snapshot &snapshot) const
{
    const LogView view = makeLogView(snapshot, {});
    QStringList parts;
    for (const TopicView &topic : view.topics) {
        std::int64_t records = 0;
        for (const Lane &lane : topic.lanes)
            records += lane.partition->logEndOffset - lane.partition->logStartOffset;
        parts +=
            tr("Topic %1 has %2 and %3.")
                .arg(topic.name, partitions(topic.lanes.size()),
                    counted(static_cast<std::uint64_t>(records), tr("1 record"), tr("%1 records")));
    }
    for (std::size_t index = 0; index < view.groups.size(); ++index) {
        std::int64_t lag = 0;
        for (const TopicView &topic : view.topics) {
            for (const Lane &lane : topic.lanes) {
                if (const auto *progress = lane.of(index))
                    lag += progress->lag;
            }
        }
        const GroupView &group = view.groups[index];
        parts += tr("Group %1 is %2 with %3, lag %4.")
                     .arg(group.name, stateName(group.state()), members(group.members.size()),
                         grouped(lag));
    }
    return parts.isEmpty() ? tr("No topics yet.") : parts.join(u' ');
}

QString LogStage::brokerWords(
    const log::ClusterSnapshot &cluster, const log::BrokerSnapshot &broker)
{
    QString words;
    switch (stateOf(broker)) {
    case BrokerState::Down:
        words = tr("broker %1: down").arg(broker.id);
        break;
    case BrokerState::Fenced:
        words = tr("broker %1: fenced, the controller has not heard from it").arg(broker.id);
        break;
    case BrokerState::Up:
        words = tr("broker %1: up").arg(broker.id);
        break;
    }
    if (broker.id == cluster.controller)
        words += tr(", the active controller");
    return words
        + tr("; leads %1 of its %2")
              .arg(broker.leads)
              .arg(counted(
                  static_cast<std::uint64_t>(broker.replicas), tr("1 replica"), tr("%1 replicas")));
}

QString LogStage::replicaWords(
    const log::PartitionSnapshot &partition, const log::ReplicaSnapshot &replica)
{
    const QString state = !replica.online    ? tr("down")
        : replica.broker == partition.leader ? tr("leader")
        : replica.inSync                     ? tr("in sync")
                                             : tr("not in sync");
    return tr("broker %1: %2, log end %3, high watermark %4")
        .arg(replica.broker)
        .arg(state, grouped(replica.logEndOffset), grouped(replica.highWatermark));
}

std::optional<Travel> LogStage::travelOf(const EventRow &event) const
{
    if (event.kind == log::kind(log::LogEvent::BatchReplicated))
        return Travel{Thing::Kind::Partition, event.subject, Thing::Kind::Broker,
            event.subject + u'/' + event.actor.mid(event.actor.lastIndexOf(u'-') + 1),
            Swatch::Muted};
    if (event.kind == log::kind(log::LogEvent::BatchAppended))
        return Travel{
            Thing::Kind::Client, event.actor, Thing::Kind::Partition, event.subject, Swatch::Ready};
    if (event.kind == log::kind(log::LogEvent::RecordsPolled))
        return Travel{Thing::Kind::Partition, event.subject, Thing::Kind::Client, event.actor,
            Swatch::InFlight};
    if (event.kind == log::kind(log::LogEvent::RecordsAcknowledged))
        return Travel{
            Thing::Kind::Client, event.actor, Thing::Kind::Partition, event.subject, Swatch::Done};
    return std::nullopt;
}

bool LogStage::remembers(const EventRow &event) const
{
    // The lanes remember everything else themselves.
    return event.kind == log::kind(log::LogEvent::PartitionCleaned);
}

} // namespace queuelab::ui
