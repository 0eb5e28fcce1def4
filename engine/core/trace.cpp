#include "engine/core/trace.h"

#include <algorithm>

namespace queuelab {

namespace {

constexpr std::uint64_t kChunkEvents = 4096;
constexpr std::uint64_t kMaxChunks =
    Trace::kCapacity / kChunkEvents + 2; // the oldest and the newest are partly used

} // namespace

NameTable::NameTable()
{
    intern("");
}

NameId NameTable::intern(std::string_view name)
{
    if (const auto known = m_ids.find(name); known != m_ids.end())
        return NameId(known->second);
    const auto id = static_cast<std::uint32_t>(m_names.size());
    m_names.push_back(std::make_shared<const std::string>(name));
    m_ids.emplace(*m_names.back(), id);
    return NameId(id);
}

NameId NameTable::find(std::string_view name) const
{
    const auto known = m_ids.find(name);
    return known == m_ids.end() ? kNoName : NameId(known->second);
}

std::string_view NameTable::name(NameId id) const
{
    return *m_names[id.value()];
}

struct Trace::Chunk {
    std::array<TraceEvent, kChunkEvents> events;
};

Trace::Trace() = default;
Trace::~Trace() = default;
Trace::Trace(Trace &&) noexcept = default;
Trace &Trace::operator=(Trace &&) noexcept = default;

Trace::Trace(const Trace &other)
    : m_names(other.m_names)
    , m_chunks(other.m_chunks)
    , m_firstChunk(other.m_firstChunk)
    , m_end(other.m_end)
    , m_tailShared(true)
    , m_lastOf(other.m_lastOf)
    , m_counts(other.m_counts)
{
    other.m_tailShared = true;
}

Trace &Trace::operator=(const Trace &other)
{
    if (this != &other) {
        Trace copy(other);
        copy.m_sink = m_sink;
        *this = std::move(copy);
    }
    return *this;
}

std::size_t Trace::CountKeyHash::operator()(const CountKey &key) const
{
    std::uint64_t mixed = (static_cast<std::uint64_t>(key.subject.value()) << 32)
        | (static_cast<std::uint64_t>(key.kind) << 16) | key.reason;
    mixed *= 0x9e3779b97f4a7c15ULL;
    return mixed ^ (mixed >> 29);
}

void Trace::record(TraceEvent event)
{
    const std::uint64_t chunk = m_end / kChunkEvents;
    if (chunk == m_firstChunk + m_chunks.size()) {
        m_chunks.push_back(std::make_shared<Chunk>());
        m_tailShared = false;
        if (m_chunks.size() > kMaxChunks) {
            m_chunks.erase(m_chunks.begin());
            ++m_firstChunk;
        }
    } else if (m_tailShared) {
        m_chunks.back() = std::make_shared<Chunk>(*m_chunks.back());
        m_tailShared = false;
    }
    if (event.subject.value() >= m_lastOf.size())
        m_lastOf.resize(std::max<std::size_t>(event.subject.value() + 1, m_lastOf.size() * 2));
    std::uint64_t &last = m_lastOf[event.subject.value()];
    event.previous = last;
    last = m_end + 1;
    m_chunks.back()->events[m_end % kChunkEvents] = event;
    ++m_counts[{event.kind, event.reason, event.subject}];
    if (m_sink != nullptr)
        m_sink->event(m_end, event, m_names);
    ++m_end;
}

std::uint64_t Trace::first() const
{
    return m_end > kCapacity ? m_end - kCapacity : 0;
}

const TraceEvent &Trace::at(std::uint64_t sequence) const
{
    return m_chunks[sequence / kChunkEvents - m_firstChunk]->events[sequence % kChunkEvents];
}

std::uint64_t Trace::lastOf(NameId subject) const
{
    return subject.value() < m_lastOf.size() ? m_lastOf[subject.value()] : 0;
}

std::vector<std::uint64_t> Trace::eventsOf(
    NameId subject, std::int64_t item, std::size_t limit) const
{
    std::vector<std::uint64_t> found;
    for (std::uint64_t link = lastOf(subject); link > first() && found.size() < limit;
        link = at(link - 1).previous) {
        const TraceEvent &event = at(link - 1);
        const bool touches = item < 0
            || (event.item >= 0 && event.item <= item
                && item < event.item + std::max<std::int64_t>(event.count, 1));
        if (touches)
            found.push_back(link - 1);
    }
    std::ranges::reverse(found);
    return found;
}

std::uint64_t Trace::count(EventKind kind, EventReason reason, NameId subject) const
{
    if (reason != 0 && subject != kNoName) {
        const auto known = m_counts.find({kind, reason, subject});
        return known == m_counts.end() ? 0 : known->second;
    }
    std::uint64_t sum = 0; // a sum does not show the order it was made in
    for (const auto &[key, value] : m_counts) {
        if (key.kind == kind && (reason == 0 || key.reason == reason)
            && (subject == kNoName || key.subject == subject))
            sum += value;
    }
    return sum;
}

} // namespace queuelab
