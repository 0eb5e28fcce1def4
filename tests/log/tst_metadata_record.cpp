#include "engine/core/random.h"
#include "engine/log/control_records.h"
#include "engine/log/metadata_record.h"
#include "engine/log/record_batch.h"

#include <QTest>

#include <functional>

using namespace queuelab;
using namespace queuelab::log;

Q_DECLARE_METATYPE(MetadataRecord)

namespace {

constexpr std::array<std::uint8_t, 16> kId{
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10};
constexpr const char *kIdHex = "0102030405060708090a0b0c0d0e0f10";

// Made by Kafka 4.3's own classes (facts: kafka.md 1.2).
constexpr const char *kCommitMarker =
    "000000000000000c000000420000000202ea9ca7120030000000000000018bcfe568c80000018bcfe568c800000000"
    "000003e80003ffffffff000000012000000008000000010c00000000000500";
constexpr const char *kAbortMarker =
    "000000000000000c0000004200000002021ea2715a0030000000000000018bcfe568c80000018bcfe568c800000000"
    "000003e80003ffffffff000000012000000008000000000c00000000000500";

/// What the log does with a batch it takes: offset and leader epoch, both outside the CRC.
QByteArray placed(Bytes batch, std::int64_t offset, std::int32_t epoch)
{
    BatchHeader header = *readBatchHeader(batch);
    header.baseOffset = offset;
    header.partitionLeaderEpoch = epoch;
    writeBatchHeader(batch.data(), header);
    return QByteArray::fromStdString(toHex(batch));
}

std::vector<std::int32_t> someIds(Random &random)
{
    std::vector<std::int32_t> ids;
    for (auto left = random.below(6); left > 0; --left)
        ids.push_back(static_cast<std::int32_t>(random.between(-1, 300'000)));
    return ids;
}

template <class Make> auto sometimes(Random &random, Make make)
{
    return random.chance(0.5) ? std::optional(make(random)) : std::nullopt;
}

std::string someText(Random &random)
{
    return std::string(random.below(300), static_cast<char>('a' + random.below(26)));
}

std::array<std::uint8_t, 16> someTopicId(Random &random)
{
    std::array<std::uint8_t, 16> id{};
    for (std::uint8_t &byte : id)
        byte = static_cast<std::uint8_t>(random.below(256));
    return id;
}

MetadataRecord someRecord(Random &random)
{
    const auto number = [&random] { return static_cast<std::int32_t>(random.next()); };
    const auto large = [&random] { return static_cast<std::int64_t>(random.next()); };
    switch (random.below(8)) {
    case 0:
        return RegisterBrokerRecord{
            number(), random.next(), large(), random.chance(0.5), random.chance(0.5)};
    case 1:
        return BrokerRegistrationChangeRecord{number(), large(),
            sometimes(random, [](Random &r) { return r.chance(0.5); }), random.chance(0.5)};
    case 2:
        return TopicRecord{someText(random), someTopicId(random)};
    case 3: {
        PartitionRecord record{.topicId = someTopicId(random), .partition = number()};
        record.replicas = someIds(random);
        record.isr = someIds(random);
        record.leader = number();
        record.leaderEpoch = number();
        record.partitionEpoch = number();
        record.eligibleLeaderReplicas = someIds(random);
        record.lastKnownElr = someIds(random);
        return record;
    }
    case 4: {
        PartitionChangeRecord record{.topicId = someTopicId(random), .partition = number()};
        record.isr = sometimes(random, someIds);
        record.leader = sometimes(
            random, [](Random &r) { return static_cast<std::int32_t>(r.between(-1, 9)); });
        record.replicas = sometimes(random, someIds);
        record.eligibleLeaderReplicas = sometimes(random, someIds);
        record.lastKnownElr = sometimes(random, someIds);
        return record;
    }
    case 5:
        return RemoveTopicRecord{someTopicId(random)};
    case 6:
        return ConfigRecord{someText(random), someText(random), sometimes(random, someText),
            random.chance(0.5) ? ConfigResource::Topic : ConfigResource::Group};
    default:
        return ProducerIdsRecord{number(), large(), large()};
    }
}

} // namespace

class TestMetadataRecord : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // Derived by hand from the schemas of Kafka's records: frame version, api key, version, fields.
    void everyRecordHasKafkasBytes_data()
    {
        QTest::addColumn<MetadataRecord>("record");
        QTest::addColumn<QByteArray>("hex");
        const QByteArray id = kIdHex;
        const QByteArray unassigned = "00000000000000000000000000000001";
        QTest::newRow("RegisterBroker")
            << MetadataRecord(RegisterBrokerRecord{1, 0x0123456789abcdef, 9, true, false})
            << QByteArray("010003"
                          "00000001"
                          "00"
                          "00000000000000000123456789abcdef"
                          "0000000000000009"
                          "01"
                          "01"
                          "00"
                          "01"
                          "00"
                          "00");
        QTest::newRow("broker unfenced")
            << MetadataRecord(BrokerRegistrationChangeRecord{1, 9, false, false})
            << QByteArray("011102"
                          "00000001"
                          "0000000000000009"
                          "01"
                          "0001ff");
        QTest::newRow("broker fenced")
            << MetadataRecord(BrokerRegistrationChangeRecord{1, 9, true, false})
            << QByteArray("011102"
                          "00000001"
                          "0000000000000009"
                          "01"
                          "000101");
        QTest::newRow("broker shuts down")
            << MetadataRecord(BrokerRegistrationChangeRecord{1, 9, std::nullopt, true})
            << QByteArray("011102"
                          "00000001"
                          "0000000000000009"
                          "01"
                          "010101");
        QTest::newRow("Topic") << MetadataRecord(TopicRecord{"orders", kId})
                               << QByteArray("010200"
                                             "07"
                                             "6f7264657273")
                + id + "00";
        PartitionRecord partition{.topicId = kId, .partition = 3, .replicas = {1, 2, 3}};
        partition.isr = {1, 2};
        partition.leader = 1;
        partition.leaderEpoch = 5;
        partition.partitionEpoch = 7;
        const QByteArray whole = QByteArray("010302"
                                            "00000003")
            + id
            + "04000000010000000200000003"
              "030000000100000002"
              "01"
              "01"
              "00000001"
              "00000005"
              "00000007"
              "04"
            + unassigned + unassigned + unassigned;
        QTest::newRow("Partition") << MetadataRecord(partition) << whole + "00";
        partition.eligibleLeaderReplicas = {3};
        QTest::newRow("Partition with an eligible leader replica") << MetadataRecord(partition)
                                                                   << whole
                + "01"
                  "01050200000003";
        partition.lastKnownElr = {2};
        QTest::newRow("Partition with a last known one too") << MetadataRecord(partition)
                                                             << whole
                + "02"
                  "01050200000003"
                  "02050200000002";
        PartitionChangeRecord change{.topicId = kId, .partition = 3, .isr = {{1}}, .leader = 2};
        QTest::newRow("PartitionChange: ISR and leader") << MetadataRecord(change)
                                                         << QByteArray("010502"
                                                                       "00000003")
                + id
                + "02"
                  "00050200000001"
                  "010400000002";
        change.isr.reset();
        change.leader = -1;
        change.replicas = {{4}};
        change.eligibleLeaderReplicas.emplace();
        change.lastKnownElr = {{1}};
        QTest::newRow("PartitionChange: no leader, replicas, no ELR") << MetadataRecord(change)
                                                                      << QByteArray("010502"
                                                                                    "00000003")
                + id
                + "04"
                  "0104ffffffff"
                  "02050200000004"
                  "060101"
                  "07050200000001";
        QTest::newRow("RemoveTopic")
            << MetadataRecord(RemoveTopicRecord{kId}) << QByteArray("010900") + id + "00";
        QTest::newRow("Config") << MetadataRecord(ConfigRecord{"orders", "retention.ms", "1000"})
                                << QByteArray("010400"
                                              "02"
                                              "076f7264657273"
                                              "0d726574656e74696f6e2e6d73"
                                              "0531303030"
                                              "00");
        QTest::newRow("Config back to the default")
            << MetadataRecord(ConfigRecord{"orders", "retention.ms", std::nullopt})
            << QByteArray("010400"
                          "02"
                          "076f7264657273"
                          "0d726574656e74696f6e2e6d73"
                          "00"
                          "00");
        QTest::newRow("ProducerIds") << MetadataRecord(ProducerIdsRecord{2, 7, 1000})
                                     << QByteArray("010f00"
                                                   "00000002"
                                                   "0000000000000007"
                                                   "00000000000003e8"
                                                   "00");
    }
    void everyRecordHasKafkasBytes()
    {
        QFETCH(const MetadataRecord, record);
        QFETCH(const QByteArray, hex);
        QCOMPARE(QByteArray::fromStdString(toHex(encodeMetadataRecord(record))), hex);
        const auto back = decodeMetadataRecord(*fromHex(hex.toStdString()));
        QVERIFY2(back.has_value(), back ? "" : back.error().text().c_str());
        QVERIFY(*back == record);
    }
    void everyRecordComesBackAsItWas()
    {
        Random random(1);
        for (int i = 0; i < 2'000; ++i) {
            const MetadataRecord record = someRecord(random);
            const auto back = decodeMetadataRecord(encodeMetadataRecord(record));
            QVERIFY2(back && *back == record, qPrintable(QString("record %1 of seed 1").arg(i)));
        }
    }
    void damagedBytesAreRefusedWithoutHarm()
    {
        Random random(2);
        for (int i = 0; i < 500; ++i) {
            const Bytes whole = encodeMetadataRecord(someRecord(random));
            for (std::size_t size = 0; size < whole.size(); ++size)
                QVERIFY(!decodeMetadataRecord(ByteView(whole).first(size)));
            Bytes longer = whole;
            longer.push_back(0);
            QVERIFY(!decodeMetadataRecord(longer));
            Bytes flipped = whole;
            flipped[random.below(flipped.size())] ^=
                static_cast<std::uint8_t>(1 << random.below(8));
            // What it reads fills as many bytes: nothing was left out.
            if (const auto read = decodeMetadataRecord(flipped))
                QCOMPARE(encodeMetadataRecord(*read).size(), flipped.size());
        }
    }
    void whatIsNotKnownIsRefusedByName_data()
    {
        QTest::addColumn<QByteArray>("hex");
        QTest::addColumn<QString>("problem");
        const QByteArray id = kIdHex;
        QTest::newRow("nothing") << QByteArray() << "it ends within its frame";
        QTest::newRow("frame") << QByteArray("020900") + id + "00"
                               << "frame version 2 is not known";
        QTest::newRow("kind") << QByteArray("010c0007") << "records of kind 12 are not known";
        QTest::newRow("version") << QByteArray("010901") + id + "00"
                                 << "version 1 of RemoveTopicRecord is not known";
        QTest::newRow("tag") << QByteArray("010900") + id
                + "01"
                  "0900"
                             << "RemoveTopicRecord is not well formed, or has fields that are not "
                                "known";
        QTest::newRow("setting of a broker") << QByteArray("010400"
                                                           "04"
                                                           "0231"
                                                           "0261"
                                                           "0262"
                                                           "00")
                                             << "ConfigRecord holds what this engine does not do";
        QTest::newRow("replica being added")
            << QByteArray("010502"
                          "00000003")
                + id
                + "01"
                  "04050200000001"
            << "PartitionChangeRecord is not well formed, or has fields that are not known";
    }
    void whatIsNotKnownIsRefusedByName()
    {
        QFETCH(const QByteArray, hex);
        QFETCH(const QString, problem);
        const auto read = decodeMetadataRecord(*fromHex(hex.toStdString()));
        QVERIFY(!read.has_value());
        QCOMPARE(QString::fromStdString(read.error().problem), problem);
    }

    void transactionMarkersHaveKafkasBytes()
    {
        const std::int64_t at = 1'700'000'000'200;
        QCOMPARE(placed(endTransactionBatch(ControlType::Commit, 1000, 3, 5, at), 12, 2),
            QByteArray(kCommitMarker));
        QCOMPARE(placed(endTransactionBatch(ControlType::Abort, 1000, 3, 5, at), 12, 2),
            QByteArray(kAbortMarker));
    }
    void aLeaderChangeIsAControlRecordThatNamesLeaderAndVoters()
    {
        const Bytes batch = leaderChangeBatch({2, {1, 2, 3}, {1, 2}}, 1'700'000'000'000);
        const auto header = checkBatch(batch);
        QVERIFY(header.has_value());
        QVERIFY(header->isControl());
        QVERIFY(!header->isTransactional());
        QCOMPARE(header->recordCount, 1);
        QCOMPARE(header->producerId, -1);
        QCOMPARE(header->baseSequence, -1);
        RecordCursor cursor(batch);
        QVERIFY(cursor.next());
        QCOMPARE(QByteArray::fromStdString(toHex(*cursor.record().key)), QByteArray("00000002"));
        QCOMPARE(QByteArray::fromStdString(toHex(*cursor.record().value)),
            QByteArray("0000"
                       "00000002"
                       "04"
                       "0000000100"
                       "0000000200"
                       "0000000300"
                       "03"
                       "0000000100"
                       "0000000200"
                       "00"));
    }
};

QTEST_APPLESS_MAIN(TestMetadataRecord)
#include "tst_metadata_record.moc"
