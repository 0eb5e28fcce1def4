#pragma once

#include "engine/core/result.h"

#include <cstdint>
#include <string>
#include <utility>

namespace queuelab::lessons {

/// A fresh directory of its own, removed with all in it when this goes.
class ScratchDirectory {
public:
    /// Below the system's temporary directory ($TMPDIR, else /tmp).
    static Result<ScratchDirectory, Error> create();
    /// As create(), but when that directory is in memory, below /var/tmp if that is on a disk.
    static Result<ScratchDirectory, Error> createOnDisk();

    ScratchDirectory(ScratchDirectory &&other) noexcept
        : m_path(std::exchange(other.m_path, {}))
    {
    }
    ScratchDirectory &operator=(ScratchDirectory &&) = delete;
    ~ScratchDirectory();
    const std::string &path() const { return m_path; }

private:
    explicit ScratchDirectory(std::string path)
        : m_path(std::move(path))
    {
    }
    static Result<ScratchDirectory, Error> createBelow(const std::string &parent);

    std::string m_path;
};

/// Whether the files of `directory` are in memory only (tmpfs, ramfs).
bool isInMemory(const std::string &directory);

/// An open file or socket, closed when this goes. -1 is none.
class Descriptor {
public:
    explicit Descriptor(int number = -1)
        : m_number(number)
    {
    }
    Descriptor(Descriptor &&other) noexcept
        : m_number(std::exchange(other.m_number, -1))
    {
    }
    Descriptor &operator=(Descriptor &&other) noexcept
    {
        std::swap(m_number, other.m_number);
        return *this;
    }
    ~Descriptor();
    int number() const { return m_number; }
    bool isOpen() const { return m_number >= 0; }

private:
    int m_number;
};

/// "PLACE: cannot WHAT: No space left on device", from errno.
Error systemError(const std::string &place, const std::string &what);

/// Bytes that this process made devices read so far: /proc/self/io, read_bytes.
Result<std::uint64_t, Error> bytesReadFromDevices();

/// Processor seconds of the calling thread so far.
double threadProcessorSeconds();

} // namespace queuelab::lessons
