// What a coordinator writes to __consumer_offsets, what becomes of it, and taking groups over.

#include "engine/log/group_coordinator.h"

#include "engine/log/control_records.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::string_view kRemedy =
    "restore the directory from a copy, or delete it: groups then start by auto.offset.reset";

std::int32_t milliseconds(Duration duration)
{
    return static_cast<std::int32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

/// What a client is told when a write failed (facts: kafka.md 3.2.8).
ErrorCode answerTo(ErrorCode appendError)
{
    switch (appendError) {
    case ErrorCode::UnknownTopicOrPartition:
    case ErrorCode::NotEnoughReplicas:
    case ErrorCode::NotEnoughReplicasAfterAppend:
    case ErrorCode::RequestTimedOut:
        return ErrorCode::CoordinatorNotAvailable;
    case ErrorCode::NotLeaderOrFollower:
    case ErrorCode::KafkaStorageError:
        return ErrorCode::NotCoordinator;
    case ErrorCode::MessageTooLarge:
    case ErrorCode::RecordListTooLarge:
        return ErrorCode::UnknownServerError;
    default:
        return appendError;
    }
}

} // namespace

std::int32_t GroupCoordinator::partitionOf(const std::string &group) const
{
    return offsetsPartitionFor(group, m_config.offsetsTopicPartitions);
}

bool GroupCoordinator::coordinates(const std::string &group) const
{
    return m_loaded.contains(partitionOf(group));
}

bool GroupCoordinator::isBeingWritten(const std::string &group) const
{
    return std::ranges::any_of(
        m_pending, [&group](const auto &entry) { return entry.second.group == group; });
}

void GroupCoordinator::write(const std::string &group, WriteKind kind, BatchBuilder &batch)
{
    const std::uint64_t id = m_nextWrite++;
    const std::int32_t partition = partitionOf(group);
    m_outbox.push_back({id, partition, batch.take()});
    m_pending.emplace(id, PendingWrite{group, partition, std::move(kind)});
}

void GroupCoordinator::writeMetadata(Group &group, WriteKind kind,
    const std::map<std::string, SharedBytes> &assignments, Context &context)
{
    GroupMetadata metadata;
    metadata.stateTimestampMs = group.stateTimestampMs;
    // Before the first round is over there is nothing to tell, but that the group is there.
    if (!std::holds_alternative<NewGroup>(kind)) {
        metadata.protocolType = group.protocolType;
        metadata.generation = group.generation;
        if (!group.protocolName.empty())
            metadata.protocol = group.protocolName;
        if (!group.leaderId.empty())
            metadata.leader = group.leaderId;
        metadata.members.reserve(group.members.size());
        for (const auto &[id, member] : group.members) {
            const auto assigned = assignments.find(id);
            metadata.members.push_back({id, member.groupInstanceId, member.clientId, {},
                milliseconds(member.rebalanceTimeout), milliseconds(member.sessionTimeout),
                metadataFor(member, group.protocolName),
                assigned == assignments.end() ? SharedBytes() : assigned->second});
        }
    }
    const std::int64_t nowMs = epochMillis(context.wallClock());
    BatchBuilder batch;
    batch.reset();
    for (const Bytes &key : std::exchange(group.toBury, {}))
        batch.append(nowMs, key, std::nullopt);
    batch.append(nowMs, encodeKey(GroupKey{group.id}), encodeValue(metadata));
    write(group.id, std::move(kind), batch);
}

void GroupCoordinator::takeWrites(std::vector<Write> &out)
{
    std::ranges::move(m_outbox, std::back_inserter(out));
    m_outbox.clear();
}

void GroupCoordinator::written(
    std::uint64_t id, ErrorCode error, Context &context, Effects &effects)
{
    auto node = m_pending.extract(id);
    if (node.empty())
        return;
    PendingWrite &pending = node.mapped();
    std::visit([&](auto &kind) { finish(pending.group, kind, answerTo(error), context, effects); },
        pending.kind);
}

void GroupCoordinator::finish(
    const std::string &groupId, NewGroup &, ErrorCode error, Context &context, Effects &effects)
{
    Group *group = find(groupId);
    // When it has come as far as a generation, that was written too, or will be.
    if (error == ErrorCode::None || !group || group->generation > 0)
        return;
    for (auto &[memberId, member] : group->members) {
        if (!member.joinCall)
            continue;
        JoinGroupResponse response;
        response.error = error;
        member.joinCall->answer(std::move(response), effects);
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::MemberLeft),
            .reason = reason(LogReason::AssignmentNotStored),
            .subject = group->name,
            .actor = member.name});
    }
    forget(*group);
}

void GroupCoordinator::finish(const std::string &, Emptied &, ErrorCode, Context &, Effects &)
{
    // When it failed and the broker fails too, the generation before comes back and times out.
}

Result<GroupCoordinator::StoredGroups, Error> GroupCoordinator::readBack(
    const PartitionLog &log, std::int64_t highWatermark, const Files &files)
{
    constexpr std::uint64_t kChunkBytes = 1'048'576;
    const auto broken = [&log](std::int64_t offset, const std::string &problem) {
        return std::unexpected(Error{log.directory(),
            problem + " at offset " + std::to_string(offset), std::string(kRemedy)});
    };
    StoredGroups groups;
    std::vector<SharedBytes> pieces;
    for (std::int64_t offset = log.logStartOffset(); offset < highWatermark;) {
        pieces.clear();
        const auto read = log.read(offset, highWatermark, kChunkBytes, pieces, files);
        if (!read)
            return broken(offset, "groups cannot be read back");
        for (const SharedBytes &piece : pieces) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const auto header = readBatchHeader(rest);
                invariant(header.has_value(), "a read returns whole batches");
                const ByteView batch = rest.first(header->sizeBytes());
                rest = rest.subspan(header->sizeBytes());
                const std::int64_t transaction =
                    header->isTransactional() ? header->producerId : -1;
                RecordCursor cursor(batch);
                while (cursor.next()) {
                    if (header->isControl())
                        applyMarker(cursor.record(), header->producerId, groups);
                    else if (!apply(cursor.record(), transaction, groups))
                        return broken(cursor.record().offset, "a record is malformed");
                }
                if (!cursor.ok())
                    return broken(header->baseOffset, "a batch is malformed");
            }
        }
        if (read->nextOffset <= offset)
            break; // what is left of the log holds no whole batch below the high watermark
        offset = read->nextOffset;
    }
    return groups;
}

/// Pending offsets of this producer count now, or are dropped.
void GroupCoordinator::applyMarker(
    const RecordView &marker, std::int64_t producerId, StoredGroups &groups)
{
    const auto type = marker.key ? readControlType(*marker.key) : std::nullopt;
    if (type != ControlType::Commit && type != ControlType::Abort)
        return;
    for (auto &[id, group] : groups) {
        auto ended = group.pendingTxn.extract(producerId);
        if (!ended.empty() && type == ControlType::Commit)
            materialize(std::move(ended.mapped()), group.offsets);
    }
}

/// `transaction` is the producer of a transactional batch, else -1. False when the record cannot be
/// understood.
bool GroupCoordinator::apply(
    const RecordView &record, std::int64_t transaction, StoredGroups &groups)
{
    const auto key = record.key ? decodeGroupRecordKey(*record.key) : std::nullopt;
    if (!key)
        return false;
    if (const auto *offset = std::get_if<OffsetKey>(&*key)) {
        if (!record.value) {
            if (const auto group = groups.find(offset->group); group != groups.end()) {
                group->second.offsets.erase(offset->partition);
                for (auto &[producerId, pending] : group->second.pendingTxn)
                    pending.erase(offset->partition);
            }
            return true;
        }
        auto commit = decodeCommit(*record.value);
        if (!commit)
            return false;
        Stored &group = groups[offset->group];
        StoredCommits &offsets = transaction < 0 ? group.offsets : group.pendingTxn[transaction];
        offsets[offset->partition] = {std::move(*commit), record.offset};
        return true;
    }
    if (const auto *group = std::get_if<GroupKey>(&*key)) {
        if (!record.value) {
            groups[group->group].metadata.reset();
            return true;
        }
        groups[group->group].metadata = decodeGroupMetadata(*record.value);
        return groups[group->group].metadata.has_value();
    }
    if (const auto *modern = std::get_if<ModernKey>(&*key)) {
        auto &records = groups[modern->group].modern[modern->type];
        if (record.value)
            records[modern->key].assign(record.value->begin(), record.value->end());
        else
            records.erase(modern->key);
        return true;
    }
    return true; // of a kind of group that is not coordinated here
}

void GroupCoordinator::takeOver(Group &group, const GroupMetadata &metadata, Context &context)
{
    group.state = metadata.members.empty() ? GroupState::Empty : GroupState::Stable;
    group.previousState = group.state;
    group.stateTimestampMs = metadata.stateTimestampMs;
    group.generation = metadata.generation;
    group.protocolType = metadata.protocolType;
    group.protocolName = metadata.protocol.value_or(std::string());
    group.leaderId = metadata.leader.value_or(std::string());
    for (const GroupMetadata::Member &stored : metadata.members) {
        Member &member = group.members[stored.memberId];
        member.memberId = stored.memberId;
        member.clientId = stored.clientId;
        member.name = context.trace.name(stored.clientId);
        member.groupInstanceId = stored.groupInstanceId;
        member.sessionTimeout = std::chrono::milliseconds{stored.sessionTimeoutMs};
        member.rebalanceTimeout = stored.rebalanceTimeoutMs < 0
            ? member.sessionTimeout
            : std::chrono::milliseconds{stored.rebalanceTimeoutMs};
        member.protocols = {{group.protocolName, stored.subscription}};
        member.assignment = stored.assignment;
        if (member.groupInstanceId)
            group.staticMembers[*member.groupInstanceId] = stored.memberId;
    }
}

Result<void, Error> GroupCoordinator::load(std::int32_t partition, const PartitionLog &log,
    std::int64_t highWatermark, Context &context, const ClusterImage &image)
{
    if (m_loaded.contains(partition))
        return {};
    auto stored = readBack(log, highWatermark, context.files);
    if (!stored)
        return std::unexpected(stored.error());
    m_loaded[partition] = m_deadlines.set(
        context.now + kOffsetsRetentionCheckInterval, {Due::Retention, {}, {}, partition});
    m_nextOrder = std::max(m_nextOrder, highWatermark);
    for (auto &[id, found] : *stored) {
        std::erase_if(found.pendingTxn, [](const auto &entry) { return entry.second.empty(); });
        std::erase_if(found.modern, [](const auto &entry) { return entry.second.empty(); });
        if (!found.metadata && found.offsets.empty() && found.pendingTxn.empty()
            && found.modern.empty())
            continue; // all were deleted
        Group &group = create(id, context);
        group.offsets = std::move(found.offsets);
        group.pendingTxn = std::move(found.pendingTxn);
        if (found.metadata)
            takeOver(group, *found.metadata, context);
        if (!takeOverModern(group, found, image, context)) {
            return std::unexpected(Error{log.directory(),
                "the records of group " + id + " are malformed", std::string(kRemedy)});
        }
        revive(group, image, context);
    }
    return {};
}

void GroupCoordinator::revive(Group &group, const ClusterImage &image, Context &context)
{
    for (auto &[id, member] : group.members)
        keepAlive(group, member, context);
    if (group.modern)
        reviveModern(group, image, context);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::GroupLoaded),
        .subject = group.name,
        .actor = context.trace.name("broker-" + std::to_string(m_broker.value())),
        .value = group.generation});
    if (group.members.size() > static_cast<std::size_t>(std::max(m_config.groupMaxSize, 0))) {
        // The limit is lower here: the last to rejoin will find no place.
        Effects nobodyWaits;
        prepareRebalance(group, LogReason::GroupFull, context, nobodyWaits);
    }
}

void GroupCoordinator::unload(std::int32_t partition, Context &context, Effects &effects)
{
    const auto loaded = m_loaded.find(partition);
    if (loaded == m_loaded.end())
        return;
    m_deadlines.cancel(loaded->second);
    m_loaded.erase(loaded);
    std::erase_if(
        m_outbox, [partition](const Write &write) { return write.partition == partition; });

    // Whether they made it into the log, the next coordinator knows.
    for (auto at = m_pending.begin(); at != m_pending.end();) {
        if (at->second.partition != partition) {
            ++at;
            continue;
        }
        auto node = m_pending.extract(at++);
        PendingWrite &pending = node.mapped();
        if (auto *commit = std::get_if<OffsetsCommitted>(&pending.kind))
            finish(pending.group, *commit, ErrorCode::NotCoordinator, context, effects);
        else if (auto *inTxn = std::get_if<TxnOffsetsWritten>(&pending.kind))
            finish(pending.group, *inTxn, ErrorCode::NotCoordinator, context, effects);
        else if (auto *modern = std::get_if<ModernWritten>(&pending.kind))
            finish(pending.group, *modern, ErrorCode::NotCoordinator, context, effects);
    }
    for (auto at = m_groups.begin(); at != m_groups.end();) {
        Group &group = (at++)->second;
        if (group.partition != partition)
            continue;
        for (auto &[id, member] : group.members) {
            if (member.joinCall) {
                JoinGroupResponse response;
                response.error = ErrorCode::NotCoordinator;
                response.memberId = id;
                member.joinCall->answer(std::move(response), effects);
            }
            if (member.syncCall) {
                SyncGroupResponse response;
                response.error = ErrorCode::NotCoordinator;
                member.syncCall->answer(std::move(response), effects);
            }
        }
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::GroupUnloaded),
            .subject = group.name,
            .actor = context.trace.name("broker-" + std::to_string(m_broker.value()))});
        forget(group);
    }
}

} // namespace queuelab::log
