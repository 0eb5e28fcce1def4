#include "lessons/expectation_kind.h"

#include <fmt/format.h>

namespace queuelab::lessons {

namespace {

using log::SharePartitionSnapshot;
using log::ShareRecordState;

/// A share group: its members, what is in flight in its share-partitions, and what its applications
/// made of the records.
struct ShareGroupView {
    const log::GroupSnapshot *group;
    std::vector<const SharePartitionSnapshot *> partitions;
    world::OutcomeSnapshot outcome;
};

std::int64_t recordsIn(const SharePartitionSnapshot &partition, ShareRecordState state)
{
    std::int64_t count = 0;
    for (const log::ShareRecordsSnapshot &run : partition.records) {
        if (run.state == state)
            count += run.lastOffset - run.firstOffset + 1;
    }
    return count;
}

std::int64_t recordsIn(const ShareGroupView &view, ShareRecordState state)
{
    std::int64_t count = 0;
    for (const SharePartitionSnapshot *partition : view.partitions)
        count += recordsIn(*partition, state);
    return count;
}

std::vector<std::string> shareGroupNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const log::GroupSnapshot &group : evidence.snapshot.log.groups) {
        if (group.type == log::GroupType::Share)
            names.push_back(group.name);
    }
    return names;
}

std::string nameOf(const SharePartitionSnapshot &partition)
{
    return fmt::format("{} {}", partition.group, partition.partition.name());
}

std::vector<std::string> sharePartitionNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const SharePartitionSnapshot &partition : evidence.snapshot.log.sharePartitions)
        names.push_back(nameOf(partition));
    return names;
}

Result<ShareGroupView, std::string> findGroup(
    const Expectation &expectation, const Evidence &evidence)
{
    for (const log::GroupSnapshot &group : evidence.snapshot.log.groups) {
        if (group.name != expectation.name || group.type != log::GroupType::Share)
            continue;
        ShareGroupView view{
            &group, {}, outcomeOf(evidence.snapshot, world::Engine::Log, group.name)};
        for (const SharePartitionSnapshot &partition : evidence.snapshot.log.sharePartitions) {
            if (partition.group == group.name)
                view.partitions.push_back(&partition);
        }
        return view;
    }
    return std::unexpected(notFound("share-group", expectation.name, shareGroupNames(evidence)));
}

void addShareGroup(Kinds &kinds)
{
    using G = ShareGroupView;
    using F = FieldType;
    kinds.push_back(std::make_unique<KindOf<G>>(
        ExpectationKind{"share-group", "kafka", "GROUP",
            "A share group, and what its applications made of the records."},
        findGroup, shareGroupNames,
        std::vector<ReadableField<G>>{
            {{"state", "the coordinator's state", F::Text, {"Empty", "Stable", "Dead"}},
                [](const G &g) -> Seen {
                    return std::string(log::groupStateName(g.group->state));
                }},
            {{"coordinator", "the broker that coordinates it; -1 none at present"},
                [](const G &g) { return number(std::int64_t{g.group->coordinator}); }},
            {{"members", "consumers in the group"},
                [](const G &g) { return number(std::uint64_t{g.group->members.size()}); }},
            {{"available", "records in flight that somebody may acquire again"},
                [](const G &g) { return number(recordsIn(g, ShareRecordState::Available)); }},
            {{"acquired", "records that a member has"},
                [](const G &g) { return number(recordsIn(g, ShareRecordState::Acquired)); }},
            {{"handled", "different records the applications finished with"},
                [](const G &g) { return number(g.outcome.handled); }},
            {{"handled-again", "handlings beyond the first of a record"},
                [](const G &g) { return number(g.outcome.handledAgain); }},
            {{"out-of-order-in-partition",
                 "records of a producer handled after a later one of the same partition"},
                [](const G &g) { return number(g.outcome.outOfOrderInPartition); }},
            {{"out-of-order-in-key", "records handled after a later one of the same key"},
                [](const G &g) { return number(g.outcome.outOfOrderInKey); }},
            {{"latency-p99", "from making a record to having handled it, 99 of 100", F::Time},
                [](const G &g) -> Seen { return g.outcome.latencyP99; }},
        }));
}

void addSharePartition(Kinds &kinds)
{
    using P = const SharePartitionSnapshot *;
    const auto counted = [](ShareRecordState state) {
        return [state](P p) { return number(recordsIn(*p, state)); };
    };
    kinds.push_back(std::make_unique<KindOf<P>>(
        ExpectationKind{"share-partition", "kafka", "GROUP TOPIC-N",
            "A share group's view of one partition: records in flight, at most 256 runs counted."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<P, std::string> {
            for (const SharePartitionSnapshot &partition : evidence.snapshot.log.sharePartitions) {
                if (nameOf(partition) == expectation.name)
                    return &partition;
            }
            return std::unexpected(
                notFound("share-partition", expectation.name, sharePartitionNames(evidence)));
        },
        sharePartitionNames,
        std::vector<ReadableField<P>>{
            {{"start-offset", "everything below is settled"},
                [](P p) { return number(p->startOffset); }},
            {{"end-offset", "nothing from here on was given out yet"},
                [](P p) { return number(p->endOffset); }},
            {{"leader", "the broker that leads it; -1 none"},
                [](P p) { return number(std::int64_t{p->leader}); }},
            {{"available", "records in flight that somebody may acquire again"},
                counted(ShareRecordState::Available)},
            {{"acquired", "records that a member has"}, counted(ShareRecordState::Acquired)},
            {{"acknowledged", "accepted records behind one that is not settled"},
                counted(ShareRecordState::Acknowledged)},
            {{"archived", "records behind one that is not settled that nobody gets again"},
                counted(ShareRecordState::Archived)},
        }));
}

} // namespace

void addShareKinds(Kinds &kinds)
{
    addShareGroup(kinds);
    addSharePartition(kinds);
}

} // namespace queuelab::lessons
