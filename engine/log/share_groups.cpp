// Share groups (KIP-932) as far as the group coordinator has to do with them: membership, and which
// share-partitions there are. What is acquired and acknowledged is between their leaders and the
// share coordinator.

#include "engine/log/group_config.h"
#include "engine/log/group_coordinator.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace queuelab::log {

namespace {

/// group.share.initialize.retry.interval.ms: after so long without an answer it is asked again.
constexpr Duration kInitializeRetryInterval = std::chrono::seconds{30};

std::string_view invalidIn(const ShareGroupHeartbeatRequest &request)
{
    if (request.memberId.empty())
        return "MemberId can't be empty.";
    if (request.group.empty())
        return "GroupId can't be empty.";
    if (request.memberEpoch == kJoinEpoch
        && (!request.subscribedTopics || request.subscribedTopics->empty()))
        return "SubscribedTopicNames must be set in first request.";
    if (request.memberEpoch < kLeaveEpoch)
        return "MemberEpoch is invalid.";
    return {};
}

} // namespace

void GroupCoordinator::shareHeartbeat(Caller caller, const ShareGroupHeartbeatRequest &request,
    NameId client, const ClusterImage &image, Context &context, Effects &effects)
{
    ShareGroupHeartbeatResponse response;
    response.memberId = request.memberId;
    response.memberEpoch = request.memberEpoch;
    response.heartbeatInterval =
        GroupConfig::of(m_config, image.groupConfigs(request.group)).shareHeartbeatInterval;
    const auto refuse = [&](ErrorCode error, std::string_view message) {
        response.error = error;
        response.message = message;
        caller.answer(std::move(response), effects);
    };
    if (const std::string_view problem = invalidIn(request); !problem.empty())
        return refuse(ErrorCode::InvalidRequest, problem);
    if (!coordinates(request.group))
        return refuse(ErrorCode::NotCoordinator, {});

    Beat beat;
    beat.type = GroupType::Share;
    beat.group = request.group;
    beat.epoch = request.memberEpoch;
    beat.member.memberId = request.memberId;
    beat.member.clientId = request.clientId;
    beat.member.name = client;
    if (request.subscribedTopics)
        beat.topics.emplace(request.subscribedTopics->begin(), request.subscribedTopics->end());
    beat.isFull = beat.epoch == kJoinEpoch || request.subscribedTopics;
    BeatAnswer answer =
        beat.epoch == kLeaveEpoch ? leaveModern(beat, context) : takeBeat(beat, image, context);
    if (answer.error != ErrorCode::None)
        return refuse(answer.error, errorName(answer.error));
    response.memberEpoch = answer.epoch;
    response.assignment = std::move(answer.assignment);
    answerWhenWritten(*find(request.group), {{{caller}, std::move(response)}},
        std::move(answer.toInitialize), context, effects);
}

/// Partitions that the group reads, and whose state the share coordinator does not keep yet.
std::vector<TopicPartition> GroupCoordinator::sharesToInitialize(
    Group &group, const ClusterImage &image, const Context &context)
{
    ModernGroup &modern = *group.modern;
    PartitionSet wanted;
    for (const std::string &name : modern.subscribedTopics()) {
        const TopicImage *topic = image.topic(name);
        const std::size_t count = topic ? topic->partitions.size() : 0;
        for (std::size_t i = 0; i < count; ++i) {
            TopicPartition partition{name, static_cast<std::int32_t>(i)};
            if (modern.initialized().contains(partition))
                continue;
            if (modern.initializing().contains(partition)) {
                const auto since = group.initializingSince.find(partition);
                if (since != group.initializingSince.end()
                    && context.now < since->second + kInitializeRetryInterval)
                    continue;
            }
            group.initializingSince[partition] = context.now;
            wanted.insert(std::move(partition));
        }
    }
    if (!wanted.empty())
        modern.beginInitializing(wanted);
    return {std::make_move_iterator(wanted.begin()), std::make_move_iterator(wanted.end())};
}

void GroupCoordinator::takeShareInitializations(std::vector<ShareInitialization> &out)
{
    std::ranges::move(m_shareInitializations, std::back_inserter(out));
    m_shareInitializations.clear();
}

void GroupCoordinator::shareInitialized(const std::string &groupId, const TopicPartition &partition,
    ErrorCode error, Context &context, Effects &effects)
{
    Group *group = find(groupId);
    if (!group || !group->modern || group->modern->type() != GroupType::Share)
        return; // coordinated elsewhere by now
    group->initializingSince.erase(partition);
    // After an error it is asked again with the next heartbeat.
    if (error == ErrorCode::None)
        group->modern->initialized(partition);
    else
        group->modern->notInitialized(partition);
    answerWhenWritten(*group, {}, {}, context, effects);
}

} // namespace queuelab::log
