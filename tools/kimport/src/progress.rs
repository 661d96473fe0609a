// SPDX-License-Identifier: GPL-2.0

//! Progress on a terminal during long work. All of it goes to standard error.

use indicatif::ProgressBar;
use std::time::Duration;

/// The interval between two frames of the spinner.
const TICK: Duration = Duration::from_millis(120);

/// A spinner that shows the present work until it is dropped. Without a terminal it shows nothing.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Starts a spinner with the message `what`.
    pub fn new(what: impl Into<String>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what.into());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
