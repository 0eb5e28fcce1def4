#pragma once

#include "engine/core/result.h"

#include <cstdint>
#include <string>

namespace queuelab::exchange {

/// AMQP's reply codes that the engine raises (facts: rabbitmq.md 1.6, 1.7).
enum class ReplyCode : std::uint16_t {
    AccessRefused = 403,
    NotFound = 404,
    ResourceLocked = 405,
    PreconditionFailed = 406,
    CommandInvalid = 503,
    ChannelError = 504,
    NotAllowed = 530,
    NotImplemented = 540,
};

/// The broker says no: it closes the channel, or with a hard code the connection.
struct Refusal {
    ReplyCode code;
    std::string text; ///< "NOT_FOUND - no queue 'q' in vhost '/'", at most 255 bytes

    bool closesConnection() const
    {
        return code == ReplyCode::CommandInvalid || code == ReplyCode::ChannelError
            || code == ReplyCode::NotAllowed || code == ReplyCode::NotImplemented;
    }
};

using Checked = Result<void, Refusal>;

/// Puts the code's name before the explanation and cuts the text as RabbitMQ does.
std::unexpected<Refusal> refuse(ReplyCode code, const std::string &explanation);

} // namespace queuelab::exchange
