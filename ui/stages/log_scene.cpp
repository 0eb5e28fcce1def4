#include "ui/stages/log_scene.h"

#include "ui/stages/words.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr double kLeastWidth = 480; ///< only below it is there something to scroll
constexpr double kEasyWidth = 760; ///< from here on nothing is squeezed
constexpr std::int64_t kMostCells = 24;

Thing partitionThing(const Lane &lane)
{
    return {Thing::Kind::Partition, lane.name, -1, {}};
}

std::int64_t configNumber(
    const log::TopicSnapshot &topic, const std::string &key, std::int64_t otherwise)
{
    const auto found = topic.configs.find(key);
    if (found == topic.configs.end())
        return otherwise;
    std::int64_t value = otherwise;
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
    return value;
}

/// In cells: what is no record takes less room.
double widthOf(const Slot &slot)
{
    switch (slot.kind) {
    case Slot::Kind::Record:
    case Slot::Kind::Tombstone:
        return 1;
    case Slot::Kind::Commit:
    case Slot::Kind::Abort:
    case Slot::Kind::Control:
        return 0.75;
    case Slot::Kind::Gap:
        return slot.next - slot.offset == 1 ? 0.5 : 1;
    }
    return 1;
}

} // namespace

LogScene::LogScene(const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure)
    : m_snapshot(snapshot)
    , m_input(input)
    , m_measure(measure)
    , m_view(makeLogView(snapshot, input.chosen))
    , m_sketch(m_scene, measure)
{
    layOut();
}

Swatch LogScene::flagColour(std::size_t group)
{
    static constexpr Swatch colours[] = {
        Swatch::DoneText, Swatch::System, Swatch::Ink, Swatch::Muted};
    return colours[std::min(group, std::size(colours) - 1)];
}

void LogScene::layOut()
{
    const double width = std::max(m_input.viewport.width(), m_measure.px(kLeastWidth));
    m_scene.size = {width, m_input.viewport.height()};
    if (m_view.topics.empty() && m_view.producers.empty() && m_view.groups.empty()
        && !isCluster()) {
        m_sketch.emptyGround(
            tr("No topics yet"), tr("create-topic makes one: a log that keeps what was written"));
        return;
    }
    m_flagRows = std::clamp<std::size_t>(m_view.groups.size(), 1, 3);
    m_followers = followersShown();
    m_rarerKeys = rarerKeys();
    m_hasNotes = isShareSelected() || !m_rarerKeys.empty();
    const double pad = m_measure.px(kPad);
    const double start = isCluster() ? brokers(m_measure.px(10)) : 0;
    planDetail(m_input.viewport.height() - start);
    planColumns(width);

    double top = start + m_measure.px(8);
    bool first = true;
    for (const TopicView &topic : m_view.topics) {
        header(topic, top, first);
        top = lanes(topic, top + headerHeight(first));
        first = false;
    }
    const double lanesBottom = top;
    // Where the lanes go on below what is seen, producers stay in sight at the start.
    producers(start + headerHeight(true) + m_measure.px(4),
        std::min(lanesBottom, m_input.viewport.height()));
    const double groupsTop =
        start + (m_view.topics.empty() ? m_measure.px(8) : headerHeight(true) + m_measure.px(4));
    groups(groupsTop, std::max(m_input.viewport.height() - pad, lanesBottom));
    ownerCurves();
    for (const Mark &mark : m_scene.marks)
        m_scene.size.rheight() = std::max(m_scene.size.height(), boundsOf(mark).bottom() + pad);
}

double LogScene::headerHeight(bool withLegend) const
{
    const double line = m_measure.height(Face::Title) + m_measure.px(14);
    return withLegend && !m_rarerKeys.empty() ? line + m_measure.height(Face::Small) : line;
}

void LogScene::planDetail(double height)
{
    std::size_t count = 0;
    for (const TopicView &topic : m_view.topics)
        count += std::max<std::size_t>(1, topic.lanes.size());
    const double heads = m_view.topics.empty()
        ? 0
        : headerHeight(true) + static_cast<double>(m_view.topics.size() - 1) * headerHeight(false);
    const double taken = heads + m_measure.px(8 + kPad);
    const double room = (height - taken) / static_cast<double>(std::max<std::size_t>(1, count));

    const double small = m_measure.height(Face::Small);
    const double flagsTall = flagHeight() * static_cast<double>(m_flagRows);
    const auto withReplicas = [this](Detail detail, double lane) {
        m_detail = detail;
        return lane + replicasHeight() + notesHeight();
    };
    const double roomy =
        withReplicas(Detail::Roomy, flagsTall + m_measure.px(24) + small + m_measure.px(10));
    const double compact =
        withReplicas(Detail::Compact, flagsTall + m_measure.px(18) + m_measure.px(6));
    const double dense = small + m_measure.px(7);
    if (room >= roomy) {
        m_detail = Detail::Roomy;
        m_laneHeight = std::min(room, roomy + m_measure.px(60));
    } else if (room >= compact || count <= 8) {
        m_detail = Detail::Compact;
        m_laneHeight = std::max(room, compact);
    } else {
        m_detail = Detail::Dense;
        m_laneHeight = std::max(room, dense);
    }
}

void LogScene::planColumns(double width)
{
    const double ease = std::clamp((width - m_measure.px(kLeastWidth))
            / (m_measure.px(kEasyWidth) - m_measure.px(kLeastWidth)),
        0.0, 1.0);
    const auto between = [&](double least, double natural) {
        return std::lerp(m_measure.px(least), m_measure.px(natural), ease);
    };
    const double pad = between(8, kPad);
    Columns &c = m_columns;
    double left = pad;
    if (!m_view.producers.empty()) {
        c.producers = pad;
        // Who has transactions has more to say.
        const bool transactional = std::ranges::any_of(m_view.producers,
            [](const LogView::Producer &producer) { return producer.transaction.has_value(); });
        const double least = transactional ? between(112, 152) : between(96, 116);
        c.producersWidth = std::clamp(width * 0.14, least, m_measure.px(160));
        left += c.producersWidth + between(24, 40);
    }
    double right = width - pad;
    if (!m_view.groups.empty()) {
        double stateWidth = 0;
        for (const GroupView &group : m_view.groups)
            stateWidth = std::max(stateWidth, m_sketch.pillWidth(stateText(group)));
        const double least = std::max(between(138, 176), stateWidth + m_measure.px(20));
        c.groupsWidth = std::clamp(width * 0.21, least, std::max(least, m_measure.px(236)));
        c.groups = right - c.groupsWidth;
        c.groupsGap = between(26, 38);
        right = c.groups - c.groupsGap;
    }
    double nameWidth = 0;
    double badgeWidth = 0;
    double endWidth = m_measure.px(14);
    double lagWidth = 0;
    for (const TopicView &topic : m_view.topics) {
        for (const Lane &lane : topic.lanes) {
            nameWidth = std::max(
                nameWidth, m_sketch.width(u"P%1"_s.arg(lane.partition->partition), Face::Strong));
            badgeWidth = std::max({badgeWidth, m_sketch.pillWidth(u"B1"_s),
                m_sketch.pillWidth(leaderText(*lane.partition, isCluster()))});
            endWidth = std::max(
                endWidth, m_sketch.width(grouped(furthestEnd(*lane.partition)), Face::Mono));
            if (const auto *group = lane.of(m_view.selected))
                lagWidth =
                    std::max(lagWidth, m_sketch.width(lagText(*group), Face::SmallStrong) + 1);
        }
    }
    c.names = left;
    c.leaders = left + nameWidth + m_measure.px(8);
    c.cells = c.leaders + badgeWidth + m_measure.px(14);
    c.lanesRight = right;
    if (m_detail == Detail::Dense && lagWidth > 0)
        c.lanesRight -= lagWidth + m_measure.px(8);
    c.lag = c.lanesRight + m_measure.px(8);
    c.cellsRight = c.lanesRight - endWidth - m_measure.px(14);
    // A position at the end of the lane is marked beside the lag, not on it.
    if (m_detail == Detail::Roomy && lagWidth > 0)
        c.cellsRight = std::min(c.cellsRight,
            c.lanesRight - m_measure.px(kLagInset + 3 + kPositionMark / 2) - lagWidth);
    m_pitch = std::clamp((c.cellsRight - c.cells) / 20, between(11, 13), m_measure.px(26));
}

void LogScene::header(const TopicView &topic, double top, bool withLegend)
{
    const double middle = top + headerHeight(false) / 2 - m_measure.px(2);
    const double pad = m_measure.px(kPad);
    const double titleTop = middle - m_measure.height(Face::Title) / 2;
    const double bodyTop = middle - m_measure.height(Face::Body) / 2;
    // Below the first topic the producers' cards stand on the left, the groups' on the right.
    const double left = withLegend ? pad : m_columns.names;
    const double right =
        withLegend || m_view.groups.empty() ? m_scene.size.width() - pad : m_columns.groups;
    double x =
        m_sketch.line(left, bodyTop, m_measure.px(80), tr("topic"), Face::Body, Swatch::Muted);
    const double nameLeft = x + m_measure.px(6);
    x = m_sketch.line(nameLeft, titleTop, m_measure.px(220), topic.name, Face::Title);
    m_sketch.spot({left, titleTop, x - left, m_measure.height(Face::Title)},
        {Thing::Kind::Topic, topic.name, -1, {}}, true);

    QString facts = counted(topic.lanes.size(), tr("1 partition"), tr("%1 partitions"))
        + tr(" · replication %1").arg(topic.topic->replicationFactor) + u" · "_s
        + retentionText(*topic.topic);
    const double room = right - x - m_measure.px(14);
    const double factsWidth = m_sketch.width(facts, Face::Small);
    // The legend matters more than the facts, which the topic's card in the inspector has too.
    double legendWidth = 0;
    if (withLegend) {
        auto keys = legendKeys(false);
        if (m_sketch.legendWidth(keys) > room - factsWidth - m_measure.px(32))
            keys = legendKeys(true);
        legendWidth = m_sketch.legendWidth(keys);
        if (legendWidth <= room)
            m_sketch.legend(m_scene.size.width() - pad, middle, keys);
        std::vector<Sketch::Key> rarer = m_rarerKeys;
        while (!rarer.empty() && m_sketch.legendWidth(rarer) > m_scene.size.width() - 2 * pad)
            rarer.pop_back();
        m_sketch.legend(m_scene.size.width() - pad,
            middle + m_measure.height(Face::Small) + m_measure.px(3), rarer);
    }
    const double factsRoom = room - legendWidth - m_measure.px(20);
    const double smallTop = middle - m_measure.height(Face::Small) / 2 + m_measure.px(1);
    if (factsRoom > std::min(factsWidth, m_measure.px(90)))
        x = m_sketch.line(
            x + m_measure.px(12), smallTop, factsRoom, facts, Face::Small, Swatch::Muted);

    double brokerX = x + m_measure.px(12);
    for (const auto &broker : m_snapshot.log.brokers) {
        const QString words = tr("broker %1 is down").arg(broker.id);
        if (broker.alive || isCluster() || !withLegend
            || factsRoom < factsWidth + m_sketch.pillWidth(words))
            continue;
        const QRectF rect = m_sketch.pill(brokerX, middle, words, Swatch::Dead, Swatch::DeadTint);
        m_sketch.spot(rect, {Thing::Kind::Broker, {}, broker.id, {}}, true);
        brokerX = rect.right() + m_measure.px(6);
    }
}

QString LogScene::retentionText(const log::TopicSnapshot &topic) const
{
    const auto policy = topic.configs.find("cleanup.policy");
    const bool compacts =
        policy != topic.configs.end() && policy->second.find("compact") != std::string::npos;
    if (compacts && policy->second.find("delete") == std::string::npos)
        return tr("compacted");
    const std::int64_t retention = configNumber(topic, "retention.ms", 604'800'000);
    const QString kept = retention < 0
        ? tr("kept for ever")
        : tr("kept %1").arg(spanText(std::chrono::milliseconds(retention)));
    return compacts ? tr("compacted, ") + kept : kept;
}

bool LogScene::isShareSelected() const
{
    return !m_view.groups.empty() && m_view.groups[m_view.selected].type() == log::GroupType::Share;
}

std::vector<Sketch::Key> LogScene::rarerKeys() const
{
    using Shape = Sketch::Key::Shape;
    bool open = false;
    bool aborted = false;
    bool commits = false;
    bool aborts = false;
    bool tombstones = false;
    bool compacted = false;
    for (const TopicView &topic : m_view.topics) {
        for (const Lane &lane : topic.lanes) {
            compacted = compacted || lane.isCompacted();
            if (!lane.tail)
                continue;
            for (const world::StoredRecord &record : lane.tail->records) {
                commits = commits || record.kind == world::RecordKind::CommitMarker;
                aborts = aborts || record.kind == world::RecordKind::AbortMarker;
                tombstones = tombstones
                    || (record.kind == world::RecordKind::Tombstone && lane.isCompacted());
                open = open || record.fate == world::TransactionFate::Open;
                aborted = aborted || record.fate == world::TransactionFate::Aborted;
            }
        }
    }
    std::vector<Sketch::Key> keys;
    if (open)
        keys.push_back({tr("open transaction"), Swatch::Ready, Shape::Hatched});
    if (aborted)
        keys.push_back({tr("aborted"), Swatch::DeadTint, Shape::Struck});
    if (commits)
        keys.push_back({tr("COMMIT"), Swatch::None, Shape::Commit});
    if (aborts)
        keys.push_back({tr("ABORT"), Swatch::None, Shape::Abort});
    if (tombstones)
        keys.push_back({tr("tombstone"), Swatch::Ready, Shape::Tombstone});
    if (compacted)
        keys.push_back({tr("compacted away"), Swatch::None, Shape::Gap});
    return keys;
}

std::vector<Sketch::Key> LogScene::legendKeys(bool terse) const
{
    using Shape = Sketch::Key::Shape;
    std::vector<Sketch::Key> keys;
    if (isShareSelected()) {
        keys = {{tr("available"), Swatch::Ready}, {tr("acquired"), Swatch::InFlight},
            {tr("acknowledged"), Swatch::DoneFaded},
            {tr("archived"), Swatch::DeadTint, Shape::Struck}};
        if (!terse)
            keys.push_back({tr("not given out"), Swatch::Ready, Shape::Hollow});
        return keys;
    }
    bool hatched = false;
    bool ahead = false;
    for (const TopicView &topic : m_view.topics) {
        for (const Lane &lane : topic.lanes) {
            hatched = hatched || lane.partition->highWatermark < lane.partition->logEndOffset;
            const auto *group = lane.of(m_view.selected);
            ahead =
                ahead || (group && group->fetched > std::max(group->position, group->committed));
        }
    }
    if (!m_view.groups.empty()) {
        keys.push_back({tr("committed"), Swatch::DoneFaded});
        keys.push_back(
            {terse ? tr("handed out") : tr("handed out, not committed"), Swatch::InFlight});
        if (ahead)
            keys.push_back({tr("fetched ahead"), Swatch::InFlight, Shape::Hollow});
    }
    keys.push_back({tr("not read"), Swatch::Ready});
    if (hatched)
        keys.push_back({terse ? tr("not replicated") : tr("above high watermark"), Swatch::Muted,
            Shape::Hatched});
    return keys;
}

LogScene::Row LogScene::rowAt(double top) const
{
    Row row;
    const double small = m_measure.height(Face::Small);
    const double flagsTall = flagHeight() * static_cast<double>(m_flagRows);
    const double lane = m_laneHeight - replicasHeight() - notesHeight();
    switch (m_detail) {
    case Detail::Roomy:
        row.cellHeight = std::clamp(
            lane - flagsTall - small - m_measure.px(24), m_measure.px(24), m_measure.px(34));
        row.cellTop = top + flagsTall + m_measure.px(2);
        break;
    case Detail::Compact:
        row.cellHeight =
            std::clamp(lane - flagsTall - m_measure.px(8), m_measure.px(14), m_measure.px(22));
        row.cellTop = top + flagsTall + m_measure.px(2);
        break;
    case Detail::Dense:
        row.cellHeight = std::min(small, m_laneHeight - m_measure.px(6));
        row.cellTop = top + (m_laneHeight - row.cellHeight) / 2;
        break;
    }
    return row;
}

LogScene::Window LogScene::windowOf(const Lane &lane, bool dense) const
{
    const log::PartitionSnapshot &partition = *lane.partition;
    Window window;
    window.left = m_columns.cells;
    window.end = furthestEnd(partition);
    double room = m_columns.cellsRight - m_columns.cells;
    if (dense) {
        window.densityWidth = std::max(m_measure.px(40), std::floor(room * 0.2));
        room -= window.densityWidth + m_measure.px(8);
        window.left += window.densityWidth + m_measure.px(8);
    }
    const auto fits =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(room / m_pitch), 1, kMostCells);
    // Behind the leader's end lies what only a broker has that is down.
    const std::int64_t beyond = std::min(fits, window.end - partition.logEndOffset);
    window.slots = newestSlots(partition, lane.tail, static_cast<std::size_t>(fits - beyond));
    // Of a share group what it works on is looked at, which may lie far behind the newest.
    const GroupProgress *group = lane.of(m_view.selected);
    constexpr std::int64_t kSettledShown = 2;
    const std::int64_t from = group && group->share
        ? std::max(partition.logStartOffset, group->share->startOffset - kSettledShown)
        : partition.logEndOffset;
    if (!window.slots.empty() && from < window.slots.front().offset) {
        window.slots.clear();
        window.end = std::min(partition.logEndOffset, from + std::max<std::int64_t>(1, fits - 2));
        for (std::int64_t offset = from; offset < window.end; ++offset)
            window.slots.push_back({.offset = offset, .next = offset + 1});
    }
    window.first = window.slots.empty() ? std::max(partition.logStartOffset, window.end - fits)
                                        : window.slots.front().offset;
    double x = window.left;
    for (const Slot &slot : window.slots) {
        window.lefts.push_back(x);
        x += m_pitch * widthOf(slot);
    }
    window.lefts.push_back(x);
    return window;
}

double LogScene::xOf(const Window &window, std::int64_t offset) const
{
    const std::int64_t at = std::min(offset, window.end);
    if (at <= window.first)
        return window.left;
    const std::int64_t known = window.slots.empty() ? window.first : window.slots.back().next;
    if (at >= known)
        return window.lefts.back() + static_cast<double>(at - known) * m_pitch;
    const auto after = std::ranges::upper_bound(window.slots, at, {}, &Slot::offset);
    const auto index = static_cast<std::size_t>(after - window.slots.begin()) - 1;
    const Slot &slot = window.slots[index];
    const double part =
        static_cast<double>(at - slot.offset) / static_cast<double>(slot.next - slot.offset);
    return std::lerp(window.lefts[index], window.lefts[index + 1], part);
}

double LogScene::lanes(const TopicView &topic, double top)
{
    std::vector<Window> windows;
    windows.reserve(topic.lanes.size());
    bool dense = false;
    for (const Lane &lane : topic.lanes) {
        windows.push_back(windowOf(lane, false));
        dense = dense || windows.back().first > lane.partition->logStartOffset;
    }
    for (std::size_t index = 0; index < topic.lanes.size(); ++index) {
        const Lane &one = topic.lanes[index];
        lane(one, dense ? windowOf(one, true) : windows[index], top);
        top += m_laneHeight;
    }
    return top;
}

void LogScene::lane(const Lane &lane, const Window &window, double top)
{
    const Row row = rowAt(top);
    const double middle = row.cellTop + row.cellHeight / 2;
    const QRectF rail(m_columns.cells - m_measure.px(4), row.cellTop - m_measure.px(3),
        m_columns.lanesRight - m_columns.cells + m_measure.px(4), row.cellHeight + m_measure.px(6));
    const bool cleaned = justCleaned(lane) != nullptr;
    m_sketch.box({.rect = rail,
        .radius = m_measure.px(4),
        .fill = cleaned ? Swatch::DoneTint : Swatch::Raised,
        .border = cleaned ? Swatch::Done : Swatch::None,
        .width = 1.6});
    m_sketch.spot(
        {m_columns.names, rail.top(), m_columns.lanesRight - m_columns.names, rail.height()},
        partitionThing(lane), true);
    m_scene.setAnchor(Thing::Kind::Partition, lane.name, {rail.left(), middle});
    laneName(lane, row);
    if (window.densityWidth > 0)
        density(lane, window, row);
    cells(lane, window, row);
    edges(lane, window, row, top);
    markedEdges(lane, window, row);
    shareRuns(lane, window, row, top);
    flags(lane, window, row, top);
    numbers(lane, row, top);
    if (m_followers > 0 && m_detail != Detail::Dense)
        replicas(lane, window, row);
}

void LogScene::laneName(const Lane &lane, const Row &row)
{
    const double middle = row.cellTop + row.cellHeight / 2;
    m_sketch.line(m_columns.names, middle - m_measure.height(Face::Strong) / 2,
        m_columns.leaders - m_columns.names, u"P%1"_s.arg(lane.partition->partition), Face::Strong);
    const bool led = lane.partition->leader > 0;
    // Where there is no room for the followers the badge is red as long as some are not in sync.
    const bool thin =
        m_detail == Detail::Dense && lane.partition->isr.size() < lane.partition->replicas.size();
    const QRectF badge =
        m_sketch.pill(m_columns.leaders, middle, leaderText(*lane.partition, isCluster()),
            led && !thin ? Swatch::Muted : Swatch::Dead, led ? Swatch::None : Swatch::DeadTint);
    if (led)
        m_sketch.spot(badge, {Thing::Kind::Broker, {}, lane.partition->leader, {}});
}

} // namespace queuelab::ui
