#pragma once

#include "engine/core/time.h"

#include <QString>

#include <cstdint>
#include <string>

namespace queuelab::ui {

/// Figures as the stages write them: short, and the same on every machine.

inline QString text(const std::string &utf8)
{
    return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
}

/// "604,800"
QString grouped(std::int64_t number);
inline QString grouped(std::uint64_t number)
{
    return grouped(static_cast<std::int64_t>(number));
}
/// "1 member", "7 members": `one` as it is, `many` with %1 for the number.
QString counted(std::uint64_t number, const QString &one, const QString &many);
/// "12k", "3.4M" from 10,000 on; where there is no room for more.
QString shortened(std::int64_t number);
/// "12 ms", "0.4 s", "17 s", "3 min", "4 h", "7 d". Negative spans count as none.
QString spanText(Duration span);
/// "120/s", "0.5/s", "8.2k/s"
QString rateText(double perSecond);
/// "1:02.345": nanoseconds since the world's start.
inline QString clockText(std::int64_t at)
{
    return text(formatClock(Duration(at)));
}
/// At most `length` characters, with an ellipsis where it was cut.
QString cut(const QString &text, int length);

} // namespace queuelab::ui
