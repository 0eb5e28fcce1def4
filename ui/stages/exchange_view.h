#pragma once

#include "engine/world/snapshot.h"

#include <QString>

#include <map>
#include <vector>

namespace queuelab::ui {

/// What the exchange's picture says, worked out from a snapshot: who publishes where, what is bound
/// to what, and in which order things stand so that few lines cross. Points into the snapshot it
/// was made from.

struct WorkerView {
    QString name;
    QString queue;
    const world::ClientSnapshot *client = nullptr; ///< nullptr for a real client
    std::vector<const exchange::ConsumerSnapshot *> consumers; ///< empty while it is not connected
    std::uint16_t prefetch = 0; ///< 0 is no limit
    bool autoAck = false;
    std::uint64_t unacked = 0;
    std::vector<const exchange::MessageSnapshot *> holding; ///< by delivery tag; the first of them
    bool crashed() const { return client && client->state == world::ClientState::Crashed; }
};
struct QueueView {
    QString name;
    const exchange::QueueSnapshot *queue = nullptr;
    bool dead = false; ///< only dead letters come here
    std::vector<WorkerView> workers;
    std::vector<const exchange::MessageSnapshot *>
        unacked; ///< of all its consumers; the first of them
};
struct ExchangeNode {
    QString name; ///< "" is the default exchange
    const exchange::ExchangeSnapshot *exchange = nullptr;
    int depth = 0; ///< 0 gets messages from publishers, 1 from exchanges of depth 0, ...
};
struct BindingView {
    const exchange::BindingSnapshot *binding = nullptr;
    std::size_t source = 0; ///< index into exchanges
    std::size_t destination = 0; ///< index into queues, or into exchanges with binding->toExchange
};
/// A queue whose dead letters reach another queue (which may be itself).
struct DeadLetterView {
    std::size_t from = 0; ///< indices into queues
    std::size_t to = 0;
    QString exchange;
    bool folded =
        false; ///< the exchange carries nothing else, so it is a word on the line and no node
};
struct ExchangeView {
    std::vector<const world::ClientSnapshot *> publishers;
    std::vector<ExchangeNode> exchanges;
    std::vector<QueueView> queues;
    std::vector<BindingView> bindings;
    std::vector<DeadLetterView> deadLetters;
    int depths = 1; ///< how many columns of exchanges
};

ExchangeView makeExchangeView(const world::Snapshot &snapshot);

/// How often lines between two columns cross; each link joins a place on the left with one on the
/// right.
using Links = std::vector<std::pair<std::size_t, std::size_t>>;
std::size_t crossings(const Links &links);

/// An order of `count` things on the right, each drawn to the middle of what it is linked with on
/// the left: old index by new place. Things without links keep to the end; equal ones keep their
/// order.
std::vector<std::size_t> orderByLeft(std::size_t count, const Links &links);

} // namespace queuelab::ui
