#include <QtTest>

#include "engine/log/events.h"
#include "transaction_fixture.h"

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using Writes = TransactionFixture::Writes;
using Producer = TransactionalProducer;

namespace {

const TopicPartition kA{"orders", 0};
const TopicPartition kB{"orders", 1};

int code(ErrorCode error)
{
    return static_cast<int>(error);
}

} // namespace

/// Writes that fail, time, other coordinators, and what is told of it all.
class TransactionTakeoverTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // ---- Writes that fail

    void aFailedWriteLeavesThingsAsTheyWere_data()
    {
        QTest::addColumn<int>("failure");
        QTest::addColumn<int>("answer");
        QTest::addRow("UNKNOWN_TOPIC_OR_PARTITION") << 3 << 15;
        QTest::addRow("NOT_ENOUGH_REPLICAS") << 19 << 15;
        QTest::addRow("NOT_ENOUGH_REPLICAS_AFTER_APPEND") << 20 << 15;
        QTest::addRow("REQUEST_TIMED_OUT") << 7 << 15;
        QTest::addRow("NOT_LEADER_OR_FOLLOWER") << 6 << 16;
        QTest::addRow("KAFKA_STORAGE_ERROR") << 56 << 16;
        QTest::addRow("MESSAGE_TOO_LARGE") << 10 << -1;
        QTest::addRow("RECORD_LIST_TOO_LARGE") << 18 << -1;
        QTest::addRow("another") << 87 << 87;
    }
    void aFailedWriteLeavesThingsAsTheyWere()
    {
        QFETCH(int, failure);
        QFETCH(int, answer);
        TransactionFixture at;
        at.writeError = static_cast<ErrorCode>(failure);
        const auto fails = [&](auto &&step) {
            const auto before = at.transaction();
            at.writes = Writes::Fail;
            const ErrorCode error = step();
            at.writes = Writes::AtOnce;
            const auto after = at.transaction();
            return code(error) == answer && before.has_value() == after.has_value()
                && (!before
                    || (before->state == after->state
                        && before->producerEpoch == after->producerEpoch
                        && before->partitions == after->partitions));
        };
        Producer producer{at};
        QVERIFY(fails([&] { return producer.init().error; }));
        QCOMPARE(producer.init().error, ErrorCode::None);
        QVERIFY(fails([&] { return Producer(producer).init().error; }));
        QVERIFY(fails([&] { return producer.add({kA}); }));
        QCOMPARE(producer.add({kA}), ErrorCode::None);
        QVERIFY(fails([&] { return producer.add({kB}); }));
        QVERIFY(fails([&] { return producer.end(true); }));
        QVERIFY(fails([&] { return Producer(producer).init().error; }));
        QVERIFY(at.written.empty());
        QCOMPARE(producer.end(true), ErrorCode::None);
        QCOMPARE(at.state(), std::string("CompleteCommit"));
    }
    void aFenceThatIsNotWrittenFencesOnceWithVersionOne()
    {
        BrokerConfig config;
        config.transactionVersion = 1;
        TransactionFixture at(config);
        Producer zombie{.at = at, .bumps = false};
        zombie.init();
        zombie.add({kA});
        at.writes = Writes::Fail;
        Producer heir{.at = at, .bumps = false};
        for (int tries = 0; tries < 3; ++tries) {
            QCOMPARE(heir.init().error, ErrorCode::CoordinatorNotAvailable);
            QCOMPARE(idsOf(at), Ids(zombie.producerId, 1));
            QCOMPARE(zombie.add({kB}), ErrorCode::ProducerFenced);
        }
        at.writes = Writes::AtOnce;
        QCOMPARE(heir.init().error, ErrorCode::ConcurrentTransactions);
        QCOMPARE(idsOf(at), Ids(zombie.producerId, 1));
        QCOMPARE(heir.init().error, ErrorCode::None);
        QCOMPARE(heir.epoch, std::int16_t{2});
    }
    void theEndOfWhatIsDecidedIsWrittenAgainUntilItStands()
    {
        TransactionFixture at;
        at.markersAtOnce = false;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        producer.end(true);
        at.writes = Writes::Fail;
        at.writeMarkers();
        at.run(5s);
        QCOMPARE(at.state(), std::string("PrepareCommit"));
        QCOMPARE(producer.add({kA}), ErrorCode::ConcurrentTransactions);
        at.writes = Writes::AtOnce;
        at.run(1s);
        QCOMPARE(at.state(), std::string("CompleteCommit"));
        QCOMPARE(at.written.size(), std::size_t{1});
    }

    // ---- Timeouts and expiry

    void aTransactionThatTakesTooLongIsAborted_data()
    {
        QTest::addColumn<int>("version");
        QTest::addRow("transaction.version 1") << 1;
        QTest::addRow("transaction.version 2") << 2;
    }
    void aTransactionThatTakesTooLongIsAborted()
    {
        QFETCH(int, version);
        BrokerConfig config;
        config.transactionVersion = static_cast<std::int16_t>(version);
        TransactionFixture at(config);
        Producer producer{.at = at, .bumps = version == 2};
        producer.init();
        producer.add({kA});
        at.run(30s);
        producer.add({kB}); // that it is used makes it no younger
        at.run(30s);
        QCOMPARE(at.state(), std::string("Ongoing"));
        at.run(10s); // transaction.abort.timed.out.transaction.cleanup.interval.ms
        QCOMPARE(at.state(), std::string("CompleteAbort"));
        QCOMPARE(at.written.size(), std::size_t{2});
        QCOMPARE(at.written.front().producerEpoch, std::int16_t{1}); // it is fenced there too
        QCOMPARE(producer.add({kA}), ErrorCode::ProducerFenced);
        QCOMPARE(producer.end(true),
            version == 2 ? ErrorCode::InvalidTxnState : ErrorCode::ProducerFenced);
        QCOMPARE(
            at.trace.count(kind(LogEvent::ProducerFenced)), std::uint64_t(version == 2 ? 0 : 2));
    }
    void onlyWhatIsOpenTimesOut()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        producer.end(true);
        at.run(10min);
        QCOMPARE(at.state(), std::string("CompleteCommit"));
        QCOMPARE(producer.add({kA}), ErrorCode::None);
        QCOMPARE(at.state(), std::string("Ongoing"));
    }
    void theAgeOfATransactionCountsAcrossCoordinators()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        at.run(50s);
        at.failOver();
        QCOMPARE(at.state(), std::string("Ongoing"));
        at.run(20s);
        QCOMPARE(at.state(), std::string("CompleteAbort"));
    }
    void aTimeoutThatCannotBeWrittenIsTriedAgain()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        at.writes = Writes::Fail;
        at.run(5min);
        QCOMPARE(at.state(), std::string("Ongoing"));
        at.writes = Writes::AtOnce;
        at.run(10s);
        QCOMPARE(at.state(), std::string("CompleteAbort"));
        QCOMPARE(at.transaction()->producerEpoch, std::int16_t{1});
    }
    void idsThatNobodyUsesExpire()
    {
        TransactionFixture at;
        Producer idle{.at = at, .id = "idle"};
        Producer used{.at = at, .id = "used"};
        idle.init();
        used.init();
        at.run(6 * 24h);
        used.init();
        at.run(25h);
        QCOMPARE(at.history("idle"), std::string("Empty tombstone"));
        QCOMPARE(at.state("idle"), std::string("none"));
        QCOMPARE(at.state("used"), std::string("Empty"));
        QCOMPARE(idle.add({kA}), ErrorCode::InvalidProducerIdMapping);
        at.failOver();
        QCOMPARE(at.state("idle"), std::string("none"));
        idle.init();
        QCOMPARE(idle.epoch, std::int16_t{0});
    }
    void anIdWhoseTombstoneIsNotWrittenStays()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        at.run(7 * 24h - 1s);
        at.writes = Writes::Later;
        at.run(1h);
        QCOMPARE(at.pendingWrites(), std::size_t{1});
        QCOMPARE(Producer(producer).init().error, ErrorCode::ConcurrentTransactions);
        at.writes = Writes::AtOnce;
        at.finishWrites(ErrorCode::NotEnoughReplicas);
        QCOMPARE(producer.add({kA}), ErrorCode::None);
    }

    // ---- Other coordinators

    void whatIsDecidedIsCompletedByWhoeverTakesOver_data()
    {
        QTest::addColumn<bool>("committed");
        QTest::addColumn<int>("markersBefore");
        for (const bool committed : {true, false}) {
            for (const int markers : {0, 1, 2}) {
                QTest::addRow("%s, %d markers written", committed ? "commit" : "abort", markers)
                    << committed << markers;
            }
        }
    }
    void whatIsDecidedIsCompletedByWhoeverTakesOver()
    {
        QFETCH(bool, committed);
        QFETCH(int, markersBefore);
        TransactionFixture at;
        at.markersAtOnce = false;
        Producer producer{at};
        producer.init();
        producer.add({kA, kB});
        QCOMPARE(producer.end(committed), ErrorCode::None);
        at.writes = Writes::Later; // the record of its end is lost
        at.writeMarkers(static_cast<std::size_t>(markersBefore));
        at.failOver();
        at.writes = Writes::AtOnce;
        QCOMPARE(at.state(), std::string(committed ? "PrepareCommit" : "PrepareAbort"));
        QCOMPARE(at.pendingMarkers().size(), std::size_t{2}); // all of them, once more
        for (const TransactionCoordinator::MarkerWanted &marker : at.pendingMarkers()) {
            QCOMPARE(marker.committed, committed);
            QCOMPARE(marker.coordinatorEpoch, 2);
            QCOMPARE(marker.producerEpoch, producer.epoch);
        }
        QCOMPARE(producer.add({kA}), ErrorCode::ConcurrentTransactions);
        at.writeMarkers();
        QCOMPARE(at.state(), std::string(committed ? "CompleteCommit" : "CompleteAbort"));
        QCOMPARE(producer.add({kA}), ErrorCode::None);
    }
    void whatIsOpenStaysOpenAndAnEndThatWasNotWrittenDidNotHappen()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        at.writes = Writes::Later;
        const auto end = at.end(producer.ending(true));
        at.failOver();
        QCOMPARE(at.answer<EndTxnResponse>(end)->error, ErrorCode::NotCoordinator);
        QCOMPARE(at.state(), std::string("Ongoing"));
        at.writes = Writes::AtOnce;
        QCOMPARE(producer.end(false), ErrorCode::None);
        QCOMPARE(at.state(), std::string("CompleteAbort"));
    }
    void anEndThatWasWrittenHappenedThoughNobodyWasTold()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        at.writes = Writes::Later;
        const auto end = at.end(producer.ending(true));
        at.failOver(1);
        QCOMPARE(at.answer<EndTxnResponse>(end)->error, ErrorCode::NotCoordinator);
        at.writes = Writes::AtOnce;
        at.finishWrites();
        QCOMPARE(Producer(producer).end(false), ErrorCode::InvalidTxnState);
        QCOMPARE(producer.end(true), ErrorCode::None); // it asks again, and learns of it
        QCOMPARE(producer.epoch, std::int16_t{1});
    }
    void markersOfAnotherCoordinatorCountNoMore()
    {
        TransactionFixture at;
        at.markersAtOnce = false;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        producer.end(true);
        const TransactionCoordinator::MarkerWanted old = at.pendingMarkers().front();
        QVERIFY(at.coordinator.stillWants(old));
        at.failOver();
        QVERIFY(!at.coordinator.stillWants(old));
        at.coordinator.markerWritten(old, at.context());
        QCOMPARE(at.state(), std::string("PrepareCommit"));
        at.writeMarkers();
        QCOMPARE(at.state(), std::string("CompleteCommit"));
        QVERIFY(!at.coordinator.stillWants(at.written.back()));
    }
    void whoeverWaitsIsToldThatItIsTheCoordinatorNoMore()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        at.writes = Writes::Later;
        at.givesProducerIds = false;
        const auto add = at.add(producer.adding({kA, kB}));
        const auto init = at.init(initOf("other"));
        at.failOver();
        const auto added = at.answer<AddPartitionsToTxnResponse>(add);
        QCOMPARE(added->partitions.size(), std::size_t{2});
        QCOMPARE(added->partitions.at(1).error, ErrorCode::NotCoordinator);
        QCOMPARE(at.answer<InitProducerIdResponse>(init)->error, ErrorCode::NotCoordinator);
        QCOMPARE(at.coordinator.producerIdsWanted(), std::size_t{0});
    }
    void aLogThatIsNotUnderstoodIsNotCoordinated()
    {
        TransactionFixture at;
        at.appendRecord(encodeTransactionKey("tx"), ByteView(*fromHex("0000ff")));
        at.coordinator.unload(0, at.effects());
        QVERIFY(!at.load());
        QVERIFY(!at.coordinator.coordinates("tx"));
        QCOMPARE(ask(at, "init", -1, -1), ErrorCode::NotCoordinator);
    }

    // ---- Producer ids, callers, events

    void whoNeedsAProducerIdWaitsForIt()
    {
        TransactionFixture at;
        at.givesProducerIds = false;
        const auto one = at.init(initOf("one"));
        const auto two = at.init(initOf("two"));
        QCOMPARE(at.coordinator.producerIdsWanted(), std::size_t{2});
        QVERIFY(!at.isAnswered(one));
        at.giveProducerIds();
        QCOMPARE(at.answer<InitProducerIdResponse>(one)->producerId, std::int64_t{1'000});
        QCOMPARE(at.answer<InitProducerIdResponse>(two)->producerId, std::int64_t{1'001});
        at.givesProducerIds = false;
        const auto denied = at.init(initOf("three"));
        at.denyProducerIds();
        QCOMPARE(
            at.answer<InitProducerIdResponse>(denied)->error, ErrorCode::CoordinatorLoadInProgress);
        QCOMPARE(at.state("three"), std::string("none"));
    }
    void aProducerIdThatIsNotNeededAnyMoreIsForTheNext()
    {
        TransactionFixture at;
        at.givesProducerIds = false;
        const auto first = at.init(initOf("tx"));
        const auto second = at.init(initOf("tx"));
        at.giveProducerIds();
        QCOMPARE(at.answer<InitProducerIdResponse>(first)->producerEpoch, std::int16_t{0});
        QCOMPARE(at.answer<InitProducerIdResponse>(second)->error,
            ErrorCode::ConcurrentTransactions); // the first one's record was not committed yet
        at.givesProducerIds = false;
        const auto other = at.init(initOf("other"));
        QCOMPARE(at.answer<InitProducerIdResponse>(other)->producerId, std::int64_t{1'001});
    }
    void whoeverIsGoneIsNotAnswered()
    {
        TransactionFixture at;
        at.writes = Writes::Later;
        const auto init = at.init(initOf());
        at.givesProducerIds = false;
        const auto waiting = at.init(initOf("other"));
        at.coordinator.callersGone([](const Caller &) { return true; });
        at.giveProducerIds();
        at.finishWrites();
        at.finishWrites();
        QVERIFY(!at.isAnswered(init));
        QVERIFY(!at.isAnswered(waiting));
        QCOMPARE(at.state(), std::string("Empty")); // it happened all the same
        QCOMPARE(at.state("other"), std::string("Empty"));
    }
    void everyStepIsAnEventWithItsReason()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        producer.add({kA, kB});
        producer.end(true);
        Producer(producer).init();
        Producer zombie = producer;
        QCOMPARE(zombie.add({kA}), ErrorCode::ProducerFenced); // asked by a leader: told by it
        zombie.bumps = false;
        QCOMPARE(zombie.add({kA}), ErrorCode::ProducerFenced);
        std::string steps;
        const NameTable &names = at.trace.names();
        for (std::uint64_t i = at.trace.first(); i < at.trace.end(); ++i) {
            const TraceEvent &event = at.trace.at(i);
            if (event.kind != kind(LogEvent::TransactionStateChanged))
                continue;
            QVERIFY(names.name(event.subject) == "tx");
            QVERIFY(names.name(event.actor) == "app");
            steps += std::string(names.name(event.detail)) + "/" + std::to_string(event.item) + "/"
                + std::to_string(event.count) + "/" + reasonName(event.reason) + " ";
        }
        QCOMPARE(steps,
            std::string("Empty/0/0/new-producer Ongoing/0/2/transaction-begins "
                        "PrepareCommit/1/2/commit-requested CompleteCommit/1/0/markers-written "
                        "Empty/2/0/new-producer "));
        QCOMPARE(at.trace.count(kind(LogEvent::PartitionAddedToTxn)), std::uint64_t{2});
        QCOMPARE(at.trace.count(kind(LogEvent::ProducerFenced)), std::uint64_t{1});
        QCOMPARE(at.trace.count(kind(LogEvent::TransactionsLoaded)), std::uint64_t{1});
    }
    void withoutFencingAnOldEpochEndsTheTransactionOfAnother()
    {
        BrokerConfig config;
        config.plantedBug = PlantedBug::NoTransactionFencing;
        TransactionFixture at(config);
        Producer zombie{.at = at, .bumps = false};
        zombie.init();
        Producer heir{.at = at, .bumps = false};
        heir.init();
        heir.add({kA});
        QCOMPARE(zombie.end(true), ErrorCode::None);
        QCOMPARE(at.state(), std::string("CompleteCommit"));
    }

private:
    static std::string reasonName(EventReason reason)
    {
        for (const ReasonInfo &info : reasonTable()) {
            if (info.reason == reason)
                return std::string(info.name);
        }
        return {};
    }
};

QTEST_APPLESS_MAIN(TransactionTakeoverTest)
#include "tst_transaction_takeover.moc"
