#include <QtTest>

#include "transaction_fixture.h"

#include <algorithm>
#include <tuple>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using Writes = TransactionFixture::Writes;

namespace {

using Identity = std::pair<std::int64_t, std::int16_t>; ///< producer id and epoch

/// A process that uses a transactional id, and what it believes.
struct Process {
    std::string id;
    Identity is{-1, -1};
    bool bumps = true;
    std::uint64_t call = 0; ///< not answered yet
    enum class Asked : std::uint8_t { Nothing, Init, Add, Commit, Abort } asked = Asked::Nothing;
    Identity askedAs{-1, -1};
};

/// A coordinator under random requests, failing writes and takeovers, and the promises it makes:
/// told by its answers, its log and its markers alone.
class Model {
public:
    Model(std::uint64_t seed, std::int16_t version, PlantedBug bug = PlantedBug::None)
        : at(configOf(version, bug))
        , random(seed)
    {
        at.markersAtOnce = false;
        for (const char *id : {"one", "two"}) {
            for (int i = 0; i < 3; ++i)
                m_processes.push_back({.id = id, .bumps = version >= 2 && i != 2});
        }
    }

    TransactionFixture at;
    Random random;
    std::string broken; ///< the first promise that was

    void step()
    {
        switch (random.below(12)) {
        case 0:
            at.writes = static_cast<Writes>(random.below(3));
            break;
        case 1:
            at.finishWrites(random.below(4) == 0 ? ErrorCode::NotEnoughReplicas : ErrorCode::None,
                1 + random.below(3));
            break;
        case 2:
            at.writeMarkers(1 + random.below(3));
            break;
        case 3:
            at.run(std::chrono::seconds{random.below(40)});
            break;
        case 4:
            if (random.below(4) == 0)
                at.failOver(random.below(3));
            break;
        default:
            request(m_processes[random.below(m_processes.size())]);
        }
        for (Process &process : m_processes)
            hear(process);
        check();
    }
    /// Everything works again: what is decided comes to its end.
    void settle()
    {
        at.writes = Writes::AtOnce;
        at.finishWrites();
        for (int i = 0; i < 20; ++i) {
            at.writeMarkers();
            at.run(10s);
        }
        for (const char *id : {"one", "two"}) {
            if (at.state(id).starts_with("Prepare") || at.state(id) == "Ongoing")
                breaks(std::string(id) + " is " + at.state(id) + " at the end");
        }
        check();
    }

private:
    static BrokerConfig configOf(std::int16_t version, PlantedBug bug)
    {
        BrokerConfig config;
        config.transactionVersion = version;
        config.plantedBug = bug;
        return config;
    }
    void breaks(const std::string &promise)
    {
        if (broken.empty())
            broken = promise;
    }
    void request(Process &process)
    {
        if (process.asked != Process::Asked::Nothing && random.below(3) != 0)
            return; // it waits for its answer, as a rule
        process.askedAs = process.is;
        const auto [producerId, epoch] = process.is;
        const auto what = producerId < 0 ? 0 : random.below(8);
        if (what == 0) {
            process.asked = Process::Asked::Init;
            const bool says = producerId >= 0 && random.below(2) == 0;
            process.call = at.init(
                initOf(process.id, says ? producerId : -1, says ? epoch : std::int16_t{-1}));
        } else if (what < 5) {
            process.asked = Process::Asked::Add;
            process.call = at.add({.transactionalId = process.id,
                .producerId = producerId,
                .producerEpoch = epoch,
                .fromBroker = process.bumps,
                .partitions = {{"orders", static_cast<std::int32_t>(random.below(4))}}});
        } else {
            const bool commits = random.below(3) != 0;
            process.asked = commits ? Process::Asked::Commit : Process::Asked::Abort;
            process.call = at.end({.transactionalId = process.id,
                .producerId = producerId,
                .producerEpoch = epoch,
                .committed = commits,
                .bumpsEpoch = process.bumps});
        }
    }
    void hear(Process &process)
    {
        if (process.asked == Process::Asked::Nothing || !at.isAnswered(process.call))
            return;
        const auto asked = std::exchange(process.asked, Process::Asked::Nothing);
        if (asked == Process::Asked::Init) {
            const auto answer = *at.answer<InitProducerIdResponse>(process.call);
            if (answer.error == ErrorCode::None)
                become(process, {answer.producerId, answer.producerEpoch});
        } else if (asked == Process::Asked::Add) {
            const auto answer = *at.answer<AddPartitionsToTxnResponse>(process.call);
            if (answer.partitions.at(0).error == ErrorCode::None)
                notFenced(process, "adds a partition");
        } else {
            const auto answer = *at.answer<EndTxnResponse>(process.call);
            if (answer.error != ErrorCode::None)
                return;
            decided(process, asked == Process::Asked::Commit);
            if (answer.producerId >= 0)
                become(process, {answer.producerId, answer.producerEpoch});
        }
    }
    void become(Process &process, Identity identity)
    {
        process.is = identity;
        Identity &newest = m_newest[process.id];
        newest = std::max(newest, identity);
    }
    /// Whoever was replaced before it asked does nothing more. Ids and epochs only go up.
    void notFenced(const Process &process, const std::string &what)
    {
        if (process.askedAs < m_newest[process.id])
            breaks(process.id + ": epoch " + std::to_string(process.askedAs.second) + " " + what
                + " after " + std::to_string(m_newest[process.id].second) + " was given out");
    }
    /// An end that was acknowledged stands in the log, under the epoch of the transaction.
    void decided(const Process &process, bool commits)
    {
        const auto [producerId, epoch] = process.askedAs;
        const auto bumped = static_cast<std::int16_t>(process.bumps ? epoch + 1 : epoch);
        const auto records = at.records(process.id);
        const bool stands = std::ranges::any_of(records, [&](const auto &record) {
            const TransactionState state =
                commits ? TransactionState::PrepareCommit : TransactionState::PrepareAbort;
            return record && record->state == state && record->producerId == producerId
                && record->producerEpoch == bumped;
        });
        if (!stands)
            breaks(process.id + ": an acknowledged end is not in the log");
    }
    void check()
    {
        for (const char *id : {"one", "two"})
            checkLog(id);
        for (; m_markersSeen < at.written.size(); ++m_markersSeen) {
            const TransactionCoordinator::MarkerWanted &marker = at.written[m_markersSeen];
            const auto [known, isFirst] = m_decisions.try_emplace(
                {marker.producerId, marker.producerEpoch, marker.partition}, marker.committed);
            if (marker.transactionVersion >= 2 && known->second != marker.committed)
                breaks(marker.transactionalId + ": one transaction is committed and aborted");
        }
    }
    /// Each record follows from the one before: no step is skipped, a decision is carried out and
    /// not changed, nothing leaves an open transaction, and epochs do not go back.
    void checkLog(const std::string &id)
    {
        const auto records = at.records(id);
        for (std::size_t &i = m_recordsSeen[id]; i < records.size(); ++i) {
            if (i == 0 || !records[i] || !records[i - 1])
                continue;
            const TransactionMetadata &before = *records[i - 1];
            const TransactionMetadata &now = *records[i];
            const std::string place = id + ", record " + std::to_string(i) + ": ";
            if (!isValidTransition(before.state, now.state))
                breaks(place + "from " + std::string(transactionStateName(before.state)) + " to "
                    + std::string(transactionStateName(now.state)));
            if (std::tie(now.producerId, now.producerEpoch)
                < std::tie(before.producerId, before.producerEpoch))
                breaks(place + "the epoch goes back");
            const bool isOpen = before.state == TransactionState::Ongoing;
            if (isOpen && !std::ranges::includes(now.partitions, before.partitions))
                breaks(place + "a partition leaves the transaction");
            if (isOpen && now.startMs != before.startMs)
                breaks(place + "one transaction begins within another");
        }
    }

    std::vector<Process> m_processes;
    std::map<std::string, Identity> m_newest; ///< that was given to anybody
    std::map<std::string, std::size_t> m_recordsSeen;
    std::size_t m_markersSeen = 0;
    std::map<std::tuple<std::int64_t, std::int16_t, TopicPartition>, bool> m_decisions;
};

} // namespace

class TransactionModelTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theCoordinatorKeepsItsPromises_data()
    {
        QTest::addColumn<quint64>("seed");
        QTest::addColumn<int>("version");
        for (quint64 seed = 1; seed <= 150; ++seed) {
            for (const int version : {1, 2}) {
                QTest::addRow("seed %llu, transaction.version %d",
                    static_cast<unsigned long long>(seed), version)
                    << seed << version;
            }
        }
    }
    void theCoordinatorKeepsItsPromises()
    {
        QFETCH(quint64, seed);
        QFETCH(int, version);
        Model model(seed, static_cast<std::int16_t>(version));
        run(model);
        QVERIFY2(model.broken.empty(), model.broken.c_str());
    }
    void withoutFencingItDoesNot()
    {
        int broken = 0;
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
            Model model(seed, 1, PlantedBug::NoTransactionFencing);
            run(model);
            broken += model.broken.empty() ? 0 : 1;
        }
        QCOMPARE(broken, 10);
    }

private:
    static void run(Model &model)
    {
        for (int i = 0; i < 300 && model.broken.empty(); ++i)
            model.step();
        if (model.broken.empty())
            model.settle();
    }
};

QTEST_APPLESS_MAIN(TransactionModelTest)
#include "tst_transaction_model.moc"
