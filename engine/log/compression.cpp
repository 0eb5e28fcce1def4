#include "engine/log/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace queuelab::log {
namespace {

using Done = Result<void, CompressionFault>;

constexpr std::unexpected<CompressionFault> kCorrupt{CompressionFault::Corrupt};
constexpr std::unexpected<CompressionFault> kTooLarge{CompressionFault::TooLarge};

/// The end of a buffer into which a decoder writes, grown as it fills, never above its bound.
class Output {
public:
    Output(Bytes &bytes, std::size_t most)
        : m_bytes(bytes)
        , m_used(bytes.size())
        , m_most(bytes.size() + most)
    {
    }
    ~Output() { m_bytes.resize(m_used); }
    Output(const Output &) = delete;
    Output &operator=(const Output &) = delete;

    /// Room of at least one byte; false when the bound is reached.
    bool makeRoom()
    {
        constexpr std::size_t kLeast = 16 << 10;
        if (m_used < m_bytes.size())
            return true;
        m_bytes.resize(std::min(std::max(m_used * 2, m_used + kLeast), m_most));
        return m_used < m_bytes.size();
    }
    /// Room of exactly `size` bytes; false when the bound does not allow it.
    bool makeRoom(std::size_t size)
    {
        if (size > m_most - m_used)
            return false;
        m_bytes.resize(m_used + size);
        return true;
    }
    std::uint8_t *at() { return m_bytes.data() + m_used; }
    std::size_t room() const { return m_bytes.size() - m_used; }
    void written(std::size_t size) { m_used += size; }

private:
    Bytes &m_bytes;
    std::size_t m_used;
    std::size_t m_most;
};

// zlib counts 15 bits of window, and 16 more ask for gzip's header and trailer.
constexpr int kGzipWindowBits = 15 + 16;

void gzip(ByteView bytes, Bytes &out)
{
    z_stream stream = {};
    const int begun = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits,
        MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY);
    invariant(begun == Z_OK, "zlib can be used");
    const std::size_t before = out.size();
    out.resize(before + deflateBound(&stream, bytes.size()));
    stream.next_in = const_cast<Bytef *>(bytes.data()); // zlib only reads it
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = out.data() + before;
    stream.avail_out = static_cast<uInt>(out.size() - before);
    const int ended = deflate(&stream, Z_FINISH);
    invariant(ended == Z_STREAM_END, "deflateBound() is a bound");
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
}

Done gunzip(ByteView bytes, Output out)
{
    z_stream stream = {};
    if (inflateInit2(&stream, kGzipWindowBits) != Z_OK)
        return kCorrupt;
    const std::unique_ptr<z_stream, int (*)(z_stream *)> end(&stream, inflateEnd);
    stream.next_in = const_cast<Bytef *>(bytes.data()); // zlib only reads it
    stream.avail_in = static_cast<uInt>(bytes.size());
    while (true) {
        if (!out.makeRoom())
            return kTooLarge;
        stream.next_out = out.at();
        stream.avail_out = static_cast<uInt>(out.room());
        const std::size_t room = out.room();
        const int step = inflate(&stream, Z_NO_FLUSH);
        out.written(room - stream.avail_out);
        if (step == Z_STREAM_END) {
            if (stream.avail_in == 0)
                return {};
            inflateReset(&stream); // another member follows
        } else if (step != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
            return kCorrupt;
        }
    }
}

// The stream of xerial's snappy-java: a magic, its version and the oldest compatible one, then
// blocks, each behind its length.
constexpr std::array<std::uint8_t, 8> kXerialMagic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::int32_t kXerialVersion = 1;
constexpr std::size_t kXerialHeaderBytes = kXerialMagic.size() + 8;
constexpr std::size_t kXerialBlockBytes = 32 << 10;

const char *chars(ByteView bytes)
{
    return reinterpret_cast<const char *>(bytes.data());
}

void snappyStream(ByteView bytes, Bytes &out)
{
    ByteWriter writer(out);
    writer.bytes(kXerialMagic);
    writer.integer(kXerialVersion);
    writer.integer(kXerialVersion);
    while (!bytes.empty()) {
        const ByteView block = bytes.first(std::min(bytes.size(), kXerialBlockBytes));
        const std::size_t lengthAt = out.size();
        out.resize(lengthAt + sizeof(std::int32_t) + snappy::MaxCompressedLength(block.size()));
        std::size_t size = 0;
        snappy::RawCompress(chars(block), block.size(),
            reinterpret_cast<char *>(out.data() + lengthAt + sizeof(std::int32_t)), &size);
        storeBigEndian(out.data() + lengthAt, static_cast<std::int32_t>(size));
        out.resize(lengthAt + sizeof(std::int32_t) + size);
        bytes = bytes.subspan(block.size());
    }
}

Done unsnappyBlock(ByteView block, Output &out)
{
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(chars(block), block.size(), &size))
        return kCorrupt;
    if (!out.makeRoom(size))
        return kTooLarge;
    if (!snappy::RawUncompress(chars(block), block.size(), reinterpret_cast<char *>(out.at())))
        return kCorrupt;
    out.written(size);
    return {};
}

Done unsnappy(ByteView bytes, Output out)
{
    if (bytes.size() < kXerialHeaderBytes
        || !std::ranges::equal(bytes.first(kXerialMagic.size()), kXerialMagic))
        return unsnappyBlock(bytes, out);
    ByteReader reader(bytes.subspan(kXerialHeaderBytes));
    while (reader.remaining() > 0) {
        const auto size = reader.integer<std::int32_t>();
        if (size < 0)
            return kCorrupt;
        const ByteView block = reader.bytes(static_cast<std::size_t>(size));
        if (!reader.ok())
            return kCorrupt;
        if (Done done = unsnappyBlock(block, out); !done)
            return done;
    }
    return {};
}

void lz4(ByteView bytes, Bytes &out)
{
    LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent; // Java's reader takes no other
    const std::size_t before = out.size();
    out.resize(before + LZ4F_compressFrameBound(bytes.size(), &preferences));
    const std::size_t size = LZ4F_compressFrame(
        out.data() + before, out.size() - before, bytes.data(), bytes.size(), &preferences);
    invariant(!LZ4F_isError(size), "LZ4F_compressFrameBound() is a bound");
    out.resize(before + size);
}

Done unlz4(ByteView bytes, Output out)
{
    LZ4F_dctx *made = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)))
        return kCorrupt;
    const std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx *)> context(
        made, LZ4F_freeDecompressionContext);
    std::size_t hint = 1; // 0 at the end of a frame
    while (!bytes.empty() || hint != 0) {
        if (!out.makeRoom())
            return kTooLarge;
        std::size_t written = out.room();
        std::size_t taken = bytes.size();
        hint = LZ4F_decompress(context.get(), out.at(), &written, bytes.data(), &taken, nullptr);
        if (LZ4F_isError(hint) || (taken == 0 && written == 0))
            return kCorrupt;
        out.written(written);
        bytes = bytes.subspan(taken);
    }
    return {};
}

void zstd(ByteView bytes, Bytes &out)
{
    const std::size_t before = out.size();
    out.resize(before + ZSTD_compressBound(bytes.size()));
    const std::size_t size = ZSTD_compress(
        out.data() + before, out.size() - before, bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
    invariant(!ZSTD_isError(size), "ZSTD_compressBound() is a bound");
    out.resize(before + size);
}

Done unzstd(ByteView bytes, Output out)
{
    const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream *)> stream(
        ZSTD_createDStream(), ZSTD_freeDStream);
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t hint = 1; // 0 at the end of a frame
    while (in.pos < in.size || hint != 0) {
        if (!out.makeRoom())
            return kTooLarge;
        ZSTD_outBuffer step{out.at(), out.room(), 0};
        const std::size_t before = in.pos;
        hint = ZSTD_decompressStream(stream.get(), &step, &in);
        if (ZSTD_isError(hint) || (in.pos == before && step.pos == 0))
            return kCorrupt;
        out.written(step.pos);
    }
    return {};
}

} // namespace

void compress(CompressionType type, ByteView bytes, Bytes &out)
{
    switch (type) {
    case CompressionType::None:
        out.insert(out.end(), bytes.begin(), bytes.end());
        return;
    case CompressionType::Gzip:
        return gzip(bytes, out);
    case CompressionType::Snappy:
        return snappyStream(bytes, out);
    case CompressionType::Lz4:
        return lz4(bytes, out);
    case CompressionType::Zstd:
        return zstd(bytes, out);
    }
}

Result<void, CompressionFault> decompress(
    CompressionType type, ByteView bytes, Bytes &out, std::size_t mostBytes)
{
    switch (type) {
    case CompressionType::None:
        if (bytes.size() > mostBytes)
            return kTooLarge;
        out.insert(out.end(), bytes.begin(), bytes.end());
        return {};
    case CompressionType::Gzip:
        return gunzip(bytes, {out, mostBytes});
    case CompressionType::Snappy:
        return unsnappy(bytes, {out, mostBytes});
    case CompressionType::Lz4:
        return unlz4(bytes, {out, mostBytes});
    case CompressionType::Zstd:
        return unzstd(bytes, {out, mostBytes});
    }
    return kCorrupt; // codecs 5 to 7, of a header that nobody checked
}

} // namespace queuelab::log
