#pragma once

#include "engine/core/files.h"
#include "engine/core/random.h"

#include <map>

namespace queuelab {

/// Files in memory, a value: a clone shares the bytes already written. It keeps apart what was
/// written and what is durable, so a crash loses exactly what was not synced.
class MemoryFiles final : public Files {
public:
    MemoryFiles();
    ~MemoryFiles() override;

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
    std::unique_ptr<Files> clone() const override;
    std::uint64_t memoryBytes() const override;

    /// The power goes, for everything below `directory` ("" is all): bytes not synced are gone,
    /// names not made durable by syncDirectory() are as they were, open files are closed. With
    /// `torn`, a random prefix of each file's unsynced appends survives, as on a disk: the last
    /// write may be torn in the middle. Directories themselves survive.
    void crash(const std::string &directory, Random *torn = nullptr);
    /// The process dies but the machine does not: nothing written is lost, open files below
    /// `directory` are closed.
    void closeAll(const std::string &directory);

private:
    struct State;
    explicit MemoryFiles(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

} // namespace queuelab
