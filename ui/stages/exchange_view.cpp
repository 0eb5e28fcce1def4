#include "ui/stages/exchange_view.h"

#include "ui/stages/words.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

namespace queuelab::ui {

using exchange::BindingSnapshot;
using world::ClientRole;
using world::ClientSnapshot;
using world::ClientState;

namespace {

/// Workers that left in order are gone; a publisher that has published all it had stays in the
/// picture.
bool isExchangeClient(const ClientSnapshot &client, ClientRole role)
{
    return client.engine == world::Engine::Exchange && client.role == role
        && (role == ClientRole::Publisher || client.state != ClientState::Stopped);
}

/// Where a queue's dead letters arrive, by the routing that a direct or fanout exchange would do;
/// for topic and headers exchanges every bound queue counts.
std::vector<std::string> deadLetterTargets(
    const exchange::QueueSnapshot &queue, const exchange::BrokerSnapshot &broker)
{
    std::vector<std::string> targets;
    if (queue.deadLetterExchange.empty()) {
        if (queue.deadLetterRoutingKey)
            targets.push_back(*queue.deadLetterRoutingKey);
        return targets;
    }
    const auto exchange = std::ranges::find(
        broker.exchanges, queue.deadLetterExchange, &exchange::ExchangeSnapshot::name);
    const bool direct = exchange != broker.exchanges.end() && exchange->type == "direct";
    for (const BindingSnapshot &binding : broker.bindings) {
        if (binding.toExchange || binding.source != queue.deadLetterExchange)
            continue;
        if (!direct || !queue.deadLetterRoutingKey
            || binding.routingKey == *queue.deadLetterRoutingKey)
            targets.push_back(binding.destination);
    }
    std::ranges::sort(targets);
    const auto repeated = std::ranges::unique(targets);
    targets.erase(repeated.begin(), repeated.end());
    return targets;
}

std::vector<WorkerView> workersOf(const std::string &queue, const world::Snapshot &snapshot)
{
    std::vector<WorkerView> workers;
    for (const ClientSnapshot &client : snapshot.clients) {
        if (isExchangeClient(client, ClientRole::Worker) && client.target == queue) {
            WorkerView worker{text(client.name), text(queue), &client, {}, client.prefetch,
                client.autoAck, 0, {}};
            workers.push_back(std::move(worker));
        }
    }
    for (const auto &consumer : snapshot.exchange.consumers) {
        if (consumer.queue != queue)
            continue;
        auto worker = std::ranges::find(workers, text(consumer.connection), &WorkerView::name);
        if (worker == workers.end()) {
            workers.push_back({text(consumer.connection), text(queue), nullptr, {},
                consumer.prefetch, consumer.noAck, 0, {}});
            worker = workers.end() - 1;
        }
        worker->consumers.push_back(&consumer);
        worker->unacked += consumer.unackedCount;
        for (const auto &message : consumer.unacked)
            worker->holding.push_back(&message);
    }
    return workers;
}

template <class T> void arrange(std::vector<T> &things, const std::vector<std::size_t> &order)
{
    std::vector<T> arranged;
    arranged.reserve(things.size());
    for (const std::size_t index : order)
        arranged.push_back(std::move(things[index]));
    things = std::move(arranged);
}

struct Names {
    std::map<std::string, std::size_t> exchanges;
    std::map<std::string, std::size_t> queues;
};

Names namesOf(const ExchangeView &view)
{
    Names names;
    for (std::size_t index = 0; index < view.exchanges.size(); ++index)
        names.exchanges[view.exchanges[index].exchange->name] = index;
    for (std::size_t index = 0; index < view.queues.size(); ++index)
        names.queues[view.queues[index].queue->name] = index;
    return names;
}

void addExchanges(
    ExchangeView &view, const world::Snapshot &snapshot, const std::set<std::string> &folded)
{
    std::set<std::string> used;
    for (const auto &binding : snapshot.exchange.bindings) {
        used.insert(binding.source);
        if (binding.toExchange)
            used.insert(binding.destination);
    }
    for (const ClientSnapshot *publisher : view.publishers)
        used.insert(publisher->target);
    for (const auto &exchange : snapshot.exchange.exchanges) {
        const bool predeclared = exchange.name.empty() || exchange.name.starts_with("amq.");
        if (folded.contains(exchange.name)
            || (predeclared && !used.contains(exchange.name) && exchange.publishedIn == 0))
            continue;
        view.exchanges.push_back({text(exchange.name), &exchange, 0});
    }
    // Bindings between exchanges may form a cycle, so no depth beyond their number.
    const std::size_t most = view.exchanges.size();
    for (std::size_t round = 0; round < most; ++round) {
        for (const auto &binding : snapshot.exchange.bindings) {
            if (!binding.toExchange)
                continue;
            const auto source =
                std::ranges::find(view.exchanges, text(binding.source), &ExchangeNode::name);
            const auto target =
                std::ranges::find(view.exchanges, text(binding.destination), &ExchangeNode::name);
            if (source != view.exchanges.end() && target != view.exchanges.end()
                && source != target)
                target->depth = std::min(
                    std::max(target->depth, source->depth + 1), static_cast<int>(most) - 1);
        }
    }
    for (const ExchangeNode &node : view.exchanges)
        view.depths = std::max(view.depths, node.depth + 1);
}

/// Queues to the middle of their exchanges and exchanges to the middle of their queues, a few
/// times; the best order that was met is kept.
void untangle(ExchangeView &view, const world::Snapshot &snapshot)
{
    const auto linksOf = [&](bool queuesRight) {
        Links links;
        const Names names = namesOf(view);
        for (const auto &binding : snapshot.exchange.bindings) {
            const auto source = names.exchanges.find(binding.source);
            const auto target = names.queues.find(binding.destination);
            if (binding.toExchange || source == names.exchanges.end()
                || target == names.queues.end())
                continue;
            links.emplace_back(queuesRight ? source->second : target->second,
                queuesRight ? target->second : source->second);
        }
        return links;
    };
    auto bestExchanges = view.exchanges;
    auto bestQueues = view.queues;
    std::size_t best = crossings(linksOf(true));
    constexpr int kSweeps = 4;
    for (int sweep = 0; sweep < kSweeps && best > 0; ++sweep) {
        arrange(view.exchanges, orderByLeft(view.exchanges.size(), linksOf(false)));
        arrange(view.queues, orderByLeft(view.queues.size(), linksOf(true)));
        const std::size_t now = crossings(linksOf(true));
        if (now < best) {
            best = now;
            bestExchanges = view.exchanges;
            bestQueues = view.queues;
        }
    }
    view.exchanges = std::move(bestExchanges);
    view.queues = std::move(bestQueues);
    // Dead letters lie below what they died of.
    std::ranges::stable_partition(view.queues, [](const QueueView &queue) { return !queue.dead; });
}

} // namespace

std::size_t crossings(const Links &links)
{
    std::size_t count = 0;
    for (std::size_t one = 0; one < links.size(); ++one) {
        for (std::size_t other = one + 1; other < links.size(); ++other) {
            const auto &[left1, right1] = links[one];
            const auto &[left2, right2] = links[other];
            count +=
                (left1 < left2 && right1 > right2) || (left1 > left2 && right1 < right2) ? 1 : 0;
        }
    }
    return count;
}

std::vector<std::size_t> orderByLeft(std::size_t count, const Links &links)
{
    std::vector<double> middle(count, std::numeric_limits<double>::max());
    for (std::size_t thing = 0; thing < count; ++thing) {
        double sum = 0;
        double number = 0;
        for (const auto &[left, right] : links) {
            if (right == thing) {
                sum += static_cast<double>(left);
                ++number;
            }
        }
        if (number > 0)
            middle[thing] = sum / number;
    }
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](std::size_t thing) { return middle[thing]; });
    return order;
}

ExchangeView makeExchangeView(const world::Snapshot &snapshot)
{
    ExchangeView view;
    for (const ClientSnapshot &client : snapshot.clients) {
        if (isExchangeClient(client, ClientRole::Publisher))
            view.publishers.push_back(&client);
    }

    // A dead-letter exchange that nothing else goes through is drawn as a line, not as a node.
    std::set<std::string> deadExchanges;
    std::set<std::string> deadTargets;
    for (const auto &queue : snapshot.exchange.queues) {
        const auto targets = deadLetterTargets(queue, snapshot.exchange);
        deadTargets.insert(targets.begin(), targets.end());
        if (!targets.empty() && !queue.deadLetterExchange.empty())
            deadExchanges.insert(queue.deadLetterExchange);
    }
    for (const ClientSnapshot *publisher : view.publishers)
        deadExchanges.erase(publisher->target);
    for (const auto &binding : snapshot.exchange.bindings) {
        if (binding.toExchange) {
            deadExchanges.erase(binding.source);
            deadExchanges.erase(binding.destination);
        }
    }

    std::set<std::string> fedQueues;
    for (const auto &binding : snapshot.exchange.bindings) {
        if (!binding.toExchange && !deadExchanges.contains(binding.source))
            fedQueues.insert(binding.destination);
    }
    for (const auto &queue : snapshot.exchange.queues) {
        QueueView made;
        made.name = text(queue.name);
        made.queue = &queue;
        made.dead = deadTargets.contains(queue.name) && !fedQueues.contains(queue.name);
        made.workers = workersOf(queue.name, snapshot);
        for (const WorkerView &worker : made.workers)
            made.unacked.insert(made.unacked.end(), worker.holding.begin(), worker.holding.end());
        view.queues.push_back(std::move(made));
    }
    addExchanges(view, snapshot, deadExchanges);
    untangle(view, snapshot);

    const Names names = namesOf(view);
    for (const auto &binding : snapshot.exchange.bindings) {
        const auto source = names.exchanges.find(binding.source);
        const auto &targets = binding.toExchange ? names.exchanges : names.queues;
        const auto target = targets.find(binding.destination);
        if (source != names.exchanges.end() && target != targets.end())
            view.bindings.push_back({&binding, source->second, target->second});
    }
    for (const auto &queue : snapshot.exchange.queues) {
        for (const std::string &target : deadLetterTargets(queue, snapshot.exchange)) {
            if (names.queues.contains(target))
                view.deadLetters.push_back({names.queues.at(queue.name), names.queues.at(target),
                    text(queue.deadLetterExchange),
                    deadExchanges.contains(queue.deadLetterExchange)});
        }
    }
    std::ranges::stable_sort(view.publishers, {}, [&](const ClientSnapshot *publisher) {
        const auto found = names.exchanges.find(publisher->target);
        return found == names.exchanges.end() ? view.exchanges.size() : found->second;
    });
    return view;
}

} // namespace queuelab::ui
