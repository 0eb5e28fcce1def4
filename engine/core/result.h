#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace queuelab {

template <class T, class E> using Result = std::expected<T, E>;

/// The world failed at the edge: a bad file, no disk, a port in use. Always names the place and the
/// way out.
struct Error {
    std::string place; ///< file, file:line:column, directory, address or flag
    std::string problem; ///< what is wrong there
    std::string remedy; ///< what the person can do; may be empty when the problem says it

    /// "place: problem; remedy"
    std::string text() const;
    friend bool operator==(const Error &, const Error &) = default;
};

/// Called when a promise of ours is broken, with the rule's name. It must not return. The default
/// prints the rule and aborts; the executables install one that saves seed and session first. Set
/// once in main(), before any thread starts.
using InvariantHandler = void (*)(std::string_view rule);
void setInvariantHandler(InvariantHandler handler);
[[noreturn]] void invariantBroken(std::string_view rule);

/// A promise of this code, checked in every build: the run stops here and names the rule.
inline void invariant(bool holds, std::string_view rule)
{
    if (!holds) [[unlikely]]
        invariantBroken(rule);
}

} // namespace queuelab
