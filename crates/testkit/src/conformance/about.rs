//! What is said of a case in lists and reports, whether it judges a client or a server.

/// What a case is about.
#[derive(Clone, Debug)]
pub struct About {
    /// `http/a-healthy-turn`.
    pub name: String,
    /// What must hold, in a sentence.
    pub says: String,
    /// The rules of `spec/PROTOCOL.md` that it checks.
    pub rules: Vec<String>,
    /// The features that it needs.
    pub needs: Vec<&'static str>,
}

impl About {
    /// The features that it needs and that are not among these.
    pub(crate) fn missing(&self, features: &[String]) -> Vec<&'static str> {
        self.needs.iter().copied().filter(|need| !features.iter().any(|has| has == need)).collect()
    }
}
