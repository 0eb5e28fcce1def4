#include "engine/world/workload.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace queuelab::world {

namespace {

/// Digits of the creation time: ten, so that the first seconds of a world line up; more when it
/// needs more.
constexpr std::size_t kCreatedDigits = 10;
constexpr std::string_view kKeyPrefix = "key-";

/// At most as many digits as fit 64 bits whatever they are; by hand, because this runs for every
/// message.
bool readNumber(std::string_view text, std::uint64_t &out)
{
    constexpr std::size_t kMaxDigits = 19;
    if (text.empty() || text.size() > kMaxDigits)
        return false;
    std::uint64_t value = 0;
    for (const char c : text) {
        const auto digit = static_cast<std::uint8_t>(c - '0');
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    out = value;
    return true;
}

/// Writes the digits of `value` so that they end before `end`, at least `width` of them; returns
/// where they begin.
char *writeDigitsBefore(char *end, std::uint64_t value, std::size_t width)
{
    char *at = end;
    while (value != 0 || static_cast<std::size_t>(end - at) < width) {
        *--at = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return at;
}

} // namespace

void writeBody(const Stamp &stamp, std::uint64_t size, std::string &out)
{
    // "#17@0001234567", from its end; the two numbers have at most 20 digits each.
    char numbers[48];
    char *const end = numbers + sizeof numbers;
    char *at =
        writeDigitsBefore(end, static_cast<std::uint64_t>(stamp.created.count()), kCreatedDigits);
    *--at = '@';
    at = writeDigitsBefore(at, stamp.sequence, 1);
    *--at = '#';
    const auto numbersSize = static_cast<std::size_t>(end - at);
    const std::size_t stampSize = stamp.producer.size() + numbersSize;
    out.resize(std::max<std::size_t>(size, stampSize));
    std::memcpy(out.data(), stamp.producer.data(), stamp.producer.size());
    std::memcpy(out.data() + stamp.producer.size(), at, numbersSize);
    if (out.size() > stampSize) {
        out[stampSize] = ' ';
        std::memset(out.data() + stampSize + 1, '.', out.size() - stampSize - 1);
    }
}

std::optional<Stamp> readBody(ByteView body)
{
    std::string_view text = asText(body);
    text = text.substr(0, text.find(' '));
    const std::size_t at = text.rfind('@');
    if (at == std::string_view::npos || text.size() - at - 1 < kCreatedDigits)
        return std::nullopt;
    const std::size_t hash = text.rfind('#', at);
    if (hash == std::string_view::npos || hash == 0)
        return std::nullopt;
    Stamp stamp;
    std::uint64_t created = 0;
    if (!readNumber(text.substr(hash + 1, at - hash - 1), stamp.sequence)
        || !readNumber(text.substr(at + 1), created))
        return std::nullopt;
    stamp.producer = text.substr(0, hash);
    stamp.created = Duration(static_cast<std::int64_t>(created));
    return stamp;
}

std::uint64_t hashOfKey(ByteView key)
{
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const std::uint8_t byte : key)
        hash = (hash ^ byte) * 0x100000001b3ULL;
    return hash == 0 ? 1 : hash;
}

ArrivalProcess::ArrivalProcess(Rate rate, Arrival arrival, std::uint64_t total, Instant start)
    : m_rate(rate)
    , m_arrival(arrival)
    , m_total(total)
    , m_origin(start)
{
    schedule(m_origin, nullptr);
}

void ArrivalProcess::schedule(Instant previous, Random *random)
{
    if (!(m_rate.perSecond > 0) || (m_total != 0 && m_made >= m_total)) {
        m_next.reset();
        return;
    }
    const double interval = 1e9 / m_rate.perSecond; // nanoseconds
    if (m_arrival == Arrival::Poisson && random != nullptr) {
        m_next = previous + random->exponential(Duration(static_cast<std::int64_t>(interval)));
        return;
    }
    // Counted from the origin, so that rounding does not add up: message n is due n intervals after
    // it.
    const double sinceOrigin = static_cast<double>(m_made - m_madeAtOrigin + 1) * interval;
    m_next = m_origin + Duration(static_cast<std::int64_t>(sinceOrigin));
}

void ArrivalProcess::advance(Random &random)
{
    if (!m_next)
        return;
    ++m_made;
    schedule(*m_next, &random);
}

void ArrivalProcess::setRate(Rate rate, Instant now)
{
    m_rate = rate;
    m_origin = now;
    m_madeAtOrigin = m_made;
    schedule(now, nullptr);
}

Duration draw(const Span &span, Random &random)
{
    if (span.high <= span.low)
        return span.low;
    return Duration(random.between(span.low.count(), span.high.count()));
}

std::uint64_t draw(const Size &size, Random &random)
{
    if (size.high <= size.low)
        return size.low;
    return size.low + random.below(size.high - size.low + 1);
}

KeyPicker::KeyPicker(Keys keys)
    : m_keys(keys)
    , m_zipf(std::max<std::uint64_t>(1, keys.count), keys.skew)
    , m_text(kKeyPrefix)
{
}

std::string_view KeyPicker::pick(Random &random)
{
    if (m_keys.count == 0)
        return {};
    char digits[20];
    const char *end = std::to_chars(digits, digits + sizeof digits, m_zipf.draw(random)).ptr;
    m_text.resize(kKeyPrefix.size());
    m_text.append(digits, static_cast<std::size_t>(end - digits));
    return m_text;
}

} // namespace queuelab::world
