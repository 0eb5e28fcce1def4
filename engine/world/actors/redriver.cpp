#include "engine/log/events.h"
#include "engine/world/actors/consuming_actor.h"

#include <fmt/format.h>

#include <map>

namespace queuelab::world {

namespace {

constexpr std::int64_t kMostRedrives = 3; // a letter that keeps coming back stays where it is

/// One record at a time, so that each is committed when it has been sent back.
log::ConsumerConfig configOf(const Redrive &command, const std::vector<NodeId> &bootstrap)
{
    log::ConsumerConfig config;
    config.group = "redrive-" + command.from;
    config.topics = {command.from};
    config.enableAutoCommit = false;
    config.autoOffsetReset = log::OffsetReset::Earliest;
    config.maxPollRecords = 1;
    config.bootstrapServers = bootstrap;
    return config;
}

/// Reads a dead-letter topic from the place an earlier redrive came to, up to the end it sees when
/// it begins, and sends each record back to where it was first written, with its attempts cleared.
/// Then it ends.
class RedriverActor final : public ConsumingActor {
public:
    RedriverActor(
        const Redrive &command, const std::string &name, const std::vector<NodeId> &bootstrap)
        : ConsumingActor(name, configOf(command, bootstrap), bootstrap)
        , m_command(command)
    {
    }

    std::unique_ptr<Actor> clone() const override { return std::make_unique<RedriverActor>(*this); }

    bool setRate(Rate rate, ActorContext &context) override
    {
        m_command.rate = rate;
        if (m_pace)
            m_pace->setRate(rate, context.base.now);
        run(context);
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &) const override
    {
        out.group = m_consumer.config().group;
        out.target = m_command.from;
        out.configuredRate = m_command.rate.perSecond;
        out.received = m_received;
        out.sent = m_sent;
        out.confirmed = m_confirmed;
        out.handled = m_confirmed;
        out.failed = m_refused;
        describePositions(m_consumer, out);
        if (m_connections.areLost())
            out.note = "connection lost";
        else if (m_refused > 0)
            out.note =
                fmt::format("{} left where they are: sent back {} times, or of unknown origin",
                    m_refused, kMostRedrives);
    }

private:
    void forget() override
    {
        m_pace.reset();
        m_letter.reset();
        m_ends.clear();
    }

    void step(ActorContext &context) override
    {
        while (true) {
            if (m_forwarder.isWaiting()) {
                const std::optional<log::ErrorCode> result = m_forwarder.takeResult();
                if (!result)
                    break;
                arrived(*result, context);
            } else if (m_stopping || (!m_letter && isDone())) {
                m_consumer.close(context.base, m_effects);
                context.out.finished = true;
                break;
            } else if (m_letter) {
                const std::optional<Instant> turn = m_pace->next();
                if (turn && context.base.now < *turn)
                    context.out.wake(*turn);
                if (!turn || context.base.now < *turn)
                    break;
                m_pace->advance(context.base.random);
                sendBack(context);
            } else if (!poll(context)) {
                break;
            }
        }
    }

    bool isDone()
    {
        if (m_command.total != 0 && m_pace && m_pace->made() >= m_command.total)
            return true;
        if (!m_consumer.isMember())
            return false;
        bool isDone = true;
        for (const log::Consumer::Position &position : m_consumer.positions()) {
            if (position.readableEnd >= 0)
                m_ends.try_emplace(position.partition, position.readableEnd);
            const auto end = m_ends.find(position.partition);
            isDone = isDone && end != m_ends.end() && position.position >= end->second;
        }
        return isDone;
    }

    /// False when nothing was there.
    bool poll(ActorContext &context)
    {
        bool any = false;
        m_consumer.poll(context.base, m_effects,
            [&](const log::TopicPartition &partition, const log::RecordView &record) {
                any = true;
                m_letter.emplace(partition, record);
            });
        if (!any)
            return false;
        const auto end = m_ends.find(m_letter->partition);
        if (end != m_ends.end() && m_letter->offset >= end->second) {
            // It came after the redrive had begun.
            m_consumer.giveBack(m_letter->partition, m_letter->offset);
            m_consumer.pause(m_letter->partition);
            m_letter.reset();
            return true;
        }
        ++m_received;
        if (!m_pace)
            m_pace.emplace(m_command.rate, Arrival::Steady, m_command.total, context.base.now);
        return true;
    }

    void sendBack(ActorContext &context)
    {
        m_destination = m_command.to;
        if (m_destination.empty())
            m_destination = m_letter->text(headers::kOriginalTopic).value_or("");
        const std::int64_t redrives = m_letter->number(headers::kRedrives).value_or(0);
        if (m_destination.empty() || redrives >= kMostRedrives)
            return refuse(context);
        m_letter->set(headers::kRedrives, std::to_string(redrives + 1));
        for (const std::string_view header :
            {headers::kOriginalTopic, headers::kOriginalPartition, headers::kOriginalOffset,
                headers::kException, headers::kAttempts, headers::kNotBefore})
            m_letter->remove(header);
        ++m_sent;
        m_forwarder.send(*m_letter, m_destination, context.base);
    }

    /// It stays where it is, and the next redrive does not ask again.
    void refuse(ActorContext &context)
    {
        ++m_refused;
        m_letter.reset();
        m_consumer.commit(context.base, m_effects);
    }

    void arrived(log::ErrorCode error, ActorContext &context)
    {
        if (error != log::ErrorCode::None) {
            if (log::isRetriable(error))
                m_forwarder.send(*m_letter, m_destination, context.base);
            else
                refuse(context);
            return;
        }
        Trace &trace = context.base.trace;
        trace.record({.at = context.base.now,
            .kind = log::kind(log::LogEvent::RecordRedriven),
            .subject = trace.name(m_letter->partition.name()),
            .actor = context.name,
            .detail = trace.name(m_destination),
            .item = m_letter->offset});
        ++m_confirmed;
        m_letter.reset();
        m_consumer.commit(context.base, m_effects);
    }

    Redrive m_command;
    std::optional<ArrivalProcess> m_pace; // from the first record on
    std::optional<Letter> m_letter; // in hand
    std::string m_destination; // of it
    std::map<log::TopicPartition, std::int64_t> m_ends; // as first seen
    std::uint64_t m_received = 0;
    std::uint64_t m_sent = 0;
    std::uint64_t m_confirmed = 0;
    std::uint64_t m_refused = 0;
};

} // namespace

std::unique_ptr<Actor> makeRedriver(
    const Redrive &command, const std::string &name, const std::vector<NodeId> &bootstrap)
{
    return std::make_unique<RedriverActor>(command, name, bootstrap);
}

} // namespace queuelab::world
