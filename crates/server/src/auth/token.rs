//! Stream tokens: JWT, HS256, for reading one chat, for a few minutes. Created and checked only here, so one algorithm is
//! sufficient.

use super::holder::Known;
use crate::ids;
use crate::store::TokenSecret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::time::Duration;

const ALGORITHM: &str = "HS256";
const AUDIENCE: &str = "stream";

impl TokenSecret {
    fn mac(&self, text: &str) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).expect("a key of any length");
        mac.update(text.as_bytes());
        mac
    }

    /// Identifies a key of the command line in a token, because it has no id; only this server can interpret it.
    fn tag(&self, key: &[u8; 32]) -> Hmac<Sha256> {
        self.mac(&format!("key {}", URL_SAFE_NO_PAD.encode(key)))
    }
}

/// Makes and checks tokens: the newest secret signs, all that are kept are good for checking.
#[derive(Debug)]
pub(crate) struct Signer {
    newest: TokenSecret,
    former: Vec<TokenSecret>,
}

/// The header of a token.
#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// The claims of a token.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: String,
    /// The chat.
    sub: String,
    owner: String,
    /// The key that made it.
    key: String,
    iat: u64,
    exp: u64,
    jti: String,
}

/// A token that was just made.
pub(crate) struct Minted {
    pub(crate) token: String,
    /// Milliseconds since 1970.
    pub(crate) expires_ms: u64,
}

/// The tolerance for a corrected clock.
const EARLY_MS: u64 = 60_000;

/// The access that a valid token grants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) owner: String,
    /// The number of the secret that signed it.
    pub(super) kid: u64,
    pub(crate) made_by: MadeBy,
    /// How long it is still good.
    pub(crate) left: Duration,
}

/// The key that made a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MadeBy {
    /// One of the store, by its id.
    Stored(String),
    /// The tag of a key of the command line, made with this secret.
    Given(TokenSecret, Vec<u8>),
}

impl MadeBy {
    /// Whether it was this key of the command line.
    pub(super) fn is(&self, key: &[u8; 32]) -> bool {
        match self {
            Self::Stored(_) => false,
            Self::Given(secret, tag) => secret.tag(key).verify_slice(tag).is_ok(),
        }
    }
}

/// The prefix of the tag of a key of the command line; no id of a stored key begins with it.
const GIVEN: &str = "given.";

impl Signer {
    pub(crate) fn new(newest: TokenSecret, former: Vec<TokenSecret>) -> Self {
        Self { newest, former }
    }

    /// A token for reading `chat_id`, good for `time` (whole seconds) and as long as the key of `maker` is.
    pub(crate) fn mint(&self, chat_id: &str, maker: &Known, time: Duration) -> Minted {
        let key = match &maker.given {
            None => maker.id.clone(),
            Some(given) => {
                format!("{GIVEN}{}", URL_SAFE_NO_PAD.encode(self.newest.tag(given).finalize().into_bytes()))
            }
        };
        let iat = ids::now_ms() / 1000;
        let exp = iat + time.as_secs();
        let header = Header { alg: ALGORITHM.to_owned(), typ: "JWT".to_owned(), kid: self.newest.kid.to_string() };
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            sub: chat_id.to_owned(),
            owner: maker.owner.clone(),
            key,
            iat,
            exp,
            jti: ids::random_text::<22>(),
        };
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.newest.mac(&signed).finalize().into_bytes());
        Minted { token: format!("{signed}.{signature}"), expires_ms: exp * 1000 }
    }

    /// The access that `token` grants, if this server signed it, for this chat, and it has not expired.
    pub(crate) fn open(&self, token: &str, chat_id: &str) -> Option<Opened> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = decode(header).filter(|header: &Header| header.alg == ALGORITHM)?;
        let mut secrets = std::iter::once(&self.newest).chain(&self.former);
        let secret = secrets.find(|secret| secret.kid.to_string() == header.kid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // Compares in constant time.
        secret.mac(signed).verify_slice(&signature).ok()?;
        let claims: Claims = decode(claims)?;
        let now = ids::now_ms();
        // Made before the clock was set back: it would be good for as long as that was.
        if claims.iat * 1000 > now + EARLY_MS {
            return None;
        }
        let left = (claims.exp * 1000).checked_sub(now).filter(|left| *left > 0)?;
        let good = claims.aud == AUDIENCE && claims.sub == chat_id;
        let made_by = match claims.key.strip_prefix(GIVEN) {
            None => MadeBy::Stored(claims.key),
            Some(tag) => MadeBy::Given(secret.clone(), URL_SAFE_NO_PAD.decode(tag).ok()?),
        };
        good.then(|| Opened { owner: claims.owner, kid: secret.kid, made_by, left: Duration::from_millis(left) })
    }
}

fn encode(part: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap_or_default())
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::holder::Known;
    use super::{MadeBy, Signer, TokenSecret};
    use std::time::Duration;

    const TIME: Duration = Duration::from_secs(300);

    fn maker(given: Option<[u8; 32]>) -> Known {
        Known { id: "key_a".to_owned(), given, owner: "me".to_owned(), scopes: Vec::new() }
    }

    #[test]
    fn a_token_names_the_key_that_made_it_and_gives_nothing_of_it_away() {
        let signer = Signer::new(secret(1, 7), Vec::new());
        let stored = signer.mint("chat_a", &maker(None), TIME);
        assert_eq!(signer.open(&stored.token, "chat_a").unwrap().made_by, MadeBy::Stored("key_a".to_owned()));
        let given = signer.mint("chat_a", &maker(Some([1; 32])), TIME);
        let made_by = signer.open(&given.token, "chat_a").unwrap().made_by;
        assert!(made_by.is(&[1; 32]) && !made_by.is(&[2; 32]));
        let other = Signer::new(secret(2, 8), Vec::new()).mint("chat_a", &maker(Some([1; 32])), TIME);
        let claims = |token: &str| token.split('.').nth(1).unwrap().to_owned();
        let key = |token: &str| super::decode::<super::Claims>(&claims(token)).unwrap().key;
        assert_ne!(key(&given.token), key(&other.token), "it is no hash that could be tried at home");
    }

    fn secret(kid: u64, byte: u8) -> TokenSecret {
        TokenSecret { kid, bytes: vec![byte; 32] }
    }

    /// PROTOCOL TOKEN-1, TOKEN-3.
    #[test]
    fn a_token_opens_its_chat_and_nothing_else() {
        let signer = Signer::new(secret(1, 7), Vec::new());
        let minted = signer.mint("chat_a", &maker(None), TIME);
        let opened = signer.open(&minted.token, "chat_a").unwrap();
        assert_eq!(opened.owner, "me");
        assert!(opened.left <= TIME);
        assert_eq!(signer.open(&minted.token, "chat_b"), None, "another chat");
        assert_eq!(Signer::new(secret(1, 8), Vec::new()).open(&minted.token, "chat_a"), None, "another server");
        assert_eq!(signer.open("", "chat_a"), None);
        assert_eq!(signer.open("a.b.c", "chat_a"), None);
        let over = signer.mint("chat_a", &maker(None), Duration::ZERO);
        assert_eq!(signer.open(&over.token, "chat_a"), None, "over");
        for at in 0..minted.token.len() {
            let mut bytes = minted.token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            // The last letter of base64 holds bits that mean nothing; all others count.
            if at + 1 < forged.len() {
                assert_eq!(signer.open(&forged, "chat_a"), None, "letter {at} changed");
            }
        }
    }

    #[test]
    fn a_token_outlives_its_secrets_time_as_the_newest_but_not_the_secret() {
        let token = Signer::new(secret(1, 7), Vec::new()).mint("chat_a", &maker(None), TIME).token;
        let rotated = Signer::new(secret(2, 9), vec![secret(1, 7)]);
        assert!(rotated.open(&token, "chat_a").is_some());
        let newer = rotated.mint("chat_a", &maker(None), TIME).token;
        let gone = Signer::new(secret(2, 9), Vec::new());
        assert_eq!(gone.open(&token, "chat_a"), None);
        assert!(gone.open(&newer, "chat_a").is_some());
        assert_eq!(
            Signer::new(secret(2, 7), Vec::new()).open(&token, "chat_a"),
            None,
            "the same bytes, another number"
        );
    }
}
