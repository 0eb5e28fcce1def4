#pragma once

#include "engine/core/files.h"
#include "engine/log/record_batch.h"

#include <cstdint>
#include <vector>

namespace queuelab::log {

/// Walks the batches of a segment's file front to back, copying nothing (but a batch that an odd
/// file keeps in two slices). It looks at lengths only: whoever needs to know whether a batch is
/// sound calls checkBatch() on bytes().
class BatchScan {
public:
    enum class Stop : std::uint8_t {
        Running,
        AtEnd, ///< every byte up to `end` belonged to a batch
        Torn, ///< the last batch is shorter than its header says, or than a header
        Malformed, ///< what stands at position() cannot be the header of a batch
        Unreadable, ///< Files gave an error()
    };

    /// From `position`, where a batch starts, to `end`. `chunkBytes` is how much is asked of Files
    /// at a time.
    BatchScan(const Files &files, FileId file, std::uint64_t position, std::uint64_t end,
        std::uint64_t chunkBytes = kChunkBytes);

    bool next();
    /// Asks Files for so much from the next time on.
    void setChunk(std::uint64_t chunkBytes) { m_chunkBytes = chunkBytes; }
    /// The current batch; after next() gave false, where the scan stopped.
    std::uint64_t position() const { return m_position; }
    const BatchHeader &header() const { return m_header; }
    ByteView bytes() const { return slice().view().subspan(m_at, m_header.sizeBytes()); }
    /// The slice of the file that holds the current batch, and where in it the batch starts.
    const SharedBytes &slice() const { return m_slices[m_current]; }
    std::size_t positionInSlice() const { return m_at; }

    Stop stopped() const { return m_stop; }
    const Error &error() const { return m_error; }

private:
    static constexpr std::uint64_t kChunkBytes = 1 << 20;

    bool have(std::size_t bytes);
    bool stop(Stop reason);

    const Files &m_files;
    FileId m_file;
    std::uint64_t m_position;
    std::uint64_t m_end;
    std::uint64_t m_chunkBytes;
    std::vector<SharedBytes> m_slices;
    std::size_t m_current = 0; // in m_slices
    std::size_t m_at = 0; // in m_slices[m_current]: the byte at m_position
    bool m_onBatch = false;
    BatchHeader m_header;
    Stop m_stop = Stop::Running;
    Error m_error;
};

} // namespace queuelab::log
