#include "ui/stages/words.h"

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

QString grouped(std::int64_t number)
{
    QString digits = QString::number(static_cast<qlonglong>(number));
    const qsizetype first = number < 0 ? 1 : 0;
    for (qsizetype at = digits.size() - 3; at > first; at -= 3)
        digits.insert(at, u',');
    return digits;
}

QString counted(std::uint64_t number, const QString &one, const QString &many)
{
    return number == 1 ? one : many.arg(grouped(number));
}

QString shortened(std::int64_t number)
{
    const auto scaled = [](double value, QChar unit) {
        return QString::number(value, 'f', value < 10 ? 1 : 0) + unit;
    };
    if (number < 10'000)
        return grouped(number);
    if (number < 1'000'000)
        return scaled(static_cast<double>(number) / 1e3, u'k');
    if (number < 1'000'000'000)
        return scaled(static_cast<double>(number) / 1e6, u'M');
    return scaled(static_cast<double>(number) / 1e9, u'G');
}

QString spanText(Duration span)
{
    const double seconds = std::max(0.0, std::chrono::duration<double>(span).count());
    if (seconds == 0)
        return u"0 s"_s;
    if (seconds < 0.001)
        return u"< 1 ms"_s;
    if (seconds < 0.1)
        return u"%1 ms"_s.arg(std::lround(seconds * 1000));
    if (seconds < 10 && std::abs(seconds - std::round(seconds)) > 0.05)
        return u"%1 s"_s.arg(seconds, 0, 'f', 1);
    if (seconds < 120)
        return u"%1 s"_s.arg(std::lround(seconds));
    if (seconds < 7200)
        return u"%1 min"_s.arg(std::lround(seconds / 60));
    if (seconds < 172'800)
        return u"%1 h"_s.arg(std::lround(seconds / 3600));
    return u"%1 d"_s.arg(std::lround(seconds / 86'400));
}

QString rateText(double perSecond)
{
    if (perSecond >= 1'000'000)
        return u"%1M/s"_s.arg(perSecond / 1e6, 0, 'f', 1);
    if (perSecond >= 10'000)
        return u"%1k/s"_s.arg(perSecond / 1e3, 0, 'f', perSecond < 100'000 ? 1 : 0);
    if (perSecond >= 10 || perSecond == std::floor(perSecond))
        return grouped(static_cast<std::int64_t>(std::llround(perSecond))) + u"/s"_s;
    return u"%1/s"_s.arg(perSecond, 0, 'f', 1);
}

QString cut(const QString &text, int length)
{
    return text.size() <= length ? text : text.left(length - 1) + u'…';
}

} // namespace queuelab::ui
