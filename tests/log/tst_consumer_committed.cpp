#include "consumer_bench.h"

#include "engine/log/control_records.h"

#include <QTest>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using namespace std::chrono_literals;

namespace {

using Aborted = FetchResponse::Partition::AbortedTransaction;

/// The log of one partition, written batch by batch, and what its leader answers to a fetch. The
/// value of each record is its offset.
class ScriptedLog {
public:
    /// "A2": two records in a transaction of producer A; "a2": of the same producer, in none;
    /// "-2": of nobody; "A!" and "A.": its ABORT and COMMIT marker.
    explicit ScriptedLog(const std::string &script)
    {
        std::istringstream words(script);
        for (std::string word; words >> word;) {
            if (word[1] == '!' || word[1] == '.')
                end(word[0] - 'A', word[1] == '.');
            else if (word[0] == '-')
                write(-1, false, std::stoi(word.substr(1)));
            else
                write((word[0] | 0x20) - 'a', word[0] < 'a', std::stoi(word.substr(1)));
        }
    }

    void write(std::int64_t producer, bool transactional, int records)
    {
        if (transactional)
            m_open.try_emplace(producer, m_end);
        builder.reset(m_end);
        if (producer >= 0)
            builder.setProducer(producer, 0, 0);
        builder.setTransactional(transactional);
        for (int i = 0; i < records; ++i)
            builder.append(0, {}, asBytes(std::to_string(m_end + i)));
        const ByteView bytes = builder.finish();
        m_batches.push_back({m_end, m_end + records, transactional ? producer : -1,
            SharedBytes(Bytes(bytes.begin(), bytes.end()))});
        m_end += records;
    }
    void end(std::int64_t producer, bool committed)
    {
        Bytes bytes = endTransactionBatch(
            committed ? ControlType::Commit : ControlType::Abort, producer, 0, 0, 0);
        BatchHeader header = *readBatchHeader(bytes);
        header.baseOffset = m_end; // outside the CRC
        writeBatchHeader(bytes.data(), header);
        if (const auto open = m_open.find(producer); open != m_open.end()) {
            if (!committed)
                m_aborted.push_back({producer, open->second, m_end});
            m_open.erase(open);
        }
        m_batches.push_back({m_end, m_end + 1, -1, SharedBytes(std::move(bytes))});
        ++m_end;
    }
    /// Compaction takes batches of transactions that were aborted below the last stable offset;
    /// here those of them that begin at one of `offsets`.
    void compact(const std::set<std::int64_t> &offsets)
    {
        std::erase_if(m_batches, [&](const Batch &batch) {
            return offsets.contains(batch.firstOffset) && isAborted(batch, lastStableOffset());
        });
    }

    /// At most `batches` of them, from the one that has `from`.
    FetchResponse::Partition read(std::int64_t from, std::size_t batches) const
    {
        FetchResponse::Partition result;
        std::int64_t upTo = from;
        for (const Batch &batch : m_batches) {
            if (batch.end <= from || batch.firstOffset >= lastStableOffset())
                continue;
            if (result.records.size() == batches)
                break;
            result.records.push_back(batch.bytes);
            upTo = batch.end;
        }
        for (const Transaction &aborted : m_aborted) {
            if (aborted.marker >= from && aborted.firstOffset < upTo)
                result.abortedTransactions.push_back({aborted.producer, aborted.firstOffset});
        }
        result.highWatermark = m_end;
        result.lastStableOffset = lastStableOffset();
        return result;
    }
    std::int64_t lastStableOffset() const
    {
        std::int64_t stable = m_end;
        for (const auto &[producer, firstOffset] : m_open)
            stable = std::min(stable, firstOffset);
        return stable;
    }
    std::int64_t end() const { return m_end; }
    /// What somebody who knows the whole log would hand out.
    std::vector<std::string> committed() const
    {
        std::vector<std::string> values;
        for (const Batch &batch : m_batches) {
            const bool isControl = readBatchHeader(batch.bytes.view())->isControl();
            if (isControl || isAborted(batch) || batch.firstOffset >= lastStableOffset())
                continue;
            for (std::int64_t offset = batch.firstOffset; offset < batch.end; ++offset)
                values.push_back(std::to_string(offset));
        }
        return values;
    }

private:
    struct Batch {
        std::int64_t firstOffset;
        std::int64_t end;
        std::int64_t transactionOf; ///< producer, -1 none
        SharedBytes bytes;
    };
    struct Transaction {
        std::int64_t producer;
        std::int64_t firstOffset;
        std::int64_t marker;
    };
    /// By a marker below `limit`.
    bool isAborted(const Batch &batch, std::int64_t limit = INT64_MAX) const
    {
        return std::ranges::any_of(m_aborted, [&](const Transaction &aborted) {
            return aborted.producer == batch.transactionOf
                && aborted.firstOffset <= batch.firstOffset && batch.firstOffset < aborted.marker
                && aborted.marker < limit;
        });
    }

    BatchBuilder builder;
    std::vector<Batch> m_batches;
    std::map<std::int64_t, std::int64_t> m_open; // first offset, by producer
    std::vector<Transaction> m_aborted; // by marker
    std::int64_t m_end = 0;
};

class Reader : public ConsumerBench {
public:
    explicit Reader(
        IsolationLevel isolation = IsolationLevel::ReadCommitted, std::int32_t maxPollRecords = 500)
        : ConsumerBench(settingsFor(isolation, maxPollRecords))
    {
    }

    /// Fetches and polls until nothing more comes, `batches` in each fetch.
    std::vector<std::string> readAll(const ScriptedLog &log, std::size_t batches = 100)
    {
        std::vector<std::string> values;
        const auto collect = [&] {
            for (std::vector<std::string> more = poll(); !more.empty(); more = poll())
                values.insert(values.end(), more.begin(), more.end());
        };
        while (position(kFirst) < log.lastStableOffset()) {
            const std::int64_t before = position(kFirst);
            answerFetch(kFirst, log.read(before, batches));
            collect();
            if (position(kFirst) == before)
                break;
            advance(1ms);
        }
        return values;
    }
    Consumer::Position at(const TopicPartition &partition) const
    {
        for (const Consumer::Position &position : consumer.positions()) {
            if (position.partition == partition)
                return position;
        }
        return {};
    }

private:
    static ConsumerConfig settingsFor(IsolationLevel isolation, std::int32_t maxPollRecords)
    {
        ConsumerConfig config = settings();
        config.isolationLevel = isolation;
        config.maxPollRecords = maxPollRecords;
        return config;
    }
};

std::vector<std::string> wordsOf(const char *text)
{
    std::istringstream words(text);
    return {std::istream_iterator<std::string>(words), {}};
}

} // namespace

class ConsumerCommittedTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void recordsOfAbortedTransactionsAreDropped_data()
    {
        QTest::addColumn<QByteArray>("script");
        QTest::addColumn<QByteArray>("offsets");
        const auto row = [](const char *name, const char *script, const char *offsets) {
            QTest::newRow(name) << QByteArray(script) << QByteArray(offsets);
        };
        row("a committed one is read", "A2 A.", "0 1");
        row("an aborted one is not", "A2 A1 A!", "");
        row("others in between are", "-1 A1 -1 A1 A! -1", "0 2 5");
        row("two at a time, one aborted", "A1 B1 A1 B! A1 A.", "0 2 4");
        row("two at a time, the other aborted", "A1 B1 A! B1 B.", "1 3");
        row("both, the later begun is ended first", "A1 B1 B! A1 A! -1", "5");
        row("the same producer commits afterwards", "A1 A! A2 A.", "2 3");
        row("the same producer aborts afterwards", "A1 A. A1 A! A1 A.", "0 4");
        row("it aborts twice", "A1 A! A1 A! -1", "4");
        row("outside of a transaction", "a1 A1 A! a1", "0 3");
        row("an abort of nothing", "A! A1 A.", "1");
        row("behind the last stable offset nothing", "-1 A1 -1 B1 B.", "0");
    }
    void recordsOfAbortedTransactionsAreDropped()
    {
        QFETCH(QByteArray, script);
        QFETCH(QByteArray, offsets);
        const ScriptedLog log(script.toStdString());
        QCOMPARE(log.committed(), wordsOf(offsets.constData())); // so says the second model
        for (const std::size_t batches : {1U, 2U, 100U}) {
            Reader reader;
            QCOMPARE(reader.readAll(log, batches), wordsOf(offsets.constData()));
            QCOMPARE(reader.position(kFirst), log.lastStableOffset());
        }
    }

    void uncommittedReadsAllButMarkers()
    {
        Reader reader(IsolationLevel::ReadUncommitted);
        const ScriptedLog log("A1 B1 A! B. A1 A.");
        FetchResponse::Partition all = log.read(0, 100);
        all.abortedTransactions.clear(); // such a fetch is not told
        reader.answerFetch(kFirst, all);
        QCOMPARE(reader.poll(), wordsOf("0 1 4"));
        QCOMPARE(reader.poll(), wordsOf(""));
        QCOMPARE(reader.position(kFirst), 6);
    }

    void anyMixtureIsReadAsSomebodyWouldWhoKnowsTheWholeLog_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void anyMixtureIsReadAsSomebodyWouldWhoKnowsTheWholeLog()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        ScriptedLog log("");
        for (int i = 0; i < 60; ++i) {
            const auto producer = static_cast<std::int64_t>(random.below(4));
            if (random.chance(0.3))
                log.end(producer, random.chance(0.5));
            else if (random.chance(0.2))
                log.write(-1, false, 1 + static_cast<int>(random.below(3)));
            else
                log.write(producer, true, 1 + static_cast<int>(random.below(3)));
        }
        if (random.chance(0.5)) {
            std::set<std::int64_t> taken;
            for (std::int64_t offset = 0; offset < log.end(); ++offset) {
                if (random.chance(0.5))
                    taken.insert(offset);
            }
            log.compact(taken);
        }
        const auto maxPollRecords = static_cast<std::int32_t>(random.between(1, 8));
        Reader reader(IsolationLevel::ReadCommitted, maxPollRecords);
        QCOMPARE(reader.readAll(log, 1 + random.below(9)), log.committed());
        QCOMPARE(reader.position(kFirst), log.lastStableOffset());
    }

    void aPollThatDropsAllGivesNothingAndMovesOn()
    {
        Reader reader;
        const ScriptedLog log("A2 A!");
        reader.answerFetch(kFirst, log.read(0, 100));
        QVERIFY(reader.consumer.hasRecords()); // what they are it sees when it opens them
        QCOMPARE(reader.poll(), wordsOf(""));
        QCOMPARE(reader.position(kFirst), 3);
        bool asked = false;
        for (const auto &sent : reader.take<FetchRequest>()) {
            for (const FetchRequest::Partition &wanted : sent.request.partitions)
                asked = asked || (wanted.partition == kFirst && wanted.fetchOffset == 3);
        }
        QVERIFY(asked);
        reader.commit();
        const auto commits = reader.take<OffsetCommitRequest>();
        QCOMPARE(commits.at(0).request.partitions.at(0).committedOffset, 3);
    }

    void whatIsGivenBackIsFilteredAgain()
    {
        Reader reader;
        const ScriptedLog log("A1 B1 A! B1 B.");
        reader.answerFetch(kFirst, log.read(0, 100));
        QCOMPARE(reader.poll(), wordsOf("1 3"));
        reader.consumer.giveBack(kFirst, 1);
        reader.answerFetch(kFirst, log.read(5, 100)); // asked for before: of no use
        reader.poll();
        reader.answerFetch(kFirst, log.read(1, 100));
        QCOMPARE(reader.poll(), wordsOf("1 3"));
    }

    void fetchesAndListOffsetsNameTheIsolationLevel()
    {
        for (const auto isolation :
            {IsolationLevel::ReadUncommitted, IsolationLevel::ReadCommitted}) {
            Reader reader(isolation);
            const auto fetches = reader.take<FetchRequest>();
            QCOMPARE(fetches.size(), 2U);
            QCOMPARE(fetches[0].request.isolation, isolation);
            FetchResponse::Partition lost;
            lost.partition = fetches[0].request.partitions.at(0).partition;
            lost.error = ErrorCode::OffsetOutOfRange;
            reader.answer(fetches[0].id, FetchResponse{{lost}});
            QCOMPARE(reader.take<ListOffsetsRequest>().at(0).request.isolation, isolation);
        }
    }

    void itsEndIsTheLastStableOffset()
    {
        const ScriptedLog log("-2 A1 -3");
        Reader committed;
        committed.answerFetch(kFirst, log.read(0, 1));
        committed.poll();
        QCOMPARE(committed.at(kFirst).readableEnd, 2);
        Reader uncommitted(IsolationLevel::ReadUncommitted);
        uncommitted.answerFetch(kFirst, log.read(0, 1));
        QCOMPARE(uncommitted.at(kFirst).readableEnd, 6);
    }

    void anUnstableCommitIsAskedForAgain()
    {
        Reader reader;
        // Another life of the same consumer: its commits are looked up anew.
        Context base = reader.context();
        reader.consumer.start(base, reader.effects);
        reader.unstable = 2;
        reader.settle();
        reader.poll();
        reader.settle();
        QCOMPARE(reader.offsetFetches.size(), 2U); // the second is the one after start()
        QVERIFY(std::ranges::all_of(
            reader.offsetFetches, [](const auto &request) { return request.requireStable; }));
        QCOMPARE(reader.position(kFirst), -1);
        QCOMPARE(reader.position(kSecond), -1); // the Java client takes all of them or none
        reader.advance(50ms);
        QCOMPARE(reader.offsetFetches.size(), 2U); // it waits for retry.backoff.ms
        reader.advance(100ms);
        reader.advance(300ms);
        QCOMPARE(reader.offsetFetches.size(), 4U);
        QCOMPARE(reader.position(kFirst), 0);
        QCOMPARE(reader.position(kSecond), 0);
    }
};

QTEST_APPLESS_MAIN(ConsumerCommittedTest)
#include "tst_consumer_committed.moc"
