#include "engine/core/result.h"

#include <cstdio>
#include <cstdlib>

namespace queuelab {

namespace {

void printAndAbort(std::string_view rule)
{
    std::fprintf(stderr, "queuelab: a promise of this program was broken: %.*s\n",
        static_cast<int>(rule.size()), rule.data());
    std::abort();
}

InvariantHandler invariantHandler = printAndAbort;

} // namespace

std::string Error::text() const
{
    std::string out = place.empty() ? problem : place + ": " + problem;
    if (!remedy.empty())
        out += "; " + remedy;
    return out;
}

void setInvariantHandler(InvariantHandler handler)
{
    invariantHandler = handler;
}

void invariantBroken(std::string_view rule)
{
    invariantHandler(rule);
    std::abort(); // a handler that returns has not kept its own promise
}

} // namespace queuelab
