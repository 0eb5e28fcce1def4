#include "ui/panels/message_panel.h"

#include "ui/theme/style_sheet.h"
#include "ui/widgets/tables.h"

#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 kShownRecords = 500; // the newest of a partition

QString toText(const std::string &text)
{
    return QString::fromStdString(text);
}

/// Where messages can be listed from, in the order of the engines.
struct Source {
    Thing thing;
    QString label;
};

std::vector<Source> sourcesOf(const world::Snapshot &snapshot)
{
    std::vector<Source> sources;
    for (const log::TopicSnapshot &topic : snapshot.log.topics)
        for (const log::PartitionSnapshot &partition : topic.partitions) {
            const QString name = u"%1-%2"_s.arg(toText(topic.name)).arg(partition.partition);
            sources.push_back({{.kind = Thing::Kind::Partition,
                                   .name = name,
                                   .item = partition.partition,
                                   .detail = toText(topic.name)},
                MessagePanel::tr("partition %1").arg(name)});
        }
    for (const exchange::QueueSnapshot &queue : snapshot.exchange.queues)
        sources.push_back({{.kind = Thing::Kind::Queue,
                               .name = toText(queue.name),
                               .item = -1,
                               .detail = u"exchange"_s},
            MessagePanel::tr("queue %1").arg(toText(queue.name))});
    for (const visibility::QueueSnapshot &queue : snapshot.visibility.queues)
        sources.push_back({{.kind = Thing::Kind::Queue,
                               .name = toText(queue.name),
                               .item = -1,
                               .detail = u"visibility"_s},
            MessagePanel::tr("queue %1").arg(toText(queue.name))});
    return sources;
}

MessageRow::Look lookOf(const world::StoredRecord &record)
{
    switch (record.kind) {
    case world::RecordKind::CommitMarker:
    case world::RecordKind::AbortMarker:
    case world::RecordKind::OtherControl:
        return MessageRow::Look::Marker;
    case world::RecordKind::Data:
    case world::RecordKind::Tombstone:
        break;
    }
    if (record.fate == world::TransactionFate::Aborted)
        return MessageRow::Look::Aborted;
    if (record.fate == world::TransactionFate::Open)
        return MessageRow::Look::Open;
    return record.kind == world::RecordKind::Tombstone ? MessageRow::Look::Tombstone
                                                       : MessageRow::Look::Plain;
}

/// The value; of a marker whose transaction it ends, of a tombstone that there is none.
QString valueText(const world::World::MessageRow &row)
{
    switch (row.record.kind) {
    case world::RecordKind::CommitMarker:
    case world::RecordKind::AbortMarker:
        return MessagePanel::tr("ends the transaction of producer %1, epoch %2")
            .arg(row.record.producerId)
            .arg(row.record.producerEpoch);
    case world::RecordKind::Tombstone:
        return MessagePanel::tr("no value: deletes the key");
    case world::RecordKind::OtherControl:
    case world::RecordKind::Data:
        break;
    }
    return toText(row.value);
}

} // namespace

MessagePanel::MessagePanel(QWidget *parent)
    : QWidget(parent)
    , m_model(new MessageModel(this))
    , m_source(new QComboBox(this))
    , m_note(new QLabel(this))
    , m_table(new QTableView(this))
{
    m_source->setObjectName(u"messages.source"_s);
    m_source->setToolTip(tr("Whose messages are listed"));
    m_source->setMinimumContentsLength(18);
    m_source->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_table->setObjectName(u"messages.table"_s);
    m_table->setModel(m_model);
    setUpTable(*m_table);
    m_table->horizontalHeader()->setStretchLastSection(false);
    m_table->horizontalHeader()->setSectionResizeMode(
        MessageModel::TextColumn, QHeaderView::Stretch);
    setRole(*m_note, "small");
    connect(m_source, &QComboBox::currentIndexChanged, this, [this] {
        m_model->clear();
        refresh();
    });
    connect(m_table, &QTableView::clicked, this, [this](const QModelIndex &index) {
        const Thing source = m_source->currentData().value<Thing>();
        Q_EMIT picked({.kind = source.kind == Thing::Kind::Partition ? Thing::Kind::Record
                                                                     : Thing::Kind::Message,
            .name = source.name,
            .item = m_model->at(index.row()).item,
            .detail = {}});
    });

    auto *top = new QHBoxLayout;
    top->setContentsMargins(8, 4, 8, 0);
    top->addWidget(m_source);
    top->addWidget(m_note, 1);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(4);
    column->addLayout(top);
    column->addWidget(m_table, 1);
    restyle();
}

void MessagePanel::setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot)
{
    m_snapshot = snapshot;
    if (!isVisible())
        return;
    refreshSources();
    refresh();
}

void MessagePanel::refreshSources()
{
    const std::vector<Source> sources = sourcesOf(*m_snapshot);
    bool same = static_cast<int>(sources.size()) == m_source->count();
    for (int i = 0; same && i < m_source->count(); ++i)
        same = m_source->itemData(i).value<Thing>() == sources[static_cast<std::size_t>(i)].thing;
    if (same)
        return;
    const Thing current = m_source->currentData().value<Thing>();
    const QSignalBlocker blocker(m_source);
    m_source->clear();
    for (const Source &source : sources)
        m_source->addItem(source.label, QVariant::fromValue(source.thing));
    choose(current);
}

void MessagePanel::choose(const Thing &thing)
{
    for (int i = 0; i < m_source->count(); ++i) {
        const Thing at = m_source->itemData(i).value<Thing>();
        if (at.kind == thing.kind && at.name == thing.name)
            m_source->setCurrentIndex(i);
    }
}

void MessagePanel::refresh()
{
    if (!m_snapshot || m_source->currentIndex() < 0) {
        m_model->clear();
        m_note->setText(tr("No partition and no queue yet"));
        return;
    }
    const Thing source = m_source->currentData().value<Thing>();
    if (source.kind == Thing::Kind::Partition) {
        for (const log::TopicSnapshot &topic : m_snapshot->log.topics)
            for (const log::PartitionSnapshot &partition : topic.partitions)
                if (toText(topic.name) == source.detail && partition.partition == source.item) {
                    const qint64 from = std::max<qint64>(
                        partition.logStartOffset, partition.logEndOffset - kShownRecords);
                    Q_EMIT recordsWished(source.detail, partition.partition, from);
                    m_note->setText(tr("offsets %1 to %2, high watermark %3")
                            .arg(from)
                            .arg(partition.logEndOffset)
                            .arg(partition.highWatermark));
                }
        return;
    }
    if (source.detail == "exchange"_L1) {
        for (const exchange::QueueSnapshot &queue : m_snapshot->exchange.queues)
            if (toText(queue.name) == source.name)
                showExchangeQueue(queue);
    } else {
        for (const visibility::QueueSnapshot &queue : m_snapshot->visibility.queues)
            if (toText(queue.name) == source.name)
                showVisibilityQueue(queue);
    }
}

void MessagePanel::setRecords(const std::vector<world::World::MessageRow> &rows, Instant start)
{
    if (m_source->currentData().value<Thing>().kind != Thing::Kind::Partition)
        return; // another source was chosen while the answer was on its way
    std::vector<MessageRow> shown;
    shown.reserve(rows.size());
    for (const world::World::MessageRow &row : rows)
        shown.push_back({.item = row.item,
            .atNs = (row.at - start).count(),
            .key = toText(row.key),
            .text = valueText(row),
            .size = tr("%1 B").arg(row.sizeBytes),
            .state = toText(row.state),
            .look = lookOf(row.record)});
    m_model->setRows(std::move(shown));
}

void MessagePanel::showExchangeQueue(const exchange::QueueSnapshot &queue)
{
    std::vector<MessageRow> rows;
    const auto add = [&rows](const exchange::MessageSnapshot &message, const QString &state) {
        QString text = state;
        if (message.redelivered)
            text += tr(", redelivered");
        if (message.deaths > 0)
            text += tr(", dead-lettered: %1").arg(toText(message.deathReason));
        rows.push_back({.item = static_cast<qint64>(message.number),
            .atNs = -1,
            .key = toText(message.routingKey),
            .text = toText(message.label),
            .size = {},
            .state = text});
    };
    for (const exchange::MessageSnapshot &message : queue.ready)
        add(message, tr("ready"));
    for (const exchange::ConsumerSnapshot &consumer : m_snapshot->exchange.consumers)
        if (consumer.queue == queue.name)
            for (const exchange::MessageSnapshot &message : consumer.unacked)
                add(message, tr("unacked by %1").arg(toText(consumer.connection)));
    std::ranges::sort(rows, {}, &MessageRow::item);
    m_model->setRows(std::move(rows));
    m_note->setText(
        tr("messages_ready %1, messages_unacknowledged %2; the first %3 of each are listed")
            .arg(queue.messagesReady)
            .arg(queue.messagesUnacknowledged)
            .arg(exchange::QueueSnapshot::kShownMessages));
}

void MessagePanel::showVisibilityQueue(const visibility::QueueSnapshot &queue)
{
    std::vector<MessageRow> rows;
    const auto add = [&](const visibility::MessageSnapshot &message, const QString &state) {
        rows.push_back({.item = static_cast<qint64>(message.number),
            .atNs = (message.sent - m_snapshot->start).count(),
            .key = {},
            .text = toText(message.label.empty() ? message.messageId : message.label),
            .size = {},
            .state = message.receiveCount > 0
                ? tr("%1, received %2×").arg(state).arg(message.receiveCount)
                : state});
    };
    for (const visibility::MessageSnapshot &message : queue.shownVisible)
        add(message, tr("visible"));
    for (const visibility::MessageSnapshot &message : queue.shownInFlight)
        add(message, tr("in flight, held by %1").arg(toText(message.heldBy)));
    for (const visibility::MessageSnapshot &message : queue.shownDelayed)
        add(message, tr("delayed"));
    std::ranges::sort(rows, {}, &MessageRow::item);
    m_model->setRows(std::move(rows));
    m_note->setText(tr("visible %1, in flight %2, delayed %3; the first %4 of each are listed")
            .arg(queue.visible)
            .arg(queue.notVisible)
            .arg(queue.delayed)
            .arg(visibility::QueueSnapshot::kShownMessages));
}

void MessagePanel::showEvent(QShowEvent *event)
{
    QWidget::showEvent(event);
    if (m_snapshot) {
        refreshSources();
        refresh();
    }
}

void MessagePanel::restyle()
{
    const Theme theme = Theme::of(*this);
    m_model->setTheme(theme);
    m_table->verticalHeader()->setDefaultSectionSize(theme.px(22));
    m_table->setColumnWidth(MessageModel::ItemColumn, theme.px(70));
    m_table->setColumnWidth(MessageModel::TimeColumn, theme.px(92));
    m_table->setColumnWidth(MessageModel::KeyColumn, theme.px(90));
    m_table->setColumnWidth(MessageModel::SizeColumn, theme.px(60));
    m_table->setColumnWidth(MessageModel::StateColumn, theme.px(150));
}

void MessagePanel::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        restyle();
    QWidget::changeEvent(event);
}

} // namespace queuelab::ui
