//! Where the expectation is not what the runtime stored, or what it stored does not tell: decided by a person, with the
//! reason. `docs/events.md` lists the same captures.

/// A judgement about one capture.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The captures it is about.
    pub(crate) cases: &'static [&'static str],
    /// What the difference says, in part.
    pub(crate) difference: &'static str,
    /// What was decided, and why.
    pub(crate) why: &'static str,
}

impl Judged {
    pub(crate) fn covers(&self, case: &str, difference: &str) -> bool {
        self.cases.contains(&case) && difference.contains(self.difference)
    }
}

pub(crate) const JUDGED: &[Judged] = &[
    Judged {
        cases: &[
            "1.0.185/crash_text",
            "1.3.2/crash_text",
            "1.15.13/crash_text",
            "1.17.19/crash_text",
            "1.18.33/crash_text",
            "1.15.13/crash_tool",
            "1.17.19/crash_tool",
            "1.18.33/crash_tool",
        ],
        difference: "is not told",
        why: "the recording ends with the crash; what is stored besides was said after the restart",
    },
    Judged {
        cases: &[
            "1.0.185/crash_text.after",
            "1.3.2/crash_text.after",
            "1.15.13/crash_text.after",
            "1.17.19/crash_text.after",
            "1.18.33/crash_text.after",
            "1.15.13/crash_tool.after",
            "1.17.19/crash_tool.after",
            "1.18.33/crash_tool.after",
        ],
        difference: "is not told",
        why: "the recording begins after the restart; what is stored besides was said before the crash",
    },
    Judged {
        cases: &[
            "1.3.2/crash_text",
            "1.3.2/crash_text+after",
            "1.15.13/crash_text",
            "1.15.13/crash_text+after",
            "1.17.19/crash_text",
            "1.17.19/crash_text+after",
            "1.18.33/crash_text",
            "1.18.33/crash_text+after",
        ],
        difference: "stored \"\"",
        why: "the runtime lost the text it had streamed; the log has it, and the reader keeps what was read",
    },
    Judged {
        cases: &["1.3.2/abort_text"],
        difference: "stored \"\"",
        why: "this version stores nothing of a text that was stopped; the reader keeps what was read",
    },
    Judged {
        cases: &[
            "1.15.13/crash_tool",
            "1.15.13/crash_tool+after",
            "1.17.19/crash_tool",
            "1.17.19/crash_tool+after",
            "1.18.33/crash_tool",
            "1.18.33/crash_tool+after",
        ],
        difference: "The turn ended before the tool did.",
        why: "the runtime has it running for ever; no tool is left running at the end of a turn",
    },
    Judged {
        cases: &[
            "1.15.13/crash_tool",
            "1.15.13/crash_tool+after",
            "1.17.19/crash_tool",
            "1.17.19/crash_tool+after",
            "1.18.33/crash_tool",
            "1.18.33/crash_tool+after",
        ],
        difference: "told error, stored \"running\"",
        why: "the runtime has it running for ever; no tool is left running at the end of a turn",
    },
    Judged {
        cases: &["1.0.185/silent_failure_no_ripgrep"],
        difference: "failed, by what is stored interrupted",
        why: "idle and no message ever completed is the failure `runtime_error`; that the recording ends there adds nothing",
    },
    Judged {
        cases: &["1.15.13/bad_model", "1.17.19/bad_model", "1.18.33/bad_model"],
        difference: "failed without a message",
        why: "an unknown model fails before any message: the error of the session is the turn's",
    },
    Judged {
        cases: &["1.18.33/delete_idle"],
        difference: "",
        why: "the session was deleted before the messages were asked for: nothing is stored to compare with",
    },
    Judged {
        cases: &["1.15.13/structured", "1.17.19/structured", "1.18.33/structured"],
        difference: "",
        why: "the runtime refuses to list the messages of a turn with structured output: nothing to compare with",
    },
    Judged {
        cases: &["1.18.33/late_subscribe"],
        difference: "is not told",
        why: "the recording begins in the middle of a turn whose prompt it does not have: only whole turns are told",
    },
    Judged {
        cases: &["1.15.13/revert_prompt", "1.17.19/revert_prompt"],
        difference: "",
        why: "the turn had ended when it was taken back: what was told stands, the runtime has removed it",
    },
];
