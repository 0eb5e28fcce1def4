#include "engine/world/agenda.h"
#include "engine/world/outcomes.h"
#include "engine/world/series.h"
#include "engine/world/workload.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::world;

/// The small parts a world is made of: agenda, workloads, outcomes, series.
class TestAgenda : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalTimesKeepTheirOrderOfArrival()
    {
        Agenda<int> agenda;
        for (int i = 0; i < 100; ++i)
            agenda.add(kVirtualStart + std::chrono::seconds{i % 3}, i);
        int last = -1;
        Instant at = kVirtualStart;
        while (!agenda.empty()) {
            const Instant due = *agenda.nextDue();
            const int item = agenda.take();
            QVERIFY(due > at || item > last);
            at = due;
            last = item;
        }
    }

    void aMillionEntriesComeOutInOrder()
    {
        constexpr std::size_t kCount = 1'000'000;
        Random random(7);
        Agenda<std::uint32_t> agenda;
        for (std::uint32_t i = 0; i < kCount; ++i)
            agenda.add(kVirtualStart + Duration(random.between(0, 100'000)), i);
        const Agenda<std::uint32_t> copy = agenda;
        Instant last = kVirtualStart;
        std::uint32_t lastItem = 0;
        std::size_t outOfOrder = 0;
        for (std::size_t i = 0; i < kCount; ++i) {
            const Instant due = *agenda.nextDue();
            const std::uint32_t item = agenda.take();
            if (due < last || (due == last && i > 0 && item < lastItem))
                ++outOfOrder;
            last = due;
            lastItem = item;
        }
        QCOMPARE(outOfOrder, std::size_t{0});
        QVERIFY(agenda.empty());
        QCOMPARE(copy.size(), kCount);
    }

    void addingWhileTakingReusesPlaces()
    {
        Agenda<std::string> agenda;
        agenda.add(kVirtualStart, "a");
        for (int i = 0; i < 1000; ++i) {
            const std::string item = agenda.take();
            QCOMPARE(item, std::string("a"));
            agenda.add(kVirtualStart + Duration(i), item);
        }
        QCOMPARE(agenda.size(), std::size_t{1});
    }

    void bodiesAreReadBackAndPadded()
    {
        std::string body;
        writeBody({"checkout", 17, Duration(1'234'567)}, 40, body);
        QCOMPARE(body.size(), std::size_t{40});
        QVERIFY(body.starts_with("checkout#17@0001234567 ."));
        const std::optional<Stamp> stamp = readBody(asBytes(body));
        QVERIFY(stamp);
        QCOMPARE(stamp->producer, std::string_view("checkout"));
        QCOMPARE(stamp->sequence, std::uint64_t{17});
        QCOMPARE(stamp->created, Duration(1'234'567));
    }

    void aSizeTooSmallGivesTheStampAlone()
    {
        std::string body;
        writeBody({"p", 1, Duration(0)}, 3, body);
        QCOMPARE(body, std::string("p#1@0000000000"));
        QVERIFY(readBody(asBytes(body)));
    }

    void otherBodiesHaveNoStamp()
    {
        for (const char *text :
            {"", "hello", "a@b", "a#1@12", "#1@0000000000", "a#x@0000000000", "a#1@00000000x0"})
            QVERIFY2(!readBody(asBytes(text)), text);
        QVERIFY(!readBody(ByteView{})); // a tombstone's: nothing to read at all
    }

    void aRateMakesExactlyThatManyMessages()
    {
        Random random(1);
        ArrivalProcess arrivals(Rate{10}, Arrival::Steady, 0, kVirtualStart);
        std::uint64_t made = 0;
        while (*arrivals.next() <= kVirtualStart + 5s) {
            arrivals.advance(random);
            ++made;
        }
        QCOMPARE(made, std::uint64_t{50});
    }

    void aTotalEndsTheArrivals()
    {
        Random random(1);
        ArrivalProcess arrivals(Rate{1000}, Arrival::Poisson, 3, kVirtualStart);
        Instant last = kVirtualStart;
        for (int i = 0; i < 3; ++i) {
            QVERIFY(*arrivals.next() >= last);
            last = *arrivals.next();
            arrivals.advance(random);
        }
        QVERIFY(!arrivals.next());
        arrivals.setRate(Rate{5}, last);
        QVERIFY(!arrivals.next());
    }

    void aNewRateCountsFromNow()
    {
        Random random(1);
        ArrivalProcess arrivals(Rate{0}, Arrival::Steady, 0, kVirtualStart);
        QVERIFY(!arrivals.next());
        arrivals.setRate(Rate{4}, kVirtualStart + 10s);
        QCOMPARE(*arrivals.next(), kVirtualStart + 10s + 250ms);
    }

    void contiguousOffsetsAreCountedOnceAndRepetitionsAgain()
    {
        NameTable names;
        const NameId group = names.intern("billing");
        const NameId partition = names.intern("orders-0");
        Outcomes outcomes;
        for (std::int64_t offset = 0; offset < 1000; ++offset)
            QVERIFY(!outcomes.handled({.scope = group, .partition = partition, .item = offset}));
        for (std::int64_t offset = 990; offset < 1010; ++offset)
            QCOMPARE(outcomes.handled({.scope = group, .partition = partition, .item = offset}),
                offset < 1000);
        const OutcomeSnapshot seen = outcomes.snapshot(names).at(0);
        QCOMPARE(seen.handled, std::uint64_t{1010});
        QCOMPARE(seen.handledAgain, std::uint64_t{10});
        QCOMPARE(seen.outOfOrderInPartition, std::uint64_t{0});
    }

    void handledItemsMatchAPlainSetForRandomOrders()
    {
        NameTable names;
        const NameId scope = names.intern("jobs");
        Random random(3);
        Outcomes outcomes;
        std::set<std::int64_t> model;
        std::int64_t at = 0;
        for (int i = 0; i < 20'000; ++i) {
            at = random.chance(0.1) ? random.between(0, 3000) : at + 1;
            QCOMPARE(outcomes.handled({.engine = Engine::Exchange, .scope = scope, .item = at}),
                !model.insert(at).second);
        }
        QCOMPARE(outcomes.snapshot(names).at(0).handled, model.size());
    }

    void orderIsJudgedByPartitionKeyAndOverall()
    {
        NameTable names;
        const NameId group = names.intern("g");
        const NameId one = names.intern("t-0");
        const NameId two = names.intern("t-1");
        const NameId producer = names.intern("p");
        Outcomes outcomes;
        const auto handle = [&](NameId partition, std::int64_t item, std::uint64_t sequence,
                                std::uint64_t key) {
            outcomes.handled({.scope = group,
                .partition = partition,
                .item = item,
                .producer = producer,
                .sequence = sequence,
                .keyHash = key});
        };
        handle(one, 0, 2, 7);
        handle(
            two, 0, 1, 8); // later of the topic was handled before, but not of its partition or key
        handle(one, 1, 3, 7);
        const OutcomeSnapshot ordered = outcomes.snapshot(names).at(0);
        QCOMPARE(ordered.outOfOrderOverall, std::uint64_t{1});
        QCOMPARE(ordered.outOfOrderInPartition, std::uint64_t{0});
        QCOMPARE(ordered.outOfOrderInKey, std::uint64_t{0});
        handle(two, 1, 2, 7); // the same key in another partition, after sequence 3
        QCOMPARE(outcomes.snapshot(names).at(0).outOfOrderInKey, std::uint64_t{1});
    }

    void seriesKeepTheWholeRunInAtMost240Points()
    {
        SeriesRecorder recorder(kVirtualStart);
        Instant end = kVirtualStart;
        while (recorder.nextSample() <= kVirtualStart + 1h) {
            end = recorder.nextSample();
            const double seconds = std::chrono::duration<double>(end - kVirtualStart).count();
            recorder.add(
                Engine::Log, "orders in", "records/s", SeriesRecorder::Kind::Counter, seconds * 10);
            recorder.add(Engine::Log, "lag", "records", SeriesRecorder::Kind::Level, seconds);
            recorder.finish();
        }
        for (const SeriesSnapshot &series : recorder.snapshot()) {
            QVERIFY(series.values.size() <= SeriesRecorder::kMaxPoints);
            QVERIFY(series.values.size() >= SeriesRecorder::kMaxPoints / 2 - 1);
            for (std::size_t i = 0; i < series.values.size(); ++i) {
                const Instant at = series.start + static_cast<std::int64_t>(i) * series.step;
                const double seconds = std::chrono::duration<double>(at - kVirtualStart).count();
                QCOMPARE(series.values[i], series.name == "lag" ? seconds : 10.0);
            }
        }
    }

    void aSeriesThatBeginsLateHasItsOwnStart()
    {
        SeriesRecorder recorder(kVirtualStart);
        for (int i = 1; i <= 5; ++i) {
            if (i > 2)
                recorder.add(
                    Engine::Exchange, "jobs ready", "messages", SeriesRecorder::Kind::Level, i);
            recorder.finish();
        }
        const SeriesSnapshot series = recorder.snapshot().at(0);
        QCOMPARE(series.start, kVirtualStart + 3s);
        QCOMPARE(series.values, (std::vector<double>{3, 4, 5}));
    }
};

QTEST_APPLESS_MAIN(TestAgenda)
#include "tst_agenda.moc"
