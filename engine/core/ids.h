#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace queuelab {

/// A number that names one kind of thing: an Offset is not a PartitionId. No default value, no
/// implicit conversion.
template <class Tag, class Rep = std::int64_t> class StrongId {
public:
    using Value = Rep;
    constexpr explicit StrongId(Rep value)
        : m_value(value)
    {
    }
    constexpr Rep value() const { return m_value; }
    friend constexpr auto operator<=>(const StrongId &, const StrongId &) = default;

private:
    Rep m_value;
};

/// A broker in its cluster, numbered from 1 as people number brokers.
using NodeId = StrongId<struct NodeTag, std::int32_t>;
/// One client of an engine: a simulated actor, the learner's own hand, or a connection on a socket.
using ClientId = StrongId<struct ClientTag, std::uint32_t>;
/// Pairs an answer with its request; chosen by the client, unique per client.
using RequestId = StrongId<struct RequestTag, std::uint64_t>;

} // namespace queuelab

template <class Tag, class Rep> struct std::hash<queuelab::StrongId<Tag, Rep>> {
    std::size_t operator()(const queuelab::StrongId<Tag, Rep> &id) const
    {
        return std::hash<Rep>{}(id.value());
    }
};
