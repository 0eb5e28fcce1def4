#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace queuelab::exchange {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const
    {
        return std::hash<std::string_view>{}(text);
    }
};
/// Found by string_view without making a string. Never iterated where the order could be seen.
template <class T> using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

} // namespace queuelab::exchange
