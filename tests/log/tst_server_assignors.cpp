#include <QtTest>

#include "engine/core/random.h"
#include "engine/log/server_assignors.h"

#include <algorithm>
#include <fstream>
#include <sstream>

using namespace queuelab;
using namespace queuelab::log;

namespace {

std::vector<std::string> split(const std::string &text, char separator)
{
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, separator);) {
        if (!part.empty())
            parts.push_back(part);
    }
    return parts;
}

/// " A=[t1-0 t1-1] B=[]"
TargetAssignment parseAssignment(const std::string &text)
{
    TargetAssignment assignment;
    for (const std::string &member : split(text, ']')) {
        const auto at = member.find("=[");
        if (at == std::string::npos)
            continue;
        const std::string id = split(member.substr(0, at), ' ').at(0);
        PartitionSet &partitions = assignment[id];
        for (const std::string &name : split(member.substr(at + 2), ' ')) {
            const auto dash = name.find('-');
            partitions.insert({name.substr(0, dash), std::stoi(name.substr(dash + 1))});
        }
    }
    return assignment;
}

std::string shown(const TargetAssignment &assignment)
{
    std::string text;
    for (const auto &[id, partitions] : assignment) {
        text += id + "=[";
        for (const TopicPartition &partition : partitions)
            text += partition.name() + " ";
        text += "] ";
    }
    return text;
}

PartitionSet allOf(const PartitionCounts &counts)
{
    PartitionSet all;
    for (const auto &[topic, count] : counts) {
        for (std::int32_t i = 0; i < count; ++i)
            all.insert({topic, i});
    }
    return all;
}

Assignees members(const std::vector<std::string> &ids, const std::set<std::string> &topics)
{
    Assignees out;
    for (const std::string &id : ids)
        out[id].topics = topics;
    return out;
}

std::size_t moved(const TargetAssignment &before, const TargetAssignment &after)
{
    std::size_t count = 0;
    for (const auto &[id, partitions] : before) {
        const auto now = after.find(id);
        for (const TopicPartition &partition : partitions)
            count += now == after.end() || !now->second.contains(partition);
    }
    return count;
}

} // namespace

class ServerAssignorsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void assignmentsAreThoseOfKafka_data()
    {
        QTest::addColumn<std::string>("line");
        std::ifstream in(QUEUELAB_SOURCE_DIR "/tests/log/data/server_assignors.txt");
        QVERIFY(in.is_open());
        for (std::string line; std::getline(in, line);) {
            if (!line.starts_with('#'))
                QTest::addRow("%s", split(line, '|').at(0).c_str()) << line;
        }
    }
    void assignmentsAreThoseOfKafka()
    {
        QFETCH(std::string, line);
        const std::vector<std::string> parts = split(line, '|');
        QCOMPARE(parts.size(), std::size_t{5});
        const std::string kind = split(parts[0], ' ').at(0);
        PartitionCounts counts;
        for (const std::string &topic : split(parts[1], ' '))
            counts[split(topic, ':').at(0)] = std::stoi(split(topic, ':').at(1));
        Assignees asking;
        for (const std::string &member : split(parts[2], ' ')) {
            for (const std::string &topic : split(split(member, ':').at(1), ','))
                asking[split(member, ':').at(0)].topics.insert(topic);
        }
        for (auto &[id, partitions] : parseAssignment(parts[3]))
            asking.at(id).assigned = partitions;
        const TargetAssignment got = kind == "simple"
            ? assignShares(asking, allOf(counts))
            : assignPartitions(*serverAssignorByName(kind), asking, counts);
        QCOMPARE(shown(got), shown(parseAssignment(parts[4])));
    }

    void rangeTakesStaticMembersFirst()
    {
        Assignees asking = members({"a", "b", "c"}, {"t"});
        asking["c"].instanceId = "z";
        const auto got = assignPartitions(ServerAssignor::Range, asking, {{"t", 4}});
        QCOMPARE(shown(got), std::string("a=[t-2 ] b=[t-3 ] c=[t-0 t-1 ] "));
    }

    void topicsAndPartitionsThatAreGoneDoNotCount()
    {
        Assignees asking = members({"a", "b"}, {"t", "gone"});
        asking["a"].assigned = {{"t", 0}, {"t", 7}, {"gone", 0}};
        for (const ServerAssignor assignor : {ServerAssignor::Uniform, ServerAssignor::Range}) {
            const auto got = assignPartitions(assignor, asking, {{"t", 2}});
            QCOMPARE(shown(got), std::string("a=[t-0 ] b=[t-1 ] "));
        }
        QVERIFY(assignPartitions(ServerAssignor::Uniform, {}, {{"t", 2}}).empty());
    }

    void onlyInitializedSharesAreGivenOut()
    {
        Assignees asking = members({"a", "b"}, {"t"});
        QCOMPARE(shown(assignShares(asking, {})), std::string("a=[] b=[] "));
        const auto got = assignShares(asking, {{"t", 1}});
        QCOMPARE(shown(got), std::string("a=[t-1 ] b=[t-1 ] "));
    }

    void whatIsUniformIsBalancedAndMovesLittle_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void whatIsUniformIsBalancedAndMovesLittle()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        PartitionCounts counts;
        for (std::uint64_t i = 0; i <= random.below(4); ++i)
            counts["t" + std::to_string(i)] = static_cast<std::int32_t>(1 + random.below(12));
        std::set<std::string> topics;
        for (const auto &[topic, count] : counts)
            topics.insert(topic);
        const std::size_t total = allOf(counts).size();
        Assignees asking;
        TargetAssignment before;
        for (int step = 0; step < 20; ++step) {
            const std::string id = "m" + std::to_string(random.below(8));
            if (!asking.erase(id))
                asking[id].topics = topics;
            if (asking.empty())
                continue;
            for (auto &[member, asked] : asking)
                asked.assigned = before.contains(member) ? before[member] : PartitionSet{};
            const auto after = assignPartitions(ServerAssignor::Uniform, asking, counts);
            std::size_t given = 0;
            const std::size_t least = total / asking.size();
            std::size_t mustMove = 0;
            const std::size_t extra = total % asking.size();
            std::size_t keepsExtra = 0;
            for (const auto &[member, partitions] : after) {
                given += partitions.size();
                QVERIFY(partitions.size() == least || partitions.size() == least + 1);
                keepsExtra += before.contains(member) && before[member].size() > least;
            }
            QCOMPARE(given, total); // each once: a partition given twice would leave another out
            PartitionSet all;
            for (const auto &[member, partitions] : after)
                all.insert(partitions.begin(), partitions.end());
            QCOMPARE(all.size(), total);
            // Who has more than its share gives up just what is too much.
            for (const auto &[member, partitions] : before) {
                if (!asking.contains(member))
                    mustMove += partitions.size();
                else if (partitions.size() > least)
                    mustMove += partitions.size() - least - 1;
            }
            mustMove += keepsExtra > extra ? keepsExtra - extra : 0;
            QCOMPARE(moved(before, after), mustMove);
            before = after;
        }
    }
};

QTEST_APPLESS_MAIN(ServerAssignorsTest)
#include "tst_server_assignors.moc"
