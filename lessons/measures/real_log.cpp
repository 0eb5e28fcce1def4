#include "lessons/measures/real_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace queuelab::lessons {

namespace {

constexpr const char *kDirectory = "measured-0";
constexpr std::int64_t kTimestampMs = 1'700'000'000'000;
constexpr std::uint64_t kFetchBytes = 1 << 20;
constexpr std::size_t kPageBytes = 4096;

} // namespace

RealLog::RealLog(std::unique_ptr<PosixFiles> files)
    : m_files(std::move(files))
    , m_context{Instant{std::chrono::milliseconds{kTimestampMs}}, m_random, m_trace, *m_files}
{
}

Result<std::unique_ptr<RealLog>, Error> RealLog::open(const std::string &root)
{
    Result<std::unique_ptr<PosixFiles>, Error> files = PosixFiles::open(root);
    if (!files)
        return std::unexpected(files.error());
    std::unique_ptr<RealLog> real(new RealLog(std::move(*files)));
    log::LogConfig config;
    config.segmentBytes = std::numeric_limits<std::int32_t>::max();
    Result<log::PartitionLog, Error> opened =
        log::PartitionLog::open(kDirectory, config, true, real->m_context, nullptr);
    if (!opened)
        return std::unexpected(opened.error());
    real->m_log.emplace(std::move(*opened));
    return real;
}

Error RealLog::refused(const char *what, log::ErrorCode code) const
{
    return {m_files->root() + "/" + kDirectory,
        fmt::format("cannot {}: {}", what, log::errorName(code)),
        "set TMPDIR to a directory with room that you may write to"};
}

Result<void, Error> RealLog::append(ByteView batch)
{
    if (const auto appended = m_log->append(batch, 0, m_context); !appended)
        return std::unexpected(refused("append", appended.error()));
    return {};
}

Result<std::int64_t, Error> RealLog::fetch(std::int64_t offset)
{
    m_fetched.clear();
    const auto read = m_log->read(offset, endOffset(), kFetchBytes, m_fetched, *m_files);
    if (!read)
        return std::unexpected(refused("read", read.error()));
    return read->nextOffset;
}

Result<void, Error> RealLog::readToEnd()
{
    std::uint64_t seen = 0;
    for (std::int64_t offset = 0; offset < endOffset();) {
        const Result<std::int64_t, Error> next = fetch(offset);
        if (!next)
            return std::unexpected(next.error());
        for (const SharedBytes &piece : m_fetched) {
            for (std::size_t at = 0; at < piece.size(); at += kPageBytes)
                seen += piece.view()[at];
        }
        offset = *next;
    }
    [[maybe_unused]] const volatile std::uint64_t kept = seen; // or a compiler may leave it out
    return {};
}

Result<void, Error> RealLog::flush()
{
    return m_log->flush(m_context);
}

Result<void, Error> RealLog::close()
{
    return m_log->close(m_context);
}

std::string RealLog::file() const
{
    return fmt::format("{}/{}/{:020}.log", m_files->root(), kDirectory, 0);
}

std::vector<Bytes> eventValues(std::size_t bytes, std::size_t count)
{
    constexpr std::array<std::string_view, 8> kActions{
        "view", "search", "basket", "order", "pay", "share", "rate", "return"};
    Random random(7);
    std::vector<Bytes> values;
    for (std::size_t i = 0; i < count; ++i) {
        std::string text = fmt::format("{{\"event\":{},", i);
        while (text.size() < bytes)
            fmt::format_to(std::back_inserter(text),
                "\"user\":\"user-{}\",\"action\":\"{}\",\"item\":{},\"price\":{},",
                random.below(100'000), kActions[random.below(kActions.size())],
                random.below(1'000'000), random.below(10'000));
        text.resize(bytes);
        values.emplace_back(text.begin(), text.end());
    }
    return values;
}

ByteView buildBatch(log::BatchBuilder &builder, const std::vector<Bytes> &values, std::size_t first,
    std::size_t count)
{
    builder.reset();
    for (std::size_t i = 0; i < count; ++i)
        builder.append(kTimestampMs + static_cast<std::int64_t>(i), std::nullopt,
            ByteView(values[(first + i) % values.size()]));
    return builder.finish();
}

} // namespace queuelab::lessons
