#include "engine/core/posix_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace queuelab {

namespace {

std::string_view remedyFor(int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
    case EROFS:
        return "choose a directory you may write to, or change its permissions";
    case ENOSPC:
    case EDQUOT:
        return "free some space or choose another disk";
    case ENOENT:
        return "check the name";
    case EMFILE:
    case ENFILE:
        return "raise the limit of open files (ulimit -n)";
    case ENOTDIR:
        return "a file is in the way: choose another name";
    default:
        return "check the disk";
    }
}

std::unexpected<Error> failure(const std::string &path, std::string_view what, int code)
{
    return std::unexpected(Error{
        path, fmt::format("{}: {}", what, std::strerror(code)), std::string(remedyFor(code))});
}

} // namespace

PosixFiles::PosixFiles(std::string root)
    : m_root(std::move(root))
{
}

PosixFiles::~PosixFiles()
{
    for (const OpenFile &file : m_open) {
        if (file.descriptor >= 0)
            ::close(file.descriptor);
    }
}

Result<std::unique_ptr<PosixFiles>, Error> PosixFiles::open(const std::string &root)
{
    std::error_code error;
    std::filesystem::create_directories(root, error);
    if (error)
        return failure(root, "cannot make this directory", error.value());
    if (::access(root.c_str(), R_OK | W_OK | X_OK) != 0)
        return failure(root, "cannot write to this directory", errno);
    return std::unique_ptr<PosixFiles>(new PosixFiles(root));
}

std::string PosixFiles::absolute(const std::string &path) const
{
    return path.empty() ? m_root : m_root + "/" + path;
}

Result<FileId, Error> PosixFiles::open(const std::string &path, bool create)
{
    const std::string full = absolute(path);
    const int descriptor = ::open(full.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0644);
    if (descriptor < 0)
        return failure(full, "cannot open", errno);
    struct stat status = {};
    if (::fstat(descriptor, &status) != 0) {
        const int code = errno;
        ::close(descriptor);
        return failure(full, "cannot ask its size", code);
    }
    OpenFile file{descriptor, static_cast<std::uint64_t>(status.st_size), full};
    if (m_closed.empty()) {
        m_open.push_back(std::move(file));
        return FileId(static_cast<std::int32_t>(m_open.size() - 1));
    }
    const std::int32_t place = m_closed.back();
    m_closed.pop_back();
    m_open[static_cast<std::size_t>(place)] = std::move(file);
    return FileId(place);
}

void PosixFiles::close(FileId file)
{
    OpenFile &open = m_open[static_cast<std::size_t>(file.value())];
    if (open.descriptor < 0)
        return;
    ::close(open.descriptor);
    open.descriptor = -1;
    m_closed.push_back(file.value());
}

Result<std::uint64_t, Error> PosixFiles::append(FileId file, std::span<const ByteView> pieces)
{
    constexpr std::size_t kMaxPieces = 16;
    OpenFile &open = m_open[static_cast<std::size_t>(file.value())];
    invariant(pieces.size() <= kMaxPieces, "an append has at most 16 pieces");
    const std::uint64_t position = open.size;
    std::array<iovec, kMaxPieces> vectors;
    std::size_t total = 0;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        vectors[i] = {
            const_cast<std::uint8_t *>(pieces[i].data()), pieces[i].size()}; // writev only reads
        total += pieces[i].size();
    }
    std::size_t done = 0;
    std::size_t first = 0;
    while (done < total) {
        const ssize_t written = ::pwritev(open.descriptor, &vectors[first],
            static_cast<int>(pieces.size() - first), static_cast<off_t>(position + done));
        if (written < 0) {
            if (errno == EINTR)
                continue;
            const int code = errno;
            // Half an append must not stay: the next one would lie behind garbage.
            if (done > 0 && ::ftruncate(open.descriptor, static_cast<off_t>(position)) != 0)
                open.size = position + done;
            return failure(open.path, "cannot write", code);
        }
        done += static_cast<std::size_t>(written);
        auto left = static_cast<std::size_t>(written);
        while (first < pieces.size() && left >= vectors[first].iov_len) {
            left -= vectors[first].iov_len;
            ++first;
        }
        if (left > 0) {
            vectors[first].iov_base = static_cast<std::uint8_t *>(vectors[first].iov_base) + left;
            vectors[first].iov_len -= left;
        }
    }
    open.size = position + total;
    return position;
}

Result<void, Error> PosixFiles::writeAt(FileId file, std::uint64_t position, ByteView bytes)
{
    OpenFile &open = m_open[static_cast<std::size_t>(file.value())];
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t written = ::pwrite(open.descriptor, bytes.data() + done, bytes.size() - done,
            static_cast<off_t>(position + done));
        if (written < 0 && errno != EINTR)
            return failure(open.path, "cannot write", errno);
        if (written > 0)
            done += static_cast<std::size_t>(written);
    }
    open.size = std::max(open.size, position + bytes.size());
    return {};
}

Result<void, Error> PosixFiles::read(
    FileId file, std::uint64_t position, std::uint64_t size, std::vector<SharedBytes> &out) const
{
    const OpenFile &open = m_open[static_cast<std::size_t>(file.value())];
    if (position >= open.size || size == 0)
        return {};
    const auto wanted = static_cast<std::size_t>(std::min(size, open.size - position));
    auto buffer = std::make_shared_for_overwrite<std::uint8_t[]>(wanted);
    std::size_t done = 0;
    while (done < wanted) {
        const ssize_t got = ::pread(open.descriptor, buffer.get() + done, wanted - done,
            static_cast<off_t>(position + done));
        if (got < 0 && errno != EINTR)
            return failure(open.path, "cannot read", errno);
        if (got == 0)
            break; // somebody else cut the file
        if (got > 0)
            done += static_cast<std::size_t>(got);
    }
    const ByteView view(buffer.get(), done);
    out.emplace_back(std::move(buffer), view);
    return {};
}

std::uint64_t PosixFiles::size(FileId file) const
{
    return m_open[static_cast<std::size_t>(file.value())].size;
}

Result<void, Error> PosixFiles::truncate(FileId file, std::uint64_t size)
{
    OpenFile &open = m_open[static_cast<std::size_t>(file.value())];
    if (size >= open.size)
        return {};
    if (::ftruncate(open.descriptor, static_cast<off_t>(size)) != 0)
        return failure(open.path, "cannot cut", errno);
    open.size = size;
    return {};
}

Result<void, Error> PosixFiles::sync(FileId file)
{
    const OpenFile &open = m_open[static_cast<std::size_t>(file.value())];
    if (::fdatasync(open.descriptor) != 0)
        return failure(open.path, "cannot sync", errno);
    return {};
}

bool PosixFiles::exists(const std::string &path) const
{
    return ::access(absolute(path).c_str(), F_OK) == 0;
}

Result<void, Error> PosixFiles::createDirectories(const std::string &path)
{
    std::error_code error;
    std::filesystem::create_directories(absolute(path), error);
    if (error)
        return failure(absolute(path), "cannot make this directory", error.value());
    return {};
}

Result<std::vector<std::string>, Error> PosixFiles::list(const std::string &path) const
{
    std::error_code error;
    std::vector<std::string> found;
    std::filesystem::directory_iterator entry(absolute(path), error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
        found.push_back(entry->path().filename().string());
    if (error)
        return failure(absolute(path), "cannot list this directory", error.value());
    std::ranges::sort(found);
    return found;
}

Result<void, Error> PosixFiles::rename(const std::string &from, const std::string &to)
{
    if (::rename(absolute(from).c_str(), absolute(to).c_str()) != 0)
        return failure(absolute(from), "cannot rename", errno);
    return {};
}

Result<void, Error> PosixFiles::remove(const std::string &path)
{
    std::error_code error;
    if (std::filesystem::remove_all(absolute(path), error) == 0 && !error)
        return failure(absolute(path), "cannot remove", ENOENT);
    if (error)
        return failure(absolute(path), "cannot remove", error.value());
    return {};
}

Result<void, Error> PosixFiles::syncDirectory(const std::string &path)
{
    const std::string full = absolute(path);
    const int descriptor = ::open(full.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return failure(full, "cannot open this directory", errno);
    const int result = ::fsync(descriptor);
    const int code = errno;
    ::close(descriptor);
    if (result != 0)
        return failure(full, "cannot sync this directory", code);
    return {};
}

std::unique_ptr<Files> PosixFiles::clone() const
{
    return nullptr;
}

} // namespace queuelab
