#include "log_world.h"

#include <QtTest>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogWorld;

namespace {

void createTopic(LogWorld &world, const std::string &name, std::int32_t partitions)
{
    CreateTopicsRequest request;
    request.topics.push_back({name, partitions, 1, {}});
    QCOMPARE(world.askFor<CreateTopicsResponse>(request).topics.at(0).error, ErrorCode::None);
}

ConsumerConfig billing(OffsetReset reset = OffsetReset::Earliest)
{
    ConsumerConfig config;
    config.group = "billing";
    config.topics = {"orders"};
    config.autoOffsetReset = reset;
    return config;
}

} // namespace

class ProducerConsumerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void whatIsProducedIsConsumedInOrder()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        const std::size_t producer = world.addProducer();
        world.addConsumer(billing());
        for (int i = 0; i < 1000; ++i)
            world.send(producer, "orders", "order-" + std::to_string(i));
        world.run(5s);
        const auto &seen = world.apps[0].seen[{"orders", 0}];
        QCOMPARE(seen.size(), 1000);
        for (std::size_t i = 0; i < seen.size(); ++i) {
            QCOMPARE(seen[i].offset, static_cast<std::int64_t>(i));
            QCOMPARE(seen[i].value, "order-" + std::to_string(i));
        }
        QCOMPARE(world.producers[producer].status().ackedRecords, 1000U);
    }
};

QTEST_APPLESS_MAIN(ProducerConsumerTest)
#include "tst_producer_consumer.moc"
