#pragma once

#include "engine/world/command.h"
#include "engine/world/snapshot.h"

#include <QMenu>

#include <memory>

namespace queuelab::ui {

/// What can be broken or mended in the world as it is now; filled anew whenever it opens. Every
/// entry is a command, so it stands in the session and is undone by rewinding.
class FaultMenu final : public QMenu {
    Q_OBJECT

public:
    explicit FaultMenu(QWidget *parent = nullptr);

    void setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot)
    {
        m_snapshot = snapshot;
    }

Q_SIGNALS:
    void performWished(const queuelab::world::Command &command);
    void formWished(const QString &command); ///< for what needs more than a name

private:
    void fill();
    void addCaption(const QString &text);
    void addClient(const world::ClientSnapshot &client);
    void addBroker(const log::BrokerSnapshot &broker, bool inCluster);
    void addCommand(QMenu &menu, const QString &text, const world::Command &command);

    std::shared_ptr<const world::Snapshot> m_snapshot;
};

} // namespace queuelab::ui
