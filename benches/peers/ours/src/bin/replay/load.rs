//! What a request asks for.

/// Which turn, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Load {
    /// So many deltas, 16 KiB a write.
    Blocks(usize),
    /// So many deltas, each event in a write of its own.
    Events(usize),
    /// So many deltas a second, without end.
    Paced(u32),
}

/// Whose events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Turnwire,
    OpenAi,
}

impl Load {
    /// Reads `16k-1000`, `event-1000`, `paced-10`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, number) = text.split_once('-')?;
        Some(match kind {
            "16k" => Self::Blocks(number.parse().ok()?),
            "event" => Self::Events(number.parse().ok()?),
            "paced" => Self::Paced(number.parse().ok().filter(|rate| *rate > 0)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Load;

    #[test]
    fn a_load_is_read_from_its_name_and_nothing_else_is_one() {
        assert_eq!(Load::parse("16k-1000"), Some(Load::Blocks(1000)));
        assert_eq!(Load::parse("event-3"), Some(Load::Events(3)));
        assert_eq!(Load::parse("paced-10"), Some(Load::Paced(10)));
        for wrong in ["", "16k", "16k-", "event--1", "paced-0", "whole-1"] {
            assert_eq!(Load::parse(wrong), None, "{wrong}");
        }
    }
}
