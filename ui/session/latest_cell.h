#pragma once

#include <mutex>
#include <optional>
#include <utility>

namespace queuelab::ui {

/// Hands values from one thread to another: the latest wins, and one delivery is under way at a
/// time. Whoever puts a value into the empty cell has to have it fetched; until it is, later values
/// replace it, and a value that has a member absorb(T earlier) takes over what must not be lost of
/// the one it replaces. Nobody ever waits for longer than a move. Knows no Qt, so that
/// ThreadSanitizer can judge it.
template <class T> class LatestCell {
public:
    /// True when the cell was empty: then a delivery has to be queued.
    bool put(T value)
    {
        const std::lock_guard lock(m_mutex);
        const bool wasEmpty = !m_value;
        if constexpr (requires(T &later, T earlier) { later.absorb(std::move(earlier)); }) {
            if (m_value)
                value.absorb(std::move(*m_value));
        }
        m_value = std::move(value);
        return wasEmpty;
    }
    /// The latest value, which leaves the cell; nothing when it is empty.
    std::optional<T> take()
    {
        const std::lock_guard lock(m_mutex);
        return std::exchange(m_value, std::nullopt);
    }

private:
    std::mutex m_mutex;
    std::optional<T> m_value;
};

} // namespace queuelab::ui
