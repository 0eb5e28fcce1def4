#include "engine/log/batch_scan.h"

#include <algorithm>

namespace queuelab::log {

BatchScan::BatchScan(const Files &files, FileId file, std::uint64_t position, std::uint64_t end,
    std::uint64_t chunkBytes)
    : m_files(files)
    , m_file(file)
    , m_position(position)
    , m_end(end)
    , m_chunkBytes(chunkBytes)
{
}

bool BatchScan::stop(Stop reason)
{
    m_stop = reason;
    m_onBatch = false;
    return false;
}

/// Makes `bytes` bytes from m_position on lie in one slice; false when the file has not so many, or
/// cannot be read.
bool BatchScan::have(std::size_t bytes)
{
    if (m_current < m_slices.size() && m_at == slice().size()) {
        ++m_current;
        m_at = 0;
    }
    if (m_current < m_slices.size() && slice().size() - m_at >= bytes)
        return true;
    if (bytes > m_end - m_position)
        return stop(Stop::Torn);

    m_slices.clear();
    m_current = 0;
    m_at = 0;
    const std::uint64_t wanted =
        std::min(std::max<std::uint64_t>(bytes, m_chunkBytes), m_end - m_position);
    if (auto read = m_files.read(m_file, m_position, wanted, m_slices); !read) {
        m_error = std::move(read.error());
        return stop(Stop::Unreadable);
    }
    if (!m_slices.empty() && m_slices.front().size() >= bytes)
        return true;
    Bytes joined;
    joined.reserve(bytes);
    for (const SharedBytes &piece : m_slices) {
        const ByteView part = piece.view().first(std::min(piece.size(), bytes - joined.size()));
        joined.insert(joined.end(), part.begin(), part.end());
    }
    if (joined.size() < bytes)
        return stop(Stop::Torn);
    m_slices.assign(1, SharedBytes(std::move(joined)));
    return true;
}

bool BatchScan::next()
{
    if (m_stop != Stop::Running)
        return false;
    if (m_onBatch) {
        m_position += m_header.sizeBytes();
        m_at += m_header.sizeBytes();
    }
    if (m_position >= m_end)
        return stop(Stop::AtEnd);
    if (!have(kBatchHeaderBytes))
        return false;
    m_header = *readBatchHeader(slice().view().subspan(m_at));
    constexpr auto kLeast = static_cast<std::int32_t>(kBatchHeaderBytes - kLogOverheadBytes);
    if (m_header.magic != 2 || m_header.batchLength < kLeast)
        return stop(Stop::Malformed);
    m_onBatch = have(m_header.sizeBytes());
    return m_onBatch;
}

} // namespace queuelab::log
