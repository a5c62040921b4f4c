//! Mail as `.eml` files in a folder, for a demonstration or for another program to pick up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Writes `<name>.eml` so that it is there wholly or not at all, also after a power cut; a file of that name
/// is replaced. Creates the folder where it is missing.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{name}.tmp"));
    let placed = write_synced(&temporary, content)
        .and_then(|()| fs::rename(&temporary, folder.join(format!("{name}.eml"))));
    if placed.is_err() {
        // Best effort: what can't be removed is overwritten by the next attempt.
        let _ = fs::remove_file(&temporary);
    }
    placed?;
    File::open(folder)?.sync_all()
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // Mails tell who talks to whom.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_repeat_replaces_the_file() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/mail");
        write(&folder, "mai_1", b"first, and longer").unwrap();
        write(&folder, "mai_1", b"second").unwrap();
        assert_eq!(names(&folder), ["mai_1.eml"]);
        assert_eq!(fs::read(folder.join("mai_1.eml")).unwrap(), b"second");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "mai_1", b"x").unwrap();
        let mode = fs::metadata(folder.path().join("mai_1.eml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn a_failure_leaves_nothing_half_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("mai_1.eml")).unwrap();
        assert!(write(folder.path(), "mai_1", b"x").is_err());
        assert_eq!(names(folder.path()), ["mai_1.eml"]);
    }

    #[test]
    fn a_folder_that_is_a_file_is_an_error() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("mail");
        fs::write(&file, b"x").unwrap();
        assert!(write(&file, "mai_1", b"x").is_err());
    }
}
