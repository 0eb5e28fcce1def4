#include "lessons/measures/measure.h"
#include "lessons/measures/real_log.h"
#include "lessons/measures/rounds.h"
#include "lessons/measures/scratch.h"

#include <chrono>
#include <filesystem>

#include <fcntl.h>

namespace queuelab::lessons {

namespace {

using Clock = std::chrono::steady_clock;

/// Asks the kernel to forget what it holds of the file; what is not on the device yet would stay.
Result<void, Error> evict(const std::string &path)
{
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.isOpen() || ::fdatasync(file.number()) != 0
        || ::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED) != 0)
        return std::unexpected(systemError(path, "take out of the page cache"));
    return {};
}

/// A sample of reading the whole log: bytes the device had to read, and megabytes a second.
Result<Sample, Error> readAll(RealLog &log)
{
    const Result<std::uint64_t, Error> before = bytesReadFromDevices();
    if (!before)
        return std::unexpected(before.error());
    const auto begun = Clock::now();
    if (const Result<void, Error> read = log.readToEnd(); !read)
        return std::unexpected(read.error());
    const std::chrono::duration<double> took = Clock::now() - begun;
    const Result<std::uint64_t, Error> after = bytesReadFromDevices();
    if (!after)
        return std::unexpected(after.error());
    return Sample{static_cast<double>(*after - *before),
        static_cast<double>(log.sizeBytes()) / 1e6 / took.count()};
}

Result<void, Error> fill(RealLog &log, std::uint64_t bytes)
{
    static const std::vector<Bytes> values = eventValues(1000, 256);
    log::BatchBuilder builder;
    for (std::size_t first = 0; log.sizeBytes() < bytes; first += 16) {
        if (const Result<void, Error> done = log.append(buildBatch(builder, values, first, 16));
            !done)
            return done;
    }
    return {};
}

Result<std::vector<Measurement>, Error> measurePageCache(
    const MeasureSettings &settings, const std::string &directory, const MeasureWatch &watch)
{
    const auto bytes = static_cast<std::uint64_t>(settings.at("mebibytes")) << 20;
    const bool evictFirst = settings.at("before-reading") == 1;
    const std::string root = directory + "/log";
    std::string file;
    const auto recent = [&]() -> Result<Sample, Error> {
        std::error_code ignored; // if it stays, opening it says so
        std::filesystem::remove_all(root, ignored);
        const Result<std::unique_ptr<RealLog>, Error> log = RealLog::open(root);
        if (!log)
            return std::unexpected(log.error());
        file = (*log)->file();
        if (const Result<void, Error> filled = fill(**log, bytes); !filled)
            return std::unexpected(filled.error());
        if (evictFirst) {
            if (const Result<void, Error> evicted = evict(file); !evicted)
                return std::unexpected(evicted.error());
        }
        Result<Sample, Error> sample = readAll(**log);
        if (const Result<void, Error> closed = (*log)->close(); !closed)
            return std::unexpected(closed.error());
        return sample;
    };
    // The log that `recent` left, opened again so that nothing of it is held in memory.
    const auto evicted = [&]() -> Result<Sample, Error> {
        if (const Result<void, Error> gone = evict(file); !gone)
            return std::unexpected(gone.error());
        const Result<std::unique_ptr<RealLog>, Error> log = RealLog::open(root);
        if (!log)
            return std::unexpected(log.error());
        return readAll(**log);
    };
    const std::vector<OneRun> contenders{recent, evicted};
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    const double size = static_cast<double>(bytes);
    return std::vector<Measurement>{
        {"recent-from-device", rounds->median(0), "bytes"},
        {"recent-share-from-device", rounds->median(0) / size, ""},
        {"recent-rate", rounds->median(0, 1), "MB/s"},
        {"evicted-from-device", rounds->median(1), "bytes"},
        {"evicted-share-from-device", rounds->median(1) / size, ""},
        {"evicted-rate", rounds->median(1, 1), "MB/s"},
        {"spared-by-the-cache", (rounds->median(1) - rounds->median(0)) / size, ""},
        {"on-a-disk", isInMemory(directory) ? 0.0 : 1.0, ""},
    };
}

} // namespace

Measure pageCache()
{
    return {"page-cache",
        "A partition is written and at once read from front to back; then the kernel is asked to "
        "drop its pages (posix_fadvise) and it is read again. What devices had to read for it is "
        "what /proc/self/io counts.",
        {{"mebibytes", "size of the partition", 64, 1, 1024},
            {"before-reading", "what happens between writing and the first reading", 0, 0, 1,
                {"nothing", "evict"}},
            {"rounds", "how often both are measured", 3, 1, 99}},
        {{"recent-from-device", "bytes that a device read for the first reading"},
            {"recent-share-from-device", "the same as a share of the size"},
            {"recent-rate", "how fast the first reading was"},
            {"evicted-from-device", "bytes that a device read for the second reading"},
            {"evicted-share-from-device", "the same as a share of the size"},
            {"evicted-rate", "how fast the second reading was"},
            {"spared-by-the-cache",
                "share of the size that only the second reading took from a device"},
            {"on-a-disk", "1: on a disk; 0: the directory is in memory, where nothing is evicted"}},
        measurePageCache};
}

} // namespace queuelab::lessons
