//! Tokens and cost: by message, replaced and never added, so that nothing counts twice.

use crate::event::TokenCounts;
use crate::lax::Number;
use crate::opencode::Tokens;

/// What one message used, as last reported.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    counts: Option<TokenCounts>,
    cost_micros: Option<u64>,
    /// From `step-finish`, for a message whose own figures never came.
    step: Option<TokenCounts>,
}

impl Spent {
    /// The figures of the message itself.
    pub(super) fn message(&mut self, tokens: Option<Tokens>, cost: Number) {
        if let Some(tokens) = tokens {
            self.counts = Some(counts(tokens));
        }
        if let Some(micros) = micros(cost) {
            self.cost_micros = Some(micros);
        }
    }

    /// The figures of a finished step.
    pub(super) fn step(&mut self, tokens: Option<Tokens>, cost: Number) {
        let mut step = tokens.map(counts).unwrap_or_default();
        step.cost_micros = micros(cost);
        self.step = Some(step);
    }

    /// The figures, if any were reported.
    pub(super) fn counts(&self) -> Option<TokenCounts> {
        let reported =
            self.counts.filter(|counts| counts.total_tokens > 0 || self.cost_micros.is_some_and(|cost| cost > 0));
        match (reported, self.step) {
            (Some(counts), _) => Some(TokenCounts { cost_micros: self.cost_micros, ..counts }),
            (None, Some(step)) => Some(step),
            (None, None) => self.counts.map(|counts| TokenCounts { cost_micros: self.cost_micros, ..counts }),
        }
    }
}

fn counts(tokens: Tokens) -> TokenCounts {
    let count = |number: Number| number.count().unwrap_or(0);
    let cache = tokens.cache.0.unwrap_or_default();
    let mut counts = TokenCounts {
        input_tokens: count(tokens.input),
        output_tokens: count(tokens.output),
        reasoning_tokens: count(tokens.reasoning),
        cache_read_tokens: count(cache.read),
        cache_write_tokens: count(cache.write),
        total_tokens: 0,
        cost_micros: None,
    };
    counts.total_tokens = [
        counts.input_tokens,
        counts.output_tokens,
        counts.reasoning_tokens,
        counts.cache_read_tokens,
        counts.cache_write_tokens,
    ]
    .into_iter()
    .fold(0, u64::saturating_add);
    counts
}

/// Dollars to millionths of a dollar, rounded half up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is what is wanted")]
fn micros(cost: Number) -> Option<u64> {
    let dollars = cost.0.filter(|dollars| dollars.is_finite() && *dollars >= 0.0)?;
    // The product of a decimal half is often a hair below it in binary: 12 digits bring it back.
    let micros = dollars * 1e6;
    let slack = micros.abs().max(1.0) * 1e-12;
    Some((micros + 0.5 + slack).floor() as u64)
}

#[cfg(test)]
mod tests {
    use super::micros;
    use crate::lax::Number;

    /// PROTOCOL VAL-2.
    #[test]
    fn cost_is_rounded_half_up() {
        for (dollars, want) in [
            (0.0, 0),
            (0.000_000_4, 0),
            (0.000_000_5, 1),
            (0.000_001_5, 2),
            (0.000_002_5, 3),
            (0.000_66, 660),
            (0.387, 387_000),
        ] {
            assert_eq!(micros(Number(Some(dollars))), Some(want), "{dollars}");
        }
        assert_eq!(micros(Number(None)), None);
        assert_eq!(micros(Number(Some(-1.0))), None);
    }
}
