//! The practice agent as a server sees it: prompts in, events out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::{LONG, shapes};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;
use turnwire_practice::{Agent, AgentError, Prompt};

struct Practice {
    agent: Agent,
    events: Receiver<Bytes>,
    session: String,
    folder: tempfile::TempDir,
}

impl Practice {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (agent, events) = Agent::new();
        let session = agent.create_session(folder.path(), Some("Test")).await;
        Self { agent, events, session, folder }
    }

    fn prompt(&self, text: &str) -> Result<(), AgentError> {
        let parts = vec![json!({ "type": "text", "text": text })];
        self.agent.prompt(Prompt { session_id: self.session.clone(), parts, ..Prompt::default() })
    }

    async fn next(&mut self) -> Value {
        let event = timeout(LONG, self.events.recv()).await.expect("no event came").expect("the agent is gone");
        serde_json::from_slice(&event).unwrap()
    }

    /// Everything up to and with the first event that `last` accepts.
    async fn until(&mut self, last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await);
            if events.last().is_some_and(&last) {
                return events;
            }
        }
    }

    /// A whole turn: up to the user's message after idle, or the second idle after an error.
    async fn turn(&mut self, text: &str) -> Vec<Value> {
        self.prompt(text).unwrap();
        let mut events = self.until(is("session.idle")).await;
        let failed = events.iter().any(is("session.error"));
        events.extend(self.until(is(if failed { "session.idle" } else { "message.updated" })).await);
        events
    }
}

fn is(kind: &str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind
}

fn said(events: &[Value]) -> String {
    events.iter().filter(|event| event["type"] == "message.part.delta").filter_map(delta).collect()
}

fn delta(event: &Value) -> Option<&str> {
    event["properties"]["delta"].as_str()
}

#[tokio::test]
async fn a_prompt_without_a_word_of_the_script_is_repeated() {
    let mut practice = Practice::new().await;
    let events = practice.turn("Hello there,  you.").await;
    assert_eq!(said(&events), "Hello there,  you.");
    let usage = r#"{"cache":{"read":0,"write":0},"input":100,"output":3,"reasoning":0,"total":103}"#;
    assert_eq!(
        shapes(&events),
        [
            "session.created",
            "message.updated user - open -",
            "message.part.updated text open \"Hello there,  you.\"",
            "session.status busy",
            "message.updated assistant - open -",
            "session.status busy",
            "message.part.updated step-start",
            "message.part.updated text open \"\"",
            "message.part.delta \"Hello \"",
            "message.part.delta \"there,  \"",
            "message.part.delta \"you.\"",
            "message.part.updated text ended \"Hello there,  you.\"",
            &format!("message.part.updated step-finish stop {usage} 0.000345"),
            "message.updated assistant stop open -",
            "message.updated assistant stop ended -",
            "session.status busy",
            "session.status idle",
            "session.idle",
        ]
    );
}

#[tokio::test]
async fn a_tool_really_writes_its_file() {
    let mut practice = Practice::new().await;
    let events = practice.turn("/tool").await;
    let file = practice.folder.path().join("hello.txt");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "Hello from Turnwire.\n");
    let patch = events.iter().find(|event| event["properties"]["part"]["type"] == "patch").unwrap();
    assert_eq!(patch["properties"]["part"]["files"], json!([file]));
    assert!(said(&events).ends_with("I wrote hello.txt. It says: Hello from Turnwire."));
    let stored = practice.agent.messages(&practice.session);
    assert_eq!(stored.len(), 3);
    assert_eq!(stored[1]["parts"][2]["state"]["output"], "Hello from Turnwire.\n");
}

#[tokio::test]
async fn a_tool_that_fails_is_told_as_failed() {
    let mut practice = Practice::new().await;
    // A folder in the file's place, so that the shell cannot write it.
    std::fs::create_dir(practice.folder.path().join("hello.txt")).unwrap();
    let events = practice.turn("/tool").await;
    assert!(said(&events).contains("The command failed: "), "{}", said(&events));
}

#[tokio::test]
async fn a_question_waits_for_its_answer_and_repeats_it() {
    let mut practice = Practice::new().await;
    practice.prompt("/ask").unwrap();
    let events = practice.until(is("question.asked")).await;
    let asked = events.last().unwrap()["properties"].clone();
    assert_eq!(practice.agent.questions(&practice.session), std::slice::from_ref(&asked));
    let id = asked["id"].as_str().unwrap();
    assert!(practice.agent.reply_to_question(id, vec![vec!["yes".to_owned()]]));
    assert!(!practice.agent.reply_to_question(id, vec![]), "a question is answered once");
    let events = practice.until(is("session.idle")).await;
    assert_eq!(said(&events), "You answered: yes.");
    assert!(practice.agent.questions(&practice.session).is_empty());
}

#[tokio::test]
async fn a_refused_question_ends_the_turn_without_an_error() {
    let mut practice = Practice::new().await;
    practice.prompt("/ask").unwrap();
    let events = practice.until(is("question.asked")).await;
    assert!(practice.agent.reject_question(events.last().unwrap()["properties"]["id"].as_str().unwrap()));
    let events = practice.until(is("session.idle")).await;
    let shapes = shapes(&events);
    assert!(shapes.contains(&"message.part.updated tool question error".to_owned()));
    assert!(shapes.contains(&"message.updated assistant tool-calls ended -".to_owned()));
    assert!(!events.iter().any(is("session.error")));
}

#[tokio::test]
async fn abort_ends_a_turn_in_mid_text_and_the_next_prompt_is_taken() {
    let mut practice = Practice::new().await;
    practice.prompt("/slow 1000").unwrap();
    assert_eq!(practice.prompt("too early"), Err(AgentError::Busy));
    let before = practice.until(|event| delta(event) == Some("word2 ")).await;
    assert!(practice.agent.abort(&practice.session));
    let mut after = practice.until(is("session.idle")).await;
    after.extend(practice.until(is("session.idle")).await);
    let text = said(&before) + &said(&after);
    assert_eq!(
        shapes(&after).into_iter().filter(|shape| !shape.starts_with("message.part.delta")).collect::<Vec<_>>(),
        [
            "session.error MessageAbortedError",
            "session.status idle",
            "session.idle",
            &format!("message.part.updated text ended {text:?}"),
            "message.updated assistant - ended MessageAbortedError",
            "session.status idle",
            "session.idle",
        ]
    );
    assert_eq!(said(&practice.turn("again").await), "again");
}

#[tokio::test]
async fn abort_ends_a_turn_that_waits_for_an_answer() {
    let mut practice = Practice::new().await;
    practice.prompt("/ask").unwrap();
    practice.until(|event| event["properties"]["part"]["state"]["status"] == "running").await;
    practice.agent.abort(&practice.session);
    let shapes = shapes(&practice.until(is("message.updated")).await);
    assert!(shapes.contains(&"message.part.updated tool question error".to_owned()), "{shapes:?}");
    assert!(practice.agent.questions(&practice.session).is_empty());
}

#[tokio::test]
async fn abort_works_while_nobody_reads() {
    let mut practice = Practice::new().await;
    practice.prompt("/long 5000").unwrap();
    // The queue is full long before; the turn hangs in telling.
    practice.until(is("message.part.delta")).await;
    assert!(practice.agent.abort(&practice.session));
    let events = practice.until(is("session.error")).await;
    assert!(events.len() < 1000, "{} events came after the abort", events.len());
}

#[tokio::test]
async fn a_provider_that_refuses_is_told_as_an_error() {
    let mut practice = Practice::new().await;
    let events = practice.turn("/fail").await;
    let error = events.iter().find(|event| event["type"] == "session.error").unwrap();
    assert_eq!(error["properties"]["error"]["data"]["statusCode"], 400);
    assert!(shapes(&events).contains(&"message.updated assistant - ended APIError".to_owned()));
}

#[tokio::test]
async fn a_session_is_known_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (agent, mut events) = Agent::new();
    let prompt = Prompt { session_id: "ses_before".to_owned(), ..Prompt::default() };
    assert_eq!(agent.prompt(prompt.clone()), Err(AgentError::UnknownSession));
    agent.open_session("ses_before", folder.path());
    assert_eq!(agent.prompt(prompt), Ok(()));
    assert!(timeout(LONG, events.recv()).await.unwrap().is_some());
    assert!(agent.delete_session("ses_before").await);
    assert!(!agent.delete_session("ses_before").await);
}

#[tokio::test]
async fn with_the_agent_its_turns_end() {
    let mut practice = Practice::new().await;
    practice.prompt("/slow 1000").unwrap();
    practice.until(is("message.part.delta")).await;
    drop(practice.agent);
    while timeout(LONG, practice.events.recv()).await.expect("the turn goes on").is_some() {}
}
