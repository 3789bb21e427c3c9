//! Who handles requests of the agent: one rule for all languages and for the program. Pure.
//!
//! The requests that are open are the turn's state; this remembers which of them were put to a handler and which are
//! settled, so that each is put once, whatever order events come in, and however many ask at the same time.

use crate::event::InputRequest;
use crate::id::RequestId;
use serde::Deserialize;
use std::collections::HashSet;

/// Who answers requests of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Policy {
    /// Nobody: a reader that waits for the end fails with "input required".
    #[default]
    Fail,
    /// Somebody else, so that the reader waits.
    Wait,
    /// A handler of the reader.
    Ask,
}

/// The policies of a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Policies {
    /// Who answers questions.
    pub questions: Policy,
    /// Who answers permissions.
    pub permissions: Policy,
}

impl Policies {
    /// Every request goes to a handler.
    pub const ASK: Self = Self { questions: Policy::Ask, permissions: Policy::Ask };

    /// Who answers questions, and who answers permissions.
    pub fn new(questions: Policy, permissions: Policy) -> Self {
        Self { questions, permissions }
    }

    fn of(self, request: &InputRequest) -> Policy {
        match request {
            InputRequest::Question(_) => self.questions,
            InputRequest::Permission(_) => self.permissions,
        }
    }
}

/// How a reader handles open requests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duty {
    /// Nothing: it reads on.
    ReadOn,
    /// It puts this request to its handler, once.
    Ask(InputRequest),
    /// It fails with "input required", unless something that has come already answers.
    InputRequired,
}

/// The requests of one turn that were put to a handler, and those that are settled.
#[derive(Clone, Debug, Default)]
pub struct Attendance {
    asked: HashSet<RequestId>,
    settled: HashSet<RequestId>,
}

impl Attendance {
    /// What to do about the requests that are open. One that has a handler comes before one that nobody answers.
    pub fn next(&mut self, open: &[InputRequest], policies: Policies) -> Duty {
        let mut unattended = false;
        for request in open {
            let id = request.request_id();
            if self.settled.contains(id) {
                continue;
            }
            match policies.of(request) {
                Policy::Ask if self.asked.insert(id.clone()) => return Duty::Ask(request.clone()),
                Policy::Fail => unattended = true,
                Policy::Ask | Policy::Wait => {}
            }
        }
        if unattended { Duty::InputRequired } else { Duty::ReadOn }
    }

    /// Whether the agent waits for an answer that nobody is there to give. Looking puts nothing to anyone: a request whose
    /// handler is still to be called comes first, and is left to who calls it.
    pub fn waits_in_vain(&self, open: &[InputRequest], policies: Policies) -> bool {
        let pending = || open.iter().filter(|request| !self.settled.contains(request.request_id()));
        let uncalled =
            |request: &InputRequest| policies.of(request) == Policy::Ask && !self.asked.contains(request.request_id());
        !pending().any(uncalled) && pending().any(|request| policies.of(request) == Policy::Fail)
    }

    /// Whether this request is still to be put to a handler; the one who asks does so.
    pub fn claim(&mut self, id: &RequestId) -> bool {
        !self.settled.contains(id) && self.asked.insert(id.clone())
    }

    /// The request was answered from here, or somebody else was faster.
    pub fn settle(&mut self, id: &RequestId) {
        self.settled.insert(id.clone());
    }

    /// Its handler failed: the next reader gets the request again.
    pub fn retract(&mut self, id: &RequestId) {
        self.asked.remove(id);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn open() -> Vec<InputRequest> {
        serde_json::from_str(
            r#"[{"kind":"question","requestId":"que_1","questions":[]},{"kind":"permission","requestId":"per_1"}]"#,
        )
        .unwrap()
    }

    fn asked(duty: Duty) -> String {
        match duty {
            Duty::Ask(request) => request.request_id().to_string(),
            other => format!("{other:?}"),
        }
    }

    /// PROTOCOL ASK-5.
    #[test]
    fn a_question_and_a_permission_of_one_status_are_each_put_once() {
        let mut attendance = Attendance::default();
        assert_eq!(asked(attendance.next(&open(), Policies::ASK)), "que_1");
        assert_eq!(asked(attendance.next(&open(), Policies::ASK)), "per_1");
        assert_eq!(attendance.next(&open(), Policies::ASK), Duty::ReadOn);
    }

    /// PROTOCOL ASK-6.
    #[test]
    fn what_has_a_handler_is_put_before_what_nobody_answers_is_an_error() {
        let policies = Policies { questions: Policy::Fail, permissions: Policy::Ask };
        let mut attendance = Attendance::default();
        assert!(!attendance.waits_in_vain(&open(), policies), "looking puts nothing to a handler");
        assert_eq!(asked(attendance.next(&open(), policies)), "per_1");
        assert_eq!(attendance.next(&open(), policies), Duty::InputRequired);
        assert!(attendance.waits_in_vain(&open(), policies));
        attendance.settle(&RequestId::from("que_1"));
        assert_eq!(attendance.next(&open(), policies), Duty::ReadOn);
        assert!(!attendance.waits_in_vain(&open(), policies));
    }

    #[test]
    fn what_a_handler_failed_at_is_put_again() {
        let mut attendance = Attendance::default();
        assert_eq!(asked(attendance.next(&open(), Policies::ASK)), "que_1");
        attendance.retract(&RequestId::from("que_1"));
        assert_eq!(asked(attendance.next(&open(), Policies::ASK)), "que_1");
    }

    #[test]
    fn what_others_answer_is_waited_for() {
        let policies = Policies { questions: Policy::Wait, permissions: Policy::Wait };
        assert_eq!(Attendance::default().next(&open(), policies), Duty::ReadOn);
    }
}
