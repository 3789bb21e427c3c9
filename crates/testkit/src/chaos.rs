//! Faults drawn by lot: the same seed draws the same for the same request.

use crate::Fault;

/// Draws the faults of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chaos(pub(crate) u64);

impl Chaos {
    /// The fault of the request of this number to an operation.
    pub(crate) fn fault(self, operation: &str, nth: usize) -> Fault {
        let mut lot = Lot(self.0 ^ (nth as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for byte in operation.bytes() {
            lot.0 = lot.0.rotate_left(8) ^ u64::from(byte);
        }
        let streams = matches!(operation, "respond" | "turns.stream");
        let mut fault = Fault::default();
        match lot.below(100) {
            0..6 => fault.lose_request = true,
            6..9 if streams => fault.lose_answer = true,
            9..14 => {
                fault.status = Some(503);
                fault.headers.insert("retry-after-ms".into(), "1".into());
            }
            14..16 if streams => fault.cut_head = Some(lot.below(120)),
            16..18 if streams => fault.stall_events = Some(lot.below(60)),
            18..80 if streams => {
                fault.cut_bytes = Some(lot.below(30_000));
                fault.rst = lot.below(3) == 0;
            }
            80..84 if streams => fault.end_events = Some(lot.below(100)),
            _ => {}
        }
        if streams {
            fault.twice = lot.below(10) == 0;
            fault.pings = lot.below(10) == 0;
            fault.crlf = lot.below(10) == 0;
            fault.replay_more = if lot.below(4) == 0 { lot.below(6) as u64 } else { 0 };
            fault.swap = (lot.below(20) == 0).then(|| 1 + lot.below(80));
            fault.omit = (lot.below(20) == 0).then(|| 1 + lot.below(80));
            fault.write = (lot.below(10) == 0).then(|| 1 + lot.below(4000));
        }
        fault
    }
}

/// `splitmix64`.
struct Lot(u64);

impl Lot {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((drawn ^ (drawn >> 31)) % limit.max(1) as u64).unwrap_or(0)
    }
}
