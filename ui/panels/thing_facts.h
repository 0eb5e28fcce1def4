#pragma once

#include "engine/world/snapshot.h"
#include "ui/stages/thing.h"

#include <QString>

#include <vector>

namespace queuelab::ui {

/// One line of the inspector: a setting or a figure under its real name.
struct Fact {
    QString name;
    QString value;
    friend bool operator==(const Fact &, const Fact &) = default;
};

/// What the inspector says about a thing: its kind in words, its settings and state. A pure
/// function of the snapshot; `facts` is empty when the thing is not, or no longer, there.
struct ThingFacts {
    QString kind; ///< "consumer group"
    QString title;
    std::vector<Fact> facts;
};
ThingFacts factsOf(const world::Snapshot &snapshot, const Thing &thing);

/// The thing that an event's subject names: a client, a group, a partition, a queue, an exchange;
/// Kind::None when the world has nothing of that name. With `item` >= 0 the record or message in
/// it.
Thing thingNamed(const world::Snapshot &snapshot, const QString &name, qint64 item = -1);

/// The name under which the trace knows it.
QString traceName(const Thing &thing);

} // namespace queuelab::ui
