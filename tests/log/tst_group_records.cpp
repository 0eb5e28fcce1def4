#include <QtTest>

#include "engine/log/group_records.h"
#include "engine/log/modern_group_records.h"

using namespace queuelab;
using namespace queuelab::log;

namespace {

Bytes hex(std::string_view text)
{
    return fromHex(text).value();
}

GroupMetadata exampleGroup()
{
    GroupMetadata metadata;
    metadata.protocolType = "consumer";
    metadata.generation = 7;
    metadata.protocol = "range";
    metadata.leader = "m1";
    metadata.stateTimestampMs = 1'700'000'000'000;
    metadata.members.push_back({"m1", "host-1", "c", "/h", 300'000, 45'000,
        SharedBytes(hex("0000")), SharedBytes(hex("01"))});
    return metadata;
}

} // namespace

class GroupRecordsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void keysAreKafkas()
    {
        const OffsetKey offset{"g1", {"t", 0}};
        QCOMPARE(toHex(encodeKey(offset)), std::string("00010002673100017400000000"));
        QVERIFY(decodeGroupRecordKey(encodeKey(offset)) == GroupRecordKey(offset));
        QCOMPARE(toHex(encodeKey(GroupKey{"g1"})), std::string("000200026731"));
        QVERIFY(decodeGroupRecordKey(encodeKey(GroupKey{"g1"})) == GroupRecordKey(GroupKey{"g1"}));
        // Type 0 is what very old brokers wrote for an offset.
        QVERIFY(decodeGroupRecordKey(hex("00000002673100017400000000")) == GroupRecordKey(offset));
    }

    void keysOfOtherKindsOfGroupsAreTold()
    {
        QVERIFY(decodeGroupRecordKey(hex("001100026731")) == GroupRecordKey(OtherKey{17}));
        QVERIFY(decodeGroupRecordKey(hex("000400026731")) == GroupRecordKey(OtherKey{4}));
    }

    void recordsOfModernGroupsAreKafkas_data()
    {
        QTest::addColumn<int>("type");
        QTest::addColumn<int>("record");
        QTest::addColumn<std::string>("key");
        QTest::addColumn<std::string>("value");
        const auto row = [](const char *name, GroupType type, ModernRecord record, const char *key,
                             const char *value) {
            QTest::newRow(name) << static_cast<int>(type) << static_cast<int>(record)
                                << std::string(key) << std::string(value);
        };
        // Written by Kafka 4.3.0's GroupCoordinatorRecordSerde.
        row("member", GroupType::Consumer, ModernRecord::Member, "00050002673100026d31",
            "00000269000263010303743103743201000493e00672616e676501000100");
        row("group epoch", GroupType::Consumer, ModernRecord::GroupEpoch, "000300026731",
            "0000000000060100080102030405060708");
        row("target", GroupType::Consumer, ModernRecord::TargetMember, "00070002673100026d31",
            "0000030000000000000000000000000000000103000000000000000200000000000000000000000000"
            "0000000202000000010000");
        row("target epoch", GroupType::Consumer, ModernRecord::TargetEpoch, "000600026731",
            "0000000000060100080000018bcfe56800");
        row("current", GroupType::Consumer, ModernRecord::CurrentMember, "00080002673100026d31",
            "0000000000050000000401020000000000000000000000000000000103000000000000000201000903"
            "000000030000000502000000000000000000000000000000020200000001010005020000000400");
        row("share member", GroupType::Share, ModernRecord::Member, "000a0002673100026d31",
            "0000000263010303743103743200");
        row("share group epoch", GroupType::Share, ModernRecord::GroupEpoch, "000b00026731",
            "000000000006010203040506070800");
        row("share target", GroupType::Share, ModernRecord::TargetMember, "000d0002673100026d31",
            "000002000000000000000000000000000000010300000000000000020000");
        row("share target epoch", GroupType::Share, ModernRecord::TargetEpoch, "000c00026731",
            "0000000000060100080000018bcfe56800");
        row("share current", GroupType::Share, ModernRecord::CurrentMember, "000e0002673100026d31",
            "000000000005000000040002000000000000000000000000000000010300000000000000020000");
        row("share state", GroupType::Share, ModernRecord::ShareState, "000f00026731",
            "0000020000000000000000000000000000000103743102000000010003000000000000000000000000"
            "0000000103743102000000000000000000000000000000000000000002037432020000000000"
            "0100");
    }
    void recordsOfModernGroupsAreKafkas()
    {
        QFETCH(int, type);
        QFETCH(int, record);
        QFETCH(std::string, key);
        QFETCH(std::string, value);
        ClusterImage image;
        TopicIds topics;
        for (const char *name : {"t1", "t2"}) {
            TopicId id{};
            id.back() = static_cast<std::uint8_t>(name[1] - '0');
            topics[name] = id;
            image.apply(TopicRecord{name, id});
        }
        const auto decoded = decodeGroupRecordKey(hex(key));
        QVERIFY(decoded && std::holds_alternative<ModernKey>(*decoded));
        const auto &modern = std::get<ModernKey>(*decoded);
        QCOMPARE(static_cast<int>(modern.type), type);
        QCOMPARE(static_cast<int>(modern.key.record), record);
        QCOMPARE(toHex(encodeKey(modern)), key);

        ModernGroup group(static_cast<GroupType>(type));
        QVERIFY(restoreValue(group, modern.key, hex(value), image));
        QCOMPARE(toHex(encodeValue(group, modern.key, topics)), value);
        for (std::size_t size = 0; size < value.size() / 2; ++size) {
            ModernGroup cut(static_cast<GroupType>(type));
            QVERIFY(!restoreValue(cut, modern.key, hex(value.substr(0, 2 * size)), image));
        }
    }

    void malformedKeysAreRefused_data()
    {
        QTest::addColumn<std::string>("key");
        QTest::newRow("empty") << std::string();
        QTest::newRow("no group") << std::string("0002");
        QTest::newRow("cut off") << std::string("0001000267");
        QTest::newRow("a group that is null") << std::string("0002ffff");
        QTest::newRow("no partition") << std::string("000100026731000174");
    }
    void malformedKeysAreRefused()
    {
        QFETCH(std::string, key);
        QVERIFY(!decodeGroupRecordKey(hex(key)));
    }

    void commitsAreReadInEveryVersion_data()
    {
        QTest::addColumn<std::string>("value");
        QTest::addColumn<int>("leaderEpoch");
        QTest::addColumn<qint64>("expires");
        const qint64 never = -1;
        QTest::newRow("0") << std::string("0000000000000000002a00000000018bcfe56800") << -1
                           << never;
        QTest::newRow("1") << std::string(
            "0001000000000000002a00000000018bcfe568000000018bcfe56801")
                           << -1 << qint64{1'700'000'000'001};
        QTest::newRow("2") << std::string("0002000000000000002a00000000018bcfe56800") << -1
                           << never;
        QTest::newRow("3") << std::string("0003000000000000002a0000000500000000018bcfe56800") << 5
                           << never;
        QTest::newRow("4") << std::string("0004000000000000002affffffff010000018bcfe5680000") << -1
                           << never;
        // Kafka 4.1 and later: the topic id in tag 0.
        QTest::newRow("4 with a topic id")
            << std::string("0004000000000000002affffffff010000018bcfe56800010010"
                           "000102030405060708090a0b0c0d0e0f")
            << -1 << never;
    }
    void commitsAreReadInEveryVersion()
    {
        QFETCH(std::string, value);
        QFETCH(int, leaderEpoch);
        QFETCH(qint64, expires);
        const auto commit = decodeCommit(hex(value));
        QVERIFY(commit);
        QCOMPARE(*commit, (Commit{42, leaderEpoch, "", 1'700'000'000'000, expires}));
    }

    void commitsAreWrittenAsKafkaDoes()
    {
        const Commit commit{42, -1, "", 1'700'000'000'000};
        QCOMPARE(toHex(encodeValue(commit)),
            std::string("0004000000000000002affffffff010000018bcfe5680000"));
        const Commit expiring{42, -1, "", 1'700'000'000'000, 1'700'000'000'001};
        QCOMPARE(toHex(encodeValue(expiring)),
            std::string("0001000000000000002a00000000018bcfe568000000018bcfe56801"));
        const Commit noted{1, 3, std::string(4'096, 'n'), 5};
        QCOMPARE(*decodeCommit(encodeValue(noted)), noted);
    }

    void aGroupIsWrittenInVersion3()
    {
        QCOMPARE(toHex(encodeValue(exampleGroup())),
            std::string("0003"
                        "0008636f6e73756d6572"
                        "00000007"
                        "000572616e6765"
                        "00026d31"
                        "0000018bcfe56800"
                        "00000001"
                        "00026d31"
                        "0006686f73742d31"
                        "000163"
                        "00022f68"
                        "000493e0"
                        "0000afc8"
                        "000000020000"
                        "0000000101"));
        QCOMPARE(*decodeGroupMetadata(encodeValue(exampleGroup())), exampleGroup());
    }

    void anEmptyGroupHasNeitherProtocolNorLeader()
    {
        const GroupMetadata empty;
        QCOMPARE(toHex(encodeValue(empty)),
            std::string("0003"
                        "0000"
                        "00000000"
                        "ffff"
                        "ffff"
                        "ffffffffffffffff"
                        "00000000"));
        QCOMPARE(*decodeGroupMetadata(encodeValue(empty)), empty);
    }

    void groupsAreReadInEveryVersion_data()
    {
        QTest::addColumn<std::string>("value");
        QTest::addColumn<int>("version");
        QTest::newRow("0") << std::string("0000"
                                          "0008636f6e73756d6572"
                                          "00000007"
                                          "000572616e6765"
                                          "00026d31"
                                          "00000001"
                                          "00026d31"
                                          "000163"
                                          "00022f68"
                                          "0000afc8"
                                          "000000020000"
                                          "0000000101")
                           << 0;
        QTest::newRow("1") << std::string("0001"
                                          "0008636f6e73756d6572"
                                          "00000007"
                                          "000572616e6765"
                                          "00026d31"
                                          "00000001"
                                          "00026d31"
                                          "000163"
                                          "00022f68"
                                          "000493e0"
                                          "0000afc8"
                                          "000000020000"
                                          "0000000101")
                           << 1;
        QTest::newRow("2") << std::string("0002"
                                          "0008636f6e73756d6572"
                                          "00000007"
                                          "000572616e6765"
                                          "00026d31"
                                          "0000018bcfe56800"
                                          "00000001"
                                          "00026d31"
                                          "000163"
                                          "00022f68"
                                          "000493e0"
                                          "0000afc8"
                                          "000000020000"
                                          "0000000101")
                           << 2;
        QTest::newRow("4") << std::string("0004"
                                          "09636f6e73756d6572"
                                          "00000007"
                                          "0672616e6765"
                                          "036d31"
                                          "0000018bcfe56800"
                                          "02"
                                          "036d31"
                                          "07686f73742d31"
                                          "0263"
                                          "032f68"
                                          "000493e0"
                                          "0000afc8"
                                          "030000"
                                          "0201"
                                          "00"
                                          "00")
                           << 4;
    }
    void groupsAreReadInEveryVersion()
    {
        QFETCH(std::string, value);
        QFETCH(int, version);
        GroupMetadata expected = exampleGroup();
        if (version < 3)
            expected.members[0].groupInstanceId.reset();
        if (version < 2)
            expected.stateTimestampMs = -1;
        if (version < 1)
            expected.members[0].rebalanceTimeoutMs = -1;
        const auto metadata = decodeGroupMetadata(hex(value));
        QVERIFY(metadata);
        QCOMPARE(*metadata, expected);
    }

    void malformedValuesAreRefused()
    {
        QVERIFY(!decodeCommit({}));
        QVERIFY(!decodeCommit(hex("0005000000000000002a")));
        QVERIFY(!decodeGroupMetadata(hex("0005")));
        const Bytes commit = encodeValue(Commit{42, 1, "note", 7});
        const Bytes group = encodeValue(exampleGroup());
        for (std::size_t size = 0; size < commit.size(); ++size)
            QVERIFY(!decodeCommit(ByteView(commit).first(size)));
        for (std::size_t size = 0; size < group.size(); ++size)
            QVERIFY(!decodeGroupMetadata(ByteView(group).first(size)));
        // A count that no buffer could hold.
        QVERIFY(!decodeGroupMetadata(hex("00030000"
                                         "00000000"
                                         "ffffffff"
                                         "ffffffffffffffff"
                                         "7fffffff")));
    }

    void groupsAreSpreadOverOffsetsPartitionsAsInKafka_data()
    {
        QTest::addColumn<std::string>("group");
        QTest::addColumn<int>("partition");
        QTest::newRow("g1") << std::string("g1") << 42;
        QTest::newRow("test") << std::string("test") << 48;
        QTest::newRow("my-group") << std::string("my-group") << 12;
        QTest::newRow("console") << std::string("console-consumer-1") << 24;
        QTest::newRow("orders-app") << std::string("orders-app") << 5;
        QTest::newRow("kcat") << std::string("kcat") << 49;
        QTest::newRow("hash of INT_MIN") << std::string("polygenelubricants") << 0;
    }
    void groupsAreSpreadOverOffsetsPartitionsAsInKafka()
    {
        QFETCH(std::string, group);
        QFETCH(int, partition);
        QCOMPARE(offsetsPartitionFor(group), partition);
    }
};

QTEST_APPLESS_MAIN(GroupRecordsTest)
#include "tst_group_records.moc"
