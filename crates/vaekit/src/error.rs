//! What can go wrong, told apart by who can mend it.

use std::io;
use std::path::Path;

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that reads as one line: what, where, expected, found, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    kind: ErrorKind,
}

/// Who is to blame, and so what the exit code is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each says what its fields are")]
pub enum ErrorKind {
    /// The data cannot be used: a broken file, a bad cell, shapes that differ.
    #[error("{place}: {problem}")]
    Data { place: String, problem: String },
    /// A flag or a key of the configuration is unknown, out of range or contradicts another.
    #[error("{key}: {problem}")]
    Setting { key: String, problem: String },
    /// A run folder or a file in it is not what the format says.
    #[error("{place}: {problem}")]
    Run { place: String, problem: String },
    /// The model is sound but cannot do what was asked (an autoencoder has no likelihood).
    #[error("{what}: {problem}")]
    Unsupported { what: String, problem: String },
    /// The operating system refused.
    #[error("cannot {action} {place}: {source}")]
    Io { action: String, place: String, source: io::Error },
    /// A public data set could not be fetched.
    #[error("cannot download {what}: {problem}")]
    Download { what: String, problem: String },
    /// A person stopped it.
    #[error("{0}")]
    Interrupted(String),
    /// A model gives numbers that are not finite on sound input.
    #[error("{place}: {problem}")]
    NotFinite { place: String, problem: String },
    /// Training left the finite numbers.
    #[error("{problem}")]
    Diverged { step: u64, problem: String },
}

impl Error {
    /// What kind of error this is.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The exit code that the command line gives: 2 for bad input, 1 for a failure on the way.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Data { .. }
            | ErrorKind::Setting { .. }
            | ErrorKind::Run { .. }
            | ErrorKind::Unsupported { .. } => 2,
            ErrorKind::Io { .. }
            | ErrorKind::Download { .. }
            | ErrorKind::NotFinite { .. }
            | ErrorKind::Diverged { .. }
            | ErrorKind::Interrupted(_) => 1,
        }
    }

    pub(crate) fn data(place: impl ToString, problem: impl Into<String>) -> Self {
        ErrorKind::Data { place: place.to_string(), problem: problem.into() }.into()
    }

    /// A flag or setting that cannot be taken; for callers with flags of their own.
    pub fn setting(key: impl ToString, problem: impl Into<String>) -> Self {
        ErrorKind::Setting { key: key.to_string(), problem: problem.into() }.into()
    }

    /// The same error of data at another place, such as the file that the data is from.
    pub(crate) fn at(self, place: impl ToString) -> Self {
        match self.kind {
            ErrorKind::Data { problem, .. } => Self::data(place, problem),
            kind => kind.into(),
        }
    }

    /// The same error, said to be of one of several things, such as a run of a sweep. Its kind stays.
    pub(crate) fn of(self, name: &str) -> Self {
        match self.kind {
            ErrorKind::Data { place, problem } => ErrorKind::Data { place: format!("{name}: {place}"), problem },
            ErrorKind::Setting { key, problem } => ErrorKind::Setting { key: format!("{name}: {key}"), problem },
            ErrorKind::Run { place, problem } => ErrorKind::Run { place: format!("{name}: {place}"), problem },
            ErrorKind::Unsupported { what, problem } => {
                ErrorKind::Unsupported { what: format!("{name}: {what}"), problem }
            }
            ErrorKind::Diverged { step, problem } => {
                ErrorKind::Diverged { step, problem: format!("{name}: {problem}") }
            }
            other => other,
        }
        .into()
    }

    /// Work that a person stopped.
    pub fn interrupted(told: impl Into<String>) -> Self {
        ErrorKind::Interrupted(told.into()).into()
    }

    /// `what` of a model that is not finite on sound input.
    pub(crate) fn not_finite(place: impl ToString, what: &str) -> Self {
        let problem = format!(
            "{what} are not finite: the weights of the model, or the values that it is given, are far beyond those of \
             training"
        );
        ErrorKind::NotFinite { place: place.to_string(), problem }.into()
    }

    pub(crate) fn run(path: &Path, problem: impl Into<String>) -> Self {
        ErrorKind::Run { place: path.display().to_string(), problem: problem.into() }.into()
    }

    pub(crate) fn unsupported(what: impl ToString, problem: impl Into<String>) -> Self {
        ErrorKind::Unsupported { what: what.to_string(), problem: problem.into() }.into()
    }

    pub(crate) fn io(action: &str, path: &Path, source: io::Error) -> Self {
        ErrorKind::Io { action: action.to_owned(), place: path.display().to_string(), source }.into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind }
    }
}

/// Opens a file that the user named: one that is missing or unreadable is bad input.
pub(crate) fn open(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|e| Error::data(path.display(), format!("cannot be opened: {e}")))
}
