//! The API keys: those of the command line, and those in the store.

use super::guesses::Guesses;
use super::holder::{Known, OWNER};
use super::live::Live;
use super::token::MadeBy;
use crate::config::ApiKey;
use crate::error::{ApiError, ApiResult};
use crate::keys::{LOOK_AGAIN, Scope, hash};
use crate::store::Store;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The maximum number of cached keys between two reads of the store.
const REMEMBERED: usize = 10_000;

/// A key of the command line with this many characters cannot be guessed; keys created by the server are longer.
const BEYOND_GUESSING: usize = 24;

/// The holder of a key, and when it was read.
type Remembered = (Option<Known>, Instant);

/// The API keys as hashes, so that neither memory nor a dump contains a usable key.
pub(crate) struct Keys {
    given: Vec<[u8; 32]>,
    /// The latest answers of the store, cached for a few seconds; also for wrong keys, so that guessing causes no disk reads.
    remembered: Mutex<HashMap<[u8; 32], Remembered>>,
    /// The remaining requests of each key, and when they were counted.
    left: Mutex<HashMap<String, (f64, Instant)>>,
    guesses: Guesses,
    /// The open requests and streams of each key.
    pub(super) live: Arc<Live>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.given.len())
    }
}

impl Keys {
    pub(crate) fn new(keys: &[ApiKey]) -> Self {
        let given = keys.iter().filter(|key| !key.expose().is_empty()).map(|key| hash(key.expose())).collect();
        Self {
            given,
            remembered: Mutex::default(),
            left: Mutex::default(),
            guesses: Guesses::default(),
            live: Arc::default(),
        }
    }

    /// The holder of this key.
    pub(super) async fn find(&self, store: &dyn Store, key: &str) -> ApiResult<Option<Known>> {
        let asked = hash(key);
        // All keys are compared in constant time.
        let given = self.given.iter().fold(subtle::Choice::from(0), |found, key| found | key.ct_eq(&asked));
        if given.into() {
            let (id, owner, scopes) = ("given".to_owned(), OWNER.to_owned(), Scope::ALL.to_vec());
            return Ok(Some(Known { id, given: Some(asked), owner, scopes }));
        }
        // Looked up by its hash, so that the time of the lookup reveals nothing useful about the key.
        if let Some((known, at)) = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(&asked)
            && at.elapsed() < LOOK_AGAIN
        {
            return Ok(known.clone());
        }
        let row = store.key(asked).await?;
        let known =
            row.map(|row| Known { id: row.id, given: None, owner: row.owner, scopes: Scope::split(&row.scopes) });
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(asked, (known.clone(), Instant::now()));
        Ok(known)
    }

    /// Refuses a wrong key. After many of them from one address it also refuses a correct key that is short enough to be guessed,
    /// so that the answers reveal nothing. A key that cannot be guessed is always accepted.
    pub(super) fn unless_guessed(&self, known: Option<Known>, key: &str, peer: IpAddr) -> ApiResult<Known> {
        if let Some(known) = known
            && (known.given.is_none() || key.len() >= BEYOND_GUESSING || !self.guesses.spent(peer))
        {
            return Ok(known);
        }
        self.guesses.wrong(peer)?;
        let message = "This API key does not open this server; check it, or make one there.";
        Err(ApiError::new("unauthorized", message))
    }

    /// Whether a key that created a token is still valid.
    pub(crate) async fn is_good(&self, store: &dyn Store, made_by: &MadeBy) -> ApiResult<bool> {
        Ok(match made_by {
            MadeBy::Given(..) => self.given.iter().any(|given| made_by.is(given)),
            MadeBy::Stored(id) => store.key_by_id(id.clone()).await?.is_some(),
        })
    }

    /// Ends what is open for keys that were revoked, by whatever process, until `stop`.
    pub(crate) async fn keep_ending_revoked(&self, store: &dyn Store, stop: &CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            self.end_revoked(store).await;
        }
    }

    /// Ends the open requests of revoked keys, and removes those keys from the cache.
    async fn end_revoked(&self, store: &dyn Store) {
        let revoked = self.live.end_revoked(store).await;
        if !revoked.is_empty() {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.retain(|_, (known, _)| known.as_ref().is_none_or(|known| !revoked.contains(&known.id)));
        }
    }

    /// Counts one request of the key (a token bucket of one minute).
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Keys;
    use crate::auth::Access;
    use crate::config::Delivery;
    use crate::http::line::{Line, Strangers};
    use crate::keys::{self, LOOK_AGAIN, NOTICED_AFTER, Scope};
    use crate::store::sqlite::Sqlite;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    /// PROTOCOL AUTH-5, by a clock that jumps to whatever happens next.
    #[tokio::test(start_paused = true)]
    async fn what_is_open_for_a_revoked_key_has_ended_in_the_time_that_is_promised() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path(), Delivery::Fast, None).ok().unwrap());
        let keys = Arc::new(Keys::new(&[]));
        let stop = CancellationToken::new();
        let ending = tokio::spawn({
            let (keys, store, stop) = (keys.clone(), store.clone(), stop.clone());
            async move { keys.keep_ending_revoked(&*store, &stop).await }
        });
        let strangers = Arc::<Strangers>::default();
        let line = || Line::new([127, 0, 0, 1].into(), &strangers, CancellationToken::new());
        // Revoked at any time between two looks; let in long before, or at the last moment, by what was looked up before.
        for (after, late) in [(0, false), (1, false), (1999, false), (0, true), (1, true), (1999, true)] {
            tokio::time::sleep(Duration::from_millis(after)).await;
            let (info, key) = keys::create(folder.path(), "laptop", "anna", &[Scope::Chat]).unwrap();
            let known = keys.find(&*store, key.expose()).await.unwrap().unwrap();
            let access = Access::new(line());
            if !late {
                access.let_in(&keys.live, &known);
            }
            assert!(keys::revoke(folder.path(), &info.id).unwrap());
            let revoked = Instant::now();
            if late {
                tokio::time::sleep(LOOK_AGAIN.mul_f64(0.999)).await;
                let known = keys.find(&*store, key.expose()).await.unwrap().expect("it was looked up a moment ago");
                access.let_in(&keys.live, &known);
            }
            access.ended.cancelled().await;
            assert!(revoked.elapsed() <= NOTICED_AFTER, "{after} {late}: {:?}", revoked.elapsed());
            assert!(keys.find(&*store, key.expose()).await.unwrap().is_none(), "{after} {late}");
        }
        stop.cancel();
        ending.await.unwrap();
        crate::store::Store::close(&*store).await;
    }
}
