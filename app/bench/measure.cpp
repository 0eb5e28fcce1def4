#include "app/bench/measure.h"

#include <algorithm>

namespace queuelab::bench {

double median(std::vector<double> values)
{
    if (values.empty())
        return 0;
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Result<std::vector<Figure>, Error> measureInterleaved(
    std::span<const Contender> contenders, int rounds)
{
    std::vector<std::vector<double>> values(contenders.size());
    for (int round = -1; round < rounds; ++round) {
        for (std::size_t i = 0; i < contenders.size(); ++i) {
            const auto value = contenders[i].run();
            if (!value)
                return std::unexpected(value.error());
            if (round >= 0)
                values[i].push_back(*value);
        }
    }
    std::vector<Figure> figures;
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        const Contender &contender = contenders[i];
        Figure figure{contender.name, median(values[i]), contender.unit, {}, 0, rounds};
        if (contender.baseline != i) {
            const std::vector<double> &plain = values[contender.baseline];
            std::vector<double> ratios;
            for (std::size_t round = 0; round < plain.size(); ++round)
                ratios.push_back(values[i][round] / plain[round]);
            figure.baseline = contenders[contender.baseline].name;
            figure.ratio = median(std::move(ratios));
        }
        figures.push_back(std::move(figure));
    }
    return figures;
}

} // namespace queuelab::bench
