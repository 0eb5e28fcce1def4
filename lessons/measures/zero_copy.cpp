#include "lessons/measures/measure.h"
#include "lessons/measures/rounds.h"
#include "lessons/measures/scratch.h"

#include <chrono>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace queuelab::lessons {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kChunkBytes = 64 << 10;

/// Takes in what comes until the other side closes, on a thread of its own.
class Receiver {
public:
    explicit Receiver(Descriptor socket)
        : m_thread([socket = std::move(socket)] {
            std::vector<char> buffer(kChunkBytes);
            while (::read(socket.number(), buffer.data(), buffer.size()) > 0) { }
        })
    {
    }

private:
    std::jthread m_thread;
};

/// Sends `size` bytes of the file; gives the bytes that passed through memory of this program, or
/// nothing when the system refused.
using Send = std::optional<std::uint64_t> (*)(int file, int socket, std::uint64_t size);

std::optional<std::uint64_t> sendFromPageCache(int file, int socket, std::uint64_t size)
{
    off_t at = 0;
    while (static_cast<std::uint64_t>(at) < size) {
        if (::sendfile(socket, file, &at, kChunkBytes) <= 0)
            return std::nullopt;
    }
    return 0;
}

std::optional<std::uint64_t> sendThroughBuffer(int file, int socket, std::uint64_t size)
{
    std::vector<char> buffer(kChunkBytes);
    std::uint64_t through = 0;
    for (std::uint64_t at = 0; at < size;) {
        const ssize_t got = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got <= 0)
            return std::nullopt;
        for (ssize_t sent = 0; sent < got;) {
            const ssize_t more = ::send(
                socket, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
            if (more <= 0)
                return std::nullopt;
            sent += more;
        }
        at += static_cast<std::uint64_t>(got);
        through += 2 * static_cast<std::uint64_t>(got); // into the buffer, and out of it again
    }
    return through;
}

/// A sample: processor milliseconds of the sender for a gigabyte, megabytes a second, bytes through
/// user space.
Result<Sample, Error> sendFile(const std::string &path, std::uint64_t size, Send send)
{
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    int ends[2] = {-1, -1};
    if (!file.isOpen() || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return std::unexpected(systemError(path, "be sent over a socket"));
    std::optional<Descriptor> sender(std::in_place, ends[0]);
    std::optional<Receiver> receiver(std::in_place, Descriptor(ends[1]));
    const auto begun = Clock::now();
    const double processorBefore = threadProcessorSeconds();
    const std::optional<std::uint64_t> through = send(file.number(), sender->number(), size);
    const double processor = threadProcessorSeconds() - processorBefore;
    const Error refused = systemError(path, "be sent over a socket");
    sender.reset(); // the receiver sees the end
    receiver.reset(); // and has taken in everything
    const std::chrono::duration<double> took = Clock::now() - begun;
    if (!through)
        return std::unexpected(refused);
    const auto bytes = static_cast<double>(size);
    return Sample{
        processor * 1e3 / (bytes / 1e9), bytes / 1e6 / took.count(), static_cast<double>(*through)};
}

Result<void, Error> writeFile(const std::string &path, std::uint64_t size)
{
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const std::vector<char> chunk(kChunkBytes, 'q');
    bool whole = file.isOpen();
    for (std::uint64_t at = 0; at < size && whole; at += kChunkBytes)
        whole = ::write(file.number(), chunk.data(), chunk.size())
            == static_cast<ssize_t>(chunk.size());
    if (!whole)
        return std::unexpected(systemError(path, "write"));
    return {};
}

Result<std::vector<Measurement>, Error> measureZeroCopy(
    const MeasureSettings &settings, const std::string &directory, const MeasureWatch &watch)
{
    const std::string path = directory + "/segment";
    const auto size = static_cast<std::uint64_t>(settings.at("mebibytes")) << 20;
    if (const Result<void, Error> written = writeFile(path, size); !written)
        return std::unexpected(written.error());
    const bool bothThroughBuffer = settings.at("broker") == 1;
    const std::vector<OneRun> contenders{
        [&] {
            return sendFile(path, size, bothThroughBuffer ? sendThroughBuffer : sendFromPageCache);
        },
        [&] { return sendFile(path, size, sendThroughBuffer); }};
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    return std::vector<Measurement>{
        {"sendfile-through-user-space", rounds->median(0, 2), "bytes"},
        {"copying-through-user-space", rounds->median(1, 2), "bytes"},
        {"sendfile-processor-time", rounds->median(0), "ms/GB"},
        {"copying-processor-time", rounds->median(1), "ms/GB"},
        {"copying-over-sendfile", rounds->ratio(1, 0), "times"},
        {"sendfile-rate", rounds->median(0, 1), "MB/s"},
        {"copying-rate", rounds->median(1, 1), "MB/s"},
    };
}

} // namespace

Measure zeroCopy()
{
    return {"zero-copy",
        "A file that is in the page cache is sent over a local socket: with sendfile(2), and with "
        "pread(2) into a buffer and send(2) from it, 64 KiB a call.",
        {{"mebibytes", "size of the file", 64, 1, 4096},
            {"broker", "how the first of the two sends", 0, 0, 1, {"sendfile", "buffer"}},
            {"rounds", "how often both are measured", 5, 1, 99}},
        {{"sendfile-through-user-space", "bytes copied into and out of the program's memory"},
            {"copying-through-user-space", "the same with the buffer"},
            {"sendfile-processor-time", "processor time of the sending thread for a gigabyte"},
            {"copying-processor-time", "the same with the buffer"},
            {"copying-over-sendfile", "how many times as much the second is"},
            {"sendfile-rate", "how fast all of it was received"},
            {"copying-rate", "the same with the buffer"}},
        measureZeroCopy};
}

} // namespace queuelab::lessons
