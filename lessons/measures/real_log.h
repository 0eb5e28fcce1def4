#pragma once

#include "engine/core/posix_files.h"
#include "engine/core/random.h"
#include "engine/log/partition_log.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::lessons {

/// A partition of the log engine on real files: one segment, and no sync unless flush() is called,
/// as a broker keeps it.
class RealLog {
public:
    /// Below `root`, which is made when it is missing. An existing one must have been closed.
    static Result<std::unique_ptr<RealLog>, Error> open(const std::string &root);

    Result<void, Error> append(ByteView batch);
    /// As a fetch does: batches from `offset` on, about a MiB at most. The next offset.
    Result<std::int64_t, Error> fetch(std::int64_t offset);
    /// Fetches everything, and looks at a byte of each page.
    Result<void, Error> readToEnd();
    Result<void, Error> flush();
    Result<void, Error> close();

    std::int64_t endOffset() const { return m_log->logEndOffset(); }
    std::uint64_t sizeBytes() const { return m_log->sizeBytes(); }
    /// The path of its records.
    std::string file() const;

private:
    explicit RealLog(std::unique_ptr<PosixFiles> files);
    Error refused(const char *what, log::ErrorCode code) const;

    std::unique_ptr<PosixFiles> m_files;
    Random m_random{1};
    Trace m_trace;
    Context m_context;
    std::optional<log::PartitionLog> m_log;
    std::vector<SharedBytes> m_fetched;
};

/// Values as an application writes them, so that they can be compressed as such: JSON with a name,
/// a few words and numbers, of exactly `bytes` bytes each, no two alike.
std::vector<Bytes> eventValues(std::size_t bytes, std::size_t count);

/// Fills one batch: `count` of the values, from number `first` on.
ByteView buildBatch(log::BatchBuilder &builder, const std::vector<Bytes> &values, std::size_t first,
    std::size_t count);

} // namespace queuelab::lessons
