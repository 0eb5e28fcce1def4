#pragma once

#include "engine/core/bytes.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// The "flexible" encoding of Kafka's messages and records (KIP-482), as far as the metadata log
/// needs it: lengths are unsigned varints of length + 1, so that 0 says null; a struct ends with
/// its tagged fields. [1, 2] as a compact array of int32: 03 00000001 00000002.
class FlexibleWriter {
public:
    explicit FlexibleWriter(Bytes &out)
        : m_out(out)
    {
    }

    template <class T> void integer(T value) { ByteWriter(m_out).integer(value); }
    void boolean(bool value) { m_out.push_back(value ? 1 : 0); }
    void bytes(ByteView bytes) { ByteWriter(m_out).bytes(bytes); }
    void unsignedVarint(std::uint64_t value);
    void arrayLength(std::size_t count) { unsignedVarint(count + 1); }
    void null() { unsignedVarint(0); }
    void string(std::string_view text);
    void integers(const std::vector<std::int32_t> &values);
    /// Field `tag` holds what `write(FlexibleWriter &)` writes. Tags ascend.
    template <class Write> void tagged(std::uint32_t tag, Write &&write)
    {
        constexpr std::size_t kUsualBytes = 32; // a few tags fit
        if (m_tagged.empty())
            m_tagged.reserve(kUsualBytes);
        FlexibleWriter field(m_tagged);
        field.unsignedVarint(tag);
        const std::size_t before = m_tagged.size();
        write(field);
        insertLength(before);
        ++m_taggedCount;
    }
    /// The struct is complete: its tagged fields go out.
    void endStruct();

private:
    /// Puts before the content of a tagged field, which begins at `at`, how long it is.
    void insertLength(std::size_t at);

    Bytes &m_out;
    Bytes m_tagged;
    std::uint32_t m_taggedCount = 0;
};

/// Reads it. Like ByteReader it fails for good: check ok() at the end.
class FlexibleReader {
public:
    explicit FlexibleReader(ByteView bytes)
        : m_bytes(bytes)
    {
    }

    bool ok() const { return m_ok && m_bytes.ok(); }
    std::size_t remaining() const { return m_bytes.remaining(); }

    template <class T> T integer() { return m_bytes.integer<T>(); }
    bool boolean() { return m_bytes.integer<std::uint8_t>() != 0; }
    ByteView bytes(std::size_t size) { return m_bytes.bytes(size); }
    std::uint32_t unsignedVarint();
    /// Nothing for null.
    std::optional<std::uint32_t> arrayLength();
    std::optional<std::string> nullableString();
    std::string string();
    std::vector<std::int32_t> integers();
    /// Calls `field(tag, FlexibleReader &)` for each tagged field; it returns whether it knows the
    /// tag, and has to read the field to its end. An unknown one makes it fail: what it says must
    /// not be left out.
    template <class Field> void endStruct(Field &&field)
    {
        for (std::uint32_t left = unsignedVarint(); left > 0 && ok(); --left) {
            const std::uint32_t tag = unsignedVarint();
            FlexibleReader content(bytes(unsignedVarint()));
            if (!field(tag, content) || !content.ok() || content.remaining() != 0)
                m_ok = false;
        }
    }
    void endStruct()
    {
        endStruct([](std::uint32_t, FlexibleReader &) { return false; });
    }

private:
    ByteReader m_bytes;
    bool m_ok = true;
};

} // namespace queuelab::log
