#pragma once

#include <QSettings>
#include <QString>

namespace queuelab::ui {

/// A setting of the window: its key, type and default in one line. Where they are kept is the
/// QSettings it is handed.
template <class T> struct Setting {
    const char *key;
    T fallback;

    T value(const QSettings &settings) const
    {
        return settings.value(QLatin1String(key), QVariant::fromValue(fallback))
            .template value<T>();
    }
    void set(QSettings &settings, const T &value) const
    {
        settings.setValue(QLatin1String(key), QVariant::fromValue(value));
    }
};

inline const Setting<QString> kThemeSetting{
    "look/theme", {}}; ///< "light", "dark"; empty: as the desktop
inline const Setting<int> kTypePercentSetting{"look/typePercent", 100};
inline const Setting<bool> kReduceMotionSetting{"look/reduceMotion", false};
inline const Setting<QByteArray> kGeometrySetting{"window/geometry", {}};
inline const Setting<QByteArray> kDocksSetting{"window/docks", {}};
inline const Setting<QString> kLastLessonSetting{"course/lastLesson", {}};
inline const Setting<QString> kLastFolderSetting{"files/lastFolder", {}};

} // namespace queuelab::ui
