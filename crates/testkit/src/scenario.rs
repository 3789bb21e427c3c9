//! A scenario: a service, its faults, a call, and what must come of it. Plain files, the same for every language.

use crate::Fault;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// One file of `tests/conformance/http`; its README explains the fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// What goes wrong, in a sentence.
    pub says: String,
    /// The rules of `spec/PROTOCOL.md` that it checks.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Whether the service is ours, with the contract's extensions, or another one.
    #[serde(default = "yes")]
    pub ours: bool,
    /// What is done to which answers.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What the client does.
    pub call: Call,
    /// What must come of it.
    pub expect: Expect,
    /// What the official clients do in the same place.
    #[serde(default)]
    pub official: Option<Official>,
}

/// What the client does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// `respond`, `sendMessage`, `relay` (from the oldest event), `relayLive` (opened before the prompt is sent), `create`,
    /// `retrieve`, `delete`, `cancel`, `list`, `files` or `download`. Only `turnwire-testkit conformance` also has `resume` (a cursor
    /// in the turn of `while_running`) and `attach` (to that turn).
    pub operation: String,
    /// What is said. Its words are the deltas of the answer.
    #[serde(default = "words")]
    pub prompt: String,
    /// `auto`, `relay` or `off`.
    #[serde(default)]
    pub resume: Option<String>,
    /// `error`, `wait` or `cancel`.
    #[serde(default)]
    pub on_conflict: Option<String>,
    /// A turn with this prompt runs already.
    #[serde(default)]
    pub while_running: Option<String>,
    /// The service is spoken to over TLS, whose certificate is of a private CA.
    #[serde(default)]
    pub tls: bool,
    /// That CA is named to the client.
    #[serde(default)]
    pub ca_bundle: bool,
    /// The service is reached through a proxy only, at `service.invalid`.
    #[serde(default)]
    pub proxy: bool,
    /// That proxy is spoken to by SOCKS.
    #[serde(default)]
    pub socks: bool,
    /// A plain request goes first, so that the client knows the service.
    #[serde(default)]
    pub acquainted: bool,
    /// The options of the call, as every language takes them.
    #[serde(default)]
    pub options: Map<String, Value>,
    /// The largest event the client takes.
    #[serde(default)]
    pub max_event_bytes: Option<usize>,
    /// The caller answers each open request: a question with its first option, a permission with `once`.
    #[serde(default)]
    pub answer: bool,
    /// The caller cancels the turn after so many events.
    #[serde(default)]
    pub cancel_after: Option<usize>,
    /// The caller leaves the stream after so many events.
    #[serde(default)]
    pub leave_after: Option<usize>,
    /// With `resume`: the number of the event after which the turn is read on.
    #[serde(default)]
    pub after: u64,
}

/// What must come of a scenario. What is not said is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Expect {
    /// The status of the ended turn.
    pub status: Option<String>,
    /// Its text; of a turn that is not whole, the text so far.
    pub text: Option<String>,
    /// The class of the error.
    pub error: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// What its message holds.
    pub message: Option<String>,
    /// The HTTP status of the error.
    pub http_status: Option<u16>,
    /// Every event came once, in order, its number one more than the last one's.
    pub every_event_once: bool,
    /// How many turns were started at the service.
    pub turns: Option<usize>,
    /// How many requests of an operation arrived.
    pub requests: BTreeMap<String, usize>,
    /// How many requests arrived at the other origin, and whether a key came with one.
    pub elsewhere: Option<usize>,
    /// How many requests, or tunnels, came through the proxy.
    pub proxied: Option<usize>,
    /// How many events the relay gave.
    pub relayed: Option<usize>,
    /// Which notices the relay gave.
    pub notices: Option<Vec<String>>,
    /// The bytes of a download.
    pub bytes: Option<usize>,
    /// What an operation that answers once gave, as JSON: fields that are not named are not looked at, `null` is absence.
    pub answer: Option<Value>,
    /// The client closed every connection that was left open.
    pub closed: bool,
}

/// What the official clients do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Official {
    /// The Python client.
    pub python: String,
    /// The TypeScript client.
    pub typescript: String,
}

impl Scenario {
    /// A call of a service of ours under these faults.
    pub(crate) fn plain(operation: &str, faults: Vec<Fault>, expect: Expect) -> Self {
        let call = Call { operation: operation.to_owned(), prompt: words(), ..Call::default() };
        Self { says: String::new(), rules: vec![], ours: true, faults, call, expect, official: None }
    }
}

fn yes() -> bool {
    true
}

fn words() -> String {
    "one twö three four five".to_owned()
}

/// All scenarios of a folder by the names of their files, in order.
///
/// # Errors
/// A file that cannot be read, or is none.
pub fn scenarios(folder: &Path) -> Result<Vec<(String, Scenario)>, String> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let (Some(name), Some("json")) = (path.file_stem(), path.extension().and_then(|end| end.to_str())) else {
            continue;
        };
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let scenario = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        found.push((name.to_string_lossy().into_owned(), scenario));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}
