//! Files that are there whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use crate::{Error, Result};

/// How unfinished files begin, so that they can be told and cleared.
const PREFIX: &str = ".vaekit-";

/// Temporary files that are being written.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A thread that died while it held the list leaves a list all the same.
fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Removes the temporary files that this process is writing: for a handler of signals, before it ends the process. No
/// other is begun while what it returns is held.
#[must_use]
pub fn clear_unfinished() -> impl Sized {
    let unfinished = unfinished();
    unfinished.iter().for_each(|path| drop(std::fs::remove_file(path)));
    unfinished
}

/// A temporary file in [`UNFINISHED`], for as long as it lives.
struct Noted(PathBuf);

impl Noted {
    /// A new file, noted before anybody can end the process without knowing of it.
    fn made(builder: &tempfile::Builder<'_, '_>, folder: &Path) -> io::Result<(tempfile::NamedTempFile, Self)> {
        let mut unfinished = unfinished();
        let file = builder.tempfile_in(folder)?;
        unfinished.push(file.path().to_path_buf());
        let noted = Self(file.path().to_path_buf());
        Ok((file, noted))
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        unfinished().retain(|path| *path != self.0);
    }
}

/// Refuses what is there and no file: a pipe would be waited for, a device read without end.
///
/// # Errors
/// A pipe, a device or a folder.
pub fn must_be_file(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Error::run(path, "is no plain file; a run consists of files")),
        _ => Ok(()),
    }
}

/// Opens a file of a run to be written or added to, and makes it where it is not there. A symbolic link is not followed,
/// and nothing is cut off.
///
/// # Errors
/// Whatever the system says; a link is an error.
pub fn open_in_place(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW);
    options.create(true).open(path)
}

/// Writes a file under a temporary name in the same folder, syncs it and
/// renames it: a reader sees the old content or the new one, whenever the
/// writer dies. A file that is replaced keeps its permissions; a symbolic link is replaced, not followed.
///
/// # Errors
/// Whatever the system says, with the path; the temporary file is removed.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let fail = |e| Error::io("write", path, e);
    // A device or a pipe cannot be replaced by a file; it takes the bytes as they come.
    if path.exists() && !path.is_file() && !path.is_dir() {
        let mut out = OpenOptions::new().write(true).open(path).map_err(fail)?;
        return write(&mut out).map_err(fail);
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets, less the umask; the default is private.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let (file, _noted) = Noted::made(&builder, folder).map_err(fail)?;
    if let Ok(before) = std::fs::symlink_metadata(path)
        && before.is_file()
    {
        file.as_file().set_permissions(before.permissions()).map_err(fail)?;
    }
    let mut out = BufWriter::new(file);
    write(&mut out).map_err(fail)?;
    let file = out.into_inner().map_err(|e| fail(e.into_error()))?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    // The rename itself lasts only when the folder is on disk.
    #[cfg(unix)]
    File::open(folder).and_then(|f| f.sync_all()).map_err(fail)?;
    Ok(())
}

/// True for the name of a file that a killed writer left.
pub fn is_leftover(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(PREFIX)
}

/// Removes what a killed writer left in a folder.
pub fn clear_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_leftover(&entry.file_name()) {
            // One that cannot be removed harms nobody.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let result = write_atomically(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("full"))
        });
        assert!(result.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_mode_and_a_link_is_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (path, target, link) = (dir.path().join("a"), dir.path().join("t"), dir.path().join("l"));
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        write_atomically(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomically(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"kept");
        assert!(open_in_place(&link, OpenOptions::new().write(true)).is_ok(), "the link was replaced by a file");
        std::os::unix::fs::symlink(&target, dir.path().join("m")).unwrap();
        assert!(open_in_place(&dir.path().join("m"), OpenOptions::new().write(true)).is_err());
        assert_eq!(std::fs::read(&target).unwrap(), b"kept");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_of_exit_code_one() {
        let error = write_atomically(Path::new("/dev/full"), |out| out.write_all(b"x")).unwrap_err();
        assert_eq!(error.exit_code(), 1);
    }
}
