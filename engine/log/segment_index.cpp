#include "engine/log/segment_index.h"

namespace queuelab::log {

Bytes encodeIndex(std::span<const IndexEntry> entries)
{
    Bytes bytes(entries.size() * kIndexEntryBytes);
    std::uint8_t *at = bytes.data();
    for (const IndexEntry &entry : entries) {
        storeBigEndian(at, entry.relativeOffset);
        storeBigEndian(at + 4, entry.position);
        at += kIndexEntryBytes;
    }
    return bytes;
}

Bytes encodeTimeIndex(std::span<const TimeIndexEntry> entries)
{
    Bytes bytes(entries.size() * kTimeIndexEntryBytes);
    std::uint8_t *at = bytes.data();
    for (const TimeIndexEntry &entry : entries) {
        storeBigEndian(at, entry.timestamp);
        storeBigEndian(at + 8, entry.relativeOffset);
        at += kTimeIndexEntryBytes;
    }
    return bytes;
}

std::vector<IndexEntry> decodeIndex(ByteView bytes)
{
    std::vector<IndexEntry> entries;
    entries.reserve(bytes.size() / kIndexEntryBytes);
    for (; bytes.size() >= kIndexEntryBytes; bytes = bytes.subspan(kIndexEntryBytes)) {
        entries.push_back({loadBigEndian<std::int32_t>(bytes.data()),
            loadBigEndian<std::int32_t>(bytes.data() + 4)});
    }
    return entries;
}

std::vector<TimeIndexEntry> decodeTimeIndex(ByteView bytes)
{
    std::vector<TimeIndexEntry> entries;
    entries.reserve(bytes.size() / kTimeIndexEntryBytes);
    for (; bytes.size() >= kTimeIndexEntryBytes; bytes = bytes.subspan(kTimeIndexEntryBytes)) {
        entries.push_back({loadBigEndian<std::int64_t>(bytes.data()),
            loadBigEndian<std::int32_t>(bytes.data() + 8)});
    }
    return entries;
}

} // namespace queuelab::log
