//! What is counted, and how Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By method and status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// By the status they ended with.
    turns: Mutex<BTreeMap<String, u64>>,
    turns_accepted: AtomicU64,
    events: AtomicU64,
    read_for_turns: AtomicU64,
    turn_frames: AtomicU64,
    streams: AtomicU64,
}

/// What is measured only when it is asked for.
#[derive(Debug)]
pub(crate) struct Gauges {
    pub(crate) chats_loaded: usize,
    pub(crate) chats_awake: usize,
    pub(crate) turns_open: usize,
    pub(crate) log_bytes: u64,
}

/// An open stream; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream(Arc<Metrics>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn request(&self, method: &http::Method, status: u16) {
        // Methods and statuses are few: what a caller makes up counts as other.
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];
        let method = methods.into_iter().find(|known| *known == method.as_str()).unwrap_or("other");
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry((method, status)).or_default() += 1;
    }

    pub(crate) fn turn_accepted(&self) {
        self.turns_accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turn_ended(&self, status: &str) {
        *self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(status.to_owned()).or_default() += 1;
    }

    pub(crate) fn events(&self, count: usize) {
        self.events.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// A raw event was read for readers of turns.
    pub(crate) fn read_for_turns(&self) {
        self.read_for_turns.fetch_add(1, Ordering::Relaxed);
    }

    /// A frame of a turn's event was rendered.
    pub(crate) fn turn_frame(&self) {
        self.turn_frames.fetch_add(1, Ordering::Relaxed);
    }

    /// What was read and rendered for readers of turns.
    pub(crate) fn counted_for_turns(&self) -> (u64, u64) {
        (self.read_for_turns.load(Ordering::Relaxed), self.turn_frames.load(Ordering::Relaxed))
    }

    /// `None`: as many are open as may be.
    pub(crate) fn open_stream(self: &Arc<Self>, most: usize) -> Option<OpenStream> {
        let stream = OpenStream(self.clone());
        // Given back by the drop, where it is one too many.
        (self.streams.fetch_add(1, Ordering::Relaxed) < most as u64).then_some(stream)
    }

    /// The text Prometheus reads.
    pub(crate) fn render(&self, gauges: &Gauges) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: Vec<(String, u64)>| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP turnwire_{name} {help}\n# TYPE turnwire_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "turnwire_{name}{labels} {value}");
            }
        };
        let one = |value: u64| vec![(String::new(), value)];
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let by_status = requests
            .iter()
            .map(|((method, status), count)| (format!("{{method=\"{method}\",status=\"{status}\"}}"), *count));
        family("requests_total", "counter", "Requests answered, streams when they began.", by_status.collect());
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let by_status = turns.iter().map(|(status, count)| (format!("{{status=\"{status}\"}}"), *count));
        family("turns_ended_total", "counter", "Turns that ended, by status.", by_status.collect());
        let accepted = self.turns_accepted.load(Ordering::Relaxed);
        family("turns_accepted_total", "counter", "Turns accepted.", one(accepted));
        family("events_total", "counter", "Events put into the log.", one(self.events.load(Ordering::Relaxed)));
        let (read, frames) = self.counted_for_turns();
        family("turn_events_read_total", "counter", "Events of the log read for streams of turns.", one(read));
        family("turn_frames_rendered_total", "counter", "Frames made for streams of turns.", one(frames));
        family("streams_open", "gauge", "Streams open now.", one(self.streams.load(Ordering::Relaxed)));
        family("turns_open", "gauge", "Turns that run now.", one(gauges.turns_open as u64));
        family("chats_loaded", "gauge", "Chats in memory.", one(gauges.chats_loaded as u64));
        family("chats_awake", "gauge", "Chats whose runtime is up.", one(gauges.chats_awake as u64));
        family("log_bytes", "gauge", "What the log takes on disk.", one(gauges.log_bytes));
        text
    }
}
