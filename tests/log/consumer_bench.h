#pragma once

#include "client_fixture.h"

#include "engine/log/consumer.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::log::testing {

inline const TopicPartition kFirst{"orders", 0};
inline const TopicPartition kSecond{"orders", 1};

inline SharedBytes batchOf(std::int64_t baseOffset, int records, std::int32_t leaderEpoch)
{
    BatchBuilder builder;
    builder.reset(baseOffset);
    for (int i = 0; i < records; ++i)
        builder.append(0, {}, asBytes(std::to_string(baseOffset + i)));
    Bytes bytes(builder.finish().begin(), builder.finish().end());
    BatchHeader header = *readBatchHeader(bytes);
    header.partitionLeaderEpoch = leaderEpoch; // outside the CRC
    writeBatchHeader(bytes.data(), header);
    return SharedBytes(std::move(bytes));
}

/// A consumer alone in its group, owning both partitions of "orders"; broker 1 is the coordinator
/// and leads the first, broker 2 leads the second. The test answers fetches and commits.
class ConsumerBench : public ClientBench {
public:
    explicit ConsumerBench(ConsumerConfig config = settings())
        : consumer("worker", std::move(config))
    {
        Context base = context();
        consumer.start(base, effects);
        settle();
        poll();
        settle();
    }

    static ConsumerConfig settings()
    {
        ConsumerConfig config;
        config.group = "billing";
        config.topics = {"orders"};
        config.enableAutoCommit = false;
        config.autoOffsetReset = OffsetReset::Earliest;
        config.bootstrapServers = {NodeId{1}, NodeId{2}, NodeId{3}};
        return config;
    }

    /// Answers everything that needs no decision of the test.
    void settle()
    {
        for (bool any = true; any;) {
            any = false;
            const auto reply = [&](RequestId id, const Response &response) {
                any = true;
                Context base = context();
                consumer.apply(id, response, base, effects);
            };
            for (const auto &sent : take<MetadataRequest>()) {
                MetadataResponse response;
                response.brokers = {1, 2, 3};
                response.topics.push_back(describeTopic("orders", leaders, epoch));
                reply(sent.id, response);
            }
            for (const auto &sent : take<FindCoordinatorRequest>()) {
                ++coordinatorLookups;
                reply(sent.id, FindCoordinatorResponse{ErrorCode::None, coordinator});
            }
            for (const auto &sent : take<JoinGroupRequest>()) {
                JoinGroupResponse response;
                response.generation = ++generation;
                response.protocolName = sent.request.protocols.front().name;
                response.leader = response.memberId = "me";
                response.members.push_back({"me", {}, sent.request.protocols.front().metadata});
                reply(sent.id, response);
            }
            for (const auto &sent : take<SyncGroupRequest>()) {
                reply(sent.id,
                    SyncGroupResponse{
                        ErrorCode::None, "range", sent.request.assignments.at(0).assignment});
            }
            for (const auto &sent : take<HeartbeatRequest>())
                reply(sent.id, HeartbeatResponse{});
            for (const auto &sent : take<OffsetFetchRequest>()) {
                OffsetFetchResponse response;
                offsetFetches.push_back(sent.request);
                for (const TopicPartition &partition : *sent.request.partitions)
                    response.partitions.push_back({partition, ErrorCode::None, 0, {}});
                if (unstable > 0) {
                    --unstable;
                    response.partitions.front().error = ErrorCode::UnstableOffsetCommit;
                }
                reply(sent.id, response);
            }
        }
    }
    void advance(Duration by)
    {
        now += by;
        Context base = context();
        consumer.wake(base, effects);
        settle();
    }
    void lose(std::int32_t broker)
    {
        Context base = context();
        consumer.connectionLost(NodeId{broker}, base, effects);
    }
    void answer(RequestId id, const Response &response)
    {
        Context base = context();
        consumer.apply(id, response, base, effects);
    }
    /// Answers the fetch that asks for `partition`.
    void answerFetch(const TopicPartition &partition, FetchResponse::Partition result)
    {
        for (const auto &sent : take<FetchRequest>()) {
            fetched = sent.request;
            if (sent.request.partitions.front().partition != partition)
                continue;
            result.partition = partition;
            answer(sent.id, FetchResponse{{result}});
        }
    }
    void give(const TopicPartition &partition, std::int64_t offset, int records)
    {
        FetchResponse::Partition result;
        result.records = {batchOf(offset, records, epoch)};
        result.highWatermark = offset + records;
        answerFetch(partition, result);
    }
    std::vector<std::string> poll()
    {
        std::vector<std::string> values;
        Context base = context();
        consumer.poll(base, effects, [&](const TopicPartition &, const RecordView &record) {
            values.emplace_back(asText(*record.value));
        });
        return values;
    }
    void commit()
    {
        Context base = context();
        consumer.commit(base, effects);
    }
    std::int64_t position(const TopicPartition &partition) const
    {
        for (const Consumer::Position &position : consumer.positions()) {
            if (position.partition == partition)
                return position.position;
        }
        return -1;
    }

    Consumer consumer;
    std::vector<std::int32_t> leaders{1, 2};
    std::int32_t epoch = 3;
    std::int32_t coordinator = 1;
    std::int32_t generation = 0;
    int coordinatorLookups = 0;
    std::vector<OffsetFetchRequest> offsetFetches;
    int unstable = 0; ///< so many lookups of commits meet a transaction that has not ended
    FetchRequest fetched;
};

} // namespace queuelab::log::testing
