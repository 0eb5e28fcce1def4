#include "lessons/study/study_store.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QUuid>
#include <QVariant>

#include <algorithm>
#include <utility>

namespace queuelab::lessons {
namespace {

/// Grows with every change of the tables; a newer file is refused, an older one is brought up to
/// date in open().
constexpr int kSchemaVersion = 1;
/// "QLst" in the file's header (PRAGMA application_id): tells a study file from any other SQLite
/// file.
constexpr int kApplicationId = 0x514c7374;

constexpr const char *kTables[] = {
    "CREATE TABLE lessons ("
    " id TEXT PRIMARY KEY,"
    " first_seen INTEGER NOT NULL," // seconds since the Unix epoch, as all times here
    " last_seen INTEGER NOT NULL,"
    " finished INTEGER)",
    "CREATE TABLE predictions ("
    " id INTEGER PRIMARY KEY," // in the order they were made
    " lesson TEXT NOT NULL,"
    " step INTEGER NOT NULL,"
    " choice INTEGER NOT NULL,"
    " confidence_percent INTEGER NOT NULL CHECK (confidence_percent BETWEEN 0 AND 100),"
    " is_right INTEGER NOT NULL,"
    " made_at INTEGER NOT NULL)",
    "CREATE INDEX predictions_of_lesson ON predictions (lesson)",
};

qint64 toSeconds(StudyTime at)
{
    return at.time_since_epoch().count();
}

StudyTime fromSeconds(const QVariant &seconds)
{
    return StudyTime(std::chrono::seconds(seconds.toLongLong()));
}

} // namespace

void Repetition::answered(bool right, StudyTime at)
{
    constexpr std::chrono::days kAfterWrong{1};
    constexpr std::chrono::days kAfterFirstRight{3};
    const bool beforeItsTime = m_due && at < *m_due;
    m_lastRight = right;
    if (!right)
        m_interval = {};
    else if (m_interval == std::chrono::days{0})
        m_interval = kAfterFirstRight;
    else if (!beforeItsTime)
        m_interval *= 2;
    m_due = at + (right ? m_interval : kAfterWrong);
}

/// A connection to one file. Qt keeps connections under names, which are ours alone.
class StudyStore::Database {
public:
    explicit Database(const QString &path)
        : m_path(path)
        , m_connection("study-" + QUuid::createUuid().toString(QUuid::WithoutBraces))
    {
        m_database = QSqlDatabase::addDatabase("QSQLITE", m_connection);
        m_database.setDatabaseName(path);
        // Another window may be writing: wait for it rather than fail.
        m_database.setConnectOptions("QSQLITE_BUSY_TIMEOUT=5000");
    }
    ~Database()
    {
        m_database.close();
        m_database = QSqlDatabase();
        QSqlDatabase::removeDatabase(m_connection);
    }
    Database(const Database &) = delete;
    Database &operator=(const Database &) = delete;

    Result<void, Error> open()
    {
        if (!QSqlDatabase::isDriverAvailable("QSQLITE"))
            return error("Qt's SQLite driver is not installed", "install libqt6sql6-sqlite");
        if (!m_database.open())
            return error("cannot be opened: " + m_database.lastError().databaseText(),
                "choose a file in a directory you can write to");
        if (auto sound = check(); !sound)
            return sound;
        return prepare();
    }

    /// Runs one statement with its values.
    Result<QSqlQuery, Error> run(const QString &statement, const QVariantList &values = {}) const
    {
        QSqlQuery query(m_database);
        query.setForwardOnly(true);
        bool done = query.prepare(statement);
        for (const QVariant &value : values)
            query.addBindValue(value);
        done = done && query.exec();
        if (!done)
            return failed(query.lastError());
        return query;
    }

    Result<void, Error> change(const QString &statement, const QVariantList &values = {}) const
    {
        if (auto done = run(statement, values); !done)
            return std::unexpected(done.error());
        return {};
    }

private:
    std::unexpected<Error> error(const QString &problem, const QString &remedy) const
    {
        return std::unexpected(
            Error{m_path.toStdString(), problem.toStdString(), remedy.toStdString()});
    }
    std::unexpected<Error> failed(const QSqlError &reason) const
    {
        return error("study progress could not be read or written: " + reason.databaseText(),
            "check that the disk has room and the file can be written; nothing was changed");
    }
    std::unexpected<Error> damaged(const QString &detail) const
    {
        return error("is not a sound study file: " + detail,
            "keep it aside under another name, or put a backup in its place");
    }

    Result<int, Error> number(const QString &statement) const
    {
        auto query = run(statement);
        if (!query)
            return damaged(QString::fromStdString(query.error().problem));
        return query->next() ? query->value(0).toInt() : 0;
    }

    /// Looks before anything is written.
    Result<void, Error> check() const
    {
        auto sound = run("PRAGMA quick_check");
        if (!sound || !sound->next())
            return damaged("it cannot be read as an SQLite database");
        if (const QString verdict = sound->value(0).toString(); verdict != "ok")
            return damaged(verdict);
        sound->finish();

        const auto application = number("PRAGMA application_id");
        const auto version = number("PRAGMA user_version");
        const auto tables = number("SELECT count(*) FROM sqlite_master");
        for (const auto *value : {&application, &version, &tables}) {
            if (!*value)
                return std::unexpected(value->error());
        }
        if (*tables == 0)
            return {};
        if (*application != kApplicationId)
            return error("is a database of another program", "choose another file");
        if (*version > kSchemaVersion)
            return error(
                QString(
                    "was written by a newer Queuelab (version %1 of the file, this one knows %2)")
                    .arg(*version)
                    .arg(kSchemaVersion),
                "open it with that version, or choose another file");
        for (const char *table : {"lessons", "predictions"}) {
            const auto found = number(
                QString("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '%1'")
                    .arg(table));
            if (!found)
                return std::unexpected(found.error());
            if (*found == 0)
                return damaged(QString("the table %1 is missing").arg(table));
        }
        return {};
    }

    Result<void, Error> prepare() const
    {
        // FULL: an answer that was shown as kept is kept, also when the power goes.
        for (const char *setting : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"}) {
            if (auto set = change(setting); !set)
                return set;
        }
        // One transaction, taken for writing at once: of two windows that start together, one makes
        // the tables.
        if (auto begun = change("BEGIN IMMEDIATE"); !begun)
            return begun;
        if (auto made = makeTables(); !made) {
            (void)change("ROLLBACK"); // the first failure is the one to tell
            return made;
        }
        return change("COMMIT");
    }

    Result<void, Error> makeTables() const
    {
        const auto tables = number("SELECT count(*) FROM sqlite_master");
        if (!tables)
            return std::unexpected(tables.error());
        if (*tables > 0)
            return {};
        for (const char *statement : kTables) {
            if (auto made = change(statement); !made)
                return made;
        }
        for (const auto &[name, value] : {std::pair{"application_id", kApplicationId},
                 std::pair{"user_version", kSchemaVersion}}) {
            if (auto set = change(QString("PRAGMA %1 = %2").arg(name).arg(value)); !set)
                return set;
        }
        return {};
    }

    QString m_path;
    QString m_connection;
    QSqlDatabase m_database;
};

StudyStore::StudyStore(std::unique_ptr<Database> database)
    : m_database(std::move(database))
{
}
StudyStore::StudyStore(StudyStore &&) noexcept = default;
StudyStore &StudyStore::operator=(StudyStore &&) noexcept = default;
StudyStore::~StudyStore() = default;

Result<StudyStore, Error> StudyStore::open(const std::string &path)
{
    const QString file = QString::fromStdString(path);
    const QString directory = QFileInfo(file).absolutePath();
    if (!QDir().mkpath(directory))
        return std::unexpected(Error{directory.toStdString(), "the directory cannot be created",
            "choose a place you can write to"});
    auto database = std::make_unique<Database>(file);
    if (auto opened = database->open(); !opened)
        return std::unexpected(opened.error());
    return StudyStore(std::move(database));
}

Result<void, Error> StudyStore::lessonSeen(const std::string &lesson, StudyTime at)
{
    return m_database->change(
        "INSERT INTO lessons (id, first_seen, last_seen) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET last_seen = max(last_seen, excluded.last_seen)",
        {QString::fromStdString(lesson), toSeconds(at), toSeconds(at)});
}

Result<void, Error> StudyStore::lessonFinished(const std::string &lesson, StudyTime at)
{
    return m_database->change(
        "INSERT INTO lessons (id, first_seen, last_seen, finished) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET last_seen = max(last_seen, excluded.last_seen),"
        " finished = excluded.finished",
        {QString::fromStdString(lesson), toSeconds(at), toSeconds(at), toSeconds(at)});
}

Result<void, Error> StudyStore::addPrediction(const PredictionMade &prediction)
{
    return m_database->change("INSERT INTO predictions"
                              " (lesson, step, choice, confidence_percent, is_right, made_at)"
                              " VALUES (?, ?, ?, ?, ?, ?)",
        {QString::fromStdString(prediction.lesson), prediction.step, prediction.choice,
            std::clamp(prediction.confidencePercent, 0, 100), prediction.right,
            toSeconds(prediction.at)});
}

Result<std::vector<PredictionMade>, Error> StudyStore::predictions(const std::string &lesson) const
{
    auto query = m_database->run(
        "SELECT lesson, step, choice, confidence_percent, is_right, made_at FROM predictions"
        " WHERE ? = '' OR lesson = ? ORDER BY id",
        {QString::fromStdString(lesson), QString::fromStdString(lesson)});
    if (!query)
        return std::unexpected(query.error());
    std::vector<PredictionMade> found;
    while (query->next())
        found.push_back({.lesson = query->value(0).toString().toStdString(),
            .step = query->value(1).toInt(),
            .choice = query->value(2).toInt(),
            .confidencePercent = query->value(3).toInt(),
            .right = query->value(4).toBool(),
            .at = fromSeconds(query->value(5))});
    return found;
}

Result<std::map<std::string, LessonProgress>, Error> StudyStore::progress(StudyTime now) const
{
    std::map<std::string, LessonProgress> lessons;
    auto query = m_database->run("SELECT id, first_seen, last_seen, finished FROM lessons");
    if (!query)
        return std::unexpected(query.error());
    while (query->next()) {
        LessonProgress &lesson = lessons[query->value(0).toString().toStdString()];
        lesson.state = LessonState::Seen;
        lesson.firstSeen = fromSeconds(query->value(1));
        lesson.lastSeen = fromSeconds(query->value(2));
        if (!query->value(3).isNull())
            lesson.finished = fromSeconds(query->value(3));
    }

    const auto made = predictions();
    if (!made)
        return std::unexpected(made.error());
    std::map<std::string, std::map<int, Repetition>> repetitions; // of each step of each lesson
    for (const PredictionMade &prediction : *made) {
        LessonProgress &lesson = lessons[prediction.lesson];
        ++lesson.predictions;
        lesson.right += prediction.right ? 1 : 0;
        repetitions[prediction.lesson][prediction.step].answered(prediction.right, prediction.at);
    }
    for (const auto &[id, steps] : repetitions) {
        LessonProgress &lesson = lessons[id];
        bool allRight = true;
        for (const auto &[step, repetition] : steps) {
            allRight = allRight && repetition.lastRight();
            if (!lesson.due || *repetition.due() < *lesson.due)
                lesson.due = repetition.due();
        }
        lesson.state = *lesson.due <= now ? LessonState::DueAgain
            : allRight                    ? LessonState::PredictedRight
                                          : LessonState::Seen;
    }
    return lessons;
}

} // namespace queuelab::lessons
