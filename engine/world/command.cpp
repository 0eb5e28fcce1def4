#include "engine/world/command.h"

#include "engine/world/client_configs.h"
#include "engine/world/command_fields.h"
#include "engine/world/world.h"
#include "engine/world/yaml_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace queuelab::world {

namespace {

/// Calls `use(Of<C>{})` for every command type C, in the order of Command.
template <class Use> void forEachCommand(Use &&use)
{
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (use(Of<std::variant_alternative_t<I, Command>>{}), ...);
    }(std::make_index_sequence<std::variant_size_v<Command>>{});
}

bool isWithin(double value, const Limits &limits, const YAML::Node &node, std::string_view key,
    YamlProblems &problems)
{
    if (value >= limits.low && value <= limits.high)
        return true;
    problems.add(node.Mark(),
        fmt::format("'{}' is {}, outside {} to {}", key, node.Scalar(), limits.low, limits.high));
    return false;
}

template <class T>
bool keepsLimits(const T &, const Limits &, const YAML::Node &, std::string_view, YamlProblems &)
{
    return true;
}

bool keepsLimits(std::int32_t value, const Limits &limits, const YAML::Node &node,
    std::string_view key, YamlProblems &problems)
{
    return isWithin(value, limits, node, key, problems);
}

bool keepsLimits(double value, const Limits &limits, const YAML::Node &node, std::string_view key,
    YamlProblems &problems)
{
    return isWithin(value, limits, node, key, problems);
}

bool keepsLimits(Duration value, const Limits &limits, const YAML::Node &node, std::string_view key,
    YamlProblems &problems)
{
    const auto nanoseconds = static_cast<double>(value.count());
    if (nanoseconds >= limits.low && nanoseconds <= limits.high)
        return true;
    const auto text = [](double bound) {
        return formatDuration(Duration(static_cast<std::int64_t>(bound)));
    };
    problems.add(node.Mark(),
        fmt::format("'{}' is {}, outside {} to {}", key, node.Scalar(), text(limits.low),
            text(limits.high)));
    return false;
}

template <class T>
bool keepsLimits(const std::optional<T> &value, const Limits &limits, const YAML::Node &node,
    std::string_view key, YamlProblems &problems)
{
    return !value || keepsLimits(*value, limits, node, key, problems);
}

bool keepsLimits(const std::string &value, const Limits &limits, const YAML::Node &node,
    std::string_view key, YamlProblems &problems)
{
    if (limits.isClientName && value.find_first_of(" \t\n#@") != std::string::npos) {
        problems.add(node.Mark(), fmt::format("'{}' is not a client's name", value),
            "leave out spaces, '#' and '@': the name is stamped into its messages");
        return false;
    }
    if (limits.choices.empty() || std::ranges::find(limits.choices, value) != limits.choices.end())
        return true;
    const std::optional<std::string> near = nearest(value, limits.choices);
    problems.add(node.Mark(),
        fmt::format("'{}' is '{}', not one of {}", key, value, fmt::join(limits.choices, ", ")),
        near ? fmt::format("did you mean '{}'?", *near) : std::string());
    return false;
}

template <class C> class FieldReader {
public:
    FieldReader(const YAML::Node &node, YamlProblems &problems)
        : m_map(node, std::string(commandWord(Of<C>{})), problems)
    {
    }

    template <class T>
    void required(const char *key, T C::*member, const char *, const Limits &limits)
    {
        if (!m_map.has(key))
            m_map.problems().add(
                m_map.mark(), fmt::format("{} needs '{}'", commandWord(Of<C>{}), key));
        read(key, member, limits);
    }
    template <class T>
    void optional(const char *key, T C::*member, const char *, const Limits &limits)
    {
        read(key, member, limits);
    }
    C take()
    {
        m_map.finish();
        return std::move(m_command);
    }

private:
    template <class T> void read(const char *key, T C::*member, const Limits &limits)
    {
        const YAML::Node node = m_map.take(key);
        T value{};
        if (node.IsDefined() && readYaml(node, m_map.problems(), value)
            && keepsLimits(value, limits, node, key, m_map.problems()))
            m_command.*member = std::move(value);
    }

    YamlMap m_map;
    C m_command;
};

template <class C> class FieldWriter {
public:
    explicit FieldWriter(const C &command)
        : m_command(command)
    {
    }

    template <class T> void required(const char *key, T C::*member, const char *, const Limits &)
    {
        m_node[key] = toYaml(m_command.*member);
    }
    template <class T> void optional(const char *key, T C::*member, const char *, const Limits &)
    {
        if (!(m_command.*member == m_default.*member))
            m_node[key] = toYaml(m_command.*member);
    }
    YAML::Node take() { return m_node; }

private:
    const C &m_command;
    const C m_default{};
    YAML::Node m_node{YAML::NodeType::Map};
};

constexpr std::string_view typeName(Of<std::string>)
{
    return "text";
}
constexpr std::string_view typeName(Of<bool>)
{
    return "true or false";
}
constexpr std::string_view typeName(Of<std::int32_t>)
{
    return "whole number";
}
constexpr std::string_view typeName(Of<std::int64_t>)
{
    return "whole number";
}
constexpr std::string_view typeName(Of<std::uint64_t>)
{
    return "whole number";
}
constexpr std::string_view typeName(Of<double>)
{
    return "number";
}
constexpr std::string_view typeName(Of<Duration>)
{
    return "duration";
}
constexpr std::string_view typeName(Of<SignedDuration>)
{
    return "duration";
}
constexpr std::string_view typeName(Of<Span>)
{
    return "duration";
}
constexpr std::string_view typeName(Of<Rate>)
{
    return "rate";
}
constexpr std::string_view typeName(Of<Arrival>)
{
    return "text";
}
constexpr std::string_view typeName(Of<Size>)
{
    return "size";
}
constexpr std::string_view typeName(Of<Keys>)
{
    return "keys";
}
constexpr std::string_view typeName(Of<Retry>)
{
    return "retry";
}
constexpr std::string_view typeName(Of<Transactions>)
{
    return "transaction";
}
constexpr std::string_view typeName(Of<std::vector<std::string>>)
{
    return "list of texts";
}
constexpr std::string_view typeName(Of<std::vector<std::int32_t>>)
{
    return "list of whole numbers";
}
constexpr std::string_view typeName(Of<Settings>)
{
    return "settings";
}
constexpr std::string_view typeName(Of<exchange::FieldTable>)
{
    return "arguments";
}
template <class T> constexpr std::string_view typeName(Of<std::optional<T>>)
{
    return typeName(Of<T>{});
}

template <class C> class FieldLister {
public:
    template <class T>
    void required(const char *key, T C::*, const char *help, const Limits &limits)
    {
        add<T>(key, help, limits).required = true;
    }
    template <class T>
    void optional(const char *key, T C::*member, const char *help, const Limits &limits)
    {
        FieldInfo &info = add<T>(key, help, limits);
        const T standard = C{}.*member;
        if (!(standard == T{}) || std::is_arithmetic_v<T>)
            info.defaultText = flowText(toYaml(standard));
    }
    std::vector<FieldInfo> take() { return std::move(m_fields); }

private:
    template <class T> FieldInfo &add(const char *key, const char *help, const Limits &limits)
    {
        FieldInfo &info = m_fields.emplace_back();
        info.name = key;
        info.type = typeName(Of<T>{});
        info.help = help;
        info.choices = limits.choices;
        if constexpr (std::is_same_v<T, Arrival>) {
            info.choices = {"steady", "poisson"};
            info.defaultText = "steady";
        }
        return info;
    }
    std::vector<FieldInfo> m_fields;
};

template <class C> C readFields(const YAML::Node &node, YamlProblems &problems)
{
    if (node.IsDefined() && !node.IsMap() && !node.IsNull()) {
        problems.add(node.Mark(), fmt::format("{} must be a map", commandWord(Of<C>{})),
            "write {field: value}");
        return {};
    }
    FieldReader<C> reader(node, problems);
    describe(reader, Of<C>{});
    return reader.take();
}

void refuseUnknownCommand(const YAML::Node &name, YamlProblems &problems)
{
    const std::optional<std::string> near = nearest(name.Scalar(), commandNames());
    problems.add(name.Mark(), fmt::format("there is no command '{}'", name.Scalar()),
        near ? fmt::format("did you mean '{}'?", *near)
             : fmt::format("the commands are: {}", fmt::join(commandNames(), ", ")));
}

} // namespace

std::string_view commandName(const Command &command)
{
    return std::visit(
        [](const auto &value) { return commandWord(Of<std::decay_t<decltype(value)>>{}); },
        command);
}

const std::vector<std::string> &commandNames()
{
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        forEachCommand([&](auto of) { all.emplace_back(commandWord(of)); });
        return all;
    }();
    return names;
}

std::optional<Command> readCommand(const YAML::Node &node, YamlProblems &problems)
{
    if (!node.IsDefined() || !node.IsMap() || node.size() != 1 || !node.begin()->first.IsScalar()) {
        problems.add(node.IsDefined() ? node.Mark() : YAML::Mark::null_mark(),
            "one command is wanted here", "write it as name: {field: value}");
        return std::nullopt;
    }
    const YAML::Node name = node.begin()->first;
    const YAML::Node fields = node.begin()->second;
    const std::size_t problemsBefore = problems.errors().size();
    std::optional<Command> command;
    forEachCommand([&]<class C>(Of<C> of) {
        if (commandWord(of) == name.Scalar())
            command = readFields<C>(fields, problems);
    });
    if (!command)
        refuseUnknownCommand(name, problems);
    if (problems.errors().size() != problemsBefore)
        return std::nullopt;
    return command;
}

YAML::Node writeCommand(const Command &command)
{
    return std::visit(
        []<class C>(const C &value) {
            FieldWriter<C> writer(value);
            describe(writer, Of<C>{});
            YAML::Node node;
            node[std::string(commandWord(Of<C>{}))] = writer.take();
            return node;
        },
        command);
}

std::string commandText(const Command &command)
{
    const YAML::Node node = writeCommand(command);
    return fmt::format("{}: {}", commandName(command), flowText(node.begin()->second));
}

namespace {

/// "2026-01-01T00:00:10Z", with a fraction of a second if need be.
std::optional<Instant> parseTime(std::string_view text)
{
    constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:dd";
    if (text.size() <= kPattern.size() || !text.ends_with('Z'))
        return std::nullopt;
    std::array<int, 6> numbers{};
    std::size_t number = 0;
    for (std::size_t at = 0; at < kPattern.size(); ++at) {
        const bool wantsDigit = kPattern[at] == 'd';
        if (wantsDigit != (text[at] >= '0' && text[at] <= '9')
            || (!wantsDigit && text[at] != kPattern[at]))
            return std::nullopt;
        if (wantsDigit)
            numbers[number] = numbers[number] * 10 + (text[at] - '0');
        else
            ++number;
    }
    const std::chrono::year_month_day day{std::chrono::year{numbers[0]},
        std::chrono::month{static_cast<unsigned>(numbers[1])},
        std::chrono::day{static_cast<unsigned>(numbers[2])}};
    if (!day.ok() || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 59)
        return std::nullopt;
    Instant time(std::chrono::sys_days{day}.time_since_epoch() + std::chrono::hours{numbers[3]}
        + std::chrono::minutes{numbers[4]} + std::chrono::seconds{numbers[5]});
    const std::string_view fraction =
        text.substr(kPattern.size(), text.size() - kPattern.size() - 1);
    if (fraction.empty())
        return time;
    const std::optional<Duration> part = parseDuration(fmt::format("0{}s", fraction));
    return part && fraction.starts_with('.') ? std::optional(time + *part) : std::nullopt;
}

} // namespace

Result<log::ResetTarget, std::string> resetTarget(const ResetOffsets &command, Instant start)
{
    const int given =
        (command.to.empty() ? 0 : 1) + (command.shift ? 1 : 0) + (command.offset ? 1 : 0);
    if (given != 1)
        return std::unexpected("say one of 'to', 'shift' and 'offset'");
    if (command.shift)
        return log::ByShift{*command.shift};
    if (command.offset) {
        constexpr std::uint64_t kMaxOffset = std::numeric_limits<std::int64_t>::max();
        return log::ToOffset{static_cast<std::int64_t>(std::min(*command.offset, kMaxOffset))};
    }
    if (command.to == "earliest")
        return log::ToEarliest{};
    if (command.to == "latest")
        return log::ToLatest{};
    if (command.to.starts_with('+')) {
        if (const auto since = parseDuration(std::string_view(command.to).substr(1)))
            return log::ToTime{epochMillis(start + *since)};
    } else if (const std::optional<Instant> time = parseTime(command.to)) {
        return log::ToTime{epochMillis(*time)};
    }
    return std::unexpected(fmt::format("'{}' is no place to reset to: write earliest, latest, "
                                       "2026-01-01T00:00:10Z or +10s",
        command.to));
}

std::optional<std::string> linkProblem(const std::string &client,
    std::optional<std::int32_t> broker, const std::vector<std::int32_t> &brokers)
{
    if (client.empty() == brokers.empty())
        return "name a client, or two brokers";
    if (client.empty() && broker)
        return "'broker' goes with a client; two brokers are named with brokers: [1, 2]";
    if (client.empty() && (brokers.size() != 2 || brokers[0] == brokers[1]))
        return "name two different brokers, as [1, 3]";
    return std::nullopt;
}

namespace {

/// What can be seen to be impossible in this world.
class CommandCheck {
public:
    CommandCheck(const WorldConfig &world, const YAML::Mark &mark, YamlProblems &problems)
        : m_world(world)
        , m_mark(mark)
        , m_problems(problems)
    {
    }

    void operator()(const CreateTopic &topic)
    {
        if (topic.replicationFactor > m_world.logBrokers)
            m_problems.add(m_mark,
                fmt::format("replication-factor is {}, but the world has {} broker{}",
                    topic.replicationFactor, m_world.logBrokers,
                    m_world.logBrokers == 1 ? "" : "s"),
                "give the world more brokers (log: {brokers: N}) or the topic fewer replicas");
    }
    void operator()(const AddProducer &producer) { checkConfigs(producerConfig(producer)); }
    void operator()(const AddConsumer &consumer) { checkConfigs(consumerConfig(consumer)); }
    void operator()(const AddShareConsumer &consumer)
    {
        checkConfigs(shareConsumerConfig(consumer));
    }
    void operator()(const AddTransformer &transformer)
    {
        checkConfigs(transformerConfigs(transformer, transformer.name));
    }
    void operator()(const ResetOffsets &command)
    {
        if (const auto target = resetTarget(command, kVirtualStart); !target)
            m_problems.add(m_mark, target.error());
    }
    void operator()(const KillBroker &command) { checkBroker(command.broker); }
    void operator()(const RestartBroker &command) { checkBroker(command.broker); }
    void operator()(const StopBroker &command) { checkBroker(command.broker); }
    void operator()(const IsolateBroker &command) { checkBroker(command.broker); }
    void operator()(const RejoinBroker &command) { checkBroker(command.broker); }
    void operator()(const SlowBroker &command) { checkBroker(command.broker); }
    void operator()(const SkipClock &command) { checkBroker(command.broker); }
    void operator()(const CutLink &command) { checkLink(command); }
    void operator()(const MendLink &command) { checkLink(command); }
    void operator()(const ResetLink &command) { checkLink(command); }
    template <class Other> void operator()(const Other &) { }

private:
    void checkBroker(std::int32_t broker)
    {
        if (broker < 1 || broker > m_world.logBrokers)
            m_problems.add(m_mark,
                fmt::format("there is no broker {}: the world has {}", broker, m_world.logBrokers));
    }
    template <class Config> void checkConfigs(const Result<Config, ConfigProblem> &config)
    {
        if (!config)
            m_problems.add(m_mark, config.error().problem, config.error().remedy);
    }
    template <class Link> void checkLink(const Link &link)
    {
        if (link.broker)
            checkBroker(*link.broker);
        for (const std::int32_t broker : link.brokers)
            checkBroker(broker);
        if (const std::optional<std::string> wrong =
                linkProblem(link.client, link.broker, link.brokers))
            m_problems.add(m_mark, *wrong);
    }

    const WorldConfig &m_world;
    const YAML::Mark &m_mark;
    YamlProblems &m_problems;
};

} // namespace

void checkCommand(const Command &command, const WorldConfig &world, const YAML::Mark &mark,
    YamlProblems &problems)
{
    std::visit(CommandCheck(world, mark, problems), command);
}

std::vector<FieldInfo> commandFields(std::string_view name)
{
    std::vector<FieldInfo> fields;
    forEachCommand([&]<class C>(Of<C> of) {
        if (commandWord(of) != name)
            return;
        FieldLister<C> lister;
        describe(lister, of);
        fields = lister.take();
    });
    return fields;
}

std::string_view commandHelp(std::string_view name)
{
    std::string_view help;
    forEachCommand([&](auto of) {
        if (commandWord(of) == name)
            help = commandSentence(of);
    });
    return help;
}

} // namespace queuelab::world
