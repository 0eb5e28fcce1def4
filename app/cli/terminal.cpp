#include "app/cli/terminal.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace queuelab::cli {

namespace {

Error cannotWrite(const std::string &path)
{
    return {path, fmt::format("cannot be written: {}", std::generic_category().message(errno)),
        "choose a place you may write to, with room on it"};
}

} // namespace

bool colourOnOutput()
{
    const char *noColour = std::getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) == 1 && (noColour == nullptr || *noColour == '\0');
}

void printErrors(const std::vector<Error> &errors)
{
    for (const Error &error : errors)
        printError(error);
}

void printError(const Error &error)
{
    fmt::print(stderr, "{}\n", error.text());
}

Progress::Progress()
    : m_terminal(isatty(STDERR_FILENO) == 1)
{
}

Progress::~Progress()
{
    if (m_shown)
        fmt::print(stderr, "\r\033[K");
}

void Progress::show(std::string_view line)
{
    if (!m_terminal)
        return;
    fmt::print(stderr, "\r\033[K{}", line);
    std::fflush(stderr);
    m_shown = true;
}

Result<void, Error> writeOutput(const std::string &path, std::string_view text)
{
    std::FILE *file = path.empty() ? stdout : std::fopen(path.c_str(), "wb");
    if (file == nullptr)
        return std::unexpected(cannotWrite(path));
    bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    written = (path.empty() ? std::fflush(file) : std::fclose(file)) == 0 && written;
    if (!written)
        return std::unexpected(cannotWrite(path.empty() ? "standard output" : path));
    return {};
}

Result<void, Error> checkWritable(const std::string &path)
{
    if (path.empty())
        return {};
    std::FILE *file = std::fopen(path.c_str(), "ab"); // appending leaves an earlier report as it is
    if (file == nullptr)
        return std::unexpected(cannotWrite(path));
    std::fclose(file);
    return {};
}

} // namespace queuelab::cli
