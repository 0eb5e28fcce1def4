#pragma once

#include "engine/core/files.h"

#include <cstdint>
#include <memory>

namespace queuelab {

/// Other files, on a disk that does `before` operations that change something, fails the next
/// `failing` ones, and then is as before.
class FailingDisk final : public Files {
public:
    FailingDisk(Files &files, std::uint64_t before, std::uint64_t failing)
        : m_files(files)
        , m_before(before)
        , m_failing(failing)
    {
    }
    bool hasFailed() const { return m_done > m_before; }

    Result<FileId, Error> open(const std::string &path, bool create) override
    {
        const bool makes = create && !m_files.exists(path);
        if (makes && fails())
            return std::unexpected(refusal());
        return m_files.open(path, create);
    }
    void close(FileId file) override { m_files.close(file); }
    Result<std::uint64_t, Error> append(FileId file, std::span<const ByteView> pieces) override
    {
        if (fails())
            return std::unexpected(refusal());
        return m_files.append(file, pieces);
    }
    Result<void, Error> writeAt(FileId file, std::uint64_t position, ByteView bytes) override
    {
        return fails() ? std::unexpected(refusal()) : m_files.writeAt(file, position, bytes);
    }
    Result<void, Error> read(FileId file, std::uint64_t position, std::uint64_t size,
        std::vector<SharedBytes> &out) const override
    {
        return m_files.read(file, position, size, out);
    }
    std::uint64_t size(FileId file) const override { return m_files.size(file); }
    Result<void, Error> truncate(FileId file, std::uint64_t size) override
    {
        return fails() ? std::unexpected(refusal()) : m_files.truncate(file, size);
    }
    Result<void, Error> sync(FileId file) override
    {
        return fails() ? std::unexpected(refusal()) : m_files.sync(file);
    }
    bool exists(const std::string &path) const override { return m_files.exists(path); }
    Result<void, Error> createDirectories(const std::string &path) override
    {
        return fails() ? std::unexpected(refusal()) : m_files.createDirectories(path);
    }
    Result<std::vector<std::string>, Error> list(const std::string &path) const override
    {
        return m_files.list(path);
    }
    Result<void, Error> rename(const std::string &from, const std::string &to) override
    {
        return fails() ? std::unexpected(refusal()) : m_files.rename(from, to);
    }
    Result<void, Error> remove(const std::string &path) override
    {
        return fails() ? std::unexpected(refusal()) : m_files.remove(path);
    }
    Result<void, Error> syncDirectory(const std::string &path) override
    {
        return fails() ? std::unexpected(refusal()) : m_files.syncDirectory(path);
    }
    std::unique_ptr<Files> clone() const override { return nullptr; }
    std::uint64_t memoryBytes() const override { return m_files.memoryBytes(); }

private:
    bool fails()
    {
        const std::uint64_t operation = m_done++;
        return operation >= m_before && operation - m_before < m_failing;
    }
    static Error refusal() { return {"disk", "does not answer", "try again"}; }

    Files &m_files;
    std::uint64_t m_before;
    std::uint64_t m_failing;
    std::uint64_t m_done = 0;
};

} // namespace queuelab
