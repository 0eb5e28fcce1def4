#pragma once

#include "lessons/runner.h"

#include <QWidget>

namespace queuelab::ui {

/// What the run says: a row for each expectation with what was expected and what was seen, refused
/// commands, and what a live part measured.
class ResultList final : public QWidget {
    Q_OBJECT

public:
    explicit ResultList(const lessons::StepResult &result, QWidget *parent = nullptr);
};

} // namespace queuelab::ui
