// Ids of producers: from a block that the controller has given this broker.

#include "engine/log/broker_state.h"

#include <utility>

namespace queuelab::log {

void Broker::State::initProducerId(
    Caller caller, NameId producer, Context &context, Effects &effects)
{
    waitForProducerId.emplace_back(caller, producer);
    if (nextProducerId < producerIdsEnd)
        giveProducerIds(context, effects);
    else
        askForProducerIds(context);
}

void Broker::State::askForProducerIds(Context &context)
{
    if (producerIdsAsked)
        return;
    producerIdsAsked = true;
    call(
        CallPurpose::ProducerIds, {}, AllocateProducerIdsRequest{id.value(), brokerEpoch}, context);
}

void Broker::State::giveProducerIds(Context &context, Effects &effects)
{
    for (const auto &[caller, producer] : std::exchange(waitForProducerId, {})) {
        if (nextProducerId == producerIdsEnd) {
            // The controller gave none, or the block is used up: clients ask again.
            caller.answer(
                InitProducerIdResponse{.error = ErrorCode::CoordinatorLoadInProgress}, effects);
            continue;
        }
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::ProducerIdAssigned),
            .subject = producer,
            .value = nextProducerId});
        caller.answer(InitProducerIdResponse{ErrorCode::None, nextProducerId++, 0}, effects);
    }
    if (nextProducerId == producerIdsEnd)
        transactions.denyProducerIds(context, effects);
}

bool Broker::State::giveTransactionalProducerIds(Context &context, Effects &effects)
{
    bool any = false;
    while (transactions.producerIdsWanted() > 0 && nextProducerId < producerIdsEnd) {
        transactions.giveProducerId(nextProducerId++, context, effects);
        any = true;
    }
    if (transactions.producerIdsWanted() > 0)
        askForProducerIds(context); // sent before the step ends
    return any;
}

} // namespace queuelab::log
