#include "engine/exchange/topic_trie.h"

#include "engine/core/result.h"
#include "engine/exchange/topic_words.h"

#include <algorithm>
#include <utility>

namespace queuelab::exchange {

TopicTrie::TopicTrie()
    : m_nodes(1)
{
}

TopicTrie::NodeIndex TopicTrie::child(NodeIndex parent, std::string_view word) const
{
    const Node &node = m_nodes[parent];
    if (word == "*")
        return node.star;
    if (word == "#")
        return node.hash;
    const auto found = node.words.find(word);
    return found == node.words.end() ? kRoot : found->second;
}

TopicTrie::NodeIndex TopicTrie::makeChild(NodeIndex parent, std::string_view word)
{
    NodeIndex made = 0;
    if (m_free.empty()) {
        made = static_cast<NodeIndex>(m_nodes.size());
        m_nodes.emplace_back();
    } else {
        made = m_free.back();
        m_free.pop_back();
    }
    m_nodes[made].isHash = word == "#";
    if (word == "*")
        m_nodes[parent].star = made;
    else if (word == "#")
        m_nodes[parent].hash = made;
    else
        m_nodes[parent].words.emplace(word, made);
    return made;
}

void TopicTrie::unlink(NodeIndex parent, std::string_view word)
{
    Node &node = m_nodes[parent];
    if (word == "*")
        node.star = kRoot;
    else if (word == "#")
        node.hash = kRoot;
    else
        node.words.erase(node.words.find(word));
}

void TopicTrie::add(std::string_view pattern, BindingId binding)
{
    NodeIndex at = kRoot;
    for (TopicWords words(pattern); !words.atEnd();) {
        const std::string_view word = words.next();
        const NodeIndex known = child(at, word);
        at = known != kRoot ? known : makeChild(at, word);
    }
    m_nodes[at].ends.push_back(binding);
}

void TopicTrie::remove(std::string_view pattern, BindingId binding)
{
    std::vector<std::pair<NodeIndex, std::string_view>> path; // parents and the word that leads on
    NodeIndex at = kRoot;
    for (TopicWords words(pattern); !words.atEnd();) {
        const std::string_view word = words.next();
        path.emplace_back(at, word);
        at = child(at, word);
        invariant(at != kRoot, "a binding that is removed from a topic tree is in it");
    }
    std::erase(m_nodes[at].ends, binding);
    while (!path.empty()) {
        const Node &node = m_nodes[at];
        if (!node.ends.empty() || !node.words.empty() || node.star != kRoot || node.hash != kRoot)
            break;
        const auto [parent, word] = path.back();
        path.pop_back();
        unlink(parent, word);
        m_nodes[at] = {};
        m_free.push_back(at);
        at = parent;
    }
}

void TopicTrie::reach(NodeIndex node, std::vector<NodeIndex> &reached)
{
    // A '#' below may take no word at all, so reaching a node reaches the '#' below it too.
    for (; m_nodes[node].mark != m_step; node = m_nodes[node].hash) {
        m_nodes[node].mark = m_step;
        reached.push_back(node);
        if (m_nodes[node].hash == kRoot)
            return;
    }
}

void TopicTrie::match(std::string_view routingKey, std::vector<BindingId> &out)
{
    m_now.clear();
    ++m_step;
    reach(kRoot, m_now);
    for (TopicWords words(routingKey); !words.atEnd();) {
        const std::string_view word = words.next();
        m_next.clear();
        ++m_step;
        for (const NodeIndex at : m_now) {
            if (m_nodes[at].isHash)
                reach(at, m_next); // '#' takes this word as well
            if (const auto found = m_nodes[at].words.find(word); found != m_nodes[at].words.end())
                reach(found->second, m_next);
            if (m_nodes[at].star != kRoot)
                reach(m_nodes[at].star, m_next);
        }
        std::swap(m_now, m_next);
    }
    for (const NodeIndex at : m_now)
        out.insert(out.end(), m_nodes[at].ends.begin(), m_nodes[at].ends.end());
}

} // namespace queuelab::exchange
