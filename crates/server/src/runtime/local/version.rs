//! Versions of `OpenCode` that are known not to work here, and why.

/// A range of versions, each as major and minor: from the first to just before the last.
type Range = std::ops::Range<(u32, u32)>;

/// What is wrong with which.
const BAD: &[(Range, &str)] =
    &[((0, 0)..(1, 1), "it takes orders from any program on this machine, whatever password it was given")];

/// Why this version is refused; `None`: nothing is known against it.
pub(super) fn refused(version: &str) -> Option<String> {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next()??, numbers.next()??);
    let bad = BAD.iter().find(|(range, _)| range.contains(&(major, minor)));
    bad.map(|(_, why)| format!("OpenCode {version} is not used: {why}. Update it with `npm install -g opencode-ai`."))
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn known_bad_versions_are_refused_with_a_reason_and_unknown_ones_are_not() {
        for bad in ["1.0.185", "0.15.3", "1.0.0"] {
            assert!(refused(bad).is_some_and(|why| why.contains(bad) && why.contains("password")), "{bad}");
        }
        for good in ["1.1.65", "1.18.33", "2.0.0", "1.14.41-beta.1", "local", "unknown", ""] {
            assert_eq!(refused(good), None, "{good}");
        }
    }
}
