#include "ui/session/event_rows.h"

#include "engine/world/world.h"

#include <QCoreApplication>

#include <algorithm>

namespace queuelab::ui {

namespace {

QString toText(std::string_view text)
{
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

/// How far back the events are looked through for those whose actor a thing was: they are not
/// chained by actor.
constexpr std::uint64_t kActorWindow = 50'000;

} // namespace

EventRow makeEventRow(const Trace &trace, std::uint64_t sequence, Instant start)
{
    const TraceEvent &event = trace.at(sequence);
    const EventInfo &info = world::eventInfo(event.kind);
    const NameTable &names = trace.names();
    // The tables' views end in string literals, so their data is terminated by a zero as
    // translate() wants it.
    const QString title = QCoreApplication::translate("events", info.title.data());
    const QByteArray sentence = QCoreApplication::translate("events", info.text.data()).toUtf8();
    const std::string text = world::fillEventText(
        std::string_view(sentence.constData(), static_cast<std::size_t>(sentence.size())), event,
        names);
    return {.sequence = sequence,
        .atNs = (event.at - start).count(),
        .kind = event.kind,
        .tone = info.tone,
        .weight = info.weight,
        .item = event.item,
        .count = event.count,
        .value = event.value,
        .title = title,
        .subject = toText(names.name(event.subject)),
        .actor = toText(names.name(event.actor)),
        .detail = toText(names.name(event.detail)),
        .text = toText(text)};
}

std::vector<EventRow> makeEventRows(
    const Trace &trace, std::uint64_t from, std::size_t limit, Instant start)
{
    std::vector<EventRow> rows;
    std::uint64_t sequence = std::max(from, trace.first());
    if (trace.end() - std::min(sequence, trace.end()) > limit)
        sequence = trace.end() - limit;
    for (; sequence < trace.end(); ++sequence)
        rows.push_back(makeEventRow(trace, sequence, start));
    return rows;
}

std::vector<EventRow> lifeStory(const Trace &trace, const std::string &subject, std::int64_t item,
    std::size_t limit, Instant start)
{
    const NameId name = trace.names().find(subject);
    if (name == kNoName)
        return {};
    std::vector<std::uint64_t> sequences = trace.eventsOf(name, item, limit);
    if (item < 0) {
        const std::uint64_t end = trace.end();
        const std::uint64_t oldest =
            std::max(trace.first(), end > kActorWindow ? end - kActorWindow : 0);
        for (std::uint64_t sequence = oldest; sequence < end; ++sequence) {
            const TraceEvent &event = trace.at(sequence);
            if (event.actor == name && event.subject != name)
                sequences.push_back(sequence);
        }
        std::ranges::sort(sequences);
        if (sequences.size() > limit)
            sequences.erase(
                sequences.begin(), sequences.end() - static_cast<std::ptrdiff_t>(limit));
    }
    std::vector<EventRow> rows;
    rows.reserve(sequences.size());
    for (const std::uint64_t sequence : sequences)
        rows.push_back(makeEventRow(trace, sequence, start));
    return rows;
}

} // namespace queuelab::ui
