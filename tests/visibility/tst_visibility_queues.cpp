#include "tests/visibility/service_harness.h"

#include <QTest>

#include <set>

using namespace queuelab;
using namespace queuelab::visibility;
using namespace std::chrono_literals;

namespace {

using Bodies = std::vector<std::string>;

SendMessage message(const std::string &body)
{
    SendMessage send;
    send.queue = "jobs";
    send.body = SharedBytes::fromText(body);
    return send;
}

} // namespace

/// Queues and their attributes, long polls, dead letters, and what is shown of them.
class TestVisibilityQueues : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void freshQueueHasTheTwelveAttributes();
    void createAgainWithTheSameValuesIsFine();
    void createAgainWithADifferentValueIsRefused();
    void queueNames_data();
    void queueNames();
    void attributeRanges_data();
    void attributeRanges();
    void unknownAttributesAreRefused_data();
    void unknownAttributesAreRefused();
    void refusedAttributesChangeNothing();
    void modificationTimeIsThatOfTheLastChange();
    void redrivePolicyRefusals_data();
    void redrivePolicyRefusals();
    void redrivePolicyIsShownCompactWithANumber();
    void emptyRedrivePolicyTakesItAway();
    void missingQueueIsRefusedByEveryAction();
    void queuesAreListedByName();
    void purgeRemovesMessagesInEveryPlace();
    void deletedQueueEndsItsLongPollsWithAnError();

    void longPollIsAnsweredBySend();
    void longPollIsAnsweredWhenADelayEnds();
    void longPollIsAnsweredByAReappearance();
    void longPollEndsEmptyAtItsEnd();
    void reappearanceAtTheVeryEndStillAnswersTheLongPoll();
    void longPollWithAMessageThereDoesNotWaitForMore();
    void oldestLongPollIsServedFirst();
    void queueWaitTimeMakesAPollLongAndAnExplicitZeroWins();
    void longPollOfAGoneClientIsForgotten();
    void timeoutOfALongPollBeginsWhenItIsAnswered();
    void timeoutZeroLetsSeveralLongPollsSeeTheSameMessage();

    void receiveAfterTheLastAllowedOneMovesTheMessage_data();
    void receiveAfterTheLastAllowedOneMovesTheMessage();
    void deadLetterKeepsItsIdentityAndItsCount();
    void deadLetterWaitsInTheSourceUntilSomeonePolls();
    void deadLetterAnswersALongPollOnItsQueue();
    void deadLetterExpiresByItsTimeOfSending();
    void sourceHandleDoesNotReachTheDeadLetter();
    void handleFromBeforeACircleOfDeadLettersIsVoid();
    void deletedDeadLetterQueueTakesNothing();
    void queueMayBeItsOwnDeadLetterQueue();
    void twoQueuesThatAreEachOthersDeadLetterQueueComeToRest();

    void snapshotShowsWhereMessagesAre();
    void snapshotIsBounded();
    void everyEventAndReasonHasWords();
};

void TestVisibilityQueues::freshQueueHasTheTwelveAttributes()
{
    ServiceHarness harness;
    harness.create("jobs");
    const std::map<std::string, std::string> expected{
        {"ApproximateNumberOfMessages", "0"},
        {"ApproximateNumberOfMessagesDelayed", "0"},
        {"ApproximateNumberOfMessagesNotVisible", "0"},
        {"CreatedTimestamp", "1767225600"},
        {"DelaySeconds", "0"},
        {"LastModifiedTimestamp", "1767225600"},
        {"MaximumMessageSize", "1048576"},
        {"MessageRetentionPeriod", "345600"},
        {"QueueArn", "arn:aws:sqs:us-east-1:000000000000:jobs"},
        {"ReceiveMessageWaitTimeSeconds", "0"},
        {"SqsManagedSseEnabled", "true"},
        {"VisibilityTimeout", "30"},
    };
    QVERIFY(harness.expect<QueueAttributes>(GetQueueAttributes{"jobs"}).attributes == expected);
}

void TestVisibilityQueues::createAgainWithTheSameValuesIsFine()
{
    ServiceHarness harness;
    harness.create("jobs", {{"VisibilityTimeout", "60"}, {"DelaySeconds", "5"}});
    harness.create("jobs");
    harness.create("jobs", {{"VisibilityTimeout", "60"}});
    QCOMPARE(harness.count(VisibilityEvent::QueueCreated), 1U);
}

void TestVisibilityQueues::createAgainWithADifferentValueIsRefused()
{
    ServiceHarness harness;
    harness.create("jobs", {{"VisibilityTimeout", "60"}});
    const SqsError error = harness.refusal(CreateQueue{"jobs", {{"VisibilityTimeout", "61"}}});
    QCOMPARE(error.kind, ErrorKind::QueueNameExists);
    QCOMPARE(error.message,
        std::string("A queue already exists with the same name and a different value for "
                    "attribute VisibilityTimeout"));
    QCOMPARE(harness.attribute("jobs", "VisibilityTimeout"), std::string("60"));
}

void TestVisibilityQueues::queueNames_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("code");
    QTest::newRow("one letter") << "a" << "";
    QTest::newRow("all kinds") << "Az09-_" << "";
    QTest::newRow("80") << QString(80, 'a') << "";
    QTest::newRow("81") << QString(81, 'a') << "InvalidParameterValueException";
    QTest::newRow("empty") << "" << "InvalidParameterValueException";
    QTest::newRow("space") << "a b" << "InvalidParameterValueException";
    QTest::newRow("dot") << "a.b" << "InvalidParameterValueException";
    QTest::newRow("umlaut") << "ä" << "InvalidParameterValueException";
    QTest::newRow("only .fifo") << ".fifo" << "InvalidParameterValueException";
    QTest::newRow("fifo") << "orders.fifo" << "UnsupportedOperation";
    QTest::newRow("fifo, 80") << QString(75, 'a') + ".fifo" << "UnsupportedOperation";
    QTest::newRow("fifo, 81") << QString(76, 'a') + ".fifo" << "InvalidParameterValueException";
}

void TestVisibilityQueues::queueNames()
{
    QFETCH(QString, name);
    QFETCH(QString, code);
    ServiceHarness harness;
    const auto response = harness.call(CreateQueue{name.toStdString(), {}});
    QCOMPARE(response.has_value(), code.isEmpty());
    if (!response)
        QCOMPARE(std::string(errorCode(response.error().kind)), code.toStdString());
}

void TestVisibilityQueues::attributeRanges_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("value");
    QTest::addColumn<bool>("allowed");
    const struct {
        const char *name;
        int low;
        int high;
    } ranges[] = {{"VisibilityTimeout", 0, 43'200}, {"DelaySeconds", 0, 900},
        {"ReceiveMessageWaitTimeSeconds", 0, 20}, {"MessageRetentionPeriod", 60, 1'209'600},
        {"MaximumMessageSize", 1'024, 1'048'576}};
    for (const auto &[name, low, high] : ranges) {
        QTest::addRow("%s lowest", name) << name << QString::number(low) << true;
        QTest::addRow("%s below", name) << name << QString::number(low - 1) << false;
        QTest::addRow("%s highest", name) << name << QString::number(high) << true;
        QTest::addRow("%s above", name) << name << QString::number(high + 1) << false;
        QTest::addRow("%s text", name) << name << "ten" << false;
        QTest::addRow("%s trailing text", name) << name << QString::number(low) + "s" << false;
        QTest::addRow("%s empty", name) << name << "" << false;
        QTest::addRow("%s huge", name) << name << "99999999999999999999" << false;
    }
    QTest::newRow("encryption on") << "SqsManagedSseEnabled" << "true" << true;
    QTest::newRow("encryption off") << "SqsManagedSseEnabled" << "false" << true;
    QTest::newRow("encryption other") << "SqsManagedSseEnabled" << "yes" << false;
}

void TestVisibilityQueues::attributeRanges()
{
    QFETCH(QString, name);
    QFETCH(QString, value);
    QFETCH(bool, allowed);
    const std::map<std::string, std::string> given{{name.toStdString(), value.toStdString()}};
    ServiceHarness harness;
    const auto created = harness.call(CreateQueue{"created", given});
    QCOMPARE(created.has_value(), allowed);
    harness.create("jobs");
    const auto set = harness.call(SetQueueAttributes{"jobs", given});
    QCOMPARE(set.has_value(), allowed);
    if (allowed)
        QCOMPARE(harness.attribute("jobs", name.toStdString()), value.toStdString());
    else
        QCOMPARE(set.error().kind, ErrorKind::InvalidAttributeValue);
}

void TestVisibilityQueues::unknownAttributesAreRefused_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("value");
    QTest::addColumn<QString>("code");
    QTest::newRow("unknown") << "Colour" << "blue" << "InvalidAttributeName";
    QTest::newRow("case matters") << "visibilityTimeout" << "30" << "InvalidAttributeName";
    QTest::newRow("read-only") << "QueueArn" << "x" << "InvalidAttributeName";
    QTest::newRow("fifo on standard") << "FifoQueue" << "false" << "InvalidAttributeName";
    QTest::newRow("fifo's scope") << "DeduplicationScope" << "queue" << "InvalidAttributeName";
    QTest::newRow("not built") << "RedriveAllowPolicy" << "{}" << "UnsupportedOperation";
}

void TestVisibilityQueues::unknownAttributesAreRefused()
{
    QFETCH(QString, name);
    QFETCH(QString, value);
    QFETCH(QString, code);
    ServiceHarness harness;
    harness.create("jobs");
    const SqsError error =
        harness.refusal(SetQueueAttributes{"jobs", {{name.toStdString(), value.toStdString()}}});
    QCOMPARE(std::string(errorCode(error.kind)), code.toStdString());
}

void TestVisibilityQueues::refusedAttributesChangeNothing()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.refusal(
        SetQueueAttributes{"jobs", {{"DelaySeconds", "5"}, {"VisibilityTimeout", "43201"}}});
    QCOMPARE(harness.attribute("jobs", "DelaySeconds"), std::string("0"));
    QCOMPARE(harness.count(VisibilityEvent::AttributesChanged), 0U);
    QCOMPARE(harness.count(VisibilityEvent::RequestRefused), 1U);
}

void TestVisibilityQueues::modificationTimeIsThatOfTheLastChange()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.advance(90s);
    harness.expect<Done>(SetQueueAttributes{"jobs", {{"DelaySeconds", "1"}}});
    QCOMPARE(harness.attribute("jobs", "CreatedTimestamp"), std::string("1767225600"));
    QCOMPARE(harness.attribute("jobs", "LastModifiedTimestamp"), std::string("1767225690"));
}

void TestVisibilityQueues::redrivePolicyRefusals_data()
{
    QTest::addColumn<QString>("policy");
    QTest::addColumn<QString>("reason");
    const QString arn = R"("deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead")";
    QTest::newRow("not JSON") << "3" << "Redrive policy is not a valid JSON map.";
    QTest::newRow("broken JSON") << "{" << "Redrive policy is not a valid JSON map.";
    QTest::newRow("no count") << "{" + arn + "}"
                              << "Redrive policy does not contain mandatory attribute: "
                                 "maxReceiveCount.";
    QTest::newRow("no target") << R"({"maxReceiveCount":3})"
                               << "Redrive policy does not contain mandatory attribute: "
                                  "deadLetterTargetArn.";
    for (const char *count : {"0", "1001", "-1", "2.5", "\"x\""})
        QTest::addRow("count %s", count)
            << QString("{%1,\"maxReceiveCount\":%2}").arg(arn, count)
            << QString("Invalid value for maxReceiveCount: %1, valid values are from 1 to 1000 "
                       "both inclusive.")
                   .arg(QString(count).remove('"'));
    QTest::newRow("no such queue")
        << R"({"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:none","maxReceiveCount":3})"
        << "Dead letter target does not exist.";
    QTest::newRow("other region")
        << R"({"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":3})"
        << "Dead letter target does not exist.";
    QTest::newRow("a plain name") << R"({"deadLetterTargetArn":"dead","maxReceiveCount":3})"
                                  << "Invalid value for deadLetterTargetArn.";
}

void TestVisibilityQueues::redrivePolicyRefusals()
{
    QFETCH(QString, policy);
    QFETCH(QString, reason);
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs");
    const SqsError error =
        harness.refusal(SetQueueAttributes{"jobs", {{"RedrivePolicy", policy.toStdString()}}});
    QCOMPARE(error.kind, ErrorKind::InvalidParameterValue);
    QCOMPARE(QString::fromStdString(error.message),
        "Value " + policy + " for parameter RedrivePolicy is invalid. Reason: " + reason);
}

void TestVisibilityQueues::redrivePolicyIsShownCompactWithANumber()
{
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs",
        {{"RedrivePolicy",
            R"({ "maxReceiveCount": "3",
                 "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead" })"}});
    QCOMPARE(harness.attribute("jobs", "RedrivePolicy"), ServiceHarness::redrivePolicy("dead", 3));
    QCOMPARE(harness.queue("jobs").deadLetterQueue, std::string("dead"));
    QCOMPARE(harness.queue("jobs").maxReceiveCount, 3);
    QVERIFY(harness.queue("dead").deadLetterSources == std::vector<std::string>{"jobs"});
}

void TestVisibilityQueues::emptyRedrivePolicyTakesItAway()
{
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 3)}});
    harness.expect<Done>(SetQueueAttributes{"jobs", {{"RedrivePolicy", ""}}});
    QCOMPARE(harness.attribute("jobs", "RedrivePolicy"), std::string());
    QCOMPARE(harness.queue("jobs").deadLetterQueue, std::string());
}

void TestVisibilityQueues::missingQueueIsRefusedByEveryAction()
{
    ServiceHarness harness;
    const std::vector<Request> requests{DeleteQueue{"no"}, SetQueueAttributes{"no", {}},
        GetQueueAttributes{"no"}, PurgeQueue{"no"},
        SendMessage{"no", SharedBytes::fromText("a"), {}, {}, {}},
        SendMessageBatch{"no", {{"1", message("a")}}}, ReceiveMessage{"no", 1, {}, 20},
        DeleteMessage{"no", "handle"}, DeleteMessageBatch{"no", {{"1", "handle"}}},
        ChangeMessageVisibility{"no", "handle", 0}};
    for (const Request &request : requests) {
        const SqsError error = harness.refusal(request);
        QCOMPARE(error.kind, ErrorKind::QueueDoesNotExist);
        QCOMPARE(error.message, std::string("The specified queue does not exist."));
    }
    QCOMPARE(harness.count(VisibilityEvent::RequestRefused), requests.size());
}

void TestVisibilityQueues::queuesAreListedByName()
{
    ServiceHarness harness;
    for (const char *name : {"b", "c", "a"})
        harness.create(name);
    harness.expect<Done>(DeleteQueue{"c"});
    QVERIFY(
        harness.expect<QueueNames>(ListQueues{}).queues == (std::vector<std::string>{"a", "b"}));
}

void TestVisibilityQueues::purgeRemovesMessagesInEveryPlace()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.send("jobs", "in flight");
    const auto received = harness.receive("jobs");
    harness.send("jobs", "visible");
    harness.send("jobs", "delayed", 10);
    harness.expect<Done>(PurgeQueue{"jobs"});
    const QueueSnapshot queue = harness.queue("jobs");
    QCOMPARE(queue.visible + queue.notVisible + queue.delayed, 0U);
    harness.expect<Done>(DeleteMessage{"jobs", received[0].receiptHandle});
    harness.advance(1h);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    harness.send("jobs", "after");
    QCOMPARE(harness.bodies("jobs"), Bodies{"after"});
}

void TestVisibilityQueues::deletedQueueEndsItsLongPollsWithAnError()
{
    ServiceHarness harness;
    harness.create("jobs");
    const auto waiting = harness.longPoll("jobs", 20);
    harness.expect<Done>(DeleteQueue{"jobs"}, "client-2");
    QCOMPARE(harness.answers.at(waiting).error().kind, ErrorKind::QueueDoesNotExist);
    harness.advance(1h);
    QCOMPARE(harness.count(VisibilityEvent::EmptyReceive), 0U);
}

void TestVisibilityQueues::longPollIsAnsweredBySend()
{
    ServiceHarness harness;
    harness.create("jobs");
    const auto waiting = harness.longPoll("jobs", 20);
    QVERIFY(harness.queue("jobs").waiting == std::vector<std::string>{"client-1"});
    harness.advance(19s);
    QVERIFY(!harness.answered(waiting));
    harness.send("jobs", "a");
    QCOMPARE(ServiceHarness::bodiesOf(harness.messagesOf(waiting)), Bodies{"a"});
    QVERIFY(harness.queue("jobs").waiting.empty());
    harness.advance(1s); // its end does nothing more
    QCOMPARE(harness.count(VisibilityEvent::EmptyReceive), 0U);
}

void TestVisibilityQueues::longPollIsAnsweredWhenADelayEnds()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.send("jobs", "a", 5);
    const auto waiting = harness.longPoll("jobs", 20);
    harness.advance(5s - 1ns);
    QVERIFY(!harness.answered(waiting));
    harness.advance(1ns);
    QCOMPARE(harness.messagesOf(waiting).size(), 1U);
}

void TestVisibilityQueues::longPollIsAnsweredByAReappearance()
{
    ServiceHarness harness;
    harness.create("jobs", {{"VisibilityTimeout", "10"}});
    harness.send("jobs", "a");
    const auto held = harness.receive("jobs");
    const auto waiting = harness.longPoll("jobs", 20, "client-2");
    harness.advance(10s);
    QCOMPARE(harness.messagesOf(waiting).at(0).approximateReceiveCount, 2);

    const auto next = harness.longPoll("jobs", 20, "client-3");
    harness.expect<Done>(ChangeMessageVisibility{"jobs", held[0].receiptHandle, 0});
    QCOMPARE(harness.messagesOf(next).at(0).approximateReceiveCount, 3);
}

void TestVisibilityQueues::longPollEndsEmptyAtItsEnd()
{
    ServiceHarness harness;
    harness.create("jobs");
    const auto waiting = harness.longPoll("jobs", 20);
    harness.advance(20s - 1ns);
    QVERIFY(!harness.answered(waiting));
    harness.advance(1ns);
    QCOMPARE(harness.messagesOf(waiting).size(), 0U);
    QCOMPARE(harness.count(VisibilityEvent::EmptyReceive, VisibilityReason::LongPollEnded), 1U);
    QCOMPARE(harness.queue("jobs").emptyReceives, 1U);
}

void TestVisibilityQueues::reappearanceAtTheVeryEndStillAnswersTheLongPoll()
{
    ServiceHarness harness;
    harness.create("jobs", {{"VisibilityTimeout", "20"}});
    harness.send("jobs", "a");
    harness.receive("jobs");
    const auto waiting = harness.longPoll("jobs", 20, "client-2");
    harness.advance(20s);
    QCOMPARE(harness.messagesOf(waiting).size(), 1U);
}

void TestVisibilityQueues::longPollWithAMessageThereDoesNotWaitForMore()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.send("jobs", "a");
    const auto poll = harness.longPoll("jobs", 2, "client-1", 10);
    QCOMPARE(harness.messagesOf(poll).size(), 1U);
    QCOMPARE(harness.count(VisibilityEvent::LongPollStarted), 0U);
}

void TestVisibilityQueues::oldestLongPollIsServedFirst()
{
    ServiceHarness harness;
    harness.create("jobs");
    const auto first = harness.longPoll("jobs", 20, "client-1");
    const auto second = harness.longPoll("jobs", 5, "client-2");
    QVERIFY(harness.queue("jobs").waiting == (std::vector<std::string>{"client-1", "client-2"}));
    harness.send("jobs", "a");
    QVERIFY(harness.answered(first));
    QVERIFY(!harness.answered(second));
    harness.send("jobs", "b");
    QCOMPARE(ServiceHarness::bodiesOf(harness.messagesOf(second)), Bodies{"b"});
}

void TestVisibilityQueues::queueWaitTimeMakesAPollLongAndAnExplicitZeroWins()
{
    ServiceHarness harness;
    harness.create("jobs", {{"ReceiveMessageWaitTimeSeconds", "3"}});
    const auto waiting = harness.ask(ReceiveMessage{"jobs", 1, {}, {}});
    QVERIFY(!harness.answered(waiting));
    harness.advance(3s);
    QCOMPARE(harness.messagesOf(waiting).size(), 0U);
    QCOMPARE(harness.receive("jobs").size(), 0U); // answered at once
    QCOMPARE(harness.count(VisibilityEvent::EmptyReceive, VisibilityReason::ShortPoll), 1U);
}

void TestVisibilityQueues::longPollOfAGoneClientIsForgotten()
{
    ServiceHarness harness;
    harness.create("jobs");
    const auto gone = harness.longPoll("jobs", 20, "client-1");
    const auto there = harness.longPoll("jobs", 20, "client-2");
    harness.clientGone("client-1");
    harness.send("jobs", "a");
    QVERIFY(!harness.answered(gone));
    QCOMPARE(harness.messagesOf(there).size(), 1U);
    harness.advance(20s);
    QVERIFY(!harness.answered(gone));
}

void TestVisibilityQueues::timeoutOfALongPollBeginsWhenItIsAnswered()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.longPoll("jobs", 20, "client-1", 1, 10);
    harness.advance(15s);
    harness.send("jobs", "a");
    harness.advance(10s - 1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{});
    harness.advance(1ns);
    QCOMPARE(harness.bodies("jobs"), Bodies{"a"});
}

void TestVisibilityQueues::timeoutZeroLetsSeveralLongPollsSeeTheSameMessage()
{
    ServiceHarness harness;
    harness.create("jobs");
    const auto first = harness.longPoll("jobs", 20, "client-1", 1, 0);
    const auto second = harness.longPoll("jobs", 20, "client-2", 1, 0);
    harness.send("jobs", "a");
    QCOMPARE(harness.messagesOf(first).at(0).approximateReceiveCount, 1);
    QCOMPARE(harness.messagesOf(second).at(0).approximateReceiveCount, 2);
    QCOMPARE(harness.queue("jobs").visible, 1U);
}

void TestVisibilityQueues::receiveAfterTheLastAllowedOneMovesTheMessage_data()
{
    QTest::addColumn<int>("maxReceiveCount");
    for (const int count : {1, 2, 3, 10})
        QTest::addRow("%d", count) << count;
}

void TestVisibilityQueues::receiveAfterTheLastAllowedOneMovesTheMessage()
{
    QFETCH(int, maxReceiveCount);
    ServiceHarness harness;
    harness.create("dead");
    harness.create(
        "jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", maxReceiveCount)}});
    harness.send("jobs", "poison");
    for (int i = 1; i <= maxReceiveCount; ++i) {
        const auto received = harness.receive("jobs");
        QCOMPARE(received.size(), 1U);
        QCOMPARE(received[0].approximateReceiveCount, i);
        QCOMPARE(harness.queue("dead").visible, 0U);
        harness.advance(30s);
    }
    QCOMPARE(harness.receive("jobs").size(), 0U); // the receive that would be the next one
    QCOMPARE(harness.queue("dead").visible, 1U);
    QCOMPARE(harness.queue("jobs").deadLettered, 1U);
    QCOMPARE(harness.queue("jobs").received, static_cast<std::uint64_t>(maxReceiveCount));
    QCOMPARE(harness.queue("dead").sent, 0U); // NumberOfMessagesSent leaves moves out
    QCOMPARE(harness.count(VisibilityEvent::DeadLettered, VisibilityReason::MaxReceiveCount), 1U);
}

void TestVisibilityQueues::deadLetterKeepsItsIdentityAndItsCount()
{
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 1)}});
    const std::string id = harness.send("jobs", "poison");
    harness.receive("jobs");
    harness.advance(30s);
    harness.receive("jobs");
    const auto dead = harness.receive("dead");
    QCOMPARE(dead.at(0).messageId, id);
    QCOMPARE(dead[0].number, 1U);
    QCOMPARE(dead[0].sentTimestamp, epochMillis(kVirtualStart));
    QCOMPARE(dead[0].approximateReceiveCount, 2);
}

void TestVisibilityQueues::deadLetterWaitsInTheSourceUntilSomeonePolls()
{
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 1)}});
    harness.send("jobs", "poison");
    harness.receive("jobs");
    harness.advance(24h);
    QCOMPARE(harness.queue("jobs").visible, 1U);
    QCOMPARE(harness.queue("dead").visible, 0U);
    // The same receive goes on to a message that may still be handed out.
    harness.send("jobs", "fine");
    QCOMPARE(harness.bodies("jobs", 1), Bodies{"fine"});
    QCOMPARE(harness.queue("dead").visible, 1U);
}

void TestVisibilityQueues::deadLetterAnswersALongPollOnItsQueue()
{
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 1)}});
    harness.send("jobs", "poison");
    harness.receive("jobs");
    harness.advance(15s);
    const auto dead = harness.longPoll("dead", 20, "client-2");
    const auto source = harness.longPoll("jobs", 20, "client-3");
    harness.advance(15s); // the timeout runs out, and the long poll on the source looks at it
    QCOMPARE(harness.messagesOf(dead).size(), 1U);
    QVERIFY(!harness.answered(source));
}

void TestVisibilityQueues::deadLetterExpiresByItsTimeOfSending()
{
    ServiceHarness harness;
    harness.create("dead", {{"MessageRetentionPeriod", "60"}});
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 1)}});
    harness.send("jobs", "old");
    harness.advance(50s);
    harness.send("jobs", "younger");
    harness.receive("jobs", 10, 1);
    harness.advance(1s);
    QCOMPARE(harness.receive("jobs", 10).size(), 0U); // both move, 51 s and 1 s old
    QCOMPARE(harness.queue("dead").visible, 2U);
    harness.advance(9s);
    QCOMPARE(harness.bodies("dead"), Bodies{"younger"});
}

void TestVisibilityQueues::sourceHandleDoesNotReachTheDeadLetter()
{
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 1)}});
    harness.send("jobs", "poison");
    const std::string handle = harness.receive("jobs")[0].receiptHandle;
    harness.advance(30s);
    harness.receive("jobs");
    harness.expect<Done>(DeleteMessage{"jobs", handle});
    QCOMPARE(harness.queue("dead").visible, 1U);
    QCOMPARE(harness.refusal(ChangeMessageVisibility{"jobs", handle, 0}).kind,
        ErrorKind::InvalidParameterValue);
}

void TestVisibilityQueues::handleFromBeforeACircleOfDeadLettersIsVoid()
{
    ServiceHarness harness;
    harness.create("a");
    harness.create("b", {{"RedrivePolicy", ServiceHarness::redrivePolicy("a", 1)}});
    harness.expect<Done>(
        SetQueueAttributes{"a", {{"RedrivePolicy", ServiceHarness::redrivePolicy("b", 1)}}});
    harness.send("a", "wanderer");
    const std::string handle = harness.receive("a", 1, 0)[0].receiptHandle;
    harness.receive("a"); // moves it to b
    harness.receive("b", 1, 0);
    harness.receive("b"); // and back
    QCOMPARE(harness.queue("a").visible, 1U);
    harness.expect<Done>(DeleteMessage{"a", handle});
    QCOMPARE(harness.queue("a").visible, 1U);
    QCOMPARE(harness.receive("a").at(0).approximateReceiveCount, 3);
}

void TestVisibilityQueues::deletedDeadLetterQueueTakesNothing()
{
    ServiceHarness harness;
    harness.create("dead");
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("dead", 1)}});
    harness.send("jobs", "a");
    harness.expect<Done>(DeleteQueue{"dead"});
    for (int i = 1; i <= 3; ++i) {
        QCOMPARE(harness.receive("jobs").at(0).approximateReceiveCount, i);
        harness.advance(30s);
    }
}

void TestVisibilityQueues::queueMayBeItsOwnDeadLetterQueue()
{
    ServiceHarness harness;
    harness.create("jobs", {{"RedrivePolicy", ServiceHarness::redrivePolicy("jobs", 1)}});
    harness.send("jobs", "a");
    harness.receive("jobs");
    harness.advance(30s);
    QCOMPARE(harness.receive("jobs").size(), 0U);
    QCOMPARE(harness.queue("jobs").visible, 1U);
    QCOMPARE(harness.receive("jobs").at(0).approximateReceiveCount, 2);
}

void TestVisibilityQueues::twoQueuesThatAreEachOthersDeadLetterQueueComeToRest()
{
    ServiceHarness harness;
    harness.create("a");
    harness.create("b", {{"RedrivePolicy", ServiceHarness::redrivePolicy("a", 1)}});
    harness.expect<Done>(
        SetQueueAttributes{"a", {{"RedrivePolicy", ServiceHarness::redrivePolicy("b", 1)}}});
    harness.send("a", "ping");
    harness.receive("a");
    const auto inB = harness.longPoll("b", 20, "client-2");
    const auto inA = harness.longPoll("a", 20, "client-3");
    harness.advance(19s);
    QVERIFY(!harness.answered(inB));
    harness.advance(1s);
    const auto againB = harness.longPoll("b", 20, "client-2");
    const auto againA = harness.longPoll("a", 20, "client-3");
    harness.advance(10s);
    QCOMPARE(harness.messagesOf(againB).at(0).approximateReceiveCount, 2);
    QVERIFY(!harness.answered(againA));
    QVERIFY(harness.answered(inA));
}

void TestVisibilityQueues::snapshotShowsWhereMessagesAre()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.expect<SendMessageResult>(
        SendMessage{"jobs", SharedBytes::fromText("a body"), {}, {}, "pay-17"});
    harness.receive("jobs", 1, 20, "client-7");
    harness.advance(3s);
    harness.send("jobs", "a body of more than twenty-four characters");
    harness.send("jobs", "first line\nsecond line", 60);
    const QueueSnapshot queue = harness.queue("jobs");
    QCOMPARE(queue.visible, 1U);
    QCOMPARE(queue.notVisible, 1U);
    QCOMPARE(queue.delayed, 1U);
    QVERIFY(queue.oldestSent == kVirtualStart);
    QCOMPARE(queue.shownInFlight.at(0).label, std::string("pay-17"));
    QCOMPARE(queue.shownInFlight[0].heldBy, std::string("client-7"));
    QVERIFY(queue.shownInFlight[0].due == kVirtualStart + 20s);
    QVERIFY(queue.shownInFlight[0].timeout == 20s);
    QVERIFY(!queue.shownInFlight[0].extended);
    QCOMPARE(queue.shownVisible.at(0).label, std::string("a body of more than twen"));
    QCOMPARE(queue.shownVisible[0].heldBy, std::string());
    QCOMPARE(queue.shownDelayed.at(0).label, std::string("first line"));
    QVERIFY(queue.shownDelayed[0].due == kVirtualStart + 63s);
    QVERIFY(queue.shownDelayed[0].timeout == 60s);
}

void TestVisibilityQueues::snapshotIsBounded()
{
    ServiceHarness harness;
    harness.create("jobs");
    for (int i = 0; i < 200; ++i)
        harness.send("jobs", std::to_string(i));
    const QueueSnapshot queue = harness.queue("jobs");
    QCOMPARE(queue.visible, 200U);
    QCOMPARE(queue.shownVisible.size(), QueueSnapshot::kShownMessages);
    QCOMPARE(queue.shownVisible.front().label, std::string("0"));
}

void TestVisibilityQueues::everyEventAndReasonHasWords()
{
    std::set<EventKind> kinds;
    for (const EventInfo &info : eventTable()) {
        QVERIFY(!info.name.empty() && !info.title.empty() && !info.text.empty());
        kinds.insert(info.kind);
    }
    QCOMPARE(kinds.size(), eventTable().size());
    QCOMPARE(*kinds.begin(), kind(VisibilityEvent::QueueCreated));
    QCOMPARE(*kinds.rbegin(), kind(VisibilityEvent::DeletedAgain));
    QCOMPARE(kinds.size(),
        std::size_t{kind(VisibilityEvent::DeletedAgain)} - kind(VisibilityEvent::QueueCreated) + 1);
    std::set<EventReason> reasons;
    for (const ReasonInfo &info : reasonTable())
        reasons.insert(info.reason);
    QCOMPARE(reasons.size(),
        std::size_t{reason(VisibilityReason::MaxReceiveCount)}
            - reason(VisibilityReason::VisibilityTimeout) + 1);
}

QTEST_APPLESS_MAIN(TestVisibilityQueues)
#include "tst_visibility_queues.moc"
