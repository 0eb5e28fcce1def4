#pragma once

#include <string_view>

namespace queuelab::exchange {

/// Walks the words of a topic key: split at every '.', the empty key has none, otherwise empty
/// words are words
/// ("a." is "a" and "", "." is two empty ones; facts: rabbitmq.md 2.1).
class TopicWords {
public:
    explicit TopicWords(std::string_view key)
        : m_rest(key)
        , m_more(!key.empty())
    {
    }

    bool atEnd() const { return !m_more; }
    /// Only when not at the end.
    std::string_view next()
    {
        const std::size_t dot = m_rest.find('.');
        const std::string_view word = m_rest.substr(0, dot);
        m_more = dot != std::string_view::npos;
        if (m_more)
            m_rest.remove_prefix(dot + 1);
        return word;
    }

private:
    std::string_view m_rest;
    bool m_more;
};

} // namespace queuelab::exchange
