#include "engine/world/simulation/transaction_history.h"

#include "engine/world/simulation/history.h"

namespace queuelab::world::simulation {

TransactionHistory::Transaction &TransactionHistory::open(
    const std::string &transactionalId, std::int64_t producerId, std::int16_t producerEpoch)
{
    const auto known = m_open.find(producerId);
    if (known != m_open.end() && m_transactions[known->second].producerEpoch == producerEpoch)
        return m_transactions[known->second];
    m_open[producerId] = m_transactions.size();
    return m_transactions.emplace_back(Transaction{transactionalId, producerId, producerEpoch});
}

void TransactionHistory::request(
    const log::ClientRequest &request, Instant now, const std::function<RecordId(ByteView)> &idOf)
{
    const Call call{request.client, request.id};
    if (const auto *produce = std::get_if<log::ProduceRequest>(&request.request)) {
        if (produce->transactionalId)
            produced(request, *produce, now, idOf);
    } else if (const auto *init = std::get_if<log::InitProducerIdRequest>(&request.request)) {
        if (init->transactionalId)
            m_asked[call].transactionalId = *init->transactionalId;
    } else if (const auto *end = std::get_if<log::EndTxnRequest>(&request.request)) {
        const auto known = m_open.find(end->producerId);
        if (known == m_open.end()
            || m_transactions[known->second].producerEpoch != end->producerEpoch)
            return;
        Asked &asked = m_asked[call];
        asked.ending = known->second;
        asked.committed = end->committed;
        Transaction &transaction = m_transactions[known->second];
        if (end->committed && !transaction.commitAsked)
            transaction.commitAsked = now;
    }
}

void TransactionHistory::produced(const log::ClientRequest &request,
    const log::ProduceRequest &produce, Instant now, const std::function<RecordId(ByteView)> &idOf)
{
    for (const log::ProduceRequest::Partition &batch : produce.partitions) {
        const auto header = log::readBatchHeader(batch.records.view());
        if (!header)
            continue;
        const auto newest = m_newest.find(*produce.transactionalId);
        const bool isFenced = newest != m_newest.end() && newest->second.first == header->producerId
            && newest->second.second > header->producerEpoch;
        if (isFenced) {
            m_asked[{request.client, request.id}].fenced.push_back({*produce.transactionalId,
                batch.partition, header->producerEpoch, newest->second.second, now});
            continue;
        }
        // A copy that was long on its way is no batch of what is open now.
        const Batch sent{
            batch.partition, header->producerId, header->producerEpoch, header->baseSequence};
        if (m_batches.contains(sent))
            continue;
        m_batches.insert(sent);
        std::vector<RecordId> &records =
            open(*produce.transactionalId, header->producerId, header->producerEpoch)
                .records[batch.partition][header->baseSequence];
        forEachRecord(batch.records.view(),
            [&](std::int64_t, ByteView body) { records.push_back(idOf(body)); });
    }
}

void TransactionHistory::answer(const log::Answer &answer)
{
    auto found = m_asked.extract({answer.client, answer.id});
    if (found.empty())
        return;
    const Asked &asked = found.mapped();
    if (const auto *init = std::get_if<log::InitProducerIdResponse>(&answer.response)) {
        if (init->error == log::ErrorCode::None)
            m_newest[asked.transactionalId] = {init->producerId, init->producerEpoch};
    } else if (const auto *end = std::get_if<log::EndTxnResponse>(&answer.response)) {
        if (end->error != log::ErrorCode::None)
            return;
        Transaction &transaction = m_transactions[*asked.ending];
        transaction.outcome = asked.committed ? Outcome::Committed : Outcome::Aborted;
        const auto open = m_open.find(transaction.producerId);
        if (open != m_open.end() && open->second == *asked.ending)
            m_open.erase(open);
    } else if (const auto *produced = std::get_if<log::ProduceResponse>(&answer.response)) {
        for (const FencedWrite &write : asked.fenced) {
            const auto result = std::ranges::find(
                produced->partitions, write.partition, &log::ProduceResponse::Partition::partition);
            if (result != produced->partitions.end() && result->error == log::ErrorCode::None)
                m_fencedWrites.push_back(write);
        }
    }
}

} // namespace queuelab::world::simulation
