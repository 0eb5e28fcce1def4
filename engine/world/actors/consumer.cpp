#include "engine/log/events.h"
#include "engine/world/actors/consuming_actor.h"
#include "engine/world/actors/shown.h"
#include "engine/world/client_configs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>

namespace queuelab::world {

namespace {

enum class CommitMode : std::uint8_t { Auto, After, Before, Never };

CommitMode commitMode(std::string_view word)
{
    if (word == "after")
        return CommitMode::After;
    if (word == "before")
        return CommitMode::Before;
    return word == "never" ? CommitMode::Never : CommitMode::Auto;
}

enum class OnFailure : std::uint8_t { Skip, Block, RetryTopic };

OnFailure onFailure(std::string_view word)
{
    if (word == "block")
        return OnFailure::Block;
    return word == "retry-topic" ? OnFailure::RetryTopic : OnFailure::Skip;
}

log::ConsumerConfig configOf(const AddConsumer &command, const std::vector<NodeId> &bootstrap)
{
    log::ConsumerConfig config = consumerConfig(command).value_or(log::ConsumerConfig{});
    if (!command.configs.contains("bootstrap.servers"))
        config.bootstrapServers = bootstrap;
    if (onFailure(command.onFailure) == OnFailure::RetryTopic) {
        for (const std::string &topic : command.topics) {
            const std::string retryTopic = topicNamed(command.retry.retryTopic, topic);
            if (std::ranges::find(config.topics, retryTopic) == config.topics.end())
                config.topics.push_back(retryTopic);
        }
    }
    return config;
}

/// An application in a consumer group: polls, works on each record, commits as it was told to. A
/// record whose work fails is skipped, tried again in its place, or passed on to a retry topic.
class ConsumerActor final : public ConsumingActor {
public:
    ConsumerActor(
        const AddConsumer &command, const std::string &name, const std::vector<NodeId> &bootstrap)
        : ConsumingActor(name, configOf(command, bootstrap), bootstrap)
        , m_command(command)
        , m_commit(commitMode(command.commit))
        , m_onFailure(onFailure(command.onFailure))
        , m_mayFail(command.failChance > 0 || !command.failsOn.empty()
              || m_onFailure == OnFailure::RetryTopic)
    {
    }

    std::unique_ptr<Actor> clone() const override { return std::make_unique<ConsumerActor>(*this); }

    bool setProcessing(const Span &processing, ActorContext &context) override
    {
        m_command.processing = processing; // from the next record on
        run(context);
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &names) const override
    {
        out.group = m_command.group;
        out.target = fmt::format("{}", fmt::join(m_command.topics, ", "));
        out.received = m_received;
        out.handled = m_handled;
        out.failed = m_failed;
        out.handledAgain = m_handledAgain;
        out.lastPoll = m_lastPoll;
        out.holdingCount = m_held.size();
        for (const Held &held : m_held) {
            if (out.holding.size() == kShownMessages)
                break;
            HeldMessage &shown = out.holding.emplace_back();
            shown.subject = names.name(held.partition);
            shown.item = held.offset;
            shown.label = held.sequence == 0
                ? held.label
                : fmt::format("{}#{}", names.name(held.producer), held.sequence);
        }
        if (m_workEnds && !out.holding.empty())
            out.holding.front().workEnds = *m_workEnds;
        describePositions(m_consumer, out);
        if (m_connections.areLost())
            out.note = "connection lost";
        else if (m_consumer.failure() != log::ErrorCode::None)
            out.note = fmt::format("out of the group: {}", log::errorName(m_consumer.failure()));
        else if (!m_consumer.isMember())
            out.note = "joining the group";
        else if (out.positions.empty())
            out.note = "idle: owns nothing";
        else if (m_held.empty() && !m_parked.empty())
            out.note = "waits: a retry is not due yet";
    }

private:
    /// A record that poll() gave and that waits for its turn.
    struct Held {
        NameId partition = kNoName;
        std::int64_t offset = 0;
        NameId producer = kNoName;
        std::uint64_t sequence = 0;
        std::uint64_t keyHash = 0;
        Instant created{};
        std::string label; ///< of records without a stamp
        std::shared_ptr<const Letter> letter; ///< the whole record, when its work may fail
    };

    void forget() override
    {
        m_parked.clear();
        m_held.clear();
        m_workEnds.reset();
        m_handledSincePoll = false;
    }

    /// Told to stop, it first finishes what the last poll gave it.
    void step(ActorContext &context) override
    {
        unparkDue(context);
        while (!context.out.crashed) {
            if (m_forwarder.isWaiting()) {
                const std::optional<log::ErrorCode> result = m_forwarder.takeResult();
                if (!result)
                    break;
                passedOn(*result, context);
            } else if (m_workEnds) {
                if (context.base.now < *m_workEnds) {
                    context.out.wake(*m_workEnds);
                    break;
                }
                m_workEnds.reset();
                endWork(context);
            } else if (!m_held.empty()) {
                if (const Duration early = untilDue(m_held.front(), context); early > Duration{})
                    park(context.base.now + early, context);
                else
                    m_workEnds = context.base.now + draw(m_command.processing, context.base.random);
            } else {
                if (m_commit == CommitMode::After && m_handledSincePoll)
                    m_consumer.commit(context.base, m_effects);
                m_handledSincePoll = false;
                if (m_stopping) {
                    m_consumer.close(context.base, m_effects);
                    context.out.finished = true;
                    break;
                }
                if (!poll(context))
                    break;
            }
        }
    }

    /// False when nothing was there.
    bool poll(ActorContext &context)
    {
        m_lastPoll = context.base.now;
        const bool atOnce = m_command.processing.high == Duration{} && !m_mayFail;
        const auto &runs = m_consumer.poll(context.base, m_effects,
            [&](const log::TopicPartition &partition, const log::RecordView &record) {
                if (context.out.crashed)
                    return; // died in the middle of this poll
                read(partition, record, context);
                if (!atOnce)
                    m_held.push_back(m_read);
                else if (!crashes(context))
                    handled(m_read, context);
            });
        if (runs.empty())
            return false;
        // With work that takes no time it is all the same before or after: committed once the poll
        // is over.
        if (m_commit == CommitMode::Before && !context.out.crashed)
            m_consumer.commit(context.base, m_effects);
        return true;
    }

    /// Takes a record apart into m_read.
    void read(
        const log::TopicPartition &partition, const log::RecordView &record, ActorContext &context)
    {
        Trace &trace = context.base.trace;
        if (m_lastPartitionId == kNoName || partition != m_lastPartition) {
            m_lastPartition = partition;
            m_lastPartitionId = trace.name(partition.name());
        }
        ++m_received;
        m_read.partition = m_lastPartitionId;
        m_read.offset = record.offset;
        m_read.keyHash = record.key ? hashOfKey(*record.key) : 0;
        const ByteView body = record.value.value_or(ByteView{});
        if (const std::optional<Stamp> stamp = readBody(body)) {
            if (m_lastProducerId == kNoName || stamp->producer != m_lastProducer) {
                m_lastProducer = stamp->producer;
                m_lastProducerId = trace.name(m_lastProducer);
            }
            m_read.producer = m_lastProducerId;
            m_read.sequence = stamp->sequence;
            m_read.created = context.worldStart + stamp->created;
            m_read.label.clear();
        } else {
            m_read.producer = kNoName;
            m_read.sequence = 0;
            m_read.created = Instant(std::chrono::milliseconds(record.timestamp));
            m_read.label = asText(body.first(std::min(body.size(), kLabelBytes)));
        }
        if (m_mayFail)
            m_read.letter = std::make_shared<const Letter>(partition, record);
    }

    /// The process dies just before the end of the work.
    bool crashes(ActorContext &context)
    {
        if (m_command.crashChance > 0 && context.base.random.chance(m_command.crashChance))
            context.out.crashed = true;
        return context.out.crashed;
    }

    void endWork(ActorContext &context)
    {
        if (crashes(context))
            return;
        const Held &held = m_held.front();
        const std::string exception = exceptionOf(held, context);
        if (exception.empty()) {
            handled(held, context);
            m_held.pop_front();
            return;
        }
        ++m_failed;
        switch (m_onFailure) {
        case OnFailure::Skip:
            m_handledSincePoll = true; // the position goes on
            m_held.pop_front();
            break;
        case OnFailure::Block:
            park(context.base.now + m_command.retry.delay, context);
            break;
        case OnFailure::RetryTopic: {
            Letter letter = *held.letter;
            m_nextStop = readdress(
                letter, m_command.retry, exception, epochMillis(context.base.wallClock()));
            m_forwarder.send(letter, m_nextStop.topic, context.base);
            break;
        }
        }
    }

    /// Empty: the work succeeds.
    std::string exceptionOf(const Held &held, ActorContext &context) const
    {
        if (!m_mayFail)
            return {};
        const std::optional<Bytes> &value = held.letter->value;
        if (!m_command.failsOn.empty() && value && asText(*value).contains(m_command.failsOn))
            return fmt::format("cannot process '{}'", m_command.failsOn);
        if (m_command.failChance > 0 && context.base.random.chance(m_command.failChance))
            return "the work failed";
        return {};
    }

    /// The record in hand was written to the retry or dead-letter topic, or could not be: then it
    /// is worked on once more.
    void passedOn(log::ErrorCode error, ActorContext &context)
    {
        if (error != log::ErrorCode::None)
            return park(context.base.now + m_command.retry.delay, context);
        const Held &held = m_held.front();
        Trace &trace = context.base.trace;
        trace.record({.at = context.base.now,
            .kind = log::kind(m_nextStop.isDeadLetter ? log::LogEvent::RecordDeadLettered
                                                      : log::LogEvent::RecordRetried),
            .subject = held.partition,
            .actor = context.name,
            .detail = trace.name(m_nextStop.topic),
            .item = held.offset,
            .value = held.letter->attempt()});
        m_handledSincePoll = true;
        m_held.pop_front();
    }

    /// How much too early it is for a record of a retry topic.
    static Duration untilDue(const Held &held, const ActorContext &context)
    {
        if (!held.letter)
            return {};
        const auto notBefore = held.letter->number(headers::kNotBefore);
        return std::chrono::milliseconds{
            notBefore.value_or(0) - epochMillis(context.base.wallClock())};
    }

    /// The partition of the record in hand stands still until then, and goes on with this record.
    /// The other partitions go on.
    void park(Instant until, ActorContext &context)
    {
        const Held held = m_held.front();
        m_consumer.giveBack(held.letter->partition, held.offset);
        m_consumer.pause(held.letter->partition);
        m_parked[held.letter->partition] = until;
        std::erase_if(
            m_held, [&held](const Held &other) { return other.partition == held.partition; });
        context.out.wake(until);
    }

    void unparkDue(ActorContext &context)
    {
        std::erase_if(m_parked, [&](const auto &parked) {
            if (context.base.now < parked.second) {
                context.out.wake(parked.second);
                return false;
            }
            m_consumer.resume(parked.first, context.base, m_effects);
            return true;
        });
    }

    /// The work on a record is done.
    void handled(const Held &held, ActorContext &context)
    {
        if (m_groupId == kNoName)
            m_groupId = context.base.trace.name(m_command.group);
        ++m_handled;
        m_handledSincePoll = true;
        const bool again = context.outcomes.handled({.engine = Engine::Log,
            .scope = m_groupId,
            .partition = held.partition,
            .item = held.offset,
            .producer = held.producer,
            .sequence = held.sequence,
            .keyHash = held.keyHash,
            .latency = std::max(Duration{}, context.base.now - held.created)});
        if (again)
            ++m_handledAgain;
    }

    AddConsumer m_command;
    CommitMode m_commit;
    OnFailure m_onFailure;
    bool m_mayFail;
    NextStop m_nextStop; // of the record in hand, while the forwarder is waiting
    std::map<log::TopicPartition, Instant> m_parked; // partitions that stand still, until when
    std::deque<Held> m_held; // of the last poll, in order
    std::optional<Instant> m_workEnds; // of m_held.front()
    bool m_handledSincePoll = false;
    Instant m_lastPoll{};
    std::uint64_t m_received = 0;
    std::uint64_t m_handled = 0;
    std::uint64_t m_failed = 0;
    std::uint64_t m_handledAgain = 0;
    NameId m_groupId = kNoName;
    // The last ones met, so that a run of records looks its names up once.
    log::TopicPartition m_lastPartition;
    NameId m_lastPartitionId = kNoName;
    std::string m_lastProducer;
    NameId m_lastProducerId = kNoName;
    // Reused.
    Held m_read;
};

} // namespace

std::unique_ptr<Actor> makeConsumer(
    const AddConsumer &command, const std::string &name, const std::vector<NodeId> &bootstrap)
{
    return std::make_unique<ConsumerActor>(command, name, bootstrap);
}

} // namespace queuelab::world
