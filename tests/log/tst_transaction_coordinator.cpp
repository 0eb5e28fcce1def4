#include <QtTest>

#include "engine/log/events.h"
#include "transaction_fixture.h"

#include <algorithm>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using Writes = TransactionFixture::Writes;
using Producer = TransactionalProducer;

namespace {

const TopicPartition kA{"orders", 0};
const TopicPartition kB{"orders", 1};
constexpr std::int16_t kLastEpoch = 32'766; // of those that producers are given

int code(ErrorCode error)
{
    return static_cast<int>(error);
}

} // namespace

class TransactionCoordinatorTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // ---- The way of a transaction

    void aTransactionIsWrittenDownStepByStep_data()
    {
        QTest::addColumn<bool>("committed");
        QTest::addColumn<bool>("bumps");
        QTest::addColumn<QString>("history");
        for (const bool bumps : {false, true}) {
            const char *version = bumps ? "2" : "1";
            QTest::addRow("commit, transaction.version %s", version)
                << true << bumps << "Empty Ongoing PrepareCommit CompleteCommit";
            QTest::addRow("abort, transaction.version %s", version)
                << false << bumps << "Empty Ongoing PrepareAbort CompleteAbort";
        }
    }
    void aTransactionIsWrittenDownStepByStep()
    {
        QFETCH(bool, committed);
        QFETCH(bool, bumps);
        QFETCH(QString, history);
        TransactionFixture at;
        Producer producer{.at = at, .bumps = bumps};
        QCOMPARE(producer.init().error, ErrorCode::None);
        QCOMPARE(producer.epoch, std::int16_t{0});
        QCOMPARE(producer.add({kA, kB}), ErrorCode::None);
        QCOMPARE(at.state(), std::string("Ongoing"));
        QCOMPARE(producer.end(committed), ErrorCode::None);
        QCOMPARE(QString::fromStdString(at.history()), history);
        QCOMPARE(at.written.size(), std::size_t{2});
        for (const TransactionCoordinator::MarkerWanted &marker : at.written) {
            QCOMPARE(marker.committed, committed);
            QCOMPARE(marker.producerId, producer.producerId);
            QCOMPARE(marker.producerEpoch, std::int16_t(bumps ? 1 : 0));
            QCOMPARE(marker.transactionVersion, std::int16_t(bumps ? 2 : 0));
            QCOMPARE(marker.coordinatorEpoch, 1);
        }
        QCOMPARE(producer.epoch, std::int16_t(bumps ? 1 : 0));
    }
    void nothingIsAnsweredBeforeItsRecordIsCommitted()
    {
        TransactionFixture at;
        at.writes = Writes::Later;
        Producer producer{at};
        const auto init = at.init(initOf());
        QVERIFY(!at.isAnswered(init));
        at.finishWrites();
        const auto given = at.answer<InitProducerIdResponse>(init);
        QCOMPARE(given->error, ErrorCode::None);
        producer.producerId = given->producerId;
        producer.epoch = given->producerEpoch;
        const auto add = at.add(producer.adding({kA}));
        QVERIFY(!at.isAnswered(add));
        at.finishWrites();
        QVERIFY(at.isAnswered(add));
        const auto end = at.end(producer.ending(true));
        QVERIFY(!at.isAnswered(end));
        QVERIFY(at.written.empty()); // and no marker before the decision is
        at.finishWrites(ErrorCode::None, 1);
        QVERIFY(at.isAnswered(end));
        QCOMPARE(at.written.size(), std::size_t{1});
        QCOMPARE(at.state(), std::string("PrepareCommit")); // its end is not committed yet
        at.finishWrites();
        QCOMPARE(at.state(), std::string("CompleteCommit"));
    }
    void aDecisionIsAnsweredBeforeItsMarkersAreWritten()
    {
        TransactionFixture at;
        at.markersAtOnce = false;
        Producer producer{at};
        producer.init();
        producer.add({kA, kB});
        QCOMPARE(producer.end(true), ErrorCode::None);
        QCOMPARE(at.state(), std::string("PrepareCommit"));
        QCOMPARE(producer.add({kA}), ErrorCode::ConcurrentTransactions);
        at.writeMarkers(1);
        QCOMPARE(at.state(), std::string("PrepareCommit"));
        at.writeMarkers(1);
        QCOMPARE(at.state(), std::string("CompleteCommit"));
        QCOMPARE(producer.add({kA}), ErrorCode::None);
    }
    void partitionsAreAddedOnceAndKeptSorted()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        QCOMPARE(producer.add({kB, kA, kB}), ErrorCode::None);
        QVERIFY(at.transaction()->partitions == (std::vector{kA, kB}));
        const std::size_t records = at.records().size();
        QCOMPARE(producer.add({kB}), ErrorCode::None);
        QCOMPARE(at.records().size(), records); // it is in it already
        const TopicPartition other{"pay", 3};
        QCOMPARE(producer.add({other}), ErrorCode::None);
        QVERIFY(at.transaction()->partitions == (std::vector{kA, kB, other}));
        QCOMPARE(at.history(), std::string("Empty Ongoing Ongoing"));
    }
    void offsetsMakeTheGroupsPartitionPartOfTheTransaction()
    {
        TransactionFixture at;
        Producer producer{.at = at, .bumps = false};
        producer.init();
        const auto asked = [&] {
            return at
                .answer<AddOffsetsToTxnResponse>(
                    at.addOffsets({"tx", producer.producerId, producer.epoch, "billing"}))
                ->error;
        };
        QCOMPARE(asked(), ErrorCode::None);
        QVERIFY(
            at.transaction()->partitions == (std::vector{TopicPartition{"__consumer_offsets", 7}}));
        producer.epoch = 3;
        QCOMPARE(asked(), ErrorCode::ProducerFenced);
        producer.producerId = 3;
        QCOMPARE(asked(), ErrorCode::InvalidProducerIdMapping);
    }

    // ---- InitProducerId

    void whatInitProducerIdRefuses_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<int>("timeoutMs");
        QTest::addColumn<qint64>("producerId");
        QTest::addColumn<int>("epoch");
        QTest::addColumn<int>("error");
        QTest::addRow("empty id") << "" << 60'000 << qint64{-1} << -1 << 42;
        QTest::addRow("id without epoch") << "tx" << 60'000 << qint64{5} << -1 << 42;
        QTest::addRow("epoch without id") << "tx" << 60'000 << qint64{-1} << 5 << 42;
        QTest::addRow("no timeout") << "tx" << 0 << qint64{-1} << -1 << 50;
        QTest::addRow("negative timeout") << "tx" << -1 << qint64{-1} << -1 << 50;
        QTest::addRow("longer than allowed") << "tx" << 900'001 << qint64{-1} << -1 << 50;
        QTest::addRow("the longest") << "tx" << 900'000 << qint64{-1} << -1 << 0;
        QTest::addRow("the shortest") << "tx" << 1 << qint64{-1} << -1 << 0;
    }
    void whatInitProducerIdRefuses()
    {
        QFETCH(QString, id);
        QFETCH(int, timeoutMs);
        QFETCH(qint64, producerId);
        QFETCH(int, epoch);
        QFETCH(int, error);
        TransactionFixture at;
        const auto answer =
            at.answer<InitProducerIdResponse>(at.init({.transactionalId = id.toStdString(),
                .transactionTimeout = std::chrono::milliseconds{timeoutMs},
                .producerId = producerId,
                .producerEpoch = static_cast<std::int16_t>(epoch)}));
        QCOMPARE(code(answer->error), error);
        QCOMPARE(at.transaction().has_value(), error == 0);
    }
    void everyProducerOfAnIdGetsTheNextEpoch()
    {
        TransactionFixture at;
        Producer first{at};
        Producer second{at};
        Producer other{.at = at, .id = "other"};
        first.init();
        QCOMPARE(Ids(first.producerId, first.epoch), Ids(1'000, 0));
        second.init();
        QCOMPARE(Ids(second.producerId, second.epoch), Ids(1'000, 1));
        other.init();
        QCOMPARE(Ids(other.producerId, other.epoch), Ids(1'001, 0));
        QCOMPARE(first.add({kA}), ErrorCode::ProducerFenced);
        QCOMPARE(first.end(true), ErrorCode::ProducerFenced);
        QCOMPARE(second.add({kA}), ErrorCode::None);
    }
    void aProducerThatSaysWhoItIsGetsItsNextEpochAndMayAskTwice()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        const Producer before = producer;
        QCOMPARE(producer.init(true).error, ErrorCode::None);
        QCOMPARE(producer.epoch, std::int16_t{1});
        // The answer was lost, and the request comes again: no second bump.
        const auto again = at.answer<InitProducerIdResponse>(
            at.init(initOf("tx", before.producerId, before.epoch)));
        QCOMPARE(Ids(again->producerId, again->producerEpoch), Ids(producer.producerId, 1));
        // Another producer in between fences both.
        Producer other{at};
        other.init();
        QCOMPARE(other.epoch, std::int16_t{2});
        QCOMPARE(producer.init(true).error, ErrorCode::ProducerFenced);
        const auto late = at.answer<InitProducerIdResponse>(
            at.init(initOf("tx", before.producerId, before.epoch)));
        QCOMPARE(late->error, ErrorCode::ProducerFenced);
        const auto stranger =
            at.answer<InitProducerIdResponse>(at.init(initOf("tx", producer.producerId + 1, 2)));
        QCOMPARE(stranger->error, ErrorCode::ProducerFenced);
        QCOMPARE(idsOf(at), Ids(producer.producerId, 2));
    }
    void aNewIdTakesWhoeverSaysWhoItIs()
    {
        TransactionFixture at; // the id has expired here, its producer has not noticed
        const auto answer = at.answer<InitProducerIdResponse>(at.init(initOf("tx", 77, 3)));
        QCOMPARE(answer->error, ErrorCode::None);
        QCOMPARE(Ids(answer->producerId, answer->producerEpoch), Ids(1'000, 0));
    }
    void epochsUsedUpBringANewProducerId_data()
    {
        QTest::addColumn<bool>("saysWhoItIs");
        QTest::addRow("new producer") << false;
        QTest::addRow("the same producer") << true;
    }
    void epochsUsedUpBringANewProducerId()
    {
        QFETCH(bool, saysWhoItIs);
        TransactionFixture at;
        TransactionMetadata metadata = stored(TransactionState::CompleteCommit);
        metadata.producerEpoch = kLastEpoch - 1;
        loadFrom(at, metadata);
        Producer producer{.at = at, .producerId = 7, .epoch = kLastEpoch - 1};
        producer.init(saysWhoItIs);
        QCOMPARE(Ids(producer.producerId, producer.epoch), Ids(7, kLastEpoch));
        const Producer before = producer;
        producer.init(saysWhoItIs);
        QCOMPARE(Ids(producer.producerId, producer.epoch), Ids(1'000, 0));
        const auto again = at.answer<InitProducerIdResponse>(
            at.init(initOf("tx", before.producerId, before.epoch)));
        if (saysWhoItIs)
            QCOMPARE(Ids(again->producerId, again->producerEpoch), Ids(1'000, 0));
        else
            QCOMPARE(again->error, ErrorCode::ProducerFenced);
    }
    void aTransactionThatIsOpenIsAbortedForTheNextProducer_data()
    {
        QTest::addColumn<int>("version");
        QTest::addRow("transaction.version 1") << 1;
        QTest::addRow("transaction.version 2") << 2;
    }
    void aTransactionThatIsOpenIsAbortedForTheNextProducer()
    {
        QFETCH(int, version);
        BrokerConfig config;
        config.transactionVersion = static_cast<std::int16_t>(version);
        TransactionFixture at(config);
        at.markersAtOnce = false;
        Producer zombie{.at = at, .bumps = version == 2};
        zombie.init();
        zombie.add({kA});
        Producer heir{.at = at, .bumps = version == 2};
        QCOMPARE(heir.init().error, ErrorCode::ConcurrentTransactions);
        QCOMPARE(at.state(), std::string("PrepareAbort"));
        QCOMPARE(heir.init().error, ErrorCode::ConcurrentTransactions); // markers are not there
        QCOMPARE(zombie.end(true),
            version == 2 ? ErrorCode::ConcurrentTransactions : ErrorCode::ProducerFenced);
        at.writeMarkers();
        QCOMPARE(at.written.size(), std::size_t{1});
        QVERIFY(!at.written.front().committed);
        QCOMPARE(at.written.front().producerEpoch, std::int16_t{1}); // fences the zombie there
        QCOMPARE(heir.init().error, ErrorCode::None);
        QCOMPARE(Ids(heir.producerId, heir.epoch), Ids(zombie.producerId, 2));
        QCOMPARE(zombie.end(true), ErrorCode::ProducerFenced);
        QCOMPARE(zombie.add({kA}), ErrorCode::ProducerFenced);
        QCOMPARE(heir.add({kA}), ErrorCode::None);
        QCOMPARE(heir.end(true), ErrorCode::None);
    }
    void fencingAtTheLastEpochGoesThrough_data()
    {
        aTransactionThatIsOpenIsAbortedForTheNextProducer_data();
    }
    void fencingAtTheLastEpochGoesThrough()
    {
        QFETCH(int, version);
        BrokerConfig config;
        config.transactionVersion = static_cast<std::int16_t>(version);
        TransactionFixture at(config);
        TransactionMetadata metadata = stored(TransactionState::Ongoing);
        metadata.producerEpoch = kLastEpoch;
        loadFrom(at, metadata);
        Producer heir{.at = at};
        QCOMPARE(heir.init().error, ErrorCode::ConcurrentTransactions);
        QCOMPARE(idsOf(at), Ids(7, 32'767));
        at.writeMarkers();
        QCOMPARE(at.written.front().producerId, std::int64_t{7});
        QCOMPARE(heir.init().error, ErrorCode::None);
        QCOMPARE(heir.producerId, std::int64_t{1'000});
    }

    // ---- What each state says to each request. A "retry" has the epoch before the current one.

    void theTable_data()
    {
        using enum TransactionState;
        QTest::addColumn<int>("state");
        QTest::addColumn<QString>("request");
        QTest::addColumn<int>("epoch"); // 5 is the current one
        QTest::addColumn<int>("error");
        const auto rows = [](TransactionState state,
                              std::initializer_list<std::tuple<const char *, int, int>> asked) {
            for (const auto &[request, epoch, error] : asked) {
                QTest::addRow(
                    "%s, %s, epoch %d", transactionStateName(state).data(), request, epoch)
                    << static_cast<int>(state) << QString(request) << epoch << error;
            }
        };
        for (const TransactionState state : {Empty, Ongoing, CompleteCommit, CompleteAbort}) {
            rows(state,
                {{"add", 5, 0}, {"add", 4, 90}, {"add", 6, 90}, {"offsets", 5, 0},
                    {"offsets", 4, 90}, {"init", -1, state == Ongoing ? 51 : 0},
                    {"init", 5, state == Ongoing ? 51 : 0}, {"verify", 4, 90},
                    {"verify", 5, state == Ongoing ? 0 : 120}});
        }
        for (const TransactionState state : {PrepareCommit, PrepareAbort}) {
            rows(state,
                {{"add", 5, 51}, {"add", 4, 51}, {"offsets", 5, 51}, {"init", -1, 51},
                    {"init", 5, 51}, {"init", 2, 51}, {"verify", 5, 51}, {"verify", 4, 90},
                    {"commit", 5, 51}, {"abort", 5, 51}, {"commit", 4, 90}, {"abort", 6, 90},
                    {"commit2", 5, 51}, {"abort2", 5, 51}, {"commit2", 4, 51}, {"abort2", 4, 51},
                    {"commit2", 3, 90}, {"abort2", 6, 90}});
        }
        rows(Empty,
            {{"init", 4, 90}, {"commit", 5, 48}, {"abort", 5, 48}, {"commit", 4, 90},
                {"abort", 4, 90}, {"commit2", 5, 48}, {"abort2", 5, 0}, {"commit2", 4, 90},
                {"abort2", 4, 90}});
        rows(Ongoing,
            {{"commit", 5, 0}, {"abort", 5, 0}, {"commit", 4, 90}, {"abort", 6, 90},
                {"commit2", 5, 0}, {"abort2", 5, 0}, {"commit2", 4, 90}, {"abort2", 4, 90},
                {"commit2", 6, 90}});
        rows(CompleteCommit,
            {{"init", 4, 90}, {"commit", 5, 0}, {"abort", 5, 48}, {"commit", 4, 90},
                {"commit2", 4, 0}, {"commit2", 5, 48}, {"abort2", 4, 48}, {"abort2", 5, 0},
                {"commit2", 6, 90}});
        rows(CompleteAbort,
            {{"init", 4, 90}, {"commit", 5, 48}, {"abort", 5, 0}, {"abort", 4, 90},
                {"commit2", 4, 48}, {"commit2", 5, 48}, {"abort2", 4, 0}, {"abort2", 5, 0},
                {"abort2", 3, 90}});
    }
    void theTable()
    {
        QFETCH(int, state);
        QFETCH(QString, request);
        QFETCH(int, epoch);
        QFETCH(int, error);
        TransactionFixture at;
        loadFrom(at, stored(static_cast<TransactionState>(state)));
        QCOMPARE(code(ask(at, request.toStdString(), 7, static_cast<std::int16_t>(epoch))), error);
        if (error != 0 && error != 51)
            QVERIFY(at.history() == transactionStateName(static_cast<TransactionState>(state)));
    }
    void otherProducerIdsAndUnknownIdsHaveNoPlace_data()
    {
        QTest::addColumn<QString>("request");
        for (const char *request :
            {"add", "offsets", "verify", "commit", "abort", "commit2", "abort2"})
            QTest::addRow("%s", request) << request;
    }
    void otherProducerIdsAndUnknownIdsHaveNoPlace()
    {
        QFETCH(QString, request);
        TransactionFixture at;
        QCOMPARE(ask(at, request.toStdString(), 7, 5), ErrorCode::InvalidProducerIdMapping);
        QCOMPARE(ask(at, request.toStdString(), 7, 5, ""), ErrorCode::InvalidRequest);
        loadFrom(at, stored(TransactionState::Ongoing));
        QCOMPARE(ask(at, request.toStdString(), 8, 5), ErrorCode::InvalidProducerIdMapping);
        at.coordinator.unload(0, at.effects());
        QCOMPARE(ask(at, request.toStdString(), 7, 5), ErrorCode::NotCoordinator);
        QCOMPARE(ask(at, "init", -1, -1), ErrorCode::NotCoordinator);
    }
    void verifyingTellsOfEachPartitionAndChangesNothing()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        producer.add({kA});
        AddPartitionsToTxnRequest request = producer.adding({kB, kA});
        request.verifyOnly = true;
        const auto answer = at.answer<AddPartitionsToTxnResponse>(at.add(request));
        QVERIFY(answer->partitions.at(0).partition == kB);
        QCOMPARE(answer->partitions.at(0).error, ErrorCode::TransactionAbortable);
        QCOMPARE(answer->partitions.at(1).error, ErrorCode::None);
        QVERIFY(at.transaction()->partitions == std::vector{kA});
    }

    // ---- transaction.version 2: an epoch for each transaction

    void everyDecisionBringsTheNextEpochAndARetryTheSameAnswer()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        for (std::int16_t round = 0; round < 3; ++round) {
            producer.add({kA});
            const Producer before = producer;
            QCOMPARE(producer.end(round % 2 == 0), ErrorCode::None);
            QCOMPARE(producer.epoch, std::int16_t(round + 1));
            Producer repeats = before;
            QCOMPARE(repeats.end(round % 2 == 0), ErrorCode::None);
            QCOMPARE(repeats.epoch, producer.epoch);
            Producer contradicts = before;
            QCOMPARE(contradicts.end(round % 2 != 0), ErrorCode::InvalidTxnState);
        }
    }
    void abortingWithoutATransactionBringsTheNextEpochToo()
    {
        TransactionFixture at;
        Producer producer{at};
        producer.init();
        QCOMPARE(producer.end(false), ErrorCode::None);
        QCOMPARE(producer.epoch, std::int16_t{1});
        QCOMPARE(at.history(), std::string("Empty PrepareAbort CompleteAbort"));
        QVERIFY(at.written.empty());
        QCOMPARE(producer.end(false), ErrorCode::None);
        QCOMPARE(producer.epoch, std::int16_t{2});
    }
    void theLastEpochIsFollowedByANewProducerId()
    {
        TransactionFixture at;
        TransactionMetadata metadata = stored(TransactionState::Ongoing);
        metadata.producerEpoch = kLastEpoch;
        loadFrom(at, metadata);
        Producer producer{.at = at, .producerId = 7, .epoch = kLastEpoch};
        const Producer before = producer;
        QCOMPARE(producer.end(true), ErrorCode::None);
        QCOMPARE(Ids(producer.producerId, producer.epoch), Ids(1'000, 0));
        // The markers are of the old one, which the coordinator goes by until they are written.
        QCOMPARE(at.pendingMarkers().front().producerId, std::int64_t{7});
        QCOMPARE(at.pendingMarkers().front().producerEpoch, std::int16_t{32'767});
        QCOMPARE(producer.add({kA}), ErrorCode::ConcurrentTransactions);
        QCOMPARE(Producer(producer).end(false), ErrorCode::ConcurrentTransactions);
        QCOMPARE(Producer(before).end(true), ErrorCode::ConcurrentTransactions);
        at.failOver(); // another coordinator goes on with it
        at.writeMarkers();
        QCOMPARE(idsOf(at), Ids(1'000, 0));
        Producer repeats = before;
        QCOMPARE(repeats.end(true), ErrorCode::None);
        QCOMPARE(Ids(repeats.producerId, repeats.epoch), Ids(1'000, 0));
        QCOMPARE(producer.add({kA}), ErrorCode::None);
        QCOMPARE(Producer(before).end(true), ErrorCode::InvalidProducerIdMapping);
    }
    void aRetryIsKnownOnlyWhereTheEpochWasBumped()
    {
        TransactionFixture at;
        loadFrom(at, stored(TransactionState::CompleteCommit, 0)); // by an older client
        QCOMPARE(ask(at, "commit2", 7, 4), ErrorCode::ProducerFenced);
    }

    // ---- One step at a time

    void whileAStepIsWrittenNoOtherBegins_data()
    {
        QTest::addColumn<QString>("first");
        QTest::addColumn<QString>("second");
        for (const char *first : {"init", "add", "commit2", "abort2", "commit", "offsets"}) {
            for (const char *second : {"init", "add", "commit2", "abort2", "commit", "offsets"})
                QTest::addRow("%s, then %s", first, second) << first << second;
        }
    }
    void whileAStepIsWrittenNoOtherBegins()
    {
        QFETCH(QString, first);
        QFETCH(QString, second);
        TransactionFixture at;
        TransactionMetadata metadata = stored(TransactionState::Ongoing);
        metadata.partitions = {{"pay", 0}};
        loadFrom(at, metadata);
        at.writes = Writes::Later;
        send(at, first.toStdString(), 7, 5);
        QCOMPARE(at.pendingWrites(), std::size_t{1});
        QCOMPARE(
            ask(at, second.toStdString(), second == "init" ? -1 : 7, second == "init" ? -1 : 5),
            ErrorCode::ConcurrentTransactions);
        QCOMPARE(at.pendingWrites(), std::size_t{1});
    }
};

QTEST_APPLESS_MAIN(TransactionCoordinatorTest)
#include "tst_transaction_coordinator.moc"
