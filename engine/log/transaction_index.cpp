#include "engine/log/transaction_index.h"

#include <fmt/format.h>

namespace queuelab::log {
namespace {

constexpr std::int16_t kIndexVersion = 0;

} // namespace

void appendAbortedTxn(Bytes &out, const AbortedTxn &transaction)
{
    ByteWriter writer(out);
    writer.integer(kIndexVersion);
    writer.integer(transaction.producerId);
    writer.integer(transaction.firstOffset);
    writer.integer(transaction.lastOffset);
    writer.integer(transaction.lastStableOffset);
}

Result<std::vector<AbortedTxn>, std::string> parseTransactionIndex(ByteView bytes)
{
    if (bytes.size() % kAbortedTxnBytes != 0) {
        return std::unexpected(fmt::format(
            "{} bytes are no whole number of {}-byte entries", bytes.size(), kAbortedTxnBytes));
    }
    std::vector<AbortedTxn> transactions;
    transactions.reserve(bytes.size() / kAbortedTxnBytes);
    ByteReader reader(bytes);
    for (std::int64_t before = -1; reader.remaining() > 0;) {
        const auto version = reader.integer<std::int16_t>();
        AbortedTxn transaction;
        transaction.producerId = reader.integer<std::int64_t>();
        transaction.firstOffset = reader.integer<std::int64_t>();
        transaction.lastOffset = reader.integer<std::int64_t>();
        transaction.lastStableOffset = reader.integer<std::int64_t>();
        const std::size_t entry = transactions.size();
        if (version != kIndexVersion)
            return std::unexpected(fmt::format("entry {} has unknown version {}", entry, version));
        if (transaction.firstOffset < 0 || transaction.firstOffset >= transaction.lastOffset
            || transaction.lastOffset <= before) {
            return std::unexpected(fmt::format("entry {} has offsets out of order ({} to {})",
                entry, transaction.firstOffset, transaction.lastOffset));
        }
        before = transaction.lastOffset;
        transactions.push_back(transaction);
    }
    return transactions;
}

} // namespace queuelab::log
