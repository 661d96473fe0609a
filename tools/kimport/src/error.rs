// SPDX-License-Identifier: GPL-2.0

//! Errors: the cause, the exit code and the way out.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// The outcome of a command, as its exit code tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// There are no findings.
    Fine = 0,
    /// The input was understood, but something in it is not as it should be.
    Findings = 1,
    /// The command line or an input could not be understood.
    Unusable = 2,
}

impl Outcome {
    /// Returns the outcome of a command that has findings, or none.
    pub fn of(has_findings: bool) -> Self {
        if has_findings {
            Self::Findings
        } else {
            Self::Fine
        }
    }
}

/// An error with its cause and a way out, fit to be shown to the user as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, JsonSchema, Serialize)]
#[error("{message}")]
#[schemars(rename = "Failure", description = "An error as JSON.")]
pub struct Error {
    #[serde(skip)]
    outcome: Outcome,
    /// The cause of the error.
    #[serde(rename = "error")]
    message: String,
    /// The way out, if one is known.
    help: Option<String>,
}

/// The result of a function that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes the error for a command line or an input that cannot be used.
    pub fn unusable(message: impl fmt::Display) -> Self {
        Self {
            outcome: Outcome::Unusable,
            message: message.to_string(),
            help: None,
        }
    }

    /// Makes the error for an input that was understood, but is not as it should be.
    pub fn finding(message: impl fmt::Display) -> Self {
        Self {
            outcome: Outcome::Findings,
            ..Self::unusable(message)
        }
    }

    /// Adds the way out.
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }

    /// Puts `context` before the message.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// Returns the outcome that this error leads to.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the way out, if one is known.
    pub fn way_out(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// Returns the bytes of a file as text for people, without control characters that could reach the
/// terminal.
pub fn printable(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    for character in String::from_utf8_lossy(bytes.as_ref()).chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// Returns a number of things in words: `1 symbol`, `2 symbols`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
