#pragma once

#include "engine/core/bytes.h"
#include "engine/core/random.h"
#include "engine/core/time.h"
#include "engine/world/command.h"

#include <optional>
#include <string>
#include <string_view>

namespace queuelab::world {

/// What simulated producers of all three engines write and their consumers read back:
/// "checkout#17@0001234567 ......", the producer's name, its running number, and the time in
/// nanoseconds since the world's start, padded with dots to the size. So order, loss and latency
/// can be judged from the messages alone, on every engine alike, and a person can read them.
struct Stamp {
    std::string_view producer;
    std::uint64_t sequence = 0; ///< from 1
    Duration created{}; ///< since the world's start
};
/// Writes the stamp and the padding into `out` (reused; no allocation once grown). A `size` too
/// small for the stamp gives the stamp alone. Producer names have no space in them (commands refuse
/// such names).
void writeBody(const Stamp &stamp, std::uint64_t size, std::string &out);
/// Nothing when the body was not written by writeBody(): a hand-made or a real client's message.
std::optional<Stamp> readBody(ByteView body);

/// Of a message's key or routing key: what has the same one is to keep its order. FNV-1a; never 0,
/// which stands for "no key".
std::uint64_t hashOfKey(ByteView key);

/// When a producer makes its messages: steady or Poisson arrivals at a rate, until `total`. A
/// value. Lazy: next() gives the time of the next message, so a producer woken late catches up
/// without losing or inventing any. The first message is due one (mean) interval after the start,
/// so a rate of 10/s has made exactly 10 messages after one second.
class ArrivalProcess {
public:
    ArrivalProcess(Rate rate, Arrival arrival, std::uint64_t total, Instant start);
    /// When the next message is due; nothing when there are no more (total reached, or rate 0).
    std::optional<Instant> next() const { return m_next; }
    /// The message due at next() was made.
    void advance(Random &random);
    void setRate(Rate rate, Instant now);
    std::uint64_t made() const { return m_made; }

private:
    void schedule(Instant previous, Random *random);

    Rate m_rate;
    Arrival m_arrival;
    std::uint64_t m_total;
    std::uint64_t m_made = 0;
    Instant m_origin; // of the current rate
    std::uint64_t m_madeAtOrigin = 0;
    std::optional<Instant> m_next;
};

/// Draws from a Span or Size.
Duration draw(const Span &span, Random &random);
std::uint64_t draw(const Size &size, Random &random);

/// Draws keys: "key-0" to "key-(count-1)". A value.
class KeyPicker {
public:
    explicit KeyPicker(Keys keys);
    /// Empty without keys; valid until the next call.
    std::string_view pick(Random &random);

private:
    Keys m_keys;
    Zipf m_zipf;
    std::string m_text;
};

} // namespace queuelab::world
