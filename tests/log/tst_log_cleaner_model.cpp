// Random logs, cleaned again and again, against a plain model of what a reader must find.

#include "cleaner_fixture.h"

#include <QTest>

#include <map>
#include <memory>

using namespace queuelab;
using namespace queuelab::log;

namespace {

enum class Fate : std::uint8_t { Plain, Open, Committed, Aborted };

struct Written {
    std::string key;
    std::optional<std::string> value;
    std::int64_t timestamp = 0;
    std::int64_t producer = -1; ///< of a transaction
    Fate fate = Fate::Plain;
};

/// One random history. Everything that was ever written stays in the model.
class History {
public:
    explicit History(std::uint64_t seed, PlantedBug plantedBug = PlantedBug::None)
        : m_random(seed)
        , m_it(randomConfig(m_random))
    {
        m_it.settings.plantedBug = plantedBug;
        // With a small map cleaning lags so far behind that it never comes to a key's last record.
        if (plantedBug == PlantedBug::None && m_random.chance(0.4))
            m_it.settings.dedupeBufferSize = m_random.between(48, 400);
    }

    void step()
    {
        m_it.storage.setNow(epochMillis(m_it.storage.context.now) + m_random.between(0, 30));
        m_it.compression = static_cast<CompressionType>(m_random.below(8));
        if (m_it.compression > CompressionType::Zstd)
            m_it.compression = CompressionType::None;
        const std::uint64_t what = m_random.below(100);
        if (what < 45)
            write(-1);
        else if (what < 70)
            write(m_random.between(1, 3));
        else if (what < 85)
            endTransaction(m_random.between(1, 3));
        else if (what < 97)
            clean();
        else
            m_it.reopen(m_random.chance(0.5));
    }
    /// The first rule that does not hold; empty when all do.
    std::string broken() const
    {
        if (m_it.log.logEndOffset() != m_end)
            return "the log ends where it did";
        if (auto rule = brokenOfRecords(); !rule.empty())
            return rule;
        if (m_it.committed() != committed())
            return "a reader learns the last committed value of each key, and no other";
        return {};
    }
    std::int64_t removed() const { return m_removed; }

private:
    static LogConfig randomConfig(Random &random)
    {
        LogConfig config = compactedConfig();
        config.segmentBytes = static_cast<std::int32_t>(random.between(200, 2500));
        config.indexIntervalBytes = static_cast<std::int32_t>(random.between(0, 400));
        config.deleteRetentionMs = random.between(0, 400);
        if (random.chance(0.3))
            config.minCompactionLagMs = random.between(1, 300);
        return config;
    }

    void write(std::int64_t producer)
    {
        std::vector<KeyValue> records;
        for (std::int64_t count = m_random.between(1, 4); count > 0; --count) {
            KeyValue record{"key-" + std::to_string(m_random.below(9)), {}};
            if (m_random.chance(0.75))
                record.value = "v" + std::to_string(m_end) + '.' + std::to_string(count);
            m_written[m_end++] = {record.key, record.value, epochMillis(m_it.storage.context.now),
                producer, producer < 0 ? Fate::Plain : Fate::Open};
            records.push_back(std::move(record));
        }
        if (producer < 0) {
            m_it.addBatch(records);
            return;
        }
        m_it.addTransactional(producer, m_sequences[producer], records);
        m_sequences[producer] += static_cast<std::int32_t>(records.size());
    }
    void endTransaction(std::int64_t producer)
    {
        const bool commits = m_random.chance(0.5);
        m_it.end(commits ? ControlType::Commit : ControlType::Abort, producer);
        ++m_end;
        for (auto &[offset, written] : m_written) {
            if (written.producer == producer && written.fate == Fate::Open)
                written.fate = commits ? Fate::Committed : Fate::Aborted;
        }
    }
    void clean()
    {
        const Cleanable range = m_it.range(m_it.firstDirty);
        const std::int64_t before = range.firstDirtyOffset;
        const CleanResult result = m_it.clean();
        m_removed += result.recordsRemoved;
        m_cleanTo = std::max(m_cleanTo, result.nextDirtyOffset);
        m_uncleanable = std::max(m_uncleanable, range.firstUncleanableOffset);
        m_lastClean = epochMillis(m_it.storage.context.now);
        invariant(result.nextDirtyOffset >= before, "the clean part grows");
        invariant(range.firstUncleanableOffset == before || result.nextDirtyOffset > before,
            "each round gets further");
    }

    std::string brokenOfRecords() const
    {
        std::map<std::int64_t, bool> found; // whether it has a value
        std::map<std::string, std::int64_t> inCleanPart;
        const Bytes bytes = readAll(m_it.log, m_it.storage.files, 0);
        std::int64_t last = -1;
        for (ByteView rest = bytes; !rest.empty();) {
            const auto header = checkBatch(rest);
            if (!header)
                return "every batch is sound";
            if (header->baseOffset <= last)
                return "offsets go up";
            last = header->lastOffset();
            RecordCursor cursor(rest.first(header->sizeBytes()));
            rest = rest.subspan(header->sizeBytes());
            while (!header->isControl() && cursor.next()) {
                const RecordView &record = cursor.record();
                const auto written = m_written.find(record.offset);
                if (written == m_written.end() || asText(*record.key) != written->second.key
                    || record.value.has_value() != written->second.value.has_value()
                    || (record.value && asText(*record.value) != *written->second.value)
                    || record.timestamp != written->second.timestamp)
                    return "a record that stays is as it was written";
                found[record.offset] = record.value.has_value();
                if (record.offset < m_cleanTo && written->second.fate == Fate::Aborted)
                    return "aborted records go";
                if (record.offset < m_cleanTo
                    && !inCleanPart.emplace(written->second.key, record.offset).second)
                    return "a key has one record in the clean part";
            }
            if (!cursor.ok())
                return "every record is well formed";
        }
        std::map<std::string, std::int64_t> latest; // committed
        for (const auto &[offset, written] : m_written) {
            if (offset >= m_uncleanable && !found.contains(offset))
                return "what may not be cleaned is not touched";
            if (isCommitted(offset, written))
                latest[written.key] = offset;
        }
        for (const auto &[key, offset] : latest) {
            const bool mayGo = !m_written.at(offset).value
                && m_lastClean >= m_written.at(offset).timestamp + m_it.config.deleteRetentionMs;
            if (!mayGo && !found.contains(offset))
                return "a key keeps its last record, a tombstone for delete.retention.ms";
        }
        return {};
    }
    bool isCommitted(std::int64_t offset, const Written &written) const
    {
        return offset < m_it.log.lastStableOffset(m_end)
            && (written.fate == Fate::Plain || written.fate == Fate::Committed);
    }
    std::map<std::string, std::string> committed() const
    {
        std::map<std::string, std::string> values;
        for (const auto &[offset, written] : m_written) {
            if (!isCommitted(offset, written))
                continue;
            if (written.value)
                values[written.key] = *written.value;
            else
                values.erase(written.key);
        }
        return values;
    }

    Random m_random;
    CleanerFixture m_it;
    std::map<std::int64_t, Written> m_written; // by offset
    std::map<std::int64_t, std::int32_t> m_sequences; // by producer
    std::int64_t m_end = 0;
    std::int64_t m_cleanTo = 0;
    std::int64_t m_uncleanable = 0;
    std::int64_t m_lastClean = 0;
    std::int64_t m_removed = 0;
};

} // namespace

class TestLogCleanerModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void randomHistories_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 100; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void randomHistories()
    {
        QFETCH(quint64, seed);
        History history(seed);
        for (int step = 0; step < 250; ++step) {
            history.step();
            const std::string rule = history.broken();
            QVERIFY2(rule.empty(),
                (rule + " (seed " + std::to_string(seed) + ", step " + std::to_string(step) + ")")
                    .c_str());
        }
        QVERIFY(history.removed() > 0);
    }
    void plantedBugsAreFound_data()
    {
        QTest::addColumn<int>("bug");
        QTest::addRow("drops last") << static_cast<int>(PlantedBug::CompactionDropsLast);
        QTest::addRow("forgets tombstones")
            << static_cast<int>(PlantedBug::TombstonesForgottenEarly);
    }
    void plantedBugsAreFound()
    {
        QFETCH(int, bug);
        int found = 0;
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            History history(seed, static_cast<PlantedBug>(bug));
            bool holds = true;
            for (int step = 0; step < 250 && holds; ++step) {
                history.step();
                holds = history.broken().empty();
            }
            found += holds ? 0 : 1;
        }
        QCOMPARE(found, 10);
    }
};

QTEST_APPLESS_MAIN(TestLogCleanerModel)
#include "tst_log_cleaner_model.moc"
