#pragma once

#include "ui/stages/exchange_view.h"
#include "ui/stages/scene_stage.h"
#include "ui/stages/sketch.h"

#include <QCoreApplication>

namespace queuelab::ui {

/// The routing key that was published last to each exchange.
using LastKeys = std::map<QString, QString>;

/// Why a binding lets a message with this key pass by; empty when it matches, or when it is not the
/// key that decides.
QString mismatchText(
    const exchange::BindingSnapshot &binding, const std::string &exchangeType, const QString &key);
/// What a binding asks for: its key, or a headers binding's arguments; empty where everything
/// matches.
QString bindingText(const exchange::BindingSnapshot &binding, const std::string &exchangeType);
Thing bindingThing(const exchange::BindingSnapshot &binding);

/// Lays out the exchange broker left to right: publishers, exchanges, bindings, queues, workers.
/// Used once.
class ExchangeScene {
    Q_DECLARE_TR_FUNCTIONS(queuelab::ui::ExchangeScene)

public:
    ExchangeScene(const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure,
        const LastKeys &lastKeys);

    Scene take() { return std::move(m_scene); }

private:
    /// A column of cards.
    struct Column {
        double left = 0;
        double width = 0;
        double right() const { return left + width; }
    };

    void layOut();
    /// The air between the columns.
    struct Gaps {
        double pad = 0;
        double publishers = 0; ///< behind them
        double keys = 0; ///< before them
        double queues = 0; ///< before them
        double workers = 0; ///< before them
        double needed = 0; ///< with all columns
    };
    /// Sets the columns' widths; `ease` goes from 0, as narrow as their words allow, to 1.
    Gaps sizeColumns(double ease);
    void planColumns(double width);
    void header();
    void placeQueues(double top, double bottom);
    void placeExchanges(double top, double bottom);
    void placePublishers(double top, double bottom);

    void publisher(const world::ClientSnapshot &client, const QRectF &rect);
    static QString exchangeName(const ExchangeNode &node);
    void exchangeNode(const ExchangeNode &node, const QRectF &rect);
    void bindings();
    void binding(const BindingView &view, double pillMiddle);
    QStringList reasonLines(const QString &words, double wide) const;
    void mismatch(double top, const QStringList &lines, double wide);
    void defaultBindings();
    void queueCard(const QueueView &queue, const QRectF &rect);
    void queueCells(const QueueView &queue, const QRectF &area);
    static QString readyText(const exchange::QueueSnapshot &queue);
    static QString unackedText(const exchange::QueueSnapshot &queue);
    QString deathText(const QueueView &queue) const;
    void worker(const WorkerView &worker, const QRectF &rect);
    void workerSlots(const WorkerView &worker, const QRectF &area);
    QString workerText(const WorkerView &worker) const;
    void workerCurve(const QueueView &queue, const WorkerView &worker, const QRectF &rect);
    void deadLetterLines();
    void requeueArcs();
    void redeliveredRing(
        const QRectF &cell, const exchange::MessageSnapshot &message, Swatch colour);

    bool isLit(const exchange::BindingSnapshot &binding) const;
    double queueHeight() const;
    double workerHeight() const;
    double slotHeight(const QueueView &queue) const;
    std::vector<QRectF> spread(const std::vector<double> &wanted,
        const std::vector<double> &heights, const Column &column, double top, double gap) const;
    Column exchangeColumn(int depth) const;

    const world::Snapshot &m_snapshot;
    const SceneInput &m_input;
    const Measure &m_measure;
    const LastKeys &m_lastKeys;
    const ExchangeView m_view;
    Scene m_scene;
    Sketch m_sketch;
    Column m_publishers;
    Column m_exchanges; ///< of depth 0
    double m_depthStep = 0;
    Column m_keys; ///< binding keys before the queues
    Column m_queues;
    Column m_workers;
    std::vector<QRectF> m_exchangeRects; ///< as m_view.exchanges
    std::vector<QRectF> m_queueRects; ///< as m_view.queues
    std::map<QString, QRectF> m_workerRects;
};

} // namespace queuelab::ui
