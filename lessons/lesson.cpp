#include "lessons/lesson.h"

namespace queuelab::lessons {

Duration Lesson::stepStart(std::size_t index) const
{
    Duration start{};
    for (std::size_t i = 0; i < index; ++i)
        start += steps[i].run;
    return start;
}

world::Session Lesson::session(std::optional<std::uint64_t> seed) const
{
    world::Session session;
    session.world = world;
    session.world.seed = seed.value_or(world.seed);
    for (const Step &step : steps) {
        for (const world::Command &command : step.commands)
            session.commands.push_back({session.end, command});
        session.end += step.run;
    }
    return session;
}

} // namespace queuelab::lessons
