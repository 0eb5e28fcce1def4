#pragma once

#include "engine/core/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace queuelab::cli {

/// Whether text on standard output may be coloured: a terminal, and NO_COLOR is not set
/// (no-color.org).
bool colourOnOutput();

/// Prints what is wrong with the input, one line each, on standard error.
void printErrors(const std::vector<Error> &errors);
void printError(const Error &error);

/// One line on standard error that overwrites itself; nothing at all when that is not a terminal.
class Progress {
public:
    Progress();
    ~Progress(); ///< wipes the line
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;

    void show(std::string_view line);

private:
    bool m_terminal;
    bool m_shown = false;
};

/// Writes `text` to `path`, or to standard output when it is empty. An Error names the place and
/// the remedy.
Result<void, Error> writeOutput(const std::string &path, std::string_view text);
/// Whether `path` can be written, asked before long work is done for it. An empty path is standard
/// output.
Result<void, Error> checkWritable(const std::string &path);

} // namespace queuelab::cli
