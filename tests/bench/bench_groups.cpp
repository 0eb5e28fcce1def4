#include "engine/core/memory_files.h"
#include "engine/log/assignor.h"
#include "engine/log/group_coordinator.h"

#include <benchmark/benchmark.h>

using namespace queuelab;
using namespace queuelab::log;

namespace {

/// Members of one group that all subscribe to the same topics.
struct Population {
    std::vector<GroupMember> members;
    std::map<std::string, std::int32_t> partitionCounts;
};

Population populationOf(int members, int topics, int partitionsEach)
{
    Population population;
    std::vector<std::string> names;
    for (int i = 0; i < topics; ++i) {
        names.push_back("topic-" + std::to_string(i));
        population.partitionCounts[names.back()] = partitionsEach;
    }
    for (int i = 0; i < members; ++i) {
        std::string id = "worker-" + std::to_string(i) + "-00000000-0000-4000-8000-000000000000";
        population.members.push_back({std::move(id), {}, {names, {}, -1, {}}});
    }
    return population;
}

/// They rejoin with what they were given in generation `generation`.
void rejoin(
    std::vector<GroupMember> &members, const Assignments &assignments, std::int32_t generation)
{
    for (GroupMember &member : members) {
        const auto owned = assignments.find(member.memberId);
        if (owned == assignments.end())
            continue;
        member.subscription.owned = owned->second;
        member.subscription.generation = generation;
        member.subscription.userData = encodeStickyUserData({owned->second, generation});
    }
}

/// The leader's computation when nobody owns anything yet.
void assignFresh(benchmark::State &state, Assignor assignor)
{
    const auto topics = static_cast<int>(state.range(1));
    const Population population =
        populationOf(static_cast<int>(state.range(0)), topics, 1'000 / topics);
    for (auto _ : state)
        benchmark::DoNotOptimize(assign(assignor, population.members, population.partitionCounts));
}
BENCHMARK_CAPTURE(assignFresh, range, Assignor::Range)->Args({100, 1})->Args({100, 10});
BENCHMARK_CAPTURE(assignFresh, roundrobin, Assignor::RoundRobin)->Args({100, 1})->Args({100, 10});
BENCHMARK_CAPTURE(assignFresh, sticky, Assignor::Sticky)->Args({100, 1})->Args({100, 10});
BENCHMARK_CAPTURE(assignFresh, cooperative, Assignor::CooperativeSticky)
    ->Args({100, 1})
    ->Args({100, 10});

/// One member has joined a group in which everybody owns something.
void assignAfterAJoin(benchmark::State &state, Assignor assignor)
{
    const auto members = static_cast<int>(state.range(0));
    const auto topics = static_cast<int>(state.range(1));
    Population population = populationOf(members, topics, 1'000 / topics);
    const GroupMember last = population.members.back();
    population.members.pop_back();
    rejoin(population.members, assign(assignor, population.members, population.partitionCounts), 1);
    population.members.push_back(last);
    for (auto _ : state)
        benchmark::DoNotOptimize(assign(assignor, population.members, population.partitionCounts));
}
BENCHMARK_CAPTURE(assignAfterAJoin, sticky, Assignor::Sticky)->Args({100, 1})->Args({100, 10});
BENCHMARK_CAPTURE(assignAfterAJoin, cooperative, Assignor::CooperativeSticky)
    ->Args({100, 1})
    ->Args({100, 10});

/// Half of the members subscribe to half of the topics: the general algorithm.
void assignUnequal(benchmark::State &state, bool owning)
{
    Population population = populationOf(100, 10, 100);
    for (std::size_t i = 0; i < population.members.size(); i += 2)
        population.members[i].subscription.topics.resize(5);
    if (owning) {
        const GroupMember last = population.members.back();
        population.members.pop_back();
        rejoin(population.members,
            assign(Assignor::CooperativeSticky, population.members, population.partitionCounts), 1);
        population.members.push_back(last);
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            assign(Assignor::CooperativeSticky, population.members, population.partitionCounts));
    }
}
BENCHMARK_CAPTURE(assignUnequal, fresh, false);
BENCHMARK_CAPTURE(assignUnequal, afterAJoin, true);

/// A whole round on the broker and at the leader: everybody joins, the leader decodes the
/// subscriptions and shares out, everybody syncs, the assignment is written.
void rebalance(benchmark::State &state, Assignor assignor)
{
    const auto count = static_cast<std::size_t>(state.range(0));
    const Population population = populationOf(static_cast<int>(count), 10, 100);
    MemoryFiles files;
    Random random(1);
    Trace trace;
    Context context{kVirtualStart, random, trace, files};
    BrokerConfig config;
    config.offsetsTopicPartitions = 1;
    GroupCoordinator coordinator(config);
    const auto log = PartitionLog::open("offsets-0", {}, true, context, nullptr);
    coordinator.load(0, *log, 0, context).value();

    std::vector<JoinGroupRequest> joins(count);
    for (std::size_t i = 0; i < count; ++i) {
        joins[i].group = "g";
        joins[i].clientId = "worker-" + std::to_string(i);
        joins[i].memberIdRequired = false;
    }
    std::vector<GroupMember> members = population.members;
    std::vector<Effect> effects;
    std::vector<GroupCoordinator::Write> writes;
    const auto settle = [&] {
        writes.clear();
        coordinator.takeWrites(writes);
        for (const GroupCoordinator::Write &write : writes)
            coordinator.written(write.id, ErrorCode::None, context, effects);
    };
    const auto round = [&](bool first) {
        effects.clear();
        for (std::size_t i = 0; i < count; ++i) {
            joins[i].protocols = {
                {std::string(assignorName(assignor)), encodeSubscription(members[i].subscription)}};
            coordinator.join({ClientId{static_cast<std::uint32_t>(i)}, RequestId{i}}, joins[i],
                context, effects);
            settle();
        }
        while (first && effects.size() < count) {
            context.now = *coordinator.nextDeadline();
            coordinator.expire(context, effects);
        }
        JoinGroupResponse led;
        for (Effect &effect : effects) {
            Answer &answer = std::get<Answer>(effect);
            auto &joined = std::get<JoinGroupResponse>(answer.response);
            const auto index = static_cast<std::size_t>(answer.id.value());
            joins[index].memberId = members[index].memberId = joined.memberId;
            if (joined.leader == joined.memberId)
                led = std::move(joined);
        }
        std::vector<GroupMember> subscribed;
        for (const JoinGroupResponse::Member &member : led.members) {
            subscribed.push_back({member.memberId, member.groupInstanceId,
                decodeSubscription(member.metadata.view()).value()});
        }
        const Assignments assignments = assign(assignor, subscribed, population.partitionCounts);
        std::vector<SyncGroupRequest::Assignment> encoded;
        for (const auto &[id, partitions] : assignments)
            encoded.push_back({id, encodeAssignment(partitions)});
        effects.clear();
        for (std::size_t i = 0; i < count; ++i) {
            const bool leads = joins[i].memberId == led.memberId;
            coordinator.sync({ClientId{static_cast<std::uint32_t>(i)}, RequestId{i}},
                {"g", led.generation, joins[i].memberId, {},
                    leads ? encoded : std::vector<SyncGroupRequest::Assignment>{}},
                context, effects);
            settle();
        }
        invariant(effects.size() == count, "everybody has an assignment");
        rejoin(members, assignments, led.generation);
    };
    round(true);
    for (auto _ : state)
        round(false);
}
BENCHMARK_CAPTURE(rebalance, range, Assignor::Range)
    ->Arg(100)
    ->Arg(400)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rebalance, cooperative, Assignor::CooperativeSticky)
    ->Arg(100)
    ->Arg(400)
    ->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
