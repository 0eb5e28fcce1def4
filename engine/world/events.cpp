#include "engine/world/events.h"

#include "engine/exchange/events.h"
#include "engine/log/events.h"
#include "engine/visibility/events.h"
#include "engine/world/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace queuelab::world {

namespace {

constexpr std::array kEvents{
    EventInfo{kind(WorldEvent::CommandApplied), "command-applied", EventTone::System,
        EventWeight::Milestone, "command", "you did {detail}"},
    EventInfo{kind(WorldEvent::CommandRefused), "command-refused", EventTone::Dead,
        EventWeight::Milestone, "command refused", "{actor}: {detail} was refused"},
    EventInfo{kind(WorldEvent::ClientStarted), "client-started", EventTone::System,
        EventWeight::Notable, "client started", "{subject} started"},
    EventInfo{kind(WorldEvent::ClientCrashed), "client-crashed", EventTone::Dead,
        EventWeight::Milestone, "client crashed",
        "{subject} crashed {reason}: its memory is gone and it told nobody"},
    EventInfo{kind(WorldEvent::ClientStopped), "client-stopped", EventTone::System,
        EventWeight::Notable, "client stopped", "{subject} stopped in order"},
    EventInfo{kind(WorldEvent::ClientPaused), "client-paused", EventTone::System,
        EventWeight::Milestone, "client paused",
        "{subject} paused: its connection stays, but it neither works nor polls"},
    EventInfo{kind(WorldEvent::ClientResumed), "client-resumed", EventTone::System,
        EventWeight::Milestone, "client resumed",
        "{subject} resumed; {count:answer|answers} had waited for it"},
    EventInfo{kind(WorldEvent::BrokerKilled), "broker-killed", EventTone::Dead,
        EventWeight::Milestone, "broker killed", "{subject} died: {reason}"},
    EventInfo{kind(WorldEvent::BrokerRestarted), "broker-restarted", EventTone::System,
        EventWeight::Milestone, "broker restarted",
        "{subject} started again and recovered from its files"},
    EventInfo{kind(WorldEvent::LinkCut), "link-cut", EventTone::Dead, EventWeight::Milestone,
        "link cut", "the link of {subject} was cut: nothing passes"},
    EventInfo{kind(WorldEvent::LinkMended), "link-mended", EventTone::System,
        EventWeight::Milestone, "link mended",
        "the link of {subject} carries again; {count:message|messages} had waited"},
    EventInfo{kind(WorldEvent::CommandFailed), "command-failed", EventTone::Dead,
        EventWeight::Notable, "command failed", "{actor}: {detail} was refused in the end"},
    EventInfo{kind(WorldEvent::BrokerStopped), "broker-stopped", EventTone::System,
        EventWeight::Milestone, "broker stopped",
        "{subject} shut down in order, after its leaders had moved away"},
    EventInfo{kind(WorldEvent::BrokerIsolated), "broker-isolated", EventTone::Dead,
        EventWeight::Milestone, "broker isolated",
        "{subject} was cut off {reason}: nothing passes, messages wait"},
    EventInfo{kind(WorldEvent::BrokerRejoined), "broker-rejoined", EventTone::System,
        EventWeight::Milestone, "broker rejoined",
        "{subject} can be reached again; {count:message|messages} had waited"},
    EventInfo{kind(WorldEvent::BrokerSlowed), "broker-slowed", EventTone::Dead,
        EventWeight::Milestone, "broker slowed",
        "every message to and from {subject} takes {value:duration} longer"},
    EventInfo{kind(WorldEvent::ClockSkipped), "clock-skipped", EventTone::Dead,
        EventWeight::Milestone, "clock skipped",
        "the wall clock of {subject} jumped by {value:duration}"},
    EventInfo{kind(WorldEvent::LinkReset), "link-reset", EventTone::Dead, EventWeight::Milestone,
        "link reset", "the connections of {subject} broke: what was on the line is lost"},
    EventInfo{kind(WorldEvent::ConnectionCut), "connection-cut", EventTone::Dead,
        EventWeight::Milestone, "connection cut",
        "nothing passes between {subject} and {actor}; messages wait"},
    EventInfo{kind(WorldEvent::ConnectionMended), "connection-mended", EventTone::System,
        EventWeight::Milestone, "connection mended",
        "{subject} and {actor} reach each other again; {count:message|messages} had waited"},
    EventInfo{kind(WorldEvent::ConnectionReset), "connection-reset", EventTone::Dead,
        EventWeight::Milestone, "connection reset",
        "the connection of {subject} and {actor} broke: what was on the line is lost"},
};

constexpr std::array kReasons{
    ReasonInfo{reason(WorldReason::ByCommand), "by-command", "by command"},
    ReasonInfo{reason(WorldReason::ByChance), "by-chance", "by chance"},
    ReasonInfo{reason(WorldReason::WorkDone), "work-done", "because its work was done"},
    ReasonInfo{reason(WorldReason::NothingLost), "nothing-lost",
        "only the process, its machine and files stay"},
    ReasonInfo{reason(WorldReason::UnsyncedLost), "unsynced-lost",
        "the power went, and what was not synced is lost"},
    ReasonInfo{
        reason(WorldReason::DiskLost), "disk-lost", "with its disk, everything on it is lost"},
    ReasonInfo{reason(WorldReason::FromEveryone), "from-everyone", "from everyone"},
    ReasonInfo{reason(WorldReason::FromBrokers), "from-brokers", "from the other brokers"},
};

constexpr EventInfo kUnknownEvent{0, "unknown", EventTone::Quiet, EventWeight::Routine,
    "unknown event", "{subject}: unknown event"};

/// The tables of all modules, found by number without searching: numbers are a module and a small
/// index.
template <class Info, class Number> class Directory {
public:
    Directory(std::initializer_list<std::span<const Info>> tables, Number Info::*number)
    {
        for (const std::span<const Info> table : tables) {
            for (const Info &info : table) {
                const std::size_t at = info.*number;
                if (at >= m_byNumber.size())
                    m_byNumber.resize(at + 1, nullptr);
                m_byNumber[at] = &info;
                m_all.push_back(&info);
            }
        }
    }
    const Info *find(Number number) const
    {
        return number < m_byNumber.size() ? m_byNumber[number] : nullptr;
    }
    const Info *find(std::string_view name) const
    {
        const auto found = std::ranges::find(m_all, name, &Info::name);
        return found == m_all.end() ? nullptr : *found;
    }
    const std::vector<const Info *> &all() const { return m_all; }

private:
    std::vector<const Info *> m_byNumber; // about a thousand pointers
    std::vector<const Info *> m_all;
};

const Directory<EventInfo, EventKind> &events()
{
    static const Directory<EventInfo, EventKind> directory(
        {eventTable(), log::eventTable(), exchange::eventTable(), visibility::eventTable()},
        &EventInfo::kind);
    return directory;
}

const Directory<ReasonInfo, EventReason> &reasons()
{
    static const Directory<ReasonInfo, EventReason> directory(
        {reasonTable(), log::reasonTable(), exchange::reasonTable(), visibility::reasonTable()},
        &ReasonInfo::reason);
    return directory;
}

/// "count:record|records": the number with the word for one or for several.
std::string countedText(std::int64_t number, std::string_view words)
{
    const std::size_t bar = words.find('|');
    const std::string_view one = words.substr(0, bar);
    const std::string_view several = bar == std::string_view::npos ? one : words.substr(bar + 1);
    return fmt::format("{} {}", number, number == 1 ? one : several);
}

std::string fieldText(std::string_view field, const TraceEvent &event, const NameTable &names)
{
    if (field == "subject")
        return std::string(names.name(event.subject));
    if (field == "actor")
        return std::string(names.name(event.actor));
    if (field == "detail")
        return std::string(names.name(event.detail));
    if (field == "item")
        return std::to_string(event.item);
    if (field == "count")
        return std::to_string(event.count);
    if (field == "last")
        return std::to_string(event.item + event.count - 1);
    if (field == "value")
        return std::to_string(event.value);
    if (field == "value:duration")
        return formatDuration(Duration(event.value));
    if (field == "reason")
        return std::string(reasonText(event.reason));
    if (field.starts_with("count:"))
        return countedText(event.count, field.substr(field.find(':') + 1));
    if (field.starts_with("value:"))
        return countedText(event.value, field.substr(field.find(':') + 1));
    return fmt::format("{{{}}}", field);
}

} // namespace

std::span<const EventInfo> eventTable()
{
    return kEvents;
}

std::span<const ReasonInfo> reasonTable()
{
    return kReasons;
}

const EventInfo &eventInfo(EventKind kind)
{
    const EventInfo *info = events().find(kind);
    return info ? *info : kUnknownEvent;
}

std::string_view reasonText(EventReason reason)
{
    const ReasonInfo *info = reasons().find(reason);
    return info ? info->text : std::string_view();
}

std::string_view reasonName(EventReason reason)
{
    const ReasonInfo *info = reasons().find(reason);
    return info ? info->name : std::string_view();
}

std::optional<EventKind> eventByName(std::string_view name)
{
    const EventInfo *info = events().find(name);
    return info ? std::optional(info->kind) : std::nullopt;
}

std::optional<EventReason> reasonByName(std::string_view name)
{
    const ReasonInfo *info = reasons().find(name);
    return info ? std::optional(info->reason) : std::nullopt;
}

std::vector<std::string> eventNames()
{
    std::vector<std::string> names;
    for (const EventInfo *info : events().all())
        names.emplace_back(info->name);
    return names;
}

std::string fillEventText(std::string_view text, const TraceEvent &event, const NameTable &names)
{
    std::string filled;
    filled.reserve(text.size() + 32);
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos)
            break;
        filled += text.substr(0, open);
        filled += fieldText(text.substr(open + 1, close - open - 1), event, names);
        text.remove_prefix(close + 1);
    }
    filled += text;
    return filled;
}

std::string describeEvent(const TraceEvent &event, const NameTable &names)
{
    return fillEventText(eventInfo(event.kind).text, event, names);
}

} // namespace queuelab::world
