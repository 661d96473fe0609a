// SPDX-License-Identifier: GPL-2.0

//! Shows on a terminal that long work goes on. All of it is on standard error.

use indicatif::ProgressBar;
use std::time::Duration;

/// How often what moves moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows what is being done until it is dropped; nothing where there is no terminal.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Begins.
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
