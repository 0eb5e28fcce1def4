#include "engine/log/modern_group_records.h"

#include "engine/log/flexible_fields.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {
namespace {

constexpr std::int16_t kGroupRecordVersion = 0;
constexpr std::uint32_t kFirstTag = 0;

void writeId(FlexibleWriter &out, const TopicId &id)
{
    out.bytes(id);
}

void writeNullable(FlexibleWriter &out, const std::optional<std::string> &text)
{
    if (text)
        out.string(*text);
    else
        out.null();
}

/// Partitions of one topic, with what belongs to each.
struct TopicGroup {
    std::string name;
    TopicId id{};
    std::vector<std::int32_t> partitions{};
    std::vector<std::int32_t> epochs{};
};

/// By topic, in the order of names; those without an id are left out.
template <class Partitions>
std::vector<TopicGroup> byTopic(const Partitions &partitions, const TopicIds &topics)
{
    std::vector<TopicGroup> out;
    for (const auto &entry : partitions) {
        constexpr bool hasEpochs = !std::is_same_v<std::decay_t<decltype(entry)>, TopicPartition>;
        const TopicPartition *partition = nullptr;
        if constexpr (hasEpochs)
            partition = &entry.first;
        else
            partition = &entry;
        const auto id = topics.find(partition->topic);
        if (id == topics.end())
            continue;
        if (out.empty() || out.back().name != partition->topic)
            out.push_back({.name = partition->topic, .id = id->second});
        out.back().partitions.push_back(partition->partition);
        if constexpr (hasEpochs)
            out.back().epochs.push_back(entry.second);
    }
    return out;
}

/// [{topic id, partitions}], with the assignment epochs as tagged field 0 where there are any.
void writeTopics(FlexibleWriter &out, const std::vector<TopicGroup> &topics, bool withEpochs)
{
    out.arrayLength(topics.size());
    for (const TopicGroup &topic : topics) {
        writeId(out, topic.id);
        out.integers(topic.partitions);
        if (withEpochs)
            out.tagged(kFirstTag, [&](FlexibleWriter &tag) { tag.integers(topic.epochs); });
        out.endStruct();
    }
}

/// As in share groups' initialization: with the names.
void writeNamedTopics(FlexibleWriter &out, const std::vector<TopicGroup> &topics)
{
    out.arrayLength(topics.size());
    for (const TopicGroup &topic : topics) {
        writeId(out, topic.id);
        out.string(topic.name);
        out.integers(topic.partitions);
        out.endStruct();
    }
}

void writeMember(FlexibleWriter &out, GroupType type, const ModernMember &member)
{
    const std::vector<std::string> topics(member.topics.begin(), member.topics.end());
    const auto writeTopicNames = [&] {
        out.arrayLength(topics.size());
        for (const std::string &topic : topics)
            out.string(topic);
    };
    if (type == GroupType::Consumer)
        writeNullable(out, member.instanceId);
    out.null(); // the rack
    out.string(member.clientId);
    out.string({}); // the client's host
    writeTopicNames();
    if (type == GroupType::Consumer) {
        out.string({}); // the regular expression
        out.integer(member.rebalanceTimeoutMs);
        writeNullable(out, member.assignor);
        // Of members with the classic protocol: null, which Kafka writes out.
        out.tagged(kFirstTag, [](FlexibleWriter &tag) { tag.boolean(false); });
    }
}

class ValueReader {
public:
    ValueReader(ByteView bytes, const ClusterImage &image)
        : in(bytes)
        , m_image(image)
    {
        m_known = in.integer<std::int16_t>() == kGroupRecordVersion;
    }

    FlexibleReader in;

    bool ok() const { return m_known && in.ok(); }
    /// Nothing when the topic is not there any more.
    const std::string *topicName()
    {
        TopicId id{};
        std::ranges::copy(in.bytes(id.size()), id.begin());
        if (!in.ok())
            return nullptr;
        const TopicImage *topic = m_image.topic(id);
        return topic ? &topic->name : nullptr;
    }
    std::uint32_t arrayLength() { return in.arrayLength().value_or(0); }
    /// With assignment epochs, 0 where there are none.
    std::map<TopicPartition, std::int32_t> topics()
    {
        std::map<TopicPartition, std::int32_t> out;
        for (std::uint32_t left = arrayLength(); left > 0 && in.ok(); --left) {
            const std::string *name = topicName();
            const std::vector<std::int32_t> partitions = in.integers();
            std::vector<std::int32_t> epochs;
            in.endStruct([&](std::uint32_t tag, FlexibleReader &content) {
                if (tag == kFirstTag)
                    epochs = content.integers();
                return tag == kFirstTag;
            });
            for (std::size_t i = 0; name && i < partitions.size(); ++i)
                out[{*name, partitions[i]}] = i < epochs.size() ? epochs[i] : 0;
        }
        return out;
    }
    PartitionSet namedTopics()
    {
        PartitionSet out;
        for (std::uint32_t left = arrayLength(); left > 0 && in.ok(); --left) {
            const std::string *name = topicName();
            in.string(); // as it was called then
            for (const std::int32_t partition : in.integers()) {
                if (name)
                    out.insert({*name, partition});
            }
            in.endStruct();
        }
        return out;
    }
    /// What a newer broker has put at the end is passed over.
    void endStruct()
    {
        in.endStruct([](std::uint32_t, FlexibleReader &content) {
            content.bytes(content.remaining());
            return true;
        });
    }
    std::int64_t endStructWithInteger()
    {
        std::int64_t value = 0;
        in.endStruct([&](std::uint32_t tag, FlexibleReader &content) {
            if (tag == kFirstTag)
                value = content.integer<std::int64_t>();
            else
                content.bytes(content.remaining());
            return true;
        });
        return value;
    }

private:
    const ClusterImage &m_image;
    bool m_known = false;
};

PartitionSet keysOf(const std::map<TopicPartition, std::int32_t> &partitions)
{
    PartitionSet out;
    for (const auto &[partition, epoch] : partitions)
        out.insert(partition);
    return out;
}

ModernMember readMember(ValueReader &value, GroupType type)
{
    ModernMember member;
    if (type == GroupType::Consumer)
        member.instanceId = value.in.nullableString();
    value.in.nullableString(); // the rack
    member.clientId = value.in.string();
    value.in.string(); // the client's host
    for (std::uint32_t left = value.arrayLength(); left > 0 && value.in.ok(); --left)
        member.topics.insert(value.in.string());
    if (type == GroupType::Consumer) {
        value.in.nullableString(); // the regular expression
        member.rebalanceTimeoutMs = value.in.integer<std::int32_t>();
        member.assignor = value.in.nullableString();
    }
    return member;
}

ModernMember readCurrent(ValueReader &value, GroupType type)
{
    ModernMember member;
    member.epoch = value.in.integer<std::int32_t>();
    member.previousEpoch = value.in.integer<std::int32_t>();
    member.state = static_cast<ModernMemberState>(value.in.integer<std::int8_t>());
    member.assigned = value.topics();
    if (type == GroupType::Consumer)
        member.revoking = value.topics();
    return member;
}

} // namespace

Bytes encodeValue(const ModernGroup &group, const ModernRecordKey &key, const TopicIds &topics)
{
    const bool isConsumer = group.type() == GroupType::Consumer;
    Bytes bytes;
    FlexibleWriter out(bytes);
    out.integer(kGroupRecordVersion);
    switch (key.record) {
    case ModernRecord::Member:
        writeMember(out, group.type(), *group.member(key.memberId));
        break;
    case ModernRecord::GroupEpoch: {
        out.integer(group.epoch());
        const auto hash = static_cast<std::int64_t>(group.metadataHash());
        if (!isConsumer)
            out.integer(hash);
        else if (hash != 0)
            out.tagged(kFirstTag, [&](FlexibleWriter &tag) { tag.integer(hash); });
        break;
    }
    case ModernRecord::TargetMember:
        writeTopics(out, byTopic(group.target(key.memberId), topics), false);
        break;
    case ModernRecord::TargetEpoch:
        out.integer(group.assignmentEpoch());
        if (group.assignmentMs() != 0) {
            out.tagged(kFirstTag, [&](FlexibleWriter &tag) { tag.integer(group.assignmentMs()); });
        }
        break;
    case ModernRecord::CurrentMember: {
        const ModernMember &member = *group.member(key.memberId);
        out.integer(member.epoch);
        out.integer(member.previousEpoch);
        out.integer(static_cast<std::int8_t>(member.state));
        writeTopics(out, byTopic(member.assigned, topics), isConsumer);
        if (isConsumer)
            writeTopics(out, byTopic(member.revoking, topics), true);
        break;
    }
    case ModernRecord::ShareState:
        writeNamedTopics(out, byTopic(group.initializing(), topics));
        writeNamedTopics(out, byTopic(group.initialized(), topics));
        out.arrayLength(0); // topics whose state is being deleted
        break;
    }
    out.endStruct();
    return bytes;
}

bool restoreValue(
    ModernGroup &group, const ModernRecordKey &key, ByteView bytes, const ClusterImage &image)
{
    ValueReader value(bytes, image);
    switch (key.record) {
    case ModernRecord::Member: {
        ModernMember member = readMember(value, group.type());
        member.memberId = key.memberId;
        value.endStruct();
        if (value.ok())
            group.restoreSubscription(std::move(member));
        break;
    }
    case ModernRecord::GroupEpoch: {
        const auto epoch = value.in.integer<std::int32_t>();
        std::int64_t hash = 0;
        if (group.type() == GroupType::Share) {
            hash = value.in.integer<std::int64_t>();
            value.endStruct();
        } else {
            hash = value.endStructWithInteger();
        }
        group.restoreEpoch(epoch, static_cast<std::uint64_t>(hash));
        break;
    }
    case ModernRecord::TargetMember: {
        PartitionSet partitions = keysOf(value.topics());
        value.endStruct();
        if (value.ok())
            group.restoreTarget(key.memberId, std::move(partitions));
        break;
    }
    case ModernRecord::TargetEpoch: {
        const auto epoch = value.in.integer<std::int32_t>();
        group.restoreTargetEpoch(epoch, value.endStructWithInteger());
        break;
    }
    case ModernRecord::CurrentMember: {
        ModernMember member = readCurrent(value, group.type());
        member.memberId = key.memberId;
        value.endStruct();
        if (value.ok())
            group.restoreCurrent(std::move(member));
        break;
    }
    case ModernRecord::ShareState: {
        PartitionSet initializing = value.namedTopics();
        PartitionSet initialized = value.namedTopics();
        for (std::uint32_t left = value.arrayLength(); left > 0 && value.in.ok(); --left) {
            value.topicName();
            value.in.string();
            value.in.endStruct();
        }
        value.endStruct();
        if (value.ok())
            group.restoreShares(std::move(initializing), std::move(initialized));
        break;
    }
    }
    return value.ok();
}

} // namespace queuelab::log
