// The controller's decisions about brokers: who is in the cluster, who is alive, who may stop.

#include "engine/log/controller.h"

#include <algorithm>
#include <limits>
#include <ranges>
#include <vector>

namespace queuelab::log {

bool Controller::hasEpoch(std::int32_t id, std::int64_t epoch) const
{
    const BrokerImage *broker = m_image.broker(id);
    return broker && broker->epoch == epoch;
}

bool Controller::hasSession(std::int32_t id, Instant now) const
{
    const auto found = m_liveness.find(id);
    return found != m_liveness.end()
        && now < found->second.lastHeartbeat + m_config.brokerSessionTimeout;
}

std::optional<Instant> Controller::firstSessionEnd() const
{
    std::optional<Instant> first;
    for (const auto &[id, liveness] : m_liveness) {
        const Instant end = liveness.lastHeartbeat + m_config.brokerSessionTimeout;
        if (!m_image.broker(id)->fenced && (!first || end < *first))
            first = end;
    }
    return first;
}

BrokerRegistrationResponse Controller::registerBroker(const BrokerRegistrationRequest &request,
    std::int64_t logEndOffset, Changes &changes, Context &context)
{
    const BrokerImage *existing = m_image.broker(request.brokerId);
    RegisterBrokerRecord record{.brokerId = request.brokerId,
        .incarnation = request.incarnation,
        .brokerEpoch = logEndOffset};
    if (existing && existing->incarnation == request.incarnation) {
        // It did not hear our answer. The record is written again, so that this answer waits for
        // the first one's commit.
        record.brokerEpoch = existing->epoch;
        record.fenced = existing->fenced;
        record.inControlledShutdown = existing->inControlledShutdown;
        commit(changes, record, LogReason::None);
        return {ErrorCode::None, record.brokerEpoch};
    }
    if (existing && !existing->inControlledShutdown && hasSession(request.brokerId, context.now))
        return {ErrorCode::DuplicateBrokerRegistration, -1};
    const bool wasClean = existing && existing->epoch == request.previousBrokerEpoch;
    commit(changes, record, LogReason::None);
    m_liveness.erase(request.brokerId);
    // Without a clean shutdown what it had acknowledged may have been in its page cache only, so it
    // is not eligible to lead any more.
    Lost lost;
    if (m_config.eligibleLeaderReplicas && !wasClean)
        lost.uncleanShutdown = request.brokerId;
    else
        lost.fenced = request.brokerId;
    removeFromIsrs(lost, LogReason::Restarted, changes);
    return {ErrorCode::None, record.brokerEpoch};
}

BrokerHeartbeatResponse Controller::heartbeat(const BrokerHeartbeatRequest &request,
    std::int64_t logEndOffset, Changes &changes, Context &context)
{
    BrokerHeartbeatResponse response;
    if (!hasEpoch(request.brokerId, request.brokerEpoch)) {
        response.error = ErrorCode::StaleBrokerEpoch;
        return response;
    }
    Liveness &liveness = m_liveness[request.brokerId];
    liveness.lastHeartbeat = context.now;
    liveness.metadataOffset = request.currentMetadataOffset;
    // Its epoch is the offset of its registration: who has applied that knows the cluster.
    response.isCaughtUp = request.currentMetadataOffset >= request.brokerEpoch;

    const BrokerImage &broker = *m_image.broker(request.brokerId);
    if (broker.fenced) {
        if (request.wantShutDown) {
            response.shouldShutDown = true;
        } else if (!request.wantFence && response.isCaughtUp) {
            commit(changes,
                BrokerRegistrationChangeRecord{.brokerId = request.brokerId,
                    .brokerEpoch = request.brokerEpoch,
                    .fenced = false},
                LogReason::None);
            electWhereOffline(changes);
        }
    } else if (liveness.shutdownOffset >= 0) {
        std::int64_t lowestOffset = std::numeric_limits<std::int64_t>::max();
        for (const auto &[id, other] : m_liveness) {
            if (m_image.broker(id)->isActive())
                lowestOffset = std::min(lowestOffset, other.metadataOffset);
        }
        // It leads nothing since, but every broker that stays has to know the new leaders before
        // this one stops answering.
        response.shouldShutDown = liveness.shutdownOffset <= lowestOffset;
    } else if (request.wantFence) {
        response.shouldShutDown = request.wantShutDown;
        if (!request.wantShutDown)
            fence(request.brokerId, LogReason::AskedFor, changes);
    } else if (request.wantShutDown) {
        response.shouldShutDown = !leadsAny(request.brokerId);
        if (!response.shouldShutDown) {
            commit(changes,
                BrokerRegistrationChangeRecord{.brokerId = request.brokerId,
                    .brokerEpoch = request.brokerEpoch,
                    .inControlledShutdown = true},
                LogReason::AskedFor);
            removeFromIsrs({.fenced = request.brokerId}, LogReason::ControlledShutdown, changes);
            liveness.shutdownOffset = logEndOffset + static_cast<std::int64_t>(changes.size()) - 1;
        }
    }
    if (response.shouldShutDown) {
        if (!broker.fenced)
            fence(request.brokerId, LogReason::ControlledShutdown, changes);
        m_liveness.erase(request.brokerId); // it goes: its next life need not wait
    }
    response.isFenced = m_image.broker(request.brokerId)->fenced;
    return response;
}

void Controller::fence(std::int32_t id, LogReason why, Changes &changes)
{
    const bool isWanted = why == LogReason::ControlledShutdown;
    removeFromIsrs({.fenced = id},
        isWanted ? LogReason::ControlledShutdown : LogReason::ReplicaFenced, changes);
    commit(changes,
        BrokerRegistrationChangeRecord{
            .brokerId = id, .brokerEpoch = m_image.broker(id)->epoch, .fenced = true},
        why);
    m_liveness[id].shutdownOffset = -1;
}

void Controller::fenceSilentBrokers(Instant now, Changes &changes)
{
    std::vector<std::int32_t> silent;
    for (const std::int32_t id : std::views::keys(m_liveness)) {
        if (!m_image.broker(id)->fenced && !hasSession(id, now))
            silent.push_back(id);
    }
    for (const std::int32_t id : silent)
        fence(id, LogReason::HeartbeatsMissing, changes);
}

AllocateProducerIdsResponse Controller::allocateProducerIds(
    const AllocateProducerIdsRequest &request, Changes &changes)
{
    constexpr std::int32_t kBlock = 1000;
    if (!hasEpoch(request.brokerId, request.brokerEpoch))
        return {ErrorCode::StaleBrokerEpoch, -1, 0};
    const std::int64_t first = m_image.nextProducerId();
    if (first > std::numeric_limits<std::int64_t>::max() - kBlock)
        return {ErrorCode::UnknownServerError, -1, 0};
    commit(changes,
        ProducerIdsRecord{.brokerId = request.brokerId,
            .brokerEpoch = request.brokerEpoch,
            .nextProducerId = first + kBlock},
        LogReason::None);
    return {ErrorCode::None, first, kBlock};
}

} // namespace queuelab::log
