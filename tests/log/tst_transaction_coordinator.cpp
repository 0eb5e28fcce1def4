#include <QtTest>

#include "engine/log/events.h"
#include "transaction_fixture.h"

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::TransactionFixture;
using Writes = TransactionFixture::Writes;

namespace {

const TopicPartition kA{"orders", 0};
const TopicPartition kB{"orders", 1};

/// A transactional producer as far as the coordinator sees it: what it was told it is.
struct Producer {
    TransactionFixture &at;
    std::string id = "tx";
    std::int64_t producerId = -1;
    std::int16_t epoch = -1;
    bool bumps = true; ///< transaction.version 2

    InitProducerIdResponse init(bool saysWhoItIs = false)
    {
        const auto answer = at.answer<InitProducerIdResponse>(at.init({.transactionalId = id,
            .producerId = saysWhoItIs ? producerId : -1,
            .producerEpoch = saysWhoItIs ? epoch : std::int16_t{-1}}));
        if (answer->error == ErrorCode::None) {
            producerId = answer->producerId;
            epoch = answer->producerEpoch;
        }
        return *answer;
    }
    AddPartitionsToTxnRequest adding(std::vector<TopicPartition> partitions) const
    {
        return {.transactionalId = id,
            .producerId = producerId,
            .producerEpoch = epoch,
            .fromBroker = bumps,
            .partitions = std::move(partitions)};
    }
    ErrorCode add(std::vector<TopicPartition> partitions)
    {
        return at.answer<AddPartitionsToTxnResponse>(at.add(adding(std::move(partitions))))
            ->partitions.at(0)
            .error;
    }
    EndTxnRequest ending(bool committed) const
    {
        return {.transactionalId = id,
            .producerId = producerId,
            .producerEpoch = epoch,
            .committed = committed,
            .bumpsEpoch = bumps};
    }
    ErrorCode end(bool committed)
    {
        const auto answer = at.answer<EndTxnResponse>(at.end(ending(committed)));
        if (answer->error == ErrorCode::None && answer->producerId >= 0) {
            producerId = answer->producerId;
            epoch = answer->producerEpoch;
        }
        return answer->error;
    }
};

} // namespace

class TransactionCoordinatorTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aTransactionIsWrittenDownStepByStep_data()
    {
        QTest::addColumn<bool>("committed");
        QTest::addColumn<QString>("history");
        QTest::addRow("commit") << true << "Empty Ongoing PrepareCommit CompleteCommit";
        QTest::addRow("abort") << false << "Empty Ongoing PrepareAbort CompleteAbort";
    }
    void aTransactionIsWrittenDownStepByStep()
    {
        QFETCH(bool, committed);
        QFETCH(QString, history);
        TransactionFixture at;
        Producer producer{at};
        QCOMPARE(producer.init().error, ErrorCode::None);
        QCOMPARE(producer.epoch, std::int16_t{0});
        QCOMPARE(producer.add({kA}), ErrorCode::None);
        QCOMPARE(at.state(), std::string("Ongoing"));
        QCOMPARE(producer.end(committed), ErrorCode::None);
        QCOMPARE(QString::fromStdString(at.history()), history);
        QCOMPARE(at.written.size(), std::size_t{1});
        QCOMPARE(at.written.front().committed, committed);
    }
};

QTEST_APPLESS_MAIN(TransactionCoordinatorTest)
#include "tst_transaction_coordinator.moc"
