//! Where the runtime directory is: in memory, or nowhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Environment, Result, wrong};

/// The runtime directory: as given; else the service's; else one for this data directory below the user's.
/// A default that is no memory is left out, a given one is an error: salts must not reach a disk.
pub(super) fn runtime(
    given: Option<&str>,
    data: &Path,
    environment: &Environment,
) -> Result<Option<PathBuf>> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    if let Some(text) = given {
        let path = std::path::absolute(text).unwrap_or_else(|_| text.into());
        return match (text, memory_backed(&path, &mounts)) {
            ("none" | "", _) => Ok(None),
            (_, true) => Ok(Some(path)),
            (_, false) => wrong(
                "runtime",
                text,
                "a directory in memory (tmpfs), for salts must not reach a disk; or `none`",
            ),
        };
    }
    // Two servers of one user must not share a directory.
    let full = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let tag = blake3::hash(full.as_os_str().as_encoded_bytes()).to_hex();
    let below_user = environment.user_runtime.as_ref().map(|path| path.join(format!("mayfly-{}", &tag[..8])));
    let candidates = environment.service_runtime.clone().into_iter().chain(below_user);
    Ok(candidates.into_iter().find(|path| memory_backed(path, &mounts)))
}

/// Whether the file system on which a path lies (or would lie) is memory, by the kernel's list of mounts.
pub(super) fn memory_backed(path: &Path, mounts: &str) -> bool {
    // A symbolic link may lead elsewhere: the nearest part that is there is followed.
    let there = path.ancestors().find_map(|part| part.canonicalize().ok());
    let there = there.as_deref().unwrap_or(path);
    let kind = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
            there.starts_with(point).then_some((point.len(), kind))
        })
        // Of mounts on one point the later one covers the earlier.
        .max_by_key(|&(length, _)| length);
    matches!(kind, Some((_, "tmpfs" | "ramfs")))
}
