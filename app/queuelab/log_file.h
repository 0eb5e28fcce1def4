#pragma once

#include <QString>

/// Starts the program's own log: queuelab.log in `folder`, at most 1 MiB, with two older ones kept.
/// What Qt complains about goes there too, and warnings still to the terminal. Returns what went
/// wrong, with the remedy, or nothing; the program goes on without a log then.
QString startLogFile(const QString &folder);
