// The broker's life as the controller sees it: it registers, catches up, sends heartbeats, and goes
// when nothing depends on it any more (Kafka's BrokerLifecycleManager).

#include "engine/log/broker_state.h"

namespace queuelab::log {

namespace {

// Kafka's pace while a broker starts, and while the controller refuses it.
constexpr Duration kStartingInterval = std::chrono::milliseconds{10};
constexpr Duration kRefusedBackoff = std::chrono::milliseconds{100};
/// How long Kafka's broker waits for the controller before it goes anyway.
constexpr Duration kShutDownMax = std::chrono::minutes{5};

} // namespace

void Broker::State::communicate(Context &context)
{
    if (communicating || !nextCommunication || *nextCommunication > context.now || shutDownSaid)
        return;
    communicating = true;
    nextCommunication.reset();
    if (shuttingDown && !shutDownBy)
        shutDownBy = context.now + kShutDownMax;
    if (brokerEpoch < 0) {
        call(CallPurpose::Registration, {},
            BrokerRegistrationRequest{id.value(), incarnation, previousBrokerEpoch}, context);
        return;
    }
    call(CallPurpose::Heartbeat, {},
        BrokerHeartbeatRequest{.brokerId = id.value(),
            .brokerEpoch = brokerEpoch,
            .currentMetadataOffset = appliedOffset - 1,
            .wantFence = !published,
            .wantShutDown = shuttingDown},
        context);
}

void Broker::State::registered(const BrokerRegistrationResponse &response, Context &context)
{
    communicating = false;
    if (response.error != ErrorCode::None) {
        nextCommunication = context.now + kRefusedBackoff;
        return;
    }
    brokerEpoch = response.brokerEpoch;
    nextCommunication = context.now;
}

void Broker::State::heartbeatAnswered(
    const BrokerHeartbeatResponse &response, Context &context, Effects &effects)
{
    communicating = false;
    if (shutDownSaid)
        return;
    if (response.error != ErrorCode::None) {
        nextCommunication = context.now + kRefusedBackoff;
        return;
    }
    if (shuttingDown && response.shouldShutDown) {
        sayShutDown(context, effects);
        return;
    }
    if (!published && !response.isCaughtUp) {
        nextCommunication = context.now + kStartingInterval;
        return;
    }
    const bool starts = !published;
    if (starts)
        publish(context, effects);
    // What has just changed here is told at once.
    const bool hasNews = starts || (shuttingDown && !shutDownBy);
    nextCommunication = hasNews ? context.now : context.now + config.brokerHeartbeatInterval;
}

void Broker::State::sayShutDown(Context &context, Effects &effects)
{
    shutDownSaid = true;
    shutDownBy.reset();
    nextCommunication.reset();
    if (quorum.isLeader() && config.quorumVoters.size() > 1)
        quorum.resign(context, effects);
    effects.emplace_back(std::in_place_type<ShutDown>);
}

} // namespace queuelab::log
