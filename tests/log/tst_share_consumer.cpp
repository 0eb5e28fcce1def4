#include <QtTest>

#include "engine/core/memory_files.h"
#include "engine/log/broker.h"
#include "engine/log/events.h"
#include "engine/log/share_consumer.h"

#include <map>
#include <string>
#include <variant>
#include <vector>

using namespace queuelab;
using namespace queuelab::log;

namespace {

const TopicPartition kOrders{"orders", 0};

/// One broker and share consumers, a millisecond apart. The group's membership is the test's: every
/// heartbeat is answered with the partition.
class Lab {
public:
    struct Record {
        std::int64_t offset;
        std::int16_t deliveryCount;
        friend bool operator==(const Record &, const Record &) = default;
    };

    Lab()
        : m_broker(NodeId{1}, BrokerConfig{})
    {
        Context context_ = context();
        invariant(m_broker.open(context_).has_value(), "the broker opens");
        ask(CreateTopicsRequest{{{.name = "orders"}}});
        AlterConfigsRequest earliest;
        earliest.groups.push_back({"billing", {{"share.auto.offset.reset", "earliest"}}});
        ask(earliest);
        ask(FindCoordinatorRequest{"any", CoordinatorType::Share});
        ask(InitializeShareGroupStateRequest{"billing", kOrders, 1, -1});
    }
    Context context() { return {now, m_random, trace, m_files}; }
    void produce(int records)
    {
        BatchBuilder builder;
        builder.reset();
        for (int i = 0; i < records; ++i)
            builder.append(epochMillis(now), std::nullopt, asBytes("order"));
        ProduceRequest request;
        request.partitions.push_back({kOrders, builder.take()});
        ask(request);
    }
    std::size_t add(bool isExplicit, std::int32_t maxPollRecords = 500)
    {
        ShareConsumerConfig config;
        config.group = "billing";
        config.topics = {"orders"};
        config.explicitAcknowledgement = isExplicit;
        config.recordLimit = true;
        config.maxPollRecords = maxPollRecords;
        consumers.emplace_back("worker-" + std::to_string(consumers.size()), config);
        const std::size_t index = consumers.size() - 1;
        step(index, [](ShareConsumer &consumer, Context &context_, ClientEffects &effects) {
            consumer.start(context_, effects);
        });
        return index;
    }
    template <class Function> void step(std::size_t index, Function function)
    {
        Context context_ = context();
        ClientEffects effects;
        function(consumers[index], context_, effects);
        for (ClientEffect &effect : effects) {
            if (auto *sent = std::get_if<SendRequest>(&effect))
                m_agenda.emplace(now + 1ms, ToBroker{index, sent->id, std::move(sent->request)});
            else
                m_agenda.emplace(std::get<WakeClientAt>(effect).at, Wake{index});
        }
    }
    std::vector<Record> poll(std::size_t index)
    {
        std::vector<Record> records;
        step(index, [&](ShareConsumer &consumer, Context &context_, ClientEffects &effects) {
            consumer.poll(context_, effects,
                [&](const TopicPartition &, const RecordView &record, std::int16_t count) {
                    records.push_back({record.offset, count});
                });
        });
        return records;
    }
    /// Polls until there is something, for at most a second.
    std::vector<Record> pollWithin(std::size_t index, Duration limit = 1s)
    {
        for (const Instant end = now + limit; now < end;) {
            if (auto records = poll(index); !records.empty())
                return records;
            run(10ms);
        }
        return {};
    }
    void disconnect(std::size_t index)
    {
        Context context_ = context();
        Effects effects;
        m_broker.apply(ClientGone{clientOf(index)}, context_, effects);
        carryOut(std::move(effects));
        step(index, [](ShareConsumer &consumer, Context &it, ClientEffects &clientEffects) {
            consumer.connectionLost(NodeId{1}, it, clientEffects);
        });
    }
    void run(Duration duration)
    {
        const Instant end = now + duration;
        while (!m_agenda.empty() && m_agenda.begin()->first <= end) {
            auto next = m_agenda.extract(m_agenda.begin());
            now = next.key();
            std::visit([this](auto &event) { happen(event); }, next.mapped());
        }
        now = end;
    }
    SharePartitionSnapshot share() const { return m_broker.snapshot().sharePartitions.at(0); }

    Instant now = kVirtualStart;
    Trace trace;
    std::vector<ShareConsumer> consumers;
    ErrorCode heartbeatError = ErrorCode::None; ///< how heartbeats are answered
    std::vector<bool> heartbeatsTellingTopics; ///< those that came, in order

private:
    struct ToBroker {
        std::size_t client;
        RequestId id;
        Request request;
    };
    struct ToClient {
        std::size_t client;
        RequestId id;
        Response response;
    };
    struct Wake {
        std::size_t client;
    };
    struct BrokerWake { };

    static ClientId clientOf(std::size_t index)
    {
        return ClientId{static_cast<std::uint32_t>(index) + 1};
    }
    void ask(Request request)
    {
        Context context_ = context();
        Effects effects;
        m_broker.apply(
            ClientRequest{ClientId{1'000}, RequestId{1}, std::move(request)}, context_, effects);
        carryOut(std::move(effects));
    }
    void happen(ToBroker &message)
    {
        if (const auto *request = std::get_if<ShareGroupHeartbeatRequest>(&message.request)) {
            heartbeatsTellingTopics.push_back(request->subscribedTopics.has_value());
            ShareGroupHeartbeatResponse response{.error = heartbeatError, .memberEpoch = 1};
            if (heartbeatError == ErrorCode::None)
                response.assignment = {kOrders};
            m_agenda.emplace(now + 1ms, ToClient{message.client, message.id, response});
            return;
        }
        Context context_ = context();
        Effects effects;
        m_broker.apply(ClientRequest{clientOf(message.client), message.id,
                           std::move(message.request), trace.name("worker")},
            context_, effects);
        carryOut(std::move(effects));
    }
    void happen(ToClient &message)
    {
        step(message.client, [&](ShareConsumer &consumer, Context &it, ClientEffects &effects) {
            consumer.apply(message.id, message.response, it, effects);
        });
    }
    void happen(Wake &wake)
    {
        step(wake.client, [](ShareConsumer &consumer, Context &it, ClientEffects &effects) {
            consumer.wake(it, effects);
        });
    }
    void happen(BrokerWake &)
    {
        Context context_ = context();
        Effects effects;
        m_broker.apply(WakeUp{}, context_, effects);
        carryOut(std::move(effects));
    }
    void carryOut(Effects &&effects)
    {
        for (Effect &effect : effects) {
            if (auto *answer = std::get_if<Answer>(&effect)) {
                if (answer->client != ClientId{1'000})
                    m_agenda.emplace(now + 1ms,
                        ToClient{
                            answer->client.value() - 1, answer->id, std::move(answer->response)});
            } else if (const auto *wake = std::get_if<WakeAt>(&effect)) {
                m_agenda.emplace(wake->at, BrokerWake{});
            }
        }
    }

    Random m_random{1};
    MemoryFiles m_files;
    Broker m_broker;
    std::multimap<Instant, std::variant<ToBroker, ToClient, Wake, BrokerWake>> m_agenda;
};

using Records = std::vector<Lab::Record>;

} // namespace

class ShareConsumerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void implicitlyTheNextPollAccepts()
    {
        Lab lab;
        lab.produce(3);
        const std::size_t worker = lab.add(false);
        QCOMPARE(lab.pollWithin(worker), (Records{{0, 1}, {1, 1}, {2, 1}}));
        QCOMPARE(lab.consumers[worker].unacknowledged(), 3);
        QCOMPARE(lab.share().startOffset, 0);
        QVERIFY(lab.poll(worker).empty());
        lab.run(100ms);
        QCOMPARE(lab.share().startOffset, 3);
        lab.produce(1);
        QCOMPARE(lab.pollWithin(worker), (Records{{3, 1}}));
    }

    void explicitlyEachRecordIsAcknowledged()
    {
        Lab lab;
        lab.produce(3);
        const std::size_t worker = lab.add(true);
        QCOMPARE(lab.pollWithin(worker).size(), std::size_t{3});
        ShareConsumer &consumer = lab.consumers[worker];
        QVERIFY(consumer.acknowledge(kOrders, 0, AcknowledgeType::Accept));
        QVERIFY(!consumer.acknowledge(kOrders, 0, AcknowledgeType::Accept));
        QVERIFY(!consumer.acknowledge(kOrders, 9, AcknowledgeType::Accept));
        QVERIFY(consumer.acknowledge(kOrders, 1, AcknowledgeType::Release));
        lab.produce(1);
        QVERIFY(lab.pollWithin(worker).empty()); // one is not acknowledged yet
        QVERIFY(consumer.acknowledge(kOrders, 2, AcknowledgeType::Reject));
        // The fetch that brings the acknowledgements is served before they are stored.
        QCOMPARE(lab.pollWithin(worker), (Records{{3, 1}}));
        QVERIFY(consumer.acknowledge(kOrders, 3, AcknowledgeType::Accept));
        QCOMPARE(lab.pollWithin(worker), (Records{{1, 2}}));
        QCOMPARE(consumer.refused(), std::uint64_t{0});
    }

    void afterARefusedHeartbeatTheNextOneNamesTheTopicsAgain()
    {
        Lab lab;
        const std::size_t worker = lab.add(false);
        lab.run(1s);
        lab.heartbeatError = ErrorCode::CoordinatorNotAvailable;
        lab.run(5s);
        lab.heartbeatError = ErrorCode::None;
        lab.heartbeatsTellingTopics.clear();
        lab.run(15s);
        // An assignment that was lost with the answer would not be told to a member that seems to
        // know it.
        QCOMPARE(lab.heartbeatsTellingTopics, (std::vector{true, false, false}));
        QCOMPARE(lab.consumers[worker].failure(), ErrorCode::None);
    }

    void commitDoesNotWaitForAFetch()
    {
        Lab lab;
        lab.produce(2);
        const std::size_t worker = lab.add(false);
        QCOMPARE(lab.pollWithin(worker).size(), std::size_t{2});
        lab.step(worker, [](ShareConsumer &consumer, Context &context, ClientEffects &effects) {
            consumer.commit(context, effects);
        });
        lab.run(10ms);
        QCOMPARE(lab.share().startOffset, 2);
    }

    void renewingKeepsTheLock()
    {
        Lab lab;
        lab.produce(1);
        const std::size_t worker = lab.add(true);
        QCOMPARE(lab.pollWithin(worker).size(), std::size_t{1});
        for (int i = 0; i < 3; ++i) {
            lab.run(20s);
            QVERIFY(lab.consumers[worker].acknowledge(kOrders, 0, AcknowledgeType::Renew));
            lab.step(worker, [](ShareConsumer &consumer, Context &context, ClientEffects &effects) {
                consumer.commit(context, effects);
            });
        }
        lab.run(10s);
        QCOMPARE(lab.trace.count(kind(LogEvent::AcquisitionLockExpired)), std::uint64_t{0});
        QVERIFY(lab.consumers[worker].acknowledge(kOrders, 0, AcknowledgeType::Accept));
        QVERIFY(lab.poll(worker).empty());
        lab.run(100ms);
        QCOMPARE(lab.share().startOffset, 1);
    }

    void closingReleasesWhatIsNotAcknowledged()
    {
        Lab lab;
        lab.produce(2);
        const std::size_t first = lab.add(true);
        QCOMPARE(lab.pollWithin(first).size(), std::size_t{2});
        QVERIFY(lab.consumers[first].acknowledge(kOrders, 0, AcknowledgeType::Accept));
        lab.step(first, [](ShareConsumer &consumer, Context &context, ClientEffects &effects) {
            consumer.close(context, effects);
        });
        const std::size_t second = lab.add(true);
        QCOMPARE(lab.pollWithin(second), (Records{{1, 2}}));
    }

    void acknowledgementsOfALostConnectionAreRefused()
    {
        Lab lab;
        lab.produce(2);
        const std::size_t worker = lab.add(true);
        QCOMPARE(lab.pollWithin(worker).size(), std::size_t{2});
        lab.disconnect(worker);
        QVERIFY(lab.consumers[worker].acknowledge(kOrders, 0, AcknowledgeType::Accept));
        QVERIFY(lab.consumers[worker].acknowledge(kOrders, 1, AcknowledgeType::Accept));
        QCOMPARE(lab.consumers[worker].refused(), std::uint64_t{2});
        QCOMPARE(lab.pollWithin(worker, 3s), (Records{{0, 2}, {1, 2}}));
    }

    void twoShareOnePartition()
    {
        Lab lab;
        const std::size_t first = lab.add(false, 5);
        const std::size_t second = lab.add(false, 5);
        lab.produce(10);
        const Records one = lab.pollWithin(first);
        const Records two = lab.pollWithin(second);
        QCOMPARE(one.size(), std::size_t{5});
        QCOMPARE(two.size(), std::size_t{5});
        QVERIFY(one.front().offset != two.front().offset);
    }
};

QTEST_APPLESS_MAIN(ShareConsumerTest)
#include "tst_share_consumer.moc"
