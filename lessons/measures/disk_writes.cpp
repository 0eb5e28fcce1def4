#include "engine/core/random.h"
#include "lessons/measures/measure.h"
#include "lessons/measures/rounds.h"
#include "lessons/measures/scratch.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <numeric>

#include <fcntl.h>
#include <unistd.h>

namespace queuelab::lessons {

namespace {

using Clock = std::chrono::steady_clock;

/// Long enough for a disk that turns, short enough to wait for.
constexpr std::chrono::seconds kLongestWrites{1};
constexpr std::size_t kDirectAlignment = 4096; // what every device takes for O_DIRECT

struct Free {
    void operator()(void *memory) const { std::free(memory); }
};

/// A file that is written once, so that the runs only write over what has its place on the device.
class DiskFile {
public:
    static Result<DiskFile, Error> create(
        const std::string &path, std::size_t blockBytes, std::size_t blocks)
    {
        DiskFile file(path, blockBytes);
        file.m_direct = true;
        file.m_descriptor = Descriptor(
            ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0600));
        if (!file.m_descriptor.isOpen() || !file.m_block || !file.writeBlock(0))
            file.openBuffered();
        std::vector<std::size_t> order(blocks);
        std::iota(order.begin(), order.end(), std::size_t{0});
        if (!file.m_descriptor.isOpen() || !file.m_block
            || !std::ranges::all_of(order, [&file](std::size_t i) { return file.writeBlock(i); })
            || ::fsync(file.m_descriptor.number()) != 0)
            return std::unexpected(systemError(path, "write"));
        return file;
    }

    /// Megabytes a second: writes the blocks in this order, then fdatasync(), which counts too.
    Result<Sample, Error> write(const std::vector<std::size_t> &order) const
    {
        const auto begun = Clock::now();
        std::size_t written = 0;
        for (const std::size_t block : order) {
            if (!writeBlock(block))
                return std::unexpected(systemError(m_path, "write"));
            ++written;
            if (Clock::now() - begun > kLongestWrites)
                break;
        }
        if (::fdatasync(m_descriptor.number()) != 0)
            return std::unexpected(systemError(m_path, "sync"));
        const std::chrono::duration<double> took = Clock::now() - begun;
        return Sample{static_cast<double>(written * m_blockBytes) / 1e6 / took.count()};
    }

    bool direct() const { return m_direct; }

private:
    DiskFile(std::string path, std::size_t blockBytes)
        : m_path(std::move(path))
        , m_blockBytes(blockBytes)
        , m_block(std::aligned_alloc(kDirectAlignment, blockBytes))
    {
        if (m_block)
            std::fill_n(static_cast<unsigned char *>(m_block.get()), blockBytes, 0x51);
    }

    /// Where the file system does not take O_DIRECT.
    void openBuffered()
    {
        m_direct = false;
        m_descriptor =
            Descriptor(::open(m_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    }

    bool writeBlock(std::size_t block) const
    {
        return ::pwrite(m_descriptor.number(), m_block.get(), m_blockBytes,
                   static_cast<off_t>(block * m_blockBytes))
            == static_cast<ssize_t>(m_blockBytes);
    }

    std::string m_path;
    std::size_t m_blockBytes;
    std::unique_ptr<void, Free> m_block;
    Descriptor m_descriptor;
    bool m_direct = false;
};

Result<std::vector<Measurement>, Error> measureDiskWrites(
    const MeasureSettings &settings, const std::string &directory, const MeasureWatch &watch)
{
    const auto blockBytes = static_cast<std::size_t>(settings.at("block-kibibytes")) << 10;
    const std::size_t blocks =
        (static_cast<std::size_t>(settings.at("mebibytes")) << 20) / blockBytes;
    const Result<DiskFile, Error> file =
        DiskFile::create(directory + "/blocks", blockBytes, blocks);
    if (!file)
        return std::unexpected(file.error());
    std::vector<std::size_t> inOrder(blocks);
    std::iota(inOrder.begin(), inOrder.end(), std::size_t{0});
    std::vector<std::size_t> shuffled = inOrder;
    Random random(1);
    for (std::size_t i = blocks; i > 1; --i)
        std::swap(shuffled[i - 1], shuffled[random.below(i)]);

    const std::vector<OneRun> contenders{
        [&] { return file->write(inOrder); }, [&] { return file->write(shuffled); }};
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    return std::vector<Measurement>{
        {"sequential-rate", rounds->median(0), "MB/s"},
        {"random-rate", rounds->median(1), "MB/s"},
        {"sequential-over-random", rounds->ratio(0, 1), "times"},
        {"past-the-page-cache", file->direct() ? 1.0 : 0.0, ""},
        {"on-a-disk", isInMemory(directory) ? 0.0 : 1.0, ""},
    };
}

} // namespace

Measure diskWrites()
{
    return {"disk-writes",
        "Blocks written over a file in order and in random order, one at a time past the page "
        "cache "
        "(O_DIRECT) where the file system allows it, with one fdatasync at the end of each run.",
        {{"block-kibibytes", "size of a block", 4, 4, 1024},
            {"mebibytes", "size of the file; a run takes at most a second", 16, 1, 1024},
            {"rounds", "how often both are measured", 3, 1, 99}},
        {{"sequential-rate", "blocks in the order of the file"},
            {"random-rate", "the same blocks, shuffled"},
            {"sequential-over-random", "how many times as fast the first is"},
            {"past-the-page-cache", "1: with O_DIRECT; 0: the kernel may collect the writes first"},
            {"on-a-disk", "1: on a disk; 0: the directory is in memory"}},
        measureDiskWrites};
}

} // namespace queuelab::lessons
