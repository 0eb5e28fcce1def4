// The group coordinator has share-partitions that are new to a share group: their share
// coordinators begin to keep their state, and then they can be assigned.

#include "engine/log/broker_state.h"

#include <utility>

namespace queuelab::log {

namespace {

constexpr Duration kInitializeTimeout = std::chrono::seconds{5}; // offsets.commit.timeout.ms

} // namespace

bool Broker::State::askShareInitializations(Context &context, Effects &effects)
{
    std::vector<GroupCoordinator::ShareInitialization> wanted;
    coordinator.takeShareInitializations(wanted);
    for (GroupCoordinator::ShareInitialization &it : wanted) {
        const TopicImage *topic = image.topic(it.partition.topic);
        const auto coordinating = topic
            ? coordinatingPartition(CoordinatorType::Share,
                  ShareStateKey{it.group, topic->id, it.partition.partition}.text(), context,
                  effects)
            : std::nullopt;
        const PartitionImage *keeper = coordinating ? image.partition(*coordinating) : nullptr;
        if (!keeper || keeper->leader < 0) {
            const ErrorCode error =
                topic ? ErrorCode::CoordinatorNotAvailable : ErrorCode::UnknownTopicOrPartition;
            coordinator.shareInitialized(it.group, it.partition, error, context, effects);
            continue;
        }
        ask(NodeId{keeper->leader},
            InitializeShareGroupStateRequest{it.group, it.partition, it.stateEpoch, -1},
            ShareInitializationAsk{it.group, it.partition}, kInitializeTimeout, context, effects);
    }
    return !wanted.empty();
}

void Broker::State::shareInitializationAnswered(const ShareInitializationAsk &asked,
    const Response *response, Context &context, Effects &effects)
{
    const auto *answer =
        response ? std::get_if<InitializeShareGroupStateResponse>(response) : nullptr;
    coordinator.shareInitialized(asked.group, asked.partition,
        answer ? answer->error : ErrorCode::CoordinatorNotAvailable, context, effects);
}

} // namespace queuelab::log
