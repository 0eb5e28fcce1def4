#pragma once

#include "engine/core/trace.h"
#include "engine/exchange/headers_match.h"
#include "engine/exchange/message.h"
#include "engine/exchange/text_map.h"
#include "engine/exchange/topic_trie.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace queuelab::exchange {

/// What an exchange routes by: the keys of a message (more than one with CC or BCC) and its
/// headers.
struct RoutingInput {
    std::span<const std::string_view> keys;
    const FieldTable &headers;
};

// How each type finds the bindings that match. All have add, remove and match; match appends, and
// may name a binding once for each key.

class DirectRouter {
public:
    void add(const std::string &key, const FieldTable &, BindingId binding)
    {
        m_byKey[key].push_back(binding);
    }
    void remove(const std::string &key, BindingId binding);
    void match(const RoutingInput &input, std::vector<BindingId> &out);

private:
    TextMap<std::vector<BindingId>> m_byKey;
};

class FanoutRouter {
public:
    void add(const std::string &, const FieldTable &, BindingId binding)
    {
        m_all.push_back(binding);
    }
    void remove(const std::string &, BindingId binding);
    void match(const RoutingInput &, std::vector<BindingId> &out);

private:
    std::vector<BindingId> m_all; // rising, as binding numbers rise
};

class TopicRouter {
public:
    void add(const std::string &key, const FieldTable &, BindingId binding)
    {
        m_trie.add(key, binding);
    }
    void remove(const std::string &key, BindingId binding) { m_trie.remove(key, binding); }
    void match(const RoutingInput &input, std::vector<BindingId> &out);

private:
    TopicTrie m_trie;
};

class HeadersRouter {
public:
    /// `arguments` passed HeadersPattern::read before.
    void add(const std::string &, const FieldTable &arguments, BindingId binding);
    void remove(const std::string &, BindingId binding) { m_patterns.erase(binding); }
    void match(const RoutingInput &input, std::vector<BindingId> &out);

private:
    std::map<BindingId, HeadersPattern> m_patterns;
};

using Router = std::variant<DirectRouter, FanoutRouter, TopicRouter, HeadersRouter>;
/// Nothing when there is no such type.
std::optional<Router> routerOfType(std::string_view type);

/// An end of a binding: a queue or an exchange.
using Destination = std::variant<QueueId, ExchangeId>;

/// What makes a binding of an exchange this one: where it leads, its key, its arguments.
using BindingKey = std::tuple<Destination, std::string, std::string>;

struct Binding {
    BindingId id{0};
    ExchangeId source{0};
    Destination destination;
    std::string routingKey{};
    FieldTable arguments{};
    std::uint64_t matched = 0;
    Instant lastMatch{};
};

struct Exchange {
    ExchangeId id{0};
    std::string name;
    ExchangeNameId nameId{0};
    NameId traceName = kNoName;
    std::string type;
    bool durable = false;
    bool autoDelete = false;
    bool internal = false;
    bool system = false; ///< predeclared: cannot be deleted
    FieldTable arguments;
    std::optional<std::string> alternate; ///< alternate-exchange; may not exist

    Router router;
    std::map<BindingKey, BindingId> bindings; ///< from here
    std::set<BindingId> bindingsTo; ///< from other exchanges to here
    std::uint64_t routeMark = 0; ///< the routing that visited it last

    std::uint64_t publishedIn = 0;
    std::uint64_t publishedOut = 0;
    std::uint64_t unroutable = 0;
};

} // namespace queuelab::exchange
