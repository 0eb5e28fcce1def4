#include "lessons/measures/measure.h"

#include <algorithm>

namespace queuelab::lessons {

const std::vector<Measure> &allMeasures()
{
    static const std::vector<Measure> all{appendOrTrack(), diskWrites(), pageCache(), zeroCopy(),
        partitionThroughput(), recordRate(), partitionCosts(), transactionCost()};
    return all;
}

const Measure *findMeasure(std::string_view name)
{
    const auto at = std::ranges::find(allMeasures(), name, &Measure::name);
    return at == allMeasures().end() ? nullptr : &*at;
}

} // namespace queuelab::lessons
