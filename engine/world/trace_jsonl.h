#pragma once

#include "engine/core/trace.h"

#include <iosfwd>
#include <string>

namespace queuelab::world {

/// Writes every event as one line of JSON:
///   {"t":9204000000,"event":"partition-assigned","subject":"orders-3","actor":"billing-1","detail":"billing","value":2}
/// t is in nanoseconds since the world's start. Fields at their default (no name, item -1, count 1,
/// value 0, no reason) are left out. The same run writes the same bytes. Buffered: flush() or the
/// destructor write what is left; whether the stream took it all is the stream's state.
class JsonlSink final : public TraceSink {
public:
    explicit JsonlSink(std::ostream &out, Instant start = kVirtualStart);
    ~JsonlSink() override;
    JsonlSink(const JsonlSink &) = delete;
    JsonlSink &operator=(const JsonlSink &) = delete;

    void event(std::uint64_t sequence, const TraceEvent &event, const NameTable &names) override;
    void flush();

private:
    std::ostream &m_out;
    Instant m_start;
    std::string m_buffer;
};

/// One event as such a line, without the line's end.
void appendJson(const TraceEvent &event, Instant start, const NameTable &names, std::string &out);

} // namespace queuelab::world
