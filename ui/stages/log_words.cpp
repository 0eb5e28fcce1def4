#include "ui/stages/log_words.h"

#include "ui/stages/words.h"

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

QString codeName(log::ErrorCode code)
{
    return text(std::string(log::errorName(code)));
}

} // namespace

QString LogWords::transactionState(const TransactionView &transaction)
{
    using log::TransactionStatus;
    const world::ClientSnapshot &client = *transaction.client;
    if (transaction.isTold)
        return tr("fenced: %1").arg(codeName(client.transactionError));
    if (transaction.isFenced)
        return tr("fenced by epoch %1, does not know yet").arg(transaction.youngerEpoch);
    switch (client.transactionStatus) {
    case TransactionStatus::Uninitialized:
        return tr("no producer id yet");
    case TransactionStatus::Ready:
        return tr("no transaction open");
    case TransactionStatus::InTransaction:
        return transaction.timeLeft
            ? tr("in transaction, %1 left").arg(spanText(*transaction.timeLeft))
            : tr("in transaction");
    case TransactionStatus::Ending:
        return tr("ends its transaction");
    case TransactionStatus::AbortableError:
        return tr("must abort: %1").arg(codeName(client.transactionError));
    case TransactionStatus::FatalError:
        return tr("ended: %1").arg(codeName(client.transactionError));
    }
    return {};
}

QString LogWords::shortState(const TransactionView &transaction)
{
    using log::TransactionStatus;
    if (transaction.isTold)
        return tr("fenced");
    if (transaction.isFenced)
        return tr("fenced by epoch %1").arg(transaction.youngerEpoch);
    switch (transaction.client->transactionStatus) {
    case TransactionStatus::Uninitialized:
        return tr("no producer id yet");
    case TransactionStatus::Ready:
        return tr("no transaction");
    case TransactionStatus::InTransaction:
        return transaction.timeLeft ? tr("open, %1 left").arg(spanText(*transaction.timeLeft))
                                    : tr("in transaction");
    case TransactionStatus::Ending:
        return tr("ends …");
    case TransactionStatus::AbortableError:
        return tr("must abort");
    case TransactionStatus::FatalError:
        return tr("ended");
    }
    return {};
}

QString LogWords::producerIdentity(const world::ClientSnapshot &client)
{
    return client.producerId < 0
        ? QString()
        : tr("id %1 · epoch %2").arg(client.producerId).arg(client.producerEpoch);
}

QString LogWords::holder(const Lane &lane, const world::Snapshot &snapshot)
{
    const log::PartitionTransaction *open = lane.holdsBack();
    if (!open)
        return {};
    const QString name = producerName(open->producerId, open->producerEpoch, snapshot);
    const QString id = tr("id %1, epoch %2").arg(open->producerId).arg(open->producerEpoch);
    return name.isEmpty() ? id : name + u", "_s + id;
}

QString LogWords::slot(const Slot &slot, const world::Snapshot &snapshot)
{
    QString producer = producerName(slot.producerId, slot.producerEpoch, snapshot);
    if (producer.isEmpty())
        producer = tr("producer %1").arg(slot.producerId);
    switch (slot.kind) {
    case Slot::Kind::Gap:
        return slot.next - slot.offset == 1
            ? tr("offset %1: no record here any more, compaction has removed it")
                  .arg(grouped(slot.offset))
            : tr("offsets %1 to %2: no records here any more, compaction has removed them")
                  .arg(grouped(slot.offset), grouped(slot.next - 1));
    case Slot::Kind::Commit:
        return tr("COMMIT marker: what %1 wrote in its transaction before it counts").arg(producer);
    case Slot::Kind::Abort:
        return tr("ABORT marker: what %1 wrote in its transaction before it does not count, "
                  "read_committed skips it")
            .arg(producer);
    case Slot::Kind::Control:
        return tr("control record: of Kafka's own, no application sees it");
    case Slot::Kind::Record:
    case Slot::Kind::Tombstone:
        break;
    }
    QString words;
    switch (slot.fate) {
    case world::TransactionFate::None:
        break;
    case world::TransactionFate::Open:
        words = tr("in the open transaction of %1: read_committed waits for its end").arg(producer);
        break;
    case world::TransactionFate::Committed:
        words = tr("in a committed transaction of %1").arg(producer);
        break;
    case world::TransactionFate::Aborted:
        words = tr("aborted by %1: read_committed never sees it").arg(producer);
        break;
    }
    if (slot.kind == Slot::Kind::Tombstone)
        words =
            (words.isEmpty() ? QString() : words + u"; "_s) + tr("a tombstone: it deletes its key");
    return words;
}

QString LogWords::shareRecord(
    const log::SharePartitionSnapshot &share, std::int64_t offset, Instant now)
{
    if (offset < share.startOffset)
        return tr("settled: below the start offset");
    if (offset >= share.endOffset)
        return tr("not given out yet");
    const log::ShareRecordsSnapshot *run = runOf(share, offset);
    if (!run)
        return tr("available");
    switch (run->state) {
    case log::ShareRecordState::Available:
        return run->deliveryCount == 0 ? tr("available")
                                       : tr("available again after delivery %1 of at most %2")
                                             .arg(run->deliveryCount)
                                             .arg(share.deliveryCountLimit);
    case log::ShareRecordState::Acquired:
        return tr("acquired by %1, delivery %2 of at most %3, its lock ends in %4")
            .arg(text(run->member))
            .arg(run->deliveryCount)
            .arg(share.deliveryCountLimit)
            .arg(spanText(run->lockedUntil - now));
    case log::ShareRecordState::Acknowledged:
        return tr("acknowledged");
    case log::ShareRecordState::Archived:
        return tr("archived after delivery %1: given up, or nothing to give out")
            .arg(run->deliveryCount);
    }
    return {};
}

} // namespace queuelab::ui
