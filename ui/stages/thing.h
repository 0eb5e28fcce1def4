#pragma once

#include <QMetaType>
#include <QString>

namespace queuelab::ui {

/// Something one can point at: what a stage picks, what the inspector explains. A value.
struct Thing {
    enum class Kind : quint8 {
        None,
        Topic,
        Partition, ///< name "orders-3"
        Record, ///< name "orders-3", item its offset
        Group,
        Client, ///< producers, consumers and workers of every engine
        Broker, ///< of the log; item its number
        Exchange,
        Binding, ///< name of the exchange, detail "queue key"
        Queue, ///< of either queue engine
        Message, ///< name of the queue, item its number
    };
    Kind kind = Kind::None;
    QString name;
    qint64 item = -1;
    QString detail;

    friend bool operator==(const Thing &, const Thing &) = default;
};

} // namespace queuelab::ui

Q_DECLARE_METATYPE(queuelab::ui::Thing)
