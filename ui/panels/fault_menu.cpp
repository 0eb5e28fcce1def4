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
    addCommand(*menu, tr("Cut its link"), world::CutLink{client.name});
    addCommand(*menu, tr("Mend its link"), world::MendLink{client.name});
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
        for (const log::BrokerSnapshot &broker : m_snapshot->log.brokers) {
            if (broker.alive)
                addCommand(
                    *this, tr("Kill broker %1").arg(broker.id), world::KillBroker{broker.id});
            else
                addCommand(
                    *this, tr("Restart broker %1").arg(broker.id), world::RestartBroker{broker.id});
        }
    }
    addSeparator();
    addAction(tr("Change how long work takes …"), this,
        [this] { Q_EMIT formWished(u"set-processing"_s); });
    addAction(tr("Change a rate …"), this, [this] { Q_EMIT formWished(u"set-rate"_s); });
}

} // namespace queuelab::ui
