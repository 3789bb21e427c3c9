//! Streams as another language reads them: with a thread blocked, or polled with a waker.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use turnwire::stream::RelayItem;
use turnwire::{Client, ErrorKind, TurnAccumulator};
use turnwire_bridge::{Done, Driver, Language, Operation, Pump, RelayPump, Source, Task, TurnPump};
use turnwire_testkit::{Fault, Testkit};

const CHAT: &str = "chat_testkit";
const LANGUAGE: Language = Language { name: str::to_owned, ca_variables: &[] };
const SLICE: Duration = Duration::from_millis(100);

fn driver() -> &'static Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    DRIVER.get_or_init(|| Driver::start().unwrap())
}

async fn kit(faults: Vec<Fault>) -> (Testkit, Client) {
    let kit = Testkit::with_faults(true, faults).await.unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").backoff_scale(0.0).build().unwrap();
    (kit, client)
}

fn fault(on: &str) -> Fault {
    Fault { on: on.to_owned(), ..Fault::default() }
}

fn task(client: &Client, name: &str, arguments: &serde_json::Value) -> Task<Done> {
    let operation = Operation::parse(&LANGUAGE, client, name, &arguments.to_string(), "{}", None).unwrap();
    Task::new(driver(), operation.run(driver()))
}

fn prompt(text: &str) -> serde_json::Value {
    serde_json::json!({ "id": CHAT, "parts": [{ "type": "text", "text": text }], "onState": true })
}

async fn respond(client: &Client, text: &str) -> TurnPump {
    let task = task(client, "respond", &prompt(text));
    match poll_fn(|cx| task.poll(cx.waker())).await.unwrap() {
        Done::Turn(pump) => pump,
        other => panic!("{other:?}"),
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter {
    wakes: AtomicUsize,
    woken: Notify,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.woken.notify_one();
    }
}

/// The numbers of all events, and what became of the connection between them.
async fn told(pump: &TurnPump) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(batch) = pump.next().await {
        assert!(batch.error.is_none());
        told.extend(batch.states.iter().map(|state| serde_json::to_string(state).unwrap()));
        told.extend(batch.items.iter().map(|event| event.seq.to_string()));
    }
    told
}

/// Waits for a task with the thread blocked, as a language without an event loop does.
fn wait<T: Send + 'static>(task: &Task<T>) -> turnwire::Result<T> {
    loop {
        if let Poll::Ready(result) = task.wait_blocking(SLICE) {
            return result;
        }
    }
}

#[tokio::test]
async fn a_thread_that_blocks_gets_the_same_events_over_a_broken_connection() {
    let (_kit, client) = kit(vec![Fault { cut_events: Some(5), ..fault("respond") }]).await;
    let (fold, json, pump) = tokio::task::spawn_blocking(move || {
        let Done::Turn(pump) = wait(&task(&client, "respond", &prompt("one two three"))).unwrap() else {
            panic!("no turn")
        };
        let (mut fold, mut json) = (TurnAccumulator::new(), Vec::new());
        loop {
            match pump.next_blocking(SLICE) {
                Poll::Ready(Some(batch)) => {
                    assert!(batch.error.is_none());
                    batch.items.iter().for_each(|event| {
                        fold.push(event);
                    });
                    let array: Vec<serde_json::Value> = serde_json::from_str(&batch.to_json_array()).unwrap();
                    json.extend(array);
                }
                Poll::Pending => {}
                Poll::Ready(None) => return (fold, json, pump),
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(fold.turn().text(), "one two three");
    assert_eq!(json.last().unwrap()["type"], "turn.completed");
    assert_eq!(pump.snapshot(), serde_json::to_string(fold.turn()).unwrap());
    assert_eq!(pump.result().await.unwrap(), pump.snapshot());
}

#[tokio::test]
async fn threads_that_block_beside_each_other_and_beside_the_background_all_go_on() {
    let (_kit, client) = kit(vec![]).await;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::task::spawn_blocking(move || {
                let Done::Turn(pump) = wait(&task(&client, "respond", &prompt("one two three"))).unwrap() else {
                    panic!("no turn")
                };
                while !matches!(pump.next_blocking(SLICE), Poll::Ready(None)) {}
                pump.outcome().unwrap()
            })
        })
        .collect();
    let background = respond(&client, "one two three").await;
    told(&background).await;
    for reader in readers {
        assert!(reader.await.unwrap().contains("one two three"));
    }
}

#[tokio::test]
async fn a_reader_that_polls_is_woken_once_for_each_time_it_found_nothing() {
    let (kit, client) = kit(vec![]).await;
    let pump = respond(&client, "/hang").await;
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let (mut events, mut waited) = (0, 0);
    while events < 5 {
        match pump.poll(&waker) {
            Poll::Ready(Some(batch)) => events += batch.items.len(),
            Poll::Pending => {
                waited += 1;
                counter.woken.notified().await;
            }
            Poll::Ready(None) => panic!("the turn does not end"),
        }
    }
    assert_eq!(counter.wakes.load(Ordering::SeqCst), waited);
    drop(pump);
    kit.until(|counts| counts.open_connections == 0).await;
}

#[tokio::test]
async fn what_a_reader_leaves_of_a_batch_is_there_for_the_next_one() {
    let (_kit, client) = kit(vec![]).await;
    let pump = respond(&client, "one two three").await;
    pump.result().await.unwrap();
    let mut first = pump.next().await.unwrap();
    assert!(first.items.len() > 2);
    let rest = first.items.split_off(2);
    let all: Vec<u64> = first.items.iter().chain(&rest).map(|event| event.seq).collect();
    let mut taken = pump.next().await.map_or_else(Vec::new, |_| panic!("a second batch"));
    let mut back = turnwire_bridge::Batch::default();
    back.items = first.items.iter().cloned().chain(rest).collect();
    let used = back.items.len() - 2;
    pump.put_back(back.into_tail(used));
    taken.extend(told(&pump).await);
    assert_eq!(taken, all[2..].iter().map(u64::to_string).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_turn_that_asks_something_says_so_where_its_end_is_waited_for() {
    let (_kit, client) = kit(vec![]).await;
    let pump = respond(&client, "/ask").await;
    let error = pump.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InputRequired);
    let request_id = error.turn().unwrap().requests[0].request_id().clone();
    pump.handle().answer(&request_id, [["yes"]]).await.unwrap();
    assert!(pump.result().await.unwrap().contains("thank you"));
}

#[tokio::test]
async fn a_result_beside_a_reader_takes_no_event_away() {
    let (_kit, client) = kit(vec![]).await;
    let pump = respond(&client, "one two three").await;
    let turn = pump.result().await.unwrap();
    let told = told(&pump).await;
    assert_eq!(told, (1..=told.len()).map(|seq| seq.to_string()).collect::<Vec<_>>());
    assert_eq!(pump.result().await.unwrap(), turn);
    assert!(pump.next().await.is_none());
}

#[tokio::test]
async fn a_reader_that_watches_is_told_of_a_break_where_it_happened() {
    let (_kit, client) = kit(vec![Fault { cut_events: Some(3), ..fault("respond") }]).await;
    let told = told(&respond(&client, "one").await).await;
    let resuming = r#"{"state":"resuming","attempt":1,"waitMs":0,"cause":"connection_lost"}"#;
    assert_eq!(told[..6], ["1", "2", "3", resuming, r#"{"state":"resumed"}"#, "4"]);
}

#[tokio::test]
async fn a_stream_that_is_closed_ends_for_the_thread_that_blocks_on_it() {
    let (kit, client) = kit(vec![]).await;
    let pump = Arc::new(respond(&client, "/hang").await);
    let reader = pump.clone();
    let reading = tokio::task::spawn_blocking(move || {
        while !matches!(reader.next_blocking(Duration::from_secs(60)), Poll::Ready(None)) {}
    });
    kit.until(|counts| counts.turns == 1).await;
    pump.close();
    reading.await.unwrap();
    kit.until(|counts| counts.open_connections == 0).await;
}

/// A stream whose connection, a task of its own, hands over one item at a time.
struct Handed(mpsc::Receiver<u64>);

impl Source for Handed {
    type Item = RelayItem;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<turnwire::Result<RelayItem>>> {
        self.0.poll_recv(cx).map(|head| Some(Ok(RelayItem::Reset { head: head? })))
    }

    fn close(&mut self) {
        self.0.close();
    }
}

#[test]
fn a_thread_takes_at_once_all_that_a_connection_holds() {
    let (hand, handed) = mpsc::channel(1);
    driver().spawn(async move {
        for head in 0..100 {
            hand.send(head).await.unwrap();
        }
        hand.closed().await;
    });
    let pump = Pump::new(driver(), Handed(handed));
    let Poll::Ready(Some(batch)) = pump.next_blocking(Duration::from_secs(60)) else { panic!("nothing came") };
    let heads: Vec<_> = (0..100).map(|head| RelayItem::Reset { head }).collect();
    assert_eq!(batch.items, heads);
}

#[tokio::test]
async fn a_relay_is_read_in_batches_too() {
    let (_kit, client) = kit(vec![]).await;
    respond(&client, "one").await.result().await.unwrap();
    let task = task(&client, "stream", &serde_json::json!({ "id": CHAT, "lastEventId": 0 }));
    let Done::Relay(relay) = poll_fn(|cx| task.poll(cx.waker())).await.unwrap() else { panic!("no relay") };
    let relay: RelayPump = relay;
    assert_eq!(relay.next().await.unwrap().items[0].cursor(), Some(1));
}

#[tokio::test]
async fn a_call_gives_its_result_once_and_stops_when_dropped() {
    let (kit, client) = kit(vec![Fault { never_answer: true, ..fault("respond") }]).await;
    let retrieved = task(&client, "retrieve", &serde_json::json!({ "id": CHAT }));
    let Done::Answer(answer) = poll_fn(|cx| retrieved.poll(cx.waker())).await.unwrap() else { panic!("no answer") };
    assert!(answer.value.unwrap().contains(CHAT));
    let again = poll_fn(|cx| retrieved.poll(cx.waker())).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Aborted);
    let stuck = task(&client, "respond", &prompt("one"));
    assert!(stuck.poll(Waker::noop()).is_pending());
    kit.until(|counts| counts.turns == 1).await;
    drop(stuck);
    kit.until(|counts| counts.open_connections == 0).await;
}

#[tokio::test]
async fn a_call_that_a_thread_waits_for_goes_on_where_the_thread_looked_away_and_can_be_given_up() {
    let (kit, client) = kit(vec![Fault { never_answer: true, ..fault("respond") }]).await;
    let stuck = Arc::new(task(&client, "respond", &prompt("one")));
    let looking = stuck.clone();
    let looked = tokio::task::spawn_blocking(move || looking.wait_blocking(Duration::from_millis(1)).is_pending());
    assert!(looked.await.unwrap());
    let waiting = stuck.clone();
    let waited = tokio::task::spawn_blocking(move || wait(&waiting));
    kit.until(|counts| counts.turns == 1).await;
    stuck.cancel();
    assert_eq!(waited.await.unwrap().unwrap_err().kind(), ErrorKind::Aborted);
    kit.until(|counts| counts.open_connections == 0).await;
}
