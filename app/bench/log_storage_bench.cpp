#include "app/bench/log_storage_bench.h"

#include "app/bench/log_batches.h"
#include "engine/core/posix_files.h"
#include "engine/log/partition_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <limits>

#include <fcntl.h>
#include <unistd.h>

namespace queuelab::bench {
namespace {

constexpr std::size_t kPreparedBatches =
    64; // 1 MiB: they stay in the processor's cache, as a producer's do
constexpr std::uint64_t kFetchBytes = 1 << 20; // max.partition.fetch.bytes

/// Values of one size whose bytes differ.
std::vector<Bytes> makeValues(std::size_t valueBytes)
{
    std::vector<Bytes> values(256);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i].resize(valueBytes);
        for (std::size_t at = 0; at < valueBytes; ++at)
            values[i][at] = static_cast<std::uint8_t>(i * 131 + at * 7);
    }
    return values;
}

std::size_t recordsPerBatch(std::size_t valueBytes)
{
    return (kBatchBytes - log::kBatchHeaderBytes)
        / log::BatchBuilder::recordSizeUpperBound(0, valueBytes);
}

/// Builds batch number `batch` of the run.
ByteView build(log::BatchBuilder &builder, const std::vector<Bytes> &values, std::size_t batch)
{
    const std::size_t count = recordsPerBatch(values.front().size());
    builder.reset();
    for (std::size_t i = 0; i < count; ++i) {
        builder.append(kTimestamp + static_cast<std::int64_t>(i), std::nullopt,
            ByteView(values[(batch + i) % values.size()]));
    }
    return builder.finish();
}

std::vector<Bytes> prepare(const std::vector<Bytes> &values)
{
    log::BatchBuilder builder;
    std::vector<Bytes> batches;
    for (std::size_t i = 0; i < kPreparedBatches; ++i) {
        const ByteView batch = build(builder, values, i);
        batches.emplace_back(batch.begin(), batch.end());
    }
    return batches;
}

Result<double, Error> runWrite(
    const std::string &path, const std::vector<Bytes> &batches, std::uint64_t bytes)
{
    const auto failed = [&path](const char *what) {
        return std::unexpected(Error{path, fmt::format("{}: {}", what, std::strerror(errno)),
            "choose a directory with room that you may write to"});
    };
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        return failed("cannot open");
    std::uint64_t written = 0;
    bool whole = true;
    const auto start = Clock::now();
    for (std::size_t i = 0; written < bytes && whole; ++i) {
        const Bytes &batch = batches[i % batches.size()];
        whole = ::write(file, batch.data(), batch.size()) == static_cast<ssize_t>(batch.size());
        written += batch.size();
    }
    const auto took = Clock::now() - start;
    const auto result =
        whole ? Result<double, Error>(megabytesASecond(written, took)) : failed("cannot write");
    ::close(file);
    ::unlink(path.c_str());
    return result;
}

/// A partition of one segment in a real directory, deleted at the end.
class RealLog {
public:
    static Result<std::unique_ptr<RealLog>, Error> open(const std::string &root)
    {
        auto files = PosixFiles::open(root);
        if (!files)
            return std::unexpected(files.error());
        auto real = std::unique_ptr<RealLog>(new RealLog(std::move(*files)));
        log::LogConfig config;
        config.segmentBytes = std::numeric_limits<std::int32_t>::max();
        auto opened = log::PartitionLog::open(kDirectory, config, true, real->m_context, nullptr);
        if (!opened)
            return std::unexpected(opened.error());
        real->m_log.emplace(std::move(*opened));
        return real;
    }
    ~RealLog()
    {
        if (m_log)
            static_cast<void>(m_log->truncateTo(0, m_context));
        static_cast<void>(m_files->remove(kDirectory));
    }

    Result<void, Error> append(ByteView batch)
    {
        const auto appended = m_log->append(batch, 0, m_context);
        if (appended)
            return {};
        return std::unexpected(Error{m_files->root() + "/" + kDirectory,
            fmt::format("cannot append: {}", log::errorName(appended.error())),
            "choose a directory with room that you may write to"});
    }

    /// Reads all there is, as a consumer that catches up does: the time it took.
    Result<Clock::duration, Error> readAll() const
    {
        std::vector<SharedBytes> slices;
        const auto start = Clock::now();
        for (std::int64_t offset = m_log->logStartOffset(); offset < m_log->logEndOffset();) {
            slices.clear();
            const auto read = m_log->read(offset, INT64_MAX, kFetchBytes, slices, *m_files);
            if (!read) {
                return std::unexpected(Error{m_files->root() + "/" + kDirectory,
                    fmt::format("cannot read: {}", log::errorName(read.error())),
                    "check the disk"});
            }
            offset = read->nextOffset;
        }
        return Clock::now() - start;
    }
    std::uint64_t sizeBytes() const { return m_log->sizeBytes(); }
    std::string logFile() const
    {
        return m_files->root() + "/" + log::segmentPath(kDirectory, 0, ".log");
    }

private:
    explicit RealLog(std::unique_ptr<PosixFiles> files)
        : m_files(std::move(files))
        , m_context{Instant{std::chrono::milliseconds{kTimestamp}}, m_random, m_trace, *m_files}
    {
    }

    static constexpr const char *kDirectory = "queuelab-bench-0";
    std::unique_ptr<PosixFiles> m_files;
    Random m_random{1};
    Trace m_trace;
    Context m_context;
    std::optional<log::PartitionLog> m_log;
};

/// Appends what `next` gives until `bytes` are in the log.
template <class Next>
Result<double, Error> runAppend(const std::string &directory, std::uint64_t bytes, Next next)
{
    auto real = RealLog::open(directory);
    if (!real)
        return std::unexpected(real.error());
    std::uint64_t written = 0;
    const auto start = Clock::now();
    for (std::size_t i = 0; written < bytes; ++i) {
        const ByteView batch = next(i);
        if (auto appended = (*real)->append(batch); !appended)
            return std::unexpected(appended.error());
        written += batch.size();
    }
    return megabytesASecond(written, Clock::now() - start);
}

/// A log of `bytes`, in the page cache.
Result<std::unique_ptr<RealLog>, Error> filledLog(
    const std::string &directory, std::uint64_t bytes, const std::vector<Bytes> &batches)
{
    auto real = RealLog::open(directory);
    for (std::size_t i = 0; real && (*real)->sizeBytes() < bytes; ++i) {
        if (auto appended = (*real)->append(batches[i % batches.size()]); !appended)
            return std::unexpected(appended.error());
    }
    return real;
}

Result<double, Error> runRead(const RealLog &real)
{
    const std::string path = real.logFile();
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::vector<std::uint8_t> buffer(kFetchBytes);
    std::uint64_t done = 0;
    const auto start = Clock::now();
    ssize_t got = file < 0 ? -1 : 1;
    while (got > 0) {
        got = ::read(file, buffer.data(), buffer.size());
        done += got > 0 ? static_cast<std::uint64_t>(got) : 0;
    }
    const auto took = Clock::now() - start;
    if (got < 0) {
        return std::unexpected(Error{path, fmt::format("cannot read: {}", std::strerror(errno)),
            "choose a directory that you may read"});
    }
    ::close(file);
    return megabytesASecond(done, took);
}

Result<double, Error> runCatchUp(const RealLog &real)
{
    const auto took = real.readAll();
    if (!took)
        return std::unexpected(took.error());
    return megabytesASecond(real.sizeBytes(), *took);
}

} // namespace

Result<std::vector<Figure>, Error> benchLogStorage(const LogStorageBenchOptions &options)
{
    const std::string plainFile = options.directory + "/queuelab-bench.write";
    const std::vector<Bytes> largeValues = makeValues(1024);
    const std::vector<Bytes> smallValues = makeValues(100);
    const std::vector<Bytes> large = prepare(largeValues);
    const std::vector<Bytes> small = prepare(smallValues);
    log::BatchBuilder builder;
    const std::array<Contender, 4> contenders{
        Contender{"write(2) of batches of 1 KiB records", "MB/s",
            [&] { return runWrite(plainFile, large, options.bytesARun); }, 0},
        Contender{"append of the same prepared batches", "MB/s",
            [&] {
                return runAppend(options.directory, options.bytesARun,
                    [&](std::size_t i) { return ByteView(large[i % large.size()]); });
            },
            0},
        Contender{"write(2) of batches of 100-byte records", "MB/s",
            [&] { return runWrite(plainFile, small, options.bytesARun); }, 2},
        Contender{"build and append of 100-byte records", "MB/s",
            [&] {
                return runAppend(options.directory, options.bytesARun,
                    [&](std::size_t i) { return build(builder, smallValues, i); });
            },
            2},
    };
    auto figures = measureInterleaved(contenders, options.rounds);
    if (!figures)
        return figures;
    // The log must fit, with room left for others.
    std::error_code unknown;
    const std::uint64_t room = std::filesystem::space(options.directory, unknown).available / 2;
    const std::uint64_t bytes =
        unknown ? options.bytesToCatchUp : std::min(options.bytesToCatchUp, room);
    const auto filled = filledLog(options.directory, bytes, large);
    if (!filled)
        return std::unexpected(filled.error());
    const std::array<Contender, 2> readers{
        Contender{"read(2) of the log's file, 1 MiB at a time", "MB/s",
            [&] { return runRead(**filled); }, 0},
        Contender{fmt::format("catching up on {} MiB with fetches of 1 MiB", bytes >> 20), "MB/s",
            [&] { return runCatchUp(**filled); }, 0},
    };
    const auto read = measureInterleaved(readers, options.rounds);
    if (!read)
        return read;
    figures->insert(figures->end(), read->begin(), read->end());
    return figures;
}

} // namespace queuelab::bench
