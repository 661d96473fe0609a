// SPDX-License-Identifier: GPL-2.0

//! What the scripts report while they work, see `event` in `scripts/lib/common.sh`.

/// The end of a field.
const FIELD: char = '\x1f';
/// The end of an event.
pub(super) const END: u8 = 0;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A step has begun.
    Begin(String),
    /// The step is done.
    End,
    /// There was nothing to do in a step.
    Skip(String),
    /// Something to tell the user.
    Note(String),
    /// The end of what the failed step wrote.
    Log(String),
    /// Why it does not go on, and the ways out.
    Error { message: String, help: Vec<String> },
    /// The kernel is prepared.
    Kernel(super::Prepared),
}

impl Event {
    /// Reads an event without its end.
    pub(super) fn parse(record: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(record);
        let mut fields = text.strip_suffix(FIELD)?.split(FIELD).map(str::to_owned);
        let kind = fields.next()?;
        let mut next = || fields.next();
        Some(match kind.as_str() {
            kind @ ("begin" | "skip") => {
                let (step, steps, name) = (next()?, next()?, next()?);
                let name = format!("[{step}/{steps}] {name}");
                if kind == "begin" {
                    Self::Begin(name)
                } else {
                    Self::Skip(name)
                }
            }
            "end" => Self::End,
            "note" => Self::Note(next()?),
            "log" => Self::Log(next()?),
            "error" => Self::Error {
                message: next()?,
                help: fields.collect(),
            },
            "kernel" => Self::Kernel(super::Prepared {
                release: next()?,
                version: next()?,
                kdir: next()?.into(),
                stock: next()?.into(),
                source: next()?.into(),
                root: next()?.into(),
                in_root: Default::default(),
            }),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn events_are_read() {
        let parse = |record: &str| Event::parse(record.as_bytes());
        assert_eq!(
            parse("begin\x1f2\x1f6\x1fbuild root\x1f"),
            Some(Event::Begin("[2/6] build root".into()))
        );
        assert_eq!(parse("end\x1f"), Some(Event::End));
        assert_eq!(
            parse("error\x1fThe disk is full:\n/x\x1fFree some.\x1f\x1f"),
            Some(Event::Error {
                message: "The disk is full:\n/x".into(),
                help: vec!["Free some.".into(), String::new()],
            })
        );
        assert_eq!(parse("begin\x1f2\x1f"), None);
        assert_eq!(parse("end"), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(record in any::<Vec<u8>>(), kind in "begin|skip|note|error|kernel") {
            let _ = Event::parse(&record);
            let _ = Event::parse(&[kind.as_bytes(), b"\x1f", &record, b"\x1f"].concat());
        }
    }
}
