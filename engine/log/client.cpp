#include "engine/log/client.h"

#include "engine/core/result.h"

#include <algorithm>

namespace queuelab::log {

namespace {

constexpr std::chrono::milliseconds kReconnectBackoff{50}; // reconnect.backoff.ms
constexpr std::chrono::milliseconds kReconnectBackoffMax{1'000}; // reconnect.backoff.max.ms
constexpr double kJitter = 0.2;

} // namespace

Duration exponentialBackoff(std::chrono::milliseconds initial, std::chrono::milliseconds max,
    std::int32_t failures, Random &random)
{
    const Duration most = max;
    if (initial >= max)
        return most;
    Duration term = initial;
    for (std::int32_t i = 1; i < failures && term < most; ++i)
        term *= 2;
    const double factor = 1.0 - kJitter + 2 * kJitter * random.unit();
    const auto drawn =
        static_cast<std::int64_t>(factor * static_cast<double>(std::min(term, most).count()));
    return std::min(Duration(drawn), most);
}

std::string makeUuid(Random &random)
{
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    for (int i = 0; i < 22; ++i) { // 6 bits each; the last has 2 of the 128, and zeros
        std::uint64_t digit = random.below(i == 0 ? 62 : 64);
        if (i == 8)
            digit = 0b010000 | (digit & 0b11); // bits 48 to 51: version 4
        else if (i == 10)
            digit = (digit & 0b111100) | 0b10; // bits 64 and 65: the variant
        else if (i == 21)
            digit &= 0b110000;
        text += kDigits[digit];
    }
    return text;
}

KnownBrokers::KnownBrokers(std::vector<NodeId> bootstrap)
    : m_bootstrap(std::move(bootstrap))
    , m_brokers(m_bootstrap)
{
    invariant(!m_bootstrap.empty(), "a client has at least one bootstrap server");
}

void KnownBrokers::learn(const MetadataResponse &response)
{
    if (response.brokers.empty())
        return;
    m_brokers.clear();
    for (const std::int32_t broker : response.brokers)
        m_brokers.emplace_back(broker);
}

void KnownBrokers::answered(NodeId broker)
{
    m_broken.erase(broker);
}

void KnownBrokers::lost(NodeId broker, Instant now, Random &random)
{
    Broken &broken = m_broken[broker];
    if (now < broken.until)
        return; // the same failure, heard of once more
    ++broken.failures;
    broken.until =
        now + exponentialBackoff(kReconnectBackoff, kReconnectBackoffMax, broken.failures, random);
    const auto isBroken = [this](NodeId known) { return m_broken.contains(known); };
    if (std::ranges::all_of(m_brokers, isBroken))
        m_brokers = m_bootstrap;
}

bool KnownBrokers::canReach(NodeId broker, Instant now) const
{
    const auto found = m_broken.find(broker);
    return found == m_broken.end() || now >= found->second.until;
}

std::optional<Instant> KnownBrokers::reconnectAt(NodeId broker) const
{
    const auto found = m_broken.find(broker);
    return found == m_broken.end() ? std::nullopt : std::optional(found->second.until);
}

std::optional<NodeId> KnownBrokers::any(Instant now, Random &random) const
{
    std::vector<NodeId> candidates;
    const auto collect = [&](auto wanted) {
        std::ranges::copy_if(m_brokers, std::back_inserter(candidates), wanted);
    };
    collect([this](NodeId broker) { return !m_broken.contains(broker); });
    if (candidates.empty())
        collect([this, now](NodeId broker) { return canReach(broker, now); });
    if (candidates.empty())
        return std::nullopt;
    return candidates.size() == 1 ? candidates.front()
                                  : candidates[random.below(candidates.size())];
}

Instant KnownBrokers::anyAt() const
{
    Instant earliest = Instant::max();
    for (const NodeId broker : m_brokers)
        earliest = std::min(earliest, reconnectAt(broker).value_or(Instant{}));
    return earliest;
}

} // namespace queuelab::log
