#pragma once

#include "engine/core/result.h"
#include "engine/core/trace.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace queuelab::lessons {

/// Writes a trace to a file while it is recorded, one JSON object a line:
///   {"seq":4,"at":1500000,"event":"batch-appended","subject":"orders-0","actor":"checkout","item":0,"count":3,"value":389}
/// `at` is nanoseconds since the world's start. Names and a reason that an event has not are left
/// out, as are an `item` of -1, a `count` of 1 and a `value` of 0. The same run gives the same
/// bytes.
class TraceFile final : public TraceSink {
public:
    static Result<std::unique_ptr<TraceFile>, Error> create(
        const std::string &path, Instant worldStart);
    ~TraceFile() override;

    void event(std::uint64_t sequence, const TraceEvent &event, const NameTable &names) override;
    /// Writes out what is buffered and closes. An Error when anything could not be written.
    Result<void, Error> close();

private:
    TraceFile(std::string path, std::FILE *file, Instant worldStart);
    void flush();

    std::string m_path;
    std::FILE *m_file;
    Instant m_worldStart;
    std::string m_buffer;
    std::optional<Error> m_error; // the first that happened
};

} // namespace queuelab::lessons
