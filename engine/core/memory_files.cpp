#include "engine/core/memory_files.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

namespace queuelab {

namespace {

constexpr std::size_t kFirstPieceBytes = 4096;
constexpr std::size_t kLargestPieceBytes = 1 << 20;

/// Consecutive bytes of a file. Bytes once written are never changed, so pieces are shared between
/// clones and with readers; only the owner of the tail writes behind `size`.
struct Piece {
    std::uint64_t start = 0;
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::shared_ptr<std::uint8_t[]> data;
};

struct Inode {
    std::vector<Piece> pieces;
    std::uint64_t size = 0;
    std::uint64_t durableSize = 0;
    // What a crash brings back when more happened since the last sync than appends; else a prefix
    // of `pieces` does.
    std::optional<std::vector<Piece>> durablePieces;
    bool tailShared = false; // a clone holds the last piece too: the next append starts a new one
    int references = 0; // names, durable names and open files
};

std::string parentOf(const std::string &path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

bool isBelow(const std::string &path, const std::string &directory)
{
    return directory.empty() || path == directory
        || (path.size() > directory.size() && path.starts_with(directory)
            && path[directory.size()] == '/');
}

/// What the names of everything below a directory begin with.
std::string prefixOf(const std::string &directory)
{
    return directory.empty() ? std::string() : directory + '/';
}

std::unexpected<Error> missing(const std::string &path)
{
    return std::unexpected(Error{path, "no such file", "check the name"});
}

void cutPieces(std::vector<Piece> &pieces, std::uint64_t size)
{
    while (!pieces.empty() && pieces.back().start >= size)
        pieces.pop_back();
    if (!pieces.empty() && pieces.back().start + pieces.back().size > size) {
        Piece &last = pieces.back();
        last.size = static_cast<std::size_t>(size - last.start);
        last.capacity = last.size; // the bytes behind belong to whoever still shares them
    }
}

/// Before bytes below `durableSize` change: remember what a crash would bring back.
void keepDurable(Inode &inode)
{
    if (inode.durablePieces)
        return;
    inode.durablePieces = inode.pieces;
    cutPieces(*inode.durablePieces, inode.durableSize);
}

std::uint8_t *growAtEnd(Inode &inode, std::size_t bytes)
{
    Piece *last = inode.pieces.empty() ? nullptr : &inode.pieces.back();
    if (last == nullptr || inode.tailShared || last->capacity - last->size < bytes) {
        // Small again after a clone: many checkpoints of many files must not each cost a large
        // piece.
        const std::size_t wanted = last == nullptr || inode.tailShared
            ? kFirstPieceBytes
            : std::min(last->capacity * 2, kLargestPieceBytes);
        Piece piece;
        piece.start = inode.size;
        piece.capacity = std::max({wanted, bytes, kFirstPieceBytes});
        piece.data = std::make_shared_for_overwrite<std::uint8_t[]>(piece.capacity);
        inode.pieces.push_back(std::move(piece));
        inode.tailShared = false;
        last = &inode.pieces.back();
    }
    std::uint8_t *at = last->data.get() + last->size;
    last->size += bytes;
    inode.size += bytes;
    return at;
}

} // namespace

struct MemoryFiles::State {
    std::map<std::int32_t, Inode> inodes;
    std::map<std::string, std::int32_t> names;
    std::map<std::string, std::int32_t> durableNames;
    /// By directory, the names that may not be in `durableNames` as they are in `names`.
    std::map<std::string, std::set<std::string>> changedNames;
    std::set<std::string> directories{""};
    struct Handle {
        std::int32_t inode = -1; // -1: closed
        std::string path;
    };
    std::vector<Handle> handles;
    std::set<std::int32_t> freeHandles;
    std::int32_t nextInode = 0;

    Inode &inodeOf(FileId file)
    {
        const auto index = static_cast<std::size_t>(file.value());
        invariant(index < handles.size() && handles[index].inode >= 0, "a closed file is not used");
        return inodes.at(handles[index].inode);
    }
    void noteChange(const std::string &name) { changedNames[parentOf(name)].insert(name); }
    void release(std::int32_t inode)
    {
        const auto entry = inodes.find(inode);
        if (--entry->second.references == 0)
            inodes.erase(entry);
    }
    void closeBelow(const std::string &directory)
    {
        for (Handle &handle : handles) {
            if (handle.inode >= 0 && isBelow(handle.path, directory)) {
                release(handle.inode);
                handle.inode = -1;
                freeHandles.insert(static_cast<std::int32_t>(&handle - handles.data()));
            }
        }
    }
};

MemoryFiles::MemoryFiles()
    : m_state(std::make_unique<State>())
{
}

MemoryFiles::MemoryFiles(std::unique_ptr<State> state)
    : m_state(std::move(state))
{
}

MemoryFiles::~MemoryFiles() = default;

Result<FileId, Error> MemoryFiles::open(const std::string &path, bool create)
{
    auto name = m_state->names.find(path);
    if (name == m_state->names.end()) {
        if (!create)
            return missing(path);
        if (!m_state->directories.contains(parentOf(path)))
            return std::unexpected(
                Error{path, "its directory does not exist", "create the directory first"});
        const std::int32_t inode = m_state->nextInode++;
        m_state->inodes[inode].references = 1;
        name = m_state->names.emplace(path, inode).first;
        m_state->noteChange(path);
    }
    ++m_state->inodes.at(name->second).references;
    if (!m_state->freeHandles.empty()) {
        const std::int32_t index = *m_state->freeHandles.begin();
        m_state->freeHandles.erase(m_state->freeHandles.begin());
        m_state->handles[static_cast<std::size_t>(index)] = {name->second, path};
        return FileId(index);
    }
    m_state->handles.push_back({name->second, path});
    return FileId(static_cast<std::int32_t>(m_state->handles.size() - 1));
}

void MemoryFiles::close(FileId file)
{
    State::Handle &handle = m_state->handles[static_cast<std::size_t>(file.value())];
    if (handle.inode < 0)
        return;
    m_state->release(handle.inode);
    handle.inode = -1;
    m_state->freeHandles.insert(file.value());
}

Result<std::uint64_t, Error> MemoryFiles::append(FileId file, std::span<const ByteView> pieces)
{
    Inode &inode = m_state->inodeOf(file);
    const std::uint64_t position = inode.size;
    std::size_t total = 0;
    for (const ByteView piece : pieces)
        total += piece.size();
    if (total == 0)
        return position;
    std::uint8_t *at = growAtEnd(inode, total);
    for (const ByteView piece : pieces) {
        if (!piece.empty())
            std::memcpy(at, piece.data(), piece.size());
        at += piece.size();
    }
    return position;
}

Result<void, Error> MemoryFiles::writeAt(FileId file, std::uint64_t position, ByteView bytes)
{
    Inode &inode = m_state->inodeOf(file);
    if (position > inode.size)
        return std::unexpected(Error{m_state->handles[static_cast<std::size_t>(file.value())].path,
            "written to behind its end", "this is a fault of the program: please report it"});
    if (position < inode.durableSize)
        keepDurable(inode);
    const std::size_t inside =
        std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(inode.size - position));
    std::size_t done = 0;
    for (Piece &piece : inode.pieces) {
        if (done == inside)
            break;
        const std::uint64_t at = position + done;
        if (at < piece.start || at >= piece.start + piece.size)
            continue;
        const auto offset = static_cast<std::size_t>(at - piece.start);
        const std::size_t count = std::min(inside - done, piece.size - offset);
        // Readers and clones may share the piece: change a copy.
        auto changed = std::make_shared_for_overwrite<std::uint8_t[]>(piece.capacity);
        std::memcpy(changed.get(), piece.data.get(), piece.size);
        std::memcpy(changed.get() + offset, bytes.data() + done, count);
        piece.data = std::move(changed);
        done += count;
    }
    if (done < bytes.size())
        std::memcpy(
            growAtEnd(inode, bytes.size() - done), bytes.data() + done, bytes.size() - done);
    return {};
}

Result<void, Error> MemoryFiles::read(
    FileId file, std::uint64_t position, std::uint64_t size, std::vector<SharedBytes> &out) const
{
    const Inode &inode = m_state->inodeOf(file);
    const std::uint64_t end = std::min(inode.size, position + size);
    auto piece = std::ranges::upper_bound(inode.pieces, position, {}, &Piece::start);
    if (piece != inode.pieces.begin())
        --piece;
    while (position < end && piece != inode.pieces.end()) {
        const auto offset = static_cast<std::size_t>(position - piece->start);
        const std::size_t count =
            std::min<std::size_t>(piece->size - offset, static_cast<std::size_t>(end - position));
        if (count > 0)
            out.emplace_back(piece->data, ByteView(piece->data.get() + offset, count));
        position += count;
        ++piece;
    }
    return {};
}

std::uint64_t MemoryFiles::size(FileId file) const
{
    return m_state->inodeOf(file).size;
}

Result<void, Error> MemoryFiles::truncate(FileId file, std::uint64_t size)
{
    Inode &inode = m_state->inodeOf(file);
    if (size >= inode.size)
        return {};
    if (size < inode.durableSize)
        keepDurable(inode);
    cutPieces(inode.pieces, size);
    inode.size = size;
    return {};
}

Result<void, Error> MemoryFiles::sync(FileId file)
{
    Inode &inode = m_state->inodeOf(file);
    inode.durablePieces.reset();
    inode.durableSize = inode.size;
    return {};
}

bool MemoryFiles::exists(const std::string &path) const
{
    return m_state->names.contains(path) || m_state->directories.contains(path);
}

Result<void, Error> MemoryFiles::createDirectories(const std::string &path)
{
    for (std::string directory = path; !directory.empty(); directory = parentOf(directory)) {
        if (m_state->names.contains(directory))
            return std::unexpected(
                Error{directory, "is a file, not a directory", "choose another name"});
        m_state->directories.insert(directory);
    }
    return {};
}

Result<std::vector<std::string>, Error> MemoryFiles::list(const std::string &path) const
{
    if (!m_state->directories.contains(path))
        return missing(path);
    std::set<std::string> found;
    const std::string prefix = prefixOf(path);
    const auto collect = [&](const std::string &name) {
        if (!name.empty() && parentOf(name) == path)
            found.insert(name.substr(prefix.size()));
    };
    for (auto name = m_state->names.lower_bound(prefix);
        name != m_state->names.end() && name->first.starts_with(prefix); ++name)
        collect(name->first);
    for (auto directory = m_state->directories.lower_bound(prefix);
        directory != m_state->directories.end() && directory->starts_with(prefix); ++directory)
        collect(*directory);
    return std::vector<std::string>(found.begin(), found.end());
}

Result<void, Error> MemoryFiles::rename(const std::string &from, const std::string &to)
{
    const auto name = m_state->names.find(from);
    if (name == m_state->names.end())
        return missing(from);
    const std::int32_t inode = name->second;
    m_state->noteChange(from);
    m_state->noteChange(to);
    m_state->names.erase(name);
    if (const auto old = m_state->names.find(to); old != m_state->names.end())
        m_state->release(old->second);
    m_state->names[to] = inode;
    for (State::Handle &handle : m_state->handles) {
        if (handle.inode == inode)
            handle.path = to;
    }
    return {};
}

Result<void, Error> MemoryFiles::remove(const std::string &path)
{
    if (!exists(path))
        return missing(path);
    for (auto name = m_state->names.lower_bound(path); name != m_state->names.end();) {
        if (!isBelow(name->first, path)) {
            if (!name->first.starts_with(path))
                break;
            ++name;
            continue;
        }
        m_state->noteChange(name->first);
        m_state->release(name->second);
        name = m_state->names.erase(name);
    }
    std::erase_if(m_state->directories, [&](const std::string &directory) {
        return !directory.empty() && isBelow(directory, path);
    });
    return {};
}

Result<void, Error> MemoryFiles::syncDirectory(const std::string &path)
{
    if (!m_state->directories.contains(path))
        return missing(path);
    const auto changed = m_state->changedNames.extract(path);
    if (changed.empty())
        return {};
    for (const std::string &name : changed.mapped()) {
        const auto now = m_state->names.find(name);
        if (now != m_state->names.end())
            ++m_state->inodes.at(now->second).references;
        if (const auto before = m_state->durableNames.find(name);
            before != m_state->durableNames.end()) {
            m_state->release(before->second);
            m_state->durableNames.erase(before);
        }
        if (now != m_state->names.end())
            m_state->durableNames.emplace(name, now->second);
    }
    return {};
}

std::unique_ptr<Files> MemoryFiles::clone() const
{
    for (auto &[id, inode] : m_state->inodes)
        inode.tailShared = true;
    return std::unique_ptr<Files>(new MemoryFiles(std::make_unique<State>(*m_state)));
}

void MemoryFiles::crash(const std::string &directory, Random *torn)
{
    m_state->closeBelow(directory);
    std::erase_if(
        m_state->changedNames, [&](const auto &entry) { return isBelow(entry.first, directory); });
    std::vector<std::int32_t> released;
    std::erase_if(m_state->names, [&](const auto &entry) {
        if (!isBelow(entry.first, directory))
            return false;
        released.push_back(entry.second);
        return true;
    });
    for (const auto &[name, number] : m_state->durableNames) {
        if (!isBelow(name, directory))
            continue;
        m_state->names[name] = number;
        Inode &inode = m_state->inodes.at(number);
        ++inode.references;
        if (inode.durablePieces) {
            inode.pieces = std::move(*inode.durablePieces);
            inode.durablePieces.reset();
            inode.size = inode.durableSize;
        } else {
            std::uint64_t kept = inode.durableSize;
            if (torn != nullptr && inode.size > kept)
                kept += torn->below(inode.size - kept + 1);
            cutPieces(inode.pieces, kept);
            inode.size = kept;
        }
        inode.durableSize = inode.size;
    }
    for (const std::int32_t inode : released)
        m_state->release(inode);
}

void MemoryFiles::closeAll(const std::string &directory)
{
    m_state->closeBelow(directory);
}

std::uint64_t MemoryFiles::memoryBytes() const
{
    std::uint64_t total = 0;
    for (const auto &[id, inode] : m_state->inodes)
        total += inode.size;
    return total;
}

} // namespace queuelab
