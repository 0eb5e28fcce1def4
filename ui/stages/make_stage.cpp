#include "ui/stages/exchange_stage.h"
#include "ui/stages/log_stage.h"
#include "ui/stages/visibility_stage.h"

namespace queuelab::ui {

std::unique_ptr<Stage> makeStage(world::Engine engine)
{
    switch (engine) {
    case world::Engine::Log:
        return std::make_unique<LogStage>();
    case world::Engine::Exchange:
        return std::make_unique<ExchangeStage>();
    case world::Engine::Visibility:
        return std::make_unique<VisibilityStage>();
    }
    return nullptr;
}

} // namespace queuelab::ui
