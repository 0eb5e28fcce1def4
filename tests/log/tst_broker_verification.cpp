#include <QtTest>

#include "engine/core/memory_files.h"
#include "engine/log/broker.h"
#include "engine/log/events.h"
#include "engine/log/group_records.h"
#include "log_transaction_fixture.h"

#include <deque>

using namespace queuelab;
using namespace queuelab::log;

namespace {

const TopicPartition kOrders{"orders", 0};

/// Broker 1 leads "orders"; broker 2, which coordinates the transactional id and some groups, is
/// the test itself.
class Leader {
public:
    explicit Leader(bool verifies = true)
        : m_broker(NodeId{1}, settings(verifies))
    {
        Context context = makeContext();
        invariant(m_broker.open(context).has_value(), "the broker opens");
        apply(WakeUp{});
        const auto registered =
            fromPeer<BrokerRegistrationResponse>(BrokerRegistrationRequest{2, 7, -1});
        const auto heartbeat = [&] {
            fromPeer<BrokerHeartbeatResponse>(
                BrokerHeartbeatRequest{2, registered.brokerEpoch, INT64_MAX});
        };
        heartbeat();
        run(3s); // it hears of its own registration
        heartbeat();
        CreateTopicsRequest request;
        request.topics.push_back(
            {.name = "orders", .partitions = -1, .replicationFactor = -1, .assignments = {{1}}});
        fromClient<CreateTopicsResponse>(request);
        transactionalId = keyWithCoordinator(CoordinatorType::Transaction, 2);
    }

    std::string transactionalId;

    // The producer.

    RequestId produce(std::int32_t sequence, bool adds, std::uint32_t client = 1,
        std::chrono::milliseconds timeout = 30s)
    {
        ProduceRequest request;
        request.transactionalId = transactionalId;
        request.addsPartitionsToTxn = adds;
        request.timeout = timeout;
        request.partitions.push_back({kOrders, SharedBytes(inTransaction(7, 0, sequence))});
        return send(std::move(request), client);
    }
    RequestId send(Request request, std::uint32_t client = 1)
    {
        const RequestId id{m_nextRequest++};
        apply(ClientRequest{ClientId{client}, id, std::move(request), m_trace.name("shop")});
        return id;
    }
    template <class T> T fromClient(Request request)
    {
        return std::get<T>(m_answers.at(send(std::move(request)).value()));
    }
    /// "0", the error's name, or "-" while there is no answer.
    std::string answerTo(RequestId id)
    {
        const auto found = m_answers.find(id.value());
        if (found == m_answers.end())
            return "-";
        if (const auto *committed = std::get_if<TxnOffsetCommitResponse>(&found->second))
            return std::string(errorName(committed->partitions.at(0).error));
        const auto &answer = std::get<ProduceResponse>(found->second).partitions.at(0);
        return answer.error == ErrorCode::None ? std::to_string(answer.baseOffset)
                                               : std::string(errorName(answer.error));
    }
    void disconnect(std::uint32_t client) { apply(ClientGone{ClientId{client}}); }
    std::int64_t logEnd()
    {
        for (const TopicSnapshot &topic : m_broker.snapshot().topics) {
            if (topic.name == "orders")
                return topic.partitions.at(0).logEndOffset;
        }
        return -1;
    }
    std::string keyWithCoordinator(CoordinatorType type, std::int32_t broker)
    {
        for (int i = 0;; ++i) {
            const std::string key = "key-" + std::to_string(i);
            const auto found =
                fromClient<FindCoordinatorResponse>(FindCoordinatorRequest{key, type});
            if (found.node == broker)
                return key;
            run(100ms);
        }
    }

    // The coordinator.

    struct Question {
        RequestId id;
        AddPartitionsToTxnRequest request;
    };
    /// Questions that wait, oldest first.
    std::deque<Question> questions;

    void answer(ErrorCode error)
    {
        const Question question = questions.front();
        questions.pop_front();
        AddPartitionsToTxnResponse response;
        for (const TopicPartition &partition : question.request.partitions)
            response.partitions.push_back({partition, error});
        apply(PeerAnswer{NodeId{2}, question.id, response});
    }
    void lose() { apply(PeerLost{NodeId{2}}); }
    ErrorCode mark(bool committed)
    {
        WriteTxnMarkersRequest request;
        request.markers.push_back(
            {.producerId = 7, .producerEpoch = 0, .committed = committed, .partitions = {kOrders}});
        return fromPeer<WriteTxnMarkersResponse>(request).markers.at(0).partitions.at(0).error;
    }

    void run(Duration duration)
    {
        const Instant end = m_now + duration;
        while (m_wake && *m_wake <= end) {
            m_now = std::max(m_now, *std::exchange(m_wake, std::nullopt));
            apply(WakeUp{});
        }
        m_now = end;
    }
    std::uint64_t count(LogEvent event) { return m_trace.count(kind(event)); }

private:
    static BrokerConfig settings(bool verifies)
    {
        BrokerConfig config;
        config.brokers = {NodeId{1}, NodeId{2}};
        config.quorumVoters = {NodeId{1}};
        config.brokerSessionTimeout = std::chrono::hours{1};
        config.transactionPartitions = 8;
        config.offsetsTopicPartitions = 8;
        config.offsetsTopicReplicationFactor = 1;
        config.transactionPartitionVerification = verifies;
        return config;
    }
    Context makeContext() { return {m_now, m_random, m_trace, m_files}; }
    template <class T> T fromPeer(Request request)
    {
        const RequestId id{m_nextRequest++};
        apply(PeerRequest{NodeId{2}, id, std::move(request)});
        return std::get<T>(m_answers.at(id.value()));
    }
    void apply(const Input &input)
    {
        Context context = makeContext();
        Effects effects;
        m_broker.apply(input, context, effects);
        for (Effect &effect : effects) {
            if (auto *answered = std::get_if<Answer>(&effect)) {
                m_answers.emplace(answered->id.value(), std::move(answered->response));
            } else if (auto *told = std::get_if<AnswerPeer>(&effect)) {
                m_answers.emplace(told->id.value(), std::move(told->response));
            } else if (auto *asked = std::get_if<AskPeer>(&effect)) {
                if (auto *question = std::get_if<AddPartitionsToTxnRequest>(&asked->request))
                    questions.push_back({asked->id, std::move(*question)});
            } else if (const auto *wake = std::get_if<WakeAt>(&effect)) {
                if (!m_wake || wake->at < *m_wake)
                    m_wake = wake->at;
            }
        }
    }

    MemoryFiles m_files;
    Random m_random{1};
    Trace m_trace;
    Instant m_now = kVirtualStart;
    Broker m_broker;
    std::optional<Instant> m_wake;
    std::uint64_t m_nextRequest = 1;
    std::map<std::uint64_t, Response> m_answers;
};

} // namespace

class BrokerVerificationTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theFirstBatchOfATransactionWaits_data()
    {
        QTest::addColumn<bool>("adds");
        QTest::newRow("version 1: the leader asks whether") << false;
        QTest::newRow("version 2: the leader adds it") << true;
    }
    void theFirstBatchOfATransactionWaits()
    {
        QFETCH(bool, adds);
        Leader leader;
        const RequestId first = leader.produce(0, adds);
        QCOMPARE(leader.answerTo(first), std::string("-"));
        QCOMPARE(leader.logEnd(), 0);
        QCOMPARE(leader.questions.size(), std::size_t{1});
        const AddPartitionsToTxnRequest asked = leader.questions.front().request;
        QCOMPARE(asked.transactionalId, leader.transactionalId);
        QCOMPARE(asked.producerId, 7);
        QCOMPARE(asked.producerEpoch, 0);
        QCOMPARE(asked.verifyOnly, !adds);
        QVERIFY(asked.fromBroker);
        QVERIFY(asked.partitions == std::vector<TopicPartition>{kOrders});
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(first), std::string("0"));
        // From then on the log knows that the transaction has it.
        QCOMPARE(leader.answerTo(leader.produce(1, adds)), std::string("1"));
        QVERIFY(leader.questions.empty());
        QCOMPARE(leader.mark(true), ErrorCode::None);
        QCOMPARE(leader.answerTo(leader.produce(2, adds)), std::string("-"));
        QCOMPARE(leader.questions.size(), std::size_t{1});
    }
    void theCoordinatorsCodesBecomeTheProducers_data()
    {
        QTest::addColumn<bool>("adds");
        QTest::addColumn<ErrorCode>("error");
        QTest::addColumn<QByteArray>("told");
        const auto row = [](const char *name, bool adds, ErrorCode error, const char *told) {
            QTest::newRow(name) << adds << error << QByteArray(told);
        };
        row("not part of it", false, ErrorCode::TransactionAbortable, "TRANSACTION_ABORTABLE");
        row("in no such state", true, ErrorCode::InvalidTxnState, "INVALID_TXN_STATE");
        row("another producer", true, ErrorCode::InvalidProducerIdMapping,
            "INVALID_PRODUCER_ID_MAPPING");
        row("fenced", true, ErrorCode::ProducerFenced, "INVALID_PRODUCER_EPOCH");
        row("still ending", false, ErrorCode::ConcurrentTransactions, "NOT_ENOUGH_REPLICAS");
        row("moved", true, ErrorCode::NotCoordinator, "NOT_ENOUGH_REPLICAS");
        row("loading", true, ErrorCode::CoordinatorLoadInProgress, "NOT_ENOUGH_REPLICAS");
        row("not there", true, ErrorCode::CoordinatorNotAvailable, "NOT_ENOUGH_REPLICAS");
        row("does not know the topic yet", true, ErrorCode::UnknownTopicOrPartition,
            "UNKNOWN_TOPIC_OR_PARTITION");
    }
    void theCoordinatorsCodesBecomeTheProducers()
    {
        QFETCH(bool, adds);
        QFETCH(ErrorCode, error);
        QFETCH(QByteArray, told);
        Leader leader;
        const RequestId id = leader.produce(0, adds);
        leader.answer(error);
        QCOMPARE(leader.answerTo(id), told.toStdString());
        QCOMPARE(leader.logEnd(), 0);
        QCOMPARE(leader.count(LogEvent::TransactionalAppendRefused), 1U);
        QCOMPARE(
            leader.count(LogEvent::ProducerFenced), error == ErrorCode::ProducerFenced ? 1U : 0U);
        // It is asked anew, and nothing is left of the refusal.
        const RequestId again = leader.produce(0, adds);
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(again), std::string("0"));
    }
    void aBusyCoordinatorIsAskedAgainForATenthOfASecond()
    {
        Leader leader;
        const RequestId first = leader.produce(0, true);
        leader.answer(ErrorCode::ConcurrentTransactions);
        QVERIFY(leader.questions.empty());
        leader.run(19ms);
        QVERIFY(leader.questions.empty());
        leader.run(1ms);
        QCOMPARE(leader.questions.size(), std::size_t{1});
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(first), std::string("0"));
        leader.mark(true);

        const RequestId second = leader.produce(1, true);
        for (int i = 0; i < 5; ++i) {
            leader.answer(ErrorCode::ConcurrentTransactions);
            QCOMPARE(leader.answerTo(second), std::string("-"));
            leader.run(20ms);
        }
        leader.answer(ErrorCode::ConcurrentTransactions);
        QCOMPARE(leader.answerTo(second), std::string("CONCURRENT_TRANSACTIONS"));
    }
    void aCoordinatorThatIsLostOrSilentIsTold()
    {
        Leader leader;
        const RequestId lost = leader.produce(0, true);
        leader.lose();
        QCOMPARE(leader.answerTo(lost), std::string("NOT_ENOUGH_REPLICAS"));
        const RequestId silent = leader.produce(0, true, 1, 2s);
        leader.run(1'999ms);
        QCOMPARE(leader.answerTo(silent), std::string("-"));
        leader.run(1ms);
        QCOMPARE(leader.answerTo(silent), std::string("NOT_ENOUGH_REPLICAS"));
        leader.questions.pop_front();
        leader.answer(ErrorCode::None); // too late
        QCOMPARE(leader.logEnd(), 0);
    }
    void aMarkerOvertakesTheAnswer()
    {
        Leader leader;
        const RequestId late = leader.produce(0, false);
        QCOMPARE(leader.mark(false), ErrorCode::None);
        leader.answer(ErrorCode::None); // of the transaction that has just been aborted
        QCOMPARE(leader.answerTo(late), std::string("INVALID_TXN_STATE"));
        QCOMPARE(leader.logEnd(), 1);
        QCOMPARE(leader.count(LogEvent::TransactionalAppendRefused), 1U);
        const RequestId next = leader.produce(0, false);
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(next), std::string("1"));
    }
    void batchesThatWaitTogetherKeepTheirOrder()
    {
        Leader leader;
        const RequestId first = leader.produce(0, true);
        const RequestId second = leader.produce(1, true);
        leader.answer(ErrorCode::None);
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(first), std::string("0"));
        QCOMPARE(leader.answerTo(second), std::string("1"));
        leader.mark(true);

        const RequestId third = leader.produce(2, false);
        const RequestId fourth = leader.produce(3, false);
        std::swap(leader.questions.front(), leader.questions.back());
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(fourth), std::string("OUT_OF_ORDER_SEQUENCE_NUMBER"));
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(third), std::string("3"));
    }
    void aProducerThatIsGoneWritesNothing()
    {
        Leader leader;
        leader.produce(0, true, 9);
        leader.disconnect(9);
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.logEnd(), 0);
        leader.produce(0, true, 9);
        leader.answer(ErrorCode::ConcurrentTransactions);
        leader.disconnect(9);
        leader.run(1s);
        QVERIFY(leader.questions.empty());
    }
    void aTopicThatIsGoneTakesNothing()
    {
        Leader leader;
        const RequestId id = leader.produce(0, true);
        leader.send(DeleteTopicsRequest{{"orders"}});
        leader.answer(ErrorCode::None);
        QCOMPARE(leader.answerTo(id), std::string("UNKNOWN_TOPIC_OR_PARTITION"));
    }
    void withoutVerificationOnlyAddingAsks()
    {
        Leader leader(false);
        QCOMPARE(leader.answerTo(leader.produce(0, false)), std::string("0"));
        QVERIFY(leader.questions.empty());
        leader.mark(true);
        QCOMPARE(leader.answerTo(leader.produce(1, true)), std::string("-"));
        QCOMPARE(leader.questions.size(), std::size_t{1});
    }

    // Offsets in transactions take the same way.

    void aCommitWaitsForTheCoordinator_data()
    {
        QTest::addColumn<ErrorCode>("error");
        QTest::addColumn<QByteArray>("told");
        const auto row = [](const char *name, ErrorCode error, const char *told) {
            QTest::newRow(name) << error << QByteArray(told);
        };
        row("part of it", ErrorCode::None, "NONE");
        row("not part of it", ErrorCode::TransactionAbortable, "TRANSACTION_ABORTABLE");
        row("fenced", ErrorCode::ProducerFenced, "INVALID_PRODUCER_EPOCH");
        row("still ending", ErrorCode::ConcurrentTransactions, "CONCURRENT_TRANSACTIONS");
        row("no answer", ErrorCode::NetworkException, "COORDINATOR_LOAD_IN_PROGRESS");
    }
    void aCommitWaitsForTheCoordinator()
    {
        QFETCH(ErrorCode, error);
        QFETCH(QByteArray, told);
        Leader leader;
        const std::string group = leader.keyWithCoordinator(CoordinatorType::Group, 1);
        TxnOffsetCommitRequest request;
        request.transactionalId = leader.transactionalId;
        request.group = group;
        request.producerId = 7;
        request.producerEpoch = 0;
        request.addsPartitionsToTxn = true;
        request.partitions.push_back({.partition = kOrders, .committedOffset = 3});
        const RequestId id = leader.send(request);
        QCOMPARE(leader.answerTo(id), std::string("-"));
        const AddPartitionsToTxnRequest asked = leader.questions.front().request;
        QVERIFY(!asked.verifyOnly);
        QCOMPARE(asked.partitions.at(0).topic, std::string(kOffsetsTopic));
        QCOMPARE(asked.partitions.at(0).partition, offsetsPartitionFor(group, 8));
        leader.answer(error);
        QCOMPARE(leader.answerTo(id), told.toStdString());
        if (error == ErrorCode::None) {
            QCOMPARE(leader.answerTo(leader.send(request)), std::string("NONE"));
            QVERIFY(leader.questions.empty());
            QCOMPARE(leader.count(LogEvent::TxnOffsetsPending), 2U);
        }
    }
    void aGroupThatIsCoordinatedElsewhereIsNotAskedAbout()
    {
        Leader leader;
        TxnOffsetCommitRequest request;
        request.transactionalId = leader.transactionalId;
        request.group = leader.keyWithCoordinator(CoordinatorType::Group, 2);
        request.producerId = 7;
        request.producerEpoch = 0;
        request.partitions.push_back({.partition = kOrders, .committedOffset = 3});
        QCOMPARE(leader.answerTo(leader.send(request)), std::string("NOT_COORDINATOR"));
        request.group.clear();
        QCOMPARE(leader.answerTo(leader.send(request)), std::string("INVALID_GROUP_ID"));
        QVERIFY(leader.questions.empty());
    }
};

QTEST_APPLESS_MAIN(BrokerVerificationTest)
#include "tst_broker_verification.moc"
