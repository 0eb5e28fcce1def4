#include "engine/core/random.h"
#include "engine/core/trace.h"

#include <QTest>

using namespace queuelab;

namespace {

TraceEvent eventOf(
    NameId subject, EventKind kind = 1, std::int64_t item = -1, std::int64_t count = 1)
{
    TraceEvent event;
    event.kind = kind;
    event.subject = subject;
    event.item = item;
    event.count = count;
    return event;
}

class CountingSink final : public TraceSink {
public:
    void event(std::uint64_t sequence, const TraceEvent &event, const NameTable &names) override
    {
        sequences.push_back(sequence);
        subjects.emplace_back(names.name(event.subject));
    }
    std::vector<std::uint64_t> sequences;
    std::vector<std::string> subjects;
};

} // namespace

class TestTrace : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void namesAreNumberedByFirstUse()
    {
        NameTable names;
        QCOMPARE(names.find("orders-0"), kNoName);
        QCOMPARE(names.intern("orders-0"), NameId(1));
        QCOMPARE(names.intern("billing"), NameId(2));
        QCOMPARE(names.intern("orders-0"), NameId(1));
        QCOMPARE(names.intern(""), kNoName);
        QCOMPARE(names.name(NameId(2)), std::string_view("billing"));
        QCOMPARE(names.name(kNoName), std::string_view(""));
        QCOMPARE(names.find("billing"), NameId(2));
        QCOMPARE(names.size(), std::size_t{3});
    }
    void aCopyOfTheNamesIsIndependentAndItsViewsStay()
    {
        std::string_view seen;
        NameTable copy;
        {
            NameTable names;
            names.intern("kept");
            copy = names;
            seen = copy.name(NameId(1));
            names.intern("only here");
        }
        QCOMPARE(seen, std::string_view("kept"));
        QCOMPARE(copy.find("only here"), kNoName);
        QCOMPARE(copy.intern("another"), NameId(2));
        QCOMPARE(copy.find("kept"), NameId(1));
    }

    void eventsAreChainedBySubject()
    {
        Trace trace;
        const NameId orders = trace.name("orders-0");
        const NameId billing = trace.name("billing");
        QCOMPARE(trace.lastOf(orders), std::uint64_t{0});
        trace.record(eventOf(orders, 1, 0, 10));
        trace.record(eventOf(billing, 2));
        trace.record(eventOf(orders, 3, 5));
        trace.record(eventOf(orders, 3, 10));
        QCOMPARE(trace.end(), std::uint64_t{4});
        QCOMPARE(trace.lastOf(orders), std::uint64_t{4});
        QCOMPARE(trace.at(3).previous, std::uint64_t{3});
        QCOMPARE(trace.at(2).previous, std::uint64_t{1});
        QCOMPARE(trace.at(0).previous, std::uint64_t{0});
        using Sequences = std::vector<std::uint64_t>;
        QCOMPARE(trace.eventsOf(orders), (Sequences{0, 2, 3}));
        QCOMPARE(trace.eventsOf(orders, 5), (Sequences{0, 2})); // one of the ten, and alone
        QCOMPARE(trace.eventsOf(orders, 9), (Sequences{0}));
        QCOMPARE(trace.eventsOf(orders, 10), (Sequences{3}));
        QCOMPARE(trace.eventsOf(orders, -1, 2), (Sequences{2, 3})); // the newest are kept
        QCOMPARE(trace.eventsOf(trace.name("nobody")), Sequences{});
    }
    void countsAreByKindReasonAndSubject()
    {
        Trace trace;
        const NameId a = trace.name("a");
        const NameId b = trace.name("b");
        for (int i = 0; i < 3; ++i) {
            TraceEvent event = eventOf(a, 7);
            event.reason = EventReason(i);
            trace.record(event);
        }
        trace.record(eventOf(b, 7));
        trace.record(eventOf(b, 8));
        QCOMPARE(trace.count(7), std::uint64_t{4});
        QCOMPARE(trace.count(7, 2), std::uint64_t{1});
        QCOMPARE(trace.count(7, 0, a), std::uint64_t{3});
        QCOMPARE(trace.count(7, 2, a), std::uint64_t{1});
        QCOMPARE(trace.count(7, 2, b), std::uint64_t{0});
        QCOMPARE(trace.count(9), std::uint64_t{0});
    }
    void onlyTheNewestAreKeptButAllAreCounted()
    {
        Trace trace;
        const NameId rare = trace.name("rare");
        const NameId common = trace.name("common");
        trace.record(eventOf(rare));
        constexpr std::uint64_t kExtra = 10'000;
        for (std::uint64_t i = 0; i < Trace::kCapacity + kExtra; ++i)
            trace.record(eventOf(common, 2, std::int64_t(i)));
        QCOMPARE(trace.end(), Trace::kCapacity + kExtra + 1);
        QCOMPARE(trace.end() - trace.first(), Trace::kCapacity);
        QCOMPARE(trace.at(trace.first()).item, std::int64_t(trace.first()) - 1);
        QCOMPARE(trace.at(trace.end() - 1).item, std::int64_t(trace.end()) - 2);
        QCOMPARE(trace.count(2), Trace::kCapacity + kExtra);
        QCOMPARE(trace.count(1), std::uint64_t{1});
        QVERIFY(trace.eventsOf(rare).empty()); // evicted, and nothing points at it
        QCOMPARE(
            trace.eventsOf(common, -1, Trace::kCapacity * 2).size(), std::size_t{Trace::kCapacity});
    }
    void aCopyIsAForkOfItsOwn_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 20; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void aCopyIsAForkOfItsOwn()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        // Traces and, beside each, all that was recorded in it.
        std::vector<std::pair<Trace, std::vector<std::int64_t>>> traces(1);
        const NameId subject = traces[0].first.name("s");
        for (int step = 0; step < 60; ++step) {
            const std::size_t which = random.below(traces.size());
            if (traces.size() < 6 && random.chance(0.2))
                traces.push_back(traces[which]);
            auto &[trace, model] = traces[random.below(traces.size())];
            for (std::uint64_t i = random.below(3'000); i > 0; --i) {
                const std::int64_t item = random.between(0, 1'000'000);
                trace.record(eventOf(subject, 1, item));
                model.push_back(item);
            }
            if (random.chance(0.1))
                traces[0].first = traces.back().first, traces[0].second = traces.back().second;
        }
        for (const auto &[trace, model] : traces) {
            QCOMPARE(trace.end(), std::uint64_t{model.size()});
            for (std::size_t i = 0; i < model.size(); ++i) {
                QCOMPARE(trace.at(i).item, model[i]);
                QCOMPARE(trace.at(i).previous, std::uint64_t{i});
            }
            QCOMPARE(trace.count(1), std::uint64_t{model.size()});
        }
    }
    void aSinkSeesEveryEventAndIsNotCopied()
    {
        CountingSink sink;
        Trace trace;
        trace.record(eventOf(trace.name("before")));
        trace.setSink(&sink);
        trace.record(eventOf(trace.name("orders-0")));
        Trace copy = trace;
        copy.record(eventOf(copy.name("elsewhere")));
        trace.record(eventOf(trace.name("billing")));
        QCOMPARE(sink.sequences, (std::vector<std::uint64_t>{1, 2}));
        QCOMPARE(sink.subjects, (std::vector<std::string>{"orders-0", "billing"}));
        trace.setSink(nullptr);
        trace.record(eventOf(kNoName));
        QCOMPARE(sink.sequences.size(), std::size_t{2});
    }
};

QTEST_APPLESS_MAIN(TestTrace)
#include "tst_trace.moc"
