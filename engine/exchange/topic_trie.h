#pragma once

#include "engine/exchange/message.h"
#include "engine/exchange/text_map.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace queuelab::exchange {

/// The bindings of a topic exchange as a tree of words, so that routing touches only nodes whose
/// words match so far: its cost depends on the key and on what matches, not on how many bindings
/// there are, and several '#' in a pattern do not multiply it.
class TopicTrie {
public:
    TopicTrie();

    void add(std::string_view pattern, BindingId binding);
    /// Only what was added.
    void remove(std::string_view pattern, BindingId binding);
    /// Appends every binding that matches, each once. Same tree and key, same order. Not const: it
    /// marks nodes.
    void match(std::string_view routingKey, std::vector<BindingId> &out);

private:
    using NodeIndex = std::uint32_t;
    static constexpr NodeIndex kRoot = 0; // never a child, so it also stands for "none"

    struct Node {
        TextMap<NodeIndex> words;
        NodeIndex star = 0;
        NodeIndex hash = 0;
        bool isHash = false;
        std::vector<BindingId> ends; // bindings whose pattern ends here
        std::uint64_t mark = 0; // the step that reached it last
    };

    NodeIndex child(NodeIndex parent, std::string_view word) const;
    NodeIndex makeChild(NodeIndex parent, std::string_view word);
    void unlink(NodeIndex parent, std::string_view word);
    void reach(NodeIndex node, std::vector<NodeIndex> &reached);

    std::vector<Node> m_nodes;
    std::vector<NodeIndex> m_free;
    std::uint64_t m_step = 0;
    std::vector<NodeIndex> m_now; // reused between calls
    std::vector<NodeIndex> m_next;
};

} // namespace queuelab::exchange
