#pragma once

#include "engine/visibility/queue.h"
#include "engine/visibility/service.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace queuelab::visibility {

/// The names of the clients that ever asked for something, each once, so that a message in flight
/// says who holds it in four bytes.
class ClientNames {
public:
    ClientNumber number(const std::string &name)
    {
        const auto [known, isNew] =
            m_numbers.try_emplace(name, static_cast<ClientNumber>(m_names.size()));
        if (isNew)
            m_names.push_back(name);
        return known->second;
    }
    const std::string &name(ClientNumber number) const { return m_names[number]; }

private:
    std::vector<std::string> m_names;
    std::map<std::string, ClientNumber> m_numbers;
};

/// Numbers a queue; a queue of the same name made later has another one.
using QueueId = StrongId<struct QueueTag, std::uint64_t>;

/// All that a Service knows; a value.
struct ServiceState {
    explicit ServiceState(ServiceConfig serviceConfig)
        : config(std::move(serviceConfig))
    {
    }

    ServiceConfig config;
    ClientNames clients;
    std::map<QueueId, Queue> queues;
    std::map<std::string, QueueId, std::less<>> queueIds;
    std::map<QueueId, Instant> dueOf; ///< of each queue that has something to do by itself
    std::set<std::pair<Instant, QueueId>> schedule; ///< the same by time
    std::uint64_t nextQueue = 0;
    std::uint64_t nextMessage = 1; ///< number of the next message, of any queue
    std::optional<Instant> wakeAsked; ///< the earliest WakeAt that has not come back yet
};

} // namespace queuelab::visibility
