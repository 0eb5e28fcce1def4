#include "engine/world/outcomes.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace queuelab::world {

namespace {

/// Mixes two numbers into one hash (the finaliser of splitmix64).
std::uint64_t mixed(std::uint64_t a, std::uint64_t b)
{
    std::uint64_t x = a * 0x9e3779b97f4a7c15ULL + b;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

} // namespace

bool Outcomes::Highest::isLate(NameId producer, std::uint64_t sequence)
{
    if (last >= entries.size() || entries[last].producer != producer) {
        const auto found = std::ranges::find(entries, producer, &Entry::producer);
        last = static_cast<std::size_t>(found - entries.begin());
        if (found == entries.end()) {
            entries.push_back({producer, sequence});
            return false;
        }
    }
    Entry &entry = entries[last];
    if (sequence < entry.sequence)
        return true;
    entry.sequence = sequence;
    return false;
}

bool Outcomes::Partition::add(std::int64_t item)
{
    if (item == runNext && item < runLimit) [[likely]] {
        ++runNext;
        return true;
    }
    return addSlowly(item);
}

bool Outcomes::Partition::addSlowly(std::int64_t item)
{
    if (runFirst < runNext) {
        handled.insert(runFirst, runNext - 1);
        runFirst = runNext;
        runLimit = runNext; // no run is being extended
    }
    if (handled.contains(item))
        return false;
    // Begin a new run here; it may grow up to the next item that was handled before.
    const auto after = handled.intervals().upper_bound(item);
    runFirst = item;
    runNext = item + 1;
    runLimit = after == handled.intervals().end() ? std::numeric_limits<std::int64_t>::max()
                                                  : after->first;
    return true;
}

Outcomes::Partition &Outcomes::Scope::partition(NameId wanted)
{
    if (lastPartition >= partitions.size() || partitions[lastPartition].name != wanted) {
        const auto found = std::ranges::find(partitions, wanted, &Partition::name);
        lastPartition = static_cast<std::size_t>(found - partitions.begin());
        if (found == partitions.end())
            partitions.emplace_back().name = wanted;
    }
    return partitions[lastPartition];
}

Outcomes::Scope &Outcomes::scope(Engine engine, NameId name)
{
    const auto isIt = [&](const Scope &scope) {
        return scope.name == name && scope.engine == engine;
    };
    if (m_lastScope >= m_scopes.size() || !isIt(m_scopes[m_lastScope])) {
        const auto found = std::ranges::find_if(m_scopes, isIt);
        m_lastScope = static_cast<std::size_t>(found - m_scopes.begin());
        if (found == m_scopes.end()) {
            Scope &added = m_scopes.emplace_back();
            added.engine = engine;
            added.name = name;
        }
    }
    return m_scopes[m_lastScope];
}

bool Outcomes::handled(const Handling &handling)
{
    Scope &in = scope(handling.engine, handling.scope);
    in.latency.record(handling.latency);
    Partition &partition = in.partition(handling.partition);
    if (!partition.add(handling.item)) {
        ++in.handledAgain;
        return true;
    }
    ++in.handled;
    const bool stamped = handling.sequence != 0;
    const std::uint64_t order =
        stamped ? handling.sequence : static_cast<std::uint64_t>(handling.item);
    if (partition.highest.isLate(handling.producer, order))
        ++in.outOfOrderInPartition;
    // Offsets of two partitions say nothing about each other.
    if ((stamped || handling.partition == kNoName) && in.highest.isLate(handling.producer, order))
        ++in.outOfOrderOverall;
    if (handling.keyHash != 0) {
        const NameId writer = stamped ? handling.producer : handling.partition;
        const auto [last, isNew] =
            in.lastByKey.try_emplace(mixed(writer.value(), handling.keyHash), order);
        if (!isNew && order < last->second)
            ++in.outOfOrderInKey;
        last->second = std::max(last->second, order);
    }
    return false;
}

std::vector<OutcomeSnapshot> Outcomes::snapshot(const NameTable &names) const
{
    std::vector<OutcomeSnapshot> all;
    all.reserve(m_scopes.size());
    for (const Scope &scope : m_scopes) {
        OutcomeSnapshot &out = all.emplace_back();
        out.engine = scope.engine;
        out.name = names.name(scope.name);
        out.handled = scope.handled;
        out.handledAgain = scope.handledAgain;
        out.outOfOrderInPartition = scope.outOfOrderInPartition;
        out.outOfOrderInKey = scope.outOfOrderInKey;
        out.outOfOrderOverall = scope.outOfOrderOverall;
        out.latencyP50 = scope.latency.percentile(50);
        out.latencyP95 = scope.latency.percentile(95);
        out.latencyP99 = scope.latency.percentile(99);
    }
    std::ranges::sort(all, [](const OutcomeSnapshot &a, const OutcomeSnapshot &b) {
        return std::tie(a.engine, a.name) < std::tie(b.engine, b.name);
    });
    return all;
}

} // namespace queuelab::world
