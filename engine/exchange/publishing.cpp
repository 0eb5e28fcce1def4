#include "engine/exchange/field_text.h"
#include "engine/exchange/names.h"
#include "engine/exchange/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::exchange {

namespace {

constexpr std::size_t kMaxMessageBytes = 16 * 1024 * 1024; // max_message_size since 4.0
constexpr std::string_view kUser = "guest"; // the engine knows no other

/// CC or BCC: an array of texts (facts: rabbitmq.md 2.3).
Checked readKeys(const FieldTable &headers, std::string_view header, std::vector<std::string> &out)
{
    const FieldValue *found = lookup(headers, header);
    if (!found)
        return {};
    const auto invalid = [&](const FieldValue &value) {
        return refuse(ReplyCode::PreconditionFailed,
            fmt::format("invalid message: {{unacceptable_type_in_header,\"{}\",{}}}", header,
                fieldTypeName(value)));
    };
    const auto *array = std::get_if<FieldArray>(&found->value);
    if (!array)
        return invalid(*found);
    for (const FieldValue &element : *array) {
        const auto *key = std::get_if<std::string>(&element.value);
        if (!key)
            return invalid(element);
        out.push_back(*key);
    }
    return {};
}

Checked checkProperties(const Content &content)
{
    if (content.body.size() > kMaxMessageBytes) {
        return refuse(ReplyCode::PreconditionFailed,
            fmt::format("message size {} is larger than configured max size {}",
                content.body.size(), kMaxMessageBytes));
    }
    const Properties &properties = content.properties;
    if (properties.userId && *properties.userId != kUser) {
        return refuse(ReplyCode::PreconditionFailed,
            fmt::format("user_id property set to '{}' but authenticated user was '{}'",
                *properties.userId, kUser));
    }
    if (properties.expiration) {
        if (const auto expiration = readExpiration(*properties.expiration); !expiration)
            return std::unexpected(expiration.error());
    }
    if (properties.deliveryMode && *properties.deliveryMode != 1 && *properties.deliveryMode != 2) {
        return refuse(ReplyCode::PreconditionFailed,
            fmt::format("invalid message: {{delivery_mode_unknown,{}}}", *properties.deliveryMode));
    }
    return {};
}

SharedContent withoutBcc(const SharedContent &content)
{
    Content copy = *content;
    copy.properties.headers.erase("BCC");
    return std::make_shared<const Content>(std::move(copy));
}

} // namespace

Checked Broker::State::on(Channel &channel, const BasicPublish &method, Step &step)
{
    static const SharedContent kEmptyContent = std::make_shared<const Content>();
    SharedContent content = method.content ? method.content : kEmptyContent;
    const auto found = needExchange(method.exchange);
    if (!found)
        return std::unexpected(found.error());
    Exchange &exchange = **found;
    if (exchange.internal) {
        return refuse(ReplyCode::AccessRefused,
            "cannot publish to internal " + resourceText("exchange", exchange.name));
    }
    if (auto valid = checkProperties(*content); !valid)
        return valid;
    std::shared_ptr<MoreKeys> moreKeys;
    if (!content->properties.headers.empty()) {
        MoreKeys more;
        if (auto read = readKeys(content->properties.headers, "CC", more.copy); !read)
            return read;
        if (auto read = readKeys(content->properties.headers, "BCC", more.blindCopy); !read)
            return read;
        if (!more.blindCopy.empty())
            content = withoutBcc(content);
        if (!more.copy.empty() || !more.blindCopy.empty())
            moreKeys = std::make_shared<MoreKeys>(std::move(more));
    }

    const std::uint64_t confirmTag = channel.confirms ? ++channel.lastConfirmTag : 0;
    auto envelope = std::make_shared<const Envelope>(
        Envelope{std::move(content), method.routingKey, exchange.nameId, std::move(moreKeys)});
    routeEnvelope(exchange, *envelope, step.now());

    const NameId exchangeTraceName = traceNameOf(exchange, step);
    const NameId key = step.context.trace.name(envelope->routingKey);
    ++exchange.publishedIn;
    exchange.publishedOut += m_routed.size();
    step.record(ExchangeEvent::Published,
        {.subject = exchangeTraceName,
            .actor = channel.clientName,
            .detail = key,
            .count = static_cast<std::int64_t>(m_routed.size())});
    bool accepted = true;
    if (m_routed.empty()) {
        ++exchange.unroutable;
        const auto event = method.mandatory ? ExchangeEvent::Returned : ExchangeEvent::Unroutable;
        step.record(
            event, {.subject = exchangeTraceName, .actor = channel.clientName, .detail = key});
        if (method.mandatory) {
            BasicReturn returned;
            returned.exchange = method.exchange;
            returned.routingKey = method.routingKey;
            returned.content = envelope->content;
            send(channel, std::move(returned), step);
        }
    }
    // Taken away from m_routed, which a message that dies on the way needs too; given back for its
    // memory.
    std::vector<QueueId> routed = std::move(m_routed);
    for (const QueueId queue : routed) {
        const Origin origin{channel.clientName, key, 0};
        accepted = enqueue(queues.at(queue), envelope, origin, step) && accepted;
    }
    m_routed = std::move(routed);
    if (channel.confirms)
        decideConfirm(channel, confirmTag, exchangeTraceName, accepted, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const ConfirmSelect &, Step &step)
{
    channel.confirms = true;
    send(channel, Ok{}, step);
    return {};
}

void Broker::State::decideConfirm(
    Channel &channel, std::uint64_t tag, NameId exchange, bool accepted, Step &step)
{
    if (channel.confirmed.empty() && channel.refused.empty()) {
        confirming.push_back(channel.id);
        confirmsDue = std::min(confirmsDue, step.now());
    }
    (accepted ? channel.confirmed : channel.refused).push_back({tag, exchange});
}

void Broker::State::sendConfirms(Channel &channel, Step &step)
{
    const auto flush = [&](const std::vector<DecidedConfirm> &own, std::uint64_t cutoff,
                           ExchangeEvent event, auto makeMethod) {
        if (own.empty())
            return;
        for (std::size_t from = 0; from < own.size();) {
            // One event for each run of tags of the same exchange.
            std::size_t end = from + 1;
            while (end < own.size() && own[end].exchange == own[from].exchange
                && own[end].tag == own[end - 1].tag + 1)
                ++end;
            step.record(event,
                {.subject = own[from].exchange,
                    .actor = channel.clientName,
                    .count = static_cast<std::int64_t>(end - from),
                    .value = static_cast<std::int64_t>(own[end - 1].tag)});
            from = end;
        }
        // As RabbitMQ does: everything before the cutoff goes as one multiple, the rest singly.
        const auto rest =
            std::ranges::find_if(own, [&](const DecidedConfirm &c) { return c.tag > cutoff; });
        if (rest != own.begin())
            send(channel, makeMethod(std::prev(rest)->tag, true), step);
        for (auto single = rest; single != own.end(); ++single)
            send(channel, makeMethod(single->tag, false), step);
    };
    const auto ack = [](std::uint64_t tag, bool multiple) -> ServerMethod {
        return ConfirmAck{tag, multiple};
    };
    const auto nack = [](std::uint64_t tag, bool multiple) -> ServerMethod {
        return ConfirmNack{tag, multiple};
    };
    const auto firstOf = [](const std::vector<DecidedConfirm> &some) {
        return some.empty() ? UINT64_MAX
                            : some.front().tag; // a multiple never crosses an opposite tag
    };
    const bool loneAck = channel.confirmed.size() == 1; // never a multiple; a lone nack is one
    flush(channel.confirmed, loneAck ? 0 : firstOf(channel.refused), ExchangeEvent::Confirmed, ack);
    flush(channel.refused, firstOf(channel.confirmed), ExchangeEvent::ConfirmRefused, nack);
    channel.confirmed.clear();
    channel.refused.clear();
}

void Broker::State::sendAllConfirms(Step &step)
{
    for (const ChannelId id : confirming)
        sendConfirms(channels.at(id), step);
    confirming.clear();
    confirmsDue = kNever;
}

} // namespace queuelab::exchange
