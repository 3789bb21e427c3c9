//! One turn, several readers: what is asked reaches whoever goes on, and nothing is lost between one reader and the next.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::future::IntoFuture;
use std::time::Duration;
use turnwire::chat::{Answers, PermissionReply};
use turnwire::{Client, Error, ErrorKind, Timeout};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";

async fn kit(faults: Vec<Fault>) -> (Testkit, Client) {
    let kit = Testkit::with_faults(true, faults).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").backoff_scale(0.0).build().unwrap();
    (kit, client)
}

/// A cursor after the question of `/ask`, whose reader is gone.
async fn left_at_the_question(client: &Client) -> turnwire::TurnCursor {
    let mut stream = client.chat().respond(CHAT, "/ask").await.unwrap();
    while stream.try_next().await.unwrap().unwrap().question().is_none() {}
    stream.cursor().unwrap()
}

/// PROTOCOL RESUME-10.
#[tokio::test]
async fn an_open_question_is_asked_again_where_a_turn_is_resumed() {
    let (kit, client) = kit(vec![]).await;
    let cursor = left_at_the_question(&client).await;
    let other = Client::builder().base_url(kit.url()).api_key("sk_test").build().unwrap();
    let mut stream = other.chat().resume(&cursor).await.unwrap();
    let mut asked = 0;
    while let Some(event) = stream.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            asked += 1;
            assert_eq!(stream.cursor().as_ref(), Some(&cursor));
            stream.answer(question, [["yes"]]).await.unwrap();
        }
    }
    assert_eq!(asked, 1);
    assert_eq!(stream.result().await.unwrap().text(), "thank you");
}

/// PROTOCOL RESUME-10, ASK-4.
#[tokio::test]
async fn a_question_that_somebody_answered_is_not_asked_again_and_answering_it_too_late_is_no_error() {
    let (_kit, client) = kit(vec![]).await;
    let mut first = client.chat().respond(CHAT, "/ask").await.unwrap();
    let question = loop {
        if let Some(question) = first.try_next().await.unwrap().unwrap().question() {
            break question.clone();
        }
    };
    let cursor = first.cursor().unwrap();
    client.chat().reply_to_question(CHAT, &question.request_id, [["yes"]]).await.unwrap();
    first.answer(&question, [["no"]]).await.unwrap();
    assert_eq!(first.result().await.unwrap().text(), "thank you");
    let mut again = client.chat().resume(&cursor).await.unwrap();
    while let Some(event) = again.try_next().await.unwrap() {
        assert!(event.question().is_none());
    }
}

#[tokio::test]
async fn a_result_that_was_given_up_has_taken_no_event_away() {
    let (_kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "/ask").await.unwrap();
    assert_eq!(stream.result().await.unwrap_err().kind(), ErrorKind::InputRequired);
    assert_eq!(stream.cursor(), stream.cursor_after(0));
    let mut seqs = Vec::new();
    while let Some(event) = stream.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            stream.answer(question, [["yes"]]).await.unwrap();
        }
        seqs.push(event.seq);
        assert_eq!(stream.cursor(), stream.cursor_after(*seqs.last().unwrap()));
    }
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    stream.result().await.unwrap();
}

/// PROTOCOL CANCEL-3, ASK-6.
#[tokio::test]
async fn a_message_that_fails_in_the_caller_leaves_the_chat_free() {
    let (_kit, client) = kit(vec![]).await;
    let chats = client.chat();
    let error = chats.send_message(CHAT, "/ask").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InputRequired);
    assert_eq!(chats.retrieve(CHAT).await.unwrap().active_turn_id, None);
    let raising = chats
        .send_message(CHAT, "/ask")
        .on_question(|_| async { Err::<Option<Answers>, _>(Error::new("aborted", "The handler raised.")) });
    assert_eq!(raising.await.unwrap_err().kind(), ErrorKind::Aborted);
    assert_eq!(chats.retrieve(CHAT).await.unwrap().active_turn_id, None);
}

/// PROTOCOL CANCEL-3.
#[tokio::test]
async fn a_message_that_is_given_up_leaves_the_chat_free() {
    let (kit, client) = kit(vec![]).await;
    let message = client.chat().send_message(CHAT, "/hang");
    let given_up = tokio::spawn(message.into_future());
    kit.until(|counts| counts.turns == 1).await;
    given_up.abort();
    tokio::time::timeout(Duration::from_secs(10), async {
        while client.chat().retrieve(CHAT).await.unwrap().active_turn_id.is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the turn goes on");
}

/// PROTOCOL CANCEL-3.
#[tokio::test]
async fn a_message_whose_answer_does_not_come_in_time_leaves_the_chat_free() {
    for timeout in [Timeout::new().answer(Duration::from_millis(100)), Timeout::new().total(Duration::from_millis(100))]
    {
        let fault = Fault { on: "respond".into(), never_answer: true, ..Fault::default() };
        let (kit, client) = kit(vec![fault]).await;
        client.chat().retrieve(CHAT).await.unwrap();
        let late = client.chat().send_message(CHAT, "/hang").timeout(timeout).max_retries(0).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Timeout);
        kit.until(|counts| counts.requests.get("cancel") == Some(&1)).await;
        while client.chat().retrieve(CHAT).await.unwrap().active_turn_id.is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(kit.counts().turns, 1, "it is no second turn that was cancelled");
    }
}

#[tokio::test]
async fn respond_takes_handlers() {
    let (_kit, client) = kit(vec![]).await;
    let mut stream =
        client.chat().respond(CHAT, "/allow").on_permission(|_| async { Ok(PermissionReply::Once) }).await.unwrap();
    while stream.try_next().await.unwrap().is_some() {}
    assert_eq!(stream.result().await.unwrap().text(), "done");
}

#[tokio::test]
async fn an_open_question_is_asked_again_where_a_turn_is_attached_to() {
    let (kit, client) = kit(vec![]).await;
    left_at_the_question(&client).await;
    let other = Client::builder().base_url(kit.url()).api_key("sk_test").build().unwrap();
    let mut stream = other.chat().attach(CHAT).await.unwrap().expect("a turn runs");
    let mut asked = 0;
    while let Some(event) = stream.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            asked += 1;
            stream.answer(question, [["yes"]]).await.unwrap();
        }
    }
    assert_eq!(asked, 1);
    assert_eq!(stream.result().await.unwrap().text(), "thank you");
}

/// A service at which a question and a permission become open in one status: the one of the question alone is left out.
async fn both_at_once() -> (Testkit, Client) {
    let kit = Testkit::with_faults(false, vec![Fault { omit: Some(5), on: "respond".to_owned(), ..Fault::default() }]);
    let kit = kit.await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").backoff_scale(0.0).build().unwrap();
    (kit, client)
}

fn replies(kit: &Testkit) -> [Option<usize>; 2] {
    ["reply_to_question", "reply_to_permission"].map(|operation| kit.counts().requests.get(operation).copied())
}

/// PROTOCOL ASK-5.
#[tokio::test]
async fn a_question_and_a_permission_of_one_status_each_reach_their_handler_once() {
    let (kit, client) = both_at_once().await;
    let turn = client
        .chat()
        .send_message(CHAT, "/both")
        .on_question(|_| async { Ok(Some(Answers::from([["yes"]]))) })
        .on_permission(|_| async { Ok(PermissionReply::Once) })
        .await
        .unwrap();
    assert_eq!(turn.text(), "thank you both");
    assert_eq!(replies(&kit), [Some(1), Some(1)]);
}

/// PROTOCOL ASK-5.
#[tokio::test]
async fn a_question_and_a_permission_of_one_status_each_reach_who_iterates_once() {
    let (kit, client) = both_at_once().await;
    let mut stream = client.chat().respond(CHAT, "/both").await.unwrap();
    let (mut asked, mut open) = (Vec::new(), Vec::new());
    while let Some(event) = stream.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            asked.push("question");
            stream.answer(question, [["yes"]]).await.unwrap();
        }
        if let Some(permission) = event.permission() {
            asked.push("permission");
            stream.allow(permission, PermissionReply::Once).await.unwrap();
        }
        if let turnwire::EventKind::TurnStatusChanged(status) = &event.kind {
            open.push(status.requests.len());
        }
    }
    assert_eq!(asked, ["question", "permission"]);
    assert_eq!(open.iter().find(|&&open| open > 0), Some(&2), "both become open in one status");
    assert_eq!(stream.result().await.unwrap().text(), "thank you both");
    assert_eq!(replies(&kit), [Some(1), Some(1)]);
}

/// PROTOCOL RESUME-10.
#[tokio::test]
async fn all_that_is_still_asked_is_asked_again_once_where_a_turn_is_resumed() {
    let (_kit, client) = kit(vec![]).await;
    let mut first = client.chat().respond(CHAT, "/both").await.unwrap();
    while first.try_next().await.unwrap().unwrap().permission().is_none() {}
    let mut stream = client.chat().resume(first.cursor().unwrap()).await.unwrap();
    let mut asked = Vec::new();
    while let Some(event) = stream.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            asked.push("question");
            stream.answer(question, [["yes"]]).await.unwrap();
        }
        if let Some(permission) = event.permission() {
            asked.push("permission");
            stream.allow(permission, PermissionReply::Once).await.unwrap();
        }
    }
    assert_eq!(asked, ["question", "permission"]);
}

/// PROTOCOL ASK-3.
#[test]
fn a_message_is_taken_with_a_refusal_and_refused_where_the_agent_would_not_get_it() {
    let word = || Some("not here".to_owned());
    assert_eq!(PermissionReply::from_word("reject", word()).unwrap(), PermissionReply::Reject(word()));
    assert_eq!(PermissionReply::from_word("once", None).unwrap(), PermissionReply::Once);
    for reply in ["once", "always", "never"] {
        assert_eq!(PermissionReply::from_word(reply, word()).unwrap_err().code(), "invalid_argument");
    }
}
