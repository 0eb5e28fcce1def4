#include "app/cli/broken_invariant.h"

#include "engine/core/result.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <sys/wait.h>
#include <unistd.h>

using namespace queuelab;

class TestBrokenInvariant : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void savesSeedAndSessionAndExitsThree()
    {
        QTemporaryDir directory;
        world::Session session;
        session.world.seed = 42;
        session.commands.push_back({2s, world::CreateTopic{.name = "orders", .configs = {}}});
        session.end = 5s;

        // The handler ends the process, so it is broken in a child.
        const pid_t child = fork();
        if (child == 0) {
            if (chdir(directory.path().toLocal8Bit().constData()) != 0)
                _exit(99);
            const cli::InvariantGuard guard(session, "kafka.ceiling");
            invariant(false, "a rule of this test");
        }
        QVERIFY(child > 0);
        int status = 0;
        QCOMPARE(waitpid(child, &status, 0), child);
        QVERIFY(WIFEXITED(status));
        QCOMPARE(WEXITSTATUS(status), 3);

        const QString file = directory.filePath("broken-kafka.ceiling-seed-42.session.yaml");
        const auto saved = world::loadSession(file.toStdString());
        QVERIFY2(saved, saved ? "" : saved.error().front().text().c_str());
        QCOMPARE(saved->world.seed, std::uint64_t{42});
        QCOMPARE(saved->commands.size(), std::size_t{1});
        QCOMPARE(saved->end, Duration(5s));
    }
};

QTEST_APPLESS_MAIN(TestBrokenInvariant)
#include "tst_broken_invariant.moc"
