#include "engine/world/driver.h"

#include <algorithm>

namespace queuelab::world {

void Driver::play(Duration wallNow, Duration position, double speed)
{
    m_playing = true;
    m_speed = speed;
    m_wallStart = wallNow;
    m_positionStart = position;
}

bool Driver::advance(Timeline &timeline, Duration wallNow, Duration until, std::uint64_t budget)
{
    if (!m_playing)
        return false;
    Duration target = until;
    if (m_speed != kFlatOut) {
        const double played = static_cast<double>((wallNow - m_wallStart).count()) * m_speed;
        // Far ahead of any session's end a double would no longer fit a Duration.
        const auto left = static_cast<double>((until - m_positionStart).count());
        if (played < left)
            target = m_positionStart + Duration(static_cast<std::int64_t>(played));
    }
    if (target <= timeline.position())
        return false;
    const bool reached = timeline.seek(target, budget);
    return !reached || (m_speed == kFlatOut && target < until);
}

} // namespace queuelab::world
