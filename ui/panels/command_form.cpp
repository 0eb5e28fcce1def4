#include "ui/panels/command_form.h"

#include "ui/theme/style_sheet.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

QString toText(std::string_view text)
{
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

bool isMap(const world::FieldInfo &info)
{
    return info.type == "settings" || info.type == "arguments";
}

template <class Items> void addNames(QStringList &names, const Items &items)
{
    for (const auto &item : items)
        if (!item.name.empty())
            names += toText(item.name);
}

/// Names that exist and may be meant by a field of that command.
QStringList suggestionsFor(
    const QString &command, const std::string &field, const world::Snapshot &snapshot)
{
    QStringList names;
    const bool ofClient = field == "client"
        || (field == "name"
            && (command.endsWith("-consumer"_L1) || command.startsWith("set-"_L1)
                || command == "stop-producer"_L1)
            && !command.startsWith("add-"_L1) && command != "set-queue-attributes"_L1);
    if (ofClient)
        addNames(names, snapshot.clients);
    else if (field == "topic" || field == "topics" || command == "delete-topic"_L1)
        addNames(names, snapshot.log.topics);
    else if (field == "group")
        addNames(names, snapshot.log.groups);
    else if (field == "exchange")
        addNames(names, snapshot.exchange.exchanges);
    else if (field == "queue" || command == "delete-queue"_L1
        || command == "set-queue-attributes"_L1) {
        const bool onlyVisibility = command.contains("send"_L1) || command.contains("receiver"_L1)
            || command == "set-queue-attributes"_L1;
        const bool onlyExchange = command.contains("bind"_L1) || command.contains("worker"_L1);
        if (!onlyVisibility)
            addNames(names, snapshot.exchange.queues);
        if (!onlyExchange)
            addNames(names, snapshot.visibility.queues);
    } else if (field == "broker") {
        for (const log::BrokerSnapshot &broker : snapshot.log.brokers)
            names += QString::number(broker.id);
    }
    return names;
}

/// "retention.ms: 60000" a line, or the same in one line as {retention.ms: 60000}.
YAML::Node readMap(const QString &text, QStringList &problems, const QString &field)
{
    world::YamlProblems syntax("field " + field.toStdString());
    YAML::Node node = world::parseYaml(text.toStdString(), syntax);
    if (syntax.any() || !node.IsMap()) {
        problems +=
            CommandForm::tr("%1: write one setting a line, as in  retention.ms: 60000").arg(field);
        return {};
    }
    return node;
}

YAML::Node readField(const world::FieldInfo &info, const QString &text, QStringList &problems)
{
    if (isMap(info))
        return readMap(text, problems, toText(info.name));
    const bool structured = text.startsWith(u'{') || text.startsWith(u'[');
    if (structured && info.type != "text") {
        world::YamlProblems syntax("field " + info.name);
        YAML::Node node = world::parseYaml(text.toStdString(), syntax);
        if (syntax.any())
            problems += CommandForm::tr("%1: %2").arg(
                toText(info.name), toText(syntax.errors().front().problem));
        return node;
    }
    if (info.type == "list of texts") {
        YAML::Node list(YAML::NodeType::Sequence);
        for (const QString &part : text.split(u','))
            list.push_back(part.trimmed().toStdString());
        return list;
    }
    return YAML::Node(text.toStdString());
}

} // namespace

QString CommandForm::Field::text() const
{
    if (const auto *box = qobject_cast<QComboBox *>(editor))
        return box->currentText().trimmed();
    if (const auto *many = qobject_cast<QPlainTextEdit *>(editor))
        return many->toPlainText().trimmed();
    return qobject_cast<QLineEdit *>(editor)->text().trimmed();
}

CommandForm::CommandForm(QWidget *parent)
    : QFrame(parent)
    , m_title(new QLabel(this))
    , m_help(new QLabel(this))
    , m_problem(new QLabel(this))
    , m_scroll(new QScrollArea(this))
    , m_perform(new QPushButton(tr("Do it"), this))
{
    setObjectName(u"form"_s);
    setRole(*m_title, "title");
    setRole(*m_help, "small");
    setRole(*m_problem, "error");
    setRole(*m_perform, "primary");
    m_problem->setObjectName(u"form.problem"_s);
    m_problem->setWordWrap(true);
    m_help->setWordWrap(true);
    m_perform->setObjectName(u"form.perform"_s);
    m_perform->setToolTip(tr("Do it now, in the world's time (Ctrl+Return)"));
    m_perform->setShortcut(QKeySequence(Qt::CTRL | Qt::Key_Return));
    auto *back = new QPushButton(tr("Back"), this);
    back->setObjectName(u"form.back"_s);
    connect(back, &QPushButton::clicked, this, &CommandForm::backWished);
    connect(m_perform, &QPushButton::clicked, this, &CommandForm::submit);
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);

    auto *foot = new QHBoxLayout;
    foot->addWidget(back);
    foot->addStretch(1);
    foot->addWidget(m_perform);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(16, 12, 16, 12);
    column->addWidget(m_title);
    column->addWidget(m_help);
    column->addWidget(m_scroll, 1);
    column->addWidget(m_problem);
    column->addLayout(foot);
}

void CommandForm::open(const QString &command, const world::Snapshot *snapshot)
{
    m_command = command;
    m_fields.clear();
    m_title->setText(command);
    m_help->setText(toText(world::commandHelp(command.toStdString())));
    m_problem->clear();
    m_problem->hide();
    auto *body = new QWidget;
    m_grid = new QGridLayout(body);
    m_grid->setContentsMargins(0, 6, 8, 6);
    m_grid->setColumnStretch(1, 1);
    m_grid->setHorizontalSpacing(12);
    for (const world::FieldInfo &info : world::commandFields(command.toStdString()))
        addField(info, snapshot ? suggestionsFor(command, info.name, *snapshot) : QStringList());
    m_grid->setRowStretch(m_grid->rowCount(), 1);
    m_scroll->setWidget(body);
}

void CommandForm::addField(const world::FieldInfo &info, const QStringList &suggestions)
{
    QWidget *body = m_grid->parentWidget();
    const QString name = toText(info.name);
    const QString placeholder = info.required ? tr("needed") : toText(info.defaultText);
    Field field{info, nullptr};
    QStringList choices = suggestions;
    for (const std::string &choice : info.choices)
        choices += toText(choice);
    if (info.type == "true or false")
        choices = QStringList{u"true"_s, u"false"_s};
    if (isMap(info)) {
        auto *edit = new QPlainTextEdit(body);
        edit->setPlaceholderText(tr("one a line, as in  retention.ms: 60000"));
        edit->setTabChangesFocus(true);
        edit->setFixedHeight(Theme::of(*this).px(56));
        field.editor = edit;
    } else if (!choices.isEmpty()) {
        auto *box = new QComboBox(body);
        box->setEditable(info.choices.empty() && info.type != "true or false");
        // Left empty, a field has its default.
        box->addItem(QString());
        box->addItems(choices);
        box->setCurrentIndex(info.required && choices.size() == 1 ? 1 : 0);
        if (QLineEdit *edit = box->lineEdit()) {
            edit->setPlaceholderText(placeholder);
            connect(edit, &QLineEdit::returnPressed, this, &CommandForm::submit);
        } else {
            box->setPlaceholderText(placeholder);
            if (!info.required)
                box->setItemText(0, QString());
        }
        field.editor = box;
    } else {
        auto *edit = new QLineEdit(body);
        edit->setPlaceholderText(placeholder);
        connect(edit, &QLineEdit::returnPressed, this, &CommandForm::submit);
        field.editor = edit;
    }
    field.editor->setObjectName(u"form.field."_s + name);
    const QString help = tr("%1 (%2)").arg(toText(info.help), toText(info.type));
    field.editor->setToolTip(help);
    field.editor->setAccessibleName(name);
    field.editor->setAccessibleDescription(help);

    const int row = m_grid->rowCount();
    auto *label = new QLabel(name, body);
    setRole(*label, info.required ? "heading" : "mono");
    label->setBuddy(field.editor);
    auto *explain = new QLabel(info.defaultText.empty() || info.required
            ? toText(info.help)
            : tr("%1; default %2").arg(toText(info.help), toText(info.defaultText)),
        body);
    explain->setWordWrap(true);
    setRole(*explain, "small");
    m_grid->addWidget(label, row, 0, Qt::AlignTop);
    m_grid->addWidget(field.editor, row, 1);
    m_grid->addWidget(explain, row + 1, 1);
    m_fields.push_back(std::move(field));
}

void CommandForm::focusFirst()
{
    if (m_fields.empty())
        m_perform->setFocus();
    else
        m_fields.front().editor->setFocus();
}

std::optional<world::Command> CommandForm::readWith(
    const std::map<std::string, YAML::Node> &values, QStringList &problems) const
{
    YAML::Node fields(YAML::NodeType::Map);
    for (const auto &[name, value] : values)
        fields[name] = value;
    YAML::Node node(YAML::NodeType::Map);
    node[m_command.toStdString()] = fields;
    world::YamlProblems found("form");
    std::optional<world::Command> command = world::readCommand(node, found);
    for (const Error &error :
        found.errors()) // their places are those of a file, which a form has not
        problems += error.remedy.empty() ? toText(error.problem)
                                         : toText(error.problem) + u"; "_s + toText(error.remedy);
    return command;
}

std::optional<world::Command> CommandForm::read(QStringList &problems) const
{
    std::map<std::string, YAML::Node> values;
    for (const Field &field : m_fields)
        if (const QString text = field.text(); !text.isEmpty())
            values[field.info.name] = readField(field.info, text, problems);
    if (!problems.isEmpty())
        return std::nullopt;
    std::optional<world::Command> command = readWith(values, problems);
    if (problems.isEmpty())
        return command;
    // Which field is it? The one that is wrong also when it stands alone.
    QStringList missing;
    readWith({}, missing);
    for (const auto &[name, value] : values) {
        QStringList own;
        readWith({{name, value}}, own);
        for (const QString &problem : std::as_const(own))
            if (!missing.contains(problem))
                problems.replaceInStrings(problem, tr("%1: %2").arg(toText(name), problem));
    }
    return std::nullopt;
}

void CommandForm::submit()
{
    QStringList problems;
    const std::optional<world::Command> command = read(problems);
    m_problem->setText(problems.join(u'\n'));
    m_problem->setVisible(!problems.isEmpty());
    if (command)
        Q_EMIT performWished(*command);
}

void CommandForm::showRefusal(const world::CommandError &error)
{
    m_problem->setText(tr("Refused: %1 (%2)").arg(toText(error.message), toText(error.code)));
    m_problem->show();
}

} // namespace queuelab::ui
