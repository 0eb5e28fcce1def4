#include "tests/visibility/service_harness.h"

#include <QTest>

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

/// What requests may hold: sizes, characters, ranges, batches.
class TestVisibilityLimits : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void receiveParameters_data();
    void receiveParameters();
    void messageSizeIsExactToTheByte();
    void attributesCountForTheSize();
    void bodies_data();
    void bodies();
    void messageDelays_data();
    void messageDelays();
    void messageAttributes_data();
    void messageAttributes();
    void moreThanTenMessageAttributesAreRefused();

    void batchSendsEachAndFailsEach();
    void batchFaults_data();
    void batchFaults();
    void batchOfMoreThanAMebibyteIsRefused();
    void batchDeletesEachAndFailsEach();
};

void TestVisibilityLimits::receiveParameters_data()
{
    QTest::addColumn<int>("max");
    QTest::addColumn<int>("visibilityTimeout");
    QTest::addColumn<int>("wait");
    QTest::addColumn<QString>("message");
    QTest::newRow("lowest") << 1 << 0 << 0 << "";
    QTest::newRow("highest") << 10 << 43'200 << 20 << "";
    QTest::newRow("0 messages") << 0 << 30 << 0
                                << "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: "
                                   "Must be between 1 and 10, if provided.";
    QTest::newRow("11 messages") << 11 << 30 << 0
                                 << "Value 11 for parameter MaxNumberOfMessages is invalid. "
                                    "Reason: Must be between 1 and 10, if provided.";
    QTest::newRow("wait 21") << 1 << 30 << 21
                             << "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must "
                                "be >= 0 and <= 20, if provided.";
    QTest::newRow("wait -1") << 1 << 30 << -1
                             << "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must "
                                "be >= 0 and <= 20, if provided.";
    QTest::newRow("timeout 43201") << 1 << 43'201 << 0
                                   << "Value 43201 for parameter VisibilityTimeout is invalid. "
                                      "Reason: Must be >= 0 and <= 43200, if provided.";
    QTest::newRow("timeout -1") << 1 << -1 << 0
                                << "Value -1 for parameter VisibilityTimeout is invalid. Reason: "
                                   "Must be >= 0 and <= 43200, if provided.";
}

void TestVisibilityLimits::receiveParameters()
{
    QFETCH(int, max);
    QFETCH(int, visibilityTimeout);
    QFETCH(int, wait);
    QFETCH(QString, message);
    ServiceHarness harness;
    harness.create("jobs");
    harness.send("jobs", "a");
    const auto response = harness.call(ReceiveMessage{"jobs", max, visibilityTimeout, wait});
    QCOMPARE(response.has_value(), message.isEmpty());
    if (!response) {
        QCOMPARE(response.error().kind, ErrorKind::InvalidParameterValue);
        QCOMPARE(QString::fromStdString(response.error().message), message);
        QCOMPARE(harness.queue("jobs").visible, 1U);
    }
}

void TestVisibilityLimits::messageSizeIsExactToTheByte()
{
    ServiceHarness harness;
    harness.create("jobs", {{"MaximumMessageSize", "1024"}});
    harness.expect<SendMessageResult>(message(std::string(1024, 'x')));
    const SqsError error = harness.refusal(message(std::string(1025, 'x')));
    QCOMPARE(error.kind, ErrorKind::InvalidParameterValue);
    QCOMPARE(error.message,
        std::string("One or more parameters are invalid. Reason: Message must be shorter than "
                    "1024 bytes."));
    harness.create("large");
    SendMessage largest = message(std::string(1'048'576, 'x'));
    largest.queue = "large";
    harness.expect<SendMessageResult>(largest);
}

void TestVisibilityLimits::attributesCountForTheSize()
{
    ServiceHarness harness;
    harness.create("jobs", {{"MaximumMessageSize", "1024"}});
    SendMessage send = message(std::string(1024 - 4 - 6 - 3 - 4 - 6 - 2, 'x'));
    send.attributes = {{"name", {"String", "abc", {}}}, {"blob", {"Binary", {}, {1, 2}}}};
    harness.expect<SendMessageResult>(send);
    send.attributes["blob"].binaryValue.push_back(3);
    QCOMPARE(harness.refusal(send).kind, ErrorKind::InvalidParameterValue);
}

void TestVisibilityLimits::bodies_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QString>("code");
    QTest::newRow("tab, line feed, carriage return") << QByteArray("a\t\n\r ") << "";
    QTest::newRow("two bytes") << QByteArray("\xc3\xa9") << "";
    QTest::newRow("three bytes") << QByteArray("\xe6\x97\xa5") << "";
    QTest::newRow("U+E000") << QByteArray("\xee\x80\x80") << "";
    QTest::newRow("U+D7FF") << QByteArray("\xed\x9f\xbf") << "";
    QTest::newRow("U+FFFD") << QByteArray("\xef\xbf\xbd") << "";
    QTest::newRow("U+10000") << QByteArray("\xf0\x90\x80\x80") << "";
    QTest::newRow("U+10FFFF") << QByteArray("\xf4\x8f\xbf\xbf") << "";
    QTest::newRow("empty") << QByteArray() << "MissingRequiredParameterException";
    const struct {
        const char *name;
        QByteArray body;
    } refused[] = {{"NUL", QByteArray("a\0b", 3)}, {"U+0001", "\x01"}, {"U+001F", "x\x1f"},
        {"U+000B", "\x0b"}, {"surrogate U+D800", "\xed\xa0\x80"}, {"U+FFFE", "\xef\xbf\xbe"},
        {"U+FFFF", "\xef\xbf\xbf"}, {"beyond U+10FFFF", "\xf4\x90\x80\x80"},
        {"cut short", "a\xe6\x97"}, {"overlong", "\xc0\xaf"}, {"stray", "\x80"},
        {"not a lead byte", "\xff"}};
    for (const auto &[name, body] : refused)
        QTest::newRow(name) << body << "InvalidMessageContents";
}

void TestVisibilityLimits::bodies()
{
    QFETCH(QByteArray, body);
    QFETCH(QString, code);
    ServiceHarness harness;
    harness.create("jobs");
    const auto response = harness.call(message(body.toStdString()));
    QCOMPARE(response.has_value(), code.isEmpty());
    if (!response)
        QCOMPARE(std::string(errorCode(response.error().kind)), code.toStdString());
}

void TestVisibilityLimits::messageDelays_data()
{
    QTest::addColumn<int>("delay");
    QTest::addColumn<bool>("allowed");
    QTest::newRow("-1") << -1 << false;
    QTest::newRow("0") << 0 << true;
    QTest::newRow("900") << 900 << true;
    QTest::newRow("901") << 901 << false;
}

void TestVisibilityLimits::messageDelays()
{
    QFETCH(int, delay);
    QFETCH(bool, allowed);
    ServiceHarness harness;
    harness.create("jobs");
    SendMessage send = message("a");
    send.delaySeconds = delay;
    const auto response = harness.call(send);
    QCOMPARE(response.has_value(), allowed);
    if (!allowed)
        QCOMPARE(response.error().kind, ErrorKind::InvalidParameterValue);
}

void TestVisibilityLimits::messageAttributes_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("type");
    QTest::addColumn<QString>("value");
    QTest::addColumn<bool>("allowed");
    const auto row = [](const char *title, const QString &name, const QString &type,
                         const QString &value, bool allowed) {
        QTest::newRow(title) << name << type << value << allowed;
    };
    row("text", "color", "String", "blue", true);
    row("labelled", "at", "Number.epoch", "1767225600", true);
    row("decimal", "price", "Number", "-19.12", true);
    row("exponent", "n", "Number", "1e126", true);
    row("38 digits", "n", "Number", QString(38, '9'), true);
    row("binary", "blob", "Binary", "x", true);
    row("256 letters", QString(256, 'n'), "String", "x", true);
    row("257 letters", QString(257, 'n'), "String", "x", false);
    row("no name", "", "String", "x", false);
    row("dot first", ".a", "String", "x", false);
    row("dot last", "a.", "String", "x", false);
    row("two dots", "a..b", "String", "x", false);
    row("space", "a b", "String", "x", false);
    row("reserved", "AwS.trace", "String", "x", false);
    row("reserved too", "amazon.x", "String", "x", false);
    row("unknown type", "a", "Text", "x", false);
    row("no type", "a", "", "x", false);
    row("empty text", "a", "String", "", false);
    row("empty binary", "a", "Binary", "", false);
    row("no number", "a", "Number", "ten", false);
    row("39 digits", "a", "Number", QString(39, '9'), false);
    row("exponent too large", "a", "Number", "1e127", false);
    row("exponent missing", "a", "Number", "1e", false);
    row("control character", "a", "String", QString(QChar(1)), false);
}

void TestVisibilityLimits::messageAttributes()
{
    QFETCH(QString, name);
    QFETCH(QString, type);
    QFETCH(QString, value);
    QFETCH(bool, allowed);
    ServiceHarness harness;
    harness.create("jobs");
    SendMessage send = message("a");
    MessageAttribute attribute;
    attribute.dataType = type.toStdString();
    if (type == "Binary")
        attribute.binaryValue = Bytes(static_cast<std::size_t>(value.size()), 1);
    else
        attribute.stringValue = value.toStdString();
    send.attributes.emplace(name.toStdString(), attribute);
    const auto response = harness.call(send);
    QCOMPARE(response.has_value(), allowed);
    if (!allowed)
        QCOMPARE(response.error().kind, ErrorKind::InvalidParameterValue);
}

void TestVisibilityLimits::moreThanTenMessageAttributesAreRefused()
{
    ServiceHarness harness;
    harness.create("jobs");
    SendMessage send = message("a");
    for (int i = 0; i < 10; ++i)
        send.attributes["a" + std::to_string(i)] = {"String", "x", {}};
    harness.expect<SendMessageResult>(send);
    send.attributes["one more"] = {"String", "x", {}};
    QCOMPARE(harness.refusal(send).kind, ErrorKind::InvalidParameterValue);
}

void TestVisibilityLimits::batchSendsEachAndFailsEach()
{
    ServiceHarness harness;
    harness.create("jobs", {{"MaximumMessageSize", "1024"}});
    const auto result = harness.expect<BatchResult>(SendMessageBatch{"jobs",
        {{"good", message("a")}, {"control", message("\x01")},
            {"long", message(std::string(1025, 'x'))}, {"good-2", message("b")}}});
    QVERIFY(result.successful == (std::vector<std::string>{"good", "good-2"}));
    QCOMPARE(result.messageIds.size(), 2U);
    QCOMPARE(result.failed.size(), 2U);
    QCOMPARE(result.failed[0].id, std::string("control"));
    QCOMPARE(result.failed[0].error.kind, ErrorKind::InvalidMessageContents);
    QCOMPARE(result.failed[1].error.message,
        std::string("One or more parameters cannot be validated. Reason: Message must be shorter "
                    "than 1024 bytes."));
    QCOMPARE(harness.bodies("jobs"), (Bodies{"a", "b"}));
}

void TestVisibilityLimits::batchFaults_data()
{
    QTest::addColumn<QStringList>("ids");
    QTest::addColumn<QString>("code");
    QTest::addColumn<QString>("message");
    QStringList ten;
    for (int i = 0; i < 10; ++i)
        ten << QString::number(i);
    QTest::newRow("ten") << ten << "" << "";
    QTest::newRow("80 letters") << QStringList{QString(80, 'a')} << "" << "";
    QTest::newRow("none") << QStringList{} << "EmptyBatchRequest"
                          << "There should be at least one %1 in the request.";
    QTest::newRow("eleven") << ten + QStringList{"10"} << "TooManyEntriesInBatchRequest"
                            << "Maximum number of entries per request are 10. You have sent 11.";
    const QString idForm = "A batch entry id can only contain alphanumeric characters, hyphens "
                           "and underscores. It can be at most 80 letters long.";
    QTest::newRow("81 letters") << QStringList{QString(81, 'a')} << "InvalidBatchEntryId" << idForm;
    QTest::newRow("empty id") << QStringList{""} << "InvalidBatchEntryId" << idForm;
    QTest::newRow("dot in id") << QStringList{"a.b"} << "InvalidBatchEntryId" << idForm;
    QTest::newRow("twice") << QStringList{"id_1", "id_2", "id_2"} << "BatchEntryIdsNotDistinct"
                           << "Id id_2 repeated.";
    QTest::newRow("form before twice")
        << QStringList{"a", "a", "!"} << "InvalidBatchEntryId" << idForm;
}

void TestVisibilityLimits::batchFaults()
{
    QFETCH(QStringList, ids);
    QFETCH(QString, code);
    QFETCH(QString, message);
    ServiceHarness harness;
    harness.create("jobs");
    SendMessageBatch send{"jobs", {}};
    DeleteMessageBatch remove{"jobs", {}};
    for (const QString &id : ids) {
        send.entries.push_back({id.toStdString(), ::message("x")});
        remove.entries.push_back({id.toStdString(), "no handle"});
    }
    const std::pair<Request, QString> batches[] = {
        {send, "SendMessageBatchRequestEntry"}, {remove, "DeleteMessageBatchRequestEntry"}};
    for (const auto &[batch, entryType] : batches) {
        const auto response = harness.call(batch);
        QCOMPARE(response.has_value(), code.isEmpty());
        if (response)
            continue;
        QCOMPARE(std::string(errorCode(response.error().kind)), code.toStdString());
        QCOMPARE(QString::fromStdString(response.error().message),
            message.contains("%1") ? message.arg(entryType) : message);
    }
}

void TestVisibilityLimits::batchOfMoreThanAMebibyteIsRefused()
{
    ServiceHarness harness;
    harness.create("jobs");
    const std::string half(524'288, 'x');
    harness.expect<BatchResult>(
        SendMessageBatch{"jobs", {{"1", message(half)}, {"2", message(half)}}});
    const SqsError error = harness.refusal(
        SendMessageBatch{"jobs", {{"1", message(half)}, {"2", message(half + "x")}}});
    QCOMPARE(error.kind, ErrorKind::BatchRequestTooLong);
    QCOMPARE(error.message,
        std::string("Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 "
                    "bytes."));
}

void TestVisibilityLimits::batchDeletesEachAndFailsEach()
{
    ServiceHarness harness;
    harness.create("jobs");
    harness.send("jobs", "a");
    harness.send("jobs", "b");
    const auto received = harness.receive("jobs", 10);
    const auto result = harness.expect<BatchResult>(DeleteMessageBatch{"jobs",
        {{"1", received[0].receiptHandle}, {"2", "garbage"}, {"3", received[1].receiptHandle}}});
    QVERIFY(result.successful == (std::vector<std::string>{"1", "3"}));
    QCOMPARE(result.failed.at(0).id, std::string("2"));
    QCOMPARE(result.failed[0].error.kind, ErrorKind::ReceiptHandleIsInvalid);
    QCOMPARE(harness.queue("jobs").notVisible, 0U);
}

QTEST_APPLESS_MAIN(TestVisibilityLimits)
#include "tst_visibility_limits.moc"
