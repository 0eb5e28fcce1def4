#pragma once

#include "engine/visibility/message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace queuelab::visibility {

/// What a receipt handle says: which receive of which message it came from. It stays good as long
/// as its queue lives.
struct Receipt {
    Slot slot = kNoSlot;
    std::int32_t receiveCount = 0; ///< that of the message, this receive included
    std::uint64_t number = 0;
    Instant receivedAt{}; ///< where the 12 hours of this receive begin
    std::uint64_t nonce = 0; ///< so that no two handles are alike
};

/// 80 hex digits: the fields above and a check word made with the queue's own secret, so that text
/// which this queue did not hand out is told apart.
std::string writeReceiptHandle(const Receipt &receipt, std::uint64_t queueSecret);
/// Nothing when the queue with that secret never wrote this handle.
std::optional<Receipt> readReceiptHandle(std::string_view handle, std::uint64_t queueSecret);

/// "5fea7756-0ea4-451a-a703-a558b933e274": the form of a random UUID (version 4).
std::string messageIdText(const MessageId &id);

} // namespace queuelab::visibility
