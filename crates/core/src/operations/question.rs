//! Answer or refuse a question of the agent.

use super::Chats;
use crate::http::{Call, Request};
use crate::id::{ChatId, RequestId};
use ::http::Method;
use serde_json::json;

/// One list of labels (or of free text) for each question.
///
/// ```
/// use turnwire::chat::Answers;
///
/// // Two questions in one request; the second lets several options be chosen.
/// let answers = Answers::from(vec![vec!["yes"], vec!["unit", "browser"]]);
/// assert_eq!(answers.0.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(pub Vec<Vec<String>>);

impl<I, S> From<Vec<I>> for Answers
where
    I: IntoIterator<Item = S>,
    S: Into<String>,
{
    fn from(answers: Vec<I>) -> Self {
        Self(answers.into_iter().map(|one| one.into_iter().map(Into::into).collect()).collect())
    }
}

impl<I, S, const N: usize> From<[I; N]> for Answers
where
    I: IntoIterator<Item = S>,
    S: Into<String>,
{
    fn from(answers: [I; N]) -> Self {
        Self::from(Vec::from(answers))
    }
}

impl Chats {
    /// Answers a question. A question that is unknown or closed is a `question_not_found`.
    pub fn reply_to_question(
        &self,
        id: impl Into<ChatId>,
        request_id: impl Into<RequestId>,
        answers: impl Into<Answers>,
    ) -> Call<()> {
        let body = json!({ "answers": answers.into().0 });
        let request = Request::new("reply_to_question", Method::POST)
            .chat(id)
            .and_then(|request| request.word("question").request(request_id))
            .and_then(|request| request.word("reply").json(&body));
        Call::nothing(&self.client, request)
    }

    /// Refuses a question (our server). The turn ends as `blocked` unless the agent finds another way.
    pub fn reject_question(&self, id: impl Into<ChatId>, request_id: impl Into<RequestId>) -> Call<()> {
        let request = Request::new("reject_question", Method::POST)
            .chat(id)
            .and_then(|request| request.word("question").request(request_id))
            .map(|request| request.word("reject"));
        Call::nothing(&self.client, request)
    }
}
