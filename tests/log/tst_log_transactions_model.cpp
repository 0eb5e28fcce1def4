// Random transactions of several producers, through restarts, crashes and truncations, beside a
// model that keeps the batches alone and looks through all of them for every answer.
#include "log_transaction_fixture.h"

#include <QTest>

#include <algorithm>
#include <map>

using namespace queuelab;
using namespace queuelab::log;

namespace {

struct ModelBatch {
    std::int64_t offset = 0;
    std::int64_t count = 1;
    std::int64_t producerId = -1;
    bool marker = false;
    bool committed = false;
};

std::vector<ModelBatch> batchesIn(const Bytes &bytes)
{
    std::vector<ModelBatch> batches;
    for (ByteView rest = bytes; !rest.empty();) {
        const BatchHeader header = checkBatch(rest).value();
        const auto marker = readEndTransaction(header, rest);
        batches.push_back({header.baseOffset, header.recordCount, header.producerId,
            marker.has_value(), marker && marker->committed});
        rest = rest.subspan(header.sizeBytes());
    }
    return batches;
}

/// The batches of a log, and what follows from them.
struct Model {
    std::vector<ModelBatch> batches;

    std::int64_t end() const
    {
        return batches.empty() ? 0 : batches.back().offset + batches.back().count;
    }
    void truncate(std::int64_t logEnd)
    {
        std::erase_if(batches, [&](const ModelBatch &batch) { return batch.offset >= logEnd; });
    }
    struct Transaction {
        std::int64_t producerId;
        std::int64_t first;
        std::int64_t marker = -1;
        bool committed = false;
    };
    std::vector<Transaction> transactions() const // by marker, then open ones by first offset
    {
        std::map<std::int64_t, Transaction> open;
        std::vector<Transaction> all;
        for (const ModelBatch &batch : batches) {
            if (batch.producerId < 0)
                continue;
            if (!batch.marker) {
                open.try_emplace(batch.producerId, Transaction{batch.producerId, batch.offset});
            } else if (auto ended = open.extract(batch.producerId); !ended.empty()) {
                ended.mapped().marker = batch.offset;
                ended.mapped().committed = batch.committed;
                all.push_back(ended.mapped());
            }
        }
        for (const auto &[producerId, transaction] : open)
            all.push_back(transaction);
        return all;
    }
    bool isOpen(std::int64_t producerId) const
    {
        return std::ranges::any_of(transactions(),
            [&](const Transaction &one) { return one.producerId == producerId && one.marker < 0; });
    }
    std::int64_t lastStableOffset(std::int64_t highWatermark, std::int64_t settledBelow) const
    {
        std::int64_t stable = highWatermark;
        for (const Transaction &one : transactions()) {
            const bool decided =
                one.marker >= 0 && (one.marker < highWatermark || one.marker < settledBelow);
            if (!decided)
                stable = std::min(stable, one.first);
        }
        return stable;
    }
    /// What a reader of [from, to) has to know, by marker: data of aborted ones in that range.
    std::string mustKnow(std::int64_t from, std::int64_t to) const
    {
        std::string text;
        for (const Transaction &one : transactions()) {
            const bool hasData = std::ranges::any_of(batches, [&](const ModelBatch &batch) {
                return batch.producerId == one.producerId && !batch.marker && batch.offset >= from
                    && batch.offset < to && batch.offset >= one.first && batch.offset < one.marker;
            });
            if (!one.committed && one.marker >= 0 && hasData)
                text += std::to_string(one.producerId) + '@' + std::to_string(one.first) + ' ';
        }
        return text;
    }
    /// All aborted ones that reach into the range.
    std::string mayName(std::int64_t from, std::int64_t to) const
    {
        std::string text;
        for (const Transaction &one : transactions()) {
            if (!one.committed && one.marker >= from && one.first < to)
                text += (text.empty() ? "" : " ") + std::to_string(one.producerId) + '@'
                    + std::to_string(one.first);
        }
        return text;
    }
};

} // namespace

class TestLogTransactionsModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theLogAnswersAsTheModel_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 300; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void theLogAnswersAsTheModel()
    {
        QFETCH(quint64, seed);
        constexpr std::int64_t kProducers = 4;
        Random random(seed);
        Storage storage;
        LogConfig config;
        config.segmentBytes = std::int32_t(random.between(150, 1'500));
        PartitionLog log = storage.open(config);
        Model model;
        std::map<std::int64_t, std::int32_t> sequences; // next of each producer
        std::int64_t told = 0; // the highest that highWatermarkMoved() was told

        const auto restarted = [&](bool clean) {
            if (clean)
                log.close(storage.context).value();
            else
                storage.files.crash("", random.chance(0.5) ? &random : nullptr);
            log = storage.open(config, clean);
        };
        // A crash takes back what was not synced, a truncation too.
        const auto learn = [&](bool crashed) {
            if (crashed)
                model.batches = batchesIn(readAll(log, storage.files, 0));
            else
                model.truncate(log.logEndOffset());
            sequences.clear();
            for (const ProducerEntry &entry : log.producers())
                sequences[entry.producerId] = entry.lastSequence + 1;
            told = log.logEndOffset();
        };
        for (int step = 0; step < 150; ++step) {
            const auto producerId = std::int64_t(random.below(kProducers));
            const auto roll = random.below(100);
            if (roll < 45) {
                const std::size_t count = random.below(3) + 1;
                const auto sequence = sequences[producerId];
                QCOMPARE(append(log, storage, inTransaction(producerId, 0, sequence, count)),
                    std::to_string(model.end()) + '-'
                        + std::to_string(model.end() + std::int64_t(count) - 1));
                sequences[producerId] += std::int32_t(count);
                model.batches.push_back({model.end(), std::int64_t(count), producerId});
            } else if (roll < 70) {
                const bool committed = random.chance(0.5);
                QCOMPARE(mark(log, storage, producerId, 0, committed),
                    std::to_string(model.end()) + '-' + std::to_string(model.end()));
                model.batches.push_back({model.end(), 1, producerId, true, committed});
            } else if (roll < 80) {
                append(log, storage, batchOf(1));
                model.batches.push_back({model.end(), 1, -1});
            } else if (roll < 88) {
                told = random.between(std::min(told, model.end()), model.end());
                log.highWatermarkMoved(told);
            } else if (roll < 92) {
                log.flush(storage.context).value();
            } else if (roll < 95) {
                restarted(true);
                // An ended transaction that the snapshot covers counts as settled.
                told = std::max(told, model.end());
            } else if (roll < 97) {
                restarted(false);
                learn(true);
            } else {
                log.truncateTo(random.between(0, log.logEndOffset()), storage.context).value();
                learn(false);
            }
            QCOMPARE(log.logEndOffset(), model.end());
            for (std::int64_t id = 0; id < kProducers; ++id)
                QCOMPARE(log.hasOpenTransaction(id, 0), model.isOpen(id));
            // After a restart markers below the snapshot are settled, others are not.
            const std::int64_t highWatermark = model.end();
            QCOMPARE(log.lastStableOffset(highWatermark),
                model.lastStableOffset(highWatermark, highWatermark));
            const std::int64_t lower = random.between(0, highWatermark);
            QVERIFY(log.lastStableOffset(lower) >= model.lastStableOffset(lower, 0));
            QVERIFY(log.lastStableOffset(lower) <= model.lastStableOffset(lower, told));

            const std::int64_t from = random.between(0, model.end());
            const std::int64_t to = random.between(from, model.end());
            const std::string named = abortedIn(log, from, to);
            QCOMPARE(named, model.mayName(from, to));
            const std::string must = model.mustKnow(from, to);
            for (const QString &one : QString::fromStdString(must).split(' ', Qt::SkipEmptyParts))
                QVERIFY(QString::fromStdString(named).split(' ').contains(one));
        }
    }
};

QTEST_APPLESS_MAIN(TestLogTransactionsModel)
#include "tst_log_transactions_model.moc"
