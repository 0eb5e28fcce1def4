#pragma once

#include "engine/core/ids.h"
#include "engine/core/time.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace queuelab {

/// A name in a trace: "orders-3", "billing", "worker-1". Numbered by first use, so the same run
/// numbers them the same. NameId(0) is "no name".
using NameId = StrongId<struct NameTag, std::uint32_t>;
inline constexpr NameId kNoName{0};

/// What happened. Each module numbers its own: core and world from 0, log from 0x100, exchange from
/// 0x200, visibility from 0x300. Their tables (EventInfo) say what the numbers mean.
using EventKind = std::uint16_t;
/// Why it happened; numbered like EventKind, 0 is "no reason given".
using EventReason = std::uint16_t;

/// One thing that happened: small, typed, and it says to which thing and why.
struct TraceEvent {
    Instant at{};
    EventKind kind = 0;
    EventReason reason = 0;
    NameId subject = kNoName; ///< the thing it happened to: partition, queue, group, exchange
    NameId actor = kNoName; ///< who did it, or to whom: client, member, broker
    NameId detail = kNoName; ///< a third name: routing key, topic, destination of a dead letter
    std::int64_t item =
        -1; ///< which message: offset in the subject, or message number of the engine; -1 none
    std::int64_t count = 1; ///< how many, from `item` on
    std::int64_t value =
        0; ///< the kind's own number: generation, delivery tag, receive count, nanoseconds
    std::uint64_t previous =
        0; ///< set by Trace: 1 + sequence of the event before this one of the same subject; 0 none

    friend bool operator==(const TraceEvent &, const TraceEvent &) = default;
};

/// How an event looks in a table and on the timeline.
enum class EventTone : std::uint8_t { Ready, InFlight, Done, Dead, System, Quiet };
/// Routine events scroll by; notable ones stop "step to the next interesting event"; milestones get
/// a mark on the timeline.
enum class EventWeight : std::uint8_t { Routine, Notable, Milestone };

/// The words for one kind. `title` is two or three words ("partition assigned"); `text` is a
/// sentence in plain words in which {subject} {actor} {detail} {item} {count} {value} {reason}
/// {last} (= item + count - 1) and {value:duration} stand for the event's fields, and
/// {count:record|records} for "1 record" or "5 records" (also with value). A sentence begins small
/// and has no full stop: it stands in tables and lists. Both are English source texts; the window
/// translates them before it fills them in.
struct EventInfo {
    EventKind kind;
    std::string_view name; ///< stable, for files and lessons: "partition-assigned"
    EventTone tone;
    EventWeight weight;
    std::string_view title;
    std::string_view text;
};
struct ReasonInfo {
    EventReason reason;
    std::string_view name; ///< stable: "channel-closed"
    std::string_view text; ///< "its channel closed"
};

/// The names of a trace. A value.
class NameTable {
public:
    NameTable();
    NameId intern(std::string_view name);
    /// Nothing was ever called that: kNoName.
    NameId find(std::string_view name) const;
    std::string_view name(NameId id) const;
    std::size_t size() const { return m_names.size(); }

private:
    // Shared strings: a checkpoint copies pointers, and views into them stay valid while any copy
    // lives.
    std::vector<std::shared_ptr<const std::string>> m_names;
    std::unordered_map<std::string_view, std::uint32_t> m_ids; // looked up only, never iterated
};

/// Where a trace also goes while it is recorded (a JSONL file). Called on the world's thread for
/// every event.
class TraceSink {
public:
    virtual ~TraceSink() = default;
    virtual void event(std::uint64_t sequence, const TraceEvent &event, const NameTable &names) = 0;
};

/// Everything that happened in a world. It is never thinned, only bounded: the newest kCapacity
/// events are kept, chained by subject; counts are kept for all. A value: a copy shares the events
/// already recorded.
class Trace {
public:
    static constexpr std::uint64_t kCapacity = 1'000'000;

    Trace();
    Trace(const Trace &other);
    Trace &operator=(const Trace &other);
    Trace(Trace &&) noexcept;
    Trace &operator=(Trace &&) noexcept;
    ~Trace();

    NameTable &names() { return m_names; }
    const NameTable &names() const { return m_names; }
    NameId name(std::string_view text) { return m_names.intern(text); }

    void record(TraceEvent event);

    /// Events are numbered from 0 in the order they happened; those in [first(), end()) are still
    /// here.
    std::uint64_t first() const;
    std::uint64_t end() const { return m_end; }
    const TraceEvent &at(std::uint64_t sequence) const;

    /// The newest event of `subject`, as 1 + sequence; 0 when there is none. Follow
    /// TraceEvent::previous from there.
    std::uint64_t lastOf(NameId subject) const;
    /// Sequences, oldest first, of the events of `subject` that touch `item` (item <= x < item +
    /// count); all events of the subject when `item` is negative. At most `limit`, the newest kept.
    std::vector<std::uint64_t> eventsOf(
        NameId subject, std::int64_t item = -1, std::size_t limit = 1000) const;

    /// How often it happened since the start of the world, evicted events included. `reason` 0 and
    /// kNoName mean any.
    std::uint64_t count(EventKind kind, EventReason reason = 0, NameId subject = kNoName) const;

    /// Not owned, not copied with the trace; nullptr for none.
    void setSink(TraceSink *sink) { m_sink = sink; }

private:
    struct Chunk;
    struct CountKey {
        EventKind kind;
        EventReason reason;
        NameId subject;
        friend auto operator<=>(const CountKey &, const CountKey &) = default;
    };
    struct CountKeyHash {
        std::size_t operator()(const CountKey &key) const;
    };

    NameTable m_names;
    std::vector<std::shared_ptr<Chunk>>
        m_chunks; // ring: chunk i holds sequences [i * size, (i + 1) * size)
    std::uint64_t m_firstChunk = 0; // number of the chunk at m_chunks.front()
    std::uint64_t m_end = 0;
    mutable bool m_tailShared =
        false; // a copy holds the last chunk too: the next record clones it first
    std::vector<std::uint64_t> m_lastOf; // by NameId
    std::unordered_map<CountKey, std::uint64_t, CountKeyHash> m_counts; // looked up and summed only
    TraceSink *m_sink = nullptr;
};

} // namespace queuelab
