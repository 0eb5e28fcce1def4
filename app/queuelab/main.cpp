#include "app/queuelab/log_file.h"
#include "ui/theme/style_sheet.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QFileInfo>
#include <QIcon>
#include <QRegularExpression>
#include <QSettings>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

using namespace Qt::StringLiterals;
using namespace queuelab;

namespace {

enum ExitCode { Fine = 0, BadInput = 2 };

int complain(const QString &text)
{
    std::fputs(qPrintable(u"queuelab: "_s + text + u'\n'), stderr);
    return BadInput;
}

bool wantsPicture(int argc, char **argv)
{
    return std::any_of(argv + 1, argv + argc,
        [](const char *argument) { return QByteArrayView(argument).startsWith("--screenshot"); });
}

/// A window that nobody can see is refused: false when there is nothing to show one on. Pictures,
/// --help and --version need no display.
bool choosePlatform(int argc, char **argv)
{
    if (qEnvironmentVariableIsSet("QT_QPA_PLATFORM") || qEnvironmentVariableIsSet("DISPLAY")
        || qEnvironmentVariableIsSet("WAYLAND_DISPLAY"))
        return true;
    const bool asks = std::any_of(argv + 1, argv + argc, [](const char *argument) {
        const QByteArrayView text(argument);
        return text == "--help" || text == "-h" || text == "--version" || text == "-v";
    });
    if (!asks)
        return false;
    qputenv("QT_QPA_PLATFORM", "offscreen");
    return true;
}

QtMessageHandler writeMessage = nullptr;

/// Without a display and a session Qt says of each window what it cannot do. Nothing is wrong with
/// the picture then, so who makes pictures does not read it.
void writeWhatMatters(QtMsgType type, const QMessageLogContext &context, const QString &text)
{
    const bool known =
        text.contains("propagateSizeHints"_L1) || text.contains("XDG_RUNTIME_DIR not set"_L1);
    if (!known)
        writeMessage(type, context, text);
}

std::optional<QSize> parseSize(const QString &text)
{
    static const QRegularExpression form(u"^(\\d{3,5})x(\\d{3,5})$"_s);
    const QRegularExpressionMatch match = form.match(text);
    if (!match.hasMatch())
        return std::nullopt;
    return QSize(match.captured(1).toInt(), match.captured(2).toInt());
}

struct Options {
    QString open; ///< lesson or file; empty: the last lesson
    QString picture; ///< LESSON[@STEP]; empty: the window is for a person
    QString pictureFile;
    QSize size{1440, 900};
    QString theme;
};

std::optional<Options> readOptions(QCommandLineParser &parser, const QCoreApplication &application)
{
    parser.setApplicationDescription(QCoreApplication::translate("main",
        "Learn Kafka, RabbitMQ and SQS by running them.\n\n"
        "Examples:\n"
        "  queuelab                                        the last lesson, running\n"
        "  queuelab sqs.reappear                           a lesson of the course\n"
        "  queuelab my-session.yaml                        a session or lesson file\n"
        "  queuelab --screenshot kafka.ceiling@2 out.png   a picture, without a display"));
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addOption({u"screenshot"_s,
        QCoreApplication::translate("main",
            "Plays LESSON to the end of STEP (all steps when left out) at full speed and writes "
            "the window to FILE."),
        u"LESSON[@STEP]"_s});
    parser.addOption({u"size"_s,
        QCoreApplication::translate(
            "main", "Size of the window in pixels, 1440x900 when left out."),
        u"WxH"_s});
    parser.addOption({u"theme"_s,
        QCoreApplication::translate(
            "main", "light or dark; as chosen in the window when left out."),
        u"THEME"_s});
    parser.addPositionalArgument(u"lesson or file"_s,
        QCoreApplication::translate("main", "What to open; with --screenshot the picture's file."),
        u"[LESSON|FILE]"_s);
    parser.process(application);

    Options options;
    options.theme = parser.value(u"theme"_s);
    if (!options.theme.isEmpty() && options.theme != "light"_L1 && options.theme != "dark"_L1) {
        complain(u"--theme is '%1'; it is light or dark"_s.arg(options.theme));
        return std::nullopt;
    }
    if (parser.isSet(u"size"_s)) {
        const std::optional<QSize> size = parseSize(parser.value(u"size"_s));
        if (!size) {
            complain(u"--size is '%1'; write it as 1440x900"_s.arg(parser.value(u"size"_s)));
            return std::nullopt;
        }
        options.size = *size;
    }
    const QStringList rest = parser.positionalArguments();
    options.picture = parser.value(u"screenshot"_s);
    const qsizetype most = 1;
    if (rest.size() > most || (!options.picture.isEmpty() && rest.isEmpty())) {
        complain(options.picture.isEmpty()
                ? u"one lesson or file at a time, not %1"_s.arg(rest.size())
                : u"--screenshot needs the picture's file: --screenshot %1 out.png"_s.arg(
                      options.picture));
        return std::nullopt;
    }
    if (!rest.isEmpty())
        (options.picture.isEmpty() ? options.open : options.pictureFile) = rest.first();
    return options;
}

int takePicture(ui::MainWindow &window, const Options &options)
{
    QString lesson = options.picture;
    std::size_t step = 0;
    if (const qsizetype at = lesson.lastIndexOf(u'@'); at >= 0) {
        bool number = false;
        step = lesson.mid(at + 1).toULongLong(&number);
        if (!number || step == 0)
            return complain(u"'%1': steps are counted from 1, as in kafka.ceiling@2"_s.arg(lesson));
        lesson.truncate(at);
    }
    window.resize(options.size);
    window.show();
    if (const QString problem = window.showPlayed(lesson, step); !problem.isEmpty())
        return complain(problem);
    // Let what was queued by the last frame (layouts, scrolling to the result, moves that end) come
    // to rest.
    for (int i = 0; i < 3; ++i) {
        QCoreApplication::sendPostedEvents();
        QCoreApplication::processEvents();
    }
    if (!window.grab().save(options.pictureFile))
        return complain(
            u"%1 cannot be written; choose another folder, or an ending such as .png"_s.arg(
                options.pictureFile));
    return Fine;
}

/// What the learner did, in the place the platform keeps such data; pictures keep nothing.
std::optional<Result<lessons::StudyStore, Error>> openStudy(bool picture)
{
    if (picture)
        return std::nullopt;
    const QString folder = QStandardPaths::writableLocation(QStandardPaths::AppDataLocation);
    return lessons::StudyStore::open((folder + u"/study.sqlite"_s).toStdString());
}

} // namespace

int main(int argc, char **argv)
{
    const bool picture = wantsPicture(argc, argv);
    if (picture) {
        if (!qEnvironmentVariableIsSet("QT_QPA_PLATFORM"))
            qputenv("QT_QPA_PLATFORM", "offscreen");
        writeMessage = qInstallMessageHandler(writeWhatMatters);
    } else if (!choosePlatform(argc, argv)) {
        return complain(u"there is no display to open a window on; queuelab-cli runs the lessons "
                        "without one, --screenshot draws a picture"_s);
    }
    QApplication application(argc, argv);
    QApplication::setApplicationName(u"queuelab"_s);
    QApplication::setApplicationDisplayName(u"Queuelab"_s);
    QApplication::setOrganizationName(u"queuelab"_s);
    QApplication::setApplicationVersion(QStringLiteral(QUEUELAB_VERSION));
    QApplication::setDesktopFileName(u"queuelab"_s);

    QCommandLineParser parser;
    const std::optional<Options> options = readOptions(parser, application);
    if (!options)
        return BadInput;
    QApplication::setWindowIcon(QIcon(u":/icons/queuelab.svg"_s));

    const auto catalogue = lessons::loadCatalogue(lessons::catalogueDirectory());
    if (!catalogue) {
        for (const Error &error : catalogue.error())
            complain(QString::fromStdString(error.text()));
        return BadInput;
    }

    // A picture depends on nothing that was chosen in the window before.
    const QTemporaryDir pictureSettings;
    const auto settings = picture
        ? std::make_unique<QSettings>(
              pictureSettings.filePath(u"settings.ini"_s), QSettings::IniFormat)
        : std::make_unique<QSettings>();
    QString noLog;
    if (!picture) {
        noLog = startLogFile(QStandardPaths::writableLocation(QStandardPaths::AppDataLocation));
        spdlog::info("queuelab {} with {} lessons", QUEUELAB_VERSION, catalogue->lessons.size());
    }
    auto study = openStudy(picture);
    ui::MainWindow window(*catalogue, *settings, study && *study ? &**study : nullptr);
    if (!noLog.isEmpty())
        window.showProblem(noLog);
    if (study && !*study)
        window.showProblem(QString::fromStdString(study->error().text()));
    if (!options->theme.isEmpty())
        window.setDark(options->theme == "dark"_L1);
    else if (picture)
        window.setDark(false);
    if (picture)
        return takePicture(window, *options);

    if (!settings->contains(u"window/geometry"_s))
        window.resize(options->size);
    window.show();
    if (options->open.isEmpty())
        window.openFirst();
    else if (QFileInfo::exists(options->open))
        window.openPath(options->open);
    else if (!window.openLesson(options->open))
        return complain(
            u"there is no lesson and no file '%1'; 'queuelab-cli list' names the lessons"_s.arg(
                options->open));
    return QApplication::exec();
}
