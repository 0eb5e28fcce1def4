#include "ui/panels/event_model.h"
#include "ui/panels/event_panel.h"
#include "ui/panels/message_model.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

using namespace queuelab;
using namespace queuelab::ui;
using namespace Qt::StringLiterals;

namespace {

std::vector<EventRow> rows(quint64 first, std::size_t count)
{
    std::vector<EventRow> result;
    for (std::size_t i = 0; i < count; ++i) {
        EventRow row;
        row.sequence = first + i;
        row.atNs = static_cast<qint64>(row.sequence) * 1'000'000;
        row.weight = row.sequence % 10 == 0 ? EventWeight::Notable : EventWeight::Routine;
        row.title = u"appended"_s;
        row.subject = u"orders-%1"_s.arg(row.sequence % 3);
        row.text = u"record %1"_s.arg(row.sequence);
        result.push_back(row);
    }
    return result;
}

MessageRow message(qint64 item, const QString &state = {})
{
    return {.item = item, .atNs = 0, .key = {}, .text = u"m"_s, .size = {}, .state = state};
}

} // namespace

class TestEventModel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theNewestStandsFirst()
    {
        EventModel model;
        const QAbstractItemModelTester tester(&model);
        model.append(rows(0, 3));
        model.append(rows(3, 2));
        QCOMPARE(model.rowCount(), 5);
        QCOMPARE(model.at(0).sequence, quint64{4});
        QCOMPARE(model.at(4).sequence, quint64{0});
    }

    void onlyTheNewestAreKept()
    {
        EventModel model;
        const QAbstractItemModelTester tester(&model);
        model.append(rows(0, EventModel::kMaxRows - 10));
        model.append(rows(EventModel::kMaxRows - 10, 25));
        QCOMPARE(model.rowCount(), static_cast<int>(EventModel::kMaxRows));
        QCOMPARE(model.at(0).sequence, quint64{EventModel::kMaxRows + 14});
        QCOMPARE(model.at(model.rowCount() - 1).sequence, quint64{15});
    }

    void moreThanItKeepsReplacesAll()
    {
        EventModel model;
        const QAbstractItemModelTester tester(&model);
        model.append(rows(0, 10));
        model.append(rows(10, EventModel::kMaxRows + 5));
        QCOMPARE(model.rowCount(), static_cast<int>(EventModel::kMaxRows));
        QCOMPARE(model.at(0).sequence, quint64{EventModel::kMaxRows + 14});
    }

    void anAppendIsOneInsertion()
    {
        EventModel model;
        model.append(rows(0, 10));
        QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
        QSignalSpy reset(&model, &QAbstractItemModel::modelReset);
        model.append(rows(10, 500));
        QCOMPARE(inserted.size(), 1);
        QCOMPARE(reset.size(), 0);
    }

    void theFilterLooksAtWeightAndEveryText()
    {
        EventModel model;
        EventFilter filter;
        const QAbstractItemModelTester tester(&filter);
        filter.setSourceModel(&model);
        model.append(rows(0, 100));
        filter.setWeight(EventWeight::Notable);
        QCOMPARE(filter.rowCount(), 10);
        filter.setText(u"RECORD 50"_s);
        QCOMPARE(filter.rowCount(), 1);
        filter.setWeight(EventWeight::Routine);
        filter.setText(u"orders-1"_s);
        QCOMPARE(filter.rowCount(), 33);
    }

    void messagesThatStayAreNotTouched()
    {
        MessageModel model;
        const QAbstractItemModelTester tester(&model);
        model.setRows({message(1), message(2), message(3)});
        QSignalSpy inserted(&model, &QAbstractItemModel::rowsInserted);
        QSignalSpy removed(&model, &QAbstractItemModel::rowsRemoved);
        QSignalSpy changed(&model, &QAbstractItemModel::dataChanged);
        model.setRows({message(2), message(3, u"unacked"_s), message(4)});
        QCOMPARE(model.rowCount(), 3);
        QCOMPARE(model.at(0).item, 2);
        QCOMPARE(model.at(2).item, 4);
        QCOMPARE(inserted.size(), 1);
        QCOMPARE(removed.size(), 1);
        QCOMPARE(changed.size(), 1);
        model.setRows({});
        QCOMPARE(model.rowCount(), 0);
    }
};

QTEST_MAIN(TestEventModel)
#include "tst_event_model.moc"
