#pragma once

#include "engine/world/command.h"
#include "engine/world/snapshot.h"

#include <QFrame>

#include <map>
#include <optional>
#include <string>
#include <vector>

class QGridLayout;
class QLabel;
class QPushButton;
class QScrollArea;

namespace queuelab::ui {

/// A form for one command, made from commandFields(): names, defaults, choices and help are the
/// engine's own. What is wrong is said beside the form, and what was typed stays.
class CommandForm final : public QFrame {
    Q_OBJECT

public:
    explicit CommandForm(QWidget *parent = nullptr);

    /// Shows the fields of the command; `snapshot` gives the names that exist, to choose from. May
    /// be nullptr.
    void open(const QString &command, const world::Snapshot *snapshot);
    QString command() const { return m_command; }
    /// The engine refused it: code and reason.
    void showRefusal(const world::CommandError &error);
    void focusFirst();

Q_SIGNALS:
    void performWished(const queuelab::world::Command &command);
    void backWished();

private:
    struct Field {
        world::FieldInfo info;
        QWidget *editor = nullptr; // QComboBox, QLineEdit or QPlainTextEdit
        QString text() const;
    };
    void addField(const world::FieldInfo &info, const QStringList &suggestions);
    void submit();
    std::optional<world::Command> read(QStringList &problems) const;
    std::optional<world::Command> readWith(
        const std::map<std::string, YAML::Node> &values, QStringList &problems) const;

    QString m_command;
    std::vector<Field> m_fields;
    QLabel *m_title;
    QLabel *m_help;
    QLabel *m_problem;
    QScrollArea *m_scroll;
    QGridLayout *m_grid = nullptr;
    QPushButton *m_perform;
};

} // namespace queuelab::ui
