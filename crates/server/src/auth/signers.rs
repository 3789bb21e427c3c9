//! The secrets that sign stream tokens, as the store has them: they may be changed while the server runs.

use super::token::Signer;
use crate::keys::LOOK_AGAIN;
use crate::store::{Store, StoreResult, Write, write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The current secrets for signing and checking tokens.
#[derive(Debug)]
pub(crate) struct Signers(Mutex<(Arc<Signer>, Instant)>);

impl Signers {
    /// The first time a secret is made.
    pub(crate) async fn load(store: &dyn Store) -> StoreResult<Self> {
        if store.token_secrets().await?.is_empty() {
            write(store, vec![Write::AddTokenSecret(crate::ids::random::<32>().to_vec())]).await?;
        }
        Ok(Self(Mutex::new((Arc::new(read(store).await?), Instant::now()))))
    }

    /// As the store had it a few seconds ago at most.
    pub(crate) async fn now(&self, store: &dyn Store) -> StoreResult<Arc<Signer>> {
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.1.elapsed() < LOOK_AGAIN {
                return Ok(known.0.clone());
            }
        }
        let signer = Arc::new(read(store).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (signer.clone(), Instant::now());
        Ok(signer)
    }
}

async fn read(store: &dyn Store) -> StoreResult<Signer> {
    let mut secrets = store.token_secrets().await?.into_iter();
    // It is never removed without a replacement.
    let newest = secrets.next().ok_or_else(|| crate::store::StoreError::Failed("no secret signs tokens".to_owned()))?;
    Ok(Signer::new(newest, secrets.collect()))
}
