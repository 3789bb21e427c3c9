//! One turn, several readers: what is asked reaches whoever goes on, and nothing is lost between one reader and the next.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::future::IntoFuture;
use std::time::Duration;
use turnwire::chat::{Answers, PermissionReply};
use turnwire::stream::Polled;
use turnwire::{Client, Error, ErrorKind};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";

async fn kit(faults: Vec<Fault>) -> (Testkit, Client) {
    let kit = Testkit::with_faults(true, faults).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").backoff_scale(0.0).build().unwrap();
    (kit, client)
}

/// A cursor after the question of `/ask`, whose reader is gone.
async fn left_at_the_question(client: &Client) -> String {
    let mut stream = client.chat().respond(CHAT, "/ask").await.unwrap();
    while stream.try_next().await.unwrap().unwrap().question().is_none() {}
    stream.cursor().unwrap()
}

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

#[tokio::test]
async fn a_result_beside_a_reader_of_a_pump_takes_no_event_away() {
    let (_kit, client) = kit(vec![]).await;
    let stream = client.chat().respond(CHAT, "one two three").await.unwrap();
    let pump = stream.into_pump(&tokio::runtime::Handle::current());
    let turn = pump.result().await.unwrap();
    let mut seqs = Vec::new();
    while let Some(batch) = pump.next().await {
        seqs.extend(batch.events.iter().map(|event| event.seq));
    }
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(pump.result().await.unwrap(), turn);
    assert!(matches!(pump.poll(None), Polled::Ended));
}

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

#[tokio::test]
async fn respond_takes_handlers() {
    let (_kit, client) = kit(vec![]).await;
    let mut stream =
        client.chat().respond(CHAT, "/allow").on_permission(|_| async { Ok(PermissionReply::Once) }).await.unwrap();
    while stream.try_next().await.unwrap().is_some() {}
    assert_eq!(stream.result().await.unwrap().text(), "done");
}
