#pragma once

#include "engine/world/snapshot.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::world {

/// Quantities over time for the charts: one sample each step, all series on one grid from the
/// world's start. When a series would grow beyond kMaxPoints, every second sample goes and the step
/// doubles, so the whole run stays in view and memory is bounded. Starts at one sample a second. A
/// value.
class SeriesRecorder {
public:
    static constexpr std::size_t kMaxPoints = 240;
    enum class Kind : std::uint8_t {
        Counter, ///< shown as its growth a second
        Level, ///< shown as it is
    };

    explicit SeriesRecorder(Instant start)
        : m_start(start)
    {
    }

    /// When the next sample is to be taken: once the world has done everything up to and including
    /// it.
    Instant nextSample() const { return m_start + (m_samples + 1) * m_step; }
    /// Takes one sample: add() for every quantity, then finish().
    void add(
        Engine engine, const std::string &name, const std::string &unit, Kind kind, double value);
    void finish();

    std::vector<SeriesSnapshot> snapshot() const; ///< by engine, then name

private:
    struct Series {
        std::string unit;
        Kind kind = Kind::Level;
        std::int64_t first = 0; ///< number of the sample before values.front(), which is taken as 0
        std::vector<double> values; ///< of samples first + 1, first + 2, ...
    };
    void halve();

    Instant m_start;
    Duration m_step = std::chrono::seconds{1};
    std::int64_t m_samples = 0; ///< taken so far, on the present grid
    std::map<std::pair<Engine, std::string>, Series> m_series;
};

} // namespace queuelab::world
