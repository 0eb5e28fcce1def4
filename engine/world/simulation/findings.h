#pragma once

#include "engine/world/simulation/history.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::world::simulation {

/// Findings of one kind, told once with how many there are.
class Findings {
public:
    void add(AnomalyKind kind, bool isPromised, const std::string &text)
    {
        auto &[count, first] = m_found[{kind, isPromised}];
        if (count++ == 0)
            first = text;
    }
    void appendTo(std::vector<Anomaly> &out) const
    {
        for (const auto &[what, found] : m_found) {
            const auto &[count, first] = found;
            out.push_back({what.first, what.second, count,
                count == 1 ? first : fmt::format("{}, and {} more", first, count - 1)});
        }
    }

private:
    std::map<std::pair<AnomalyKind, bool>, std::pair<std::uint64_t, std::string>> m_found;
};

} // namespace queuelab::world::simulation
