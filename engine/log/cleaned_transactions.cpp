#include "engine/log/cleaned_transactions.h"

#include "engine/log/control_records.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace queuelab::log {
namespace {

/// Nothing when it has no record any more, or none that can be read.
std::optional<ControlType> controlTypeOf(ByteView batch)
{
    constexpr std::size_t kTypeAt = 2; // in the key, behind its version
    RecordCursor cursor(batch);
    if (!cursor.next() || !cursor.record().key
        || cursor.record().key->size() < kTypeAt + sizeof(std::int16_t))
        return std::nullopt;
    return static_cast<ControlType>(
        loadBigEndian<std::int16_t>(cursor.record().key->data() + kTypeAt));
}

} // namespace

CleanedTransactions::CleanedTransactions(std::vector<AbortedTxn> aborted)
    : m_aborted(std::move(aborted))
{
    std::ranges::stable_sort(m_aborted, {}, &AbortedTxn::firstOffset);
}

void CleanedTransactions::beginUpTo(std::int64_t offset)
{
    for (; m_next < m_aborted.size() && m_aborted[m_next].firstOffset <= offset; ++m_next)
        m_ongoingAborted.try_emplace(m_aborted[m_next].producerId, Ongoing{m_aborted[m_next]});
}

bool CleanedTransactions::onData(const BatchHeader &header)
{
    beginUpTo(header.lastOffset());
    if (!header.isTransactional())
        return false;
    const auto aborted = m_ongoingAborted.find(header.producerId);
    if (aborted == m_ongoingAborted.end()) {
        m_ongoingCommitted.insert(header.producerId);
        return false;
    }
    aborted->second.hasData = true;
    return true;
}

bool CleanedTransactions::onControl(const BatchHeader &header, ByteView batch)
{
    beginUpTo(header.lastOffset());
    const auto type = controlTypeOf(batch);
    if (!type) // an earlier cleaning took its record, so it was not needed then
        return true;
    if (*type == ControlType::Commit)
        return m_ongoingCommitted.erase(header.producerId) == 0;
    if (*type != ControlType::Abort)
        return false;
    const auto aborted = m_ongoingAborted.extract(header.producerId);
    if (aborted.empty() || !aborted.mapped().hasData)
        return true;
    m_needed.push_back(aborted.mapped().transaction);
    return false;
}

std::vector<AbortedTxn> CleanedTransactions::takeNeeded()
{
    return std::exchange(m_needed, {});
}

} // namespace queuelab::log
