//! Retention: deletes by age and by the size of the log; deltas first, then whole turns.

use super::Registry;
use crate::ids;
use crate::store::{self, DueTurn, StoreResult, Write};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

/// At most so many turns each time, so that nothing else waits long.
const AT_ONCE: usize = 16;
/// So much of a turn is read at once.
const PIECE: (usize, usize) = (4096, 4 << 20);

impl Registry {
    /// Deletes what is due. Called periodically.
    pub(crate) async fn retain(&self) -> StoreResult<()> {
        let limits = &self.shared.limits;
        let store = &self.shared.store;
        let now = ids::now_ms();
        let before = |age: Duration| now.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        if let Some(age) = limits.keep_turns {
            self.trim(store.due(before(age), true, AT_ONCE).await?).await?;
        }
        if let Some(age) = limits.keep_deltas {
            self.thin(store.due(before(age), false, AT_ONCE).await?).await?;
        }
        let Some(most) = limits.log_bytes else { return Ok(()) };
        if store.used_bytes().await? > most / 5 * 4 {
            let due = store.due(now, false, AT_ONCE).await?;
            if due.is_empty() {
                self.trim(store.due(now, true, AT_ONCE).await?).await?;
            } else {
                self.thin(due).await?;
            }
        }
        Ok(())
    }

    async fn trim(&self, due: Vec<DueTurn>) -> StoreResult<()> {
        let trims = due.into_iter().map(|turn| Write::Trim { chat: turn.chat, end_seq: turn.end_seq });
        store::write(&*self.shared.store, trims.collect()).await
    }

    async fn thin(&self, due: Vec<DueTurn>) -> StoreResult<()> {
        for turn in due {
            let drop = self.superseded(&turn).await?;
            let DueTurn { chat, turn_id, end_seq, .. } = turn;
            store::write(&*self.shared.store, vec![Write::Thin { chat, turn_id, end_seq, drop }]).await?;
        }
        Ok(())
    }

    /// The numbers of the deltas whose whole part followed. Deltas of an interrupted turn without it are kept.
    async fn superseded(&self, turn: &DueTurn) -> StoreResult<Vec<u64>> {
        let mut whole = HashSet::new();
        let mut deltas = Vec::new();
        let mut cursor = turn.cursor;
        while cursor < turn.end_seq {
            let events = self.shared.store.events(turn.chat, cursor, PIECE.0, PIECE.1).await?;
            let Some((last, _)) = events.last() else { break };
            cursor = *last;
            for (seq, event) in events.into_iter().filter(|(seq, _)| *seq <= turn.end_seq) {
                match look(&event) {
                    Look::Delta(part) => deltas.push((seq, part)),
                    Look::Whole(part) => {
                        whole.insert(part);
                    }
                    Look::Other => {}
                }
            }
        }
        Ok(deltas.into_iter().filter(|(_, part)| whole.contains(part)).map(|(seq, _)| seq).collect())
    }
}

enum Look {
    /// A delta of this part.
    Delta(String),
    /// This part, ended, with all its text.
    Whole(String),
    Other,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    properties: Properties<'a>,
}

#[derive(Deserialize)]
struct Properties<'a> {
    #[serde(rename = "partID", borrow, default)]
    part_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    part: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    time: Time<'a>,
}

#[derive(Deserialize)]
struct Time<'a> {
    /// Parsed as text, because a number may exceed the precision of a float.
    #[serde(borrow)]
    end: &'a RawValue,
}

fn look(event: &Bytes) -> Look {
    let Ok(raw) = serde_json::from_slice::<Raw<'_>>(event) else { return Look::Other };
    match (&*raw.event_type, raw.properties.part_id, raw.properties.part) {
        ("message.part.delta", Some(part), _) => Look::Delta(part.into_owned()),
        ("message.part.updated", _, Some(part)) => match serde_json::from_str::<Part<'_>>(part.get()) {
            Ok(part) if part.time.end.get().parse::<f64>().is_ok_and(|end| end > 0.0) => {
                Look::Whole(part.id.into_owned())
            }
            _ => Look::Other,
        },
        _ => Look::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, look};
    use bytes::Bytes;

    #[test]
    fn odd_numbers_and_half_characters_hide_neither_a_delta_nor_a_whole_part() {
        let event = |of_type: &str, properties: &str| {
            look(&Bytes::from(format!(r#"{{"type":"{of_type}","properties":{{{properties}}}}}"#)))
        };
        let delta = event("message.part.delta", r#""partID":"prt_1","delta":"\ud83d","odd":1e999"#);
        assert!(matches!(delta, Look::Delta(part) if part == "prt_1"));
        for end in ["5", "1e999", "1700000000000.5"] {
            let part =
                format!(r#""part":{{"id":"prt_1","text":"\ud83d","odd":-1e999,"time":{{"start":1e999,"end":{end}}}}}"#);
            assert!(matches!(event("message.part.updated", &part), Look::Whole(part) if part == "prt_1"), "{end}");
        }
        for end in ["0", "null", "-1e999", "{}"] {
            let part = format!(r#""part":{{"id":"prt_1","time":{{"end":{end}}}}}"#);
            assert!(matches!(event("message.part.updated", &part), Look::Other), "{end}");
        }
    }
}
