#pragma once

#include "engine/log/broker_io.h"
#include "engine/log/cluster_image.h"
#include "engine/log/deadlines.h"
#include "engine/log/group_config.h"
#include "engine/log/share_coordinator.h"
#include "engine/log/share_partition.h"
#include "engine/log/share_session.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace queuelab::log {

/// A share-partition: a group's view of a partition.
struct ShareKey {
    std::string group;
    TopicPartition partition;
    friend auto operator<=>(const ShareKey &, const ShareKey &) = default;
};

/// What a broker keeps of share groups: as the leader of partitions (sessions, share-partitions,
/// requests that wait), and as their share coordinator. A value.
struct BrokerShares {
    using CallId = std::uint64_t;

    /// A ShareFetch or ShareAcknowledge that is not answered yet: it waits for records, or for its
    /// acknowledgements to be stored.
    struct Call {
        Caller caller{};
        SharePartition::Member member{};
        std::string group{};
        std::size_t unstored = 0; ///< acknowledgements whose write is not done
        bool fetches = false; ///< waits for records of `wanted`
        bool hasFailed = false; ///< an error is to be told, records or not
        ShareFetchRequest limits{}; ///< how much it wants; of its partitions nothing
        std::vector<TopicPartition> wanted{}; ///< in the order in which they are read
        std::optional<Deadlines<CallId>::Handle> deadline{}; ///< while it is parked for records
        std::variant<ShareFetchResponse, ShareAcknowledgeResponse> response{};
    };
    /// A share-partition of a partition that this broker leads.
    struct Led {
        enum class Phase : std::uint8_t {
            Reading, ///< its state is asked for
            Starting, ///< the offset where it begins is being stored
            Active
        };
        /// The share coordinator, about its state: not at all, to be asked, or asked.
        enum class Asking : std::uint8_t { No, Due, Out };
        struct Awaited {
            SharePartition::WriteId write = 0;
            CallId call = 0;
        };
        SharePartition records;
        std::uint64_t life = 0; ///< tells it from an earlier one under the same key
        std::int32_t leaderEpoch = -1;
        Phase phase = Phase::Reading;
        std::int32_t stateEpoch = 0;
        std::int64_t startOffset = -1; ///< Starting
        Asking asking = Asking::No;
        std::int32_t failures = 0; ///< of that request, in a row
        std::vector<CallId> waiting{}; ///< fetches that wait for records, oldest first
        std::vector<Awaited> awaited{}; ///< acknowledgements, by write
        std::optional<Deadlines<ShareKey>::Handle> lockDeadline{};
    };

    explicit BrokerShares(const BrokerConfig &config)
        : sessions(config.shareMaxSessions)
        , coordinator(config)
    {
    }

    ShareSessions sessions;
    std::map<TopicPartition, std::map<std::string, Led>> led{}; ///< by partition, then group
    std::uint64_t nextLife = 1;
    std::map<std::string, GroupConfig> groupConfigs{}; ///< as far as asked for since they changed

    std::map<CallId, Call> calls{};
    CallId nextCall = 1;
    Deadlines<CallId> callDeadlines{};
    Deadlines<ShareKey> lockDeadlines{};
    std::set<CallId> callsToServe{}; ///< there may be something for them now
    std::vector<ShareKey> statesToAsk{}; ///< to be read or written
    Deadlines<ShareKey> stateRetries{};

    ShareCoordinator coordinator;
    std::set<std::int32_t> statesToLoad{}; ///< partitions of __share_group_state led, not read yet
    std::optional<Instant> nextPrune{}; ///< of records that nobody needs any more
};

} // namespace queuelab::log
