#pragma once

#include "engine/core/time.h"
#include "engine/world/timeline.h"

namespace queuelab::world {

/// Moves a timeline along with a wall clock that is handed in: paused, at a speed (1 is real time),
/// or as fast as it goes.
class Driver {
public:
    static constexpr double kFlatOut = 0; ///< the speed that means "as fast as it goes"

    void play(Duration wallNow, Duration position, double speed);
    void pause() { m_playing = false; }
    bool playing() const { return m_playing; }
    double speed() const { return m_speed; }

    /// Runs `timeline` to where the wall clock says it should be, never beyond `until`, for at most
    /// `budget` agenda items. Returns true while there is more to do at once (it fell behind, or
    /// runs flat out).
    bool advance(Timeline &timeline, Duration wallNow, Duration until, std::uint64_t budget);

private:
    bool m_playing = false;
    double m_speed = 1;
    Duration m_wallStart{};
    Duration m_positionStart{};
};

} // namespace queuelab::world
