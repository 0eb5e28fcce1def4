#include "engine/core/memory_files.h"
#include "engine/core/posix_files.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <unistd.h>

using namespace queuelab;

namespace {

/// One kind of Files with the directory it lives in.
struct Opened {
    std::unique_ptr<QTemporaryDir> directory; // of real files
    std::unique_ptr<Files> files;
};

Opened openFiles(const QString &kind)
{
    Opened opened;
    if (kind == "memory") {
        opened.files = std::make_unique<MemoryFiles>();
    } else {
        opened.directory = std::make_unique<QTemporaryDir>();
        opened.files = PosixFiles::open(opened.directory->path().toStdString()).value();
    }
    return opened;
}

void addKinds()
{
    QTest::addColumn<QString>("kind");
    QTest::newRow("memory") << QString("memory");
    QTest::newRow("posix") << QString("posix");
}

std::uint64_t append(Files &files, FileId file, std::string_view text)
{
    const ByteView pieces[] = {asBytes(text)};
    return files.append(file, pieces).value();
}

std::string textOf(const Files &files, FileId file)
{
    return std::string(asText(readWhole(files, file).value()));
}

std::string textOf(Files &files, const std::string &path)
{
    const auto file = files.open(path, false);
    if (!file)
        return "(missing)";
    const std::string text = textOf(files, *file);
    files.close(*file);
    return text;
}

Bytes randomBytes(Random &random, std::size_t size)
{
    Bytes bytes(size);
    for (std::uint8_t &byte : bytes)
        byte = static_cast<std::uint8_t>(random.next());
    return bytes;
}

} // namespace

class TestFiles : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void bytesComeBackAsTheyWereWritten_data() { addKinds(); }
    void bytesComeBackAsTheyWereWritten()
    {
        QFETCH(QString, kind);
        const Opened opened = openFiles(kind);
        Files &files = *opened.files;
        const FileId file = files.open("a", true).value();
        QCOMPARE(files.size(file), std::uint64_t{0});
        const ByteView pieces[] = {asBytes("he"), {}, asBytes("llo ")};
        QCOMPARE(files.append(file, pieces).value(), std::uint64_t{0});
        QCOMPARE(append(files, file, "world"), std::uint64_t{6});
        QCOMPARE(append(files, file, ""), std::uint64_t{11});
        files.writeAt(file, 6, asBytes("W")).value();
        files.writeAt(file, 10, asBytes("d!")).value(); // over the end
        QCOMPARE(textOf(files, file), std::string("hello World!"));
        files.truncate(file, 5).value();
        files.truncate(file, 50).value(); // never longer
        QCOMPARE(textOf(files, file), std::string("hello"));
        append(files, file, "?");
        QCOMPARE(textOf(files, file), std::string("hello?"));
        std::vector<SharedBytes> slices;
        files.read(file, 2, 2, slices).value();
        QCOMPARE(slices.size(), std::size_t{1});
        QCOMPARE(slices[0].text(), std::string_view("ll"));
        slices.clear();
        files.read(file, 6, 10, slices).value();
        files.read(file, 60, 10, slices).value();
        QVERIFY(slices.empty());
        files.sync(file).value();
        files.close(file);
    }
    void namesAreMadeListedMovedAndRemoved_data() { addKinds(); }
    void namesAreMadeListedMovedAndRemoved()
    {
        QFETCH(QString, kind);
        const Opened opened = openFiles(kind);
        Files &files = *opened.files;
        QVERIFY(!files.open("missing", false).has_value());
        QVERIFY(!files.open("no/such/directory", true).has_value());
        files.createDirectories("b/c").value();
        files.createDirectories("b/c").value();
        const FileId file = files.open("b/c/x", true).value();
        append(files, file, "text");
        files.close(files.open("b/y", true).value());
        files.close(files.open("bb", true).value());
        using Names = std::vector<std::string>;
        QCOMPARE(files.list("").value(), (Names{"b", "bb"}));
        QCOMPARE(files.list("b").value(), (Names{"c", "y"}));
        QVERIFY(!files.list("nowhere").has_value());
        QVERIFY(files.exists("b") && files.exists("b/c/x") && !files.exists("b/c/z"));

        files.rename("b/c/x", "b/y").value(); // over a file that is there
        QCOMPARE(textOf(files, "b/y"), std::string("text"));
        QVERIFY(!files.exists("b/c/x"));
        append(files, file, " more"); // an open file follows its name
        QCOMPARE(textOf(files, "b/y"), std::string("text more"));
        files.close(file);
        QVERIFY(!files.rename("nowhere", "z").has_value());

        files.syncDirectory("b").value();
        files.remove("b").value();
        QCOMPARE(files.list("").value(), (Names{"bb"}));
        const auto again = files.remove("b");
        QVERIFY(!again.has_value());
        QVERIFY(!again.error().place.empty() && !again.error().remedy.empty());
        QVERIFY(!files.createDirectories("bb/c").has_value()); // a file is in the way
    }
    void replacedFilesAreWholeAndLeaveNothingBehind_data() { addKinds(); }
    void replacedFilesAreWholeAndLeaveNothingBehind()
    {
        QFETCH(QString, kind);
        const Opened opened = openFiles(kind);
        Files &files = *opened.files;
        files.createDirectories("d").value();
        replaceFile(files, "d/checkpoint", asBytes("a longer text")).value();
        replaceFile(files, "d/checkpoint", asBytes("short")).value();
        QCOMPARE(textOf(files, "d/checkpoint"), std::string("short"));
        QCOMPARE(files.list("d").value(), (std::vector<std::string>{"checkpoint"}));
        QVERIFY(!replaceFile(files, "nowhere/checkpoint", asBytes("x")).has_value());
    }
    void aFileIsAByteArray_data()
    {
        QTest::addColumn<QString>("kind");
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 150; ++seed) {
            QTest::addRow("memory, seed %llu", seed) << QString("memory") << seed;
            if (seed <= 30)
                QTest::addRow("posix, seed %llu", seed) << QString("posix") << seed;
        }
    }
    void aFileIsAByteArray()
    {
        QFETCH(QString, kind);
        QFETCH(quint64, seed);
        Random random(seed);
        const Opened opened = openFiles(kind);
        Files &files = *opened.files;
        const FileId file = files.open("f", true).value();
        Bytes model;
        std::vector<std::pair<SharedBytes, Bytes>>
            held; // slices a reader keeps, and what was in them
        for (int step = 0; step < 80; ++step) {
            const Bytes bytes = randomBytes(random, random.below(random.chance(0.1) ? 9'000 : 300));
            switch (random.below(6)) {
            case 0:
            case 1:
            case 2: {
                const std::size_t cut = random.below(bytes.size() + 1);
                const ByteView pieces[] = {
                    ByteView(bytes).first(cut), ByteView(bytes).subspan(cut)};
                QCOMPARE(files.append(file, pieces).value(), std::uint64_t{model.size()});
                model.insert(model.end(), bytes.begin(), bytes.end());
                break;
            }
            case 3: {
                const std::size_t at = random.below(model.size() + 1);
                files.writeAt(file, at, bytes).value();
                model.resize(std::max(model.size(), at + bytes.size()));
                std::ranges::copy(bytes, model.begin() + std::ptrdiff_t(at));
                break;
            }
            case 4:
                if (random.chance(0.3)) {
                    const std::size_t size = random.below(model.size() + 1);
                    files.truncate(file, size).value();
                    model.resize(size);
                }
                break;
            default: {
                const std::size_t at = random.below(model.size() + 1);
                const std::size_t size = random.below(model.size() + 10);
                std::vector<SharedBytes> slices;
                files.read(file, at, size, slices).value();
                Bytes got;
                for (const SharedBytes &slice : slices) {
                    got.insert(got.end(), slice.view().begin(), slice.view().end());
                    held.emplace_back(slice, Bytes(slice.view().begin(), slice.view().end()));
                }
                const auto from = model.begin() + std::ptrdiff_t(at);
                const auto count = std::ptrdiff_t(std::min(size, model.size() - at));
                QCOMPARE(got, Bytes(from, from + count));
            }
            }
            QCOMPARE(files.size(file), std::uint64_t{model.size()});
        }
        QCOMPARE(readWhole(files, file).value(), model);
        for (const auto &[slice, bytes] : held)
            QVERIFY(std::ranges::equal(slice.view(), bytes)); // later writes do not show in it
    }
    void anAppendInMemoryIsNeverSplitOverTwoSlices()
    {
        Random random(1);
        MemoryFiles files;
        const FileId file = files.open("f", true).value();
        std::vector<std::pair<std::uint64_t, std::uint64_t>> appended; // position and end
        for (int i = 0; i < 500; ++i) {
            const Bytes bytes(random.below(5'000) + 1, std::uint8_t(i));
            const ByteView pieces[] = {bytes};
            const std::uint64_t at = files.append(file, pieces).value();
            appended.emplace_back(at, at + bytes.size());
            std::unique_ptr<Files> clone = random.chance(0.1) ? files.clone() : nullptr;
        }
        std::vector<SharedBytes> slices;
        files.read(file, 0, UINT64_MAX / 2, slices).value();
        std::uint64_t position = 0;
        std::size_t next = 0;
        for (const SharedBytes &slice : slices) {
            const std::uint64_t end = position + slice.size();
            for (; next < appended.size() && appended[next].first < end; ++next)
                QVERIFY(appended[next].second <= end);
            position = end;
        }
        QCOMPARE(next, appended.size());
    }

    void aCrashLosesExactlyWhatWasNotSynced()
    {
        MemoryFiles files;
        files.createDirectories("node-1").value();
        const FileId file = files.open("node-1/log", true).value();
        append(files, file, "kept");
        files.sync(file).value();
        append(files, file, " lost");
        files.syncDirectory("node-1").value();
        files.close(files.open("node-1/new", true).value()); // its name was never synced
        files.crash("node-1");
        QCOMPARE(textOf(files, "node-1/log"), std::string("kept"));
        QVERIFY(!files.exists("node-1/new"));
    }
    void aFileWhoseNameWasNotSyncedIsGone()
    {
        MemoryFiles files;
        const FileId file = files.open("log", true).value();
        append(files, file, "text");
        files.sync(file).value();
        files.crash("");
        QVERIFY(!files.exists("log"));
    }
    void removingAndRenamingAreUndoneByACrashUntilSynced()
    {
        MemoryFiles files;
        for (const char *name : {"a", "b"}) {
            const FileId file = files.open(name, true).value();
            append(files, file, name);
            files.sync(file).value();
            files.close(file);
        }
        files.syncDirectory("").value();
        files.remove("a").value();
        files.rename("b", "c").value();
        files.crash("");
        QCOMPARE(textOf(files, "a"), std::string("a"));
        QCOMPARE(textOf(files, "b"), std::string("b"));
        QVERIFY(!files.exists("c"));
        files.remove("a").value();
        files.rename("b", "c").value();
        files.syncDirectory("").value();
        files.crash("");
        QVERIFY(!files.exists("a") && !files.exists("b"));
        QCOMPARE(textOf(files, "c"), std::string("b"));
    }
    void overwrittenAndCutBytesComeBackUntilSynced()
    {
        MemoryFiles files;
        const FileId file = files.open("f", true).value();
        files.syncDirectory("").value();
        append(files, file, "0123456789");
        files.sync(file).value();
        files.writeAt(file, 2, asBytes("xx")).value();
        files.truncate(file, 5).value();
        append(files, file, "new");
        QCOMPARE(textOf(files, file), std::string("01xx4new"));
        files.crash("");
        QCOMPARE(textOf(files, "f"), std::string("0123456789"));
    }
    void aCrashOfOneDirectoryLeavesTheOthers()
    {
        MemoryFiles files;
        for (const char *directory : {"node-1", "node-10"}) {
            files.createDirectories(directory).value();
            const FileId file = files.open(std::string(directory) + "/f", true).value();
            append(files, file, "text");
        }
        const FileId other = files.open("node-10/f", false).value();
        files.crash("node-1");
        QVERIFY(!files.exists("node-1/f"));
        QCOMPARE(textOf(files, other), std::string("text")); // still open, too
    }
    void aTornWriteLeavesAPrefixOfWhatWasAppended_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 100; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void aTornWriteLeavesAPrefixOfWhatWasAppended()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        MemoryFiles files;
        FileId file = files.open("f", true).value();
        files.syncDirectory("").value();
        Bytes model;
        std::size_t durable = 0;
        for (int step = 0; step < 40; ++step) {
            const Bytes bytes = randomBytes(random, random.below(2'000));
            const ByteView pieces[] = {bytes};
            files.append(file, pieces).value();
            model.insert(model.end(), bytes.begin(), bytes.end());
            if (random.chance(0.2)) {
                files.sync(file).value();
                durable = model.size();
            }
            if (random.chance(0.1)) {
                files.crash("", &random);
                file = files.open("f", false).value();
                const Bytes left = readWhole(files, file).value();
                QVERIFY(left.size() >= durable && left.size() <= model.size());
                QVERIFY(std::equal(left.begin(), left.end(), model.begin()));
                model.resize(left.size());
                durable = left.size();
            }
        }
    }
    void aProcessThatDiesLosesNothing()
    {
        MemoryFiles files;
        const FileId file = files.open("f", true).value();
        append(files, file, "text");
        files.closeAll("");
        QCOMPARE(textOf(files, "f"), std::string("text"));
    }

    void aCloneSharesThePastAndNotTheFuture()
    {
        MemoryFiles files;
        const FileId file = files.open("f", true).value();
        append(files, file, "shared");
        const std::unique_ptr<Files> clone = files.clone();
        std::vector<SharedBytes> ours;
        std::vector<SharedBytes> theirs;
        files.read(file, 0, 6, ours).value();
        clone->read(file, 0, 6, theirs).value();
        QCOMPARE(ours[0].view().data(), theirs[0].view().data()); // the very same memory

        append(files, file, " ours");
        append(*clone, file, " theirs");
        clone->writeAt(file, 0, asBytes("S")).value();
        clone->close(clone->open("new", true).value());
        QCOMPARE(textOf(files, file), std::string("shared ours"));
        QCOMPARE(textOf(*clone, file), std::string("Shared theirs"));
        QVERIFY(!files.exists("new"));
        files.remove("f").value();
        QCOMPARE(textOf(*clone, "f"), std::string("Shared theirs"));
    }
    void manyClonesOfAGrowingFileStayCheap()
    {
        MemoryFiles files;
        const FileId file = files.open("f", true).value();
        std::vector<std::unique_ptr<Files>> clones;
        std::string expected;
        for (int i = 0; i < 300; ++i) {
            append(files, file, "0123456789");
            expected += "0123456789";
            clones.push_back(files.clone());
        }
        QCOMPARE(textOf(files, file), expected);
        QCOMPARE(textOf(*clones[99], file), expected.substr(0, 1'000));
        QCOMPARE(files.memoryBytes(), std::uint64_t{3'000});
    }
    void aCloneKnowsWhatIsDurable()
    {
        MemoryFiles files;
        const FileId file = files.open("f", true).value();
        files.syncDirectory("").value();
        append(files, file, "kept");
        files.sync(file).value();
        append(files, file, " lost");
        const std::unique_ptr<Files> clone = files.clone();
        static_cast<MemoryFiles &>(*clone).crash("");
        QCOMPARE(textOf(*clone, "f"), std::string("kept"));
        QCOMPARE(textOf(files, file), std::string("kept lost"));
    }

    void realFilesAreWhereTheyShouldBe()
    {
        const QTemporaryDir directory;
        const std::string root = directory.filePath("data/deep").toStdString();
        const auto files = PosixFiles::open(root).value();
        QCOMPARE(files->root(), root);
        append(*files, files->open("f", true).value(), "text");
        QFile real(directory.filePath("data/deep/f"));
        QVERIFY(real.open(QIODevice::ReadOnly));
        QCOMPARE(real.readAll(), QByteArray("text"));
        QVERIFY(files->clone() == nullptr);
    }
    void realFilesSurviveTheirFiles()
    {
        const QTemporaryDir directory;
        const std::string root = directory.path().toStdString();
        {
            const auto files = PosixFiles::open(root).value();
            append(*files, files->open("f", true).value(), "first");
        }
        const auto files = PosixFiles::open(root).value();
        const FileId file = files->open("f", false).value();
        QCOMPARE(append(*files, file, " second"), std::uint64_t{5});
        QCOMPARE(textOf(*files, file), std::string("first second"));
    }
    void aRootThatCannotBeMadeIsAnErrorWithARemedy()
    {
        const QTemporaryDir directory;
        QFile inTheWay(directory.filePath("file"));
        QVERIFY(inTheWay.open(QIODevice::WriteOnly));
        const std::string path = directory.filePath("file/below").toStdString();
        const auto files = PosixFiles::open(path);
        QVERIFY(!files.has_value());
        QCOMPARE(files.error().place, path);
        QVERIFY(!files.error().problem.empty() && !files.error().remedy.empty());
    }
    void aRootThatIsAFileIsAnError()
    {
        const QTemporaryDir directory;
        QFile inTheWay(directory.filePath("file"));
        QVERIFY(inTheWay.open(QIODevice::WriteOnly));
        QVERIFY(!PosixFiles::open(directory.filePath("file").toStdString()).has_value());
    }
    void anUnwritableRootIsAnErrorWithARemedy()
    {
        if (::geteuid() == 0)
            QSKIP("root may write everywhere");
        const QTemporaryDir directory;
        QFile::setPermissions(directory.path(), QFile::ReadOwner | QFile::ExeOwner);
        const auto files = PosixFiles::open(directory.path().toStdString());
        QFile::setPermissions(
            directory.path(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        QVERIFY(!files.has_value());
        QCOMPARE(files.error().remedy,
            std::string("choose a directory you may write to, or change its permissions"));
    }
    void aFullDeviceIsAnErrorAndLeavesNoHalfAppend()
    {
        if (!QFile::exists("/dev/full"))
            QSKIP("no /dev/full here");
        const QTemporaryDir directory;
        QVERIFY(QFile::link("/dev/full", directory.filePath("full")));
        const auto files = PosixFiles::open(directory.path().toStdString()).value();
        const FileId file = files->open("full", false).value();
        const ByteView pieces[] = {asBytes("text")};
        const auto appended = files->append(file, pieces);
        QVERIFY(!appended.has_value());
        QCOMPARE(appended.error().remedy, std::string("free some space or choose another disk"));
        QCOMPARE(files->size(file), std::uint64_t{0});
    }
};

QTEST_APPLESS_MAIN(TestFiles)
#include "tst_files.moc"
