#include "tests/exchange/lab.h"

#include <QtTest/QtTest>

using namespace queuelab;
using namespace queuelab::exchange;

using Texts = std::vector<std::string>;

namespace {

/// A queue whose dead letters go to queue `dead` by the default exchange.
FieldTable dyingInto(const char *dead, FieldTable more = {})
{
    more["x-dead-letter-exchange"].value = std::string();
    more["x-dead-letter-routing-key"].value = std::string(dead);
    return more;
}

/// "queue/reason/count" of each entry, newest first.
Texts deathsOf(const Content &content)
{
    Texts deaths;
    const auto found = content.properties.headers.find("x-death");
    if (found == content.properties.headers.end())
        return deaths;
    for (const FieldValue &entry : std::get<FieldArray>(found->second.value)) {
        const auto &table = std::get<FieldTable>(entry.value);
        deaths.push_back(fmt::format("{}/{}/{}", std::get<std::string>(table.at("queue").value),
            std::get<std::string>(table.at("reason").value),
            std::get<std::int64_t>(table.at("count").value)));
    }
    return deaths;
}

std::string header(const Content &content, const std::string &name)
{
    const auto found = content.properties.headers.find(name);
    return found == content.properties.headers.end() ? std::string("-")
                                                     : std::get<std::string>(found->second.value);
}

} // namespace

class TestExchangeDeadLetters : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rejectedMessageCarriesItsDeath();
    void nackWithoutRequeueDiesInOrder();
    void expiredMessageLosesItsExpiration();
    void overflowingHeadDiesOfMaxLength();
    void rejectPublishDlxSendsTheNewcomer();
    void withoutKeyTheOriginalKeysAreUsed();
    void explicitKeyRemovesCarbonCopies();
    void repeatedDeathCountsAndMovesToTheFront();
    void firstDeathStaysAndLastDeathChanges();
    void publishedDeathTableIsTrustedWhenItIsATable();
    void automaticCycleIsCut();
    void cycleWithARejectionGoesRound();
    void cycleSkipsOnlyTheQueueThatWasSeen();
    void withoutDeadLetterExchangeItIsDropped();
    void missingDeadLetterExchangeDropsWithAReason();
    void deadLetterWithoutRouteIsUnroutable();
    void deadLetteredCopyStartsAnew();
    void traceLinksTheCopies();
    void deletionAndPurgeAreNoDeaths();
};

void TestExchangeDeadLetters::rejectedMessageCarriesItsDeath()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "jobs", dyingInto("dead"));
    lab.bind(client, "jobs", "amq.direct", "job");
    lab.advance(3s);
    Properties properties;
    properties.messageId = "job-1";
    lab.publish(client, "amq.direct", "job", "m", properties);
    const auto got = lab.call<BasicGetOk>(client, BasicGet{"jobs"});
    lab.send(client, BasicReject{got.deliveryTag, false});

    const auto dead = lab.call<BasicGetOk>(client, BasicGet{"dead"});
    QCOMPARE(dead.exchange, std::string());
    QCOMPARE(dead.routingKey, std::string("dead"));
    QCOMPARE(dead.content->body.text(), std::string_view("m"));
    QCOMPARE(*dead.content->properties.messageId, std::string("job-1"));
    QCOMPARE(deathsOf(*dead.content), Texts({"jobs/rejected/1"}));
    const auto &entry = std::get<FieldTable>(
        std::get<FieldArray>(dead.content->properties.headers.at("x-death").value).front().value);
    QCOMPARE(std::get<std::string>(entry.at("exchange").value), std::string("amq.direct"));
    QCOMPARE(std::get<Timestamp>(entry.at("time").value).seconds, epochMillis(lab.now()) / 1000);
    QVERIFY(entry.at("routing-keys") == FieldValue(FieldArray{"job"}));
    QVERIFY(!entry.contains("original-expiration"));
    QCOMPARE(header(*dead.content, "x-first-death-reason"), std::string("rejected"));
    QCOMPARE(header(*dead.content, "x-first-death-queue"), std::string("jobs"));
    QCOMPARE(header(*dead.content, "x-first-death-exchange"), std::string("amq.direct"));
    QCOMPARE(lab.find("jobs").deadLettered, 1U);
    QCOMPARE(lab.find("jobs").messagesUnacknowledged, 0U);
    QVERIFY(got.content->properties.headers.empty()); // the consumer's copy is untouched
}

void TestExchangeDeadLetters::nackWithoutRequeueDiesInOrder()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q", dyingInto("dead"));
    lab.consume(client, "q");
    for (const char *body : {"1", "2", "3", "4"})
        lab.publish(client, "", "q", body);
    lab.send(client, BasicNack{3, true, false});
    QCOMPARE(lab.ready("dead"), Texts({"1", "2", "3"}));
    QCOMPARE(lab.count(ExchangeEvent::DeadLettered, ExchangeReason::Rejected), 3U);
}

void TestExchangeDeadLetters::expiredMessageLosesItsExpiration()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q", dyingInto("dead"));
    Properties properties;
    properties.expiration = "500";
    lab.publish(client, "", "q", "m", properties);
    lab.advance(500ms);
    const auto dead = lab.call<BasicGetOk>(client, BasicGet{"dead"});
    QVERIFY(!dead.content->properties.expiration);
    QCOMPARE(deathsOf(*dead.content), Texts({"q/expired/1"}));
    const auto &entry = std::get<FieldTable>(
        std::get<FieldArray>(dead.content->properties.headers.at("x-death").value).front().value);
    QCOMPARE(std::get<std::string>(entry.at("original-expiration").value), std::string("500"));
    lab.send(client, BasicReject{dead.deliveryTag, true});
    lab.advance(1h);
    QCOMPARE(lab.ready("dead"), Texts({"m"})); // it does not expire a second time
}

void TestExchangeDeadLetters::overflowingHeadDiesOfMaxLength()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q", dyingInto("dead", {{"x-max-length", 1}}));
    lab.publish(client, "", "q", "old");
    lab.publish(client, "", "q", "new");
    QCOMPARE(lab.ready("q"), Texts({"new"}));
    QCOMPARE(
        deathsOf(*lab.call<BasicGetOk>(client, BasicGet{"dead"}).content), Texts({"q/maxlen/1"}));
}

void TestExchangeDeadLetters::rejectPublishDlxSendsTheNewcomer()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.call<Ok>(client, ConfirmSelect{});
    lab.queue(client, "dead");
    lab.queue(client, "q",
        dyingInto("dead", {{"x-max-length", 1}, {"x-overflow", "reject-publish-dlx"}}));
    lab.publish(client, "", "q", "old");
    lab.publish(client, "", "q", "new");
    QCOMPARE(lab.ready("q"), Texts({"old"}));
    QCOMPARE(lab.ready("dead"), Texts({"new"}));
    QCOMPARE(lab.take<ConfirmNack>(client).size(), 1U);
}

void TestExchangeDeadLetters::withoutKeyTheOriginalKeysAreUsed()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.exchange(client, "dlx", "direct");
    lab.queue(client, "q", {{"x-dead-letter-exchange", "dlx"}});
    for (const char *key : {"q", "cc", "bcc"}) {
        lab.queue(client, std::string("dead-") + key);
        lab.bind(client, std::string("dead-") + key, "dlx", key);
    }
    Properties properties;
    properties.headers = {{"CC", FieldArray{"cc"}}, {"BCC", FieldArray{"bcc"}}};
    lab.publish(client, "", "q", "m", properties);
    lab.send(client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, false});
    for (const char *key : {"q", "cc", "bcc"}) {
        const auto dead = lab.call<BasicGetOk>(client, BasicGet{std::string("dead-") + key});
        QCOMPARE(dead.routingKey, std::string("q"));
        QCOMPARE(dead.exchange, std::string("dlx"));
        QVERIFY(dead.content->properties.headers.contains("CC"));
        const auto &entry = std::get<FieldTable>(
            std::get<FieldArray>(dead.content->properties.headers.at("x-death").value)
                .front()
                .value);
        QVERIFY(
            entry.at("routing-keys") == FieldValue(FieldArray{"q", "cc"})); // never the blind ones
    }
}

void TestExchangeDeadLetters::explicitKeyRemovesCarbonCopies()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "cc");
    lab.queue(client, "q", dyingInto("dead"));
    Properties properties;
    properties.headers = {{"CC", FieldArray{"cc"}}};
    lab.publish(client, "", "q", "m", properties);
    lab.call<MessageCountOk>(client, QueuePurge{"cc"});
    lab.send(client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, false});
    QVERIFY(
        !lab.call<BasicGetOk>(client, BasicGet{"dead"}).content->properties.headers.contains("CC"));
    QVERIFY(lab.ready("cc").empty());
}

void TestExchangeDeadLetters::repeatedDeathCountsAndMovesToTheFront()
{
    Lab lab;
    const auto client = lab.connect(1);
    // Work, wait a second, work again: the retry loop everybody builds.
    lab.queue(client, "work", dyingInto("wait"));
    lab.queue(client, "wait", dyingInto("work", {{"x-message-ttl", 1000}}));
    lab.publish(client, "", "work", "m");
    const auto fail = [&] {
        lab.send(
            client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"work"}).deliveryTag, false});
    };
    fail();
    lab.advance(1s);
    fail();
    const auto waiting = lab.call<BasicGetOk>(client, BasicGet{"wait"});
    QCOMPARE(deathsOf(*waiting.content), Texts({"work/rejected/2", "wait/expired/1"}));
    lab.send(client, BasicReject{waiting.deliveryTag, true});
    lab.advance(1s);
    const auto again = lab.call<BasicGetOk>(client, BasicGet{"work"});
    QCOMPARE(deathsOf(*again.content), Texts({"wait/expired/2", "work/rejected/2"}));
}

void TestExchangeDeadLetters::firstDeathStaysAndLastDeathChanges()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "end");
    lab.queue(client, "second", dyingInto("end", {{"x-max-length", 0}}));
    lab.queue(client, "first", dyingInto("second", {{"x-message-ttl", 100}}));
    lab.publish(client, "", "first", "m");
    lab.advance(100ms);
    const auto dead = lab.call<BasicGetOk>(client, BasicGet{"end"});
    QCOMPARE(header(*dead.content, "x-first-death-queue"), std::string("first"));
    QCOMPARE(header(*dead.content, "x-first-death-reason"), std::string("expired"));
    QCOMPARE(header(*dead.content, "x-last-death-queue"), std::string("second"));
    QCOMPARE(header(*dead.content, "x-last-death-reason"), std::string("maxlen"));
    QCOMPARE(deathsOf(*dead.content), Texts({"second/maxlen/1", "first/expired/1"}));
}

void TestExchangeDeadLetters::publishedDeathTableIsTrustedWhenItIsATable()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q", dyingInto("dead"));
    const auto dieWith = [&](FieldValue deaths) {
        Properties properties;
        properties.headers.emplace("x-death", std::move(deaths));
        lab.publish(client, "", "q", "m", properties);
        lab.send(
            client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, false});
        return lab.call<BasicGetOk>(client, BasicGet{"dead"}).content;
    };
    const auto counted = dieWith(FieldValue(
        FieldArray{FieldValue(FieldTable{{"queue", "q"}, {"reason", "rejected"}, {"count", 4}})}));
    QCOMPARE(deathsOf(*counted), Texts({"q/rejected/5"}));
    const auto replaced = dieWith("nonsense");
    QCOMPARE(deathsOf(*replaced), Texts({"q/rejected/1"}));
    QCOMPARE(header(*replaced, "x-first-death-queue"), std::string("-"));
    const auto foreign = dieWith(FieldValue(FieldArray{"not a table"}));
    QCOMPARE(std::get<FieldArray>(foreign->properties.headers.at("x-death").value).size(), 2U);
}

void TestExchangeDeadLetters::automaticCycleIsCut()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "a", dyingInto("b", {{"x-message-ttl", 100}}));
    lab.queue(client, "b", dyingInto("a", {{"x-message-ttl", 100}}));
    lab.publish(client, "", "a", "m");
    lab.advance(100ms);
    QCOMPARE(lab.ready("b"), Texts({"m"}));
    lab.advance(100ms);
    QVERIFY(lab.ready("a").empty());
    QVERIFY(lab.ready("b").empty());
    QCOMPARE(lab.count(ExchangeEvent::Dropped, ExchangeReason::DeadLetterCycle), 1U);
    QCOMPARE(lab.find("b").dropped, 1U);
    // At once, too, and into itself.
    lab.queue(client, "self", dyingInto("self", {{"x-message-ttl", 0}}));
    lab.publish(client, "", "self", "m");
    QCOMPARE(lab.count(ExchangeEvent::Dropped, ExchangeReason::DeadLetterCycle), 2U);
}

void TestExchangeDeadLetters::cycleWithARejectionGoesRound()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", dyingInto("q"));
    lab.publish(client, "", "q", "m");
    for (int i = 1; i <= 3; ++i) {
        const auto got = lab.call<BasicGetOk>(client, BasicGet{"q"});
        QCOMPARE(deathsOf(*got.content),
            i == 1 ? Texts() : Texts({fmt::format("q/rejected/{}", i - 1)}));
        lab.send(client, BasicReject{got.deliveryTag, false});
    }
    QCOMPARE(lab.find("q").ready[0].deaths, 3U);
    QCOMPARE(lab.find("q").ready[0].deathReason, std::string("rejected"));
}

void TestExchangeDeadLetters::cycleSkipsOnlyTheQueueThatWasSeen()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.exchange(client, "dlx", "fanout");
    lab.queue(client, "q", {{"x-message-ttl", 100}, {"x-dead-letter-exchange", "dlx"}});
    lab.queue(client, "archive");
    lab.bind(client, "q", "dlx", "");
    lab.bind(client, "archive", "dlx", "");
    lab.publish(client, "", "q", "m");
    lab.advance(100ms);
    QCOMPARE(lab.ready("archive"), Texts({"m"}));
    QVERIFY(lab.ready("q").empty());
    QCOMPARE(lab.find("q").deadLettered, 1U);
}

void TestExchangeDeadLetters::withoutDeadLetterExchangeItIsDropped()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q");
    lab.publish(client, "", "q", "m");
    lab.send(client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, false});
    QCOMPARE(lab.find("q").dropped, 1U);
    QCOMPARE(lab.count(ExchangeEvent::Dropped, ExchangeReason::Rejected), 1U);
}

void TestExchangeDeadLetters::missingDeadLetterExchangeDropsWithAReason()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", {{"x-dead-letter-exchange", "nowhere"}});
    lab.publish(client, "", "q", "1");
    lab.send(client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, false});
    QCOMPARE(lab.count(ExchangeEvent::Dropped, ExchangeReason::NoDeadLetterExchange), 1U);
    // Once it exists it is used.
    lab.exchange(client, "nowhere", "fanout");
    lab.queue(client, "dead");
    lab.bind(client, "dead", "nowhere", "");
    lab.publish(client, "", "q", "2");
    lab.send(client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, false});
    QCOMPARE(lab.ready("dead"), Texts({"2"}));
}

void TestExchangeDeadLetters::deadLetterWithoutRouteIsUnroutable()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "q", dyingInto("nobody"));
    BasicPublish publish = Lab::message("", "q", "m");
    publish.mandatory = true;
    lab.send(client, publish);
    lab.send(client, BasicReject{lab.call<BasicGetOk>(client, BasicGet{"q"}).deliveryTag, false});
    QCOMPARE(lab.count(ExchangeEvent::Unroutable), 1U);
    QVERIFY(lab.take<BasicReturn>(client).empty()); // mandatory was for the first publish only
}

void TestExchangeDeadLetters::deadLetteredCopyStartsAnew()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q", dyingInto("dead"));
    lab.publish(client, "", "q", "m");
    const auto got = lab.call<BasicGetOk>(client, BasicGet{"q"});
    lab.send(client, BasicReject{got.deliveryTag, true});
    const auto again = lab.call<BasicGetOk>(client, BasicGet{"q"});
    QVERIFY(again.redelivered);
    lab.send(client, BasicReject{again.deliveryTag, false});
    QVERIFY(!lab.call<BasicGetOk>(client, BasicGet{"dead"}).redelivered);
}

void TestExchangeDeadLetters::traceLinksTheCopies()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q", dyingInto("dead"));
    lab.publish(client, "", "q", "1");
    lab.publish(client, "", "q", "2");
    lab.call<BasicGetOk>(client, BasicGet{"q"});
    const auto second = lab.call<BasicGetOk>(client, BasicGet{"q"});
    lab.send(client, BasicReject{second.deliveryTag, false});
    const NameId dead = lab.trace().names().find("dead");
    const auto arrived = lab.trace().eventsOf(dead, 1);
    QCOMPARE(arrived.size(), 1U);
    const TraceEvent &event = lab.trace().at(arrived[0]);
    QVERIFY(event.actor == lab.trace().names().find("q"));
    QCOMPARE(event.value, 2); // its number in the queue it died in
}

void TestExchangeDeadLetters::deletionAndPurgeAreNoDeaths()
{
    Lab lab;
    const auto client = lab.connect(1);
    lab.queue(client, "dead");
    lab.queue(client, "q", dyingInto("dead"));
    lab.publish(client, "", "q", "1");
    lab.call<MessageCountOk>(client, QueuePurge{"q"});
    lab.publish(client, "", "q", "2");
    lab.call<MessageCountOk>(client, QueueDelete{"q"});
    QVERIFY(lab.ready("dead").empty());
}

QTEST_APPLESS_MAIN(TestExchangeDeadLetters)
#include "tst_exchange_dead_letters.moc"
