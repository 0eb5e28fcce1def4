#pragma once

#include "engine/log/record_batch.h"

#include <optional>
#include <string>
#include <string_view>

namespace queuelab::log {

/// Text as a terminal may show it: names are chosen by clients, and control characters would be
/// obeyed.
std::string printable(std::string_view text);

/// A record of __transaction_state or __consumer_offsets in words, as Kafka's kafka-dump-log told
/// it with its decoders up to 3.x: "key: transaction_metadata::transactionalId=pay payload: ...".
/// Nothing for other topics, and for records that are not understood.
std::optional<std::string> coordinatorRecordText(std::string_view topic, const RecordView &record);

} // namespace queuelab::log
