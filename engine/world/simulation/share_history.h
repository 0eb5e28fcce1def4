#pragma once

#include "engine/core/trace.h"
#include "engine/log/broker_io.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::world::simulation {

/// What consumers of share groups were given and said of it, as it is seen on the wire.
class ShareHistory {
public:
    using Place = std::pair<std::string, log::TopicPartition>; ///< group and partition
    struct Record {
        std::int32_t deliveries = 0;
        std::int16_t highestCount = 0; ///< as the broker counted
        bool isSettled = false; ///< accepted or rejected, and the broker has confirmed that
    };
    const std::map<Place, std::map<std::int64_t, Record>> &records() const { return m_records; }

    /// Something that may never happen.
    struct Breach {
        enum class Kind : std::uint8_t {
            AcquiredTwice, ///< two consumers have it at once
            DeliveredAfterSettled
        };
        Kind kind = Kind::AcquiredTwice;
        Place place;
        std::int64_t offset = 0;
        Instant at{};
    };
    const std::vector<Breach> &breaches() const { return m_breaches; }

    void request(const log::ClientRequest &request);
    void answer(NodeId broker, const log::Answer &answer);
    /// Records are acquired when the broker says so: its answer may leave long after, for it waits
    /// until what the same request acknowledged is stored. A fault, a new leader, a member that
    /// left may end locks.
    void event(const TraceEvent &event, const NameTable &names);

private:
    using Call = std::pair<ClientId, RequestId>;
    struct Asked {
        NameId consumer = kNoName;
        std::string group;
        std::map<log::TopicPartition, std::vector<log::AcknowledgementBatch>> acknowledged{};
    };
    struct Lock {
        NameId holder = kNoName;
        Instant until{};
    };
    void acquired(const TraceEvent &event, const Place &place);
    void asked(const log::ClientRequest &request, const std::string &group,
        std::int32_t sessionEpoch,
        const std::vector<std::pair<log::TopicPartition, std::vector<log::AcknowledgementBatch>>>
            &acknowledgements);
    void confirmed(const Asked &asked, const log::TopicPartition &partition);

    std::map<Place, std::map<std::int64_t, Record>> m_records;
    std::map<Place, std::map<std::int64_t, Lock>> m_locks;
    std::map<Call, Asked> m_asked;
    std::map<std::string, log::TopicPartition, std::less<>> m_partitions; // by name
    Duration m_lockTimeout{}; // as answers tell it
    std::map<std::string, std::string, std::less<>> m_leaders; // by partition: "broker-3"
    /// Breaches that count if it was the leader who gave the record: one that was replaced and has
    /// not heard of it gives records too, but nothing that is said of them can be stored.
    std::map<std::pair<Place, std::int64_t>, Breach> m_suspects;
    std::vector<Breach> m_breaches;
};

} // namespace queuelab::world::simulation
