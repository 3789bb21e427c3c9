//! A turn's stream as its user meets it: answers, results, cursors, closing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;
use turnwire::chat::{Answers, PermissionReply, Resume};
use turnwire::stream::StreamState;
use turnwire::{Client, ErrorKind, EventKind, RelayCursor};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";

async fn kit(faults: Vec<Fault>) -> (Testkit, Client) {
    let kit = Testkit::with_faults(true, faults).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").backoff_scale(0.0).build().unwrap();
    (kit, client)
}

fn fault(on: &str) -> Fault {
    Fault { on: on.to_owned(), ..Fault::default() }
}

async fn all_closed(kit: &Testkit) {
    tokio::time::timeout(Duration::from_secs(10), kit.until(|counts| counts.open_connections == 0))
        .await
        .expect("a connection stays open");
}

/// PROTOCOL ASK-5.
#[tokio::test]
async fn a_question_is_told_once_and_answered_where_it_is_met() {
    let (_kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "/ask").await.unwrap();
    let mut asked = 0;
    while let Some(event) = stream.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            asked += 1;
            assert_eq!(question.questions[0].options[0].label, "yes");
            stream.answer(question, [["yes"]]).await.unwrap();
        }
    }
    assert_eq!(asked, 1);
    assert_eq!(stream.result().await.unwrap().text(), "thank you");
}

/// PROTOCOL ASK-6, ASK-3.
#[tokio::test]
async fn a_result_that_needs_an_answer_says_so_and_goes_on_once_it_is_given() {
    let (_kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "/allow").await.unwrap();
    let error = stream.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InputRequired);
    let turnwire::event::InputRequest::Permission(permission) = error.turn().unwrap().requests[0].clone() else {
        panic!("no permission is asked for");
    };
    stream.allow(&permission, PermissionReply::Once).await.unwrap();
    assert_eq!(stream.result().await.unwrap().text(), "done");
}

#[tokio::test]
async fn send_message_lets_handlers_answer() {
    let (_kit, client) = kit(vec![]).await;
    let turn = client
        .chat()
        .send_message(CHAT, "/ask")
        .on_question(
            |question| async move { Ok(Some(Answers::from([[question.questions[0].options[0].label.clone()]]))) },
        )
        .await
        .unwrap();
    assert_eq!(turn.text(), "thank you");
    let turn = client
        .chat()
        .send_message(CHAT, "/allow")
        .on_permission(|_| async { Ok(PermissionReply::Always) })
        .await
        .unwrap();
    assert_eq!(turn.text(), "done");
}

/// PROTOCOL ASK-4.
#[tokio::test]
async fn what_is_answered_first_elsewhere_is_no_error_and_what_was_never_asked_is() {
    let (_kit, client) = kit(vec![]).await;
    let chats = client.chat();
    let mut stream = chats.respond(CHAT, "/both").await.unwrap();
    while let Some(event) = stream.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            chats.reply_to_question(CHAT, &question.request_id, [["yes"]]).await.unwrap();
            let again = chats.reply_to_question(CHAT, &question.request_id, [["no"]]).await.unwrap_err();
            assert_eq!(again.code(), "question_not_found");
            stream.answer(question, [["no"]]).await.unwrap();
            stream.reject(question).await.unwrap();
        }
        if let Some(permission) = event.permission() {
            let unknown = stream.handle().allow(&"per_nowhere".into(), PermissionReply::Once).await.unwrap_err();
            assert_eq!(unknown.code(), "permission_not_found");
            chats.reply_to_permission(CHAT, &permission.request_id, PermissionReply::Once).await.unwrap();
            stream.allow(permission, PermissionReply::Always).await.unwrap();
        }
    }
    assert_eq!(stream.result().await.unwrap().text(), "thank you both");
}

/// PROTOCOL ASK-4.
#[tokio::test]
async fn a_handler_that_is_overtaken_elsewhere_is_no_error() {
    let (_kit, client) = kit(vec![]).await;
    let (one, two) = (client.chat(), client.chat());
    let message = client
        .chat()
        .send_message(CHAT, "/both")
        .on_question(move |question| {
            let chats = one.clone();
            async move {
                chats.reply_to_question(CHAT, &question.request_id, [["yes"]]).await?;
                Ok(Some(Answers::from([["no"]])))
            }
        })
        .on_permission(move |permission| {
            let chats = two.clone();
            async move {
                chats.reply_to_permission(CHAT, &permission.request_id, PermissionReply::Once).await?;
                Ok(PermissionReply::Reject(Some("late".to_owned())))
            }
        });
    assert_eq!(message.await.unwrap().text(), "thank you both");
}

#[tokio::test]
async fn send_message_waits_where_somebody_else_is_to_answer() {
    let (kit, client) = kit(vec![]).await;
    let chats = client.chat();
    let waiting = tokio::spawn(async move { chats.send_message(CHAT, "/ask").wait_for_questions().await });
    kit.until(|counts| counts.turns == 1).await;
    let mut other = client.chat().attach(CHAT).await.unwrap().expect("a turn runs");
    while let Some(event) = other.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            other.answer(question, [["yes"]]).await.unwrap();
        }
    }
    assert_eq!(waiting.await.unwrap().unwrap(), other.result().await.unwrap());
}

/// PROTOCOL RESUME-6.
#[tokio::test]
async fn a_cursor_goes_on_in_another_process_with_the_whole_turn() {
    let (kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "one two three four").await.unwrap();
    let mut seqs = Vec::new();
    for _ in 0..6 {
        seqs.push(stream.try_next().await.unwrap().unwrap().seq);
    }
    let cursor = stream.cursor().unwrap();
    drop(stream);

    let other = Client::builder().base_url(kit.url()).api_key("sk_test").build().unwrap();
    let mut stream = other.chat().resume(&cursor).await.unwrap();
    while let Some(event) = stream.try_next().await.unwrap() {
        seqs.push(event.seq);
    }
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(stream.result().await.unwrap().text(), "one two three four");
    assert_eq!(kit.counts().turns, 1);
    let at_its_end = stream.cursor().unwrap();
    let mut again = other.chat().resume(&at_its_end).header("x-call", "resume").await.unwrap();
    assert_eq!(kit.counts().last_headers["x-call"], "resume");
    assert!(again.try_next().await.unwrap().is_none());
    assert_eq!(again.result().await.unwrap().text(), "one two three four");
}

/// PROTOCOL RESUME-7.
#[tokio::test]
async fn attach_finds_the_turn_that_runs_or_nothing() {
    let (kit, client) = kit(vec![]).await;
    assert!(client.chat().attach(CHAT).await.unwrap().is_none());
    kit.start_turn("/hang");
    let mut stream = client.chat().attach(CHAT).header("x-call", "attach").await.unwrap().expect("a turn runs");
    assert_eq!(kit.counts().last_headers["x-call"], "attach");
    assert_eq!(stream.try_next().await.unwrap().unwrap().seq, 1);
    stream.cancel().await.unwrap();
    assert_eq!(stream.result().await.unwrap().status, "cancelled");
}

/// PROTOCOL CLOCK-5.
#[tokio::test]
async fn dropping_a_stream_closes_its_socket_and_leaves_the_turn() {
    let (kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "/hang").await.unwrap();
    stream.try_next().await.unwrap();
    drop(stream);
    all_closed(&kit).await;
    assert_eq!(kit.counts().requests.get("cancel"), None);
}

/// PROTOCOL CLOCK-5.
#[tokio::test]
async fn cancel_on_close_cancels_the_turn_too() {
    let (kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "/hang").cancel_on_close(true).await.unwrap();
    stream.try_next().await.unwrap();
    stream.close();
    assert!(stream.try_next().await.unwrap().is_none());
    assert_eq!(stream.result().await.unwrap_err().kind(), ErrorKind::Aborted);
    kit.until(|counts| counts.requests.get("cancel") == Some(&1)).await;
}

#[tokio::test]
async fn cancel_on_close_cancels_the_turn_of_a_stream_that_failed_too() {
    let insert = serde_json::from_str(r#"{"after":3,"raw":"event: error\ndata: {}\n\n"}"#).unwrap();
    let (kit, client) = kit(vec![Fault { insert: Some(insert), ..fault("respond") }]).await;
    let mut stream = client.chat().respond(CHAT, "/hang").cancel_on_close(true).await.unwrap();
    assert_eq!(stream.result().await.unwrap_err().code(), "stream_error");
    drop(stream);
    kit.until(|counts| counts.requests.get("cancel") == Some(&1)).await;
}

/// PROTOCOL CLOCK-5.
#[tokio::test]
async fn a_turn_that_ended_is_not_cancelled_when_its_stream_closes() {
    let (kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "one").cancel_on_close(true).await.unwrap();
    stream.result().await.unwrap();
    drop(stream);
    client.chat().retrieve(CHAT).await.unwrap();
    assert_eq!(kit.counts().requests.get("cancel"), None);
}

/// PROTOCOL CLOCK-5.
#[tokio::test]
async fn a_call_given_up_before_its_answer_closes_its_socket() {
    let (kit, client) = kit(vec![Fault { never_answer: true, ..fault("respond") }]).await;
    let call = tokio::spawn(client.chat().respond(CHAT, "one").into_future());
    kit.until(|counts| counts.turns == 1).await;
    call.abort();
    all_closed(&kit).await;
}

#[tokio::test]
async fn a_call_given_up_between_two_tries_is_not_sent_again() {
    let refuse =
        Fault { status: Some(429), headers: [("retry-after".to_owned(), "30".to_owned())].into(), ..fault("respond") };
    let (kit, _) = kit(vec![refuse]).await;
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").build().unwrap();
    let call = tokio::spawn(client.chat().respond(CHAT, "one").into_future());
    kit.until(|counts| counts.requests.get("respond") == Some(&1)).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    client.chat().retrieve(CHAT).await.unwrap();
    assert_eq!(kit.counts().requests.get("respond"), Some(&1));
}

#[tokio::test]
async fn a_test_needs_no_wait_not_even_one_the_service_asks_for() {
    let asks = serde_json::from_str(r#"{"after":1,"raw":"retry: 30000\n"}"#).unwrap();
    let (kit, client) = kit(vec![
        Fault { status: Some(429), headers: [("retry-after".to_owned(), "60".to_owned())].into(), ..fault("respond") },
        Fault { nth: vec![2], insert: Some(asks), cut_events: Some(2), ..fault("respond") },
        Fault { nth: vec![1, 2], lose_request: true, ..fault("turns.stream") },
    ])
    .await;
    let waits = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = waits.clone();
    let turn = client.chat().respond(CHAT, "one").on_state(move |state| {
        if let StreamState::Resuming { wait, .. } = state {
            seen.lock().unwrap().push(*wait);
        }
    });
    let done = tokio::time::timeout(Duration::from_secs(20), async { turn.await?.result().await }).await;
    assert_eq!(done.expect("it waits").unwrap().text(), "one");
    assert_eq!(*waits.lock().unwrap(), [Duration::ZERO; 3]);
    assert_eq!((kit.counts().requests["respond"], kit.counts().requests["turns.stream"]), (2, 3));
}

/// PROTOCOL CLOCK-5.
#[tokio::test]
async fn a_stream_given_up_while_it_is_taken_up_closes_its_socket() {
    let stall = Fault { never_answer: true, delay_ms: 60_000, ..fault("turns.stream") };
    let (kit, client) = kit(vec![Fault { cut_events: Some(2), ..fault("respond") }, stall]).await;
    let mut stream = client.chat().respond(CHAT, "one").await.unwrap();
    let reading = tokio::spawn(async move { while let Ok(Some(_)) = stream.try_next().await {} });
    kit.until(|counts| counts.requests.get("turns.stream") == Some(&1)).await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled(), "the stream ended by itself");
}

#[tokio::test]
async fn text_comes_as_it_is_written_and_ends_as_the_turn_does() {
    let (_kit, client) = kit(vec![]).await;
    let mut stream = client.chat().respond(CHAT, "one two").await.unwrap();
    let mut texts = stream.text_stream();
    let mut pieces = Vec::new();
    while let Some(text) = texts.try_next().await.unwrap() {
        pieces.push(text);
    }
    assert_eq!(pieces, ["one ", "two"]);
    let mut stream = client.chat().respond(CHAT, "/fail").await.unwrap();
    let mut texts = stream.text_stream();
    assert_eq!(texts.try_next().await.unwrap_err().kind(), ErrorKind::TurnFailed);
    assert!(texts.try_next().await.unwrap().is_none());
}

/// PROTOCOL RELAY-3.
#[tokio::test]
async fn a_relay_starts_where_its_cursor_says() {
    let (kit, client) = kit(vec![]).await;
    kit.start_turn("one");
    let mut relay = client.chat().stream(CHAT, RelayCursor::After(3)).await.unwrap();
    let turnwire::stream::RelayItem::Event(event) = relay.try_next().await.unwrap().unwrap() else {
        panic!("no event");
    };
    assert_eq!((event.id, relay.last_event_id()), (Some(4), Some(4)));
    assert_eq!(event.session_id.as_deref(), Some("ses_testkit"));
    relay.close();
    assert!(relay.try_next().await.unwrap().is_none());
    all_closed(&kit).await;
}

/// PROTOCOL VER-3.
#[tokio::test]
async fn an_unknown_event_is_told_as_it_came() {
    let insert = turnwire_testkit::Insert {
        after: 2,
        raw: "data: {\"type\":\"turn.sparkled\",\"n\":1e2}\n\n".into(),
        ..Default::default()
    };
    let (_kit, client) = kit(vec![Fault { insert: Some(insert), ..fault("respond") }]).await;
    let mut stream = client.chat().respond(CHAT, "one").await.unwrap();
    let mut unknown = Vec::new();
    while let Some(event) = stream.try_next().await.unwrap() {
        if let EventKind::Unknown(event) = event.kind {
            unknown.push((event.event_type, event.raw.get().to_owned()));
        }
    }
    assert_eq!(unknown, [("turn.sparkled".to_owned(), "{\"type\":\"turn.sparkled\",\"n\":1e2}".to_owned())]);
}

/// PROTOCOL RESUME-2, RESUME-3.
#[tokio::test]
async fn a_break_is_seen_by_those_who_want_to_and_is_no_event() {
    let (_kit, client) = kit(vec![Fault { cut_events: Some(3), ..fault("respond") }]).await;
    let states = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = states.clone();
    let turn = client.chat().respond(CHAT, "one").on_state(move |state| seen.lock().unwrap().push(state.clone()));
    let mut stream = turn.await.unwrap();
    stream.result().await.unwrap();
    assert_eq!(stream.resumes(), 1);
    let states = states.lock().unwrap();
    let [StreamState::Resuming { attempt: 1, wait: Duration::ZERO, cause }, StreamState::Resumed] = &states[..] else {
        panic!("{states:?}");
    };
    assert_eq!(cause, "connection_lost");
}

/// PROTOCOL CLOCK-4.
#[tokio::test]
async fn silence_is_no_fault_while_the_agent_waits_for_an_answer_unless_comments_were_seen() {
    for (bare, patient) in [(true, true), (false, false)] {
        let (_kit, client) = kit(vec![Fault { bare, ..fault("respond") }]).await;
        let turn = client.chat().respond(CHAT, "/ask").timeout(Duration::from_millis(100)).resume(Resume::Off);
        let mut stream = turn.await.unwrap();
        let mut asked = None;
        while asked.is_none() {
            asked = stream.try_next().await.unwrap().unwrap().question().cloned();
        }
        // Four times the idle clock.
        let next = tokio::time::timeout(Duration::from_millis(400), stream.try_next()).await;
        if patient {
            assert!(next.is_err(), "{next:?}");
            stream.answer(&asked.unwrap(), [["yes"]]).await.unwrap();
            stream.result().await.unwrap();
        } else {
            assert_eq!(next.unwrap().unwrap_err().kind(), ErrorKind::StreamIdleTimeout);
        }
    }
}
