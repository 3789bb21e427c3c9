//! Turns over HTTP/2, whose connections end in their own ways: a stream that is reset, a connection that says GOAWAY.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use turnwire::Client;

/// How the first answer of a turn ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Reset,
    GoAway,
}

const EVENTS: u64 = 8;

fn event(seq: u64) -> String {
    let rest = match seq {
        1 => r#""type":"turn.started","userMessage":{"id":"msg_1","parts":[]}"#.to_owned(),
        EVENTS => r#""type":"turn.completed","status":"completed""#.to_owned(),
        _ => format!(
            r#""type":"message.part.updated","messageId":"msg_2","partId":"prt_1","partType":"text","delta":"{seq} ""#
        ),
    };
    format!("id: {seq}\ndata: {{\"seq\":{seq},\"chatId\":\"c\",\"turnId\":\"turn_1\",{rest}}}\n\n")
}

/// `read`: the client has read what came before the end.
async fn serve(listener: TcpListener, end: End, prompts: Arc<AtomicUsize>, read: Arc<Notify>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (prompts, read) = (prompts.clone(), read.clone());
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(socket).await.unwrap();
            loop {
                let accepted = tokio::select! {
                    accepted = connection.accept() => accepted,
                    () = read.notified(), if matches!(end, End::GoAway) => {
                        connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
                        continue;
                    }
                };
                let Some(Ok((request, mut respond))) = accepted else { return };
                let prompt = request.method() == http::Method::POST;
                prompts.fetch_add(usize::from(prompt), Ordering::SeqCst);
                let after = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
                let answer = http::Response::builder()
                    .header("content-type", "text/event-stream")
                    .header("turnwire-contract", "1")
                    .header("turnwire-turn-id", "turn_1")
                    .body(())
                    .unwrap();
                let mut body = respond.send_response(answer, false).unwrap();
                let last = if prompt { 4 } else { EVENTS };
                for seq in after.unwrap_or(0) + 1..=last {
                    body.send_data(event(seq).into(), false).unwrap();
                }
                if prompt {
                    let read = read.clone();
                    tokio::spawn(async move {
                        if matches!(end, End::Reset) {
                            read.notified().await;
                            body.send_reset(h2::Reason::INTERNAL_ERROR);
                        } else {
                            // Kept open: it ends with its connection.
                            std::future::poll_fn(|cx| body.poll_reset(cx)).await.ok();
                        }
                    });
                } else {
                    body.send_data(bytes::Bytes::new(), true).unwrap();
                }
            }
        });
    }
}

#[tokio::test]
async fn a_turn_survives_a_reset_stream_and_a_goaway() {
    for end in [End::Reset, End::GoAway] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (prompts, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let server = tokio::spawn(serve(listener, end, prompts.clone(), read.clone()));
        let client =
            Client::builder().base_url(url).api_key("sk_test").http2_prior_knowledge().backoff_scale(0.0).build();
        let mut stream = client.unwrap().chat().respond("c", "hello").await.unwrap();
        let mut seqs = Vec::new();
        while let Some(event) = stream.try_next().await.unwrap() {
            seqs.push(event.seq);
            if event.seq == 4 {
                read.notify_one();
            }
        }
        assert_eq!(seqs, (1..=EVENTS).collect::<Vec<_>>(), "{end:?}");
        assert_eq!(stream.result().await.unwrap().text(), "2 3 4 5 6 7 ", "{end:?}");
        assert!(stream.resumes() >= 1, "{end:?}");
        assert_eq!(prompts.load(Ordering::SeqCst), 1, "{end:?}: the prompt was sent again");
        server.abort();
    }
}
