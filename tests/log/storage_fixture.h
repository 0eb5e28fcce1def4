#pragma once

#include "engine/core/memory_files.h"
#include "engine/log/partition_log.h"

#include <string>
#include <vector>

namespace queuelab::log {

inline constexpr std::int64_t kT = 1'700'000'000'000; ///< the facts' base timestamp, milliseconds

/// What a PartitionLog needs to be used: files, a clock and the rest of a Context.
struct Storage {
    MemoryFiles files;
    Random random{1};
    Trace trace;
    Context context{Instant{std::chrono::milliseconds{kT}}, random, trace, files};

    void setNow(std::int64_t ms) { context.now = Instant{std::chrono::milliseconds{ms}}; }

    Result<PartitionLog, Error> tryOpen(
        const LogConfig &config = {}, bool clean = true, RecoveryReport *report = nullptr)
    {
        return PartitionLog::open("broker-1/orders-3", config, clean, context, report);
    }
    PartitionLog open(
        const LogConfig &config = {}, bool clean = true, RecoveryReport *report = nullptr)
    {
        return tryOpen(config, clean, report).value();
    }
    static std::string path(std::int64_t base, std::string_view suffix)
    {
        return segmentPath("broker-1/orders-3", base, suffix);
    }
    std::string hexOf(const std::string &name)
    {
        const FileId file = files.open(name, false).value();
        const std::string hex = toHex(readWhole(files, file).value());
        files.close(file);
        return hex;
    }
    void overwrite(const std::string &name, std::uint64_t position, ByteView bytes)
    {
        const FileId file = files.open(name, false).value();
        files.writeAt(file, position, bytes).value();
        files.sync(file).value();
        files.close(file);
    }
    void cut(const std::string &name, std::uint64_t size)
    {
        const FileId file = files.open(name, false).value();
        files.truncate(file, size).value();
        files.close(file);
    }
};

/// A batch of records "value" with these timestamps.
inline Bytes batchAt(const std::vector<std::int64_t> &timestamps, std::string_view value = "value")
{
    BatchBuilder builder;
    for (const std::int64_t timestamp : timestamps)
        builder.append(timestamp, std::nullopt, asBytes(value));
    const ByteView batch = builder.finish();
    return {batch.begin(), batch.end()};
}

/// `count` records at kT, each with a value of `valueBytes`.
inline Bytes batchOf(std::size_t count, std::size_t valueBytes = 5)
{
    return batchAt(std::vector<std::int64_t>(count, kT), std::string(valueBytes, 'v'));
}

/// All a log gives from `from` on, as one piece.
inline Bytes readAll(const PartitionLog &log, const Files &files, std::int64_t from)
{
    std::vector<SharedBytes> slices;
    log.read(from, INT64_MAX, UINT64_MAX, slices, files).value();
    Bytes bytes;
    for (const SharedBytes &slice : slices)
        bytes.insert(bytes.end(), slice.view().begin(), slice.view().end());
    return bytes;
}

/// "0-1 2-2": first and last offset of each batch in `bytes`; "?" for what is not a sound batch.
inline std::string offsetsIn(ByteView bytes)
{
    std::string text;
    while (!bytes.empty()) {
        const auto header = checkBatch(bytes);
        if (!text.empty())
            text += ' ';
        if (!header)
            return text + '?';
        text += std::to_string(header->baseOffset) + '-' + std::to_string(header->lastOffset());
        bytes = bytes.subspan(header->sizeBytes());
    }
    return text;
}

} // namespace queuelab::log
