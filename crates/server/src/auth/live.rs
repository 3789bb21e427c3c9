//! The open requests, streams and downloads of each key. They end when the key is revoked, by this process or another.

use super::holder::Known;
use super::token::{MadeBy, Opened};
use crate::http::line::Line;
use crate::store::Store;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// A revocable credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Grant {
    /// A key, by its id.
    Key(String),
    /// A secret that signs tokens, by its number.
    Secret(u64),
}

type Open = HashMap<Grant, HashMap<u64, CancellationToken>>;

/// The open requests, by their credential.
#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<(u64, Open)>);

impl Live {
    fn open(&self) -> MutexGuard<'_, (u64, Open)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(self: &Arc<Self>, grant: Grant, ends: CancellationToken) -> Held {
        let mut open = self.open();
        open.0 += 1;
        let number = open.0;
        open.1.entry(grant.clone()).or_default().insert(number, ends);
        drop(open);
        Held { live: self.clone(), grant, number }
    }

    fn end(&self, grant: &Grant) {
        let ended = self.open().1.remove(grant).unwrap_or_default();
        for ends in ended.into_values() {
            ends.cancel();
        }
    }

    /// Ends the requests whose credential is no longer in the store. Returns the revoked keys.
    pub(super) async fn end_revoked(&self, store: &dyn Store) -> Vec<String> {
        let used: Vec<Grant> = self.open().1.keys().cloned().collect();
        let mut revoked = Vec::new();
        let secrets = if used.iter().any(|grant| matches!(grant, Grant::Secret(_))) {
            store.token_secrets().await.ok()
        } else {
            None
        };
        for grant in used {
            let gone = match &grant {
                Grant::Key(id) => matches!(store.key_by_id(id.clone()).await, Ok(None)),
                Grant::Secret(kid) => {
                    secrets.as_ref().is_some_and(|secrets| !secrets.iter().any(|secret| secret.kid == *kid))
                }
            };
            if gone {
                self.end(&grant);
                if let Grant::Key(id) = grant {
                    revoked.push(id);
                }
            }
        }
        revoked
    }
}

/// Something open, until it is dropped.
struct Held {
    live: Arc<Live>,
    grant: Grant,
    number: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self.live.open();
        if let Some(others) = open.1.get_mut(&self.grant) {
            others.remove(&self.number);
            if others.is_empty() {
                open.1.remove(&self.grant);
            }
        }
    }
}

/// The origin and the credential of a request, present on every request.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) line: Arc<Line>,
    /// Cancelled when its credential is revoked.
    pub(crate) ended: CancellationToken,
    held: Arc<Mutex<Vec<Held>>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Access {
    pub(crate) fn new(line: Arc<Line>) -> Self {
        Self { line, ended: CancellationToken::new(), held: Arc::default() }
    }

    /// It was let in, and ends with this grant.
    pub(super) fn ends_with(&self, live: &Arc<Live>, grant: Grant) {
        let held = live.hold(grant, self.ended.clone());
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }

    /// It was let in with this key.
    pub(super) fn let_in(&self, live: &Arc<Live>, known: &Known) {
        self.line.is_known();
        // Those of the command line are good as long as the server runs.
        if known.given.is_none() {
            self.ends_with(live, Grant::Key(known.id.clone()));
        }
    }

    /// It was let in with this token.
    pub(super) fn let_in_by_token(&self, live: &Arc<Live>, opened: &Opened) {
        self.line.is_known();
        self.ends_with(live, Grant::Secret(opened.kid));
        if let MadeBy::Stored(id) = &opened.made_by {
            self.ends_with(live, Grant::Key(id.clone()));
        }
    }
}
