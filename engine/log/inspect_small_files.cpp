#include "engine/log/inspect_small_files.h"

#include "engine/log/inspect_records.h"
#include "engine/log/leader_epochs.h"
#include "engine/log/producer_entries.h"
#include "engine/log/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

namespace queuelab::log {
namespace {

constexpr std::string_view kMetaVersion = "1";
constexpr std::size_t kUuidCharacters = 22; // base64 of 16 bytes, without padding

std::vector<std::string_view> linesOf(std::string_view text)
{
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::optional<std::int64_t> numberIn(std::string_view text)
{
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

SmallFile snapshot(ByteView bytes)
{
    SmallFile file;
    const auto entries = ProducerEntries::parseSnapshot(bytes);
    if (!entries) {
        file.damage.push_back(entries.error());
        return file;
    }
    for (const ProducerEntry &entry : *entries) {
        const std::int32_t first = entry.lastSequence < 0
            ? -1
            : sequenceBefore(entry.lastSequence, std::max(entry.offsetDelta, 0));
        file.lines.push_back(fmt::format(
            "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} "
            "firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
            entry.producerId, entry.producerEpoch, entry.coordinatorEpoch,
            entry.currentTxnFirstOffset < 0 ? "none" : std::to_string(entry.currentTxnFirstOffset),
            first, entry.lastSequence, entry.lastOffset, entry.offsetDelta, entry.timestamp));
    }
    return file;
}

SmallFile leaderEpochs(ByteView bytes)
{
    SmallFile file;
    const auto epochs = LeaderEpochs::parse(asText(bytes));
    if (!epochs) {
        file.damage.push_back(epochs.error());
        return file;
    }
    for (const LeaderEpochs::Start &start : epochs->starts()) {
        file.lines.push_back(
            fmt::format("leaderEpoch: {} startOffset: {}", start.epoch, start.offset));
    }
    return file;
}

/// A line "0", a line with the number of entries, then "<topic> <partition> <offset>" each.
SmallFile offsetCheckpoint(ByteView bytes)
{
    SmallFile file;
    const std::vector<std::string_view> lines = linesOf(asText(bytes));
    if (lines.empty() || lines[0] != "0") {
        file.damage.push_back(fmt::format("line 1: unknown version '{}', not 0",
            lines.empty() ? std::string() : printable(lines[0])));
        return file;
    }
    const auto count = lines.size() > 1 ? numberIn(lines[1]) : std::nullopt;
    if (!count)
        file.damage.push_back("line 2: not a number of entries");
    for (std::size_t i = 2; i < lines.size(); ++i) {
        const std::size_t second = lines[i].rfind(' ');
        const std::size_t first = second == std::string_view::npos || second == 0
            ? second
            : lines[i].rfind(' ', second - 1);
        const bool whole = first != std::string_view::npos && first > 0 && second > first
            && numberIn(lines[i].substr(first + 1, second - first - 1))
            && numberIn(lines[i].substr(second + 1));
        if (!whole) {
            file.damage.push_back(
                fmt::format("line {}: not a topic, a partition and an offset", i + 1));
            continue;
        }
        file.lines.push_back(
            fmt::format("topic: {} partition: {} offset: {}", printable(lines[i].substr(0, first)),
                lines[i].substr(first + 1, second - first - 1), lines[i].substr(second + 1)));
    }
    if (count && *count != static_cast<std::int64_t>(lines.size()) - 2) {
        file.damage.push_back(
            fmt::format("{} entries where line 2 says {}", lines.size() - 2, *count));
    }
    return file;
}

/// The lines, without comments, and their values by key.
std::map<std::string_view, std::string_view> keysIn(
    ByteView bytes, std::string_view separator, SmallFile &file)
{
    std::map<std::string_view, std::string_view> values;
    std::size_t number = 0;
    for (const std::string_view line : linesOf(asText(bytes))) {
        ++number;
        if (line.empty() || line.starts_with('#'))
            continue;
        file.lines.push_back(printable(line));
        const std::size_t at = line.find(separator);
        if (at == std::string_view::npos)
            file.damage.push_back(fmt::format("line {}: not a key and a value", number));
        else
            values[line.substr(0, at)] = line.substr(at + separator.size());
    }
    return values;
}

SmallFile partitionMetadata(ByteView bytes)
{
    SmallFile file;
    const auto values = keysIn(bytes, ": ", file);
    const auto version = values.find("version");
    const auto id = values.find("topic_id");
    if (version == values.end() || version->second != "0")
        file.damage.push_back("no version 0");
    if (id == values.end() || id->second.size() != kUuidCharacters)
        file.damage.push_back("no topic_id of 22 characters");
    return file;
}

SmallFile metaProperties(ByteView bytes)
{
    SmallFile file;
    const auto values = keysIn(bytes, "=", file);
    for (const std::string_view key : {"version", "cluster.id", "node.id"}) {
        if (!values.contains(key))
            file.damage.push_back(fmt::format("no {}", key));
    }
    const auto version = values.find("version");
    if (version != values.end() && version->second != kMetaVersion) {
        file.damage.push_back(fmt::format("version {} is not known, only {}: another release wrote "
                                          "this directory",
            printable(version->second), kMetaVersion));
    }
    return file;
}

SmallFile quorumState(ByteView bytes)
{
    SmallFile file;
    std::string_view text = asText(bytes);
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    for (const std::string_view line : linesOf(text))
        file.lines.push_back(printable(line));
    if (!text.starts_with('{') || !text.ends_with('}'))
        file.damage.push_back("not a JSON object");
    for (const std::string_view key : {"leaderId", "leaderEpoch", "votedId", "data_version"}) {
        if (text.find(fmt::format("\"{}\":", key)) == std::string_view::npos)
            file.damage.push_back(fmt::format("no {}", key));
    }
    return file;
}

using Decode = SmallFile (*)(ByteView);

/// nullptr when `name` is none of these files.
Decode decoderOf(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, Decode>, 8> kFiles{{
        {kLeaderEpochFile, leaderEpochs},
        {"recovery-point-offset-checkpoint", offsetCheckpoint},
        {"log-start-offset-checkpoint", offsetCheckpoint},
        {"replication-offset-checkpoint", offsetCheckpoint},
        {"cleaner-offset-checkpoint", offsetCheckpoint},
        {"partition.metadata", partitionMetadata},
        {"meta.properties", metaProperties},
        {"quorum-state", quorumState},
    }};
    if (segmentBaseOffset(name, ".snapshot"))
        return snapshot;
    for (const auto &[known, decode] : kFiles) {
        if (name == known)
            return decode;
    }
    return nullptr;
}

} // namespace

bool isSmallFile(std::string_view name)
{
    return decoderOf(name) != nullptr;
}

SmallFile decodeSmallFile(std::string_view name, ByteView bytes)
{
    const Decode decode = decoderOf(name);
    return decode ? decode(bytes) : SmallFile{.damage = {"of no kind that is known"}};
}

} // namespace queuelab::log
