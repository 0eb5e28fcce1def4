#include <QtTest>

#include "group_fixture.h"

using namespace queuelab;
using namespace queuelab::log;
using namespace std::chrono_literals;
using queuelab::log::testing::GroupFixture;
using queuelab::log::testing::joinOf;

namespace {

const TopicPartition kFirst{"t", 0};
const TopicPartition kSecond{"t", 1};

TxnOffsetCommitRequest inTransaction(
    std::int64_t producerId, std::int64_t offset, const TopicPartition &partition = kFirst)
{
    TxnOffsetCommitRequest request;
    request.transactionalId = "tx";
    request.group = "g";
    request.producerId = producerId;
    request.producerEpoch = 3;
    request.partitions = {{partition, offset, 7, "m"}};
    return request;
}
OffsetCommitRequest plain(std::int64_t offset)
{
    OffsetCommitRequest request;
    request.group = "g";
    request.partitions = {{kFirst, offset, -1, {}}};
    return request;
}
ErrorCode commitInTransaction(GroupFixture &fixture, const TxnOffsetCommitRequest &request)
{
    const auto id = fixture.commitInTransaction(request);
    return fixture.answer<TxnOffsetCommitResponse>(id).value().partitions.at(0).error;
}
ErrorCode commit(GroupFixture &fixture, const OffsetCommitRequest &request)
{
    const auto id = fixture.commit(request);
    return fixture.answer<OffsetCommitResponse>(id).value().partitions.at(0).error;
}
OffsetFetchResponse::Partition stable(
    const GroupFixture &fixture, const TopicPartition &partition = kFirst)
{
    OffsetFetchRequest request;
    request.group = "g";
    request.partitions = std::vector{partition};
    request.requireStable = true;
    return fixture.coordinator.fetch(request).partitions.at(0);
}
std::uint64_t recorded(const GroupFixture &fixture, LogEvent event)
{
    return fixture.trace.count(kind(event));
}
/// One member of a stable classic group: its id; the generation is 1.
std::string memberOf(GroupFixture &fixture, std::optional<std::string> instance = {})
{
    const auto joining = fixture.join(joinOf("c", {}, std::move(instance)));
    fixture.run(3s);
    const std::string id = fixture.answer<JoinGroupResponse>(joining).value().memberId;
    fixture.sync({"g", 1, id, {}, {}});
    return id;
}

} // namespace

class GroupTransactionsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void anOffsetCountsWhenItsTransactionCommits()
    {
        GroupFixture fixture;
        QCOMPARE(commitInTransaction(fixture, inTransaction(9, 5)), ErrorCode::None);
        QCOMPARE(fixture.committed("g", kFirst), -1);
        QCOMPARE(fixture.group()->pendingTxn.size(), std::size_t{1});
        QCOMPARE(fixture.group()->pendingTxn[0].offset, 5);
        QCOMPARE(fixture.group()->pendingTxn[0].producerId, 9);
        fixture.endTransaction(9, 3, true);
        QCOMPARE(fixture.committed("g", kFirst), 5);
        QVERIFY(fixture.group()->pendingTxn.empty());
        QCOMPARE(recorded(fixture, LogEvent::TxnOffsetsPending), std::uint64_t{1});
        QCOMPARE(recorded(fixture, LogEvent::TxnOffsetsDecided), std::uint64_t{1});
    }

    void anAbortedTransactionsOffsetIsDropped()
    {
        GroupFixture fixture;
        commit(fixture, plain(2));
        commitInTransaction(fixture, inTransaction(9, 5));
        fixture.endTransaction(9, 3, false);
        QCOMPARE(fixture.committed("g", kFirst), 2);
        QVERIFY(fixture.group()->pendingTxn.empty());
    }

    void aMarkerDecidesOnlyOverItsOwnProducer()
    {
        GroupFixture fixture;
        commitInTransaction(fixture, inTransaction(9, 5));
        commitInTransaction(fixture, inTransaction(10, 6, kSecond));
        fixture.endTransaction(10, 3, true);
        QCOMPARE(fixture.committed("g", kFirst), -1);
        QCOMPARE(fixture.committed("g", kSecond), 6);
    }

    void whoWantsStableOffsetsIsToldToWait()
    {
        GroupFixture fixture;
        commit(fixture, plain(2));
        commitInTransaction(fixture, inTransaction(9, 5));
        QCOMPARE(stable(fixture).error, ErrorCode::UnstableOffsetCommit);
        QCOMPARE(stable(fixture).committedOffset, -1);
        QCOMPARE(stable(fixture, kSecond).error, ErrorCode::None);
        QCOMPARE(fixture.committed("g", kFirst), 2); // without requireStable: the last that counts
        fixture.endTransaction(9, 3, true);
        QCOMPARE(stable(fixture).committedOffset, 5);
        QCOMPARE(stable(fixture).committedLeaderEpoch, 7);
    }

    void anOffsetOnItsWayIntoTheLogIsUnstableToo()
    {
        GroupFixture fixture;
        fixture.writes = GroupFixture::Writes::Later;
        const auto waiting = fixture.commitInTransaction(inTransaction(9, 5));
        QVERIFY(!fixture.answer<TxnOffsetCommitResponse>(waiting));
        QCOMPARE(stable(fixture).error, ErrorCode::UnstableOffsetCommit);
        fixture.finishWrites(ErrorCode::NotEnoughReplicas);
        QCOMPARE(stable(fixture).error, ErrorCode::None);
        QCOMPARE(fixture.answer<TxnOffsetCommitResponse>(waiting)->partitions[0].error,
            ErrorCode::CoordinatorNotAvailable);
    }

    void theYoungerOfATransactionalAndAPlainCommitStays_data()
    {
        QTest::addColumn<bool>("takenOver");
        QTest::newRow("in memory") << false;
        QTest::newRow("read back") << true;
    }
    void theYoungerOfATransactionalAndAPlainCommitStays()
    {
        QFETCH(bool, takenOver);
        GroupFixture fixture;
        commitInTransaction(fixture, inTransaction(9, 5));
        commit(fixture, plain(8));
        if (takenOver)
            fixture.failOver();
        fixture.endTransaction(9, 3, true);
        QCOMPARE(fixture.committed("g", kFirst), 8);
        commitInTransaction(fixture, inTransaction(9, 9));
        fixture.endTransaction(9, 3, true);
        QCOMPARE(fixture.committed("g", kFirst), 9);
    }

    void anotherCoordinatorReadsOpenTransactionsBack()
    {
        GroupFixture fixture;
        commitInTransaction(fixture, inTransaction(9, 5));
        commitInTransaction(fixture, inTransaction(10, 6, kSecond));
        commitInTransaction(fixture, inTransaction(11, 7, {"t", 2}));
        fixture.endTransaction(10, 3, true);
        fixture.endTransaction(11, 3, false);
        fixture.failOver();
        QCOMPARE(fixture.committed("g", kFirst), -1);
        QCOMPARE(fixture.committed("g", kSecond), 6);
        QCOMPARE(fixture.committed("g", {"t", 2}), -1);
        QCOMPARE(stable(fixture).error, ErrorCode::UnstableOffsetCommit);
        fixture.endTransaction(9, 3, true);
        QCOMPARE(fixture.committed("g", kFirst), 5);
    }

    void aCommitWithoutAMemberIsAdmittedWhoeverIsInTheGroup()
    {
        GroupFixture fixture;
        memberOf(fixture);
        QCOMPARE(commit(fixture, plain(1)), ErrorCode::UnknownMemberId);
        QCOMPARE(commitInTransaction(fixture, inTransaction(9, 5)), ErrorCode::None);
    }

    void aMembersCommitIsCheckedAgainstTheGroup()
    {
        GroupFixture fixture;
        TxnOffsetCommitRequest request = inTransaction(9, 5);
        request.generation = 1;
        request.memberId = "nobody";
        QCOMPARE(commitInTransaction(fixture, request), ErrorCode::IllegalGeneration);
        const std::string id = memberOf(fixture, "i");
        QCOMPARE(commitInTransaction(fixture, request), ErrorCode::UnknownMemberId);
        request.groupInstanceId = "i";
        QCOMPARE(commitInTransaction(fixture, request), ErrorCode::FencedInstanceId);
        request.memberId = id;
        request.generation = 2;
        QCOMPARE(commitInTransaction(fixture, request), ErrorCode::IllegalGeneration);
        request.generation = 1;
        QCOMPARE(commitInTransaction(fixture, request), ErrorCode::None);
        request.group.clear();
        QCOMPARE(commitInTransaction(fixture, request), ErrorCode::InvalidGroupId);
        request.group = "g";
        request.partitions[0].metadata = std::string(4'097, 'm');
        QCOMPARE(commitInTransaction(fixture, request), ErrorCode::OffsetMetadataTooLarge);
    }

    void aGroupWithPendingOffsetsDoesNotExpire()
    {
        BrokerConfig config;
        config.offsetsRetention = 1h;
        GroupFixture fixture(config);
        commit(fixture, plain(2));
        commitInTransaction(fixture, inTransaction(9, 5));
        fixture.run(3h);
        QCOMPARE(fixture.committed("g", kFirst), 2);
        fixture.endTransaction(9, 3, false);
        fixture.run(3h);
        QVERIFY(!fixture.group());
    }

    void aDeletedTopicsPendingOffsetsGoWithIt()
    {
        GroupFixture fixture;
        commitInTransaction(fixture, inTransaction(9, 5));
        fixture.forgetTopic("t");
        QVERIFY(fixture.group()->pendingTxn.empty());
        fixture.endTransaction(9, 3, true);
        QCOMPARE(fixture.committed("g", kFirst), -1);
        fixture.failOver();
        QCOMPARE(fixture.committed("g", kFirst), -1);
    }

    void thePlantedBugCountsThemAtOnce()
    {
        BrokerConfig config;
        config.plantedBug = PlantedBug::TxnOffsetsAtOnce;
        GroupFixture fixture(config);
        commitInTransaction(fixture, inTransaction(9, 5));
        QCOMPARE(fixture.committed("g", kFirst), 5);
    }
};

QTEST_APPLESS_MAIN(GroupTransactionsTest)
#include "tst_group_transactions.moc"
