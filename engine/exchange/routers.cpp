#include "engine/exchange/exchange.h"

#include "engine/core/result.h"

#include <algorithm>

namespace queuelab::exchange {

void DirectRouter::remove(const std::string &key, BindingId binding)
{
    const auto found = m_byKey.find(key);
    invariant(found != m_byKey.end(), "a binding that is removed from a direct exchange is in it");
    std::erase(found->second, binding);
    if (found->second.empty())
        m_byKey.erase(found);
}

void DirectRouter::match(const RoutingInput &input, std::vector<BindingId> &out)
{
    for (const std::string_view key : input.keys) {
        if (const auto found = m_byKey.find(key); found != m_byKey.end())
            out.insert(out.end(), found->second.begin(), found->second.end());
    }
}

void FanoutRouter::remove(const std::string &, BindingId binding)
{
    const auto found = std::lower_bound(m_all.begin(), m_all.end(), binding);
    invariant(found != m_all.end() && *found == binding,
        "a binding that is removed from a fanout exchange is in it");
    m_all.erase(found);
}

void FanoutRouter::match(const RoutingInput &, std::vector<BindingId> &out)
{
    out.insert(out.end(), m_all.begin(), m_all.end());
}

void TopicRouter::match(const RoutingInput &input, std::vector<BindingId> &out)
{
    for (const std::string_view key : input.keys)
        m_trie.match(key, out);
}

void HeadersRouter::add(const std::string &, const FieldTable &arguments, BindingId binding)
{
    auto pattern = HeadersPattern::read(arguments);
    invariant(
        pattern.has_value(), "the arguments of a headers binding were checked before it is added");
    m_patterns.emplace(binding, std::move(*pattern));
}

void HeadersRouter::match(const RoutingInput &input, std::vector<BindingId> &out)
{
    for (const auto &[binding, pattern] : m_patterns) {
        if (pattern.matches(input.headers))
            out.push_back(binding);
    }
}

std::optional<Router> routerOfType(std::string_view type)
{
    if (type == "direct")
        return DirectRouter{};
    if (type == "fanout")
        return FanoutRouter{};
    if (type == "topic")
        return TopicRouter{};
    if (type == "headers")
        return HeadersRouter{};
    return std::nullopt;
}

} // namespace queuelab::exchange
