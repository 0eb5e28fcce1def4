#include <QtTest>

#include "engine/core/bytes.h"
#include "engine/log/group_records.h"
#include "engine/log/transaction_records.h"

#include <array>

using namespace queuelab;
using namespace queuelab::log;

namespace {

TransactionMetadata ongoing()
{
    return {.producerId = 1'000,
        .previousProducerId = 999,
        .nextProducerId = -1,
        .producerEpoch = 3,
        .timeoutMs = 60'000,
        .state = TransactionState::Ongoing,
        .partitions = {{"orders", 0}, {"orders", 2}, {"pay", 1}},
        .lastUpdateMs = 1'700'000'000'001,
        .startMs = 1'700'000'000'000,
        .clientTransactionVersion = 2};
}

constexpr std::array kStates{TransactionState::Empty, TransactionState::Ongoing,
    TransactionState::PrepareCommit, TransactionState::PrepareAbort,
    TransactionState::CompleteCommit, TransactionState::CompleteAbort, TransactionState::Dead,
    TransactionState::PrepareEpochFence};

} // namespace

class TransactionRecordsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void anIdLiesInThePartitionOfItsHash_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<int>("partition");
        QTest::addRow("tx1") << "tx1" << 45; // facts: kafka.md 4.4
        QTest::addRow("my-transactional-id") << "my-transactional-id" << 46;
    }
    void anIdLiesInThePartitionOfItsHash()
    {
        QFETCH(QString, id);
        QFETCH(int, partition);
        QCOMPARE(offsetsPartitionFor(id.toStdString(), 50), partition);
    }

    void theKeyIsTheIdBehindAVersion()
    {
        const Bytes key = encodeTransactionKey("tx1");
        QCOMPARE(toHex(key), std::string("00000003747831"));
        QCOMPARE(decodeTransactionKey(key), std::optional<std::string>("tx1"));
    }
    void aKeyOfAnotherKindOrCutIsNotUnderstood()
    {
        QVERIFY(!decodeTransactionKey(*fromHex("00010003747831")));
        QVERIFY(!decodeTransactionKey(*fromHex("000000037478")));
        QVERIFY(!decodeTransactionKey({}));
    }

    void versionZeroHasTheFieldsOfOldBrokers()
    {
        const TransactionMetadata metadata = ongoing();
        const Bytes value = encodeValue(metadata, 0);
        QCOMPARE(toHex(value),
            toHex(*fromHex("0000 00000000000003e8 0003 0000ea60 01"
                           "00000002"
                           "0006 6f7264657273 00000002 00000000 00000002"
                           "0003 706179 00000001 00000001"
                           "0000018bcfe56801 0000018bcfe56800")));
        TransactionMetadata readable = metadata; // it has no tags
        readable.previousProducerId = -1;
        readable.clientTransactionVersion = 0;
        QVERIFY(decodeTransactionMetadata(value) == readable);
    }
    void versionOneIsFlexibleWithTags()
    {
        const TransactionMetadata metadata = ongoing();
        const Bytes value = encodeValue(metadata, 2);
        QCOMPARE(toHex(value),
            toHex(*fromHex("0001 00000000000003e8 0003 0000ea60 01"
                           "03"
                           "07 6f7264657273 03 00000000 00000002 00"
                           "04 706179 02 00000001 00"
                           "0000018bcfe56801 0000018bcfe56800"
                           "02 00 08 00000000000003e7 02 02 0002")));
        QVERIFY(decodeTransactionMetadata(value) == metadata);
    }
    void anEmptyTransactionHasNoListOfPartitions()
    {
        const TransactionMetadata metadata{.producerId = 7,
            .producerEpoch = 0,
            .timeoutMs = 1,
            .state = TransactionState::Empty,
            .lastUpdateMs = 2};
        QCOMPARE(toHex(encodeValue(metadata, 0)),
            toHex(*fromHex("0000 0000000000000007 0000 00000001 00 ffffffff"
                           "0000000000000002 ffffffffffffffff")));
        QCOMPARE(toHex(encodeValue(metadata, 1)),
            toHex(*fromHex("0001 0000000000000007 0000 00000001 00 00"
                           "0000000000000002 ffffffffffffffff 00")));
    }
    void everyTagComesBack()
    {
        TransactionMetadata metadata = ongoing();
        metadata.state = TransactionState::PrepareCommit;
        metadata.nextProducerId = 2'000;
        metadata.nextProducerEpoch = 5;
        QVERIFY(decodeTransactionMetadata(encodeValue(metadata, 2)) == metadata);
    }
    void everyStateComesBackFromBothVersions()
    {
        for (const TransactionState state : kStates) {
            TransactionMetadata metadata = ongoing();
            metadata.state = state;
            metadata.previousProducerId = -1;
            metadata.clientTransactionVersion = 0;
            if (state == TransactionState::Empty)
                metadata.partitions.clear();
            for (const std::int16_t version : {std::int16_t{0}, std::int16_t{1}})
                QVERIFY(decodeTransactionMetadata(encodeValue(metadata, version)) == metadata);
        }
    }
    void aTagOfANewerWriterIsPassedOver()
    {
        Bytes value = encodeValue(ongoing(), 2);
        const Bytes more = *fromHex("63 01 ff"); // tag 99
        value.insert(value.end(), more.begin(), more.end());
        const std::size_t tags = value.size() - more.size() - 15; // where their number stands
        QCOMPARE(value[tags], std::uint8_t{2});
        value[tags] = 3;
        QVERIFY(decodeTransactionMetadata(value) == ongoing());
    }

    void whatIsMalformedIsRefused_data()
    {
        QTest::addColumn<QString>("hex");
        QTest::addRow("empty") << "";
        QTest::addRow("half a version") << "00";
        QTest::addRow("newer version")
            << "0002 0000000000000007 0000 00000001 00 00 0000000000000002 ffffffffffffffff 00";
        QTest::addRow("unknown state")
            << "0000 0000000000000007 0000 00000001 08 ffffffff 0000000000000002 ffffffffffffffff";
        QTest::addRow("negative state")
            << "0000 0000000000000007 0000 00000001 ff ffffffff 0000000000000002 ffffffffffffffff";
        QTest::addRow("open without a list")
            << "0000 0000000000000007 0000 00000001 01 ffffffff 0000000000000002 ffffffffffffffff";
        QTest::addRow("more partitions than bytes")
            << "0000 0000000000000007 0000 00000001 01 7fffffff 0000000000000002 ffffffffffffffff";
        QTest::addRow("a tag of the wrong size")
            << "0001 0000000000000007 0000 00000001 00 00 0000000000000002 ffffffffffffffff"
               "01 02 01 00";
    }
    void whatIsMalformedIsRefused()
    {
        QFETCH(QString, hex);
        QVERIFY(!decodeTransactionMetadata(*fromHex(hex.toStdString())));
    }
    void aValueCutAnywhereIsRefused()
    {
        for (const std::int16_t version : {std::int16_t{0}, std::int16_t{1}}) {
            const Bytes whole = encodeValue(ongoing(), version);
            for (std::size_t size = 0; size < whole.size(); ++size)
                QVERIFY(!decodeTransactionMetadata(ByteView(whole).first(size)));
        }
    }

    void statesHaveKafkasNames()
    {
        std::string names;
        for (const TransactionState state : kStates)
            names += std::string(transactionStateName(state)) + " ";
        QCOMPARE(names,
            std::string("Empty Ongoing PrepareCommit PrepareAbort CompleteCommit CompleteAbort "
                        "Dead PrepareEpochFence "));
    }
    /// Rows and columns by number: Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit,
    /// CompleteAbort, Dead, PrepareEpochFence (facts: kafka.md 4.4).
    void onlyKafkasTransitionsAreValid()
    {
        constexpr std::array<std::string_view, 8> kValid{
            "xx.x..x.", // from Empty
            ".xxx...x", // from Ongoing
            "....x...", // from PrepareCommit
            ".....x..", // from PrepareAbort
            "xx.x..x.", // from CompleteCommit
            "xx.x..x.", // from CompleteAbort
            "........", // from Dead
            "...x....", // from PrepareEpochFence
        };
        for (std::size_t from = 0; from < kStates.size(); ++from) {
            for (std::size_t to = 0; to < kStates.size(); ++to) {
                QVERIFY2(isValidTransition(kStates[from], kStates[to]) == (kValid[from][to] == 'x'),
                    (std::to_string(from) + " to " + std::to_string(to)).c_str());
            }
        }
    }
};

QTEST_APPLESS_MAIN(TransactionRecordsTest)
#include "tst_transaction_records.moc"
