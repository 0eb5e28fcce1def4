#include "tests/exchange/lab.h"

#include <QtTest/QtTest>

using namespace queuelab;
using namespace queuelab::exchange;

using Texts = std::vector<std::string>;
Q_DECLARE_METATYPE(FieldTable)

namespace {

Properties expiring(const char *milliseconds)
{
    Properties properties;
    properties.expiration = milliseconds;
    return properties;
}

Properties withPriority(std::uint8_t priority)
{
    Properties properties;
    properties.priority = priority;
    return properties;
}

} // namespace

class TestExchangeQueues : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void declareAnswersReadyMessagesAndConsumers();
    void redeclaringDifferentlyIsRefused();
    void unknownArgumentsAreIgnored();
    void impossibleArgumentIsRefused_data();
    void impossibleArgumentIsRefused();
    void reservedNamesAreRefusedAndEmptyOnesMadeUp();
    void exclusiveQueueBelongsToItsConnection();
    void exclusiveQueueGoesWithItsConnection();
    void autoDeleteQueueGoesWithItsLastConsumer();
    void unusedQueueExpires();
    void useKeepsAnExpiringQueue();
    void purgeLeavesWhatIsUnacked();
    void deleteHonoursIfUnusedAndIfEmpty();
    void deletingAQueueTellsItsConsumersAndForgetsDeliveries();
    void messagesExpireAtTheirTime();
    void shorterTimeToLiveWins();
    void livingHeadHoldsBackExpiredMessages();
    void unackedMessagesDoNotExpireButARequeuedOneDoesAtOnce();
    void timeToLiveZeroNeedsAConsumerAtHand();
    void badExpirationIsRefused_data();
    void badExpirationIsRefused();
    void fullQueueDropsItsHead();
    void byteLimitCountsReadyBodies();
    void maxLengthZeroPassesMessagesToAReadyConsumer();
    void requeueOverTheLimitDropsTheOldest();
    void rejectPublishNacksAndKeepsWhatIsThere();
    void highestPriorityFirstAndRequeuedToItsPlace();
    void fullPriorityQueueDropsTheHighestFirst();
    void queuesWithoutTimeToLiveAskForNoWakeUp();
};

void TestExchangeQueues::declareAnswersReadyMessagesAndConsumers()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    for (const char *body : {"1", "2", "3"})
        lab.publish(client, "", "q", body);
    lab.prefetch(client, 1);
    lab.consume(client, "q");
    QueueDeclare passive;
    passive.queue = "q";
    passive.passive = true;
    const auto answer = lab.call<QueueDeclareOk>(client, passive);
    QCOMPARE(answer.queue, std::string("q"));
    QCOMPARE(answer.messageCount, 2U); // the unacked one is not ready
    QCOMPARE(answer.consumerCount, 1U);
}

void TestExchangeQueues::redeclaringDifferentlyIsRefused()
{
    Lab lab;
    const auto client = lab.connect(1);
    QueueDeclare first;
    first.queue = "q";
    first.arguments = {{"x-max-length", 5}};
    lab.call<QueueDeclareOk>(client, first);
    const std::string start = "406 PRECONDITION_FAILED - inequivalent arg ";

    QueueDeclare again = first;
    again.durable = true;
    QCOMPARE(lab.refusal(client, again),
        start + "'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'");
    again = first;
    again.autoDelete = true;
    QCOMPARE(lab.refusal(client, again),
        start + "'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'");
    again = first;
    again.arguments["x-message-ttl"].value = std::int64_t{1000};
    QCOMPARE(lab.refusal(client, again),
        start
            + "'x-message-ttl' for queue 'q' in vhost '/': received the value '1000' of type "
              "'signedint' but "
              "current is none");
    again = first;
    again.arguments = {{"x-max-length", 6}};
    QCOMPARE(lab.refusal(client, again),
        start + "'x-max-length' for queue 'q' in vhost '/': received '6' but current is '5'");
    again.arguments.clear();
    QCOMPARE(lab.refusal(client, again),
        start
            + "'x-max-length' for queue 'q' in vhost '/': received none but current is the value "
              "'5' of type "
              "'signedint'");
    again = first;
    again.exclusive = true;
    QVERIFY(lab.refusal(client, again)
            .starts_with("405 RESOURCE_LOCKED - cannot obtain exclusive access"));
    again = first;
    again.arguments["x-queue-type"].value = std::string("classic");
    QCOMPARE(lab.refusal(client, again), std::string()); // what it is anyway
}

void TestExchangeQueues::unknownArgumentsAreIgnored()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-foo", 1}, {"foo", "bar"}});
    QueueDeclare again;
    again.queue = "q";
    again.arguments = {{"x-foo", 2}};
    QCOMPARE(lab.refusal(client, again), std::string());
}

void TestExchangeQueues::impossibleArgumentIsRefused_data()
{
    QTest::addColumn<FieldTable>("arguments");
    QTest::addColumn<QString>("text");
    const auto row = [](const char *name, FieldTable arguments, const char *argument,
                         const char *why) {
        QTest::newRow(name)
            << arguments
            << QString("406 PRECONDITION_FAILED - invalid arg '%1' for queue 'q' in vhost '/': %2")
                   .arg(argument, why);
    };
    row("negative ttl", {{"x-message-ttl", -1}}, "x-message-ttl", "{value_negative,-1}");
    row("ttl as text", {{"x-message-ttl", "1000"}}, "x-message-ttl",
        "\"expected integer, got longstr\"");
    row("ttl beyond ten years", {{"x-message-ttl", std::int64_t{315'360'000'001}}}, "x-message-ttl",
        "{value_too_big,315360000001}");
    row("expires at once", {{"x-expires", 0}}, "x-expires", "{value_zero,0}");
    row("negative length", {{"x-max-length", -1}}, "x-max-length", "{value_negative,-1}");
    row("fraction of bytes", {{"x-max-length-bytes", 1.5}}, "x-max-length-bytes",
        "\"expected integer, got double\"");
    row("too many priorities", {{"x-max-priority", 256}}, "x-max-priority",
        "{max_value_exceeded,256}");
    row("key without exchange", {{"x-dead-letter-routing-key", "k"}}, "x-dead-letter-routing-key",
        "routing_key_but_no_dlx_defined");
    row("exchange as number", {{"x-dead-letter-exchange", 1}}, "x-dead-letter-exchange",
        "{unacceptable_type,signedint}");
    row("unknown overflow", {{"x-overflow", "explode"}}, "x-overflow", "invalid_overflow");
    row("active consumer as text", {{"x-single-active-consumer", "true"}},
        "x-single-active-consumer", "{unacceptable_type,longstr}");
    row("a type that is not there yet", {{"x-queue-type", "quorum"}}, "x-queue-type",
        "\"unsupported queue type 'quorum'\"");
}

void TestExchangeQueues::impossibleArgumentIsRefused()
{
    QFETCH(FieldTable, arguments);
    QFETCH(QString, text);
    Lab lab;
    const auto client = lab.connect(1);
    QueueDeclare declare;
    declare.queue = "q";
    declare.arguments = arguments;
    QCOMPARE(QString::fromStdString(lab.refusal(client, declare)), text);
    QVERIFY(!lab.hasQueue("q"));
}

void TestExchangeQueues::reservedNamesAreRefusedAndEmptyOnesMadeUp()
{
    Lab lab;
    const auto client = lab.connect(1);
    QueueDeclare declare;
    declare.queue = "amq.foo";
    QCOMPARE(lab.refusal(client, declare),
        std::string("403 ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*'"));
    declare.queue.clear();
    const std::string first = lab.call<QueueDeclareOk>(client, declare).queue;
    const std::string second = lab.call<QueueDeclareOk>(client, declare).queue;
    QVERIFY(first.starts_with("amq.gen-"));
    QCOMPARE(first.size(), std::string("amq.gen-").size() + 22);
    QVERIFY(first != second);
    // Without a name the last one is meant, for queue and key alike.
    lab.call<Ok>(client, QueueBind{"", "amq.direct", "", {}});
    lab.publish(client, "amq.direct", second, "m");
    QCOMPARE(lab.ready(second), Texts({"m"}));
    declare.queue = first;
    QCOMPARE(lab.refusal(client, declare), std::string());
}

void TestExchangeQueues::exclusiveQueueBelongsToItsConnection()
{
    Lab lab;
    const auto owner = lab.connect(1);
    const auto stranger = lab.connect(2);
    QueueDeclare declare;
    declare.queue = "mine";
    declare.exclusive = true;
    declare.durable = true; // means nothing for an exclusive queue
    lab.call<QueueDeclareOk>(owner, declare);
    QVERIFY(!lab.find("mine").durable);
    const std::string locked =
        "405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost "
        "'/'. It could be originally declared on another connection or the exclusive property "
        "value does not match that of the original declaration.";
    QCOMPARE(lab.refusal(stranger, declare), locked);
    QCOMPARE(lab.refusal(stranger, BasicConsume{"mine", {}, false, false, {}}), locked);
    QCOMPARE(lab.refusal(stranger, BasicGet{"mine"}), locked);
    QCOMPARE(lab.refusal(stranger, QueuePurge{"mine"}), locked);
    QCOMPARE(lab.refusal(stranger, QueueDelete{"mine"}), locked);
    QCOMPARE(lab.refusal(stranger, QueueBind{"mine", "amq.direct", "k", {}}), locked);
    QCOMPARE(
        lab.refusal(stranger, Lab::message("", "mine", "m")), std::string()); // publishing is fine
    QCOMPARE(lab.ready("mine"), Texts({"m"}));
    declare.durable = false;
    QCOMPARE(lab.refusal(owner, declare), std::string());
}

void TestExchangeQueues::exclusiveQueueGoesWithItsConnection()
{
    Lab lab;
    const auto owner = lab.connect(1);
    lab.queue(owner, "dead");
    QueueDeclare declare;
    declare.queue = "mine";
    declare.exclusive = true;
    declare.arguments = {{"x-dead-letter-exchange", ""}, {"x-dead-letter-routing-key", "dead"}};
    lab.call<QueueDeclareOk>(owner, declare);
    lab.publish(owner, "", "mine", "m");
    lab.loseConnection(1);
    QVERIFY(!lab.hasQueue("mine"));
    QVERIFY(lab.ready("dead").empty()); // deletion is no death
}

void TestExchangeQueues::autoDeleteQueueGoesWithItsLastConsumer()
{
    Lab lab;
    const auto client = lab.connect(1);
    const auto other = lab.connect(2);
    QueueDeclare declare;
    declare.queue = "q";
    declare.autoDelete = true;
    lab.call<QueueDeclareOk>(client, declare);
    QVERIFY(lab.hasQueue("q")); // not before it had one
    lab.consume(client, "q", "a");
    lab.consume(other, "q", "b");
    lab.call<BasicCancelOk>(client, BasicCancel{"a"});
    QVERIFY(lab.hasQueue("q"));
    lab.call<Ok>(other, ChannelClose{});
    QVERIFY(!lab.hasQueue("q"));
}

void TestExchangeQueues::unusedQueueExpires()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q",
        {{"x-expires", 1000}, {"x-dead-letter-exchange", ""},
            {"x-dead-letter-routing-key", "dead"}});
    lab.publish(client, "", "q", "m");
    lab.advance(999ms);
    QVERIFY(lab.hasQueue("q"));
    lab.advance(1ms);
    QVERIFY(!lab.hasQueue("q"));
    QVERIFY(lab.ready("dead").empty());
    QCOMPARE(lab.count(ExchangeEvent::QueueDeleted, ExchangeReason::Expired), 1U);
}

void TestExchangeQueues::useKeepsAnExpiringQueue()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-expires", 1000}});
    lab.advance(900ms);
    lab.queue(client, "q", {{"x-expires", 1000}}); // declaring it again is use
    lab.advance(900ms);
    lab.call<BasicGetEmpty>(client, BasicGet{"q"}); // so is a get
    lab.advance(900ms);
    lab.consume(client, "q", "c");
    lab.advance(1h);
    QVERIFY(lab.hasQueue("q"));
    lab.call<BasicCancelOk>(client, BasicCancel{"c"});
    lab.publish(client, "", "q", "m"); // publishing is not
    lab.advance(1s);
    QVERIFY(!lab.hasQueue("q"));
}

void TestExchangeQueues::purgeLeavesWhatIsUnacked()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    for (const char *body : {"1", "2", "3"})
        lab.publish(client, "", "q", body);
    const auto held = lab.call<BasicGetOk>(client, BasicGet{"q"});
    QCOMPARE(held.messageCount, 2U);
    QCOMPARE(lab.call<MessageCountOk>(client, QueuePurge{"q"}).messageCount, 2U);
    lab.send(client, BasicReject{held.deliveryTag, true});
    QCOMPARE(lab.ready("q"), Texts({"1"}));
}

void TestExchangeQueues::deleteHonoursIfUnusedAndIfEmpty()
{
    Lab lab;
    const auto client = lab.connect(1);
    const auto worker = lab.connect(2);
    lab.queue(client, "q");
    lab.consume(worker, "q", "c");
    QCOMPARE(lab.refusal(client, QueueDelete{"q", true, false}),
        std::string("406 PRECONDITION_FAILED - queue 'q' in vhost '/' in use"));
    lab.call<BasicCancelOk>(worker, BasicCancel{"c"});
    lab.publish(client, "", "q", "m");
    QCOMPARE(lab.refusal(client, QueueDelete{"q", true, true}),
        std::string("406 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty"));
    lab.call<BasicGetOk>(worker, BasicGet{"q"});
    QCOMPARE(lab.call<MessageCountOk>(client, QueueDelete{"q", true, true}).messageCount,
        0U); // unacked is not ready
    QVERIFY(!lab.hasQueue("q"));
}

void TestExchangeQueues::deletingAQueueTellsItsConsumersAndForgetsDeliveries()
{
    Lab lab;
    const auto client = lab.connect(1);
    const auto worker = lab.connect(2);
    lab.queue(client, "q");
    lab.consume(worker, "q", "c");
    lab.publish(client, "", "q", "m");
    QCOMPARE(lab.delivered(worker), Texts({"m"}));
    lab.call<MessageCountOk>(client, QueueDelete{"q"});
    const auto cancelled = lab.take<BasicCancelNotify>(worker);
    QCOMPARE(cancelled.size(), 1U);
    QCOMPARE(cancelled[0].consumerTag, std::string("c"));
    QCOMPARE(lab.refusal(worker, BasicAck{1, false}), std::string()); // too late, but no error
}

void TestExchangeQueues::messagesExpireAtTheirTime()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-message-ttl", 1000}});
    lab.publish(client, "", "q", "1");
    lab.advance(400ms);
    lab.publish(client, "", "q", "2");
    lab.advance(599ms);
    QCOMPARE(lab.ready("q"), Texts({"1", "2"}));
    lab.advance(1ms);
    QCOMPARE(lab.ready("q"), Texts({"2"}));
    lab.advance(400ms);
    QVERIFY(lab.ready("q").empty());
    QCOMPARE(lab.find("q").expired, 2U);
    QCOMPARE(lab.count(ExchangeEvent::Dropped, ExchangeReason::Expired), 2U);
}

void TestExchangeQueues::shorterTimeToLiveWins()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-message-ttl", 1000}});
    lab.publish(client, "", "q", "short", expiring("100"));
    lab.publish(client, "", "q", "long", expiring("5000"));
    lab.advance(100ms);
    QCOMPARE(lab.ready("q"), Texts({"long"}));
    lab.advance(900ms);
    QVERIFY(lab.ready("q").empty());
}

void TestExchangeQueues::livingHeadHoldsBackExpiredMessages()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.publish(client, "", "q", "long", expiring("1200"));
    lab.publish(client, "", "q", "short", expiring("100"));
    lab.advance(1199ms);
    QCOMPARE(lab.find("q").messagesReady, 2U);
    lab.advance(1ms);
    QCOMPARE(lab.find("q").messagesReady, 0U);
    QCOMPARE(lab.find("q").expired, 2U);

    // An expired one is never delivered, even when its head goes another way.
    lab.publish(client, "", "q", "head");
    lab.publish(client, "", "q", "late", expiring("100"));
    lab.publish(client, "", "q", "next");
    lab.advance(1s);
    QCOMPARE(lab.call<BasicGetOk>(client, BasicGet{"q", true}).content->body.text(),
        std::string_view("head"));
    QCOMPARE(lab.call<BasicGetOk>(client, BasicGet{"q", true}).content->body.text(),
        std::string_view("next"));
}

void TestExchangeQueues::unackedMessagesDoNotExpireButARequeuedOneDoesAtOnce()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-message-ttl", 1000}});
    lab.publish(client, "", "q", "m");
    const auto held = lab.call<BasicGetOk>(client, BasicGet{"q"});
    lab.advance(10min);
    QCOMPARE(lab.find("q").messagesUnacknowledged, 1U);
    lab.send(client, BasicNack{held.deliveryTag, false, true});
    QCOMPARE(lab.find("q").messagesReady, 0U);
    QCOMPARE(lab.find("q").expired, 1U);
}

void TestExchangeQueues::timeToLiveZeroNeedsAConsumerAtHand()
{
    Lab lab;
    const auto client = lab.connect(1);
    const auto worker = lab.connect(2);
    lab.call<Ok>(client, ConfirmSelect{});
    lab.queue(client, "q", {{"x-message-ttl", 0}});
    lab.publish(client, "", "q", "nobody there");
    QCOMPARE(lab.find("q").expired, 1U);
    QCOMPARE(lab.take<ConfirmAck>(client).size(), 1U); // the broker did what it was asked to
    lab.consume(worker, "q");
    lab.publish(client, "", "q", "at hand");
    QCOMPARE(lab.delivered(worker), Texts({"at hand"}));
}

void TestExchangeQueues::badExpirationIsRefused_data()
{
    QTest::addColumn<QString>("expiration");
    QTest::addColumn<QString>("why");
    QTest::newRow("word") << "abc" << "no_integer";
    QTest::newRow("empty") << "" << "no_integer";
    QTest::newRow("sign only") << "+" << "no_integer";
    QTest::newRow("fraction") << "1.5" << "{leftover_string,\".5\"}";
    QTest::newRow("unit") << "10ms" << "{leftover_string,\"ms\"}";
    QTest::newRow("negative") << "-1" << "{value_negative,-1}";
    QTest::newRow("too long") << "315360000001" << "{value_too_big,315360000001}";
    QTest::newRow("beyond numbers")
        << "99999999999999999999" << "{value_too_big,99999999999999999999}";
    QTest::newRow("zero") << "0" << "";
    QTest::newRow("plus") << "+5" << "";
    QTest::newRow("ten years") << "315360000000" << "";
}

void TestExchangeQueues::badExpirationIsRefused()
{
    QFETCH(QString, expiration);
    QFETCH(QString, why);
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    const QString text = why.isEmpty()
        ? QString()
        : QString("406 PRECONDITION_FAILED - invalid expiration '%1': %2").arg(expiration, why);
    QCOMPARE(QString::fromStdString(lab.refusal(
                 client, Lab::message("", "q", "m", expiring(expiration.toStdString().c_str())))),
        text);
}

void TestExchangeQueues::fullQueueDropsItsHead()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.call<Ok>(client, ConfirmSelect{});
    lab.queue(client, "q", {{"x-max-length", 2}});
    for (const char *body : {"1", "2", "3"})
        lab.publish(client, "", "q", body);
    QCOMPARE(lab.ready("q"), Texts({"2", "3"}));
    QCOMPARE(lab.find("q").dropped, 1U);
    QVERIFY(lab.take<ConfirmNack>(client).empty()); // the victim was confirmed
}

void TestExchangeQueues::byteLimitCountsReadyBodies()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-max-length-bytes", 5}});
    lab.publish(client, "", "q", "aaa");
    lab.publish(client, "", "q", "bb");
    QCOMPARE(lab.ready("q"), Texts({"aaa", "bb"})); // exactly full
    lab.publish(client, "", "q", "ccc");
    QCOMPARE(lab.ready("q"), Texts({"bb", "ccc"}));
    lab.publish(client, "", "q", "larger than all");
    QVERIFY(lab.ready("q").empty());
}

void TestExchangeQueues::maxLengthZeroPassesMessagesToAReadyConsumer()
{
    Lab lab;
    const auto client = lab.connect(1);
    const auto worker = lab.connect(2);
    lab.queue(client, "q", {{"x-max-length", 0}});
    lab.publish(client, "", "q", "lost");
    lab.prefetch(worker, 1);
    lab.consume(worker, "q");
    lab.publish(client, "", "q", "passed");
    lab.publish(client, "", "q", "lost too");
    QCOMPARE(lab.delivered(worker), Texts({"passed"}));
    QCOMPARE(lab.find("q").dropped, 2U);
}

void TestExchangeQueues::requeueOverTheLimitDropsTheOldest()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-max-length", 2}});
    lab.publish(client, "", "q", "1");
    const auto held = lab.call<BasicGetOk>(client, BasicGet{"q"});
    lab.publish(client, "", "q", "2");
    lab.publish(client, "", "q", "3");
    lab.send(client, BasicReject{held.deliveryTag, true});
    QCOMPARE(lab.ready("q"), Texts({"2", "3"}));
}

void TestExchangeQueues::rejectPublishNacksAndKeepsWhatIsThere()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.call<Ok>(client, ConfirmSelect{});
    lab.queue(client, "full", {{"x-max-length", 1}, {"x-overflow", "reject-publish"}});
    lab.queue(client, "other");
    for (const char *queue : {"full", "other"})
        lab.bind(client, queue, "amq.fanout", "");
    lab.publish(client, "amq.fanout", "", "1");
    QCOMPARE(lab.take<ConfirmAck>(client).size(), 1U);
    lab.publish(client, "amq.fanout", "", "2");
    const auto nacks = lab.take<ConfirmNack>(client);
    QCOMPARE(nacks.size(), 1U);
    QCOMPARE(nacks[0].deliveryTag, 2U);
    QVERIFY(nacks[0].multiple); // a lone nack is a multiple, as the real broker sends it
    QVERIFY(lab.take<ConfirmAck>(client).empty());
    QCOMPARE(lab.ready("full"), Texts({"1"}));
    QCOMPARE(lab.ready("other"), Texts({"1", "2"})); // the other queue keeps its copy

    // With a consumer waiting, max-length 0 still refuses: the limit is looked at first.
    lab.queue(client, "zero", {{"x-max-length", 0}, {"x-overflow", "reject-publish"}});
    lab.consume(client, "zero");
    lab.publish(client, "", "zero", "3");
    QCOMPARE(lab.take<ConfirmNack>(client).size(), 1U);
    QVERIFY(lab.delivered(client).empty());
}

void TestExchangeQueues::highestPriorityFirstAndRequeuedToItsPlace()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-max-priority", 5}});
    lab.publish(client, "", "q", "none");
    lab.publish(client, "", "q", "p1", withPriority(1));
    lab.publish(client, "", "q", "p9", withPriority(9)); // above the highest is the highest
    lab.publish(client, "", "q", "p5", withPriority(5));
    QCOMPARE(lab.ready("q"), Texts({"p9", "p5", "p1", "none"}));
    std::uint64_t last = 0;
    for (int i = 0; i < 3; ++i)
        last = lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag;
    lab.send(client, BasicNack{last, true, true});
    QCOMPARE(lab.ready("q"), Texts({"p9", "p5", "p1", "none"}));
}

void TestExchangeQueues::fullPriorityQueueDropsTheHighestFirst()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-max-priority", 9}, {"x-max-length", 2}});
    for (const std::uint8_t priority : std::initializer_list<std::uint8_t>{1, 5, 3})
        lab.publish(client, "", "q", fmt::format("p{}", priority), withPriority(priority));
    QCOMPARE(lab.ready("q"), Texts({"p3", "p1"})); // as RabbitMQ: the delivery head goes
}

void TestExchangeQueues::queuesWithoutTimeToLiveAskForNoWakeUp()
{
    Broker broker((BrokerConfig()));
    Trace trace;
    Random random(1);
    MemoryFiles files;
    Context context{kVirtualStart, random, trace, files};
    Effects effects;
    const ConnectionId client(1);
    broker.apply(ClientMethod{client, 0, ConnectionOpen{"c", "/"}}, context, effects);
    broker.apply(ClientMethod{client, 1, ChannelOpen{}}, context, effects);
    QueueDeclare declare;
    declare.queue = "q";
    broker.apply(ClientMethod{client, 1, declare}, context, effects);
    broker.apply(ClientMethod{client, 1, Lab::message("", "q", "m")}, context, effects);
    for (const Effect &effect : effects)
        QVERIFY(!std::holds_alternative<WakeAt>(effect));
}

QTEST_APPLESS_MAIN(TestExchangeQueues)
#include "tst_exchange_queues.moc"
