#pragma once

#include "engine/core/files.h"

namespace queuelab {

/// Files in a real directory.
class PosixFiles final : public Files {
public:
    /// Makes `root` if it is missing. An Error when it cannot be made or written to, with the
    /// remedy.
    static Result<std::unique_ptr<PosixFiles>, Error> open(const std::string &root);
    ~PosixFiles() override;

    const std::string &root() const { return m_root; }

    Result<FileId, Error> open(const std::string &path, bool create) override;
    void close(FileId file) override;
    Result<std::uint64_t, Error> append(FileId file, std::span<const ByteView> pieces) override;
    Result<void, Error> writeAt(FileId file, std::uint64_t position, ByteView bytes) override;
    Result<void, Error> read(FileId file, std::uint64_t position, std::uint64_t size,
        std::vector<SharedBytes> &out) const override;
    std::uint64_t size(FileId file) const override;
    Result<void, Error> truncate(FileId file, std::uint64_t size) override;
    Result<void, Error> sync(FileId file) override;
    bool exists(const std::string &path) const override;
    Result<void, Error> createDirectories(const std::string &path) override;
    Result<std::vector<std::string>, Error> list(const std::string &path) const override;
    Result<void, Error> rename(const std::string &from, const std::string &to) override;
    Result<void, Error> remove(const std::string &path) override;
    Result<void, Error> syncDirectory(const std::string &path) override;
    /// nullptr: a real directory cannot be copied as a value.
    std::unique_ptr<Files> clone() const override;
    std::uint64_t memoryBytes() const override { return 0; }

private:
    struct OpenFile {
        int descriptor = -1;
        std::uint64_t size = 0;
        std::string path;
    };
    explicit PosixFiles(std::string root);
    std::string absolute(const std::string &path) const;

    std::string m_root;
    std::vector<OpenFile> m_open;
    std::vector<std::int32_t> m_closed; // places in m_open that are free
};

} // namespace queuelab
