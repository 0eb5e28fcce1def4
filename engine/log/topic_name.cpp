#include "engine/log/topic_name.h"

#include <algorithm>
#include <cstddef>

namespace queuelab::log {

bool isValidTopicName(std::string_view name)
{
    constexpr std::size_t kLengthMax = 249;
    const auto isAllowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
            || c == '.' || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= kLengthMax && name != "." && name != ".."
        && std::ranges::all_of(name, isAllowed);
}

} // namespace queuelab::log
