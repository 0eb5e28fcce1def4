#include "engine/world/series.h"

namespace queuelab::world {

void SeriesRecorder::add(
    Engine engine, const std::string &name, const std::string &unit, Kind kind, double value)
{
    const auto [entry, isNew] = m_series.try_emplace({engine, name});
    Series &series = entry->second;
    if (isNew) {
        series.unit = unit;
        series.kind = kind;
        series.first = m_samples;
    }
    // A thing that was away for a while (a deleted queue) has nothing meanwhile.
    series.values.resize(static_cast<std::size_t>(m_samples - series.first), 0.0);
    series.values.push_back(value);
}

void SeriesRecorder::finish()
{
    ++m_samples;
    if (m_samples >= static_cast<std::int64_t>(kMaxPoints))
        halve();
}

void SeriesRecorder::halve()
{
    for (auto &[key, series] : m_series) {
        std::vector<double> kept;
        for (std::size_t i = 0; i < series.values.size(); ++i) {
            if ((series.first + 1 + static_cast<std::int64_t>(i)) % 2 == 0)
                kept.push_back(series.values[i]);
        }
        series.values = std::move(kept);
        series.first /= 2;
    }
    m_samples /= 2;
    m_step *= 2;
}

std::vector<SeriesSnapshot> SeriesRecorder::snapshot() const
{
    const double seconds = std::chrono::duration<double>(m_step).count();
    std::vector<SeriesSnapshot> all;
    all.reserve(m_series.size());
    for (const auto &[key, series] : m_series) {
        SeriesSnapshot &out = all.emplace_back();
        out.engine = key.first;
        out.name = key.second;
        out.unit = series.unit;
        out.start = m_start + (series.first + 1) * m_step;
        out.step = m_step;
        out.values.reserve(series.values.size());
        double before = 0;
        for (const double value : series.values) {
            out.values.push_back(series.kind == Kind::Counter ? (value - before) / seconds : value);
            before = value;
        }
    }
    return all;
}

} // namespace queuelab::world
