#include "engine/exchange/refusal.h"

#include <string_view>

namespace queuelab::exchange {

namespace {

std::string_view nameOf(ReplyCode code)
{
    switch (code) {
    case ReplyCode::AccessRefused:
        return "ACCESS_REFUSED";
    case ReplyCode::NotFound:
        return "NOT_FOUND";
    case ReplyCode::ResourceLocked:
        return "RESOURCE_LOCKED";
    case ReplyCode::PreconditionFailed:
        return "PRECONDITION_FAILED";
    case ReplyCode::CommandInvalid:
        return "COMMAND_INVALID";
    case ReplyCode::ChannelError:
        return "CHANNEL_ERROR";
    case ReplyCode::NotAllowed:
        return "NOT_ALLOWED";
    case ReplyCode::NotImplemented:
        return "NOT_IMPLEMENTED";
    }
    return "INTERNAL_ERROR";
}

constexpr std::size_t kShortStringBytes = 255;

} // namespace

std::unexpected<Refusal> refuse(ReplyCode code, const std::string &explanation)
{
    std::string text = std::string(nameOf(code)) + " - " + explanation;
    if (text.size() > kShortStringBytes)
        text = text.substr(0, kShortStringBytes - 3) + "...";
    return std::unexpected(Refusal{code, std::move(text)});
}

} // namespace queuelab::exchange
