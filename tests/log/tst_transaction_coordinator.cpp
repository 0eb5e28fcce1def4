#include <QtTest>

#include "engine/log/events.h"
#include "transaction_fixture.h"

#include <algorithm>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::TransactionalProducer;
using queuelab::log::testing::TransactionFixture;
using Writes = TransactionFixture::Writes;
using Producer = TransactionalProducer;

namespace {

const TopicPartition kA{"orders", 0};
const TopicPartition kB{"orders", 1};
constexpr std::int16_t kLastEpoch = 32'766; // of those that producers are given

InitProducerIdRequest initOf(
    std::string id = "tx", std::int64_t producerId = -1, std::int16_t epoch = -1)
{
    return {.transactionalId = std::move(id), .producerId = producerId, .producerEpoch = epoch};
}

/// "tx" with producer id 7 in epoch 5, as another broker's coordinator has left it.
TransactionMetadata stored(TransactionState state, std::int16_t clientTransactionVersion = 2)
{
    const bool hasPartitions = state == TransactionState::Ongoing
        || state == TransactionState::PrepareCommit || state == TransactionState::PrepareAbort;
    return {.producerId = 7,
        .previousProducerId = 7,
        .producerEpoch = 5,
        .timeoutMs = 60'000,
        .state = state,
        .partitions = hasPartitions ? std::vector{kA, kB} : std::vector<TopicPartition>{},
        .lastUpdateMs = epochMillis(kVirtualStart),
        .startMs = hasPartitions ? epochMillis(kVirtualStart) : -1,
        .clientTransactionVersion = clientTransactionVersion};
}
void loadFrom(TransactionFixture &at, const TransactionMetadata &metadata)
{
    at.appendRecord(encodeTransactionKey("tx"), encodeValue(metadata, 2));
    at.markersAtOnce = false;
    at.failOver();
}

/// Epochs of the answers that a step was given.
using Ids = std::pair<std::int64_t, std::int16_t>;
Ids idsOf(const TransactionFixture &at, const std::string &id = "tx")
{
    const auto shown = at.transaction(id);
    return {shown->producerId, shown->producerEpoch};
}
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
        QCOMPARE(code(ask(at, request, 7, static_cast<std::int16_t>(epoch))), error);
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
        QCOMPARE(ask(at, request, 7, 5), ErrorCode::InvalidProducerIdMapping);
        QCOMPARE(ask(at, request, 7, 5, ""), ErrorCode::InvalidRequest);
        loadFrom(at, stored(TransactionState::Ongoing));
        QCOMPARE(ask(at, request, 8, 5), ErrorCode::InvalidProducerIdMapping);
        at.coordinator.unload(0, at.effects());
        QCOMPARE(ask(at, request, 7, 5), ErrorCode::NotCoordinator);
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
        send(at, first, 7, 5);
        QCOMPARE(at.pendingWrites(), std::size_t{1});
        QCOMPARE(ask(at, second, second == "init" ? -1 : 7, second == "init" ? -1 : 5),
            ErrorCode::ConcurrentTransactions);
        QCOMPARE(at.pendingWrites(), std::size_t{1});
    }

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
        aTransactionThatIsOpenIsAbortedForTheNextProducer_data();
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
    static std::uint64_t send(TransactionFixture &at, const QString &request,
        std::int64_t producerId, std::int16_t epoch, const std::string &id = "tx")
    {
        if (request == "init")
            return at.init(initOf(id, epoch < 0 ? -1 : producerId, epoch));
        if (request == "add" || request == "verify") {
            return at.add({.transactionalId = id,
                .producerId = producerId,
                .producerEpoch = epoch,
                .verifyOnly = request == "verify",
                .fromBroker = request == "verify",
                .partitions = {kA}});
        }
        if (request == "offsets")
            return at.addOffsets({id, producerId, epoch, "g"});
        return at.end({.transactionalId = id,
            .producerId = producerId,
            .producerEpoch = epoch,
            .committed = request.startsWith("commit"),
            .bumpsEpoch = request.endsWith("2")});
    }
    static ErrorCode ask(TransactionFixture &at, const QString &request, std::int64_t producerId,
        std::int16_t epoch, const std::string &id = "tx")
    {
        const std::uint64_t call = send(at, request, producerId, epoch, id);
        if (request == "init")
            return at.answer<InitProducerIdResponse>(call)->error;
        if (request == "add" || request == "verify")
            return at.answer<AddPartitionsToTxnResponse>(call)->partitions.at(0).error;
        if (request == "offsets")
            return at.answer<AddOffsetsToTxnResponse>(call)->error;
        return at.answer<EndTxnResponse>(call)->error;
    }
};

QTEST_APPLESS_MAIN(TransactionCoordinatorTest)
#include "tst_transaction_coordinator.moc"
