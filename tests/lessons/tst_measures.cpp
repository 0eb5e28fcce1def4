#include "lessons/measures/measure.h"
#include "lessons/measures/real_log.h"
#include "lessons/measures/rounds.h"
#include "lessons/measures/scratch.h"

#include <QDir>
#include <QFile>
#include <QTest>

#include <set>

using namespace queuelab;
using namespace queuelab::lessons;

namespace {

ScratchDirectory scratch()
{
    auto directory = ScratchDirectory::createOnDisk();
    if (!directory)
        throw std::runtime_error(directory.error().text());
    return std::move(*directory);
}

/// Settings that keep a run short: one round, little data.
MeasureSettings shortRun(const Measure &measure)
{
    MeasureSettings settings;
    for (const MeasureSetting &setting : measure.settings)
        settings[setting.name] = setting.initial;
    settings["rounds"] = 1;
    if (settings.contains("mebibytes"))
        settings["mebibytes"] = 2;
    if (settings.contains("messages"))
        settings["messages"] = 500;
    return settings;
}

double figure(const std::vector<Measurement> &figures, std::string_view name)
{
    const auto at = std::ranges::find(figures, name, &Measurement::name);
    if (at == figures.end())
        throw std::runtime_error("no figure " + std::string(name));
    return at->value;
}

std::vector<Measurement> run(const char *name, const MeasureSettings &changes)
{
    const Measure *measure = findMeasure(name);
    MeasureSettings settings = shortRun(*measure);
    for (const auto &[key, value] : changes)
        settings[key] = value;
    const ScratchDirectory directory = scratch();
    auto figures = measure->run(settings, directory.path(), {});
    if (!figures)
        throw std::runtime_error(figures.error().text());
    return std::move(*figures);
}

OneRun giving(std::vector<double> &values)
{
    return [&values, next = std::size_t{0}]() mutable -> Result<Sample, Error> {
        return Sample{values[next++]};
    };
}

} // namespace

class TestMeasures : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theMedianIsTheMiddle()
    {
        QCOMPARE(medianOf({3}), 3.0);
        QCOMPARE(medianOf({9, 1, 4}), 4.0);
        QCOMPARE(medianOf({8, 2, 4, 6}), 5.0);
    }

    void theFirstRoundDoesNotCountAndQuotientsStayWithinARound()
    {
        std::vector<double> slow{1000, 10, 40, 20};
        std::vector<double> fast{1, 5, 10, 4};
        const std::vector<OneRun> contenders{giving(slow), giving(fast)};
        std::vector<double> shares;
        const auto rounds = takeTurns(
            contenders, 3, {[&shares](double share) { shares.push_back(share); }, nullptr});
        QVERIFY(rounds);
        QCOMPARE(rounds->median(0), 20.0);
        QCOMPARE(rounds->median(1), 5.0);
        QCOMPARE(rounds->ratio(0, 1), 4.0); // of 2, 4 and 5
        QCOMPARE(shares.size(), std::size_t{8});
        QCOMPARE(shares.back(), 1.0);
    }

    void aCancelledMeasurementGivesTheWholeRoundsItHas()
    {
        std::atomic<bool> cancel = false;
        int runs = 0;
        const std::vector<OneRun> contenders{[&]() -> Result<Sample, Error> {
            ++runs;
            cancel = runs == 3;
            return Sample{static_cast<double>(runs)};
        }};
        const auto rounds = takeTurns(contenders, 99, {{}, &cancel});
        QVERIFY(rounds);
        QCOMPARE(rounds->median(0), 2.5); // the second and the third run
        cancel = true;
        QVERIFY(!takeTurns(contenders, 99, {{}, &cancel}));
    }

    void whatARunCannotDoEndsTheMeasurement()
    {
        const std::vector<OneRun> contenders{
            []() -> Result<Sample, Error> { return std::unexpected(Error{"disk", "full", {}}); }};
        const auto rounds = takeTurns(contenders, 1, {});
        QVERIFY(!rounds);
        QCOMPARE(rounds.error().problem, std::string("full"));
    }

    void aScratchDirectoryGoesWithItsOwner()
    {
        QString path;
        {
            const ScratchDirectory directory = scratch();
            path = QString::fromStdString(directory.path());
            QVERIFY(QDir(path).exists());
            QVERIFY(QDir(path).mkpath("a/b"));
        }
        QVERIFY(!QDir(path).exists());
    }

    void valuesHaveTheSizeAskedForAndDiffer()
    {
        const std::vector<Bytes> values = eventValues(100, 500);
        QCOMPARE(std::set<Bytes>(values.begin(), values.end()).size(), std::size_t{500});
        QVERIFY(
            std::ranges::all_of(values, [](const Bytes &value) { return value.size() == 100; }));
    }

    void aRealLogKeepsWhatWasAppendedWhenItIsOpenedAgain()
    {
        const ScratchDirectory directory = scratch();
        const std::vector<Bytes> values = eventValues(100, 10);
        log::BatchBuilder builder;
        {
            const auto log = RealLog::open(directory.path());
            QVERIFY(log);
            QVERIFY((*log)->append(buildBatch(builder, values, 0, 10)));
            QVERIFY((*log)->append(buildBatch(builder, values, 5, 10)));
            QVERIFY((*log)->close());
        }
        const auto log = RealLog::open(directory.path());
        QVERIFY(log);
        QCOMPARE((*log)->endOffset(), std::int64_t{20});
        QVERIFY(QFile::exists(QString::fromStdString((*log)->file())));
        const auto next = (*log)->fetch(0);
        QVERIFY(next);
        QCOMPARE(*next, std::int64_t{20});
        QVERIFY((*log)->readToEnd());
    }

    void eachGivesTheFiguresItAnnounces_data()
    {
        QTest::addColumn<QString>("name");
        for (const Measure &measure : allMeasures())
            QTest::newRow(measure.name.c_str()) << QString::fromStdString(measure.name);
    }
    void eachGivesTheFiguresItAnnounces()
    {
        QFETCH(QString, name);
        const Measure *measure = findMeasure(name.toStdString());
        const ScratchDirectory directory = scratch();
        const auto figures = measure->run(shortRun(*measure), directory.path(), {});
        QVERIFY2(figures, figures ? "" : figures.error().text().c_str());
        QCOMPARE(figures->size(), measure->figures.size());
        for (std::size_t i = 0; i < figures->size(); ++i) {
            QCOMPARE((*figures)[i].name, measure->figures[i].name);
            QVERIFY2(std::isfinite((*figures)[i].value), (*figures)[i].name.c_str());
        }
    }

    void whatWasJustWrittenCostsTheDeviceNothing()
    {
        const auto cached = run("page-cache", {});
        QVERIFY(figure(cached, "recent-share-from-device") < 0.05);
        if (figure(cached, "on-a-disk") == 0)
            QSKIP("the temporary directory is in memory, where nothing is evicted");
        QVERIFY(figure(cached, "evicted-share-from-device") > 0.9);
        const auto evicted = run("page-cache", {{"before-reading", 1}});
        QVERIFY(figure(evicted, "recent-share-from-device") > 0.9);
    }

    void onlyTheBufferHoldsTheBytes()
    {
        const auto figures = run("zero-copy", {});
        QCOMPARE(figure(figures, "sendfile-through-user-space"), 0.0);
        QCOMPARE(figure(figures, "copying-through-user-space"), 4.0 * 1024 * 1024);
    }

    void aBatchOfOneRecordStoresMoreForIt()
    {
        const auto figures = run("record-rate", {{"then-batch-bytes", 1}});
        // 61 bytes of header for each record, and about 11 of the record's own.
        QVERIFY(figure(figures, "stored-per-record") < 115);
        QVERIFY(figure(figures, "then-stored-per-record") > 165);
    }

    void theReadmeDocumentsEveryMeasurement()
    {
        QFile file(QUEUELAB_SOURCE_DIR "/lessons/README.md");
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QString readme = QString::fromUtf8(file.readAll());
        const auto documented = [&readme](const QString &row) {
            return readme.contains(row) ? QString() : row;
        };
        for (const Measure &measure : allMeasures()) {
            QCOMPARE(documented(QString("### `%1`\n").arg(measure.name.c_str())), QString());
            for (const MeasureSetting &setting : measure.settings) {
                const QString usual = setting.choices.empty()
                    ? QString("%1 (%2 to %3)")
                          .arg(setting.initial)
                          .arg(setting.low)
                          .arg(setting.high)
                    : QString("%1 (%2)").arg(
                          setting.choices[static_cast<std::size_t>(setting.initial)].c_str(),
                          [&setting] {
                              QStringList words;
                              for (const std::string &choice : setting.choices)
                                  words.append(QString::fromStdString(choice));
                              return words.join(", ");
                          }());
                QCOMPARE(documented(QString("| `%1` | %2 | %3 |")
                                 .arg(setting.name.c_str(), usual, setting.help.c_str())),
                    QString());
            }
            for (const ExpectationField &field : measure.figures)
                QCOMPARE(documented(
                             QString("| `%1` | %2 |").arg(field.name.c_str(), field.help.c_str())),
                    QString());
        }
    }
};

QTEST_APPLESS_MAIN(TestMeasures)
#include "tst_measures.moc"
