#include "engine/world/world_state.h"

#include "engine/core/overloaded.h"

#include <algorithm>

namespace queuelab::world {

Host *World::State::hostOf(ClientId client)
{
    const HostIndex index =
        client.value() < hostOfClient.size() ? hostOfClient[client.value()] : kNoHost;
    return index == kNoHost ? nullptr : &hosts[index];
}

Host *World::State::living(ClientId client)
{
    Host *host = hostOf(client);
    const bool lives = host && host->client == client
        && (host->state == ClientState::Running || host->state == ClientState::Paused);
    return lives ? host : nullptr;
}

void World::State::wakeAt(Wakes &wakes, Instant at, Item item)
{
    at = std::max(at, now);
    if (wakes.ask(at))
        agenda.add(at, std::move(item));
}

void World::State::run(Item item)
{
    std::visit(Overloaded{
                   [&](Carried &carried) { arrive(std::move(carried)); },
                   [&](Broken &broken) { arrive(broken); },
                   [&](Drain &toDrain) { drain(toDrain.connection); },
                   [&](WakeLog &wake) {
                       LogNode &node = nodeOf(wake.node);
                       if (!node.alive || node.life != wake.life)
                           return;
                       node.wakes.came();
                       applyToLog(node, log::WakeUp{});
                   },
                   [&](WakeExchange &) {
                       exchangeWakes.came();
                       applyToExchange(exchange::WakeUp{});
                   },
                   [&](WakeVisibility &) {
                       visibilityWakes.came();
                       applyToVisibility(visibility::WakeUp{});
                   },
                   [&](WakeClient &wake) {
                       Host *host = living(wake.life);
                       if (!host)
                           return;
                       host->wakes.came();
                       if (host->state == ClientState::Running) // resuming wakes a paused one
                           act(*host, [](Actor &actor, ActorContext &actorContext) {
                               actor.wake(actorContext);
                           });
                   },
                   [&](YourAnswer &answer) { answerErrand(std::move(answer)); },
                   [&](YourTurn &turn) { turnOfErrand(turn.errand); },
               },
        item);
}

void World::State::deliver(Carried &&carried)
{
    const NodeId broker = connections[carried.connection].brokerAt(carried.to);
    std::visit(
        Overloaded{
            [&](ToLog &to) { applyToLog(nodeOf(broker), log::Input(std::move(to.request))); },
            [&](FromLog &answer) {
                const ClientId client = answer.answer.client;
                hand(client, carried, [&](Actor &actor, ActorContext &actorContext) {
                    actor.receive(answer.answer.id, answer.answer.response, actorContext);
                });
            },
            [&](BetweenBrokers &message) { applyToLog(nodeOf(broker), message.input); },
            [&](ToExchange &to) { applyToExchange(exchange::Input(std::move(to.method))); },
            [&](FromExchange &answer) {
                const ClientId client = answer.method.connection;
                hand(client, carried, [&](Actor &actor, ActorContext &actorContext) {
                    actor.receive(answer.method.channel, answer.method.method, actorContext);
                });
            },
            [&](ToVisibility &to) { applyToVisibility(visibility::Input(std::move(to.request))); },
            [&](FromVisibility &answer) {
                const ClientId client = answer.answer.client;
                hand(client, carried, [&](Actor &actor, ActorContext &actorContext) {
                    actor.receive(answer.answer.id, answer.answer.response, actorContext);
                });
            },
            [&](ClientLeft &left) { clientGone(left.client, broker); },
        },
        carried.message);
}

void World::State::clientGone(ClientId client, NodeId broker)
{
    switch (hostOf(client)->engine) {
    case Engine::Log:
        if (nodeOf(broker).alive)
            applyToLog(nodeOf(broker), log::ClientGone{client});
        break;
    case Engine::Exchange:
        applyToExchange(exchange::ConnectionLost{client});
        break;
    case Engine::Visibility:
        applyToVisibility(visibility::ClientGone{client});
        break;
    }
}

void World::State::deliver(const Broken &broken)
{
    const Connection &connection = connections[broken.connection];
    const NodeId here = connection.brokerAt(broken.to);
    const NodeId there = connection.brokerAt(otherEnd(broken.to));
    if (connection.client == kNoHost) {
        if (nodeOf(here).alive)
            applyToLog(nodeOf(here), log::PeerLost{there});
    } else if (broken.to == End::Near) {
        hand(broken.client, broken, [&](Actor &actor, ActorContext &actorContext) {
            actor.connectionLost(there, actorContext);
        });
    } else {
        clientGone(broken.client, here);
    }
}

void World::State::applyToLog(LogNode &node, const log::Input &input)
{
    Context base = context(node);
    logEffects.clear();
    node.broker.apply(input, base, logEffects);
    carryOutLog(node);
}

void World::State::carryOutLog(LogNode &node)
{
    const auto toPeer = [&](NodeId to, log::Input input) {
        send(connectionBetween(node.id, to), to < node.id ? End::Near : End::Far,
            BetweenBrokers{std::move(input)});
    };
    bool isShutDown = false;
    for (log::Effect &effect : logEffects) {
        std::visit(
            Overloaded{
                [&](log::Answer &answer) {
                    if (answer.client == kYourClient)
                        agenda.add(now, YourAnswer{std::move(answer)});
                    else if (Host *host = living(answer.client))
                        send(connectionOf(*host, node.id), End::Near, FromLog{std::move(answer)});
                },
                [&](log::AskPeer &ask) {
                    toPeer(ask.to, log::PeerRequest{node.id, ask.id, std::move(ask.request)});
                },
                [&](log::AnswerPeer &answer) {
                    toPeer(
                        answer.to, log::PeerAnswer{node.id, answer.id, std::move(answer.response)});
                },
                [&](log::ShutDown &) { isShutDown = true; },
                [&](log::WakeAt &wake) {
                    wakeAt(node.wakes, wake.at, WakeLog{node.id, node.life});
                },
            },
            effect);
    }
    logEffects.clear();
    for (std::string &note : node.broker.takeNotes())
        notes.push_back(std::move(note));
    if (isShutDown)
        finishShutDown(node);
}

void World::State::applyToExchange(const exchange::Input &input)
{
    Context base = context(exchangeRandom);
    exchangeEffects.clear();
    exchange.apply(input, base, exchangeEffects);
    carryOutExchange();
}

void World::State::carryOutExchange()
{
    for (exchange::Effect &effect : exchangeEffects) {
        if (auto *method = std::get_if<exchange::ToClient>(&effect)) {
            if (Host *host = living(method->connection))
                send(host->firstConnection, End::Near, FromExchange{std::move(*method)});
        } else if (const auto *wake = std::get_if<exchange::WakeAt>(&effect)) {
            wakeAt(exchangeWakes, wake->at, WakeExchange{});
        }
    }
    exchangeEffects.clear();
}

void World::State::applyToVisibility(const visibility::Input &input)
{
    Context base = context(visibilityRandom);
    visibilityEffects.clear();
    visibility.apply(input, base, visibilityEffects);
    carryOutVisibility();
}

void World::State::carryOutVisibility()
{
    for (visibility::Effect &effect : visibilityEffects) {
        if (auto *answer = std::get_if<visibility::Answer>(&effect)) {
            if (Host *host = living(answer->client))
                send(host->firstConnection, End::Near, FromVisibility{std::move(*answer)});
        } else if (const auto *wake = std::get_if<visibility::WakeAt>(&effect)) {
            wakeAt(visibilityWakes, wake->at, WakeVisibility{});
        }
    }
    visibilityEffects.clear();
}

void World::State::carryOutActor(Host &host)
{
    for (auto &message : outbox.messages) {
        std::visit(
            Overloaded{
                [&](Outbox::ToLog &to) {
                    send(connectionOf(host, to.broker), End::Far,
                        ToLog{{host.client, to.id, std::move(to.request), host.nameId}});
                },
                [&](Outbox::ToExchange &to) {
                    send(host.firstConnection, End::Far,
                        ToExchange{{host.client, to.channel, std::move(to.method)}});
                },
                [&](Outbox::ToVisibility &to) {
                    send(host.firstConnection, End::Far,
                        ToVisibility{{host.client, to.id, host.name, std::move(to.request)}});
                },
            },
            message);
    }
    outbox.messages.clear();
    if (outbox.finished || outbox.crashed) {
        if (outbox.crashed)
            endLife(host, ClientState::Crashed, WorldReason::ByChance);
        else
            endLife(host, ClientState::Stopped,
                host.stopping ? WorldReason::ByCommand : WorldReason::WorkDone);
    } else if (outbox.wakeAt) {
        const auto index = static_cast<HostIndex>(&host - hosts.data());
        wakeAt(host.wakes, *outbox.wakeAt, WakeClient{index, host.client});
    }
}

} // namespace queuelab::world
