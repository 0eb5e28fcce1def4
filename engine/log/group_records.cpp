#include "engine/log/group_records.h"

#include "engine/core/result.h"
#include "engine/log/classic_fields.h"
#include "engine/log/flexible_fields.h"
#include "engine/log/transaction_records.h"

#include <algorithm>
#include <array>
#include <limits>

namespace queuelab::log {

namespace {

constexpr std::int16_t kLegacyOffsetCommitKey = 0;
constexpr std::int16_t kOffsetCommitKey = 1;
constexpr std::int16_t kGroupMetadataKey = 2;

struct ModernType {
    std::int16_t type;
    GroupType group;
    ModernRecord record;
};
constexpr std::array kModernTypes{
    ModernType{3, GroupType::Consumer, ModernRecord::GroupEpoch},
    ModernType{5, GroupType::Consumer, ModernRecord::Member},
    ModernType{6, GroupType::Consumer, ModernRecord::TargetEpoch},
    ModernType{7, GroupType::Consumer, ModernRecord::TargetMember},
    ModernType{8, GroupType::Consumer, ModernRecord::CurrentMember},
    ModernType{10, GroupType::Share, ModernRecord::Member},
    ModernType{11, GroupType::Share, ModernRecord::GroupEpoch},
    ModernType{12, GroupType::Share, ModernRecord::TargetEpoch},
    ModernType{13, GroupType::Share, ModernRecord::TargetMember},
    ModernType{14, GroupType::Share, ModernRecord::CurrentMember},
    ModernType{15, GroupType::Share, ModernRecord::ShareState},
};

bool isOfMember(ModernRecord record)
{
    return record == ModernRecord::Member || record == ModernRecord::TargetMember
        || record == ModernRecord::CurrentMember;
}

constexpr std::int16_t kCommitWithExpiry = 1;
constexpr std::int16_t kCommitVersion = 4;
constexpr std::int16_t kMetadataVersion = 3;
constexpr std::int16_t kFirstFlexible = 4; ///< of both values
constexpr std::int16_t kNewestKnown = 4;

void putNullableString(ByteWriter &out, const std::optional<std::string> &text)
{
    if (text)
        putString(out, *text);
    else
        out.integer(std::int16_t{-1});
}
void putBytes(ByteWriter &out, ByteView bytes)
{
    out.integer(static_cast<std::int32_t>(bytes.size()));
    out.bytes(bytes);
}
/// Reads the fields of a key or value, in the classic encoding or, from version 4 on, the flexible
/// one.
class Fields {
public:
    Fields(ByteView bytes, bool flexible)
        : m_in(bytes)
        , m_flexible(flexible)
    {
    }

    bool ok() const { return m_ok && m_in.ok(); }
    template <class T> T integer() { return m_in.integer<T>(); }
    std::optional<std::string> nullableString()
    {
        if (m_flexible)
            return m_in.nullableString();
        const auto size = m_in.integer<std::int16_t>();
        if (size < 0)
            return std::nullopt;
        return std::string(asText(m_in.bytes(static_cast<std::size_t>(size))));
    }
    std::string string()
    {
        std::optional<std::string> text = nullableString();
        m_ok = m_ok && text;
        return text ? std::move(*text) : std::string();
    }
    /// The length of an array or of bytes that are never null.
    std::uint32_t count()
    {
        if (m_flexible) {
            const auto count = m_in.arrayLength();
            m_ok = m_ok && count;
            return count.value_or(0);
        }
        const auto count = m_in.integer<std::int32_t>();
        m_ok = m_ok && count >= 0;
        return static_cast<std::uint32_t>(std::max(count, 0));
    }
    SharedBytes bytes()
    {
        const ByteView view = m_in.bytes(count());
        return SharedBytes(Bytes(view.begin(), view.end()));
    }
    /// What a newer writer has put behind a struct, such as a topic id, is passed over.
    void endStruct()
    {
        if (!m_flexible)
            return;
        m_in.endStruct([](std::uint32_t, FlexibleReader &content) {
            content.bytes(content.remaining());
            return true;
        });
    }

private:
    FlexibleReader m_in;
    bool m_flexible;
    bool m_ok = true;
};

/// The version in front; -1 when there is none that is known here.
std::int16_t versionOf(ByteView bytes)
{
    const auto version = ByteReader(bytes).integer<std::int16_t>();
    return bytes.size() < sizeof(version) || version > kNewestKnown ? std::int16_t{-1} : version;
}

} // namespace

bool isInternalTopic(std::string_view name)
{
    return name == kOffsetsTopic || name == kTransactionTopic || name == kShareStateTopic;
}

std::int32_t offsetsPartitionFor(std::string_view group, std::int32_t partitions)
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
    return (value < 0 ? -value : value) % partitions;
}

Bytes encodeKey(const OffsetKey &key)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(kOffsetCommitKey);
    putString(out, key.group);
    putString(out, key.partition.topic);
    out.integer(key.partition.partition);
    return bytes;
}

Bytes encodeKey(const GroupKey &key)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(kGroupMetadataKey);
    putString(out, key.group);
    return bytes;
}

Bytes encodeKey(const ModernKey &key)
{
    const auto known = std::ranges::find_if(kModernTypes, [&](const ModernType &type) {
        return type.group == key.type && type.record == key.key.record;
    });
    invariant(known != kModernTypes.end(), "a group writes only records of its own type");
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(known->type);
    putString(out, key.group);
    if (isOfMember(known->record))
        putString(out, key.key.memberId);
    return bytes;
}

std::optional<GroupRecordKey> decodeGroupRecordKey(ByteView bytes)
{
    Fields fields(bytes, false);
    const auto type = fields.integer<std::int16_t>();
    if (!fields.ok())
        return std::nullopt;
    switch (type) {
    case kLegacyOffsetCommitKey:
    case kOffsetCommitKey: {
        OffsetKey key;
        key.group = fields.string();
        key.partition.topic = fields.string();
        key.partition.partition = fields.integer<std::int32_t>();
        if (!fields.ok())
            return std::nullopt;
        return key;
    }
    case kGroupMetadataKey: {
        GroupKey key{fields.string()};
        if (!fields.ok())
            return std::nullopt;
        return key;
    }
    default:
        break;
    }
    const auto known = std::ranges::find(kModernTypes, type, &ModernType::type);
    if (known == kModernTypes.end())
        return OtherKey{type};
    ModernKey key{known->group, fields.string(), {known->record, {}}};
    if (isOfMember(known->record))
        key.key.memberId = fields.string();
    if (!fields.ok())
        return std::nullopt;
    return key;
}

Bytes encodeValue(const Commit &commit)
{
    Bytes bytes;
    ByteWriter out(bytes);
    if (commit.expireTimestampMs >= 0) {
        out.integer(kCommitWithExpiry);
        out.integer(commit.offset);
        putString(out, commit.metadata);
        out.integer(commit.timestampMs);
        out.integer(commit.expireTimestampMs);
        return bytes;
    }
    FlexibleWriter flexible(bytes);
    flexible.integer(kCommitVersion);
    flexible.integer(commit.offset);
    flexible.integer(commit.leaderEpoch);
    flexible.string(commit.metadata);
    flexible.integer(commit.timestampMs);
    flexible.endStruct();
    return bytes;
}

std::optional<Commit> decodeCommit(ByteView bytes)
{
    const std::int16_t version = versionOf(bytes);
    if (version < 0)
        return std::nullopt;
    Fields fields(bytes.subspan(sizeof(version)), version >= kFirstFlexible);
    Commit commit;
    commit.offset = fields.integer<std::int64_t>();
    if (version >= 3)
        commit.leaderEpoch = fields.integer<std::int32_t>();
    commit.metadata = fields.string();
    commit.timestampMs = fields.integer<std::int64_t>();
    if (version == kCommitWithExpiry)
        commit.expireTimestampMs = fields.integer<std::int64_t>();
    fields.endStruct();
    if (!fields.ok())
        return std::nullopt;
    return commit;
}

Bytes encodeValue(const GroupMetadata &metadata)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(kMetadataVersion);
    putString(out, metadata.protocolType);
    out.integer(metadata.generation);
    putNullableString(out, metadata.protocol);
    putNullableString(out, metadata.leader);
    out.integer(metadata.stateTimestampMs);
    out.integer(static_cast<std::int32_t>(metadata.members.size()));
    for (const GroupMetadata::Member &member : metadata.members) {
        putString(out, member.memberId);
        putNullableString(out, member.groupInstanceId);
        putString(out, member.clientId);
        putString(out, member.clientHost);
        out.integer(member.rebalanceTimeoutMs);
        out.integer(member.sessionTimeoutMs);
        putBytes(out, member.subscription.view());
        putBytes(out, member.assignment.view());
    }
    return bytes;
}

std::optional<GroupMetadata> decodeGroupMetadata(ByteView bytes)
{
    const std::int16_t version = versionOf(bytes);
    if (version < 0)
        return std::nullopt;
    Fields fields(bytes.subspan(sizeof(version)), version >= kFirstFlexible);
    GroupMetadata metadata;
    metadata.protocolType = fields.string();
    metadata.generation = fields.integer<std::int32_t>();
    metadata.protocol = fields.nullableString();
    metadata.leader = fields.nullableString();
    if (version >= 2)
        metadata.stateTimestampMs = fields.integer<std::int64_t>();
    for (std::uint32_t left = fields.count(); left > 0 && fields.ok(); --left) {
        GroupMetadata::Member &member = metadata.members.emplace_back();
        member.memberId = fields.string();
        if (version >= 3)
            member.groupInstanceId = fields.nullableString();
        member.clientId = fields.string();
        member.clientHost = fields.string();
        if (version >= 1)
            member.rebalanceTimeoutMs = fields.integer<std::int32_t>();
        member.sessionTimeoutMs = fields.integer<std::int32_t>();
        member.subscription = fields.bytes();
        member.assignment = fields.bytes();
        fields.endStruct();
    }
    fields.endStruct();
    if (!fields.ok())
        return std::nullopt;
    return metadata;
}

} // namespace queuelab::log
