#include "engine/world/trace_jsonl.h"

#include "engine/world/world.h"

#include <charconv>
#include <ostream>

namespace queuelab::world {

namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

void appendNumber(std::string_view prefix, std::int64_t value, std::string &out)
{
    char digits[24];
    out += prefix;
    out.append(digits,
        static_cast<std::size_t>(
            std::to_chars(digits, digits + sizeof digits, value).ptr - digits));
}

void appendText(std::string_view prefix, std::string_view text, std::string &out)
{
    constexpr char kHex[] = "0123456789abcdef";
    out += prefix;
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    out += '"';
}

} // namespace

void appendJson(const TraceEvent &event, Instant start, const NameTable &names, std::string &out)
{
    appendNumber("{\"t\":", (event.at - start).count(), out);
    appendText(",\"event\":", eventInfo(event.kind).name, out);
    if (event.subject != kNoName)
        appendText(",\"subject\":", names.name(event.subject), out);
    if (event.actor != kNoName)
        appendText(",\"actor\":", names.name(event.actor), out);
    if (event.detail != kNoName)
        appendText(",\"detail\":", names.name(event.detail), out);
    if (event.item >= 0)
        appendNumber(",\"item\":", event.item, out);
    if (event.count != 1)
        appendNumber(",\"count\":", event.count, out);
    if (event.value != 0)
        appendNumber(",\"value\":", event.value, out);
    if (event.reason != 0)
        appendText(",\"reason\":", reasonName(event.reason), out);
    out += '}';
}

JsonlSink::JsonlSink(std::ostream &out, Instant start)
    : m_out(out)
    , m_start(start)
{
    m_buffer.reserve(kBufferBytes + 1024);
}

JsonlSink::~JsonlSink()
{
    flush();
}

void JsonlSink::event(std::uint64_t, const TraceEvent &event, const NameTable &names)
{
    appendJson(event, m_start, names, m_buffer);
    m_buffer += '\n';
    if (m_buffer.size() >= kBufferBytes)
        flush();
}

void JsonlSink::flush()
{
    m_out.write(m_buffer.data(), static_cast<std::streamsize>(m_buffer.size()));
    m_buffer.clear();
}

} // namespace queuelab::world
