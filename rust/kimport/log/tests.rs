// SPDX-License-Identifier: GPL-2.0

//! Tests of [`log`](super): the cutting of text into records.

use super::{Lines, MARK, PART};
use crate::selftest::{check, check_eq, suite};
use core::fmt::Write;
use kernel::prelude::*;

/// Returns the lengths of the records that `text` becomes, and the end of the last one.
fn records(text: &[&str]) -> Result<(KVec<usize>, [u8; 4])> {
    let mut lengths = KVec::with_capacity(8, GFP_KERNEL)?;
    let mut last = [0; 4];
    let mut full = Ok(());
    let mut lines = Lines::new(|line| {
        full = full.and(lengths.push_within_capacity(line.len()).map_err(|_| EINVAL));
        if let Some(end) = line.as_bytes().last_chunk() {
            last = *end;
        }
    });
    for part in text {
        lines.write_str(part).map_err(|_| EINVAL)?;
    }
    lines.flush();
    full.map(|()| (lengths, last))
}

suite! {
    kimport_log:

    fn lines_become_records() {
        let (lengths, last) = records(&["one\ntwo ", "words\n", "\nthree"])?;
        check_eq!(lengths.as_slice(), [3, 9, 5]);
        check_eq!(&last, b"hree");
        Ok(())
    }

    fn long_lines_go_on() {
        let hundred = [b'x'; 100];
        let hundred = core::str::from_utf8(&hundred).map_err(|_| EINVAL)?;
        let fits = PART - MARK.len();
        let (lengths, _) = records(&[hundred; 7])?;
        check_eq!(lengths.as_slice(), [700]);
        let (lengths, last) = records(&[hundred; 16])?;
        check_eq!(lengths.as_slice(), [PART, PART, 1600 + MARK.len() - fits - (fits - MARK.len())]);
        check_eq!(&last, b"xxxx");
        Ok(())
    }

    fn characters_stay_whole() {
        let (lengths, last) = records(&["\u{20ac}"; 300])?;
        check!(lengths.as_slice().iter().all(|&length| length <= PART));
        // Each character has three bytes, and there are marks at both ends of the cut.
        check_eq!(lengths.iter().sum::<usize>(), 300 * 3 + 2 * MARK.len());
        check_eq!(&last[1..], "\u{20ac}".as_bytes());
        Ok(())
    }
}
