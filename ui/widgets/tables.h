#pragma once

class QTableView;

namespace queuelab::ui {

/// The quiet table of the window: whole rows, no grid, no row numbers, and copying gives the chosen
/// rows as TSV with the headings first, by the usual shortcut and from the context menu.
void setUpTable(QTableView &table);

} // namespace queuelab::ui
