#include "engine/world/hand.h"

#include "engine/log/events.h"
#include "engine/log/record_batch.h"

#include <fmt/format.h>

#include <array>
#include <limits>

namespace queuelab::world {

// Your commands to the log. Each is an errand: ask a broker, look at the answer, ask the next. With
// one broker all answers are there at once and the errand ends where it began. In a cluster an
// answer may need a round trip between brokers, or there may be no controller or leader at the
// moment: then the errand stays at the head of your line, and what you want of the log next waits
// behind it.

namespace {

/// How often an errand looks again when no controller or leader is there.
constexpr Duration kRetryInterval = std::chrono::milliseconds{100};
/// An errand that has not got on for so long fails with the reason it did not.
constexpr Duration kPatience = std::chrono::seconds{30};
/// In a world so young a create-topic waits for the brokers that are about to join.
constexpr Duration kJoinTime = std::chrono::seconds{30};
constexpr std::size_t kBatchBytes = 16'384; // batch.size of Kafka's producer

/// Ask this broker that.
struct Ask {
    NodeId node;
    log::Request request;
};
/// Nobody can be asked at the moment, and why.
struct Wait {
    CommandError reason;
};
/// It is over.
struct Over {
    Outcome outcome;
};
using Plan = std::variant<Ask, Wait, Over>;

Wait waitFor(log::ErrorCode error, std::string message)
{
    return {CommandError{std::string(log::errorName(error)), std::move(message)}};
}

/// Decides the steps of one errand.
class Errands {
public:
    explicit Errands(World::State &world)
        : m_world(world)
    {
    }

    /// What to do next, nothing being out.
    Plan plan(Errand &errand)
    {
        if (!anyoneLives())
            return Over{refused(log::ErrorCode::NetworkException,
                m_world.logNodes.size() == 1
                    ? fmt::format("{} is down; restart it first", m_world.logNodes.front().name)
                    : std::string("every broker is down; restart one first"))};
        return std::visit(
            [&](const auto &command) { return planOf(command, errand); }, errand.command);
    }

    /// The answer to what was asked last; nothing when there is more to ask.
    std::optional<Plan> judge(Errand &errand, const log::Response &response)
    {
        return std::visit([&](const auto &command) { return judgeOf(command, errand, response); },
            errand.command);
    }

private:
    bool anyoneLives() const { return std::ranges::any_of(m_world.logNodes, &LogNode::alive); }

    /// The active controller; it answers faster than a broker that has to forward to it.
    Plan askController(log::Request request) const
    {
        const std::int32_t controller = m_world.logSnapshot().controller;
        if (controller < 1 || !m_world.nodeOf(NodeId{controller}).alive)
            return waitFor(log::ErrorCode::NotController, "there is no active controller");
        return Ask{NodeId{controller}, std::move(request)};
    }

    Plan askLeader(const log::TopicPartition &partition, log::Request request) const
    {
        const log::ClusterSnapshot log = m_world.logSnapshot();
        const auto topic =
            std::ranges::find(log.topics, partition.topic, &log::TopicSnapshot::name);
        if (topic == log.topics.end()
            || partition.partition >= static_cast<std::int32_t>(topic->partitions.size()))
            return Over{refusal(log::ErrorCode::UnknownTopicOrPartition, partition.topic)};
        const std::int32_t leader =
            topic->partitions[static_cast<std::size_t>(partition.partition)].leader;
        if (leader < 1 || !m_world.nodeOf(NodeId{leader}).alive)
            return waitFor(log::ErrorCode::LeaderNotAvailable,
                fmt::format("{} has no leader at the moment", partition.name()));
        return Ask{NodeId{leader}, std::move(request)};
    }

    std::vector<std::string> topicNames() const
    {
        std::vector<std::string> names;
        for (const log::TopicSnapshot &topic : m_world.logSnapshot().topics)
            names.push_back(topic.name);
        return names;
    }

    Outcome refusal(
        log::ErrorCode error, const std::string &topic, std::string_view message = {}) const
    {
        if (error == log::ErrorCode::None)
            return {};
        std::string text(message);
        if (text.empty())
            text = fmt::format("the broker refused it for topic '{}'", topic);
        if (error == log::ErrorCode::UnknownTopicOrPartition)
            text = withNearest(fmt::format("there is no such topic or partition of '{}'", topic),
                topic, topicNames());
        return refused(error, std::move(text));
    }

    /// A definite no of a broker that is no longer the right one: look for the right one again.
    static bool isWrongBroker(log::ErrorCode error)
    {
        return error == log::ErrorCode::NotController
            || error == log::ErrorCode::NotLeaderOrFollower
            || error == log::ErrorCode::LeaderNotAvailable
            || error == log::ErrorCode::NotCoordinator
            || error == log::ErrorCode::CoordinatorNotAvailable
            || error == log::ErrorCode::CoordinatorLoadInProgress
            || error == log::ErrorCode::BrokerIdNotRegistered;
    }
    Plan end(log::ErrorCode error, const std::string &topic, std::string_view message = {}) const
    {
        if (isWrongBroker(error))
            return waitFor(error, "the broker that was asked is not the right one any more");
        return Over{refusal(error, topic, message)};
    }

    /// A broker that the cluster, which has just started, still waits for. A topic that is created
    /// before would find too few brokers, or be on one of them alone.
    const LogNode *joiningNode() const
    {
        if (m_world.now - m_world.start >= kJoinTime)
            return nullptr;
        for (const log::BrokerSnapshot &broker : m_world.logSnapshot().brokers) {
            const LogNode &node = m_world.nodeOf(NodeId{broker.id});
            if (node.alive && broker.isFenced && node.isolation == Isolation::None)
                return &node;
        }
        return nullptr;
    }

    /// The same of a partition's leader, who may not have heard yet of a topic that the controller
    /// has just created: that the topic exists was looked up before it was asked.
    Plan endAtLeader(
        log::ErrorCode error, const std::string &topic, std::string_view message = {}) const
    {
        if (error == log::ErrorCode::UnknownTopicOrPartition)
            return waitFor(error, "the leader does not know the topic yet");
        return end(error, topic, message);
    }

    // Admin commands: one request to the controller.

    Plan planOf(const CreateTopic &command, Errand &)
    {
        if (const LogNode *missing = joiningNode())
            return waitFor(log::ErrorCode::BrokerIdNotRegistered,
                fmt::format("{} has not joined the cluster yet", missing->name));
        log::CreateTopicsRequest request;
        log::CreateTopicsRequest::Topic &topic = request.topics.emplace_back();
        topic.name = command.name;
        topic.partitions = command.partitions;
        topic.replicationFactor = static_cast<std::int16_t>(command.replicationFactor);
        topic.configs = command.configs;
        return askController(std::move(request));
    }
    Plan planOf(const AddPartitions &command, Errand &)
    {
        log::CreatePartitionsRequest request;
        request.topics.push_back({command.topic, command.partitions});
        return askController(std::move(request));
    }
    Plan planOf(const DeleteTopic &command, Errand &)
    {
        return askController(log::DeleteTopicsRequest{{command.name}});
    }
    Plan planOf(const AlterConfigs &command, Errand &)
    {
        log::AlterConfigsRequest request;
        log::AlterConfigsRequest::Resource &topic = request.topics.emplace_back();
        topic.name = command.topic;
        for (const auto &[key, value] : command.configs)
            topic.configs[key] = value;
        for (const std::string &key : command.defaults)
            topic.configs[key] = std::nullopt;
        return askController(std::move(request));
    }
    Plan planOf(const AlterGroupConfigs &command, Errand &)
    {
        log::AlterConfigsRequest request;
        log::AlterConfigsRequest::Resource &group = request.groups.emplace_back();
        group.name = command.group;
        for (const auto &[key, value] : command.configs)
            group.configs[key] = value;
        for (const std::string &key : command.defaults)
            group.configs[key] = std::nullopt;
        return askController(std::move(request));
    }
    Plan planOf(const ElectLeaders &command, Errand &)
    {
        const log::ClusterSnapshot log = m_world.logSnapshot();
        const auto topic = std::ranges::find(log.topics, command.topic, &log::TopicSnapshot::name);
        if (topic == log.topics.end())
            return Over{refusal(log::ErrorCode::UnknownTopicOrPartition, command.topic)};
        log::ElectLeadersRequest request;
        request.type =
            command.type == "unclean" ? log::ElectionType::Unclean : log::ElectionType::Preferred;
        request.partitions.emplace();
        if (command.partition) {
            request.partitions->push_back({command.topic, *command.partition});
        } else {
            for (const log::PartitionSnapshot &partition : topic->partitions)
                request.partitions->push_back({command.topic, partition.partition});
        }
        return askController(std::move(request));
    }

    std::optional<Plan> judgeOf(const CreateTopic &command, Errand &, const log::Response &response)
    {
        const auto &topic = std::get<log::CreateTopicsResponse>(response).topics.at(0);
        return end(topic.error, command.name, topic.message);
    }
    std::optional<Plan> judgeOf(
        const AddPartitions &command, Errand &, const log::Response &response)
    {
        const auto &topic = std::get<log::CreatePartitionsResponse>(response).topics.at(0);
        return end(topic.error, command.topic, topic.message);
    }
    std::optional<Plan> judgeOf(const DeleteTopic &command, Errand &, const log::Response &response)
    {
        const auto &topic = std::get<log::DeleteTopicsResponse>(response).topics.at(0);
        return end(topic.error, command.name);
    }
    std::optional<Plan> judgeOf(
        const AlterConfigs &command, Errand &, const log::Response &response)
    {
        const auto &topic = std::get<log::AlterConfigsResponse>(response).topics.at(0);
        return end(topic.error, command.topic, topic.message);
    }
    std::optional<Plan> judgeOf(
        const AlterGroupConfigs &command, Errand &, const log::Response &response)
    {
        const auto &group = std::get<log::AlterConfigsResponse>(response).groups.at(0);
        return end(group.error, command.group, group.message);
    }
    std::optional<Plan> judgeOf(
        const ElectLeaders &command, Errand &, const log::Response &response)
    {
        const auto &elected = std::get<log::ElectLeadersResponse>(response);
        if (elected.error != log::ErrorCode::None)
            return end(elected.error, command.topic);
        // Asked for a whole topic, it is enough that none of those which needed it failed.
        for (const auto &partition : elected.partitions) {
            const bool isFine = partition.error == log::ErrorCode::None
                || (!command.partition && partition.error == log::ErrorCode::ElectionNotNeeded);
            if (!isFine)
                return end(partition.error, command.topic,
                    fmt::format("no election for {}", partition.partition.name()));
        }
        return Over{{}};
    }

    // Records: requests to the partition's leader.

    Plan planOf(const DeleteRecords &command, Errand &)
    {
        // What no offset can be is out of range too, and must not turn into Kafka's -1.
        constexpr std::uint64_t kMaxOffset = std::numeric_limits<std::int64_t>::max();
        log::DeleteRecordsRequest request;
        const log::TopicPartition partition{command.topic, command.partition};
        request.partitions.push_back(
            {partition, static_cast<std::int64_t>(std::min(command.beforeOffset, kMaxOffset))});
        return askLeader(partition, std::move(request));
    }
    std::optional<Plan> judgeOf(
        const DeleteRecords &command, Errand &, const log::Response &response)
    {
        const log::ErrorCode error =
            std::get<log::DeleteRecordsResponse>(response).partitions.at(0).error;
        return endAtLeader(error, command.topic,
            error == log::ErrorCode::OffsetOutOfRange ? "the offset lies above the high watermark"
                                                      : std::string_view());
    }

    Plan planOf(const Produce &command, Errand &errand)
    {
        if (errand.made == command.count)
            return Over{{}};
        const log::ClusterSnapshot log = m_world.logSnapshot();
        const auto topic = std::ranges::find(log.topics, command.topic, &log::TopicSnapshot::name);
        if (topic == log.topics.end())
            return Over{refusal(log::ErrorCode::UnknownTopicOrPartition, command.topic)};
        const std::optional<ByteView> key =
            command.key ? std::optional(asBytes(*command.key)) : std::nullopt;
        // As Kafka's producer: by key, else one partition for a whole batch and another for the
        // next.
        const auto partitions = static_cast<std::int32_t>(topic->partitions.size());
        log::TopicPartition partition{command.topic, 0};
        if (command.partition)
            partition.partition = *command.partition;
        else if (key)
            partition.partition = log::partitionForKey(*key, partitions);
        else
            partition.partition = static_cast<std::int32_t>(
                m_world.yourRandom.below(static_cast<std::uint64_t>(partitions)));

        log::BatchBuilder batch;
        errand.asking = 0;
        do {
            batch.append(epochMillis(m_world.now), key,
                command.tombstone ? std::nullopt : std::optional(asBytes(command.value)));
            ++errand.asking;
        } while (errand.made + errand.asking < command.count
            && batch.sizeBytes() + command.value.size() < kBatchBytes);
        log::ProduceRequest request;
        request.partitions.push_back({partition, batch.take()});
        return askLeader(partition, std::move(request));
    }
    std::optional<Plan> judgeOf(
        const Produce &command, Errand &errand, const log::Response &response)
    {
        const log::ErrorCode error =
            std::get<log::ProduceResponse>(response).partitions.at(0).error;
        if (error != log::ErrorCode::None)
            return endAtLeader(error, command.topic);
        errand.made += errand.asking;
        return std::nullopt;
    }

    // Offsets of a group: ask its coordinator what is committed, the leaders for the ends of their
    // logs, and commit at the coordinator.

    Plan askCoordinator(const std::string &groupName, log::Request request) const
    {
        const log::ClusterSnapshot log = m_world.logSnapshot();
        const auto group = std::ranges::find(log.groups, groupName, &log::GroupSnapshot::name);
        if (group == log.groups.end() || group->coordinator < 1
            || !m_world.nodeOf(NodeId{group->coordinator}).alive)
            return waitFor(log::ErrorCode::CoordinatorNotAvailable,
                fmt::format("no broker coordinates group '{}' at the moment", groupName));
        return Ask{NodeId{group->coordinator}, std::move(request)};
    }

    std::vector<log::TopicPartition> partitionsOf(
        const ResetOffsets &command, const log::TopicSnapshot &topic) const
    {
        if (command.partition)
            return {{command.topic, *command.partition}};
        std::vector<log::TopicPartition> partitions;
        for (const log::PartitionSnapshot &partition : topic.partitions)
            partitions.push_back({topic.name, partition.partition});
        return partitions;
    }

    /// The next end that is not known yet.
    static std::optional<std::pair<log::ListOffsetsRequest::Partition, log::ListOffsetsResponse *>>
    nextEnd(const log::ResetQuestions &questions, log::ResetAnswers &answers)
    {
        for (const auto &[asked, known] : {std::pair{&questions.earliest, &answers.earliest},
                 std::pair{&questions.latest, &answers.latest},
                 std::pair{&questions.byTime, &answers.byTime}}) {
            if (known->partitions.size() < asked->partitions.size())
                return std::pair{asked->partitions[known->partitions.size()], known};
        }
        return std::nullopt;
    }

    Plan planOf(const ResetOffsets &command, Errand &errand)
    {
        const auto target = resetTarget(command, m_world.start);
        const log::ClusterSnapshot log = m_world.logSnapshot();
        const auto topic = std::ranges::find(log.topics, command.topic, &log::TopicSnapshot::name);
        if (topic == log.topics.end())
            return Over{refusal(log::ErrorCode::UnknownTopicOrPartition, command.topic)};
        const auto group = std::ranges::find(log.groups, command.group, &log::GroupSnapshot::name);
        if (group == log.groups.end())
            return Over{refused(log::ErrorCode::GroupIdNotFound,
                fmt::format("there is no group '{}'", command.group))};
        if (const auto allowed = log::resettable(command.group, group->state); !allowed)
            return Over{refused(log::ErrorCode::NonEmptyGroup, allowed.error().problem)};
        if (!errand.committed)
            return askCoordinator(command.group, log::OffsetFetchRequest{command.group});
        const std::vector<log::TopicPartition> partitions = partitionsOf(command, *topic);
        if (const auto end = nextEnd(log::resetQuestions(partitions, *target), errand.ends)) {
            log::ListOffsetsRequest request;
            request.partitions.push_back(end->first);
            return askLeader(end->first.partition, std::move(request));
        }
        auto reset =
            log::resetOffsets(command.group, partitions, *target, *errand.committed, errand.ends);
        if (!reset)
            return Over{refused(log::ErrorCode::OffsetOutOfRange, reset.error().text())};
        errand.reset = *std::move(reset);
        return askCoordinator(command.group, errand.reset->request);
    }

    std::optional<Plan> judgeOf(
        const ResetOffsets &command, Errand &errand, const log::Response &response)
    {
        if (const auto *committed = std::get_if<log::OffsetFetchResponse>(&response)) {
            if (committed->error != log::ErrorCode::None)
                return end(committed->error, command.topic);
            errand.committed = *committed;
            return std::nullopt;
        }
        if (const auto *ends = std::get_if<log::ListOffsetsResponse>(&response)) {
            const log::ListOffsetsResponse::Partition &answer = ends->partitions.at(0);
            if (answer.error != log::ErrorCode::None)
                return endAtLeader(answer.error, command.topic);
            endsInQuestion(command, errand)->partitions.push_back(answer);
            return std::nullopt;
        }
        const auto &commit = std::get<log::OffsetCommitResponse>(response);
        for (const auto &partition : commit.partitions) {
            if (partition.error != log::ErrorCode::None)
                return end(partition.error, command.topic);
        }
        recordReset(command, *errand.reset);
        return Over{{}};
    }

    /// Where the answer belongs that came last: to the question that was the next one.
    log::ListOffsetsResponse *endsInQuestion(const ResetOffsets &command, Errand &errand) const
    {
        const log::ClusterSnapshot log = m_world.logSnapshot();
        const auto topic = std::ranges::find(log.topics, command.topic, &log::TopicSnapshot::name);
        const auto target = resetTarget(command, m_world.start);
        return nextEnd(log::resetQuestions(partitionsOf(command, *topic), *target), errand.ends)
            ->second;
    }

    void recordReset(const ResetOffsets &command, const log::ResetPlan &reset)
    {
        using log::LogReason;
        const auto target = resetTarget(command, m_world.start);
        constexpr std::array kReasons{LogReason::ToEarliest, LogReason::ToLatest, LogReason::ToTime,
            LogReason::ByShift, LogReason::ToOffset}; // in the order of ResetTarget
        for (const log::OffsetMove &move : reset.moves) {
            TraceEvent event;
            event.at = m_world.now;
            event.kind = log::kind(log::LogEvent::OffsetsReset);
            event.reason = log::reason(kReasons[target->index()]);
            event.subject = m_world.trace.name(move.partition.name());
            event.actor = m_world.trace.name(kYou);
            event.detail = m_world.trace.name(command.group);
            event.item = move.to;
            event.value = move.from < 0 ? 0 : move.to - move.from;
            m_world.trace.record(event);
        }
        m_world.notes.insert(m_world.notes.end(), reset.warnings.begin(), reset.warnings.end());
    }

    // Clients of the log wait in line too: else they would ask for a topic that you are creating.

    Plan planOf(const AddProducer &command, Errand &)
    {
        return Over{Hand(m_world).addNow(command)};
    }
    Plan planOf(const AddConsumer &command, Errand &)
    {
        return Over{Hand(m_world).addNow(command)};
    }

    Plan planOf(const AddShareConsumer &command, Errand &)
    {
        return Over{Hand(m_world).addNow(command)};
    }

    Plan planOf(const AddTransformer &command, Errand &)
    {
        return Over{Hand(m_world).addNow(command)};
    }

    Plan planOf(const Redrive &command, Errand &) { return Over{Hand(m_world).addNow(command)}; }

    template <class Other> Plan planOf(const Other &, Errand &)
    {
        invariantBroken("only commands to the log are errands");
    }
    template <class Other>
    std::optional<Plan> judgeOf(const Other &, Errand &, const log::Response &)
    {
        invariantBroken("only commands that ask the log get an answer");
    }

    World::State &m_world;
};

/// Asks, and takes the answer if it comes at once.
std::optional<log::Response> ask(World::State &world, Errand &errand, Ask &&question)
{
    LogNode &node = world.nodeOf(question.node);
    const RequestId id{++world.yourRequests};
    errand.request = id;
    errand.asked = node.id;
    errand.askedLife = node.life;
    Context base = world.context(node);
    world.logEffects.clear();
    node.broker.apply(
        log::ClientRequest{kYourClient, id, std::move(question.request), world.trace.name(kYou)},
        base, world.logEffects);
    std::optional<log::Response> response;
    std::erase_if(world.logEffects, [&](log::Effect &effect) {
        auto *answer = std::get_if<log::Answer>(&effect);
        if (!answer || answer->client != kYourClient || answer->id != id)
            return false;
        response = std::move(answer->response);
        return true;
    });
    world.carryOutLog(node);
    return response;
}

/// Goes on as far as it gets; its outcome when it is over. `response` is the answer to what it
/// asked last.
std::optional<Outcome> goOn(
    World::State &world, Errand &errand, std::optional<log::Response> response)
{
    Errands errands(world);
    while (true) {
        std::optional<Plan> plan;
        if (response) {
            errand.request.reset();
            plan = errands.judge(errand, *response);
            if (!plan || !std::holds_alternative<Wait>(*plan))
                errand.stuckSince = world.now;
        }
        if (!plan)
            plan = errands.plan(errand);
        if (Over *over = std::get_if<Over>(&*plan))
            return std::move(over->outcome);
        if (Wait *wait = std::get_if<Wait>(&*plan)) {
            if (world.now - errand.stuckSince >= kPatience)
                return std::unexpected(std::move(wait->reason));
            world.agenda.add(world.now + kRetryInterval, YourTurn{errand.number});
            return std::nullopt;
        }
        response = ask(world, errand, std::move(std::get<Ask>(*plan)));
        if (!response) {
            world.agenda.add(world.now + kPatience, YourTurn{errand.number});
            return std::nullopt;
        }
    }
}

TraceEvent failure(World::State &world, const Errand &errand, const CommandError &error)
{
    TraceEvent event;
    event.at = world.now;
    event.kind = kind(WorldEvent::CommandFailed);
    event.subject = world.trace.name(kYou);
    event.actor = world.trace.name(error.code);
    event.detail = world.trace.name(commandText(errand.command));
    return event;
}

/// The errand at the head of the line goes on; when it is over, the next ones follow.
void goOnWithFirst(World::State &world, std::optional<log::Response> response)
{
    while (!world.errands.empty()) {
        Errand &errand = world.errands.front();
        const std::optional<Outcome> outcome = goOn(world, errand, std::move(response));
        if (!outcome)
            return;
        if (!*outcome)
            world.trace.record(failure(world, errand, outcome->error()));
        world.errands.pop_front();
        response.reset();
        if (!world.errands.empty())
            world.errands.front().stuckSince = world.now;
    }
}

} // namespace

Outcome Hand::operator()(const ResetOffsets &command)
{
    if (const auto target = resetTarget(command, m_world.start); !target)
        return refused("no-such-target", target.error());
    return m_world.runErrand(command);
}

Result<void, CommandError> World::State::runErrand(Command command)
{
    Errand errand(++errandsBegun, std::move(command));
    errand.stuckSince = now;
    if (errands.empty()) {
        if (std::optional<Outcome> outcome = goOn(*this, errand, std::nullopt))
            return *std::move(outcome);
    }
    errands.push_back(std::move(errand));
    return {};
}

void World::State::answerErrand(YourAnswer &&answer)
{
    // An answer that nobody waits for any more is to a request that was given up.
    if (!errands.empty() && errands.front().request == answer.answer.id)
        goOnWithFirst(*this, std::move(answer.answer.response));
}

void World::State::turnOfErrand(std::uint64_t number)
{
    if (errands.empty() || errands.front().number != number)
        return;
    Errand &errand = errands.front();
    if (!errand.request) {
        goOnWithFirst(*this, std::nullopt);
        return;
    }
    const LogNode &node = nodeOf(errand.asked);
    std::optional<CommandError> error;
    if (!node.alive || node.life != errand.askedLife)
        error = CommandError{std::string(log::errorName(log::ErrorCode::NetworkException)),
            fmt::format("{} went down before it answered", node.name)};
    else if (now - errand.stuckSince >= kPatience)
        error = CommandError{std::string(log::errorName(log::ErrorCode::RequestTimedOut)),
            fmt::format("{} did not answer", node.name)};
    if (!error)
        return;
    trace.record(failure(*this, errand, *error));
    errands.pop_front();
    if (!errands.empty())
        errands.front().stuckSince = now;
    goOnWithFirst(*this, std::nullopt);
}

} // namespace queuelab::world
