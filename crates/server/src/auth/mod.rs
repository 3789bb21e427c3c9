//! Authentication: a key in `Authorization: Bearer`, or a stream token for reading one chat.

mod caller;
mod guesses;
mod holder;
mod known;
mod live;
mod signers;
mod token;

pub(crate) use caller::{Caller, FileReader, Operator, bearer, of_key, of_token};
pub(crate) use holder::OWNER;
pub(crate) use known::Keys;
pub(crate) use live::Access;
pub(crate) use signers::Signers;
