#pragma once

#include "engine/core/bytes.h"
#include "engine/log/cluster_image.h"
#include "engine/log/modern_group.h"

#include <map>
#include <string>

namespace queuelab::log {

/// The values of the records of consumer groups (KIP-848) and share groups (KIP-932), byte for byte
/// as Kafka 4.3 writes them, all in version 0. They name topics by id. The hash in the group's own
/// record, by which a change of its topics is noticed, is computed otherwise than Kafka does.
using TopicIds = std::map<std::string, TopicId>; ///< by name

/// The value for a key that exists(). Partitions of topics without an id are left out: they are
/// gone.
Bytes encodeValue(const ModernGroup &group, const ModernRecordKey &key, const TopicIds &topics);

/// Takes a value over into `group`; `image` tells the names of topics, partitions of others are
/// left out. False when it is malformed.
bool restoreValue(
    ModernGroup &group, const ModernRecordKey &key, ByteView value, const ClusterImage &image);

} // namespace queuelab::log
