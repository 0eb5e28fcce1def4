#include "engine/log/metadata_record.h"

#include "engine/log/flexible_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::log {
namespace {

constexpr std::uint32_t kFrameVersion = 1;
constexpr std::size_t kUuidBytes = 16;

/// The directory a replica lies in (KIP-858) is not known here: DirectoryId.UNASSIGNED, as Kafka
/// writes for a broker that has not told yet.
constexpr std::array<std::uint8_t, kUuidBytes> kUnassignedDirectory{
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

// "apiKey" in the schemas, and the versions that Kafka 4.3 writes with its newest metadata
// version and eligible leader replicas on.
struct Kind {
    std::uint32_t apiKey;
    std::uint32_t version;
};
constexpr Kind kRegisterBroker{0, 3};
constexpr Kind kTopic{2, 0};
constexpr Kind kPartition{3, 2};
constexpr Kind kConfig{4, 0};
constexpr Kind kPartitionChange{5, 2};
constexpr Kind kRemoveTopic{9, 0};
constexpr Kind kProducerIds{15, 0};
constexpr Kind kBrokerRegistrationChange{17, 2};

// Tags of PartitionRecord (…Of) and PartitionChangeRecord.
constexpr std::uint32_t kElrOfPartition = 1;
constexpr std::uint32_t kLastKnownElrOfPartition = 2;
constexpr std::uint32_t kIsr = 0;
constexpr std::uint32_t kLeader = 1;
constexpr std::uint32_t kReplicas = 2;
constexpr std::uint32_t kElr = 6;
constexpr std::uint32_t kLastKnownElr = 7;
// Tags of BrokerRegistrationChangeRecord.
constexpr std::uint32_t kFenced = 0;
constexpr std::uint32_t kInControlledShutdown = 1;

void frame(FlexibleWriter &out, Kind kind)
{
    out.unsignedVarint(kFrameVersion);
    out.unsignedVarint(kind.apiKey);
    out.unsignedVarint(kind.version);
}

void tagIntegers(FlexibleWriter &out, std::uint32_t tag, const std::vector<std::int32_t> &values)
{
    out.tagged(tag, [&](FlexibleWriter &field) { field.integers(values); });
}

void tagIntegers(
    FlexibleWriter &out, std::uint32_t tag, const std::optional<std::vector<std::int32_t>> &values)
{
    if (values)
        tagIntegers(out, tag, *values);
}

void write(FlexibleWriter &out, const RegisterBrokerRecord &record)
{
    frame(out, kRegisterBroker);
    out.integer(record.brokerId);
    out.boolean(false); // isMigratingZkBroker
    out.integer(std::uint64_t{0});
    out.integer(record.incarnation);
    out.integer(record.brokerEpoch);
    out.arrayLength(0); // endPoints: brokers of a world know each other by id
    out.arrayLength(0); // features
    out.null(); // rack
    out.boolean(record.fenced);
    out.boolean(record.inControlledShutdown);
    out.endStruct();
}

void write(FlexibleWriter &out, const BrokerRegistrationChangeRecord &record)
{
    frame(out, kBrokerRegistrationChange);
    out.integer(record.brokerId);
    out.integer(record.brokerEpoch);
    if (record.fenced) {
        out.tagged(kFenced, [&](FlexibleWriter &field) {
            field.integer(static_cast<std::int8_t>(*record.fenced ? 1 : -1));
        });
    }
    if (record.inControlledShutdown) {
        out.tagged(
            kInControlledShutdown, [](FlexibleWriter &field) { field.integer(std::int8_t{1}); });
    }
    out.endStruct();
}

void write(FlexibleWriter &out, const TopicRecord &record)
{
    frame(out, kTopic);
    out.string(record.name);
    out.bytes(record.topicId);
    out.endStruct();
}

void write(FlexibleWriter &out, const PartitionRecord &record)
{
    frame(out, kPartition);
    out.integer(record.partition);
    out.bytes(record.topicId);
    out.integers(record.replicas);
    out.integers(record.isr);
    out.arrayLength(0); // removingReplicas
    out.arrayLength(0); // addingReplicas
    out.integer(record.leader);
    out.integer(record.leaderEpoch);
    out.integer(record.partitionEpoch);
    out.arrayLength(record.replicas.size());
    for (std::size_t i = 0; i < record.replicas.size(); ++i)
        out.bytes(kUnassignedDirectory);
    if (!record.eligibleLeaderReplicas.empty())
        tagIntegers(out, kElrOfPartition, record.eligibleLeaderReplicas);
    if (!record.lastKnownElr.empty())
        tagIntegers(out, kLastKnownElrOfPartition, record.lastKnownElr);
    out.endStruct();
}

void write(FlexibleWriter &out, const PartitionChangeRecord &record)
{
    frame(out, kPartitionChange);
    out.integer(record.partition);
    out.bytes(record.topicId);
    tagIntegers(out, kIsr, record.isr);
    if (record.leader)
        out.tagged(kLeader, [&](FlexibleWriter &field) { field.integer(*record.leader); });
    tagIntegers(out, kReplicas, record.replicas);
    tagIntegers(out, kElr, record.eligibleLeaderReplicas);
    tagIntegers(out, kLastKnownElr, record.lastKnownElr);
    out.endStruct();
}

void write(FlexibleWriter &out, const RemoveTopicRecord &record)
{
    frame(out, kRemoveTopic);
    out.bytes(record.topicId);
    out.endStruct();
}

void write(FlexibleWriter &out, const ConfigRecord &record)
{
    frame(out, kConfig);
    out.integer(static_cast<std::int8_t>(record.resource));
    out.string(record.name);
    out.string(record.key);
    if (record.value)
        out.string(*record.value);
    else
        out.null();
    out.endStruct();
}

void write(FlexibleWriter &out, const ProducerIdsRecord &record)
{
    frame(out, kProducerIds);
    out.integer(record.brokerId);
    out.integer(record.brokerEpoch);
    out.integer(record.nextProducerId);
    out.endStruct();
}

std::array<std::uint8_t, kUuidBytes> uuid(FlexibleReader &in)
{
    std::array<std::uint8_t, kUuidBytes> id{};
    std::ranges::copy(in.bytes(kUuidBytes), id.begin());
    return id;
}

/// Arrays that this engine always writes empty. False when it is not: then it says what we would
/// leave out.
bool emptyArray(FlexibleReader &in)
{
    return in.arrayLength() == 0U;
}

std::optional<MetadataRecord> readRegisterBroker(FlexibleReader &in)
{
    RegisterBrokerRecord record;
    record.brokerId = in.integer<std::int32_t>();
    bool plain = !in.boolean();
    plain = in.integer<std::uint64_t>() == 0 && plain;
    record.incarnation = in.integer<std::uint64_t>();
    record.brokerEpoch = in.integer<std::int64_t>();
    plain = emptyArray(in) && emptyArray(in) && !in.nullableString() && plain;
    record.fenced = in.boolean();
    record.inControlledShutdown = in.boolean();
    in.endStruct();
    return plain ? std::optional<MetadataRecord>(record) : std::nullopt;
}

std::optional<MetadataRecord> readBrokerRegistrationChange(FlexibleReader &in)
{
    BrokerRegistrationChangeRecord record;
    record.brokerId = in.integer<std::int32_t>();
    record.brokerEpoch = in.integer<std::int64_t>();
    in.endStruct([&record](std::uint32_t tag, FlexibleReader &field) {
        const auto change = field.integer<std::int8_t>();
        if (tag == kFenced && (change == 1 || change == -1))
            record.fenced = change == 1;
        else if (tag == kInControlledShutdown && change == 1)
            record.inControlledShutdown = true;
        else
            return false;
        return true;
    });
    return record;
}

std::optional<MetadataRecord> readTopic(FlexibleReader &in)
{
    TopicRecord record;
    record.name = in.string();
    record.topicId = uuid(in);
    in.endStruct();
    return record;
}

std::optional<MetadataRecord> readPartition(FlexibleReader &in)
{
    PartitionRecord record;
    record.partition = in.integer<std::int32_t>();
    record.topicId = uuid(in);
    record.replicas = in.integers();
    record.isr = in.integers();
    bool plain = emptyArray(in) && emptyArray(in);
    record.leader = in.integer<std::int32_t>();
    record.leaderEpoch = in.integer<std::int32_t>();
    record.partitionEpoch = in.integer<std::int32_t>();
    plain = in.arrayLength() == record.replicas.size() && plain;
    in.bytes(record.replicas.size() * kUuidBytes);
    in.endStruct([&record](std::uint32_t tag, FlexibleReader &field) {
        if (tag == kElrOfPartition)
            record.eligibleLeaderReplicas = field.integers();
        else if (tag == kLastKnownElrOfPartition)
            record.lastKnownElr = field.integers();
        else
            return false;
        return true;
    });
    return plain ? std::optional<MetadataRecord>(std::move(record)) : std::nullopt;
}

std::optional<MetadataRecord> readPartitionChange(FlexibleReader &in)
{
    PartitionChangeRecord record;
    record.partition = in.integer<std::int32_t>();
    record.topicId = uuid(in);
    in.endStruct([&record](std::uint32_t tag, FlexibleReader &field) {
        switch (tag) {
        case kIsr:
            record.isr = field.integers();
            return true;
        case kLeader:
            record.leader = field.integer<std::int32_t>();
            return true;
        case kReplicas:
            record.replicas = field.integers();
            return true;
        case kElr:
            record.eligibleLeaderReplicas = field.integers();
            return true;
        case kLastKnownElr:
            record.lastKnownElr = field.integers();
            return true;
        default:
            return false;
        }
    });
    return record;
}

std::optional<MetadataRecord> readRemoveTopic(FlexibleReader &in)
{
    RemoveTopicRecord record;
    record.topicId = uuid(in);
    in.endStruct();
    return record;
}

std::optional<MetadataRecord> readConfig(FlexibleReader &in)
{
    ConfigRecord record;
    record.resource = static_cast<ConfigResource>(in.integer<std::int8_t>());
    const bool isKnown =
        record.resource == ConfigResource::Topic || record.resource == ConfigResource::Group;
    record.name = in.string();
    record.key = in.string();
    record.value = in.nullableString();
    in.endStruct();
    return isKnown ? std::optional<MetadataRecord>(std::move(record)) : std::nullopt;
}

std::optional<MetadataRecord> readProducerIds(FlexibleReader &in)
{
    ProducerIdsRecord record;
    record.brokerId = in.integer<std::int32_t>();
    record.brokerEpoch = in.integer<std::int64_t>();
    record.nextProducerId = in.integer<std::int64_t>();
    in.endStruct();
    return record;
}

struct Decoder {
    Kind kind;
    std::string_view name;
    std::optional<MetadataRecord> (*read)(FlexibleReader &);
};
constexpr std::array kDecoders{
    Decoder{kRegisterBroker, "RegisterBrokerRecord", readRegisterBroker},
    Decoder{kTopic, "TopicRecord", readTopic},
    Decoder{kPartition, "PartitionRecord", readPartition},
    Decoder{kConfig, "ConfigRecord", readConfig},
    Decoder{kPartitionChange, "PartitionChangeRecord", readPartitionChange},
    Decoder{kRemoveTopic, "RemoveTopicRecord", readRemoveTopic},
    Decoder{kProducerIds, "ProducerIdsRecord", readProducerIds},
    Decoder{
        kBrokerRegistrationChange, "BrokerRegistrationChangeRecord", readBrokerRegistrationChange},
};

std::unexpected<Error> refused(std::string problem)
{
    return std::unexpected(Error{"metadata record", std::move(problem),
        "the metadata log was written by a newer version, or is damaged"});
}

} // namespace

Bytes encodeMetadataRecord(const MetadataRecord &record)
{
    Bytes bytes;
    FlexibleWriter out(bytes);
    std::visit([&out](const auto &kind) { write(out, kind); }, record);
    return bytes;
}

Result<MetadataRecord, Error> decodeMetadataRecord(ByteView value)
{
    FlexibleReader in(value);
    const std::uint32_t frameVersion = in.unsignedVarint();
    const std::uint32_t apiKey = in.unsignedVarint();
    const std::uint32_t version = in.unsignedVarint();
    if (!in.ok())
        return refused("it ends within its frame");
    if (frameVersion != kFrameVersion)
        return refused(fmt::format("frame version {} is not known", frameVersion));
    const auto decoder = std::ranges::find(
        kDecoders, apiKey, [](const Decoder &candidate) { return candidate.kind.apiKey; });
    if (decoder == kDecoders.end())
        return refused(fmt::format("records of kind {} are not known", apiKey));
    if (version != decoder->kind.version)
        return refused(fmt::format("version {} of {} is not known", version, decoder->name));
    auto record = decoder->read(in);
    if (!in.ok() || (record && in.remaining() != 0))
        return refused(
            fmt::format("{} is not well formed, or has fields that are not known", decoder->name));
    if (!record)
        return refused(fmt::format("{} holds what this engine does not do", decoder->name));
    return std::move(*record);
}

} // namespace queuelab::log
