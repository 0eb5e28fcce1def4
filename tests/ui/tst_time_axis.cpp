#include "ui/panels/time_axis_geometry.h"

#include <QTest>

using namespace queuelab::ui;

namespace {
constexpr qint64 kSecond = 1'000'000'000;
}

class TestTimeAxis : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void momentsLieBetweenTheEnds()
    {
        const TimeAxisGeometry axis{.lastNs = 20 * kSecond, .left = 14, .width = 400};
        QCOMPARE(axis.xFor(0), 14);
        QCOMPARE(axis.xFor(20 * kSecond), 414);
        QCOMPARE(axis.xFor(10 * kSecond), 214);
        QCOMPARE(axis.nsFor(214), 10 * kSecond);
    }

    void placesOutsideMeanTheNearestEnd()
    {
        const TimeAxisGeometry axis{.lastNs = 20 * kSecond, .left = 14, .width = 400};
        QCOMPARE(axis.nsFor(-50), qint64{0});
        QCOMPARE(axis.nsFor(5000), 20 * kSecond);
    }

    void ticksAreRoundAndFarEnoughApart_data()
    {
        QTest::addColumn<qint64>("last");
        QTest::addColumn<qint64>("step");
        QTest::addRow("one second") << kSecond << kSecond / 5;
        QTest::addRow("twenty seconds") << 20 * kSecond << 5 * kSecond;
        QTest::addRow("a minute and a half") << 90 * kSecond << 20 * kSecond;
        QTest::addRow("four hours") << 4 * 3600 * kSecond << 3600 * kSecond;
    }
    void ticksAreRoundAndFarEnoughApart()
    {
        QFETCH(const qint64, last);
        QFETCH(const qint64, step);
        const TimeAxisGeometry axis{.lastNs = last, .left = 0, .width = 600};
        const std::vector<qint64> ticks = axis.ticks(60);
        QVERIFY(ticks.size() >= 2);
        QCOMPARE(ticks[0], qint64{0});
        QCOMPARE(ticks[1], step);
        QVERIFY(axis.xFor(ticks[1]) - axis.xFor(ticks[0]) >= 60);
        QVERIFY(ticks.back() <= last);
    }

    void anOpenEndedAxisGrowsInSteps()
    {
        QCOMPARE(roomFor(0), 20 * kSecond);
        QCOMPARE(roomFor(5 * kSecond), 20 * kSecond);
        QCOMPARE(roomFor(19 * kSecond), 40 * kSecond);
        QCOMPARE(roomFor(30 * kSecond), 40 * kSecond);
    }

    void labelsThatWouldTouchAreLeftOut()
    {
        const int centres[] = {50, 60, 200};
        const int widths[] = {40, 40, 40};
        QCOMPARE(placeLabels(centres, widths, 0, 400, 10), (std::vector<int>{30, -1, 180}));
    }

    void labelsAtTheEndsArePushedInwards()
    {
        const int centres[] = {0, 400};
        const int widths[] = {60, 60};
        QCOMPARE(placeLabels(centres, widths, 0, 400, 10), (std::vector<int>{0, 340}));
    }
};

QTEST_APPLESS_MAIN(TestTimeAxis)
#include "tst_time_axis.moc"
