//! Stream tokens: JWT, HS256, for reading one chat, for a few minutes. Made and checked here only, so one algorithm is enough.

use crate::ids;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::time::Duration;

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
const AUDIENCE: &str = "stream";

/// What signs tokens.
pub(crate) struct Signer(Vec<u8>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: String,
    /// The chat.
    sub: String,
    owner: String,
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

/// What a good token opens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) owner: String,
    /// How long it is still good.
    pub(crate) left: Duration,
}

impl Signer {
    pub(crate) fn new(secret: Vec<u8>) -> Self {
        Self(secret)
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(text.as_bytes());
        mac
    }

    /// A token for reading `chat_id`, good for `time` (whole seconds).
    pub(crate) fn mint(&self, chat_id: &str, owner: &str, time: Duration) -> Minted {
        let iat = ids::now_ms() / 1000;
        let exp = iat + time.as_secs();
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            sub: chat_id.to_owned(),
            owner: owner.to_owned(),
            iat,
            exp,
            jti: ids::random_text::<22>(),
        };
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap_or_default());
        let signed = format!("{HEADER}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed).finalize().into_bytes());
        Minted { token: format!("{signed}.{signature}"), expires_ms: exp * 1000 }
    }

    /// What `token` opens, if it is one of ours, for this chat, and not yet over.
    pub(crate) fn open(&self, token: &str, chat_id: &str) -> Option<Opened> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // Compares in constant time.
        self.mac(signed).verify_slice(&signature).ok()?;
        if header != HEADER {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let left = (claims.exp * 1000).checked_sub(ids::now_ms()).filter(|left| *left > 0)?;
        let good = claims.aud == AUDIENCE && claims.sub == chat_id;
        good.then(|| Opened { owner: claims.owner, left: Duration::from_millis(left) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Signer;
    use std::time::Duration;

    #[test]
    fn a_token_opens_its_chat_and_nothing_else() {
        let signer = Signer::new(vec![7; 32]);
        let minted = signer.mint("chat_a", "me", Duration::from_secs(300));
        let opened = signer.open(&minted.token, "chat_a").unwrap();
        assert_eq!(opened.owner, "me");
        assert!(opened.left <= Duration::from_secs(300));
        assert_eq!(signer.open(&minted.token, "chat_b"), None, "another chat");
        assert_eq!(Signer::new(vec![8; 32]).open(&minted.token, "chat_a"), None, "another server");
        assert_eq!(signer.open("", "chat_a"), None);
        assert_eq!(signer.open("a.b.c", "chat_a"), None);
        let over = signer.mint("chat_a", "me", Duration::ZERO);
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
}
