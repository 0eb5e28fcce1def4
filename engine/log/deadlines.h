#pragma once

#include "engine/core/time.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace queuelab::log {

/// Moments at which something is due: earliest first, equal ones in the order they were set.
/// Setting, cancelling and taking cost O(log n). A value.
template <class Subject> class Deadlines {
public:
    struct Handle {
        Instant at;
        std::uint64_t sequence;
        friend auto operator<=>(const Handle &, const Handle &) = default;
    };

    Handle set(Instant at, Subject subject)
    {
        const Handle handle{at, m_nextSequence++};
        m_pending.emplace_hint(m_pending.end(), handle, std::move(subject));
        return handle;
    }
    /// Harmless when it was taken already. `handle` is empty afterwards.
    void cancel(std::optional<Handle> &handle)
    {
        if (handle)
            m_pending.erase(*handle);
        handle.reset();
    }
    std::optional<Instant> earliest() const
    {
        if (m_pending.empty())
            return std::nullopt;
        return m_pending.begin()->first.at;
    }
    /// The earliest of those due at `now` or before, taken out.
    std::optional<Subject> takeDue(Instant now)
    {
        if (m_pending.empty() || m_pending.begin()->first.at > now)
            return std::nullopt;
        auto node = m_pending.extract(m_pending.begin());
        return std::move(node.mapped());
    }

private:
    std::map<Handle, Subject> m_pending;
    std::uint64_t m_nextSequence = 0;
};

} // namespace queuelab::log
