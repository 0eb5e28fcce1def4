#include "client_fixture.h"

#include "engine/log/consumer.h"
#include "engine/log/events.h"

#include <QTest>

#include <algorithm>
#include <set>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using namespace std::chrono_literals;

namespace {

const TopicPartition kFirst{"orders", 0};
const TopicPartition kSecond{"orders", 1};
using Partitions = std::vector<TopicPartition>;

ConsumerConfig member()
{
    ConsumerConfig config;
    config.group = "billing";
    config.topics = {"orders"};
    config.groupProtocol = GroupProtocol::Consumer;
    config.enableAutoCommit = false;
    config.autoOffsetReset = OffsetReset::Earliest;
    config.bootstrapServers = {NodeId{1}, NodeId{2}, NodeId{3}};
    return config;
}

ConsumerConfig autoCommitting()
{
    ConsumerConfig config = member();
    config.enableAutoCommit = true;
    return config;
}

/// A member whose coordinator is the test; broker 1 leads both partitions.
class Bench : public ClientBench {
public:
    explicit Bench(ConsumerConfig config = member())
        : consumer("worker", std::move(config))
    {
        start();
    }
    void start()
    {
        Context base = context();
        consumer.start(base, effects);
        settle();
    }

    /// Answers everything that needs no decision of the test.
    void settle()
    {
        for (bool any = true; any;) {
            any = false;
            for (const auto &sent : take<MetadataRequest>()) {
                MetadataResponse response;
                response.brokers = {1, 2, 3};
                response.topics.push_back(describeTopic("orders", {1, 1}, 3));
                answer(sent.id, response);
                any = true;
            }
            for (const auto &sent : take<FindCoordinatorRequest>()) {
                answer(sent.id, FindCoordinatorResponse{ErrorCode::None, coordinator});
                any = true;
            }
            for (const auto &sent : take<OffsetFetchRequest>()) {
                offsetFetch = sent.request;
                OffsetFetchResponse response;
                for (const TopicPartition &partition : *sent.request.partitions)
                    response.partitions.push_back({partition, ErrorCode::None, 0, {}});
                answer(sent.id, response);
                any = true;
            }
        }
    }
    void answer(RequestId id, const Response &response)
    {
        Context base = context();
        consumer.apply(id, response, base, effects);
    }
    void advance(Duration by)
    {
        now += by;
        Context base = context();
        consumer.wake(base, effects);
        settle();
    }
    void lose(std::int32_t broker)
    {
        Context base = context();
        consumer.connectionLost(NodeId{broker}, base, effects);
    }
    std::size_t poll()
    {
        std::size_t count = 0;
        Context base = context();
        consumer.poll(base, effects, [&](const TopicPartition &, const RecordView &) { ++count; });
        settle();
        return count;
    }
    void commit()
    {
        Context base = context();
        consumer.commit(base, effects);
    }
    void close()
    {
        Context base = context();
        consumer.close(base, effects);
    }

    /// The only heartbeat that was sent since.
    Sent<ConsumerGroupHeartbeatRequest> heartbeat()
    {
        const auto sent = take<ConsumerGroupHeartbeatRequest>();
        if (sent.size() != 1)
            qFatal("%zu heartbeats are out at %lld ms", sent.size(),
                static_cast<long long>((now - kVirtualStart) / 1ms));
        return sent.front();
    }
    void welcome(const Sent<ConsumerGroupHeartbeatRequest> &sent, std::int32_t epoch,
        std::optional<Partitions> assignment = {})
    {
        ConsumerGroupHeartbeatResponse response;
        response.memberId = sent.request.memberId;
        response.memberEpoch = epoch;
        response.assignment = std::move(assignment);
        answer(sent.id, response);
        settle();
    }
    void refuse(const Sent<ConsumerGroupHeartbeatRequest> &sent, ErrorCode error)
    {
        ConsumerGroupHeartbeatResponse response;
        response.error = error;
        answer(sent.id, response);
        settle();
    }
    /// Joins, is given these in epoch 1 and has acknowledged them.
    void own(const Partitions &partitions)
    {
        welcome(heartbeat(), 1, partitions);
        poll();
        welcome(heartbeat(), 1);
    }
    /// Answers the fetches that are out: `records` of each partition.
    void give(int records)
    {
        for (const auto &sent : take<FetchRequest>()) {
            FetchResponse response;
            for (const FetchRequest::Partition &wanted : sent.request.partitions) {
                BatchBuilder builder;
                builder.reset(wanted.fetchOffset);
                for (int i = 0; i < records; ++i)
                    builder.append(0, {}, asBytes("record"));
                FetchResponse::Partition &result = response.partitions.emplace_back();
                result.partition = wanted.partition;
                if (records > 0)
                    result.records.push_back(builder.take());
            }
            answer(sent.id, response);
        }
    }
    Partitions owned() const
    {
        Partitions partitions;
        for (const Consumer::Position &position : consumer.positions())
            partitions.push_back(position.partition);
        return partitions;
    }
    void answerCommit(const Sent<OffsetCommitRequest> &sent, ErrorCode error = ErrorCode::None)
    {
        OffsetCommitResponse response;
        for (const OffsetCommitRequest::Partition &partition : sent.request.partitions)
            response.partitions.push_back({partition.partition, error});
        answer(sent.id, response);
        settle();
    }
    std::vector<TraceEvent> events(LogEvent wanted) const
    {
        std::vector<TraceEvent> found;
        for (std::uint64_t i = trace.first(); i < trace.end(); ++i) {
            if (trace.at(i).kind == kind(wanted))
                found.push_back(trace.at(i));
        }
        return found;
    }

    Consumer consumer;
    std::int32_t coordinator = 1;
    OffsetFetchRequest offsetFetch;
};

} // namespace

class ConsumerKip848Test : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void itJoinsWithAnIdOfItsOwnAndTellsAll()
    {
        ConsumerConfig config = member();
        config.groupRemoteAssignor = "range";
        config.maxPollInterval = 20s;
        Bench bench(config);
        const auto sent = bench.heartbeat();
        QCOMPARE(sent.broker.value(), 1);
        QCOMPARE(sent.request.group, std::string("billing"));
        QCOMPARE(sent.request.memberId.size(), 22U);
        QCOMPARE(sent.request.memberId, bench.consumer.memberId());
        QCOMPARE(sent.request.memberEpoch, 0);
        QCOMPARE(sent.request.rebalanceTimeoutMs, 20'000);
        QVERIFY(sent.request.subscribedTopics == std::vector<std::string>{"orders"});
        QVERIFY(sent.request.serverAssignor == "range");
        QVERIFY(sent.request.owned == Partitions{});
        QCOMPARE(sent.request.clientId, std::string("worker"));
        QVERIFY(bench.take<JoinGroupRequest>().empty());
    }

    void eachLifeHasAnIdOfItsOwn()
    {
        Bench bench;
        const std::string before = bench.consumer.memberId();
        bench.start();
        QVERIFY(!bench.consumer.memberId().empty());
        QVERIFY(bench.consumer.memberId() != before);
    }

    void itHeartbeatsByTheCoordinatorsIntervalAndLeavesOutWhatHasNotChanged()
    {
        Bench bench;
        bench.own({kFirst});
        bench.advance(4'999ms);
        QVERIFY(bench.take<ConsumerGroupHeartbeatRequest>().empty());
        bench.advance(1ms);
        const auto sent = bench.heartbeat();
        QCOMPARE(sent.request.memberEpoch, 1);
        QCOMPARE(sent.request.rebalanceTimeoutMs, -1);
        QVERIFY(!sent.request.subscribedTopics);
        QVERIFY(!sent.request.owned);
    }

    void anAssignmentIsTakenOverAndAcknowledgedAtOnce()
    {
        Bench bench;
        QVERIFY(!bench.consumer.isMember());
        bench.welcome(bench.heartbeat(), 3, Partitions{kFirst, kSecond});
        QCOMPARE(bench.owned(), (Partitions{kFirst, kSecond}));
        QVERIFY(bench.consumer.isMember());
        QCOMPARE(bench.consumer.generation(), 3);
        const auto sent = bench.heartbeat();
        QCOMPARE(sent.request.memberEpoch, 3);
        QVERIFY(sent.request.owned == (Partitions{kFirst, kSecond}));
        QVERIFY(!sent.request.subscribedTopics); // the coordinator knows that
        const auto assigned = bench.events(LogEvent::PartitionAssigned);
        QCOMPARE(assigned.size(), 2U);
        QCOMPARE(assigned[0].value, 3); // the member epoch
        QVERIFY(bench.offsetFetch.memberId == bench.consumer.memberId());
        QCOMPARE(bench.offsetFetch.memberEpoch, 3);
    }

    void ofNoPartitionsItIsAMemberTooAndSaysSo()
    {
        Bench bench;
        bench.welcome(bench.heartbeat(), 1, Partitions{});
        QVERIFY(bench.consumer.isMember());
        QVERIFY(bench.heartbeat().request.owned == Partitions{});
    }

    void whileTheApplicationIsBusyNothingIsGivenUp()
    {
        Bench bench;
        bench.own({kFirst, kSecond});
        bench.give(2);
        QCOMPARE(bench.poll(), 4U); // busy from here on
        bench.advance(5s);
        bench.welcome(bench.heartbeat(), 1, Partitions{kFirst});
        QCOMPARE(bench.owned(), (Partitions{kFirst, kSecond}));
        bench.advance(5s);
        QVERIFY(!bench.heartbeat().request.owned); // it heartbeats on, and has given up nothing
        bench.poll();
        QCOMPARE(bench.owned(), Partitions{kFirst});
    }

    void withoutAutoCommitPollGivesUpAtOnce()
    {
        Bench bench;
        bench.own({kFirst, kSecond});
        bench.advance(5s);
        bench.welcome(bench.heartbeat(), 1, Partitions{kFirst});
        QCOMPARE(bench.owned(), Partitions{kFirst});
        QVERIFY(bench.take<OffsetCommitRequest>().empty());
        QVERIFY(bench.heartbeat().request.owned == Partitions{kFirst});
        QCOMPARE(bench.events(LogEvent::PartitionRevoked).at(0).value, 1);
    }

    void whatStaysIsReadWhileTheRestIsCommittedAndGivenUp()
    {
        Bench bench(autoCommitting());
        bench.own({kFirst, kSecond});
        bench.give(2);
        QCOMPARE(bench.poll(), 4U);
        bench.give(3); // of both, and not handed out yet
        bench.advance(5s);
        bench.take<OffsetCommitRequest>();
        bench.welcome(bench.heartbeat(), 1, Partitions{kFirst});
        QCOMPARE(bench.poll(), 3U); // of what stays, only
        const auto commits = bench.take<OffsetCommitRequest>();
        QVERIFY(!commits.empty());
        for (const OffsetCommitRequest::Partition &partition : commits[0].request.partitions)
            QCOMPARE(partition.committedOffset, 2); // what was handed out before this poll()
        QCOMPARE(commits[0].request.partitions.size(), 2U);
        QCOMPARE(bench.owned(), (Partitions{kFirst, kSecond}));
        bench.give(1);
        QCOMPARE(bench.poll(), 1U);
        QVERIFY(bench.take<ConsumerGroupHeartbeatRequest>().empty());
        for (const auto &sent : commits)
            bench.answerCommit(sent);
        bench.poll();
        QCOMPARE(bench.owned(), Partitions{kFirst});
        QVERIFY(bench.heartbeat().request.owned == Partitions{kFirst});
        QCOMPARE(bench.events(LogEvent::PartitionRevoked).at(0).count, 0); // nothing uncommitted
    }

    void theCommitBeforeGivingUpIsTriedAgain_data()
    {
        QTest::addColumn<int>("error");
        QTest::addColumn<bool>("again");
        QTest::newRow("stale") << static_cast<int>(ErrorCode::StaleMemberEpoch) << true;
        QTest::newRow("loading") << static_cast<int>(ErrorCode::CoordinatorLoadInProgress) << true;
        QTest::newRow("moved") << static_cast<int>(ErrorCode::NotCoordinator) << true;
        QTest::newRow("unknown") << static_cast<int>(ErrorCode::UnknownMemberId) << false;
    }
    void theCommitBeforeGivingUpIsTriedAgain()
    {
        QFETCH(int, error);
        QFETCH(bool, again);
        Bench bench(autoCommitting());
        bench.own({kFirst, kSecond});
        bench.advance(5s);
        bench.take<OffsetCommitRequest>();
        bench.welcome(bench.heartbeat(), 1, Partitions{kFirst});
        const auto first = bench.take<OffsetCommitRequest>();
        QCOMPARE(first.size(), 1U);
        bench.answerCommit(first[0], static_cast<ErrorCode>(error));
        QCOMPARE(bench.owned().size(), again ? 2U : 1U);
        if (!again)
            return;
        bench.advance(200ms);
        const auto second = bench.take<OffsetCommitRequest>();
        QCOMPARE(second.size(), 1U);
        bench.answerCommit(second[0]);
        QCOMPARE(bench.owned(), Partitions{kFirst});
    }

    void withoutACoordinatorItWaitsForMaxPollIntervalWithTheCommit()
    {
        Bench bench(autoCommitting());
        bench.own({kFirst, kSecond});
        bench.advance(5s);
        bench.welcome(bench.heartbeat(), 1, Partitions{kFirst});
        QCOMPARE(bench.take<OffsetCommitRequest>().size(), 2U); // by its interval, and before
        for (int i = 0; i < 31; ++i) {
            bench.advance(10s); // no answer to any commit
            for (const auto &sent : bench.take<ConsumerGroupHeartbeatRequest>())
                bench.welcome(sent, 1);
            bench.poll();
        }
        QCOMPARE(bench.owned(), Partitions{kFirst});
    }

    void theCoordinatorMayChangeItsMindMeanwhile()
    {
        Bench bench(autoCommitting());
        bench.own({kFirst, kSecond});
        bench.advance(5s);
        bench.take<OffsetCommitRequest>();
        bench.welcome(bench.heartbeat(), 1, Partitions{kFirst});
        const auto commits = bench.take<OffsetCommitRequest>();
        bench.advance(5s);
        bench.take<OffsetCommitRequest>();
        bench.welcome(bench.heartbeat(), 2, Partitions{kSecond});
        bench.answerCommit(commits.at(0));
        // First what was begun is ended and said, then the next begins.
        QCOMPARE(bench.owned(), Partitions{kFirst});
        QVERIFY(bench.heartbeat().request.owned == Partitions{kFirst});
        bench.answerCommit(bench.take<OffsetCommitRequest>().at(0));
        QCOMPARE(bench.owned(), Partitions{kSecond});
    }

    void aStaleCommitIsSentAgainInTheNewEpoch()
    {
        Bench bench;
        bench.own({kFirst});
        bench.give(2);
        QCOMPARE(bench.poll(), 2U);
        bench.commit();
        const auto first = bench.take<OffsetCommitRequest>();
        QCOMPARE(first.at(0).request.generation, 1);
        bench.advance(5s);
        bench.welcome(bench.heartbeat(), 2);
        bench.answerCommit(first[0], ErrorCode::StaleMemberEpoch);
        bench.advance(200ms);
        const auto second = bench.take<OffsetCommitRequest>();
        QCOMPARE(second.at(0).request.generation, 2);
        QCOMPARE(second[0].request.partitions.at(0).committedOffset, 2);
        QCOMPARE(bench.consumer.generation(), 2);
        QCOMPARE(bench.owned(), Partitions{kFirst}); // it is a member all the while
    }

    void whoIsFencedLosesItsPartitionsAndJoinsAnew_data()
    {
        QTest::addColumn<int>("error");
        QTest::newRow("fenced") << static_cast<int>(ErrorCode::FencedMemberEpoch);
        QTest::newRow("unknown") << static_cast<int>(ErrorCode::UnknownMemberId);
    }
    void whoIsFencedLosesItsPartitionsAndJoinsAnew()
    {
        QFETCH(int, error);
        Bench bench(autoCommitting());
        bench.own({kFirst});
        bench.give(2);
        QCOMPARE(bench.poll(), 2U);
        const std::string id = bench.consumer.memberId();
        bench.advance(5s);
        bench.refuse(bench.heartbeat(), static_cast<ErrorCode>(error));
        // The application still works on what it was given.
        QVERIFY(!bench.consumer.isMember());
        QVERIFY(bench.take<ConsumerGroupHeartbeatRequest>().empty());
        bench.give(1);
        QVERIFY(!bench.consumer.hasRecords());
        QCOMPARE(bench.poll(), 0U);
        QVERIFY(bench.owned().empty());
        QVERIFY(bench.take<OffsetCommitRequest>().empty()); // they are not its own any more
        const auto sent = bench.heartbeat();
        QCOMPARE(sent.request.memberEpoch, 0);
        QCOMPARE(sent.request.memberId, id);
        QVERIFY(sent.request.subscribedTopics.has_value());
        bench.welcome(sent, 7, Partitions{kFirst});
        QCOMPARE(bench.owned(), Partitions{kFirst});
        QCOMPARE(bench.consumer.generation(), 7);
    }

    void someAnswersEndIt_data()
    {
        QTest::addColumn<int>("error");
        for (const ErrorCode error : {ErrorCode::UnreleasedInstanceId, ErrorCode::FencedInstanceId,
                 ErrorCode::UnsupportedAssignor, ErrorCode::GroupMaxSizeReached,
                 ErrorCode::InvalidRequest, ErrorCode::UnsupportedVersion})
            QTest::newRow(std::string(errorName(error)).c_str()) << static_cast<int>(error);
    }
    void someAnswersEndIt()
    {
        QFETCH(int, error);
        Bench bench;
        bench.own({kFirst});
        bench.advance(5s);
        bench.refuse(bench.heartbeat(), static_cast<ErrorCode>(error));
        QCOMPARE(static_cast<int>(bench.consumer.failure()), error);
        QVERIFY(bench.owned().empty());
        bench.effects.clear();
        bench.advance(1min);
        bench.poll();
        QVERIFY(bench.effects.empty());
    }

    void whoLeavesSaysSo_data()
    {
        QTest::addColumn<bool>("isStatic");
        QTest::addColumn<int>("epoch");
        QTest::newRow("for good") << false << -1;
        QTest::newRow("for a while") << true << -2;
    }
    void whoLeavesSaysSo()
    {
        QFETCH(bool, isStatic);
        QFETCH(int, epoch);
        ConsumerConfig config = autoCommitting();
        if (isStatic)
            config.groupInstanceId = "worker-1";
        Bench bench(config);
        bench.own({kFirst});
        bench.give(2);
        QCOMPARE(bench.poll(), 2U);
        bench.close();
        const auto sent = bench.heartbeat();
        QCOMPARE(sent.request.memberEpoch, epoch);
        QCOMPARE(bench.take<OffsetCommitRequest>().at(0).request.generation, 1);
        QVERIFY(bench.take<LeaveGroupRequest>().empty());
        QCOMPARE(bench.events(LogEvent::PartitionRevoked).size(), 1U);
    }

    void withoutAPollForMaxPollIntervalItLeavesUntilTheNext()
    {
        Bench bench;
        bench.own({kFirst});
        bench.give(2);
        QCOMPARE(bench.poll(), 2U);
        for (int i = 0; i < 59; ++i) {
            bench.advance(5s);
            bench.give(0);
            bench.welcome(bench.heartbeat(), 1);
        }
        bench.advance(5s);
        QCOMPARE(bench.heartbeat().request.memberEpoch, -1);
        bench.advance(20s);
        QVERIFY(bench.take<ConsumerGroupHeartbeatRequest>().empty());
        QCOMPARE(bench.owned(), Partitions{kFirst}); // it finds out in its next poll()
        bench.poll();
        QVERIFY(bench.owned().empty());
        const auto revoked = bench.events(LogEvent::PartitionRevoked);
        QCOMPARE(revoked.at(0).reason, reason(LogReason::MaxPollInterval));
        QCOMPARE(bench.heartbeat().request.memberEpoch, 0);
    }

    void anotherCoordinatorIsToldAllInTheSameEpoch()
    {
        Bench bench;
        bench.own({kFirst});
        bench.coordinator = 3;
        bench.advance(5s);
        const auto lost = bench.heartbeat();
        bench.refuse(lost, ErrorCode::NotCoordinator);
        bench.advance(200ms);
        const auto sent = bench.heartbeat();
        QCOMPARE(sent.broker.value(), 3);
        QCOMPARE(sent.request.memberEpoch, 1);
        QVERIFY(sent.request.owned == Partitions{kFirst});
        QVERIFY(sent.request.subscribedTopics.has_value());
        QCOMPARE(bench.owned(), Partitions{kFirst});
        bench.welcome(sent, 1);
        bench.advance(5s);
        QVERIFY(!bench.heartbeat().request.owned);
    }

    void aBrokenConnectionLosesNoMembership()
    {
        Bench bench;
        bench.own({kFirst});
        bench.advance(5s);
        bench.heartbeat();
        bench.lose(1);
        bench.advance(300ms);
        const auto sent = bench.heartbeat();
        QCOMPARE(sent.request.memberEpoch, 1);
        QVERIFY(sent.request.owned == Partitions{kFirst});
    }

    void aLoadingCoordinatorIsAskedAgainLaterAndLater()
    {
        Bench bench;
        auto sent = bench.heartbeat();
        bench.refuse(sent, ErrorCode::CoordinatorLoadInProgress);
        QVERIFY(bench.take<ConsumerGroupHeartbeatRequest>().empty());
        bench.advance(130ms);
        sent = bench.heartbeat();
        QCOMPARE(sent.request.memberEpoch, 0);
        bench.refuse(sent, ErrorCode::CoordinatorLoadInProgress);
        bench.advance(130ms);
        QVERIFY(bench.take<ConsumerGroupHeartbeatRequest>().empty());
        bench.advance(130ms);
        bench.welcome(bench.heartbeat(), 1, Partitions{kFirst});
        QCOMPARE(bench.owned(), Partitions{kFirst});
    }

    void groupMetadataIsOfThePresentMembership()
    {
        ConsumerConfig config = member();
        config.groupInstanceId = "worker-1";
        Bench bench(config);
        QCOMPARE(bench.consumer.groupMetadata().generation, -1);
        QCOMPARE(bench.consumer.groupMetadata().memberId, std::string());
        bench.welcome(bench.heartbeat(), 5, Partitions{kFirst});
        const ConsumerGroupMetadata metadata = bench.consumer.groupMetadata();
        QCOMPARE(metadata.group, std::string("billing"));
        QCOMPARE(metadata.generation, 5);
        QCOMPARE(metadata.memberId, bench.consumer.memberId());
        QVERIFY(metadata.groupInstanceId == "worker-1");
    }
};

QTEST_APPLESS_MAIN(ConsumerKip848Test)
#include "tst_consumer_kip848.moc"
