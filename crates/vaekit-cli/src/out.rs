//! Where a verb may write.

use std::path::{Path, PathBuf};

use clap::Args;
use vaekit::run::RunFile;
use vaekit::{Error, Result};

/// The file that is written where nobody named one: a picture of images, a csv table of tables.
pub fn usual(out: Option<PathBuf>, run: &Path, stem: &str) -> Result<PathBuf> {
    let picture = || RunFile::read(run).map(|file| file.schema.is_image());
    match out {
        Some(out) => Ok(out),
        None => Ok(PathBuf::from(format!("{stem}.{}", if picture()? { "png" } else { "csv" }))),
    }
}

/// Whether a file that is there may go.
#[derive(Args, Clone)]
pub struct Replace {
    /// Replace the file that --out names, where there is one
    #[arg(long)]
    pub force: bool,
}

impl Replace {
    /// The same for files of a folder, which may not lie in a folder of data that is read either: its next reader would take
    /// them for data.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_folder(&self, folder: &Path, files: &[PathBuf], inputs: &[PathBuf]) -> Result<()> {
        let place = |path: &Path| std::fs::canonicalize(path).ok();
        let there = folder.ancestors().find(|path| path.exists() || path.as_os_str().is_empty()).unwrap_or(folder);
        let own = if there.as_os_str().is_empty() { place(Path::new(".")) } else { place(there) };
        let of_data = inputs.iter().filter(|input| input.is_dir() && !input.join("run.toml").is_file());
        let holds =
            |input: &&PathBuf| place(input).zip(own.as_ref()).is_some_and(|(input, own)| own.starts_with(input));
        if let Some(input) = of_data.clone().find(holds) {
            let problem =
                format!("{} is in {}, which is read; choose another folder", folder.display(), input.display());
            return Err(Error::setting("out", problem));
        }
        if folder.exists() && !folder.is_dir() {
            return Err(Error::setting("out", format!("{} is no folder; choose another name", folder.display())));
        }
        files.iter().try_for_each(|file| self.check(file, inputs))
    }

    /// Refuses to write over what is read, and over anything else without `--force`. A device or a pipe takes what comes.
    ///
    /// # Errors
    /// A file that is there, or one of `inputs`.
    pub fn check(&self, out: &Path, inputs: &[PathBuf]) -> Result<()> {
        let Ok(there) = std::fs::symlink_metadata(out) else { return Ok(()) };
        let aimed = std::fs::metadata(out).unwrap_or(there);
        if !aimed.is_file() && !aimed.is_dir() && !aimed.is_symlink() {
            return Ok(());
        }
        let place = |path: &Path| std::fs::canonicalize(path).ok();
        let own = place(out);
        // A file of a folder that is read is read too.
        let reads = |input: &PathBuf| place(input).zip(own.as_ref()).is_some_and(|(input, own)| own.starts_with(input));
        if inputs.iter().any(reads) {
            let problem = format!("{} is what is read; choose another file to write", out.display());
            return Err(Error::setting("out", problem));
        }
        if self.force && !aimed.is_dir() {
            return Ok(());
        }
        let advice = if aimed.is_dir() { "it is a folder" } else { "choose another name, or replace it with --force" };
        Err(Error::setting("out", format!("{} is there already; {advice}", out.display())))
    }
}
