#include "lessons/trace_file.h"

#include "engine/world/world.h"

#include <fmt/format.h>

#include <cerrno>
#include <iterator>
#include <system_error>

namespace queuelab::lessons {

namespace {

constexpr std::size_t kBufferBytes = 1 << 16;

Error errorOf(const std::string &path)
{
    return {path, fmt::format("cannot be written: {}", std::generic_category().message(errno)),
        "choose a place you may write to, with room on it"};
}

void appendText(std::string &out, std::string_view key, std::string_view text)
{
    fmt::format_to(std::back_inserter(out), ",\"{}\":\"", key);
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += {'\\', c};
        else if (static_cast<unsigned char>(c) < 0x20)
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    out += '"';
}

} // namespace

Result<std::unique_ptr<TraceFile>, Error> TraceFile::create(
    const std::string &path, Instant worldStart)
{
    std::FILE *file = std::fopen(path.c_str(), "wb");
    if (file == nullptr)
        return std::unexpected(errorOf(path));
    return std::unique_ptr<TraceFile>(new TraceFile(path, file, worldStart));
}

TraceFile::TraceFile(std::string path, std::FILE *file, Instant worldStart)
    : m_path(std::move(path))
    , m_file(file)
    , m_worldStart(worldStart)
{
}

TraceFile::~TraceFile()
{
    if (m_file != nullptr)
        std::fclose(m_file);
}

void TraceFile::event(std::uint64_t sequence, const TraceEvent &event, const NameTable &names)
{
    fmt::format_to(std::back_inserter(m_buffer), "{{\"seq\":{},\"at\":{},\"event\":\"{}\"",
        sequence, (event.at - m_worldStart).count(), world::eventInfo(event.kind).name);
    if (event.subject != kNoName)
        appendText(m_buffer, "subject", names.name(event.subject));
    if (event.actor != kNoName)
        appendText(m_buffer, "actor", names.name(event.actor));
    if (event.detail != kNoName)
        appendText(m_buffer, "detail", names.name(event.detail));
    if (event.reason != 0)
        appendText(m_buffer, "reason", world::reasonName(event.reason));
    if (event.item != -1)
        fmt::format_to(std::back_inserter(m_buffer), ",\"item\":{}", event.item);
    if (event.count != 1)
        fmt::format_to(std::back_inserter(m_buffer), ",\"count\":{}", event.count);
    if (event.value != 0)
        fmt::format_to(std::back_inserter(m_buffer), ",\"value\":{}", event.value);
    m_buffer += "}\n";
    if (m_buffer.size() >= kBufferBytes)
        flush();
}

void TraceFile::flush()
{
    if (std::fwrite(m_buffer.data(), 1, m_buffer.size(), m_file) != m_buffer.size() && !m_error)
        m_error = errorOf(m_path);
    m_buffer.clear();
}

Result<void, Error> TraceFile::close()
{
    flush();
    if (std::fclose(std::exchange(m_file, nullptr)) != 0 && !m_error)
        m_error = errorOf(m_path);
    if (m_error)
        return std::unexpected(*m_error);
    return {};
}

} // namespace queuelab::lessons
