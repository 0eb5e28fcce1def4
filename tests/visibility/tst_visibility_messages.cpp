#include "tests/visibility/service_harness.h"

#include <QTest>

#include <set>

using namespace queuelab;
using namespace queuelab::visibility;
using namespace std::chrono_literals;

namespace {

using Bodies = std::vector<std::string>;

ServiceHarness withQueue(std::map<std::string, std::string> attributes = {})
{
    ServiceHarness harness;
    harness.create("jobs", std::move(attributes));
    return harness;
}

} // namespace

/// One message's life: sent, received, hidden, back again, deleted.
class TestVisibilityMessages : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void messageIsReceivedAsItWasSent();
    void receiveHidesTheMessageForTheQueuesTimeout();
    void receiveWithATimeoutOfItsOwnOverridesTheQueues();
    void receiveWithTimeoutZeroLeavesTheMessageVisibleAndCounts();
    void messageThatComesBackIsReceivedBeforeLaterOnes();
    void messageReceivedThreeTimesGoesToTheBack();
    void messagesOfOneReceiveComeBackTogetherInOrder();
    void oneReceiveReturnsAtMostWhatWasAskedFor();

    void deletedMessageNeverComesBack();
    void deleteThroughAnOldHandleStillDeletes();
    void deleteTwiceIsFine();
    void textThatIsNoHandleIsRefused_data();
    void textThatIsNoHandleIsRefused();
    void handleOfAnotherQueueIsRefused();
    void handleOfADeletedQueueIsNotGoodInItsSuccessor();
    void handleIsNewOnEachReceive();

    void changedVisibilityCountsFromNow();
    void visibilityChangedToZeroShowsTheMessageAtOnce();
    void visibilityChangeAffectsThatReceiveOnly();
    void changeOfAVisibleMessageHidesItAgain();
    void oldHandleStillChangesVisibility();
    void twelveHoursCountFromTheReceive_data();
    void twelveHoursCountFromTheReceive();
    void changeAfterDeleteIsRefused();
    void changeOutOfRangeIsRefused();

    void delayedMessageBecomesVisibleWhenItsDelayIsOver();
    void messagesOwnDelayOverridesTheQueues();
    void delayZeroOverridesTheQueuesDelay();
    void changedQueueDelayLeavesMessagesAlone();

    void messageIsGoneWhenItsRetentionEnds();
    void messageInFlightExpiresToo();
    void shorterRetentionExpiresWhatIsOlderAtOnce();
    void deletingAnExpiredMessageIsFine();

    void inFlightLimitRefusesShortPollsAndHoldsLongPolls();
    void copyOfTheServiceLivesOnAlike();
    void copyIsNotTouchedByWhatHappensToTheOriginal();
    void lateStepCatchesUpInTheOrderOfTime();
    void wakeUpIsAskedForOnceAndOnlyWhenNeeded();
};

void TestVisibilityMessages::messageIsReceivedAsItWasSent()
{
    auto harness = withQueue();
    const MessageAttributes attributes{{"tenant", {"String", "blue", {}}}};
    const auto sent = harness.expect<SendMessageResult>(
        SendMessage{"jobs", SharedBytes::fromText("pay #17"), {}, attributes, "pay-17"});
    harness.advance(1500ms);
    const auto received = harness.receive("jobs");
    QCOMPARE(received.size(), 1U);
    QCOMPARE(received[0].messageId, sent.messageId);
    QCOMPARE(received[0].number, 1U);
    QCOMPARE(std::string(received[0].body.text()), std::string("pay #17"));
    QVERIFY(received[0].attributes == attributes);
    QCOMPARE(received[0].approximateReceiveCount, 1);
    QCOMPARE(received[0].sentTimestamp, epochMillis(kVirtualStart));
    QCOMPARE(received[0].approximateFirstReceiveTimestamp, epochMillis(kVirtualStart) + 1500);
    QCOMPARE(sent.messageId.size(), 36U);
    QCOMPARE(sent.messageId[14], '4'); // a version 4 UUID
}

void TestVisibilityMessages::receiveHidesTheMessageForTheQueuesTimeout()
{
    auto harness = withQueue({{"VisibilityTimeout", "30"}});
    harness.send("jobs", "a");
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
    harness.advance(30s - 1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    QCOMPARE(harness.count(VisibilityEvent::Reappeared), 0U);
    harness.advance(1ns);
    const auto second = harness.receive("jobs");
    QCOMPARE(second.size(), 1U);
    QCOMPARE(second[0].approximateReceiveCount, 2);
    QCOMPARE(second[0].approximateFirstReceiveTimestamp, epochMillis(kVirtualStart));
    QCOMPARE(harness.count(VisibilityEvent::Reappeared, VisibilityReason::VisibilityTimeout), 1U);
    QCOMPARE(harness.queue("jobs").reappeared, 1U);
}

void TestVisibilityMessages::receiveWithATimeoutOfItsOwnOverridesTheQueues()
{
    auto harness = withQueue({{"VisibilityTimeout", "30"}});
    harness.send("jobs", "a");
    QCOMPARE(harness.receive("jobs", 1, 5).size(), 1U);
    harness.advance(5s - 1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    harness.advance(1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityMessages::receiveWithTimeoutZeroLeavesTheMessageVisibleAndCounts()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    harness.send("jobs", "b");
    QCOMPARE(ServiceHarness::bodiesOf(harness.receive("jobs", 10, 0)), (Bodies{"a", "b"}));
    QCOMPARE(harness.queue("jobs").visible, 2U);
    QCOMPARE(harness.queue("jobs").notVisible, 0U);
    const auto again = harness.receive("jobs", 10);
    QCOMPARE(ServiceHarness::bodiesOf(again), (Bodies{"a", "b"}));
    QCOMPARE(again[0].approximateReceiveCount, 2);
    QCOMPARE(harness.queue("jobs").reappeared, 0U); // no timeout ran out
}

void TestVisibilityMessages::messageThatComesBackIsReceivedBeforeLaterOnes()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    harness.receive("jobs", 1, 10);
    harness.send("jobs", "b");
    harness.send("jobs", "c");
    harness.advance(10s);
    QCOMPARE(harness.bodies("jobs"), (Bodies{"a", "b", "c"}));
}

void TestVisibilityMessages::messageReceivedThreeTimesGoesToTheBack()
{
    auto harness = withQueue();
    harness.send("jobs", "poison");
    harness.send("jobs", "fine");
    for (int i = 0; i < 3; ++i) {
        QCOMPARE(harness.bodies("jobs", 1), Bodies{"poison"});
        harness.advance(30s);
    }
    QCOMPARE(harness.bodies("jobs"), (Bodies{"fine", "poison"}));
}

void TestVisibilityMessages::messagesOfOneReceiveComeBackTogetherInOrder()
{
    auto harness = withQueue();
    for (const char *body : {"a", "b", "c", "d"})
        harness.send("jobs", body);
    harness.receive("jobs", 3, 10);
    const auto waiting = harness.longPoll("jobs", 20, "client-2", 10);
    QCOMPARE(ServiceHarness::bodiesOf(harness.messagesOf(waiting)), Bodies{"d"});
    const auto next = harness.longPoll("jobs", 20, "client-2", 10);
    harness.advance(10s);
    QCOMPARE(ServiceHarness::bodiesOf(harness.messagesOf(next)), (Bodies{"a", "b", "c"}));
}

void TestVisibilityMessages::oneReceiveReturnsAtMostWhatWasAskedFor()
{
    auto harness = withQueue();
    for (int i = 0; i < 12; ++i)
        harness.send("jobs", "x");
    QCOMPARE(harness.receive("jobs", 1).size(), 1U);
    QCOMPARE(harness.receive("jobs", 10).size(), 10U);
    QCOMPARE(harness.receive("jobs", 10).size(), 1U);
    QCOMPARE(harness.receive("jobs", 10).size(), 0U);
}

void TestVisibilityMessages::deletedMessageNeverComesBack()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs");
    harness.expect<Done>(DeleteMessage{"jobs", received[0].receiptHandle});
    harness.advance(24h);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    QCOMPARE(harness.count(VisibilityEvent::Deleted), 1U);
    QCOMPARE(harness.queue("jobs").notVisible, 0U);
}

void TestVisibilityMessages::deleteThroughAnOldHandleStillDeletes()
{
    auto harness = withQueue();
    harness.send("jobs", "while visible");
    const auto first = harness.receive("jobs", 1, 10);
    harness.advance(10s);
    harness.expect<Done>(DeleteMessage{"jobs", first[0].receiptHandle});
    QCOMPARE(harness.bodies("jobs"), Bodies{});

    harness.send("jobs", "while someone else holds it");
    const auto slow = harness.receive("jobs", 1, 10);
    harness.advance(10s);
    QCOMPARE(harness.receive("jobs", 1, 10, "client-2").size(), 1U);
    harness.expect<Done>(DeleteMessage{"jobs", slow[0].receiptHandle});
    harness.advance(1h);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    QCOMPARE(harness.count(VisibilityEvent::DeleteTooLate), 2U);
    QCOMPARE(harness.count(VisibilityEvent::Deleted), 0U);
}

void TestVisibilityMessages::deleteTwiceIsFine()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs");
    harness.expect<Done>(DeleteMessage{"jobs", received[0].receiptHandle});
    harness.expect<Done>(DeleteMessage{"jobs", received[0].receiptHandle});
    QCOMPARE(harness.count(VisibilityEvent::DeletedAgain), 1U);
    QCOMPARE(harness.queue("jobs").deleted, 2U); // NumberOfMessagesDeleted counts the calls

    // Its place in memory has a new message now, which the old handle does not touch.
    harness.send("jobs", "b");
    harness.expect<Done>(DeleteMessage{"jobs", received[0].receiptHandle});
    QCOMPARE(harness.bodies("jobs"), Bodies{"b"});
}

void TestVisibilityMessages::textThatIsNoHandleIsRefused_data()
{
    QTest::addColumn<QString>("handle");
    QTest::newRow("garbage") << "garbage";
    QTest::newRow("80 zeros") << QString(80, '0');
    QTest::newRow("not hex") << QString(80, 'x');
    QTest::newRow("too long") << QString(81, '0');
}

void TestVisibilityMessages::textThatIsNoHandleIsRefused()
{
    QFETCH(QString, handle);
    auto harness = withQueue();
    const std::string text = handle.toStdString();
    for (const Request &request :
        {Request(DeleteMessage{"jobs", text}), Request(ChangeMessageVisibility{"jobs", text, 1})}) {
        const SqsError error = harness.refusal(request);
        QCOMPARE(error.kind, ErrorKind::ReceiptHandleIsInvalid);
        QCOMPARE(error.message,
            "The input receipt handle \"" + text + "\" is not a valid receipt handle.");
    }
    QCOMPARE(errorStatus(ErrorKind::ReceiptHandleIsInvalid), 404);
}

void TestVisibilityMessages::handleOfAnotherQueueIsRefused()
{
    auto harness = withQueue();
    harness.create("other");
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs");
    QCOMPARE(harness.refusal(DeleteMessage{"other", received[0].receiptHandle}).kind,
        ErrorKind::ReceiptHandleIsInvalid);
}

void TestVisibilityMessages::handleOfADeletedQueueIsNotGoodInItsSuccessor()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs");
    harness.expect<Done>(DeleteQueue{"jobs"});
    harness.create("jobs");
    QCOMPARE(harness.refusal(DeleteMessage{"jobs", received[0].receiptHandle}).kind,
        ErrorKind::ReceiptHandleIsInvalid);
}

void TestVisibilityMessages::handleIsNewOnEachReceive()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    std::set<std::string> handles;
    for (int i = 0; i < 20; ++i)
        handles.insert(harness.receive("jobs", 1, 0)[0].receiptHandle);
    QCOMPARE(handles.size(), 20U);
}

void TestVisibilityMessages::changedVisibilityCountsFromNow()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs", 1, 30);
    harness.advance(20s);
    harness.expect<Done>(ChangeMessageVisibility{"jobs", received[0].receiptHandle, 15});
    const auto shown = harness.queue("jobs").shownInFlight;
    QCOMPARE(shown.size(), 1U);
    QVERIFY(shown[0].due == harness.now + 15s);
    QVERIFY(shown[0].extended);
    harness.advance(15s - 1ns); // 34.999999999 s after the receive
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    harness.advance(1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityMessages::visibilityChangedToZeroShowsTheMessageAtOnce()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs");
    harness.expect<Done>(ChangeMessageVisibility{"jobs", received[0].receiptHandle, 0});
    QCOMPARE(harness.count(VisibilityEvent::Reappeared, VisibilityReason::VisibilitySetToZero), 1U);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityMessages::visibilityChangeAffectsThatReceiveOnly()
{
    auto harness = withQueue({{"VisibilityTimeout", "30"}});
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs");
    harness.expect<Done>(ChangeMessageVisibility{"jobs", received[0].receiptHandle, 100});
    harness.advance(100s);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
    harness.advance(30s);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityMessages::changeOfAVisibleMessageHidesItAgain()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs", 1, 10);
    harness.advance(10s);
    harness.expect<Done>(ChangeMessageVisibility{"jobs", received[0].receiptHandle, 5});
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    QCOMPARE(harness.attribute("jobs", "ApproximateNumberOfMessagesNotVisible"), std::string("1"));
    harness.advance(5s);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityMessages::oldHandleStillChangesVisibility()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto first = harness.receive("jobs", 1, 10);
    harness.advance(10s);
    QCOMPARE(harness.receive("jobs", 1, 100, "client-2").size(), 1U);
    harness.expect<Done>(ChangeMessageVisibility{"jobs", first[0].receiptHandle, 0});
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityMessages::twelveHoursCountFromTheReceive_data()
{
    QTest::addColumn<qint64>("afterReceive");
    QTest::addColumn<int>("timeout");
    QTest::addColumn<bool>("allowed");
    const qint64 second = 1'000'000'000;
    QTest::newRow("all at once") << qint64{0} << 43'200 << true;
    QTest::newRow("a nanosecond later") << qint64{1} << 43'200 << false;
    QTest::newRow("up to the last second") << 10 * second << 43'190 << true;
    QTest::newRow("a second beyond") << 10 * second << 43'191 << false;
    QTest::newRow("at the end, zero") << 43'199 * second << 0 << true;
    QTest::newRow("at the end, one more") << 43'199 * second << 1 << true;
    QTest::newRow("at the end, two more") << 43'199 * second << 2 << false;
}

void TestVisibilityMessages::twelveHoursCountFromTheReceive()
{
    QFETCH(qint64, afterReceive);
    QFETCH(int, timeout);
    QFETCH(bool, allowed);
    auto harness = withQueue();
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs", 1, 43'200);
    harness.advance(Duration(afterReceive));
    const auto response =
        harness.call(ChangeMessageVisibility{"jobs", received[0].receiptHandle, timeout});
    QCOMPARE(response.has_value(), allowed);
    if (!allowed) {
        QCOMPARE(response.error().kind, ErrorKind::InvalidParameterValue);
        QCOMPARE(response.error().message,
            "Value " + std::to_string(timeout)
                + " for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout "
                  "for the message is beyond the limit [43200 seconds]");
    }
}

void TestVisibilityMessages::changeAfterDeleteIsRefused()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const std::string handle = harness.receive("jobs")[0].receiptHandle;
    harness.expect<Done>(DeleteMessage{"jobs", handle});
    const SqsError error = harness.refusal(ChangeMessageVisibility{"jobs", handle, 10});
    QCOMPARE(error.kind, ErrorKind::InvalidParameterValue);
    QCOMPARE(error.message,
        "Value " + handle
            + " for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
              "available for visibility timeout change.");
}

void TestVisibilityMessages::changeOutOfRangeIsRefused()
{
    auto harness = withQueue();
    harness.send("jobs", "a");
    const std::string handle = harness.receive("jobs")[0].receiptHandle;
    for (const int timeout : {-1, 43'201})
        QCOMPARE(harness.refusal(ChangeMessageVisibility{"jobs", handle, timeout}).kind,
            ErrorKind::InvalidParameterValue);
}

void TestVisibilityMessages::delayedMessageBecomesVisibleWhenItsDelayIsOver()
{
    auto harness = withQueue();
    harness.send("jobs", "a", 900);
    QCOMPARE(harness.queue("jobs").delayed, 1U);
    QCOMPARE(harness.queue("jobs").visible, 0U);
    harness.advance(900s - 1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    harness.advance(1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
    QCOMPARE(harness.count(VisibilityEvent::Delayed), 1U);
    QCOMPARE(harness.count(VisibilityEvent::BecameVisible, VisibilityReason::DelayOver), 1U);
}

void TestVisibilityMessages::messagesOwnDelayOverridesTheQueues()
{
    auto harness = withQueue({{"DelaySeconds", "60"}});
    harness.send("jobs", "queue's");
    harness.send("jobs", "own", 1);
    harness.advance(1s);
    QCOMPARE(harness.bodies("jobs"), Bodies{"own"});
    harness.advance(59s);
    QCOMPARE(harness.queue("jobs").shownVisible.at(1).label, std::string("queue's"));
}

void TestVisibilityMessages::delayZeroOverridesTheQueuesDelay()
{
    auto harness = withQueue({{"DelaySeconds", "60"}});
    harness.send("jobs", "now", 0);
    QCOMPARE(harness.bodies("jobs"), Bodies{"now"});
}

void TestVisibilityMessages::changedQueueDelayLeavesMessagesAlone()
{
    auto harness = withQueue({{"DelaySeconds", "60"}});
    harness.send("jobs", "a");
    harness.expect<Done>(SetQueueAttributes{"jobs", {{"DelaySeconds", "0"}}});
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    harness.advance(60s);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityMessages::messageIsGoneWhenItsRetentionEnds()
{
    auto harness = withQueue({{"MessageRetentionPeriod", "60"}});
    harness.send("jobs", "a");
    harness.advance(60s - 1ns);
    QCOMPARE(harness.queue("jobs").visible, 1U);
    harness.advance(1ns);
    QCOMPARE(harness.queue("jobs").visible, 0U);
    QCOMPARE(harness.count(VisibilityEvent::RetentionEnded), 1U);
}

void TestVisibilityMessages::messageInFlightExpiresToo()
{
    auto harness = withQueue({{"MessageRetentionPeriod", "60"}});
    harness.send("jobs", "a");
    harness.receive("jobs", 1, 60);
    harness.advance(60s); // timeout and retention end together: it is too old to come back
    QCOMPARE(harness.count(VisibilityEvent::Reappeared), 0U);
    QCOMPARE(harness.queue("jobs").notVisible, 0U);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
}

void TestVisibilityMessages::shorterRetentionExpiresWhatIsOlderAtOnce()
{
    auto harness = withQueue();
    harness.send("jobs", "old");
    harness.advance(61s);
    harness.send("jobs", "new");
    harness.expect<Done>(SetQueueAttributes{"jobs", {{"MessageRetentionPeriod", "60"}}});
    QCOMPARE(harness.bodies("jobs"), Bodies{"new"});
}

void TestVisibilityMessages::deletingAnExpiredMessageIsFine()
{
    auto harness = withQueue({{"MessageRetentionPeriod", "60"}});
    harness.send("jobs", "a");
    const auto received = harness.receive("jobs");
    harness.advance(60s);
    harness.expect<Done>(DeleteMessage{"jobs", received[0].receiptHandle});
}

void TestVisibilityMessages::inFlightLimitRefusesShortPollsAndHoldsLongPolls()
{
    constexpr int kMost = 120'000;
    auto harness = withQueue({{"VisibilityTimeout", "43200"}});
    for (int i = 0; i < kMost + 1; ++i)
        harness.send("jobs", "x");
    std::string handle;
    for (int i = 0; i < kMost / 10; ++i)
        handle = harness.receive("jobs", 10).back().receiptHandle;
    QCOMPARE(harness.queue("jobs").notVisible, std::uint64_t{kMost});

    const SqsError error = harness.refusal(ReceiveMessage{"jobs", 1, {}, 0});
    QCOMPARE(error.kind, ErrorKind::OverLimit);
    QCOMPARE(errorStatus(error.kind), 403);

    const auto ended = harness.longPoll("jobs", 1);
    harness.advance(1s);
    QCOMPARE(harness.messagesOf(ended).size(), 0U);
    const auto waiting = harness.longPoll("jobs", 20);
    QVERIFY(!harness.answered(waiting));
    harness.expect<Done>(DeleteMessage{"jobs", handle});
    QCOMPARE(harness.messagesOf(waiting).size(), 1U);
}

void TestVisibilityMessages::copyOfTheServiceLivesOnAlike()
{
    auto original = withQueue({{"VisibilityTimeout", "7"}});
    original.create("dead");
    original.expect<Done>(
        SetQueueAttributes{"jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 2)}}});
    for (int i = 0; i < 300; ++i)
        original.send("jobs", "m" + std::to_string(i), i % 3);
    original.receive("jobs", 10);
    original.longPoll("dead", 20, "client-9", 10);

    ServiceHarness copy = original;
    const auto liveOn = [](ServiceHarness &harness) {
        for (int i = 0; i < 200; ++i) {
            harness.advance(1s);
            const auto messages = harness.receive("jobs", 10, i % 4);
            if (i % 5 == 0 && !messages.empty())
                harness.expect<Done>(DeleteMessage{"jobs", messages.front().receiptHandle});
            harness.send("jobs", "later", i % 2);
        }
    };
    liveOn(original);
    liveOn(copy);
    QCOMPARE(copy.trace.end(), original.trace.end());
    for (std::uint64_t i = 0; i < original.trace.end(); ++i)
        QVERIFY(copy.trace.at(i) == original.trace.at(i));
    QCOMPARE(copy.answers.size(), original.answers.size());
    for (const auto &[id, answer] : original.answers) {
        const auto *result = std::get_if<ReceiveMessageResult>(&answer.value());
        if (result == nullptr)
            continue;
        const auto other = copy.messagesOf(id);
        QCOMPARE(other.size(), result->messages.size());
        for (std::size_t i = 0; i < other.size(); ++i)
            QCOMPARE(other[i].receiptHandle, result->messages[i].receiptHandle);
    }
}

void TestVisibilityMessages::copyIsNotTouchedByWhatHappensToTheOriginal()
{
    auto original = withQueue();
    for (int i = 0; i < 200; ++i)
        original.send("jobs", std::to_string(i));
    const ServiceHarness copy = original;
    std::vector<std::string> handles;
    for (int i = 0; i < 20; ++i) {
        for (const ReceivedMessage &message : original.receive("jobs", 10))
            handles.push_back(message.receiptHandle);
    }
    for (const std::string &handle : handles)
        original.expect<Done>(DeleteMessage{"jobs", handle});
    QCOMPARE(original.queue("jobs").visible, 0U);
    const QueueSnapshot kept = copy.queue("jobs");
    QCOMPARE(kept.visible, 200U);
    QCOMPARE(kept.notVisible, 0U);
    for (std::size_t i = 0; i < kept.shownVisible.size(); ++i) {
        QCOMPARE(kept.shownVisible[i].label, std::to_string(i));
        QCOMPARE(kept.shownVisible[i].receiveCount, 0);
    }
}

void TestVisibilityMessages::lateStepCatchesUpInTheOrderOfTime()
{
    auto harness = withQueue();
    harness.send("jobs", "late", 5);
    const auto ended = harness.longPoll("jobs", 3, "client-1");
    const auto served = harness.longPoll("jobs", 20, "client-2", 1, 30);
    harness.now += 10s; // nobody woke the service
    QCOMPARE(harness.queue("jobs").delayed, 1U);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    QCOMPARE(harness.messagesOf(ended).size(), 0U);
    QCOMPARE(harness.messagesOf(served).size(), 1U);
    QVERIFY(harness.queue("jobs").shownInFlight.at(0).due == harness.now + 30s);
}

void TestVisibilityMessages::wakeUpIsAskedForOnceAndOnlyWhenNeeded()
{
    auto harness = withQueue();
    QVERIFY(!harness.wakeAt());
    harness.send("jobs", "a");
    QVERIFY(harness.wakeAt() == kVirtualStart + 96h); // the default retention period
    const auto received = harness.receive("jobs", 1, 30);
    QVERIFY(harness.wakeAt() == kVirtualStart + 30s);
    harness.expect<Done>(DeleteMessage{"jobs", received[0].receiptHandle});
    harness.advance(30s); // woken for nothing
    QVERIFY(!harness.wakeAt());
    QCOMPARE(harness.count(VisibilityEvent::Reappeared), 0U);
}

QTEST_APPLESS_MAIN(TestVisibilityMessages)
#include "tst_visibility_messages.moc"
