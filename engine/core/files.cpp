#include "engine/core/files.h"

namespace queuelab {

Result<Bytes, Error> readWhole(const Files &files, FileId file)
{
    std::vector<SharedBytes> pieces;
    if (auto read = files.read(file, 0, files.size(file), pieces); !read)
        return std::unexpected(read.error());
    Bytes out;
    out.reserve(files.size(file));
    for (const SharedBytes &piece : pieces)
        out.insert(out.end(), piece.view().begin(), piece.view().end());
    return out;
}

Result<void, Error> replaceFile(Files &files, const std::string &path, ByteView bytes)
{
    const std::string temporary = path + ".tmp";
    const auto file = files.open(temporary, true);
    if (!file)
        return std::unexpected(file.error());
    Result<void, Error> done = files.truncate(*file, 0);
    if (done)
        done = files.writeAt(*file, 0, bytes);
    if (done)
        done = files.sync(*file);
    files.close(*file);
    if (done)
        done = files.rename(temporary, path);
    if (done) {
        const std::size_t slash = path.rfind('/');
        done =
            files.syncDirectory(slash == std::string::npos ? std::string() : path.substr(0, slash));
    }
    return done;
}

} // namespace queuelab
