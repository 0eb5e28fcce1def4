// What groups with assignment by the coordinator write to __consumer_offsets, and taking them over.
// A group's records are a store by keys: what has changed is written with its present value, or a
// tombstone. What could not be written is written again with the next change, so an answer never
// rests on more than the log has when it is given.

#include "engine/log/group_coordinator.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace queuelab::log {

/// `replies` are given when all that the group has changed so far is committed.
void GroupCoordinator::answerWhenWritten(Group &group, std::vector<Reply> &&replies,
    std::vector<TopicPartition> &&toInitialize, Context &context, Effects &effects)
{
    ModernWritten change{group.modern->takeUnwritten(), std::exchange(group.toBury, {}),
        std::move(replies), std::move(toInitialize)};
    if (change.keys.empty() && change.buried.empty()) {
        const auto last = m_pending.find(group.lastModernWrite);
        if (last == m_pending.end())
            return finish(group.id, change, ErrorCode::None, context, effects);
        std::ranges::move(
            change.replies, std::back_inserter(std::get<ModernWritten>(last->second.kind).replies));
        return;
    }
    const std::int64_t nowMs = epochMillis(context.wallClock());
    BatchBuilder batch;
    batch.reset();
    for (const Bytes &key : change.buried)
        batch.append(nowMs, key, std::nullopt);
    for (const ModernRecordKey &key : change.keys) {
        const Bytes encoded = encodeKey(ModernKey{group.modern->type(), group.id, key});
        if (group.modern->exists(key))
            batch.append(nowMs, encoded, encodeValue(*group.modern, key, group.topicIds));
        else
            batch.append(nowMs, encoded, std::nullopt);
    }
    group.lastModernWrite = m_nextWrite;
    write(group.id, std::move(change), batch);
}

void GroupCoordinator::finish(
    const std::string &groupId, ModernWritten &write, ErrorCode error, Context &, Effects &effects)
{
    Group *group = find(groupId);
    if (error == ErrorCode::None) {
        for (TopicPartition &partition : write.toInitialize) {
            m_shareInitializations.push_back({groupId, std::move(partition),
                group && group->modern ? group->modern->epoch() : 0});
        }
    } else if (group && group->modern) {
        group->modern->putBack(write.keys);
        std::ranges::move(write.buried, std::back_inserter(group->toBury));
        for (const TopicPartition &partition : write.toInitialize)
            group->modern->notInitialized(partition);
    }
    for (Reply &reply : write.replies) {
        std::visit(
            [&](auto &response) {
                response.error = error;
                if (error != ErrorCode::None) {
                    response.assignment.reset();
                    response.message = errorName(error);
                }
                reply.call.answer(std::move(response), effects);
            },
            reply.response);
    }
}

/// False when a record is malformed.
bool GroupCoordinator::takeOverModern(
    Group &group, const Stored &stored, const ClusterImage &image, Context &context) const
{
    for (const auto &[type, records] : stored.modern) {
        ModernGroup modern(type, m_config.plantedBug == PlantedBug::OverlappingAssignment);
        for (const auto &[key, value] : records) {
            if (!restoreValue(modern, key, value, image))
                return false;
        }
        modern.finishRestoring();
        // Records of a type that the group had before may be left when they could not be buried.
        if (modern.members().empty() && !group.members.empty())
            continue;
        group.modern = std::move(modern);
    }
    if (!group.modern)
        return true;
    group.generation = group.modern->epoch();
    group.state = group.modern->state();
    group.modern->nameMembers(
        [&](const std::string &clientId) { return context.trace.name(clientId); });
    for (const std::string &name : group.modern->subscribedTopics()) {
        if (const TopicImage *topic = image.topic(name)) {
            group.topicIds[name] = topic->id;
            group.topicSizes[name] = static_cast<std::int32_t>(topic->partitions.size());
        }
    }
    return true;
}

/// Members get a whole session timeout, and as long as before to give up what they have to.
void GroupCoordinator::reviveModern(Group &group, const ClusterImage &image, Context &context)
{
    for (const auto &[id, member] : group.modern->members()) {
        keepModernAlive(group, id, image, context);
        if (member.state == ModernMemberState::UnrevokedPartitions) {
            group.lives[id].revocation =
                m_deadlines.set(context.now + std::chrono::milliseconds{member.rebalanceTimeoutMs},
                    {Due::Revocation, group.id, id, member.epoch});
        }
    }
}

} // namespace queuelab::log
