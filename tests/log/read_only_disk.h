#pragma once

#include "engine/core/files.h"

#include <memory>

namespace queuelab {

/// Other files, on a disk that has just turned read-only: everything that would change them fails.
class ReadOnlyDisk final : public Files {
public:
    explicit ReadOnlyDisk(Files &files)
        : m_files(files)
    {
    }

    Result<FileId, Error> open(const std::string &path, bool create) override
    {
        if (create && !m_files.exists(path))
            return std::unexpected(refusal());
        return m_files.open(path, false);
    }
    void close(FileId file) override { m_files.close(file); }
    Result<std::uint64_t, Error> append(FileId, std::span<const ByteView>) override
    {
        return std::unexpected(refusal());
    }
    Result<void, Error> writeAt(FileId, std::uint64_t, ByteView) override
    {
        return std::unexpected(refusal());
    }
    Result<void, Error> read(FileId file, std::uint64_t position, std::uint64_t size,
        std::vector<SharedBytes> &out) const override
    {
        return m_files.read(file, position, size, out);
    }
    std::uint64_t size(FileId file) const override { return m_files.size(file); }
    Result<void, Error> truncate(FileId, std::uint64_t) override
    {
        return std::unexpected(refusal());
    }
    Result<void, Error> sync(FileId) override { return std::unexpected(refusal()); }
    bool exists(const std::string &path) const override { return m_files.exists(path); }
    Result<void, Error> createDirectories(const std::string &) override
    {
        return std::unexpected(refusal());
    }
    Result<std::vector<std::string>, Error> list(const std::string &path) const override
    {
        return m_files.list(path);
    }
    Result<void, Error> rename(const std::string &, const std::string &) override
    {
        return std::unexpected(refusal());
    }
    Result<void, Error> remove(const std::string &) override { return std::unexpected(refusal()); }
    Result<void, Error> syncDirectory(const std::string &) override
    {
        return std::unexpected(refusal());
    }
    std::unique_ptr<Files> clone() const override { return nullptr; }
    std::uint64_t memoryBytes() const override { return m_files.memoryBytes(); }

private:
    static Error refusal() { return {"disk", "read-only", "mount it again"}; }
    Files &m_files;
};

} // namespace queuelab
