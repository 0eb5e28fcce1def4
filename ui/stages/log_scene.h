#pragma once

#include "ui/stages/log_view.h"
#include "ui/stages/scene_stage.h"
#include "ui/stages/sketch.h"

#include <QCoreApplication>

namespace queuelab::ui {

/// Lays out the log: producers, a lane for each partition, the groups that read them. Used once.
class LogScene {
    Q_DECLARE_TR_FUNCTIONS(queuelab::ui::LogScene)

public:
    LogScene(const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure);

    Scene take() { return std::move(m_scene); }

    /// The colour of a group's flags, by its place in LogView::groups. Beyond the first the cloth
    /// carries the name too.
    static Swatch flagColour(std::size_t group);

private:
    /// How much a lane can say: Roomy has flags, cells and a line below; Compact drops that line;
    /// Dense keeps poles and numbers.
    enum class Detail : quint8 { Roomy, Compact, Dense };

    /// Left and right edges of what stands side by side.
    struct Columns {
        double producers = 0; ///< left edge
        double producersWidth = 0;
        double names = 0;
        double leaders = 0;
        double cells = 0;
        double cellsRight = 0;
        double lanesRight = 0; ///< behind the log end offset
        double lag = 0; ///< Dense: left edge of the lag
        double groups = 0;
        double groupsWidth = 0;
        double groupsGap = 0; ///< between lanes and groups
    };
    struct Row {
        double cellTop = 0;
        double cellHeight = 0;
    };
    /// Which places of a lane are cells, and which offsets lie in the density bar before them.
    struct Window {
        std::int64_t first = 0; ///< of the cells
        std::int64_t end = 0;
        double left = 0; ///< of the first cell
        double densityWidth = 0;
        std::vector<Slot> slots;
        std::vector<double> lefts; ///< of the slots, and behind the last one
    };
    /// What is written under an edge of a lane.
    struct EdgeNote {
        double x = 0;
        QString words;
        QString terse; ///< instead, where there is little room
        Swatch colour = Swatch::Muted;
    };

    void layOut();
    void planColumns(double width);
    void planDetail(double height);
    /// A card for each broker of a cluster; returns where it ends.
    double brokers(double top);
    void brokerCard(const log::BrokerSnapshot &broker, const QRectF &rect);
    bool isCluster() const { return m_snapshot.log.brokers.size() > 1; }
    void header(const TopicView &topic, double top, bool withLegend);
    QString retentionText(const log::TopicSnapshot &topic) const;
    double lanes(const TopicView &topic, double top);
    void lane(const Lane &lane, const Window &window, double top);
    void laneName(const Lane &lane, const Row &row);
    void cells(const Lane &lane, const Window &window, const Row &row);
    void recordCell(const QRectF &rect, RecordState state, const Slot &slot, bool readsCommitted);
    void gap(const QRectF &rect, const Slot &slot);
    /// Of a share group: who has acquired what and until when, and what was delivered before.
    void shareRuns(const Lane &lane, const Window &window, const Row &row, double top);
    void density(const Lane &lane, const Window &window, const Row &row);
    void edges(const Lane &lane, const Window &window, const Row &row, double top);
    /// Last stable offset, first dirty offset, start and end offset of a share-partition: each a
    /// line of its own kind, and in words below where there is room.
    void markedEdges(const Lane &lane, const Window &window, const Row &row);
    std::vector<EdgeNote> edgeNotes(const Lane &lane, const Window &window, const Row &row);
    void writeNotes(std::vector<EdgeNote> notes, double top);
    double notesTop(const Row &row) const;
    double notesHeight() const;
    /// The newest compaction of this partition in the last moments; nullptr when there was none.
    const EventRow *justCleaned(const Lane &lane) const;
    void flags(const Lane &lane, const Window &window, const Row &row, double top);
    void otherPositions(const Lane &lane, const Window &window, const Row &row);
    void numbers(const Lane &lane, const Row &row, double top);
    /// Under a lane: how far each follower has come, and what only it has.
    void replicas(const Lane &lane, const Window &window, const Row &row);
    void replicaStrip(const Lane &lane, const Window &window, const log::ReplicaSnapshot &replica,
        const QRectF &strip);
    double replicasTop(const Row &row) const;
    double replicaPitch() const;
    double replicasHeight() const;
    /// Followers of the topic with the most replicas: what every lane leaves room for.
    std::size_t followersShown() const;
    /// In the middle between the two.
    void producers(double areaTop, double areaBottom);
    double producerHeight(const LogView::Producer &producer, bool slim) const;
    void producerCard(const LogView::Producer &producer, const QRectF &rect, bool slim);
    void transactionRing(const TransactionView &transaction, QPointF centre, double radius);
    void producerCurves(const TopicView &topic, QPointF out, Dash dash);
    void groups(double top, double bottom);
    static QString stateText(const GroupView &group);
    static bool isSettling(const GroupView &group);
    QString settlingText(const GroupView &group) const;
    QString footText(const GroupView &group) const;
    /// A long name and a long state do not fit beside each other.
    bool isStacked(const GroupView &group) const;
    double groupHead(const GroupView &group) const;
    double groupCard(const GroupView &group, std::size_t index, double top, double memberHeight);
    void memberCard(const GroupView &group, const MemberView &member, const QRectF &rect);
    void memberPills(
        const GroupView &group, const MemberView &member, double left, double right, double middle);
    double memberSecondLine(const MemberView &member, const QRectF &rect, double top);
    void ownerCurves();
    void ownerCurve(const MemberView &member, const QString &partition, bool selected, bool faint);

    Window windowOf(const Lane &lane, bool dense) const;
    double xOf(const Window &window, std::int64_t offset) const;
    Row rowAt(double top) const;
    double headerHeight(bool withLegend) const;
    double flagHeight() const { return m_measure.height(Face::Mono); }
    std::vector<Sketch::Key> legendKeys(bool terse) const;
    /// Of what only some logs have: transactions, compaction.
    std::vector<Sketch::Key> rarerKeys() const;
    bool isShareSelected() const;
    QString memberText(const MemberView &member) const;
    static QString lagText(const GroupProgress &group);
    /// Roomy and Compact: where the lag under or over a lane begins; the lane's right edge without
    /// a group.
    double lagLeft(const Lane &lane) const;

    static constexpr double kPositionMark = 8; ///< the triangle's side
    static constexpr double kLagInset = 6; ///< from the lane's right edge

    const world::Snapshot &m_snapshot;
    const SceneInput &m_input;
    const Measure &m_measure;
    const LogView m_view;
    Scene m_scene;
    Sketch m_sketch;
    Columns m_columns;
    Detail m_detail = Detail::Roomy;
    double m_laneHeight = 0;
    double m_pitch = 0; ///< from cell to cell
    std::size_t m_flagRows = 1;
    std::size_t m_followers = 0;
    bool m_hasNotes = false; ///< some lane has something to write under its edges
    std::vector<Sketch::Key> m_rarerKeys;
    double m_memberGap = 0; ///< between the cards of a group
};

} // namespace queuelab::ui
