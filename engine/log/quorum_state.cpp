#include "engine/log/quorum_state.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace queuelab::log {
namespace {

constexpr std::int32_t kNewestVersion = 1;

/// The integer behind "key": in a flat JSON object; nothing when it is not there or none.
std::optional<std::int32_t> number(std::string_view json, std::string_view key)
{
    const std::string quoted = fmt::format("\"{}\"", key);
    constexpr std::string_view kBlanks = " \t\r\n";
    std::size_t at = json.find(quoted);
    if (at == std::string_view::npos)
        return std::nullopt;
    at = json.find_first_not_of(kBlanks, at + quoted.size());
    if (at == std::string_view::npos || json[at] != ':')
        return std::nullopt;
    at = json.find_first_not_of(kBlanks, at + 1);
    if (at == std::string_view::npos)
        return std::nullopt;
    std::int32_t value = 0;
    const char *const end = json.data() + json.size();
    const auto [rest, error] = std::from_chars(json.data() + at, end, value);
    const bool complete = rest != end && (*rest == ',' || *rest == '}' || kBlanks.contains(*rest));
    return error == std::errc() && complete ? std::optional(value) : std::nullopt;
}

} // namespace

Result<void, Error> writeElectionState(
    Files &files, const std::string &path, const ElectionState &state)
{
    const std::string json =
        fmt::format(R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},)"
                    R"("votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":{}}})",
            state.leader, state.epoch, state.votedFor, kNewestVersion);
    return replaceFile(files, path, asBytes(json));
}

Result<std::optional<ElectionState>, Error> readElectionState(Files &files, const std::string &path)
{
    if (!files.exists(path))
        return std::nullopt;
    const auto file = files.open(path, false);
    if (!file)
        return std::unexpected(file.error());
    const auto bytes = readWhole(files, *file);
    files.close(*file);
    if (!bytes)
        return std::unexpected(bytes.error());
    const std::string_view json = asText(*bytes);
    const auto version = number(json, "data_version");
    if (version && (*version < 0 || *version > kNewestVersion)) {
        return std::unexpected(Error{path, fmt::format("data_version {} is not known", *version),
            "open the directory with the version that wrote it"});
    }
    const auto leader = number(json, "leaderId");
    const auto epoch = number(json, "leaderEpoch");
    const auto votedFor = number(json, "votedId");
    if (!version || !leader || !epoch || !votedFor || *epoch < 0) {
        return std::unexpected(Error{path, "does not say epoch, leader and vote",
            "restore it; if that cannot be, empty the broker's directory, and it comes back as a "
            "new one"});
    }
    return ElectionState{.epoch = *epoch, .leader = *leader, .votedFor = *votedFor};
}

} // namespace queuelab::log
