//! `Content-Encoding`: compressed bodies are decoded, or refused by the name of their encoding. They are never taken for plain
//! data.

use crate::error::{Error, Result};
use ::http::header::{CONTENT_ENCODING, HeaderMap};
use bytes::{Buf as _, Bytes};
use flate2::write::MultiGzDecoder;
use std::io::{self, Write as _};

/// A body compressed more often than this is refused.
const MAX_LAYERS: usize = 3;
/// About as much is decoded at once: a small body may hold gigabytes.
const PIECE: usize = 64 * 1024;

/// Decodes a body, piece by piece, in bounded memory.
pub(super) struct Decoder {
    /// The outermost first.
    layers: Vec<Layer>,
}

struct Layer {
    gzip: MultiGzDecoder<Vec<u8>>,
    input: Bytes,
    /// Whether anything came: a body of no bytes needs no decoding.
    begun: bool,
}

impl Decoder {
    /// The decoder of an answer with these headers; `None`: its bytes are what they seem.
    ///
    /// # Errors
    /// An unsupported encoding.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let mut layers = Vec::new();
        for header in headers.get_all(CONTENT_ENCODING) {
            for name in String::from_utf8_lossy(header.as_bytes()).split(',') {
                match name.trim().to_ascii_lowercase().as_str() {
                    "" | "identity" => {}
                    "gzip" | "x-gzip" if layers.len() < MAX_LAYERS => layers.push(Layer::new()),
                    "gzip" | "x-gzip" => return Err(unexpected("gzip, many times over")),
                    other => return Err(unexpected(other)),
                }
            }
        }
        Ok(if layers.is_empty() { None } else { Some(Self { layers }) })
    }

    /// Takes in what came. What there is so far is taken out by [`Decoder::next`] first.
    pub(super) fn feed(&mut self, bytes: Bytes) {
        if let Some(layer) = self.layers.first_mut() {
            layer.begun |= !bytes.is_empty();
            layer.input = bytes;
        }
    }

    /// The next piece of what was fed; empty: more has to come.
    pub(super) fn next(&mut self) -> Result<Bytes> {
        let last = self.layers.len() - 1;
        self.step(last).map_err(damaged)
    }

    fn step(&mut self, at: usize) -> io::Result<Bytes> {
        loop {
            if self.layers[at].input.is_empty() && at > 0 {
                let more = self.step(at - 1)?;
                let layer = &mut self.layers[at];
                layer.begun |= !more.is_empty();
                layer.input = more;
            }
            let layer = &mut self.layers[at];
            let drained = layer.input.is_empty();
            if drained {
                layer.gzip.flush()?;
            } else {
                let taken = layer.gzip.write(&layer.input)?;
                layer.input.advance(taken);
            }
            if drained || layer.gzip.get_ref().len() >= PIECE {
                return Ok(std::mem::take(layer.gzip.get_mut()).into());
            }
        }
    }

    /// The body has ended.
    ///
    /// # Errors
    /// It was cut.
    pub(super) fn end(&mut self) -> Result<()> {
        self.layers
            .iter_mut()
            .filter(|layer| layer.begun)
            .try_for_each(|layer| layer.gzip.try_finish())
            .map_err(damaged)
    }
}

impl Layer {
    fn new() -> Self {
        Self { gzip: MultiGzDecoder::new(Vec::new()), input: Bytes::new(), begun: false }
    }
}

fn unexpected(name: &str) -> Error {
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    Error::new(
        "unexpected_encoding",
        format!(
            "The service answered in the encoding {name:?}, which was not asked for and is not read here; check any proxy between."
        ),
    )
}

fn damaged(error: io::Error) -> Error {
    Error::new(
        "invalid_answer",
        "The service's answer says that it is compressed with gzip, and cannot be decompressed.",
    )
    .with_source(error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ::http::header::HeaderValue;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value))).collect()
    }

    /// Feeds a body in chunks; gives what came out, and the largest piece of it.
    fn decode(encoding: &[&'static str], body: &[u8], chunk: usize) -> Result<(Vec<u8>, usize)> {
        let mut decoder = Decoder::of(&headers(encoding))?.unwrap();
        let (mut all, mut largest) = (Vec::new(), 0);
        for chunk in body.chunks(chunk.max(1)) {
            decoder.feed(Bytes::copy_from_slice(chunk));
            loop {
                let piece = decoder.next()?;
                if piece.is_empty() {
                    break;
                }
                largest = largest.max(piece.len());
                all.extend_from_slice(&piece);
            }
        }
        decoder.end()?;
        Ok((all, largest))
    }

    #[test]
    fn gzip_is_known_in_every_spelling() {
        for values in [&["gzip"][..], &["GZip"], &[" x-gzip "], &["gzip,identity"], &["identity", "gzip"], &["gzip,"]] {
            assert_eq!(decode(values, &gzip(b"words"), 3).unwrap().0, b"words", "{values:?}");
        }
        for values in [&["gzip, gzip"][..], &["gzip", "x-gzip"]] {
            assert_eq!(decode(values, &gzip(&gzip(b"words")), 3).unwrap().0, b"words", "{values:?}");
        }
        for none in [&["identity"][..], &[""], &[], &["Identity, identity"]] {
            assert!(Decoder::of(&headers(none)).unwrap().is_none(), "{none:?}");
        }
    }

    #[test]
    fn other_encodings_are_refused_by_name() {
        for other in ["br", "BR", "zstd", "deflate", "compress", "gzip, br", "aws-chunked"] {
            let error = Decoder::of(&headers(&[other])).err().unwrap();
            assert_eq!(error.code(), "unexpected_encoding");
            let named = other.rsplit(", ").next().unwrap().to_ascii_lowercase();
            assert!(error.message().contains(&named), "{error}");
        }
        assert!(Decoder::of(&headers(&["gzip,gzip,gzip,gzip"])).is_err());
    }

    #[test]
    fn a_body_of_many_members_is_whole() {
        let body = [gzip(b"one "), gzip(b""), gzip(b"two "), gzip(b"three")].concat();
        for chunk in 1..body.len() {
            assert_eq!(decode(&["gzip"], &body, chunk).unwrap().0, b"one two three", "{chunk}");
        }
    }

    #[test]
    fn a_cut_body_is_an_error_and_an_empty_one_is_none() {
        let body = gzip(b"some words that are many words");
        for cut in 1..body.len() {
            assert_eq!(decode(&["gzip"], &body[..cut], 7).unwrap_err().code(), "invalid_answer", "{cut}");
        }
        assert!(decode(&["gzip"], b"", 1).unwrap().0.is_empty());
        assert_eq!(decode(&["gzip"], b"plain text", 99).unwrap_err().code(), "invalid_answer");
    }

    #[test]
    fn what_decompresses_to_much_comes_in_small_pieces() {
        let bomb = gzip(&vec![0; 20_000_000]);
        for (encoding, body) in [("gzip", bomb.clone()), ("gzip, gzip", gzip(&bomb))] {
            let (all, largest) = decode(&[encoding], &body, usize::MAX).unwrap();
            assert_eq!(all.len(), 20_000_000);
            assert!(largest <= 4 * PIECE, "{largest}");
        }
    }

    #[test]
    fn what_has_come_is_given_before_more_comes() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut decoder = Decoder::of(&headers(&["gzip"])).unwrap().unwrap();
        for size in [1, 50_000, 2, 400_000] {
            let event = vec![b'a'; size];
            encoder.write_all(&event).unwrap();
            encoder.flush().unwrap();
            decoder.feed(std::mem::take(encoder.get_mut()).into());
            let mut came = 0;
            loop {
                match decoder.next().unwrap().len() {
                    0 => break,
                    piece => came += piece,
                }
            }
            assert_eq!(came, size);
        }
    }

    proptest! {
        #[test]
        fn any_body_comes_out_as_it_went_in(body: Vec<u8>, chunk in 1_usize..50) {
            prop_assert_eq!(decode(&["gzip"], &gzip(&body), chunk).unwrap().0, body.clone());
            prop_assert_eq!(decode(&["gzip, gzip"], &gzip(&gzip(&body)), chunk).unwrap().0, body);
        }

        #[test]
        fn damage_is_an_error_and_never_a_panic(body: Vec<u8>, at: prop::sample::Index, byte: u8, chunk in 1_usize..50) {
            let mut spoilt = gzip(&body);
            let at = at.index(spoilt.len());
            spoilt[at] = byte;
            let _ = decode(&["gzip"], &spoilt, chunk);
            let _ = decode(&["gzip, gzip"], &spoilt, chunk);
        }
    }
}
