// Compaction, stopped at each operation that changes a file.

#include "cleaner_fixture.h"
#include "failing_disk.h"

#include <QTest>

#include <map>
#include <memory>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr std::uint64_t kForEver = UINT64_MAX;

/// The worked example of the facts, and behind it a transaction that was aborted and one that was
/// committed; segments of which the first two become one.
std::unique_ptr<CleanerFixture> example()
{
    auto it = std::make_unique<CleanerFixture>();
    it->addWorkedExample();
    it->roll();
    it->addTransactional(7, 0, {{"A", "5"}, {"E", "1"}});
    it->log.configure(it->config);
    it->end(ControlType::Abort, 7);
    it->addTransactional(8, 0, {{"D", "2"}});
    it->end(ControlType::Commit, 8);
    LogConfig config = it->config;
    config.segmentBytes = 600; // not all in one group
    it->config = config;
    it->addRolled("F", "1");
    it->log.flush(it->storage.context).value();
    return it;
}

Result<CleanResult, Error> cleanOn(CleanerFixture &it, Files &files)
{
    Context context{it.storage.context.now, it.storage.random, it.storage.trace, files};
    return cleanLog(it.log, it.range(), it.settings, kNoName, kNoName, context);
}

} // namespace

class TestLogCleanerCrash : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        const auto it = example();
        m_old = it->content();
        m_final = it->committed();
        QCOMPARE(m_final, (std::map<std::string, std::string>{{"A", "4"}, {"D", "2"}, {"F", "1"}}));
        it->clean();
        m_new = it->content();
        QVERIFY(m_new != m_old);
        QVERIFY(it->log.segments().size() > 2);
    }
    void theLogIsWholeWhereverTheProcessDies_data()
    {
        QTest::addColumn<bool>("withTheMachine");
        QTest::addRow("the process") << false;
        QTest::addRow("the machine") << true;
    }
    void theLogIsWholeWhereverTheProcessDies()
    {
        QFETCH(bool, withTheMachine);
        std::uint64_t stopped = 0;
        bool old = false;
        for (std::uint64_t operations = 0;; ++operations) {
            const auto it = example();
            FailingDisk disk(it->storage.files, operations, kForEver);
            const bool done = cleanOn(*it, disk).has_value();
            if (withTheMachine)
                it->storage.files.crash("broker-1");
            it->reopen(false);
            const std::string where = "after operation " + std::to_string(operations);
            QVERIFY2(it->committed() == m_final, where.c_str());
            QCOMPARE(it->log.logEndOffset(), 15);
            for (const std::string &name : it->names())
                QVERIFY2(!name.ends_with(".cleaned") && !name.ends_with(".swap"), name.c_str());
            old = old || it->content() == m_old;
            if (done) {
                QCOMPARE(it->content(), m_new);
                QVERIFY(!disk.hasFailed());
                break;
            }
            ++stopped;
            // Nothing stands in the way of the next cleaning.
            it->clean();
            QCOMPARE(it->content(), m_new);
            it->reopen(true);
            QCOMPARE(it->content(), m_new);
        }
        QVERIFY(stopped > 30);
        QVERIFY(old);
    }
    void aFailingDiskLeavesTheLogWholeInTheSameLife_data()
    {
        QTest::addColumn<quint64>("failing");
        QTest::addRow("one operation") << quint64{1};
        QTest::addRow("for ever") << quint64{kForEver};
    }
    void aFailingDiskLeavesTheLogWholeInTheSameLife()
    {
        QFETCH(quint64, failing);
        for (std::uint64_t operations = 0;; ++operations) {
            const auto it = example();
            FailingDisk disk(it->storage.files, operations, failing);
            const bool done = cleanOn(*it, disk).has_value();
            if (!disk.hasFailed())
                break;
            const std::string where = "after operation " + std::to_string(operations);
            QVERIFY2(it->committed() == m_final, where.c_str());
            QCOMPARE(it->log.logEndOffset(), 15);
            it->add("G", "1");
            if (failing == 1 && !done) {
                it->clean();
                QCOMPARE(it->content(), m_new + ", 15 G=1");
            }
            it->reopen(true);
            it->reopen(false);
            auto after = m_final;
            after["G"] = "1";
            QVERIFY2(it->committed() == after, where.c_str());
        }
    }

private:
    std::string m_old;
    std::string m_new;
    std::map<std::string, std::string> m_final;
};

QTEST_APPLESS_MAIN(TestLogCleanerCrash)
#include "tst_log_cleaner_crash.moc"
