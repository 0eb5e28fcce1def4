#pragma once

#include "engine/exchange/methods.h"
#include "engine/exchange/refusal.h"

namespace queuelab::exchange {

/// What a binding of a headers exchange asks of a message's headers, read once from its arguments
/// (facts: rabbitmq.md 2.2). Values compare strictly, as since RabbitMQ 3.13: the number 5 is
/// not 5.0.
class HeadersPattern {
public:
    /// 406 for an x-match that is none of the four.
    static Result<HeadersPattern, Refusal> read(const FieldTable &arguments);

    bool matches(const FieldTable &headers) const;

private:
    bool m_all = true;
    FieldTable m_wanted; // without x-match, and without the x- keys unless x-match counts them;
                         // void asks for presence
};

} // namespace queuelab::exchange
