#pragma once

#include "engine/world/snapshot.h"
#include "ui/panels/thing_facts.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>

/// What the files that write the inspector's facts share.
namespace queuelab::ui::facts {

inline QString tr(const char *text)
{
    return QCoreApplication::translate("ThingFacts", text);
}

inline QString toText(std::string_view text)
{
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

template <class Number> QString figure(Number value)
{
    return QLocale().toString(static_cast<qlonglong>(value));
}

inline QString span(Duration duration)
{
    return toText(formatDuration(duration));
}

inline QString clock(const world::Snapshot &snapshot, Instant at)
{
    return toText(formatClock(at - snapshot.start));
}

inline QString yesNo(bool value)
{
    return value ? tr("yes") : tr("no");
}

template <class Items>
auto findNamed(const Items &items, const QString &name) -> decltype(&*items.begin())
{
    const auto found =
        std::ranges::find_if(items, [&](const auto &item) { return toText(item.name) == name; });
    return found == items.end() ? nullptr : &*found;
}

struct PartitionOf {
    const log::TopicSnapshot *topic = nullptr;
    const log::PartitionSnapshot *partition = nullptr;
};
PartitionOf findPartition(const world::Snapshot &snapshot, const QString &name);

// Of the log; thing_facts_log.cpp.
ThingFacts brokerFacts(const log::ClusterSnapshot &cluster, const log::BrokerSnapshot &broker);
ThingFacts partitionFacts(const world::Snapshot &snapshot, const PartitionOf &found);
ThingFacts topicFacts(const log::TopicSnapshot &topic);
ThingFacts groupFacts(const world::Snapshot &snapshot, const log::GroupSnapshot &group);
ThingFacts recordFacts(
    const world::Snapshot &snapshot, const PartitionOf &found, std::int64_t offset);
/// What a client of the log has beyond others: isolation, transactions, its place in its group.
std::vector<Fact> logClientFacts(
    const world::Snapshot &snapshot, const world::ClientSnapshot &client);

} // namespace queuelab::ui::facts
