#include "engine/log/coordinator_log.h"

#include <vector>

namespace queuelab::log {

Result<void, Error> readBack(const PartitionLog &log, std::int64_t highWatermark,
    const Files &files, const std::string &remedy,
    const std::function<bool(const RecordView &)> &take)
{
    constexpr std::uint64_t kChunkBytes = 1'048'576;
    const auto broken = [&](std::int64_t offset, const std::string &problem) {
        return std::unexpected(
            Error{log.directory(), problem + " at offset " + std::to_string(offset), remedy});
    };
    std::vector<SharedBytes> pieces;
    for (std::int64_t offset = log.logStartOffset(); offset < highWatermark;) {
        pieces.clear();
        const auto read = log.read(offset, highWatermark, kChunkBytes, pieces, files);
        if (!read)
            return broken(offset, "the coordinator's state cannot be read back");
        for (const SharedBytes &piece : pieces) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const auto header = readBatchHeader(rest);
                invariant(header.has_value(), "a read returns whole batches");
                const ByteView batch = rest.first(header->sizeBytes());
                rest = rest.subspan(header->sizeBytes());
                if (header->isControl())
                    continue;
                RecordCursor cursor(batch);
                while (cursor.next()) {
                    if (!take(cursor.record()))
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
    return {};
}

ErrorCode coordinatorError(ErrorCode appendError)
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

} // namespace queuelab::log
