#include "engine/log/offset_store.h"

#include "engine/log/record_batch.h"

#include <charconv>

namespace queuelab::log {

namespace {

constexpr std::int16_t kOffsetCommitKey = 1;
constexpr std::int16_t kOffsetCommitKeyLegacy = 0;
constexpr std::int16_t kOffsetCommitValue = 3;
constexpr std::int32_t kLeaderEpoch = 0;

void putString(ByteWriter &out, std::string_view text)
{
    out.integer(static_cast<std::int16_t>(text.size()));
    out.bytes(asBytes(text));
}

std::string takeString(ByteReader &in)
{
    const auto size = in.integer<std::int16_t>();
    return size < 0 ? std::string() : std::string(asText(in.bytes(static_cast<std::size_t>(size))));
}

LogConfig offsetsLogConfig()
{
    LogConfig config;
    config.segmentBytes = 104'857'600; // offsets.topic.segment.bytes
    config.retentionMs = -1; // the topic is compacted, never aged out
    config.timestampAfterMaxMs = std::numeric_limits<std::int64_t>::max();
    return config;
}

} // namespace

std::int32_t offsetsPartitionFor(std::string_view group)
{
    // Java hashes UTF-16 units; group ids beyond ASCII are decoded for it.
    std::uint32_t hash = 0;
    const auto add = [&hash](std::uint32_t unit) { hash = hash * 31 + unit; };
    for (std::size_t i = 0; i < group.size();) {
        const auto lead = static_cast<std::uint8_t>(group[i]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        std::uint32_t point = length == 1 ? lead : lead & (0xffU >> (length + 1));
        for (std::size_t k = 1; k < length && i + k < group.size(); ++k)
            point = point << 6 | (static_cast<std::uint8_t>(group[i + k]) & 0x3fU);
        i += length;
        if (point >= 0x10000) {
            add(0xd800 + ((point - 0x10000) >> 10));
            add(0xdc00 + ((point - 0x10000) & 0x3ff));
        } else {
            add(point);
        }
    }
    const auto value = static_cast<std::int32_t>(hash);
    if (value == std::numeric_limits<std::int32_t>::min())
        return 0;
    return (value < 0 ? -value : value) % kOffsetsPartitions;
}

Bytes encodeOffsetKey(const OffsetKey &key)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(kOffsetCommitKey);
    putString(out, key.group);
    putString(out, key.partition.topic);
    out.integer(key.partition.partition);
    return bytes;
}

std::optional<OffsetKey> decodeOffsetKey(ByteView bytes)
{
    ByteReader in(bytes);
    const auto type = in.integer<std::int16_t>();
    if (type != kOffsetCommitKey && type != kOffsetCommitKeyLegacy)
        return std::nullopt;
    OffsetKey key;
    key.group = takeString(in);
    key.partition.topic = takeString(in);
    key.partition.partition = in.integer<std::int32_t>();
    if (!in.ok())
        return std::nullopt;
    return key;
}

Bytes encodeOffsetValue(const Commit &commit)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(kOffsetCommitValue);
    out.integer(commit.offset);
    out.integer(commit.leaderEpoch);
    putString(out, commit.metadata);
    out.integer(commit.timestampMs);
    return bytes;
}

std::optional<Commit> decodeOffsetValue(ByteView bytes)
{
    ByteReader in(bytes);
    if (in.integer<std::int16_t>() != kOffsetCommitValue)
        return std::nullopt;
    Commit commit;
    commit.offset = in.integer<std::int64_t>();
    commit.leaderEpoch = in.integer<std::int32_t>();
    commit.metadata = takeString(in);
    commit.timestampMs = in.integer<std::int64_t>();
    if (!in.ok())
        return std::nullopt;
    return commit;
}

Result<void, Error> OffsetStore::open(const std::string &directory, bool cleanShutdown,
    Context &context, std::vector<std::string> &notes)
{
    m_directory = directory;
    const auto names = context.files.list(directory);
    if (!names)
        return std::unexpected(names.error());
    const std::string prefix = std::string(kOffsetsTopic) + "-";
    for (const std::string &name : *names) {
        if (!name.starts_with(prefix))
            continue;
        std::int32_t partition = -1;
        const char *end = name.data() + name.size();
        const auto parsed = std::from_chars(name.data() + prefix.size(), end, partition);
        if (parsed.ec != std::errc() || parsed.ptr != end)
            continue;
        RecoveryReport report;
        auto log = PartitionLog::open(
            directory + "/" + name, offsetsLogConfig(), cleanShutdown, context, &report);
        if (!log)
            return std::unexpected(log.error());
        notes.insert(notes.end(), report.notes.begin(), report.notes.end());
        if (const auto read = readBack(*log, context.files); !read)
            return read;
        m_logs.emplace(partition, std::move(*log));
    }
    return {};
}

Result<void, Error> OffsetStore::readBack(const PartitionLog &log, const Files &files)
{
    constexpr std::uint64_t kChunkBytes = 1'048'576;
    std::vector<SharedBytes> pieces;
    for (std::int64_t offset = log.logStartOffset(); offset < log.logEndOffset();) {
        pieces.clear();
        const auto read = log.read(offset, log.logEndOffset(), kChunkBytes, pieces, files);
        if (!read) {
            return std::unexpected(Error{log.directory(),
                "committed offsets cannot be read from offset " + std::to_string(offset),
                "restore the directory from a copy, or delete it: groups then start by "
                "auto.offset.reset"});
        }
        for (const SharedBytes &piece : pieces) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const auto header = readBatchHeader(rest);
                invariant(header.has_value(), "a read returns whole batches");
                for (RecordCursor cursor(rest.first(header->sizeBytes())); cursor.next();) {
                    const RecordView &record = cursor.record();
                    const auto key = record.key ? decodeOffsetKey(*record.key) : std::nullopt;
                    if (!key)
                        continue;
                    const auto commit =
                        record.value ? decodeOffsetValue(*record.value) : std::nullopt;
                    if (commit)
                        m_commits[key->group][key->partition] = *commit;
                    else if (const auto group = m_commits.find(key->group);
                        group != m_commits.end())
                        group->second.erase(key->partition);
                }
                rest = rest.subspan(header->sizeBytes());
            }
        }
        offset = read->nextOffset;
    }
    std::erase_if(m_commits, [](const auto &entry) { return entry.second.empty(); });
    return {};
}

Result<void, Error> OffsetStore::close(Context &context)
{
    for (auto &[partition, log] : m_logs) {
        if (const auto closed = log.close(context); !closed)
            return closed;
    }
    return {};
}

Result<PartitionLog *, Error> OffsetStore::logOf(std::int32_t partition, Context &context)
{
    if (const auto found = m_logs.find(partition); found != m_logs.end())
        return &found->second;
    auto log = PartitionLog::open(
        m_directory + "/" + TopicPartition{std::string(kOffsetsTopic), partition}.name(),
        offsetsLogConfig(), true, context, nullptr);
    if (!log)
        return std::unexpected(log.error());
    return &m_logs.emplace(partition, std::move(*log)).first->second;
}

ErrorCode OffsetStore::append(const std::string &group, ByteView batch, Context &context)
{
    const auto log = logOf(offsetsPartitionFor(group), context);
    if (!log)
        return ErrorCode::NotCoordinator; // as Kafka maps its storage error for groups
    const auto appended = (*log)->append(batch, kLeaderEpoch, context);
    if (appended)
        return ErrorCode::None;
    return appended.error() == ErrorCode::KafkaStorageError ? ErrorCode::NotCoordinator
                                                            : appended.error();
}

ErrorCode OffsetStore::commit(const std::string &group, const Commits &commits, Context &context)
{
    if (commits.empty())
        return ErrorCode::None;
    BatchBuilder batch;
    batch.reset();
    for (const auto &[partition, commit] : commits) {
        batch.append(
            commit.timestampMs, encodeOffsetKey({group, partition}), encodeOffsetValue(commit));
    }
    if (const ErrorCode error = append(group, batch.finish(), context); error != ErrorCode::None)
        return error;
    Commits &known = m_commits[group];
    for (const auto &[partition, commit] : commits)
        known[partition] = commit;
    return ErrorCode::None;
}

void OffsetStore::forgetTopic(const std::string &topic, Context &context)
{
    for (auto &[group, commits] : m_commits) {
        BatchBuilder tombstones;
        tombstones.reset();
        for (const auto &[partition, commit] : commits) {
            if (partition.topic == topic) {
                tombstones.append(epochMillis(context.wallClock()),
                    encodeOffsetKey({group, partition}), std::nullopt);
            }
        }
        if (tombstones.recordCount() == 0)
            continue;
        // When this cannot be written the commits come back with the next start; they then point
        // into a topic that is not there, which harms nobody.
        append(group, tombstones.finish(), context);
        std::erase_if(commits, [&topic](const auto &entry) { return entry.first.topic == topic; });
    }
    std::erase_if(m_commits, [](const auto &entry) { return entry.second.empty(); });
}

const OffsetStore::Commits *OffsetStore::commitsOf(const std::string &group) const
{
    const auto found = m_commits.find(group);
    return found == m_commits.end() ? nullptr : &found->second;
}

} // namespace queuelab::log
