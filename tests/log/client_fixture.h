#pragma once

#include "engine/core/context.h"
#include "engine/core/memory_files.h"
#include "engine/log/client.h"
#include "engine/log/record_batch.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::log::testing {

/// What a client under test is handed, and what it wants done: the test itself plays the brokers.
class ClientBench {
public:
    Instant now = kVirtualStart;
    Random random{1};
    Trace trace;
    MemoryFiles files;
    ClientEffects effects;

    Context context() { return {now, random, trace, files}; }

    /// Takes out the requests of one kind that were sent since.
    template <class Wanted> struct Sent {
        NodeId broker;
        RequestId id;
        Wanted request;
    };
    template <class Wanted> std::vector<Sent<Wanted>> take()
    {
        std::vector<Sent<Wanted>> taken;
        std::erase_if(effects, [&](ClientEffect &effect) {
            auto *sent = std::get_if<SendRequest>(&effect);
            if (!sent || !std::holds_alternative<Wanted>(sent->request))
                return false;
            taken.push_back({sent->broker, sent->id, std::get<Wanted>(std::move(sent->request))});
            return true;
        });
        return taken;
    }
};

/// A topic whose partition n is led by leaders[n], all in one leader epoch.
inline TopicMetadata describeTopic(
    const std::string &name, const std::vector<std::int32_t> &leaders, std::int32_t epoch)
{
    TopicMetadata topic;
    topic.name = name;
    for (const std::int32_t leader : leaders) {
        PartitionMetadata &partition = topic.partitions.emplace_back();
        partition.partition = static_cast<std::int32_t>(topic.partitions.size()) - 1;
        partition.leader = leader;
        partition.leaderEpoch = epoch;
    }
    return topic;
}

} // namespace queuelab::log::testing
