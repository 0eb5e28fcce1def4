#pragma once

#include "engine/core/result.h"
#include "engine/world/session.h"
#include "lessons/lesson.h"

#include <string>
#include <variant>
#include <vector>

namespace queuelab::cli {

/// What `run` was asked to run: a lesson, or a session that somebody saved.
struct SavedSession {
    std::string file;
    world::Session session;
};
using Target = std::variant<lessons::Lesson, SavedSession>;

/// The catalogue, or what is wrong with it.
Result<lessons::Catalogue, std::vector<Error>> openCatalogue();

/// Finds lessons by id in the catalogue and by file name; a file may also be a saved session. Every
/// word that is neither is a problem, with the nearest id.
Result<std::vector<Target>, std::vector<Error>> findTargets(const std::vector<std::string> &words);

} // namespace queuelab::cli
