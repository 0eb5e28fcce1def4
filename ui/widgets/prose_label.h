#pragma once

#include <QLabel>

namespace queuelab::ui {

/// `text` with places at which a line may break within its long words: after the humps of
/// camelCase, after punctuation, and in the end anywhere. A zero-width space marks them, which
/// withoutBreaks() takes out again. Addresses of Markdown links stay as they are.
QString withBreaks(const QString &text);
QString withoutBreaks(QString text);

/// Text that wraps whatever its words are, so that no name of a setting widens its panel. It can be
/// selected; what is copied is the text as it was given.
class ProseLabel final : public QLabel {
    Q_OBJECT

public:
    ProseLabel(const QString &text, Qt::TextFormat format, QWidget *parent = nullptr);
    void setProse(const QString &text) { setText(withBreaks(text)); }
};

} // namespace queuelab::ui
