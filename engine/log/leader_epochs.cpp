#include "engine/log/leader_epochs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace queuelab::log {
namespace {

constexpr std::string_view kEpochFileVersion = "0";

/// Takes the next line off `text`, without its end.
std::string_view takeLine(std::string_view &text)
{
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

template <class Number> std::optional<Number> numberIn(std::string_view text)
{
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0)
        return std::nullopt;
    return number;
}

std::optional<LeaderEpochs::Start> startIn(std::string_view line)
{
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos)
        return std::nullopt;
    const auto epoch = numberIn<std::int32_t>(line.substr(0, space));
    const auto offset = numberIn<std::int64_t>(line.substr(space + 1));
    if (!epoch || !offset)
        return std::nullopt;
    return LeaderEpochs::Start{*epoch, *offset};
}

} // namespace

Result<LeaderEpochs, std::string> LeaderEpochs::parse(std::string_view text)
{
    if (const std::string_view version = takeLine(text); version != kEpochFileVersion)
        return std::unexpected(fmt::format("line 1: unknown version '{}', not 0", version));
    const auto count = numberIn<std::uint32_t>(takeLine(text));
    if (!count)
        return std::unexpected("line 2: not a number of entries");
    LeaderEpochs epochs;
    for (std::size_t line = 3; !text.empty(); ++line) {
        const auto start = startIn(takeLine(text));
        if (!start)
            return std::unexpected(fmt::format("line {}: not an epoch and an offset", line));
        if (!epochs.m_starts.empty()
            && (start->epoch <= epochs.latest() || start->offset <= epochs.m_starts.back().offset))
            return std::unexpected(fmt::format("line {}: does not go up", line));
        epochs.m_starts.push_back(*start);
    }
    if (epochs.m_starts.size() != *count) {
        return std::unexpected(
            fmt::format("{} entries where line 2 says {}", epochs.m_starts.size(), *count));
    }
    return epochs;
}

std::string LeaderEpochs::text() const
{
    std::string text = fmt::format("{}\n{}\n", kEpochFileVersion, m_starts.size());
    for (const Start &start : m_starts)
        fmt::format_to(std::back_inserter(text), "{} {}\n", start.epoch, start.offset);
    return text;
}

bool LeaderEpochs::begin(std::int32_t epoch, std::int64_t offset)
{
    if (epoch < 0 || epoch <= latest())
        return false;
    cutEnd(offset);
    m_starts.push_back({epoch, offset});
    return true;
}

bool LeaderEpochs::cutEnd(std::int64_t logEndOffset)
{
    const std::size_t before = m_starts.size();
    while (!m_starts.empty() && m_starts.back().offset >= logEndOffset)
        m_starts.pop_back();
    return m_starts.size() != before;
}

bool LeaderEpochs::cutFront(std::int64_t logStartOffset)
{
    const auto after = std::ranges::upper_bound(m_starts, logStartOffset, {}, &Start::offset);
    const auto reached = after - m_starts.begin();
    if (reached == 0 || (reached == 1 && m_starts.front().offset == logStartOffset))
        return false;
    m_starts.erase(m_starts.begin(), std::prev(after));
    m_starts.front().offset = logStartOffset;
    return true;
}

EpochEnd LeaderEpochs::endOf(std::int32_t epoch, std::int64_t logEndOffset) const
{
    if (epoch < 0)
        return {};
    if (epoch == latest())
        return {epoch, logEndOffset};
    const auto newer = std::ranges::upper_bound(m_starts, epoch, {}, &Start::epoch);
    if (newer == m_starts.end())
        return {};
    return {newer == m_starts.begin() ? epoch : std::prev(newer)->epoch, newer->offset};
}

std::int32_t LeaderEpochs::at(std::int64_t offset) const
{
    const auto after = std::ranges::upper_bound(m_starts, offset, {}, &Start::offset);
    return after == m_starts.begin() ? -1 : std::prev(after)->epoch;
}

} // namespace queuelab::log
