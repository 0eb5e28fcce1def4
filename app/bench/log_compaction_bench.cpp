#include "app/bench/log_compaction_bench.h"

#include "app/bench/log_batches.h"
#include "engine/core/posix_files.h"
#include "engine/log/log_cleaner.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

namespace queuelab::bench {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
/// With so many keys for each record, drawn at random, half of the records are superseded:
/// x (1 - exp(-1/x)) = 1/2.
constexpr double kKeysPerRecord = 0.6275;

/// What one compaction read and kept.
struct Work {
    std::uint64_t bytesRead = 0;
    std::uint64_t bytesKept = 0;
    std::uint64_t total() const { return bytesRead + bytesKept; }
};

/// A compacted partition in a real directory, deleted at the end.
class DirtyLog {
public:
    static Result<std::unique_ptr<DirtyLog>, Error> fill(
        const std::string &root, std::uint64_t bytes, std::size_t valueBytes)
    {
        auto files = PosixFiles::open(root);
        if (!files)
            return std::unexpected(files.error());
        auto dirty = std::unique_ptr<DirtyLog>(new DirtyLog(std::move(*files)));
        log::LogConfig config;
        config.compacts = true;
        config.deletes = false;
        config.segmentBytes = static_cast<std::int32_t>(bytes / 4);
        auto opened = log::PartitionLog::open(kDirectory, config, true, dirty->m_context, nullptr);
        if (!opened)
            return std::unexpected(opened.error());
        dirty->m_log.emplace(std::move(*opened));
        if (auto filled = dirty->append(bytes, valueBytes); !filled)
            return std::unexpected(filled.error());
        return dirty;
    }
    ~DirtyLog()
    {
        if (m_log)
            static_cast<void>(m_log->close(m_context));
        static_cast<void>(m_files->remove(kDirectory));
    }

    Result<double, Error> clean(Work &work)
    {
        const log::Cleanable range =
            log::cleanableRange(*m_log, -1, m_log->logEndOffset(), m_context);
        const auto start = Clock::now();
        const auto cleaned = log::cleanLog(*m_log, range, {}, kNoName, kNoName, m_context);
        const auto took = Clock::now() - start;
        if (!cleaned)
            return std::unexpected(cleaned.error());
        work = {cleaned->bytesRead, cleaned->bytesKept};
        return megabytesASecond(work.total(), took);
    }
    /// The files of what can be cleaned.
    std::vector<std::string> closedFiles() const
    {
        std::vector<std::string> paths;
        for (const auto &segment : m_log->closedSegments()) {
            paths.push_back(m_files->root() + "/"
                + log::segmentPath(kDirectory, segment->baseOffset(), ".log"));
        }
        return paths;
    }

private:
    explicit DirtyLog(std::unique_ptr<PosixFiles> files)
        : m_files(std::move(files))
        , m_context{Instant{std::chrono::milliseconds{kTimestamp}}, m_random, m_trace, *m_files}
    {
    }

    Result<void, Error> append(std::uint64_t bytes, std::size_t valueBytes)
    {
        const std::size_t recordBytes = log::BatchBuilder::recordSizeUpperBound(16, valueBytes);
        const std::size_t perBatch = (kBatchBytes - log::kBatchHeaderBytes) / recordBytes;
        const auto keys = static_cast<std::uint64_t>(
            static_cast<double>(bytes) / static_cast<double>(recordBytes) * kKeysPerRecord);
        Bytes value(valueBytes);
        log::BatchBuilder builder;
        // The last segment is not cleaned: a fifth one begins.
        while (m_log->closedSegments().size() < 4) {
            builder.reset();
            for (std::size_t i = 0; i < perBatch; ++i) {
                const std::string key = fmt::format("user-{:011}", m_random.below(keys));
                storeBigEndian(value.data(), m_random.next());
                builder.append(kTimestamp, asBytes(key), ByteView(value));
            }
            if (const auto appended = m_log->append(builder.finish(), 0, m_context); !appended) {
                return std::unexpected(Error{m_files->root() + "/" + kDirectory,
                    fmt::format("cannot append: {}", log::errorName(appended.error())),
                    "choose a directory with room that you may write to"});
            }
        }
        return m_log->flush(m_context);
    }

    static constexpr const char *kDirectory = "queuelab-bench-compaction-0";
    std::unique_ptr<PosixFiles> m_files;
    Random m_random{1};
    Trace m_trace;
    Context m_context;
    std::optional<log::PartitionLog> m_log;
};

/// Reads `bytes` of these files, again from the front when they are not enough; false on an error.
bool readThrough(
    const std::vector<std::string> &paths, std::uint64_t bytes, std::vector<std::uint8_t> &buffer)
{
    for (std::size_t i = 0; bytes > 0; ++i) {
        const int file = ::open(paths[i % paths.size()].c_str(), O_RDONLY | O_CLOEXEC);
        ssize_t got = file < 0 ? -1 : 1;
        while (got > 0 && bytes > 0) {
            got = ::read(file, buffer.data(), std::min<std::uint64_t>(buffer.size(), bytes));
            bytes -= got > 0 ? static_cast<std::uint64_t>(got) : 0;
        }
        if (file >= 0)
            ::close(file);
        if (got < 0)
            return false;
    }
    return true;
}

bool writeOut(const std::string &path, std::uint64_t bytes, const std::vector<std::uint8_t> &buffer)
{
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool done = file >= 0;
    while (done && bytes > 0) {
        const ssize_t wrote =
            ::write(file, buffer.data(), std::min<std::uint64_t>(buffer.size(), bytes));
        done = wrote > 0;
        bytes -= done ? static_cast<std::uint64_t>(wrote) : 0;
    }
    done = done && ::fdatasync(file) == 0;
    if (file >= 0)
        ::close(file);
    return done;
}

Result<double, Error> runPlain(const DirtyLog &log, const std::string &directory, const Work &work)
{
    std::vector<std::uint8_t> buffer(kChunkBytes);
    const std::string path = directory + "/queuelab-bench.compaction";
    const auto start = Clock::now();
    const bool done = readThrough(log.closedFiles(), work.bytesRead, buffer)
        && writeOut(path, work.bytesKept, buffer);
    const auto took = Clock::now() - start;
    const int code = errno;
    ::unlink(path.c_str());
    if (!done) {
        return std::unexpected(Error{path, fmt::format("cannot be used: {}", std::strerror(code)),
            "choose a directory with room that you may write to"});
    }
    return megabytesASecond(work.total(), took);
}

} // namespace

Result<std::vector<Figure>, Error> benchLogCompaction(const LogCompactionBenchOptions &options)
{
    std::vector<Figure> figures;
    for (const std::size_t valueBytes : {std::size_t{1024}, std::size_t{100}}) {
        Work work;
        {
            const auto first = DirtyLog::fill(options.directory, options.bytesARun, valueBytes);
            if (!first)
                return std::unexpected(first.error());
            if (const auto cleaned = (*first)->clean(work); !cleaned)
                return std::unexpected(cleaned.error());
        }
        std::unique_ptr<DirtyLog> log; // each round has one of its own, for both
        const std::string records = fmt::format("{}-byte records", valueBytes);
        const std::array<Contender, 2> contenders{
            Contender{"read(2) and write(2) of what compaction reads and keeps, " + records, "MB/s",
                [&]() -> Result<double, Error> {
                    log.reset();
                    auto filled = DirtyLog::fill(options.directory, options.bytesARun, valueBytes);
                    if (!filled)
                        return std::unexpected(filled.error());
                    log = std::move(*filled);
                    return runPlain(*log, options.directory, work);
                },
                0},
            Contender{"compaction of " + records + ", half of them superseded", "MB/s",
                [&] { return log->clean(work); }, 0},
        };
        const auto measured = measureInterleaved(contenders, options.rounds);
        if (!measured)
            return measured;
        figures.insert(figures.end(), measured->begin(), measured->end());
    }
    return figures;
}

} // namespace queuelab::bench
