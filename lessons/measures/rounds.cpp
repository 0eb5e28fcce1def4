#include "lessons/measures/rounds.h"

#include <algorithm>

namespace queuelab::lessons {

double medianOf(std::vector<double> values)
{
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Rounds::median(std::size_t contender, std::size_t figure) const
{
    std::vector<double> values;
    for (const Sample &sample : m_samples[contender])
        values.push_back(sample[figure]);
    return medianOf(std::move(values));
}

double Rounds::ratio(std::size_t dividend, std::size_t divisor, std::size_t figure) const
{
    std::vector<double> quotients;
    for (std::size_t round = 0; round < m_samples[dividend].size(); ++round)
        quotients.push_back(m_samples[dividend][round][figure] / m_samples[divisor][round][figure]);
    return medianOf(std::move(quotients));
}

Result<Rounds, Error> takeTurns(
    std::span<const OneRun> contenders, std::int64_t rounds, const MeasureWatch &watch)
{
    std::vector<std::vector<Sample>> samples(contenders.size());
    const auto all = static_cast<double>(rounds + 1) * static_cast<double>(contenders.size());
    double done = 0;
    for (std::int64_t round = -1; round < rounds; ++round) {
        std::vector<Sample> ofRound;
        for (const OneRun &run : contenders) {
            if (watch.cancelled())
                break;
            Result<Sample, Error> sample = run();
            if (!sample)
                return std::unexpected(sample.error());
            ofRound.push_back(std::move(*sample));
            done += 1;
            if (watch.progress)
                watch.progress(done / all);
        }
        if (ofRound.size() < contenders.size())
            break;
        for (std::size_t i = 0; i < ofRound.size() && round >= 0; ++i)
            samples[i].push_back(std::move(ofRound[i]));
    }
    if (samples.empty() || samples.front().empty())
        return std::unexpected(
            Error{"the measurement", "it was cancelled before its first round was over", {}});
    return Rounds(std::move(samples));
}

} // namespace queuelab::lessons
