#include "engine/exchange/names.h"

#include <fmt/format.h>

namespace queuelab::exchange {

std::string withoutLineBreaks(std::string name)
{
    std::erase_if(name, [](char c) { return c == '\r' || c == '\n'; });
    return name;
}

std::string generatedName(std::string_view prefix, Random &random)
{
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    constexpr int kCharacters = 22;
    std::string name(prefix);
    for (int i = 0; i < kCharacters; ++i)
        name += kAlphabet[random.below(kAlphabet.size())];
    return name;
}

std::string resourceText(std::string_view kind, std::string_view name)
{
    return fmt::format("{} '{}' in vhost '/'", kind, name);
}

} // namespace queuelab::exchange
