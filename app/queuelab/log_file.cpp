#include "app/queuelab/log_file.h"

#include <QDir>
#include <QtDebug>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstddef>
#include <memory>

namespace {

constexpr std::size_t kLogBytes = 1 << 20;
constexpr std::size_t kOlderLogs = 2;

spdlog::level::level_enum levelOf(QtMsgType type)
{
    switch (type) {
    case QtDebugMsg:
        return spdlog::level::debug;
    case QtInfoMsg:
        return spdlog::level::info;
    case QtWarningMsg:
        return spdlog::level::warn;
    case QtCriticalMsg:
        return spdlog::level::err;
    case QtFatalMsg:
        return spdlog::level::critical;
    }
    return spdlog::level::warn;
}

void logQtMessage(QtMsgType type, const QMessageLogContext &, const QString &message)
{
    spdlog::log(levelOf(type), "{}", message.toStdString());
}

} // namespace

QString startLogFile(const QString &folder)
{
    const QString path = folder + QStringLiteral("/queuelab.log");
    try {
        QDir().mkpath(folder);
        auto file = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
            path.toStdString(), kLogBytes, kOlderLogs);
        auto terminal = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        terminal->set_level(spdlog::level::warn);
        spdlog::set_default_logger(std::make_shared<spdlog::logger>(
            "queuelab", spdlog::sinks_init_list{std::move(file), std::move(terminal)}));
    } catch (const spdlog::spdlog_ex &problem) {
        return QStringLiteral("%1: %2; the program runs without its log, check that you may write "
                              "there")
            .arg(path, QString::fromUtf8(problem.what()));
    }
    spdlog::flush_on(spdlog::level::info);
    qInstallMessageHandler(logQtMessage);
    return {};
}
