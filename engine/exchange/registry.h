#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace queuelab::exchange {

/// Owns things by number. Numbers start at 1, rise, and are never given twice, so a number kept
/// somewhere after its thing is gone finds nothing (a free place costs one pointer). References
/// stay valid while others are added. A value: copying copies the things.
template <class T, class Id> class Registry {
public:
    Registry() = default;
    Registry(const Registry &other) { *this = other; }
    Registry &operator=(const Registry &other)
    {
        if (this == &other)
            return *this;
        m_things.clear();
        m_things.reserve(other.m_things.size());
        for (const auto &thing : other.m_things)
            m_things.push_back(thing ? std::make_unique<T>(*thing) : nullptr);
        return *this;
    }
    Registry(Registry &&) noexcept = default;
    Registry &operator=(Registry &&) noexcept = default;
    ~Registry() = default;

    /// Sets the thing's own `id`.
    T &add(T thing)
    {
        m_things.push_back(std::make_unique<T>(std::move(thing)));
        m_things.back()->id = Id(static_cast<typename Id::Value>(m_things.size()));
        return *m_things.back();
    }
    void remove(Id id) { m_things[id.value() - 1].reset(); }

    /// nullptr when it is gone, or never was (number 0).
    T *find(Id id) { return const_cast<T *>(std::as_const(*this).find(id)); }
    const T *find(Id id) const
    {
        const std::size_t at = static_cast<std::size_t>(id.value()) - 1; // 0 wraps to the largest
        return at < m_things.size() ? m_things[at].get() : nullptr;
    }
    /// Only for a number that is known to be alive.
    T &at(Id id) { return *m_things[id.value() - 1]; }
    const T &at(Id id) const { return *m_things[id.value() - 1]; }

    /// In order of numbers.
    template <class Visit> void forEach(Visit visit) const
    {
        for (const auto &thing : m_things) {
            if (thing)
                visit(static_cast<const T &>(*thing));
        }
    }

private:
    std::vector<std::unique_ptr<T>> m_things;
};

} // namespace queuelab::exchange
