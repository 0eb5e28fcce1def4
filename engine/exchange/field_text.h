#pragma once

#include "engine/exchange/methods.h"

#include <string>
#include <string_view>

namespace queuelab::exchange {

/// Field table values as RabbitMQ writes them in its reply texts.

/// "signedint", "longstr", ... A number that fits 32 bits counts as signedint, a larger one as
/// long: the typed methods do not keep the width a client chose.
std::string_view fieldTypeName(const FieldValue &value);
/// The bare value: 1000, text without quotes, true.
std::string fieldText(const FieldValue &value);
/// The same text for equal tables and different texts for different ones, so that binding arguments
/// can be a key.
std::string canonicalText(const FieldTable &table);

/// nullptr when the key is not there.
const FieldValue *lookup(const FieldTable &table, std::string_view key);

} // namespace queuelab::exchange
