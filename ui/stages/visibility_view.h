#pragma once

#include "engine/world/snapshot.h"

#include <QString>

#include <optional>
#include <vector>

namespace queuelab::ui {

/// What the visibility queue's picture says, worked out from a snapshot. Points into the snapshot
/// it was made from.

enum class ReceiverState : std::uint8_t {
    Busy,
    Waiting /* in a long poll */,
    Idle,
    Paused,
    Crashed
};
struct ReceiverView {
    QString name;
    const world::ClientSnapshot *client = nullptr; ///< nullptr for a real client
    ReceiverState state = ReceiverState::Idle;
    std::uint64_t holds = 0; ///< messages in flight that it received last
    bool outrun = false; ///< what it works on is not hidden for it any more
};
/// A queue with those who send to it and receive from it.
struct BandView {
    QString name;
    const visibility::QueueSnapshot *queue = nullptr;
    std::vector<const world::ClientSnapshot *> senders;
    std::vector<ReceiverView> receivers;
    std::vector<const visibility::QueueSnapshot *> deadLetterQueues; ///< shown beside it
};
struct VisibilityView {
    std::vector<BandView> bands;
};

/// A dead-letter queue stands beside its first source; it has a band of its own too when somebody
/// uses it by itself.
VisibilityView makeVisibilityView(const world::Snapshot &snapshot);

/// When the work of the receiver that holds `message` ends; nothing when that is not known.
std::optional<Instant> workEnds(const BandView &band, const visibility::MessageSnapshot &message);

/// "pay-17" where a lesson gave it a short name, else "#17".
QString messageName(const visibility::MessageSnapshot &message);

} // namespace queuelab::ui
