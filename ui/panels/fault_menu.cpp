#include "ui/panels/fault_menu.h"

namespace queuelab::ui {

using namespace Qt::StringLiterals;

FaultMenu::FaultMenu(QWidget *parent)
    : QMenu(parent)
{
    setObjectName(u"faults.menu"_s);
    connect(this, &QMenu::aboutToShow, this, &FaultMenu::fill);
}

void FaultMenu::addCommand(QMenu &menu, const QString &text, const world::Command &command)
{
    menu.addAction(text, this, [this, command] { Q_EMIT performWished(command); });
}

void FaultMenu::addClient(const world::ClientSnapshot &client)
{
    QMenu *menu = addMenu(QString::fromStdString(client.name));
    const bool makes = client.role == world::ClientRole::Producer
        || client.role == world::ClientRole::Publisher || client.role == world::ClientRole::Sender;
    switch (client.state) {
    case world::ClientState::Running:
        if (makes) {
            addCommand(*menu, tr("Stop"), world::StopProducer{client.name});
        } else {
            addCommand(*menu, tr("Crash: the process dies"), world::CrashConsumer{client.name});
            addCommand(*menu, tr("Pause: a long GC pause"), world::PauseConsumer{client.name});
            addCommand(*menu, tr("Stop: it leaves in order"), world::StopConsumer{client.name});
        }
        break;
    case world::ClientState::Paused:
        addCommand(*menu, tr("Resume"), world::ResumeConsumer{client.name});
        addCommand(*menu, tr("Crash: the process dies"), world::CrashConsumer{client.name});
        break;
    case world::ClientState::Crashed:
    case world::ClientState::Stopped:
        if (!makes)
            addCommand(
                *menu, tr("Start again, with empty memory"), world::RestartConsumer{client.name});
        break;
    }
    menu->addSeparator();
    addCommand(*menu, tr("Cut its link"), world::CutLink{client.name, {}, {}});
    addCommand(*menu, tr("Mend its link"), world::MendLink{client.name, {}, {}});
}

void FaultMenu::addBroker(const log::BrokerSnapshot &broker, bool inCluster)
{
    const std::int32_t id = broker.id;
    QMenu *menu = addMenu(tr("Broker %1").arg(id));
    if (!broker.alive) {
        addCommand(*menu, tr("Restart: it recovers from its files"), world::RestartBroker{id});
        return;
    }
    addCommand(*menu, tr("Kill: the process dies"), world::KillBroker{id, "nothing"});
    addCommand(*menu, tr("Kill: the power goes, what was not synced is lost"),
        world::KillBroker{id, "unsynced"});
    addCommand(*menu, tr("Kill, and lose its disk"), world::KillBroker{id, "disk"});
    addCommand(*menu, tr("Stop: it leaves in order"), world::StopBroker{id});
    menu->addSeparator();
    if (inCluster) {
        addCommand(*menu, tr("Isolate it from everyone"), world::IsolateBroker{id, "everyone"});
        addCommand(
            *menu, tr("Isolate it from the other brokers"), world::IsolateBroker{id, "brokers"});
        addCommand(*menu, tr("End its isolation"), world::RejoinBroker{id});
    }
    addCommand(*menu, tr("Slow its network by 200 ms"), world::SlowBroker{id, 200ms});
    addCommand(*menu, tr("Make its network fast again"), world::SlowBroker{id, {}});
}

void FaultMenu::addCaption(const QString &text)
{
    // Not a section: a styled menu draws only its line.
    if (!isEmpty())
        addSeparator();
    addAction(text)->setEnabled(false);
}

void FaultMenu::fill()
{
    for (QMenu *menu : findChildren<QMenu *>(Qt::FindDirectChildrenOnly))
        delete menu;
    clear();
    const bool any = m_snapshot && !m_snapshot->clients.empty();
    if (any) {
        addCaption(tr("Clients"));
        for (const world::ClientSnapshot &client : m_snapshot->clients)
            addClient(client);
    } else {
        addAction(tr("No clients to break yet"))->setEnabled(false);
    }
    if (m_snapshot && !m_snapshot->log.topics.empty()) {
        addCaption(tr("Kafka brokers"));
        for (const log::BrokerSnapshot &broker : m_snapshot->log.brokers)
            addBroker(broker, m_snapshot->log.brokers.size() > 1);
    }
    addSeparator();
    addAction(tr("Change how long work takes …"), this,
        [this] { Q_EMIT formWished(u"set-processing"_s); });
    addAction(tr("Change a rate …"), this, [this] { Q_EMIT formWished(u"set-rate"_s); });
}

} // namespace queuelab::ui
