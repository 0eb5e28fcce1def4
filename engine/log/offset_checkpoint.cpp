#include "engine/log/offset_checkpoint.h"

#include <charconv>
#include <iterator>
#include <string_view>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

constexpr std::string_view kCheckpointVersion = "0";

template <class T> bool takeNumber(std::string_view &text, char end, T &value)
{
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = static_cast<std::size_t>(parsed.ptr - text.data());
    if (parsed.ec != std::errc() || used == text.size() || text[used] != end)
        return false;
    text.remove_prefix(used + 1);
    return true;
}

std::optional<CheckpointedOffsets> parse(std::string_view text)
{
    std::size_t count = 0;
    if (!text.starts_with(fmt::format("{}\n", kCheckpointVersion)))
        return std::nullopt;
    text.remove_prefix(kCheckpointVersion.size() + 1);
    if (!takeNumber(text, '\n', count))
        return std::nullopt;
    CheckpointedOffsets offsets;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t space = text.find(' ');
        if (space == std::string_view::npos)
            return std::nullopt;
        TopicPartition partition{std::string(text.substr(0, space)), 0};
        text.remove_prefix(space + 1);
        std::int64_t offset = 0;
        if (!takeNumber(text, ' ', partition.partition) || !takeNumber(text, '\n', offset))
            return std::nullopt;
        offsets[std::move(partition)] = offset;
    }
    return text.empty() ? std::optional(offsets) : std::nullopt;
}

} // namespace

std::optional<CheckpointedOffsets> readOffsetCheckpoint(Files &files, const std::string &path)
{
    if (!files.exists(path))
        return CheckpointedOffsets{};
    const auto file = files.open(path, false);
    if (!file)
        return std::nullopt;
    const auto bytes = readWhole(files, *file);
    files.close(*file);
    return bytes ? parse(asText(*bytes)) : std::nullopt;
}

Result<void, Error> writeOffsetCheckpoint(
    Files &files, const std::string &path, const CheckpointedOffsets &offsets)
{
    std::string text = fmt::format("{}\n{}\n", kCheckpointVersion, offsets.size());
    for (const auto &[partition, offset] : offsets)
        fmt::format_to(
            std::back_inserter(text), "{} {} {}\n", partition.topic, partition.partition, offset);
    return replaceFile(files, path, asBytes(text));
}

} // namespace queuelab::log
