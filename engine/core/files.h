#pragma once

#include "engine/core/bytes.h"
#include "engine/core/ids.h"
#include "engine/core/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace queuelab {

/// An open file of one Files. Stays valid in a clone().
using FileId = StrongId<struct FileTag, std::int32_t>;

/// How engines reach storage, as LevelDB does through Env: a real directory, or memory in lessons
/// and simulation. Paths are relative to the root, with '/' between parts; "" is the root. Not
/// thread-safe: one world, one thread. Every failure names the path and a remedy. Writes are
/// durable after sync() of the file, names (create, rename, remove) after syncDirectory() of their
/// directory.
class Files {
public:
    virtual ~Files() = default;

    /// Opens for reading and writing; creates the file when `create` is set, else a missing file is
    /// an Error.
    virtual Result<FileId, Error> open(const std::string &path, bool create) = 0;
    virtual void close(FileId file) = 0;

    /// Writes the pieces one after another at the end, in one call to the system. Returns the
    /// position of the first byte.
    virtual Result<std::uint64_t, Error> append(FileId file, std::span<const ByteView> pieces) = 0;
    /// Overwrites inside the file or extends it; `position` <= size.
    virtual Result<void, Error> writeAt(FileId file, std::uint64_t position, ByteView bytes) = 0;
    /// Appends to `out` slices that together are the `size` bytes at `position` (fewer at the end
    /// of the file). Memory is shared, not copied, and one append() is never split over two slices;
    /// a real file gives one slice.
    virtual Result<void, Error> read(FileId file, std::uint64_t position, std::uint64_t size,
        std::vector<SharedBytes> &out) const = 0;
    virtual std::uint64_t size(FileId file) const = 0;
    virtual Result<void, Error> truncate(FileId file, std::uint64_t size) = 0;
    virtual Result<void, Error> sync(FileId file) = 0;

    virtual bool exists(const std::string &path) const = 0;
    virtual Result<void, Error> createDirectories(const std::string &path) = 0;
    /// Names (not paths) of files and directories in `path`, sorted.
    virtual Result<std::vector<std::string>, Error> list(const std::string &path) const = 0;
    virtual Result<void, Error> rename(const std::string &from, const std::string &to) = 0;
    /// Removes a file, or a directory with all below it.
    virtual Result<void, Error> remove(const std::string &path) = 0;
    virtual Result<void, Error> syncDirectory(const std::string &path) = 0;

    /// A copy that shares the bytes already written; nullptr where that is not cheap (a real
    /// directory).
    virtual std::unique_ptr<Files> clone() const = 0;
    /// Bytes held in memory, those shared with clones included; 0 for a real directory.
    virtual std::uint64_t memoryBytes() const = 0;
};

/// One contiguous copy of a file's bytes, for small files and tools.
Result<Bytes, Error> readWhole(const Files &files, FileId file);
/// Replaces `path` as Kafka does its checkpoints: write `path`.tmp, sync, rename, sync the
/// directory.
Result<void, Error> replaceFile(Files &files, const std::string &path, ByteView bytes);

} // namespace queuelab
