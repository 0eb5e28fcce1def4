#include "app/bench/measure.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::bench;

class TestMeasure : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void medianIsTheMiddleValue()
    {
        QCOMPARE(median({}), 0.0);
        QCOMPARE(median({3}), 3.0);
        QCOMPARE(median({9, 1, 5}), 5.0);
        QCOMPARE(median({9, 1, 5, 7}), 6.0);
    }
    void contendersTakeTurnsAndRatiosAreTakenWithinARound()
    {
        std::string order;
        std::vector<double> plain{100, 100, 10, 50}; // the first is the round that does not count
        std::vector<double> ours{1, 50, 6, 20};
        const auto play = [&order](char name, std::vector<double> &values) {
            return [&order, name, &values]() -> Result<double, Error> {
                order += name;
                const double value = values.front();
                values.erase(values.begin());
                return value;
            };
        };
        const std::vector<Contender> contenders{
            {"plain", "MB/s", play('p', plain), 0}, {"ours", "MB/s", play('o', ours), 0}};
        const auto figures = measureInterleaved(contenders, 3);
        QVERIFY(figures.has_value());
        QCOMPARE(order, std::string("popopopo"));
        QCOMPARE((*figures)[0].value, 50.0);
        QCOMPARE((*figures)[0].ratio, 0.0);
        QCOMPARE((*figures)[1].value, 20.0);
        QCOMPARE((*figures)[1].baseline, std::string("plain"));
        QCOMPARE((*figures)[1].ratio, 0.5); // of 0.5, 0.6 and 0.4
        QCOMPARE((*figures)[1].runs, 3);
    }
    void aContenderThatFailsEndsTheMeasurement()
    {
        const std::vector<Contender> contenders{{"plain", "MB/s",
            []() -> Result<double, Error> {
                return std::unexpected(Error{"/nowhere", "cannot open", ""});
            },
            0}};
        const auto figures = measureInterleaved(contenders, 3);
        QVERIFY(!figures.has_value());
        QCOMPARE(figures.error().place, std::string("/nowhere"));
    }
};

QTEST_APPLESS_MAIN(TestMeasure)
#include "tst_measure.moc"
