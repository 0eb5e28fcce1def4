// A process that appends with fsync is killed with SIGKILL, over and over: what it acknowledged is
// there, and every file is clean.
#include "engine/core/posix_files.h"
#include "engine/log/inspect.h"
#include "storage_fixture.h"

#include <QTemporaryDir>
#include <QTest>

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr const char *kDirectory = "orders-0";
constexpr std::int64_t kProducer = 1000;
constexpr int kKillsALog = 25; // and as many in CI: QUEUELAB_KILLS=500 asks for more

/// A log in a real directory; every append is synced before it is acknowledged.
struct RealLog {
    explicit RealLog(const std::string &root)
        : files(PosixFiles::open(root).value())
        , context{Instant{std::chrono::milliseconds{kT}}, random, trace, *files}
    {
    }
    PartitionLog open(bool clean, RecoveryReport *report = nullptr)
    {
        LogConfig config;
        config.flushMessages = 1;
        config.segmentBytes = 4'000;
        config.indexIntervalBytes = 300;
        return PartitionLog::open(kDirectory, config, clean, context, report).value();
    }

    std::unique_ptr<PosixFiles> files;
    Random random{1};
    Trace trace;
    Context context;
};

/// The batch at `offset`: one to four records that name their offsets, by a producer whose
/// sequences are the offsets, of a leader whose epoch changes now and then, in any codec.
Bytes batchAtOffset(std::int64_t offset)
{
    BatchBuilder builder;
    builder.setProducer(kProducer, 0, std::int32_t(offset));
    builder.setCompression(CompressionType(offset % 5));
    for (std::int64_t i = 0; i <= offset % 4; ++i)
        builder.append(kT + offset, std::nullopt, asBytes("record " + std::to_string(offset + i)));
    const ByteView batch = builder.finish();
    return {batch.begin(), batch.end()};
}

std::int32_t epochAtOffset(std::int64_t offset)
{
    return std::int32_t(offset / 100);
}

/// The life of the process that is killed: appends for ever, and tells the end of the log after
/// each acknowledged batch.
[[noreturn]] void appendUntilKilled(const std::string &root, int pipe)
{
    RealLog real(root);
    PartitionLog log = real.open(false);
    while (true) {
        const std::int64_t offset = log.logEndOffset();
        if (!log.append(batchAtOffset(offset), epochAtOffset(offset), real.context))
            std::_Exit(1);
        const std::int64_t end = log.logEndOffset();
        if (::write(pipe, &end, sizeof end) != ssize_t(sizeof end))
            std::_Exit(2);
    }
}

/// Lets it append `batches` batches, kills it, and returns the last end that it told; -1 when none.
std::int64_t appendAndKill(const std::string &root, std::uint64_t batches)
{
    int ends[2] = {};
    if (::pipe(ends) != 0)
        return -1;
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        appendUntilKilled(root, ends[1]);
    }
    ::close(ends[1]);
    std::int64_t last = -1;
    std::int64_t end = 0;
    std::uint64_t told = 0;
    while (told < batches && ::read(ends[0], &end, sizeof end) == ssize_t(sizeof end)) {
        last = end;
        ++told;
    }
    ::kill(child, SIGKILL);
    while (::read(ends[0], &end, sizeof end) == ssize_t(sizeof end)) // told before it died
        last = end;
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? last : -2;
}

/// What is wrong with the records of the log; empty when each says its own offset.
std::string wrongRecords(const PartitionLog &log, const Files &files)
{
    std::int64_t next = 0;
    const Bytes bytes = readAll(log, files, 0);
    for (ByteView rest = bytes; !rest.empty();) {
        const auto header = checkBatch(rest);
        if (!header)
            return "no sound batch at offset " + std::to_string(next);
        RecordCursor cursor(rest);
        while (cursor.next()) {
            const RecordView &record = cursor.record();
            if (record.offset != next
                || asText(*record.value) != "record " + std::to_string(record.offset))
                return "a wrong record at offset " + std::to_string(next);
            ++next;
        }
        if (!cursor.ok())
            return "damaged records at offset " + std::to_string(next);
        rest = rest.subspan(header->sizeBytes());
    }
    return next == log.logEndOffset() ? std::string() : "the log ends early";
}

} // namespace

class TestKill : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void nothingAcknowledgedIsLostAndFilesAreClean_data()
    {
        bool given = false;
        const int asked = qEnvironmentVariableIntValue("QUEUELAB_KILLS", &given);
        QTest::addColumn<int>("kills");
        QTest::addColumn<quint64>("seed");
        int left = given ? asked : kKillsALog;
        for (quint64 seed = 1; left > 0; ++seed, left -= kKillsALog)
            QTest::addRow("seed %llu", seed) << std::min(left, kKillsALog) << seed;
    }
    void nothingAcknowledgedIsLostAndFilesAreClean()
    {
        QFETCH(int, kills);
        QFETCH(quint64, seed);
        const QTemporaryDir directory;
        const std::string root = directory.path().toStdString();
        Random random(seed);
        std::int64_t acknowledged = 0;
        std::uint64_t bytesCut = 0;
        for (int i = 0; i < kills; ++i) {
            // None: it is killed while it opens, and mends, the log.
            const std::int64_t told = appendAndKill(root, random.below(40));
            QVERIFY2(told != -2, "the process ended by itself");
            acknowledged = std::max(acknowledged, told);

            RealLog real(root);
            RecoveryReport report;
            PartitionLog log = real.open(false, &report);
            bytesCut += report.bytesCut;
            QVERIFY(log.logEndOffset() >= acknowledged);
            const std::string wrong = wrongRecords(log, *real.files);
            QVERIFY2(wrong.empty(), wrong.c_str());
            QVERIFY2(inspect(*real.files, kDirectory).value().find("damaged") == std::string::npos,
                "inspect finds damage");
            const std::int64_t end = log.logEndOffset();
            if (end == 0)
                continue;
            QCOMPARE(log.producers().at(0).lastSequence, std::int32_t(end - 1));
            // The epoch of the last batch, which may have begun before the hundred was full.
            const std::int64_t lastBase = end - 1 - log.producers().at(0).offsetDelta;
            QCOMPARE(log.latestEpoch(), epochAtOffset(lastBase));
            // Its last batch again is known, and the next one goes on.
            QVERIFY(
                log.append(batchAtOffset(lastBase), log.latestEpoch(), real.context)->duplicate);
            QCOMPARE(
                log.append(batchAtOffset(end), epochAtOffset(end), real.context)->baseOffset, end);
            acknowledged = log.logEndOffset();
            if (random.chance(0.3)) { // a stop in order in between
                log.close(real.context).value();
                RecoveryReport clean;
                QCOMPARE(real.open(true, &clean).logEndOffset(), acknowledged);
                QCOMPARE(clean.notes, std::vector<std::string>());
            }
        }
        qInfo("%d kills, %lld records acknowledged, %llu bytes cut off", kills,
            static_cast<long long>(acknowledged), static_cast<unsigned long long>(bytesCut));
    }
};

QTEST_APPLESS_MAIN(TestKill)
#include "tst_kill.moc"
