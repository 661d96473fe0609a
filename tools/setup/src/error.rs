// SPDX-License-Identifier: GPL-2.0

//! Reasons for which something cannot be done, with the ways out.

use crate::archive::Choice;
use std::{fmt, path::Path};

/// The reason for which set-up does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A reason that people can read, with the ways out.
    Explained {
        /// The reason.
        message: String,
        /// The ways out, line by line.
        help: Vec<String>,
        /// The end of the log of the step that failed.
        log: String,
    },
    /// A failure inside of a step, whose log tells more.
    Failed(String),
    /// A signal.
    Interrupted,
}

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error with the reason for which set-up does not go on.
    pub fn new(message: impl fmt::Display) -> Self {
        Self::Explained {
            message: message.to_string(),
            help: Vec::new(),
            log: String::new(),
        }
    }

    /// Adds a line of help.
    pub fn help(mut self, line: impl fmt::Display) -> Self {
        if let Self::Explained { help, .. } = &mut self {
            help.push(line.to_string());
        }
        self
    }

    /// Adds a line of help for each kernel.
    pub(crate) fn kernels(self, kernels: &[Choice]) -> Self {
        let lines = kernels
            .iter()
            .map(|(release, version)| format!("  {release} {version}"));
        let none = kernels.is_empty().then(|| "  none".to_owned());
        lines.chain(none).fold(self, Self::help)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explained { message, help, .. } => {
                f.write_str(message)?;
                help.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
            Self::Failed(message) => f.write_str(message),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// Adds the name of the file that an operation failed for.
pub(crate) trait At<T> {
    /// Adds `path`.
    fn at(self, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: fmt::Display> At<T> for std::result::Result<T, E> {
    fn at(self, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|error| Error::Failed(format!("{}: {error}", path.as_ref().display())))
    }
}

/// Returns a hint for people, or nothing if a failed step's log suggests none.
fn hint(log: &str) -> &'static str {
    const NETWORK: [&str; 7] = [
        "Could not resolve",
        "Could not connect",
        "Temporary failure resolving",
        "Connection failed",
        "Connection timed out",
        "Connection refused",
        "Failed to fetch",
    ];
    if log.contains("No space left on device") {
        "The disk is full: free some space, or set KIMPORT_CACHE to a directory on a larger disk. "
    } else if log.contains("is expired (invalid since") {
        "The mirror lags behind: set KIMPORT_MIRROR to another one, or, if you trust this one, \
         Acquire::Check-Valid-Until \"false\" in this machine's apt configuration. "
    } else if NETWORK.iter().any(|text| log.contains(text)) {
        "The archive could not be reached: check the network and http_proxy, or set \
         KIMPORT_MIRROR. "
    } else {
        ""
    }
}

/// Returns the error that the step `name` failed, with the end of its log, which is at `path`.
pub(crate) fn step_failed(name: &str, path: &Path) -> Error {
    let log = String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let lines: Vec<_> = log.lines().collect();
    let end = lines[lines.len().saturating_sub(15)..]
        .iter()
        .map(|line| format!("  | {}", line.chars().take(300).collect::<String>()));
    Error::Explained {
        message: format!("The step '{name}' failed."),
        help: vec![
            format!("{}The whole log: {}", hint(&log), path.display()),
            "What was finished is kept; run it again to go on.".to_owned(),
        ],
        log: end.collect::<Vec<_>>().join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_explained_by_its_log() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let explain = |log: &str| {
            std::fs::write(file.path(), log).unwrap();
            let Error::Explained { message, help, log } = step_failed("unpacking", file.path())
            else {
                panic!("not explained");
            };
            assert_eq!(message, "The step 'unpacking' failed.");
            assert_eq!(help[1], "What was finished is kept; run it again to go on.");
            (help[0].replace(file.path().to_str().unwrap(), "LOG"), log)
        };
        let long = "x".repeat(400);
        let lines = (1..=20)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join("\n");
        let (help, log) = explain(&format!("{lines}\n{long}\n"));
        assert_eq!(help, "The whole log: LOG");
        assert_eq!(log.lines().count(), 15);
        assert!(log.starts_with("  | 7\n"), "{log}");
        assert!(log.ends_with(&format!("\n  | {}", "x".repeat(300))));

        let (help, _) = explain("cp: write error: No space left on device\n");
        assert!(help.starts_with("The disk is full: "), "{help}");
        let (help, _) = explain("E: Release file for x is expired (invalid since 22d). Updates\n");
        assert!(help.starts_with("The mirror lags behind: "), "{help}");
        let (help, _) = explain("E: Failed to fetch http://x/  Connection refused\n");
        assert!(
            help.starts_with("The archive could not be reached: "),
            "{help}"
        );
    }

    #[test]
    fn help_comes_below() {
        let error = Error::new("No.").help("Do this.").help("Or that.");
        assert_eq!(error.to_string(), "No.\n  Do this.\n  Or that.");
    }
}
