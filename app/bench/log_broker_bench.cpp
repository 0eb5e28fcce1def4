#include "app/bench/log_broker_bench.h"

#include "app/bench/cpu_time.h"
#include "engine/core/memory_files.h"
#include "engine/core/posix_files.h"
#include "engine/log/assignor.h"
#include "engine/log/broker.h"
#include "engine/log/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

namespace queuelab::bench {
namespace {

constexpr std::int32_t kTopics = 10; // that share the partitions
constexpr std::size_t kMembers = 100;
constexpr std::int32_t kPartitionsOfGroup = 1'000;
constexpr int kProducedARun = 20'000;
constexpr rlim_t kOtherFiles = 64; // that the process has open beside the partitions'

std::string topicName(std::int32_t topic)
{
    return fmt::format("topic-{}", topic);
}

SharedBytes oneRecord()
{
    const Bytes value(100, std::uint8_t{'x'});
    log::BatchBuilder builder;
    builder.reset();
    builder.append(epochMillis(kVirtualStart), std::nullopt, ByteView(value));
    return builder.take();
}

/// A broker alone, with all that it needs around it.
class Node {
public:
    explicit Node(Files &files)
        : m_context{kVirtualStart, m_random, m_trace, files}
        , m_broker(NodeId{1}, log::BrokerConfig{})
    {
    }

    /// From nothing to a broker that serves.
    Result<void, Error> start()
    {
        if (const auto opened = m_broker.open(m_context); !opened)
            return std::unexpected(opened.error());
        wake();
        return {};
    }
    Result<void, Error> stop() { return m_broker.close(m_context); }
    void pass(Duration time) { m_context.now += time; }

    /// What has become due by now.
    const log::Effects &wake()
    {
        m_effects.clear();
        m_broker.apply(log::WakeUp{}, m_context, m_effects);
        return m_effects;
    }
    /// What the step has answered; those that were parked earlier and are answered now included.
    const log::Effects &ask(std::size_t client, log::Request request)
    {
        m_effects.clear();
        m_broker.apply(log::ClientRequest{ClientId{static_cast<std::uint32_t>(client)},
                           RequestId{m_nextRequest++}, std::move(request)},
            m_context, m_effects);
        return m_effects;
    }
    /// The only answer to a request that does not wait.
    template <class Response> const Response &askNow(log::Request request)
    {
        for (const log::Effect &effect : ask(0, std::move(request))) {
            if (const auto *answer = std::get_if<log::Answer>(&effect))
                return std::get<Response>(answer->response);
        }
        invariantBroken("a broker that is alone answers at once");
    }

    void createTopics(std::int32_t partitions)
    {
        for (std::int32_t topic = 0; topic < kTopics; ++topic) {
            log::CreateTopicsRequest request;
            request.topics.push_back(
                {.name = topicName(topic), .partitions = partitions / kTopics});
            const auto &created = askNow<log::CreateTopicsResponse>(std::move(request));
            invariant(created.topics.front().error == log::ErrorCode::None, "the topic is created");
        }
    }
    void produce(std::int32_t topic, std::int32_t partition, const SharedBytes &records)
    {
        log::ProduceRequest request;
        request.partitions.push_back({{topicName(topic), partition}, records});
        const auto &produced = askNow<log::ProduceResponse>(std::move(request));
        invariant(
            produced.partitions.front().error == log::ErrorCode::None, "the record is appended");
    }

private:
    Random m_random{1};
    Trace m_trace;
    Context m_context;
    log::Broker m_broker;
    log::Effects m_effects;
    std::uint64_t m_nextRequest = 1;
};

/// A group whose members all subscribe to all topics; the first of them leads.
class RebalancingGroup {
public:
    explicit RebalancingGroup(log::Assignor assignor)
        : m_assignor(assignor)
        , m_node(m_files)
    {
    }

    Result<void, Error> form()
    {
        if (const auto started = m_node.start(); !started)
            return started;
        m_node.createTopics(kPartitionsOfGroup);
        const auto &found = m_node.askNow<log::FindCoordinatorResponse>(
            log::FindCoordinatorRequest{.key = "group"});
        invariant(found.error == log::ErrorCode::None, "the group has a coordinator");
        std::vector<std::string> topics;
        for (std::int32_t topic = 0; topic < kTopics; ++topic) {
            topics.push_back(topicName(topic));
            m_partitionCounts[topics.back()] = kPartitionsOfGroup / kTopics;
        }
        m_members.assign(kMembers, {{}, {}, {topics, {}, -1, {}}});
        rebalance();
        return {};
    }

    /// One round: all join, the leader shares out, all are given their part.
    void rebalance()
    {
        log::JoinGroupResponse led;
        std::size_t joined = 0;
        const auto take = [&](const log::Effects &effects) {
            for (const log::Effect &effect : effects) {
                const auto *answer = std::get_if<log::Answer>(&effect);
                if (!answer)
                    continue;
                const auto &response = std::get<log::JoinGroupResponse>(answer->response);
                m_members[answer->client.value()].memberId = response.memberId;
                if (response.memberId == response.leader)
                    led = response;
                ++joined;
            }
        };
        for (std::size_t i = 0; i < kMembers; ++i)
            take(m_node.ask(i, joinOf(i)));
        while (joined < kMembers) { // the first time the coordinator waits for more of them
            m_node.pass(std::chrono::seconds{1});
            take(m_node.wake());
        }
        share(led);
    }

private:
    log::JoinGroupRequest joinOf(std::size_t member) const
    {
        log::JoinGroupRequest join{.group = "group", .memberId = m_members[member].memberId};
        join.clientId = fmt::format("worker-{}", member);
        join.memberIdRequired = false;
        join.protocols = {{std::string(log::assignorName(m_assignor)),
            log::encodeSubscription(m_members[member].subscription)}};
        return join;
    }

    void share(const log::JoinGroupResponse &led)
    {
        std::vector<log::GroupMember> subscribed;
        for (const log::JoinGroupResponse::Member &member : led.members) {
            subscribed.push_back({member.memberId, member.groupInstanceId,
                log::decodeSubscription(member.metadata.view()).value()});
        }
        const log::Assignments shared = log::assign(m_assignor, subscribed, m_partitionCounts);
        std::vector<log::SyncGroupRequest::Assignment> encoded;
        for (const auto &[member, partitions] : shared)
            encoded.push_back({member, log::encodeAssignment(partitions)});
        std::size_t synced = 0;
        for (std::size_t i = 0; i < kMembers; ++i) {
            const bool leads = m_members[i].memberId == led.leader;
            const log::Effects &effects = m_node.ask(i,
                log::SyncGroupRequest{.group = "group",
                    .generation = led.generation,
                    .memberId = m_members[i].memberId,
                    .assignments = leads ? std::move(encoded) : decltype(encoded){}});
            for (const log::Effect &effect : effects) {
                const auto *answer = std::get_if<log::Answer>(&effect);
                if (!answer)
                    continue;
                const auto &response = std::get<log::SyncGroupResponse>(answer->response);
                log::Subscription &owns = m_members[answer->client.value()].subscription;
                owns.owned = log::decodeAssignment(response.assignment.view()).value();
                owns.generation = led.generation;
                ++synced;
            }
        }
        invariant(synced == kMembers, "every member is given its part");
    }

    log::Assignor m_assignor;
    MemoryFiles m_files;
    Node m_node;
    std::vector<log::GroupMember> m_members; // by client
    std::map<std::string, std::int32_t> m_partitionCounts;
};

Result<std::vector<Figure>, Error> benchRebalance(int rounds)
{
    RebalancingGroup range(log::Assignor::Range);
    RebalancingGroup cooperative(log::Assignor::CooperativeSticky);
    for (RebalancingGroup *group : {&range, &cooperative}) {
        if (const auto formed = group->form(); !formed)
            return std::unexpected(formed.error());
    }
    const auto run = [](RebalancingGroup &group) {
        constexpr int kTimes = 10;
        const auto before = cpuTime();
        for (int i = 0; i < kTimes; ++i)
            group.rebalance();
        return Result<double, Error>(
            std::chrono::duration<double, std::micro>(cpuTime() - before).count() / kTimes);
    };
    const std::array<Contender, 2> contenders{
        Contender{"rebalance, 100 members on 1,000 partitions, range", "us CPU",
            [&] { return run(range); }, 0},
        Contender{"rebalance, 100 members on 1,000 partitions, cooperative-sticky", "us CPU",
            [&] { return run(cooperative); }, 1},
    };
    return measureInterleaved(contenders, rounds);
}

Result<std::vector<Figure>, Error> benchProduce(const LogBrokerBenchOptions &options)
{
    MemoryFiles fewFiles;
    MemoryFiles manyFiles;
    Node few(fewFiles);
    Node many(manyFiles);
    for (Node *node : {&few, &many}) {
        if (const auto started = node->start(); !started)
            return std::unexpected(started.error());
    }
    few.createTopics(kTopics);
    many.createTopics(options.partitions);
    const SharedBytes records = oneRecord();
    const auto run = [&](Node &node) {
        const auto before = cpuTime();
        for (int i = 0; i < kProducedARun; ++i) {
            node.pass(std::chrono::milliseconds{1});
            node.produce(0, 0, records);
        }
        return Result<double, Error>(
            std::chrono::duration<double, std::nano>(cpuTime() - before).count() / kProducedARun);
    };
    const std::array<Contender, 2> contenders{
        Contender{fmt::format("produce a record, {} partitions there", kTopics), "ns CPU",
            [&] { return run(few); }, 0},
        Contender{fmt::format("produce a record, {} partitions there", options.partitions),
            "ns CPU", [&] { return run(many); }, 0},
    };
    return measureInterleaved(contenders, options.rounds);
}

/// Bytes of this process in memory now, what is free but not given back left out.
std::int64_t residentBytes()
{
    ::malloc_trim(0);
    std::ifstream statm("/proc/self/statm");
    std::int64_t all = 0;
    std::int64_t resident = 0;
    statm >> all >> resident;
    return resident * ::sysconf(_SC_PAGESIZE);
}

/// What one start of a broker has cost.
struct Start {
    double milliseconds = 0;
    double megabytes = 0;
};

Result<Start, Error> startOnce(Files &files, bool stopInOrder)
{
    const std::int64_t residentBefore = residentBytes();
    Node node(files);
    const auto before = std::chrono::steady_clock::now();
    if (const auto started = node.start(); !started)
        return std::unexpected(started.error());
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - before;
    const Start start{took.count(), static_cast<double>(residentBytes() - residentBefore) / 1e6};
    if (stopInOrder) {
        if (const auto stopped = node.stop(); !stopped)
            return std::unexpected(stopped.error());
    }
    return start;
}

/// Partitions of one record each, on a broker that is stopped in order.
Result<void, Error> fill(Files &files, std::int32_t partitions)
{
    Node node(files);
    if (const auto started = node.start(); !started)
        return started;
    node.createTopics(partitions);
    const SharedBytes records = oneRecord();
    for (std::int32_t topic = 0; topic < kTopics; ++topic) {
        for (std::int32_t partition = 0; partition < partitions / kTopics; ++partition)
            node.produce(topic, partition, records);
    }
    return node.stop();
}

/// Where a broker's files are, as another life of it finds them.
using OpenFiles = std::function<Result<std::shared_ptr<Files>, Error>()>;

Result<std::vector<Figure>, Error> benchStart(
    std::string_view where, const OpenFiles &open, const LogBrokerBenchOptions &options)
{
    {
        const auto files = open();
        if (!files)
            return std::unexpected(files.error());
        if (const auto filled = fill(**files, options.partitions); !filled)
            return std::unexpected(filled.error());
    }
    double megabytes = 0;
    const auto run = [&](bool stopInOrder) -> Result<double, Error> {
        const auto files = open();
        if (!files)
            return std::unexpected(files.error());
        const auto started = startOnce(**files, stopInOrder);
        if (!started)
            return std::unexpected(started.error());
        megabytes = started->megabytes;
        return started->milliseconds;
    };
    // The life that is killed leaves to the next one what must be recovered; that one stops in
    // order for the round after it.
    const std::array<Contender, 3> contenders{
        Contender{fmt::format("start with {} partitions on {}", options.partitions, where), "ms",
            [&] { return run(false); }, 0},
        Contender{
            fmt::format("memory of a broker with {} partitions on {}", options.partitions, where),
            "MB", [&] { return Result<double, Error>(megabytes); }, 1},
        Contender{
            fmt::format("start after a kill with {} partitions on {}", options.partitions, where),
            "ms", [&] { return run(true); }, 2},
    };
    return measureInterleaved(contenders, options.rounds);
}

/// The limit of open files is often low, and may be raised by whoever needs more.
void raiseOpenFiles(std::int32_t partitions)
{
    rlimit limit{};
    const rlim_t wanted = static_cast<rlim_t>(partitions) + kOtherFiles;
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = std::min(wanted, limit.rlim_max);
        (void)::setrlimit(RLIMIT_NOFILE, &limit); // opening says what is missing
    }
}

Result<std::vector<Figure>, Error> benchStartOnDirectory(const LogBrokerBenchOptions &options)
{
    raiseOpenFiles(options.partitions);
    const std::string root =
        fmt::format("{}/queuelab-bench-broker-{}", options.directory, ::getpid());
    auto figures = benchStart(
        "files", [&]() -> Result<std::shared_ptr<Files>, Error> { return PosixFiles::open(root); },
        options);
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
    return figures;
}

Result<std::vector<Figure>, Error> benchStartInMemory(const LogBrokerBenchOptions &options)
{
    const auto files = std::make_shared<MemoryFiles>();
    return benchStart(
        "files in memory",
        [&]() -> Result<std::shared_ptr<Files>, Error> {
            files->closeAll(""); // as a process does that ends
            return files;
        },
        options);
}

} // namespace

Result<std::vector<Figure>, Error> benchLogBroker(const LogBrokerBenchOptions &options)
{
    std::vector<Figure> all;
    const std::array<std::function<Result<std::vector<Figure>, Error>()>, 4> parts{
        [&] { return benchRebalance(options.rounds); },
        [&] { return benchProduce(options); },
        [&] { return benchStartOnDirectory(options); },
        [&] { return benchStartInMemory(options); },
    };
    for (const auto &part : parts) {
        auto figures = part();
        if (!figures)
            return figures;
        std::ranges::move(*figures, std::back_inserter(all));
    }
    return all;
}

} // namespace queuelab::bench
