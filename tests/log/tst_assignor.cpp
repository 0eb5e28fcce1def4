#include <QtTest>

#include "engine/core/random.h"
#include "engine/log/assignor.h"
#include "engine/log/client.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <utility>

using namespace queuelab;
using namespace queuelab::log;

namespace {

/// "C0 t-0 t-1; C1 t-2; C2": a member and what it has, or subscribes to, between semicolons.
std::map<std::string, std::vector<std::string>> parseTable(std::string_view text)
{
    std::map<std::string, std::vector<std::string>> table;
    for (const auto part : std::views::split(text, ';')) {
        std::string member;
        for (const auto word : std::views::split(part, ' ')) {
            const std::string token(word.begin(), word.end());
            if (token.empty())
                continue;
            if (member.empty())
                table[member = token];
            else
                table[member].push_back(token);
        }
    }
    return table;
}

/// "0,1,3" is t-0 t-1 t-3; "t1-2" is itself.
std::vector<TopicPartition> parsePartitions(const std::vector<std::string> &words)
{
    std::vector<TopicPartition> partitions;
    for (const std::string &word : words) {
        const std::size_t dash = word.find('-');
        const std::string topic = dash == std::string::npos ? "t" : word.substr(0, dash);
        const std::string numbers = dash == std::string::npos ? word : word.substr(dash + 1);
        for (const auto number : std::views::split(numbers, ','))
            partitions.push_back({topic, std::stoi(std::string(number.begin(), number.end()))});
    }
    std::ranges::sort(partitions);
    return partitions;
}

std::map<std::string, std::int32_t> parseTopics(std::string_view text)
{
    std::map<std::string, std::int32_t> topics;
    for (const auto word : std::views::split(text, ' ')) {
        const std::string token(word.begin(), word.end());
        topics[token.substr(0, token.find(':'))] = std::stoi(token.substr(token.find(':') + 1));
    }
    return topics;
}

Assignments parseAssignments(std::string_view text)
{
    Assignments assignments;
    for (const auto &[member, words] : parseTable(text))
        assignments[member] = parsePartitions(words);
    return assignments;
}

QByteArray describe(const Assignments &assignments)
{
    QByteArray text;
    for (const auto &[member, partitions] : assignments) {
        text += member.c_str();
        for (const TopicPartition &partition : partitions)
            text += " " + QByteArray::fromStdString(partition.name());
        text += "; ";
    }
    return text;
}

/// Members C0..Cn-1 that all subscribe to all topics.
std::string everybody(int members, const std::map<std::string, std::int32_t> &topics)
{
    std::string text;
    for (int i = 0; i < members; ++i) {
        text += "C" + std::to_string(i);
        for (const auto &[topic, count] : topics)
            text += " " + topic;
        text += ";";
    }
    return text;
}

std::vector<GroupMember> membersOf(std::string_view subscriptions, const Assignments &owned = {})
{
    std::vector<GroupMember> members;
    for (const auto &[member, topics] : parseTable(subscriptions)) {
        GroupMember &entry = members.emplace_back();
        entry.memberId = member;
        entry.subscription.topics = topics;
        if (const auto mine = owned.find(member); mine != owned.end()) {
            entry.subscription.owned = mine->second;
            entry.subscription.generation = 1;
        }
    }
    return members;
}

/// The eager sticky assignor: members tell what they owned in their user data, and hand over in the
/// same round.
Assignments sticky(
    std::vector<GroupMember> members, const std::map<std::string, std::int32_t> &topics)
{
    for (GroupMember &member : members) {
        Subscription &subscription = member.subscription;
        subscription.userData =
            encodeStickyUserData({std::exchange(subscription.owned, {}), subscription.generation});
        subscription.generation = -1;
    }
    return assign(Assignor::Sticky, members, topics);
}

const std::string kUneven = "C0 t0; C1 t0 t1; C2 t0 t1 t2";

} // namespace

class AssignorTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rangeAssignsBlocksPerTopic_data()
    {
        QTest::addColumn<std::string>("topics");
        QTest::addColumn<std::string>("subscriptions");
        QTest::addColumn<std::string>("expected");
        const auto row = [](const char *name, std::string topics, int members,
                             std::string expected) {
            QTest::newRow(name) << topics << everybody(members, parseTopics(topics)) << expected;
        };
        row("6 over 2", "t:6", 2, "C0 0,1,2; C1 3,4,5");
        row("6 over 3", "t:6", 3, "C0 0,1; C1 2,3; C2 4,5");
        row("6 over 4", "t:6", 4, "C0 0,1; C1 2,3; C2 4; C3 5");
        row("6 over 6", "t:6", 6, "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5");
        row("6 over 7", "t:6", 7, "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5; C6");
        row("7 over 3", "t:7", 3, "C0 0,1,2; C1 3,4; C2 5,6");
        row("10 over 3", "t:10", 3, "C0 0,1,2,3; C1 4,5,6; C2 7,8,9");
        row("two topics are skewed alike", "t0:3 t1:3", 2, "C0 t0-0,1 t1-0,1; C1 t0-2 t1-2");
        row("two topics of 6 over 4", "t0:6 t1:6", 4,
            "C0 t0-0,1 t1-0,1; C1 t0-2,3 t1-2,3; C2 t0-4 t1-4; C3 t0-5 t1-5");
        QTest::newRow("uneven subscriptions") << std::string("t0:1 t1:2 t2:3") << kUneven
                                              << std::string("C0 t0-0; C1 t1-0; C2 t1-1 t2-0,1,2");
    }
    void rangeAssignsBlocksPerTopic()
    {
        QFETCH(std::string, topics);
        QFETCH(std::string, subscriptions);
        QFETCH(std::string, expected);
        QCOMPARE(describe(assign(Assignor::Range, membersOf(subscriptions), parseTopics(topics))),
            describe(parseAssignments(expected)));
    }

    void rangePutsStaticMembersFirst()
    {
        std::vector<GroupMember> members = membersOf("C0 t; C1 t; C2 t");
        members[0].groupInstanceId = "z";
        members[1].groupInstanceId = "a";
        QCOMPARE(describe(assign(Assignor::Range, members, {{"t", 6}})),
            describe(parseAssignments("C1 0,1; C0 2,3; C2 4,5")));
    }

    void roundRobinDealsPartitionsOut_data()
    {
        QTest::addColumn<std::string>("topics");
        QTest::addColumn<std::string>("subscriptions");
        QTest::addColumn<std::string>("expected");
        const auto row = [](const char *name, std::string topics, std::string subscriptions,
                             std::string expected) {
            QTest::newRow(name) << topics << subscriptions << expected;
        };
        const auto even = [&row](const char *name, const char *topics, int members,
                              std::string expected) {
            row(name, topics, everybody(members, parseTopics(topics)), std::move(expected));
        };
        even("6 over 2", "t:6", 2, "C0 0,2,4; C1 1,3,5");
        even("6 over 3", "t:6", 3, "C0 0,3; C1 1,4; C2 2,5");
        even("6 over 4", "t:6", 4, "C0 0,4; C1 1,5; C2 2; C3 3");
        even("6 over 6", "t:6", 6, "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5");
        even("6 over 7", "t:6", 7, "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5; C6");
        even("two topics, one circle", "t0:3 t1:3", 2, "C0 t0-0,2 t1-1; C1 t0-1 t1-0,2");
        row("uneven", "t0:1 t1:2 t2:3", kUneven, "C0 t0-0; C1 t1-0; C2 t1-1 t2-0,1,2");
        row("uneven, C0 leaves", "t0:1 t1:2 t2:3", "C1 t0 t1; C2 t0 t1 t2",
            "C1 t0-0 t1-1; C2 t1-0 t2-0,1,2");
        even("four topics", "t0:2 t1:2 t2:2 t3:2", 3,
            "C0 t0-0 t1-1 t3-0; C1 t0-1 t2-0 t3-1; C2 t1-0 t2-1");
        row("four topics minus C1", "t0:2 t1:2 t2:2 t3:2", "C0 t0 t1 t2 t3; C2 t0 t1 t2 t3",
            "C0 t0-0 t1-0 t2-0 t3-0; C2 t0-1 t1-1 t2-1 t3-1");
        row("a topic of nobody", "a:2 t:2", "C0 t; C1 t", "C0 0; C1 1");
    }
    void roundRobinDealsPartitionsOut()
    {
        QFETCH(std::string, topics);
        QFETCH(std::string, subscriptions);
        QFETCH(std::string, expected);
        QCOMPARE(
            describe(assign(Assignor::RoundRobin, membersOf(subscriptions), parseTopics(topics))),
            describe(parseAssignments(expected)));
    }

    void roundRobinPutsStaticMembersFirst()
    {
        std::vector<GroupMember> members = membersOf("C0 t; C1 t; C2 t");
        members[0].groupInstanceId = "z";
        members[1].groupInstanceId = "a";
        QCOMPARE(describe(assign(Assignor::RoundRobin, members, {{"t", 6}})),
            describe(parseAssignments("C1 0,3; C0 1,4; C2 2,5")));
    }

    void assignorsAreKnownByTheirNamesOnTheWire()
    {
        for (const char *name : {"range", "roundrobin", "sticky", "cooperative-sticky"}) {
            QVERIFY(assignorByName(name));
            QCOMPARE(assignorName(*assignorByName(name)), std::string_view(name));
            QCOMPARE(isCooperative(*assignorByName(name)),
                std::string_view(name) == "cooperative-sticky");
        }
        QVERIFY(!assignorByName("round-robin"));
    }

    void stickyMembersTellWhatTheyOwnedInTheirUserData()
    {
        const Bytes golden = *fromHex("0000000100017400000002000000000000000300000001");
        QCOMPARE(toHex(encodeStickyUserData({{{"t", 0}, {"t", 3}}, 1})), toHex(golden));
        const auto read = decodeStickyUserData(golden);
        QVERIFY(read);
        QCOMPARE(read->owned, (std::vector<TopicPartition>{{"t", 0}, {"t", 3}}));
        QCOMPARE(read->generation, 1);
        for (std::size_t size = 0; size < golden.size(); ++size)
            QVERIFY(!decodeStickyUserData(ByteView(golden).first(size)));
        Subscription subscription;
        subscription.topics = {"t"};
        subscription.userData = golden;
        QCOMPARE(decodeSubscription(encodeSubscription(subscription).view())->userData,
            std::optional(golden));
        // Damaged user data is no reason to stop the group: the member starts afresh.
        std::vector<GroupMember> members = membersOf("C0 t; C1 t");
        members[1].subscription.userData = Bytes{1, 2, 3};
        QCOMPARE(describe(assign(Assignor::Sticky, members, {{"t", 2}})),
            describe(parseAssignments("C0 0; C1 1")));
    }

    void topicsThatDoNotExistAreLeftOut()
    {
        for (const Assignor assignor : {Assignor::Range, Assignor::RoundRobin, Assignor::Sticky,
                 Assignor::CooperativeSticky}) {
            QCOMPARE(describe(assign(assignor, membersOf("C0 t ghost; C1 t ghost"), {{"t", 2}})),
                describe(parseAssignments("C0 0; C1 1")));
        }
    }

    void stickyBalancesAndKeeps_data()
    {
        QTest::addColumn<std::string>("topics");
        QTest::addColumn<std::string>("subscriptions");
        QTest::addColumn<std::string>("owned");
        QTest::addColumn<std::string>("expected");
        const auto fresh = [](const char *name, int members, std::string expected) {
            QTest::newRow(name) << std::string("t:6") << everybody(members, {{"t", 6}})
                                << std::string() << expected;
        };
        fresh("fresh 2", 2, "C0 0,2,4; C1 1,3,5");
        fresh("fresh 3", 3, "C0 0,3; C1 1,4; C2 2,5");
        fresh("fresh 4", 4, "C0 0,4; C1 1,5; C2 2; C3 3");
        fresh("fresh 6", 6, "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5");
        fresh("fresh 7", 7, "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5; C6");
        const auto row = [](const char *name, std::string topics, std::string members,
                             std::string owned, std::string expected) {
            QTest::newRow(name) << topics << members << owned << expected;
        };
        row("2 to 3", "t:6", everybody(3, {{"t", 6}}), "C0 0,2,4; C1 1,3,5",
            "C0 0,2; C1 1,3; C2 4,5");
        row("3 to 4", "t:6", everybody(4, {{"t", 6}}), "C0 0,3; C1 1,4; C2 2,5",
            "C0 0,3; C1 1,4; C2 2; C3 5");
        row("4 to 5", "t:6", everybody(5, {{"t", 6}}), "C0 0,4; C1 1,5; C2 2; C3 3",
            "C0 0,4; C1 1; C2 2; C3 3; C4 5");
        row("6 to 7", "t:6", everybody(7, {{"t", 6}}), "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5",
            "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5; C6");
        row("3 minus C1", "t:6", "C0 t; C2 t", "C0 0,3; C2 2,5", "C0 0,1,3; C2 2,4,5");
        row("4 minus C1", "t:6", "C0 t; C2 t; C3 t", "C0 0,4; C2 2; C3 3",
            "C0 0,4; C2 1,2; C3 3,5");
        row("6 minus C1", "t:6", "C0 t; C2 t; C3 t; C4 t; C5 t", "C0 0; C2 2; C3 3; C4 4; C5 5",
            "C0 0,1; C2 2; C3 3; C4 4; C5 5");
        row("7 minus C2", "t:6", "C0 t; C1 t; C3 t; C4 t; C5 t; C6 t",
            "C0 0; C1 1; C3 3; C4 4; C5 5; C6", "C0 0; C1 1; C3 3; C4 4; C5 5; C6 2");
        row("7 minus C0 to C3", "t:6", "C4 t; C5 t; C6 t", "C4 4; C5 5; C6",
            "C4 0,4; C5 1,5; C6 2,3");
        row("6 to 9 partitions", "t:9", everybody(3, {{"t", 9}}), "C0 0,3; C1 1,4; C2 2,5",
            "C0 0,3,6; C1 1,4,7; C2 2,5,8");
        row("uneven", "t0:1 t1:2 t2:3", kUneven, "", "C0 t0-0; C1 t1-0,1; C2 t2-0,1,2");
        row("uneven, C0 leaves", "t0:1 t1:2 t2:3", "C1 t0 t1; C2 t0 t1 t2",
            "C1 t1-0,1; C2 t2-0,1,2", "C1 t0-0 t1-0,1; C2 t2-0,1,2");
        row("four topics", "t0:2 t1:2 t2:2 t3:2", everybody(3, parseTopics("t0:2 t1:2 t2:2 t3:2")),
            "", "C0 t0-0 t1-1 t3-0; C1 t0-1 t2-0 t3-1; C2 t1-0 t2-1");
        row("four topics minus C1", "t0:2 t1:2 t2:2 t3:2", "C0 t0 t1 t2 t3; C2 t0 t1 t2 t3",
            "C0 t0-0 t1-1 t3-0; C2 t1-0 t2-1", "C0 t0-0,1 t1-1 t3-0; C2 t1-0 t2-0,1 t3-1");
    }
    void stickyBalancesAndKeeps()
    {
        QFETCH(std::string, topics);
        QFETCH(std::string, subscriptions);
        QFETCH(std::string, owned);
        QFETCH(std::string, expected);
        const std::vector<GroupMember> members = membersOf(subscriptions, parseAssignments(owned));
        QCOMPARE(
            describe(sticky(members, parseTopics(topics))), describe(parseAssignments(expected)));
    }

    void cooperativeMovesInTwoRounds_data()
    {
        QTest::addColumn<int>("members");
        QTest::addColumn<std::string>("owned");
        QTest::addColumn<std::string>("first");
        QTest::addColumn<std::string>("second");
        const auto row = [](const char *name, int members, std::string owned, std::string first,
                             std::string second) {
            QTest::newRow(name) << members << owned << first << second;
        };
        row("1 to 2", 2, "C0 0,1,2,3,4,5", "C0 0,1,2; C1", "C0 0,1,2; C1 3,4,5");
        row("2 to 3", 3, "C0 0,1,2; C1 3,4,5", "C0 0,1; C1 3,4; C2", "C0 0,1; C1 3,4; C2 2,5");
        row("3 to 4", 4, "C0 0,3; C1 1,4; C2 2,5", "C0 0,3; C1 1,4; C2 2; C3",
            "C0 0,3; C1 1,4; C2 2; C3 5");
        row("4 to 5", 5, "C0 0,4; C1 1,5; C2 2; C3 3", "C0 0,4; C1 1; C2 2; C3 3; C4",
            "C0 0,4; C1 1; C2 2; C3 3; C4 5");
        row("6 to 7", 7, "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5",
            "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5; C6", "C0 0; C1 1; C2 2; C3 3; C4 4; C5 5; C6");
    }
    void cooperativeMovesInTwoRounds()
    {
        QFETCH(int, members);
        QFETCH(std::string, owned);
        QFETCH(std::string, first);
        QFETCH(std::string, second);
        const std::map<std::string, std::int32_t> topics{{"t", 6}};
        const std::string everyone = everybody(members, topics);
        const Assignments round1 = assign(
            Assignor::CooperativeSticky, membersOf(everyone, parseAssignments(owned)), topics);
        QCOMPARE(describe(round1), describe(parseAssignments(first)));
        const Assignments round2 =
            assign(Assignor::CooperativeSticky, membersOf(everyone, round1), topics);
        QCOMPARE(describe(round2), describe(parseAssignments(second)));
    }

    void cooperativeHandsOutOrphansAtOnce()
    {
        const std::vector<GroupMember> members =
            membersOf("C0 t; C2 t", parseAssignments("C0 0,3; C2 2,5"));
        QCOMPARE(describe(assign(Assignor::CooperativeSticky, members, {{"t", 6}})),
            describe(parseAssignments("C0 0,1,3; C2 2,4,5")));
    }

    void anOlderGenerationsClaimLoses()
    {
        std::vector<GroupMember> members =
            membersOf("C0 t; C1 t", parseAssignments("C0 0,1,2; C1 0,1,2,3,4,5"));
        members[0].subscription.generation = 5;
        members[1].subscription.generation = 3;
        QCOMPARE(describe(assign(Assignor::CooperativeSticky, members, {{"t", 6}})),
            describe(parseAssignments("C0 0,1,2; C1 3,4,5")));
    }

    void aPartitionClaimedTwiceStaysUnassignedForARound()
    {
        const Assignments round = assign(Assignor::CooperativeSticky,
            membersOf("C0 t; C1 t", parseAssignments("C0 0,1; C1 1,2")), {{"t", 3}});
        for (const auto &[member, partitions] : round)
            QVERIFY(std::ranges::find(partitions, TopicPartition{"t", 1}) == partitions.end());
    }

    void everyAssignorIsFullDisjointAndBalanced_data()
    {
        QTest::addColumn<std::uint64_t>("seed");
        for (std::uint64_t seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    void everyAssignorIsFullDisjointAndBalanced()
    {
        QFETCH(std::uint64_t, seed);
        Random random(seed);
        std::map<std::string, std::int32_t> topics;
        for (std::int64_t i = random.between(1, 4); i > 0; --i)
            topics["t" + std::to_string(i)] = static_cast<std::int32_t>(random.between(1, 12));
        const bool equal = random.chance(0.5);
        std::vector<GroupMember> members;
        for (std::int64_t i = random.between(1, 8); i > 0; --i) {
            GroupMember &member = members.emplace_back();
            member.memberId = "C" + std::to_string(i);
            for (const auto &[topic, count] : topics) {
                if (equal || random.chance(0.6))
                    member.subscription.topics.push_back(topic);
            }
        }
        for (int round = 0; round < 6; ++round) {
            const Assignments result = sticky(members, topics);
            std::set<TopicPartition> handedOut;
            std::size_t least = SIZE_MAX;
            std::size_t most = 0;
            for (const GroupMember &member : members) {
                const std::vector<TopicPartition> &got = result.at(member.memberId);
                least = std::min(least, got.size());
                most = std::max(most, got.size());
                for (const TopicPartition &partition : got) {
                    QVERIFY(handedOut.insert(partition).second);
                    QVERIFY(std::ranges::find(member.subscription.topics, partition.topic)
                        != member.subscription.topics.end());
                }
            }
            std::size_t wanted = 0;
            for (const auto &[topic, count] : topics) {
                const bool hasSubscriber =
                    std::ranges::any_of(members, [&](const GroupMember &member) {
                        const auto &list = member.subscription.topics;
                        return std::ranges::find(list, topic) != list.end();
                    });
                wanted += hasSubscriber ? static_cast<std::size_t>(count) : 0;
            }
            QCOMPARE(handedOut.size(), wanted);
            if (equal)
                QVERIFY(most - least <= 1);
            // The next round: what each member got, and one of them gone or one more.
            for (GroupMember &member : members) {
                member.subscription.owned = result.at(member.memberId);
                member.subscription.generation = round;
            }
            if (members.size() > 1 && random.chance(0.5)) {
                members.erase(
                    members.begin() + static_cast<std::ptrdiff_t>(random.below(members.size())));
            } else {
                GroupMember &member = members.emplace_back();
                member.memberId = "N" + std::to_string(round);
                for (const auto &[topic, count] : topics)
                    member.subscription.topics.push_back(topic);
            }
        }
    }

    void subscriptionsAreReadInEveryVersion_data()
    {
        QTest::addColumn<QByteArray>("hex");
        QTest::addColumn<int>("owned");
        QTest::addColumn<int>("generation");
        QTest::newRow("v0") << QByteArray("000000000001000174ffffffff") << 0 << -1;
        QTest::newRow("v1") << QByteArray(
            "000100000001000174ffffffff000000010001740000000100000000")
                            << 1 << -1;
        QTest::newRow("v2") << QByteArray("000200000001000174ffffffff000000010001740000000100000000"
                                          "00000005")
                            << 1 << 5;
        QTest::newRow("v3") << QByteArray("000300000001000174ffffffff000000010001740000000100000000"
                                          "00000005ffff")
                            << 1 << 5;
    }
    void subscriptionsAreReadInEveryVersion()
    {
        QFETCH(QByteArray, hex);
        QFETCH(int, owned);
        QFETCH(int, generation);
        const Bytes bytes =
            *fromHex(std::string_view(hex.constData(), static_cast<std::size_t>(hex.size())));
        const auto subscription = decodeSubscription(bytes);
        QVERIFY(subscription);
        QCOMPARE(subscription->topics, std::vector<std::string>{"t"});
        QCOMPARE(subscription->owned.size(), static_cast<std::size_t>(owned));
        QCOMPARE(subscription->generation, generation);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            (void)decodeSubscription(
                ByteView(bytes).first(size)); // cut short: refused, not read past
        QVERIFY(!decodeSubscription(ByteView(bytes).first(bytes.size() / 2)));
    }

    void aSubscriptionIsWrittenAsVersion3()
    {
        QCOMPARE(toHex(encodeSubscription({{"t"}, {{"t", 0}}, 5}).view()),
            std::string("000300000001000174ffffffff00000001000174000000010000000000000005ffff"));
    }

    void assignmentsAreReadAndWritten()
    {
        const auto read =
            decodeAssignment(*fromHex("000000000001000174000000020000000000000002ffffffff"));
        QCOMPARE(*read, (std::vector<TopicPartition>{{"t", 0}, {"t", 2}}));
        QCOMPARE(toHex(encodeAssignment({{"t", 2}, {"t", 0}}).view()),
            std::string("000300000001000174000000020000000000000002ffffffff"));
        QVERIFY(decodeAssignment({})->empty());
        QVERIFY(!decodeAssignment(*fromHex("0000000000010001")));
    }

    void murmur2IsKafkas_data()
    {
        QTest::addColumn<QByteArray>("key");
        QTest::addColumn<int>("hash");
        QTest::addColumn<int>("of3");
        QTest::addColumn<int>("of6");
        QTest::addColumn<int>("of12");
        const auto row = [](const char *name, const QByteArray &key, int hash, int of3, int of6,
                             int of12) {
            QTest::newRow(name) << key << hash << of3 << of6 << of12;
        };
        const auto text = [row](const char *key, int hash, int of3, int of6, int of12) {
            row(key, key, hash, of3, of6, of12);
        };
        row("empty", "", 275646681, 0, 3, 9);
        text("a", -1563381124, 1, 4, 4);
        text("21", -973932308, 0, 0, 0);
        text("abc", 479470107, 0, 3, 3);
        text("foobar", -790332482, 0, 0, 6);
        text("a-little-bit-long-string", -985981536, 2, 2, 8);
        text("a-little-bit-longer-string", -1486304829, 2, 5, 11);
        text("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971, 2, 5, 5);
        text("key", -1079937367, 1, 1, 1);
        text("kafka", -798503068, 1, 4, 4);
        text("user-42", 1459644460, 1, 4, 4);
        text("order-1001", 297523878, 0, 0, 6);
        text("hello", 2132663229, 0, 3, 9);
        row("Zuerich in UTF-8", QByteArray::fromHex("5ac3bc72696368"), -1551140815, 1, 1, 1);
        text("1", -1993445489, 0, 3, 3);
        text("7", -1961297549, 0, 3, 3);
        row("00000001", QByteArray::fromHex("00000001"), -173113808, 0, 0, 0);
        row("000000000000002a", QByteArray::fromHex("000000000000002a"), 506863552, 1, 4, 4);
        row("ffffffffff", QByteArray::fromHex("ffffffffff"), -363838622, 0, 0, 6);
    }
    void murmur2IsKafkas()
    {
        QFETCH(QByteArray, key);
        QFETCH(int, hash);
        QFETCH(int, of3);
        QFETCH(int, of6);
        QFETCH(int, of12);
        const ByteView bytes(reinterpret_cast<const std::uint8_t *>(key.constData()),
            static_cast<std::size_t>(key.size()));
        QCOMPARE(murmur2(bytes), hash);
        QCOMPARE(partitionForKey(bytes, 3), of3);
        QCOMPARE(partitionForKey(bytes, 6), of6);
        QCOMPARE(partitionForKey(bytes, 12), of12);
    }
};

QTEST_APPLESS_MAIN(AssignorTest)
#include "tst_assignor.moc"
