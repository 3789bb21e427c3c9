//! The keys that open the server: those of the command line, and those kept in the store.

use super::{Known, OWNER};
use crate::config::ApiKey;
use crate::error::{ApiError, ApiResult};
use crate::keys::{NOTICED_AFTER, Scope, hash};
use crate::store::Store;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq as _;

/// So many keys are remembered between two looks into the store.
const REMEMBERED: usize = 10_000;

/// Who a key was, as of when.
type Remembered = (Option<Known>, Instant);

/// The keys that open the server, hashed: nothing in memory or in a dump opens it.
pub(crate) struct Keys {
    given: Vec<[u8; 32]>,
    /// What the store said last, for a few seconds; of wrong keys too, so that guessing does not wear the disk.
    remembered: Mutex<HashMap<[u8; 32], Remembered>>,
    /// How many requests each key has left, and as of when.
    left: Mutex<HashMap<String, (f64, Instant)>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.given.len())
    }
}

impl Keys {
    pub(crate) fn new(keys: &[ApiKey]) -> Self {
        let given = keys.iter().filter(|key| !key.expose().is_empty()).map(|key| hash(key.expose())).collect();
        Self { given, remembered: Mutex::default(), left: Mutex::default() }
    }

    /// Who has this key.
    pub(super) async fn find(&self, store: &dyn Store, key: &str) -> ApiResult<Option<Known>> {
        let asked = hash(key);
        // Every key is compared in full, so that the time says nothing.
        let given = self.given.iter().fold(subtle::Choice::from(0), |found, key| found | key.ct_eq(&asked));
        if given.into() {
            return Ok(Some(Known { id: "given".to_owned(), owner: OWNER.to_owned(), scopes: Scope::ALL.to_vec() }));
        }
        // Looked up by its hash: what the time of that says is of no use to anybody who does not know the key.
        if let Some((known, at)) = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(&asked)
            && at.elapsed() < NOTICED_AFTER
        {
            return Ok(known.clone());
        }
        let row = store.key(asked).await?;
        let known = row.map(|row| Known { id: row.id, owner: row.owner, scopes: Scope::split(&row.scopes) });
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(asked, (known.clone(), Instant::now()));
        Ok(known)
    }

    /// Takes one request from what the key has left; a key may save up one minute's.
    pub(super) fn pace(&self, id: &str, per_minute: Option<u32>) -> ApiResult<()> {
        let Some(per_minute) = per_minute.map(|limit| f64::from(limit.max(1))) else { return Ok(()) };
        let now = Instant::now();
        let mut keys = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = keys.entry(id.to_owned()).or_insert((per_minute, now));
        *left = (*left + now.duration_since(*since).as_secs_f64() * per_minute / 60.0).min(per_minute);
        *since = now;
        if *left < 1.0 {
            return Err(ApiError::rate_limited(Duration::from_secs_f64((1.0 - *left) * 60.0 / per_minute)));
        }
        *left -= 1.0;
        Ok(())
    }
}
