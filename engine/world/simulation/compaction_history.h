#pragma once

#include "engine/log/broker_io.h"
#include "engine/world/simulation/scenario.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace queuelab::world::simulation {

/// Of each key of a compacted topic the newest record that was acknowledged.
class CompactionHistory {
public:
    using Batch =
        std::tuple<std::int64_t, std::int16_t, std::int32_t>; ///< producer id, epoch, sequence
    struct Key {
        std::int64_t newestOffset = -1; ///< -1: nothing was acknowledged
        bool isTombstone = false; ///< the newest
        /// Tombstones that were sent and not acknowledged, by the batches they were in: they may
        /// stand in the log.
        std::set<Batch> unsureTombstones{};
    };
    const std::map<log::TopicPartition, std::map<std::string, Key>> &keys() const { return m_keys; }

    void request(const log::ClientRequest &request, const log::ProduceRequest &produce,
        const Scenario &scenario);
    void answer(const log::Answer &answer, const log::ProduceResponse &response);

private:
    struct Record {
        std::string key;
        bool isTombstone = false;
    };
    struct Sent {
        Batch batch;
        std::vector<Record> records{};
    };
    std::map<log::TopicPartition, std::map<std::string, Key>> m_keys;
    std::map<std::pair<ClientId, RequestId>, std::map<log::TopicPartition, Sent>> m_sent;
};

} // namespace queuelab::world::simulation
