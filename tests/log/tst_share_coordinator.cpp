#include <QtTest>

#include "engine/core/random.h"
#include "engine/log/share_coordinator.h"
#include "storage_fixture.h"

#include <map>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr std::int32_t kPartition = 7;
constexpr TopicId kTopicId{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const ShareStateKey kKey{"billing", kTopicId, 3};

QByteArray hexOf(const Bytes &bytes)
{
    return QByteArray(
        reinterpret_cast<const char *>(bytes.data()), static_cast<qsizetype>(bytes.size()))
        .toHex();
}

/// A share coordinator over a log of its own: what it decides is appended and carried out.
struct Coordinating {
    Storage storage;
    BrokerConfig config{};
    std::optional<PartitionLog> log{};
    std::optional<ShareCoordinator> coordinator{};

    explicit Coordinating(BrokerConfig settings = {})
        : config(std::move(settings))
    {
        Context &context = storage.context;
        RecoveryReport report;
        log = PartitionLog::open(
            "broker-1/__share_group_state-7", LogConfig{}, true, context, &report)
                  .value();
        reload();
    }
    void reload()
    {
        coordinator.emplace(config);
        QVERIFY(coordinator->load(kPartition, *log, log->logEndOffset(), storage.files));
    }
    void append(const ShareCoordinator::Change &change)
    {
        Context &context = storage.context;
        const auto appended =
            log->append(change.batch(1'000).view(), 0, context, AppendOrigin::Broker);
        coordinator->apply(change, appended->baseOffset);
    }
    ErrorCode carryOut(const ShareCoordinator::Verdict &verdict)
    {
        if (!verdict)
            return verdict.error();
        if (*verdict)
            append(**verdict);
        return ErrorCode::None;
    }
    ErrorCode initialize(std::int32_t stateEpoch = 1)
    {
        InitializeShareGroupStateRequest request;
        request.stateEpoch = stateEpoch;
        return carryOut(coordinator->initialize(kPartition, kKey, request, 1'000));
    }
    ErrorCode write(std::int32_t leaderEpoch, std::int64_t startOffset,
        const std::vector<ShareStateBatch> &batches, std::int32_t stateEpoch = 1)
    {
        WriteShareGroupStateRequest request;
        request.stateEpoch = stateEpoch;
        request.leaderEpoch = leaderEpoch;
        request.startOffset = startOffset;
        request.batches = batches;
        return carryOut(coordinator->write(kPartition, kKey, request, 1'000));
    }
    ReadShareGroupStateResponse read(std::int32_t leaderEpoch)
    {
        ReadShareGroupStateRequest request;
        request.leaderEpoch = leaderEpoch;
        ShareCoordinator::Read read = coordinator->read(kPartition, kKey, request, 1'000);
        if (read.change)
            append(*read.change);
        return read.response;
    }
};

} // namespace

class ShareCoordinatorTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    /// Field by field from Kafka's ShareSnapshotKey, ShareSnapshotValue and ShareUpdateValue.
    void recordsHaveKafkasBytes()
    {
        QCOMPARE(hexOf(encodeShareStateKey(kKey, false)),
            QByteArray("0000"
                       "0007"
                       "62696c6c696e67"
                       "0102030405060708090a0b0c0d0e0f10"
                       "00000003"));
        QCOMPARE(hexOf(encodeShareStateKey(kKey, true)).first(4), QByteArray("0001"));
        const ShareSnapshotRecord snapshot{
            3, 2, 4, 10, 1'000, 2'000, {{10, 19, 0, 1}, {20, 29, 2, 3}}};
        QCOMPARE(hexOf(encodeValue(snapshot)),
            QByteArray("0000"
                       "00000003"
                       "00000002"
                       "00000004"
                       "000000000000000a"
                       "00000000000003e8"
                       "00000000000007d0"
                       "03"
                       "000000000000000a"
                       "0000000000000013"
                       "00"
                       "0001"
                       "00"
                       "0000000000000014"
                       "000000000000001d"
                       "02"
                       "0003"
                       "00"
                       "00"));
        const ShareUpdateRecord update{3, 4, 12, {{12, 15, 0, 1}}};
        QCOMPARE(hexOf(encodeValue(update)),
            QByteArray("0000"
                       "00000003"
                       "00000004"
                       "000000000000000c"
                       "02"
                       "000000000000000c"
                       "000000000000000f"
                       "00"
                       "0001"
                       "00"
                       "00"));
        QVERIFY(decodeShareSnapshot(encodeValue(snapshot)) == snapshot);
        QVERIFY(decodeShareUpdate(encodeValue(update)) == update);
        QVERIFY(decodeShareStateKey(encodeShareStateKey(kKey, true)) == std::pair(kKey, true));
        // The count that Kafka's tools show as lag is passed over.
        Bytes counted = encodeValue(update);
        counted.back() = 1;
        for (const std::uint8_t byte : std::initializer_list<std::uint8_t>{0, 4, 0, 0, 0, 5})
            counted.push_back(byte);
        QVERIFY(decodeShareUpdate(counted) == update);
    }

    void damagedRecordsAreRefused()
    {
        const Bytes value = encodeValue(ShareSnapshotRecord{.batches = {{0, 9, 2, 1}}});
        const Bytes key = encodeShareStateKey(kKey, false);
        for (std::size_t size = 0; size < value.size(); ++size)
            QVERIFY(!decodeShareSnapshot(ByteView(value).first(size)));
        for (std::size_t size = 0; size < key.size(); ++size)
            QVERIFY(!decodeShareStateKey(ByteView(key).first(size)));
    }

    void theHigherDeliveryCountAndStateCount_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 100; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    /// Against a table with one entry for each offset.
    void theHigherDeliveryCountAndStateCount()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        std::vector<ShareStateBatch> known;
        std::map<std::int64_t, std::pair<std::int16_t, std::int8_t>> table;
        std::int64_t start = 0;
        for (int round = 0; round < 30; ++round) {
            std::vector<ShareStateBatch> changed;
            for (std::int64_t i = random.between(0, 4); i > 0; --i) {
                ShareStateBatch batch;
                batch.firstOffset = start + random.between(0, 40);
                batch.lastOffset = batch.firstOffset + random.between(0, 15);
                batch.deliveryState = static_cast<std::int8_t>(2 * random.between(0, 2));
                batch.deliveryCount = static_cast<std::int16_t>(random.between(0, 3));
                changed.push_back(batch);
                for (std::int64_t at = batch.firstOffset; at <= batch.lastOffset; ++at) {
                    const std::pair next(batch.deliveryCount, batch.deliveryState);
                    const auto [entry, isNew] = table.try_emplace(at, next);
                    if (!isNew)
                        entry->second = std::max(entry->second, next);
                }
            }
            start += random.between(0, 3);
            table.erase(table.begin(), table.lower_bound(start));
            known = combineShareState(known, changed, start);
            std::map<std::int64_t, std::pair<std::int16_t, std::int8_t>> got;
            for (std::size_t i = 0; i < known.size(); ++i) {
                QVERIFY(i == 0 || known[i - 1].lastOffset < known[i].firstOffset);
                for (std::int64_t at = known[i].firstOffset; at <= known[i].lastOffset; ++at)
                    got[at] = {known[i].deliveryCount, known[i].deliveryState};
            }
            QVERIFY(got == table);
        }
    }

    void whatWasWrittenIsReadBack()
    {
        Coordinating lab;
        QCOMPARE(lab.initialize(), ErrorCode::None);
        QCOMPARE(lab.read(4).startOffset, -1);
        QCOMPARE(lab.write(4, 0, {{0, 9, 2, 1}, {10, 19, 0, 1}}), ErrorCode::None);
        QCOMPARE(lab.write(4, 10, {{12, 12, 4, 5}}), ErrorCode::None);
        lab.reload();
        const auto read = lab.read(5);
        QCOMPARE(read.startOffset, 10);
        QCOMPARE(read.stateEpoch, 1);
        QCOMPARE(read.batches,
            (std::vector<ShareStateBatch>{{10, 11, 0, 1}, {12, 12, 4, 5}, {13, 19, 0, 1}}));
    }

    void whoWasFollowedByAnotherIsFenced()
    {
        Coordinating lab;
        QCOMPARE(lab.read(1).error, ErrorCode::InvalidRequest);
        QCOMPARE(lab.write(1, 0, {}), ErrorCode::InvalidRequest);
        lab.initialize(2);
        QCOMPARE(lab.initialize(1), ErrorCode::FencedStateEpoch);
        lab.read(5);
        QCOMPARE(lab.read(4).error, ErrorCode::FencedLeaderEpoch);
        QCOMPARE(lab.write(4, 0, {}, 2), ErrorCode::FencedLeaderEpoch);
        QCOMPARE(lab.write(5, 0, {}, 1), ErrorCode::FencedStateEpoch);
        QCOMPARE(lab.write(5, 0, {}, 2), ErrorCode::None);
        lab.reload();
        QCOMPARE(lab.write(4, 0, {}, 2), ErrorCode::FencedLeaderEpoch);
    }

    void aSnapshotFollowsSoManyUpdatesAndMakesThemRedundant()
    {
        BrokerConfig config;
        config.shareSnapshotUpdates = 2;
        Coordinating lab(config);
        lab.initialize(); // 0
        for (int i = 0; i < 3; ++i) // 1 and 2 are updates, 3 is the next snapshot
            lab.write(1, i, {});
        QCOMPARE(lab.coordinator->redundantBelow(kPartition), 3);
        lab.write(1, 3, {{5, 5, 2, 1}});
        lab.log->raiseLogStartOffset(3);
        lab.reload();
        QCOMPARE(lab.read(1).startOffset, 3);
        QCOMPARE(lab.read(1).batches, (std::vector<ShareStateBatch>{{5, 5, 2, 1}}));
    }

    void deletedIsForgotten()
    {
        Coordinating lab;
        lab.initialize();
        QCOMPARE(lab.coordinator->removeTopic(kTopicId).size(), std::size_t{1});
        lab.carryOut(lab.coordinator->remove(kPartition, kKey));
        QCOMPARE(lab.read(1).error, ErrorCode::InvalidRequest);
        lab.reload();
        QCOMPARE(lab.read(1).error, ErrorCode::InvalidRequest);
        QCOMPARE(lab.coordinator->redundantBelow(kPartition), lab.log->logEndOffset());
    }
};

QTEST_APPLESS_MAIN(ShareCoordinatorTest)
#include "tst_share_coordinator.moc"
