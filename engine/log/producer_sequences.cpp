// The idempotent producer: who it is, which sequence each batch carries, and how it begins anew
// when the sequences do not fit any more. Kafka's TransactionManager without transactions (facts:
// kafka.md 4.3; KIP-98, KIP-360). A transactional producer gets its epochs from its coordinator
// (producer_transactions.cpp), and begins anew only with them.

#include "engine/log/producer_entries.h"
#include "engine/log/producer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

/// A copy of a batch that was sent before: its bytes may still be on their way.
SharedBytes stamped(
    const SharedBytes &batch, std::int64_t id, std::int16_t epoch, std::int32_t baseSequence)
{
    Bytes bytes(batch.view().begin(), batch.view().end());
    sealBatch(bytes, id, epoch, baseSequence);
    return SharedBytes(std::move(bytes));
}

} // namespace

void Producer::State::requestProducerId(Context &context, ClientEffects &effects)
{
    if (config.enableIdempotence && !isTransactional() && identity.id < 0 && !producerId)
        producerId = askAny(InitProducerIdRequest{}, producerIdBackoff, context, effects);
}

void Producer::State::applyProducerId(const InitProducerIdResponse &response, Context &context)
{
    if (response.error != ErrorCode::None)
        return questionFailed(producerId, producerIdBackoff, context);
    producerId.reset();
    producerIdBackoff = {};
    identity = {response.producerId, response.producerEpoch};
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::ProducerIdAssigned),
        .subject = ownName(context),
        .value = identity.id});
}

/// Before anything is sent: settles what became of batches that were given up, and begins a new
/// epoch where that left a gap.
void Producer::State::tendSequences(Context &context, ClientEffects &effects)
{
    if (!config.enableIdempotence)
        return;
    for (const Place &place : std::exchange(unresolved, {})) {
        Sequences &sequences = at(place).sequences;
        if (!sequences.unresolved)
            continue;
        if (!sequences.outstanding.empty()) {
            unresolved.push_back(place);
            continue;
        }
        // A younger batch that went through shows that the one given up was written, too.
        sequences.unresolved.reset();
        if (sequences.next != sequenceAfter(sequences.lastAcked, 1))
            wantEpochBump(place);
    }
    if (std::exchange(epochBumpWanted, false)) {
        if (identity.epoch == kLastProducerEpoch)
            identity = {};
        else
            ++identity.epoch;
    }
    if (identity.id < 0) {
        if (!topics.empty())
            requestProducerId(context, effects);
        return;
    }
    for (const Place &place : std::exchange(restarting, {}))
        restartSequences(place);
}

/// Whether the oldest ready batch of a partition may be sent: a retry only when it is the next that
/// the broker waits for, a new one when maySequence().
bool Producer::State::sequencesAllow(const Place &place)
{
    const Partition &partition = at(place);
    const Batch &oldest = partition.ready.front();
    if (!config.enableIdempotence || oldest.baseSequence < 0)
        return maySequence(place);
    return identity.id >= 0 && oldest.firstRecord == partition.sequences.outstanding.front();
}

/// Whether a new batch may take the partition's next sequence: not while older ones of an earlier
/// epoch are out, nor while it is unknown whether a batch that was given up has been written. Nor
/// while five are out: a leader remembers the last five of a producer, and would take an older one
/// that comes again for out of order. Kafka's client bounds that by connection alone
/// (max.in.flight.requests.per.connection), so that a change of leader can bring more.
bool Producer::State::maySequence(const Place &place)
{
    if (!config.enableIdempotence)
        return true;
    if (isTransactional() && !transactionAllows(place))
        return false;
    constexpr std::size_t kRememberedByLeader = 5;
    const Sequences &sequences = at(place).sequences;
    const bool isStale = sequences.identity != identity;
    return identity.id >= 0 && !sequences.unresolved
        && sequences.outstanding.size() < kRememberedByLeader
        && !(isStale && !sequences.outstanding.empty());
}

/// A batch that is sent for the first time. Its writer and sequence go in before the CRC is
/// computed, so that its bytes are gone through once.
void Producer::State::seal(Batch &batch)
{
    if (config.enableIdempotence)
        giveSequence(batch);
    const Identity writer = config.enableIdempotence ? identity : Identity{};
    sealBatch(batch.unsealed, writer.id, writer.epoch, batch.baseSequence);
    batch.records = SharedBytes(std::exchange(batch.unsealed, {}));
}

void Producer::State::giveSequence(Batch &batch)
{
    Sequences &sequences = at(batch.place).sequences;
    if (sequences.identity != identity) {
        sequences.identity = identity;
        sequences.next = 0;
        sequences.lastAcked = -1;
    }
    batch.baseSequence = sequences.next;
    sequences.next = sequenceAfter(sequences.next, batch.recordCount);
    sequences.outstanding.push_back(batch.firstRecord);
}

void Producer::State::acknowledged(const Batch &batch)
{
    if (batch.baseSequence < 0)
        return;
    Sequences &sequences = at(batch.place).sequences;
    const std::int32_t last = sequenceAfter(batch.baseSequence, batch.recordCount - 1);
    sequences.lastAcked = std::max(sequences.lastAcked, last);
    forget(batch);
}

void Producer::State::forget(const Batch &batch)
{
    std::erase(at(batch.place).sequences.outstanding, batch.firstRecord);
}

/// The broker missed something before this batch. When an older one is still out that is no wonder,
/// and trying again helps. Else there is a gap that nothing will fill: the sequences begin anew.
void Producer::State::outOfOrder(const Batch &batch)
{
    const Sequences &sequences = at(batch.place).sequences;
    if (sequences.unresolved) {
        if (*sequences.unresolved == batch.baseSequence)
            wantEpochBump(batch.place);
        return;
    }
    if (!batch.sequenceReset && isNext(batch))
        wantEpochBump(batch.place);
}

/// Whether everything before the batch has been acknowledged.
bool Producer::State::isNext(const Batch &batch)
{
    return batch.baseSequence == sequenceAfter(at(batch.place).sequences.lastAcked, 1);
}

/// A part of a batch that was too large takes its share of the sequences.
void Producer::State::keepSequence(Batch &part, const Batch &whole)
{
    const BatchHeader header = *readBatchHeader(whole.records.view());
    const auto before = static_cast<std::int32_t>(part.firstRecord - whole.firstRecord);
    part.baseSequence = sequenceAfter(whole.baseSequence, before);
    part.sequenceReset = whole.sequenceReset;
    part.records =
        stamped(part.records, header.producerId, header.producerEpoch, part.baseSequence);
    std::vector<std::int64_t> &outstanding = at(part.place).sequences.outstanding;
    outstanding.insert(std::ranges::upper_bound(outstanding, part.firstRecord), part.firstRecord);
}

void Producer::State::wantEpochBump(const Place &place)
{
    epochBumpWanted = true;
    if (std::ranges::find(restarting, place) == restarting.end())
        restarting.push_back(place);
}

/// All batches of the partition that are out, or wait for their next try, count from 0 in the new
/// epoch, in their order.
void Producer::State::restartSequences(const Place &place)
{
    Partition &partition = at(place);
    std::vector<Batch *> batches;
    const auto collect = [&](auto &list) {
        for (Batch &batch : list) {
            if (batch.place == place && batch.baseSequence >= 0)
                batches.push_back(&batch);
        }
    };
    for (ProduceInFlight &request : inFlight)
        collect(request.batches);
    collect(partition.ready);
    std::ranges::sort(batches, {}, &Batch::firstRecord);

    Sequences &sequences = partition.sequences;
    sequences.identity = identity;
    sequences.next = 0;
    sequences.lastAcked = -1;
    sequences.unresolved.reset();
    for (Batch *batch : batches) {
        batch->baseSequence = sequences.next;
        batch->sequenceReset = true;
        batch->records = stamped(batch->records, identity.id, identity.epoch, batch->baseSequence);
        sequences.next = sequenceAfter(sequences.next, batch->recordCount);
    }
}

/// The batch was given up without an answer: whether the broker has it shows when the younger ones
/// are answered.
void Producer::State::leaveUnresolved(const Batch &batch)
{
    std::optional<std::int32_t> &next = at(batch.place).sequences.unresolved;
    const std::int32_t after = sequenceAfter(batch.baseSequence, batch.recordCount);
    if (!next)
        unresolved.push_back(batch.place);
    next = std::max(next.value_or(after), after);
}

} // namespace queuelab::log
