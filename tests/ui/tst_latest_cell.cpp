#include "ui/session/latest_cell.h"

#include <QTest>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using queuelab::ui::LatestCell;

namespace {

/// A value that must not lose what the one before it carried.
struct Batch {
    int newest = 0;
    std::vector<int> rows;
    void absorb(Batch earlier)
    {
        earlier.rows.insert(earlier.rows.end(), rows.begin(), rows.end());
        rows = std::move(earlier.rows);
    }
};

} // namespace

class TestLatestCell : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void onlyThePutIntoTheEmptyCellAsksForADelivery()
    {
        LatestCell<int> cell;
        QVERIFY(cell.put(1));
        QVERIFY(!cell.put(2));
        QVERIFY(!cell.put(3));
        QCOMPARE(cell.take(), std::optional(3));
        QVERIFY(cell.put(4));
    }

    void takingFromTheEmptyCellGivesNothing()
    {
        LatestCell<int> cell;
        QVERIFY(!cell.take());
        cell.put(1);
        cell.take();
        QVERIFY(!cell.take());
    }

    void whatIsReplacedHandsOnWhatMustNotBeLost()
    {
        LatestCell<Batch> cell;
        cell.put({1, {10, 11}});
        cell.put({2, {12}});
        const std::optional<Batch> taken = cell.take();
        QVERIFY(taken);
        QCOMPARE(taken->newest, 2);
        QCOMPARE(taken->rows, (std::vector<int>{10, 11, 12}));
    }

    /// One thread writes as fast as it can, another takes whenever a delivery was asked for: every
    /// row arrives once and in order, there is never more than one delivery under way, and the last
    /// value is seen. Judged by TSan as well.
    void everyRowCrossesOnceInOrder()
    {
        constexpr int count = 20'000;
        LatestCell<Batch> cell;
        std::atomic<int> underWay = 0;
        std::atomic<bool> overlapped = false;
        std::atomic<bool> done = false;
        std::vector<int> seen;

        std::thread reader([&] {
            for (;;) {
                const bool last = done.load();
                if (underWay.load() > 0) {
                    --underWay;
                    if (const std::optional<Batch> taken = cell.take())
                        seen.insert(seen.end(), taken->rows.begin(), taken->rows.end());
                } else if (last) {
                    return;
                }
            }
        });
        std::thread writer([&] {
            for (int i = 0; i < count; ++i)
                if (cell.put({i, {i}}) && ++underWay > 1)
                    overlapped = true;
            done = true;
        });
        writer.join();
        reader.join();

        QVERIFY(!overlapped);
        QCOMPARE(seen.size(), std::size_t{count});
        for (int i = 0; i < count; ++i)
            QCOMPARE(seen[static_cast<std::size_t>(i)], i);
    }

    void sharedValuesAreReleasedWhenTheyAreReplaced()
    {
        LatestCell<std::shared_ptr<const int>> cell;
        auto first = std::make_shared<const int>(1);
        const std::weak_ptr<const int> watch = first;
        cell.put(std::move(first));
        cell.put(std::make_shared<const int>(2));
        QVERIFY(watch.expired());
    }
};

QTEST_APPLESS_MAIN(TestLatestCell)
#include "tst_latest_cell.moc"
