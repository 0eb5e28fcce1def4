#include "lessons/measures/scratch.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace queuelab::lessons {

namespace {

namespace fs = std::filesystem;

std::string temporaryDirectory()
{
    std::error_code failed;
    const fs::path path = fs::temp_directory_path(failed);
    return failed ? std::string("/tmp") : path.string();
}

} // namespace

Result<ScratchDirectory, Error> ScratchDirectory::createBelow(const std::string &parent)
{
    std::string pattern = parent + "/queuelab-live-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr)
        return std::unexpected(Error{pattern,
            fmt::format("cannot be made: {}", std::generic_category().message(errno)),
            "set TMPDIR to a directory you may write to"});
    return ScratchDirectory(pattern);
}

Result<ScratchDirectory, Error> ScratchDirectory::create()
{
    return createBelow(temporaryDirectory());
}

Result<ScratchDirectory, Error> ScratchDirectory::createOnDisk()
{
    const std::string usual = temporaryDirectory();
    const std::string other = "/var/tmp";
    const bool otherIsBetter =
        isInMemory(usual) && !isInMemory(other) && access(other.c_str(), W_OK) == 0;
    return createBelow(otherIsBetter ? other : usual);
}

ScratchDirectory::~ScratchDirectory()
{
    std::error_code ignored; // a leftover among temporary files harms nobody
    if (!m_path.empty())
        fs::remove_all(m_path, ignored);
}

bool isInMemory(const std::string &directory)
{
    struct statfs info = {};
    return statfs(directory.c_str(), &info) == 0
        && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

Descriptor::~Descriptor()
{
    if (m_number >= 0)
        ::close(m_number);
}

Error systemError(const std::string &place, const std::string &what)
{
    return {place, fmt::format("cannot {}: {}", what, std::generic_category().message(errno)),
        "set TMPDIR to a directory with room that you may write to"};
}

Result<std::uint64_t, Error> bytesReadFromDevices()
{
    std::ifstream file("/proc/self/io");
    std::string key;
    std::uint64_t value = 0;
    while (file >> key >> value) {
        if (key == "read_bytes:")
            return value;
    }
    return std::unexpected(Error{"/proc/self/io", "does not tell how much was read from devices",
        "the kernel counts it with CONFIG_TASK_IO_ACCOUNTING"});
}

double threadProcessorSeconds()
{
    timespec now = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

} // namespace queuelab::lessons
