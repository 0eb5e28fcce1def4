#include "tests/exchange/lab.h"

#include <QtTest/QtTest>

using namespace queuelab;
using namespace queuelab::exchange;

using Texts = std::vector<std::string>;

class TestExchangeDelivery : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void consumersTakeTurns();
    void aFullConsumerLosesItsTurnAndComesBackAtTheEnd();
    void aBacklogGoesWhollyToAFirstConsumerWithoutAcks();
    void higherPriorityGetsEverythingUntilItIsFull();
    void prefetchIsForConsumersToComeAndEachItsOwn();
    void channelPrefetchHoldsForAllConsumersTogether();
    void raisingTheChannelPrefetchReleasesDeliveries();
    void prefetchForConsumersClearsTheChannelLimit();
    void consumersWithoutAcksKnowNoLimit();
    void singleActiveConsumerHandsOver();
    void exclusiveConsumerKeepsOthersOut();
    void cancelKeepsDeliveriesAckable();
    void reusedTagClosesTheConnection();
    void messageHandedOverIsNeverReady();
    void tagsCountPerChannelOverDeliverAndGet();
    void ackMultipleSettlesEverythingUpToTheTag();
    void unknownTagClosesTheChannel_data();
    void unknownTagClosesTheChannel();
    void ackingEverythingWithNothingOutstandingIsFine();
    void requeueReturnsMessagesToTheirOriginalPlace();
    void redeliveredIsSetAfterRequeueOnly();
    void closedChannelGivesEverythingBackInOrder();
    void lostConnectionGivesEverythingBackAndOthersGetIt();
    void channelsOfALostConnectionGetNothingBack();
    void recoverAnswersFirstAndRedelivers();
    void recoverWithoutRequeueIsNotImplemented();
    void getSaysHowManyAreLeft();
    void unacknowledgedDeliveryTimesOut();
    void settledInTimeIsNoTimeout();
    void confirmsOfAMomentGoOutTogether();
    void multipleConfirmNeverCrossesARefusal();
    void refusedPublishTakesNoConfirmTag();
    void channelErrorsLeaveOtherChannelsUnharmed();
    void connectionErrorsEndTheConnectionOnly();
    void closedChannelIgnoresEverythingUntilReopened();
    void unknownVirtualHostIsRefused();
    void tooManyChannelsAreRefused();
    void wrongContentIsRefused();
    void copyContinuesIdentically();
    void traceTellsOneMessagesLife();
    void snapshotShowsWhoHoldsWhat();
    void everyEventAndReasonHasWords();
};

void TestExchangeDelivery::consumersTakeTurns()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    for (const char *tag : {"c0", "c1", "c2"})
        lab.consume(client, "q", tag);
    for (int i = 0; i < 7; ++i)
        lab.publish(client, "", "q", "m");
    Texts tags;
    for (const BasicDeliver &delivery : lab.take<BasicDeliver>(client))
        tags.push_back(delivery.consumerTag);
    QCOMPARE(tags, Texts({"c0", "c1", "c2", "c0", "c1", "c2", "c0"}));
}

void TestExchangeDelivery::aFullConsumerLosesItsTurnAndComesBackAtTheEnd()
{
    Lab lab;
    const auto slow = lab.connect(1);
    const auto fast = lab.connect(2);
    lab.queue(slow, "q");
    lab.prefetch(slow, 1);
    lab.consume(slow, "q", "slow");
    lab.consume(fast, "q", "fast");
    for (const char *body : {"1", "2", "3", "4"})
        lab.publish(slow, "", "q", body);
    QCOMPARE(lab.delivered(slow), Texts({"1"}));
    QCOMPARE(lab.delivered(fast), Texts({"2", "3", "4"}));
    lab.send(slow, BasicAck{1, false});
    lab.publish(slow, "", "q", "5"); // the one that came back stands behind
    lab.publish(slow, "", "q", "6");
    QCOMPARE(lab.delivered(fast), Texts({"5"}));
    QCOMPARE(lab.delivered(slow), Texts({"6"}));
}

void TestExchangeDelivery::aBacklogGoesWhollyToAFirstConsumerWithoutAcks()
{
    Lab lab;
    const auto first = lab.connect(1);
    const auto second = lab.connect(2);
    lab.queue(first, "q");
    for (const char *body : {"1", "2", "3"})
        lab.publish(first, "", "q", body);
    lab.consume(first, "q", "a", true);
    lab.consume(second, "q", "b", true);
    QCOMPARE(lab.delivered(first), Texts({"1", "2", "3"}));
    QVERIFY(lab.delivered(second).empty());
    QCOMPARE(lab.find("q").messagesUnacknowledged, 0U);
}

void TestExchangeDelivery::higherPriorityGetsEverythingUntilItIsFull()
{
    Lab lab;
    const auto low = lab.connect(1);
    const auto high = lab.connect(2);
    lab.queue(low, "q");
    lab.consume(low, "q", "low");
    lab.prefetch(high, 2);
    lab.call<BasicConsumeOk>(high, BasicConsume{"q", "high", false, false, {{"x-priority", 5}}});
    for (const char *body : {"1", "2", "3"})
        lab.publish(low, "", "q", body);
    QCOMPARE(lab.delivered(high), Texts({"1", "2"}));
    QCOMPARE(lab.delivered(low), Texts({"3"}));
    lab.send(high, BasicAck{1, false});
    lab.publish(low, "", "q", "4");
    QCOMPARE(lab.delivered(high), Texts({"4"}));
    QVERIFY(lab.refusal(low, BasicConsume{"q", "x", false, false, {{"x-priority", "high"}}})
            .starts_with("406"));
}

void TestExchangeDelivery::prefetchIsForConsumersToComeAndEachItsOwn()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "a");
    lab.queue(client, "b");
    lab.prefetch(client, 2);
    lab.consume(client, "a", "a");
    lab.prefetch(client, 1);
    lab.consume(client, "b", "b");
    for (int i = 0; i < 4; ++i) {
        lab.publish(client, "", "a", "a");
        lab.publish(client, "", "b", "b");
    }
    QCOMPARE(lab.delivered(client), Texts({"a", "b", "a"}));
    QCOMPARE(lab.find("a").messagesReady, 2U);
    QCOMPARE(lab.find("b").messagesReady, 3U);
    lab.call<BasicGetOk>(client, BasicGet{"a"}); // a get does not count against it
    lab.send(client, BasicAck{1, false});
    QCOMPARE(lab.delivered(client), Texts({"a"}));
}

void TestExchangeDelivery::channelPrefetchHoldsForAllConsumersTogether()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "a");
    lab.queue(client, "b");
    lab.prefetch(client, 2, true);
    lab.consume(client, "a", "a");
    lab.consume(client, "b", "b");
    for (const char *queue : {"a", "b", "a", "b"})
        lab.publish(client, "", queue, queue);
    QCOMPARE(lab.delivered(client), Texts({"a", "b"}));
    lab.send(client, BasicAck{1, false});
    QCOMPARE(lab.delivered(client).size(), 1U);
    lab.send(client, BasicAck{0, true});
    QCOMPARE(lab.delivered(client).size(), 1U);
}

void TestExchangeDelivery::raisingTheChannelPrefetchReleasesDeliveries()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.prefetch(client, 1, true);
    lab.consume(client, "q");
    for (const char *body : {"1", "2", "3"})
        lab.publish(client, "", "q", body);
    QCOMPARE(lab.delivered(client), Texts({"1"}));
    lab.send(client, BasicQos{2, true});
    const auto answers = lab.takeAll(client);
    QVERIFY(std::holds_alternative<Ok>(answers[0])); // qos-ok comes first
    QVERIFY(std::holds_alternative<BasicDeliver>(answers[1]));
    lab.prefetch(client, 0, true);
    QCOMPARE(lab.delivered(client), Texts({"3"}));
}

void TestExchangeDelivery::prefetchForConsumersClearsTheChannelLimit()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.prefetch(client, 1, true);
    lab.consume(client, "q");
    for (const char *body : {"1", "2", "3"})
        lab.publish(client, "", "q", body);
    lab.prefetch(client, 1);
    QCOMPARE(lab.delivered(client),
        Texts({"1", "2", "3"})); // the consumer made before has no limit of its own
}

void TestExchangeDelivery::consumersWithoutAcksKnowNoLimit()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.prefetch(client, 1);
    lab.prefetch(client, 1, true);
    lab.consume(client, "q", "c", true);
    for (const char *body : {"1", "2", "3"})
        lab.publish(client, "", "q", body);
    QCOMPARE(lab.delivered(client), Texts({"1", "2", "3"}));
}

void TestExchangeDelivery::singleActiveConsumerHandsOver()
{
    Lab lab;
    const auto first = lab.connect(1);
    const auto second = lab.connect(2);
    lab.queue(first, "q", {{"x-single-active-consumer", true}});
    lab.prefetch(first, 1);
    lab.consume(first, "q", "first");
    lab.consume(second, "q", "second");
    for (const char *body : {"1", "2", "3"})
        lab.publish(first, "", "q", body);
    QCOMPARE(lab.delivered(first), Texts({"1"}));
    QVERIFY(lab.delivered(second).empty()); // although the first is full
    lab.send(first, BasicAck{1, false});
    QCOMPARE(lab.delivered(first), Texts({"2"}));
    lab.loseConnection(1);
    QCOMPARE(lab.delivered(second), Texts({"2*", "3"}));
    QCOMPARE(lab.refusal(second, BasicConsume{"q", "x", false, true, {}}),
        std::string("403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"));
}

void TestExchangeDelivery::exclusiveConsumerKeepsOthersOut()
{
    Lab lab;
    const auto first = lab.connect(1);
    const auto second = lab.connect(2);
    lab.queue(first, "q");
    const std::string inUse = "403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";
    lab.call<BasicConsumeOk>(first, BasicConsume{"q", "only", false, true, {}});
    QCOMPARE(lab.refusal(second, BasicConsume{"q", "x", false, false, {}}), inUse);
    lab.call<BasicCancelOk>(first, BasicCancel{"only"});
    lab.consume(second, "q", "y");
    QCOMPARE(lab.refusal(first, BasicConsume{"q", "only", false, true, {}}), inUse);
}

void TestExchangeDelivery::cancelKeepsDeliveriesAckable()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.consume(client, "q", "c");
    lab.publish(client, "", "q", "1");
    lab.call<BasicCancelOk>(client, BasicCancel{"c"});
    lab.publish(client, "", "q", "2");
    QCOMPARE(lab.delivered(client), Texts({"1"})); // nothing after cancel-ok
    QCOMPARE(lab.find("q").messagesUnacknowledged, 1U);
    QCOMPARE(lab.refusal(client, BasicAck{1, false}), std::string());
    QCOMPARE(lab.call<BasicCancelOk>(client, BasicCancel{"never was"}).consumerTag,
        std::string("never was"));
}

void TestExchangeDelivery::reusedTagClosesTheConnection()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.consume(client, "q", "ct");
    const auto other = lab.channel(1, 2);
    lab.consume(other, "q", "ct"); // another channel may
    QCOMPARE(lab.refusal(client, BasicConsume{"q", "ct", false, false, {}}),
        std::string("connection 530 NOT_ALLOWED - attempt to reuse consumer tag 'ct'"));
}

void TestExchangeDelivery::messageHandedOverIsNeverReady()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.publish(client, "", "q", "waits");
    lab.consume(client, "q");
    lab.publish(client, "", "q", "handed over");
    QCOMPARE(lab.count(ExchangeEvent::Enqueued), 2U);
    QCOMPARE(lab.count(ExchangeEvent::Enqueued, ExchangeReason::HandedOver), 1U);
}

void TestExchangeDelivery::tagsCountPerChannelOverDeliverAndGet()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.publish(client, "", "q", "1");
    QCOMPARE(
        lab.call<BasicGetOk>(client, BasicGet{"q", true}).deliveryTag, 1U); // no-ack takes one too
    lab.consume(client, "q");
    lab.publish(client, "", "q", "2");
    QCOMPARE(lab.take<BasicDeliver>(client).front().deliveryTag, 2U);
    lab.call<Ok>(client, ChannelClose{});
    lab.channel(1, 1);
    QCOMPARE(lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, 1U);
}

void TestExchangeDelivery::ackMultipleSettlesEverythingUpToTheTag()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "a");
    lab.queue(client, "b");
    lab.consume(client, "a");
    lab.consume(client, "b");
    for (const char *queue : {"a", "b", "a", "b"})
        lab.publish(client, "", queue, "m");
    lab.send(client, BasicAck{2, false});
    lab.send(client, BasicAck{3, true});
    QCOMPARE(lab.find("a").acknowledged, 2U);
    QCOMPARE(lab.find("b").acknowledged, 1U);
    QCOMPARE(lab.find("b").messagesUnacknowledged, 1U);
}

void TestExchangeDelivery::unknownTagClosesTheChannel_data()
{
    QTest::addColumn<quint64>("tag");
    QTest::addColumn<bool>("multiple");
    QTest::newRow("never issued") << quint64(9) << false;
    QTest::newRow("zero, single") << quint64(0) << false;
    QTest::newRow("acked before") << quint64(1) << false;
    QTest::newRow("multiple beyond the last") << quint64(9) << true;
    QTest::newRow("multiple at a settled one") << quint64(3) << true;
}

void TestExchangeDelivery::unknownTagClosesTheChannel()
{
    QFETCH(quint64, tag);
    QFETCH(bool, multiple);
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.consume(client, "q");
    for (int i = 0; i < 4; ++i)
        lab.publish(client, "", "q", "m");
    lab.send(client, BasicAck{1, false});
    lab.send(client, BasicAck{3, false});
    QCOMPARE(lab.refusal(client, BasicAck{tag, multiple}),
        fmt::format("406 PRECONDITION_FAILED - unknown delivery tag {}", tag));
    QCOMPARE(lab.find("q").messagesReady, 2U); // the channel's others came back
}

void TestExchangeDelivery::ackingEverythingWithNothingOutstandingIsFine()
{
    Lab lab;
    const auto client = lab.connect(1);
    QCOMPARE(lab.refusal(client, BasicAck{0, true}), std::string());
    QCOMPARE(lab.refusal(client, BasicNack{0, true, true}), std::string());
}

void TestExchangeDelivery::requeueReturnsMessagesToTheirOriginalPlace()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    for (const char *body : {"1", "2", "3", "4", "5"})
        lab.publish(client, "", "q", body);
    for (int i = 0; i < 4; ++i)
        lab.call<BasicGetOk>(client, BasicGet{"q"});
    for (const std::uint64_t tag : std::initializer_list<std::uint64_t>{4, 1, 3, 2})
        lab.send(client, BasicReject{tag, true});
    QCOMPARE(lab.ready("q"), Texts({"1", "2", "3", "4", "5"}));
}

void TestExchangeDelivery::redeliveredIsSetAfterRequeueOnly()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.publish(client, "", "q", "m");
    const auto first = lab.call<BasicGetOk>(client, BasicGet{"q"});
    QVERIFY(!first.redelivered);
    lab.send(client, BasicNack{first.deliveryTag, false, true});
    const auto second = lab.call<BasicGetOk>(client, BasicGet{"q"});
    QVERIFY(second.redelivered);
    QCOMPARE(second.messageNumber, first.messageNumber);
    QCOMPARE(lab.count(ExchangeEvent::Requeued, ExchangeReason::Nacked), 1U);
    QCOMPARE(lab.count(ExchangeEvent::Delivered, ExchangeReason::Redelivered), 1U);
}

void TestExchangeDelivery::closedChannelGivesEverythingBackInOrder()
{
    Lab lab;
    const auto client = lab.connect(1);
    const auto other = lab.connect(2);
    lab.queue(client, "q");
    lab.consume(client, "q");
    for (const char *body : {"1", "2", "3"})
        lab.publish(client, "", "q", body);
    lab.send(client, BasicAck{2, false});
    lab.call<Ok>(client, ChannelClose{});
    QCOMPARE(lab.ready("q"), Texts({"1", "3"}));
    QCOMPARE(lab.count(ExchangeEvent::Requeued, ExchangeReason::ChannelClosed), 2U);
    lab.consume(other, "q");
    QCOMPARE(lab.delivered(other), Texts({"1*", "3*"}));
}

void TestExchangeDelivery::lostConnectionGivesEverythingBackAndOthersGetIt()
{
    Lab lab;
    const auto victim = lab.connect(1);
    const auto other = lab.connect(2);
    lab.queue(victim, "q");
    lab.prefetch(victim, 2);
    lab.consume(victim, "q");
    for (const char *body : {"1", "2", "3"})
        lab.publish(other, "", "q", body);
    lab.prefetch(other, 10);
    lab.consume(other, "q");
    QCOMPARE(lab.delivered(other), Texts({"3"}));
    lab.loseConnection(1);
    QCOMPARE(lab.delivered(other), Texts({"1*", "2*"}));
    QCOMPARE(lab.count(ExchangeEvent::Requeued, ExchangeReason::ConnectionLost), 2U);
    QCOMPARE(lab.snapshot().connections, 1U);
    lab.loseConnection(1); // twice is harmless
}

void TestExchangeDelivery::channelsOfALostConnectionGetNothingBack()
{
    Lab lab;
    const auto first = lab.connect(1);
    const auto second = lab.channel(1, 2);
    lab.queue(first, "q");
    lab.prefetch(first, 1);
    lab.consume(first, "q");
    lab.publish(first, "", "q", "m");
    lab.consume(second, "q");
    lab.loseConnection(1);
    // The message was never handed to the dying connection's other channel.
    QCOMPARE(lab.find("q").delivered, 1U);
    QCOMPARE(lab.ready("q"), Texts({"m"}));
}

void TestExchangeDelivery::recoverAnswersFirstAndRedelivers()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.consume(client, "q");
    lab.publish(client, "", "q", "m");
    lab.takeAll(client);
    lab.send(client, BasicRecover{true});
    const auto answers = lab.takeAll(client);
    QCOMPARE(answers.size(), 2U);
    QVERIFY(std::holds_alternative<Ok>(answers[0]));
    const auto *again = std::get_if<BasicDeliver>(&answers[1]);
    QVERIFY(again && again->redelivered && again->deliveryTag == 2);
}

void TestExchangeDelivery::recoverWithoutRequeueIsNotImplemented()
{
    Lab lab;
    const auto client = lab.connect(1);
    QCOMPARE(lab.refusal(client, BasicRecover{false}),
        std::string("connection 540 NOT_IMPLEMENTED - requeue=false"));
}

void TestExchangeDelivery::getSaysHowManyAreLeft()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.call<BasicGetEmpty>(client, BasicGet{"q"});
    lab.publish(client, "", "q", "1");
    lab.publish(client, "", "q", "2");
    const auto got = lab.call<BasicGetOk>(client, BasicGet{"q"});
    QCOMPARE(got.messageCount, 1U);
    QCOMPARE(got.exchange, std::string());
    QCOMPARE(got.routingKey, std::string("q"));
}

void TestExchangeDelivery::unacknowledgedDeliveryTimesOut()
{
    BrokerConfig config;
    config.consumerTimeoutMs = 1000;
    Lab lab(config);
    const auto client = lab.connect(1);
    const auto other = lab.connect(2);
    lab.queue(client, "q");
    lab.consume(client, "q");
    lab.publish(client, "", "q", "m");
    lab.advance(59'999ms);
    QVERIFY(lab.take<ChannelClosed>(client).empty()); // looked at once a minute
    lab.advance(1ms);
    const auto closed = lab.take<ChannelClosed>(client);
    QCOMPARE(closed.size(), 1U);
    QCOMPARE(closed[0].replyCode, 406);
    QCOMPARE(closed[0].replyText,
        std::string(
            "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value "
            "used: 1000 "
            "ms. This timeout value can be configured, see consumers doc guide to learn more"));
    QCOMPARE(lab.count(ExchangeEvent::Requeued, ExchangeReason::AckTimeout), 1U);
    lab.consume(other, "q");
    QCOMPARE(lab.delivered(other), Texts({"m*"}));
    lab.advance(10s);
    QVERIFY(lab.take<ChannelClosed>(client).empty()); // closed once
}

void TestExchangeDelivery::settledInTimeIsNoTimeout()
{
    Lab lab; // 30 minutes
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.consume(client, "q");
    lab.publish(client, "", "q", "1");
    lab.advance(20min);
    lab.publish(client, "", "q", "2");
    lab.send(client, BasicAck{1, false});
    lab.advance(30min);
    QVERIFY(lab.take<ChannelClosed>(client).empty()); // the second is not older than the timeout
    lab.advance(1min);
    QCOMPARE(lab.take<ChannelClosed>(client).size(), 1U);
}

void TestExchangeDelivery::confirmsOfAMomentGoOutTogether()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.call<Ok>(client, ConfirmSelect{});
    lab.call<Ok>(client, ConfirmSelect{}); // again is fine
    for (int i = 0; i < 20; ++i)
        lab.hand(client, Lab::message("", i % 2 == 0 ? "q" : "nobody", "m"));
    lab.settle();
    const auto acks = lab.take<ConfirmAck>(client);
    QCOMPARE(acks.size(), 1U);
    QCOMPARE(acks[0].deliveryTag, 20U);
    QVERIFY(acks[0].multiple);
    lab.publish(client, "", "q", "m");
    const auto single = lab.take<ConfirmAck>(client);
    QCOMPARE(single.size(), 1U);
    QCOMPARE(single[0].deliveryTag, 21U);
    QVERIFY(!single[0].multiple);
}

void TestExchangeDelivery::multipleConfirmNeverCrossesARefusal()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.queue(client, "full", {{"x-max-length", 0}, {"x-overflow", "reject-publish"}});
    lab.call<Ok>(client, ConfirmSelect{});
    for (const char *queue : {"q", "q", "full", "q", "full"})
        lab.hand(client, Lab::message("", queue, "m"));
    lab.settle();
    Texts answers;
    for (const ServerMethod &method : lab.takeAll(client)) {
        if (const auto *ack = std::get_if<ConfirmAck>(&method))
            answers.push_back(
                fmt::format("ack {}{}", ack->deliveryTag, ack->multiple ? " multiple" : ""));
        else if (const auto *nack = std::get_if<ConfirmNack>(&method))
            answers.push_back(
                fmt::format("nack {}{}", nack->deliveryTag, nack->multiple ? " multiple" : ""));
    }
    QCOMPARE(answers, Texts({"ack 2 multiple", "ack 4", "nack 3", "nack 5"}));
}

void TestExchangeDelivery::refusedPublishTakesNoConfirmTag()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.call<Ok>(client, ConfirmSelect{});
    lab.send(client, Lab::message("missing", "k", "m"));
    QVERIFY(lab.take<ConfirmAck>(client).empty());
    QCOMPARE(lab.take<ChannelClosed>(client).size(), 1U);
}

void TestExchangeDelivery::channelErrorsLeaveOtherChannelsUnharmed()
{
    Lab lab;
    const auto first = lab.connect(1);
    const auto second = lab.channel(1, 2);
    lab.queue(second, "q");
    lab.consume(second, "q");
    QVERIFY(lab.refusal(first, BasicGet{"missing"}).starts_with("404"));
    lab.publish(second, "", "q", "m");
    QCOMPARE(lab.delivered(second), Texts({"m"}));
    QCOMPARE(lab.count(ExchangeEvent::CommandRefused), 1U);
    QCOMPARE(lab.count(ExchangeEvent::ChannelClosed, ExchangeReason::ByBroker), 1U);
}

void TestExchangeDelivery::connectionErrorsEndTheConnectionOnly()
{
    Lab lab;
    const auto culprit = lab.connect(1);
    const auto other = lab.connect(2);
    lab.queue(culprit, "q");
    lab.consume(culprit, "q");
    lab.publish(other, "", "q", "m");
    QCOMPARE(lab.refusal(culprit, ChannelOpen{}),
        std::string("connection 504 CHANNEL_ERROR - second 'channel.open' seen"));
    lab.consume(other, "q");
    QCOMPARE(lab.delivered(other), Texts({"m*"}));
    lab.send(culprit, BasicGet{"q"}); // what was under way is ignored
    QVERIFY(lab.takeAll(culprit).size() == 1); // the delivery from before
    lab.connect(1);
    QCOMPARE(lab.refusal({1, 7}, BasicGet{"q"}),
        std::string("connection 504 CHANNEL_ERROR - expected 'channel.open'"));
    lab.connect(1);
    QCOMPARE(lab.refusal({1, 0}, BasicGet{"q"}),
        std::string(
            "connection 504 CHANNEL_ERROR - unexpected method in connection state running"));
    lab.connect(1);
    QCOMPARE(lab.refusal({1, 1}, ConnectionClose{}),
        std::string("connection 503 COMMAND_INVALID - unimplemented method"));
}

void TestExchangeDelivery::closedChannelIgnoresEverythingUntilReopened()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.send(client, BasicGet{"missing"});
    QCOMPARE(lab.take<ChannelClosed>(client).size(), 1U);
    lab.publish(client, "", "q", "dropped silently");
    QVERIFY(lab.takeAll(client).empty());
    QVERIFY(lab.ready("q").empty());
    lab.call<Ok>(client, ChannelClose{}); // a close that crossed is answered
    lab.channel(1, 1);
    lab.publish(client, "", "q", "m");
    QCOMPARE(lab.ready("q"), Texts({"m"}));
}

void TestExchangeDelivery::unknownVirtualHostIsRefused()
{
    Lab lab;
    QCOMPARE(lab.refusal({1, 0}, ConnectionOpen{"c", "nope"}),
        std::string("connection 530 NOT_ALLOWED - vhost nope not found"));
    QCOMPARE(lab.snapshot().connections, 0U);
}

void TestExchangeDelivery::tooManyChannelsAreRefused()
{
    BrokerConfig config;
    config.channelMax = 2;
    Lab lab(config);
    lab.connect(1);
    lab.channel(1, 60000); // the number does not matter, the count does
    QCOMPARE(lab.refusal({1, 3}, ChannelOpen{}),
        std::string(
            "connection 530 NOT_ALLOWED - number of channels opened (2) has reached the negotiated "
            "channel_max (2)"));
}

void TestExchangeDelivery::wrongContentIsRefused()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    Properties properties;
    properties.deliveryMode = 3;
    QCOMPARE(lab.refusal(client, Lab::message("", "q", "m", properties)),
        std::string("406 PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,3}"));
    properties = {};
    properties.userId = "bob";
    QCOMPARE(lab.refusal(client, Lab::message("", "q", "m", properties)),
        std::string("406 PRECONDITION_FAILED - user_id property set to 'bob' but authenticated "
                    "user was 'guest'"));
    BasicPublish empty;
    empty.routingKey = "q";
    QCOMPARE(lab.refusal(client, empty), std::string()); // no content is an empty one
    QCOMPARE(lab.ready("q").size(), 1U);
}

void TestExchangeDelivery::copyContinuesIdentically()
{
    Lab original;
    const auto client = original.connect(1);
    const auto worker = original.connect(2);
    original.queue(client, "dead");
    original.queue(client, "q",
        {{"x-message-ttl", 1000}, {"x-dead-letter-exchange", ""},
            {"x-dead-letter-routing-key", "dead"}});
    original.prefetch(worker, 3);
    original.consume(worker, "q");
    for (int i = 0; i < 200; ++i)
        original.publish(client, "", "q", std::to_string(i));

    Lab copy = original;
    const auto goOn = [&](Lab &lab) {
        lab.send(worker, BasicAck{2, false});
        lab.publish(client, "", "q", "later");
        lab.advance(500ms);
        lab.send(worker, BasicNack{0, true, true});
        lab.advance(700ms);
        lab.loseConnection(2);
        lab.advance(1s);
        QueueDeclare unnamed;
        lab.send(client, unnamed);
    };
    goOn(original);
    const Texts shown = original.ready("dead");
    goOn(copy);
    QCOMPARE(copy.ready("dead"), shown);
    QCOMPARE(copy.trace().end(), original.trace().end());
    for (std::uint64_t i = original.trace().first(); i < original.trace().end(); ++i)
        QVERIFY(copy.trace().at(i) == original.trace().at(i));
    QCOMPARE(copy.delivered(worker), original.delivered(worker));
}

void TestExchangeDelivery::traceTellsOneMessagesLife()
{
    Lab lab;
    const auto client = lab.connect(1);
    const auto worker = lab.connect(2);
    lab.queue(client, "q");
    lab.consume(worker, "q");
    lab.publish(client, "", "q", "m");
    lab.loseConnection(2);
    const auto got = lab.call<BasicGetOk>(client, BasicGet{"q"});
    lab.send(client, BasicAck{got.deliveryTag, false});
    std::vector<EventKind> life;
    const NameId queue = lab.trace().names().find("q");
    for (const std::uint64_t sequence : lab.trace().eventsOf(queue, 1))
        life.push_back(lab.trace().at(sequence).kind);
    QVERIFY(life
        == std::vector<EventKind>({kind(ExchangeEvent::Enqueued), kind(ExchangeEvent::Delivered),
            kind(ExchangeEvent::Requeued), kind(ExchangeEvent::Delivered),
            kind(ExchangeEvent::Acked)}));
}

void TestExchangeDelivery::snapshotShowsWhoHoldsWhat()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.prefetch(client, 2);
    lab.consume(client, "q", "c");
    Properties named;
    named.messageId = "pay-17";
    lab.publish(client, "", "q", "body", named);
    lab.publish(client, "", "q", "body only\nsecond line");
    lab.publish(client, "", "q", "waits");
    const BrokerSnapshot shown = lab.snapshot();
    QCOMPARE(shown.consumers.size(), 1U);
    const ConsumerSnapshot &consumer = shown.consumers[0];
    QCOMPARE(consumer.connection, std::string("client-1"));
    QCOMPARE(consumer.prefetch, 2);
    QCOMPARE(consumer.unackedCount, 2U);
    QCOMPARE(consumer.unacked[0].label, std::string("pay-17"));
    QCOMPARE(consumer.unacked[1].label, std::string("body only"));
    QCOMPARE(consumer.unacked[0].deliveries, 1U);
    QCOMPARE(shown.queues[0].ready.size(), 1U);
    QCOMPARE(shown.queues[0].messagesReady, 1U);
    QCOMPARE(shown.queues[0].messagesUnacknowledged, 2U);
}

void TestExchangeDelivery::everyEventAndReasonHasWords()
{
    for (EventKind event = kind(ExchangeEvent::ConnectionOpened);
        event <= kind(ExchangeEvent::CommandRefused); ++event)
        QCOMPARE(std::ranges::count(eventTable(), event, &EventInfo::kind), 1);
    for (EventReason why = reason(ExchangeReason::Redelivered);
        why <= reason(ExchangeReason::HandedOver); ++why)
        QCOMPARE(std::ranges::count(reasonTable(), why, &ReasonInfo::reason), 1);
}

QTEST_APPLESS_MAIN(TestExchangeDelivery)
#include "tst_exchange_delivery.moc"
