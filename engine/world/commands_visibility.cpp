#include "engine/world/hand.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world {

Outcome Hand::askVisibility(visibility::Request request)
{
    const RequestId id{++m_world.yourRequests};
    Context base = m_world.context(m_world.visibilityRandom);
    m_world.visibilityEffects.clear();
    m_world.visibility.apply(
        visibility::ClientRequest{kYourClient, id, std::string(kYou), std::move(request)}, base,
        m_world.visibilityEffects);
    Outcome outcome;
    for (const visibility::Effect &effect : m_world.visibilityEffects) {
        const auto *answer = std::get_if<visibility::Answer>(&effect);
        if (answer && answer->client == kYourClient && answer->id == id && !answer->response) {
            const visibility::SqsError &error = answer->response.error();
            outcome = refused(std::string(visibility::errorCode(error.kind)), error.message);
        }
    }
    m_world.carryOutVisibility();
    return outcome;
}

Outcome Hand::operator()(const CreateQueue &command)
{
    return askVisibility(visibility::CreateQueue{command.name, command.attributes});
}

Outcome Hand::operator()(const SetQueueAttributes &command)
{
    return askVisibility(visibility::SetQueueAttributes{command.name, command.attributes});
}

Outcome Hand::operator()(const SendMessage &command)
{
    for (std::int32_t number = 1; number <= command.count; ++number) {
        visibility::SendMessage request;
        request.queue = command.queue;
        request.body = SharedBytes::fromText(command.body);
        request.delaySeconds = command.delaySeconds;
        request.label = command.count == 1 || command.label.empty()
            ? command.label
            : fmt::format("{}-{}", command.label, number);
        if (Outcome sent = askVisibility(std::move(request)); !sent)
            return sent;
    }
    return {};
}

Outcome Hand::operator()(const AddSender &command)
{
    if (Outcome asked = askVisibility(visibility::GetQueueAttributes{command.queue}); !asked)
        return asked;
    return add(ClientRole::Sender, Engine::Visibility, command.name, "sender", 1,
        [&](const std::string &name) { return makeSender(command, name); });
}

Outcome Hand::operator()(const AddReceiver &command)
{
    if (Outcome asked = askVisibility(visibility::GetQueueAttributes{command.queue}); !asked)
        return asked;
    return add(ClientRole::Receiver, Engine::Visibility, command.name, "worker", command.count,
        [&](const std::string &name) { return makeReceiver(command, name); });
}

} // namespace queuelab::world
