#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab {

using ByteView = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

inline ByteView asBytes(std::string_view text)
{
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}
inline std::string_view asText(ByteView bytes)
{
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// Immutable bytes with shared ownership: a slice of a segment chunk, a produced batch. Copying
/// shares. Safe to read from several threads.
class SharedBytes {
public:
    SharedBytes() = default;
    explicit SharedBytes(Bytes bytes)
        : m_owner(std::make_shared<const Bytes>(std::move(bytes)))
    {
        m_view = *static_cast<const Bytes *>(m_owner.get());
    }
    /// `view` lies in memory that `owner` keeps alive.
    SharedBytes(std::shared_ptr<const void> owner, ByteView view)
        : m_owner(std::move(owner))
        , m_view(view)
    {
    }
    static SharedBytes fromText(std::string_view text)
    {
        return SharedBytes(Bytes(text.begin(), text.end()));
    }

    ByteView view() const { return m_view; }
    std::string_view text() const { return asText(m_view); }
    std::size_t size() const { return m_view.size(); }
    bool empty() const { return m_view.empty(); }
    SharedBytes slice(std::size_t from, std::size_t size) const
    {
        return {m_owner, m_view.subspan(from, size)};
    }
    friend bool operator==(const SharedBytes &a, const SharedBytes &b)
    {
        return a.text() == b.text();
    }

private:
    std::shared_ptr<const void> m_owner;
    ByteView m_view;
};

/// Big-endian, as Kafka and AMQP write everything.
template <class T> inline void storeBigEndian(std::uint8_t *at, T value)
{
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1)
        value = static_cast<T>(std::byteswap(static_cast<std::make_unsigned_t<T>>(value)));
    std::memcpy(at, &value, sizeof(T));
}
template <class T> inline T loadBigEndian(const std::uint8_t *at)
{
    T value;
    std::memcpy(&value, at, sizeof(T));
    if constexpr (std::endian::native == std::endian::little && sizeof(T) > 1)
        value = static_cast<T>(std::byteswap(static_cast<std::make_unsigned_t<T>>(value)));
    return value;
}

/// Longest zig-zag varints: 5 bytes for 32 bits, 10 for 64.
inline constexpr std::size_t kMaxVarintBytes = 10;

/// Writes `value` as a zig-zag LEB128 varint (Kafka's record encoding: 0→00, -1→01, 64→8001,
/// 300→d804) and returns the number of bytes. `at` has room for kMaxVarintBytes.
inline std::size_t storeVarint(std::uint8_t *at, std::int64_t value)
{
    auto rest = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    std::size_t count = 0;
    while (rest >= 0x80) {
        at[count++] = static_cast<std::uint8_t>(rest | 0x80);
        rest >>= 7;
    }
    at[count++] = static_cast<std::uint8_t>(rest);
    return count;
}
constexpr std::size_t varintSize(std::int64_t value)
{
    const auto zigzag =
        (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
    return static_cast<std::size_t>((std::bit_width(zigzag | 1U) + 6) / 7);
}

/// Reads a buffer front to back. A read past the end, or a malformed varint, makes it fail for
/// good: ok() turns false and every later read gives 0 or empty, so a decoder checks once, at the
/// end.
class ByteReader {
public:
    explicit ByteReader(ByteView bytes)
        : m_bytes(bytes)
    {
    }

    bool ok() const { return m_ok; }
    std::size_t position() const { return m_position; }
    std::size_t remaining() const { return m_bytes.size() - m_position; }

    template <class T> T integer()
    {
        if (!take(sizeof(T)))
            return 0;
        return loadBigEndian<T>(m_bytes.data() + m_position - sizeof(T));
    }
    /// A zig-zag varint of at most `bits` (32 or 64) bits.
    std::int64_t varint(int bits = 64)
    {
        std::uint64_t raw = 0;
        for (int shift = 0; shift < 64 && m_position < m_bytes.size(); shift += 7) {
            const std::uint8_t byte = m_bytes[m_position++];
            raw |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) {
                if (bits == 32 && (shift > 28 || raw > 0xffffffffULL))
                    break;
                return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
            }
        }
        m_ok = false;
        m_position = m_bytes.size();
        return 0;
    }
    ByteView bytes(std::size_t size)
    {
        if (!take(size))
            return {};
        return m_bytes.subspan(m_position - size, size);
    }

private:
    bool take(std::size_t size)
    {
        if (!m_ok || size > remaining()) {
            m_ok = false;
            m_position = m_bytes.size();
            return false;
        }
        m_position += size;
        return true;
    }

    ByteView m_bytes;
    std::size_t m_position = 0;
    bool m_ok = true;
};

/// Appends to a buffer the caller owns.
class ByteWriter {
public:
    explicit ByteWriter(Bytes &out)
        : m_out(out)
    {
    }

    template <class T> void integer(T value)
    {
        const std::size_t at = m_out.size();
        m_out.resize(at + sizeof(T));
        storeBigEndian(m_out.data() + at, value);
    }
    void varint(std::int64_t value)
    {
        std::uint8_t buffer[kMaxVarintBytes];
        const std::size_t size = storeVarint(buffer, value);
        m_out.insert(m_out.end(), buffer, buffer + size);
    }
    void bytes(ByteView bytes) { m_out.insert(m_out.end(), bytes.begin(), bytes.end()); }

private:
    Bytes &m_out;
};

/// Lower-case hex, and back; nothing when `hex` is not an even number of hex digits. Spaces are
/// skipped.
std::string toHex(ByteView bytes);
std::optional<Bytes> fromHex(std::string_view hex);

} // namespace queuelab
