//! A turn is told the same to the byte to whoever reads it, whenever, and from wherever: its events are made once for all.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, Service, Stream};
use turnwire_server::Delivery;

/// The frames as they stood on the wire, without what only keeps a stream open.
fn wire(stream: &Stream) -> String {
    let bytes = String::from_utf8(stream.bytes.clone()).unwrap();
    bytes.split_inclusive('\n').filter(|line| !line.starts_with(':') && !line.starts_with("retry:")).collect()
}

/// Reads to the end, or where a relay has none, to the turn's last event.
async fn told(mut stream: Stream) -> (Vec<Frame>, String) {
    let mut frames = Vec::new();
    while let Some(frame) = stream.next().await {
        let is_last = frame.data.contains("\"type\":\"turn.completed\"");
        frames.push(frame);
        if is_last {
            break;
        }
    }
    (frames, wire(&stream))
}

async fn open(service: &Service, path: &str, text: bool, after: Option<&str>) -> Stream {
    let mut request = service.request("GET", path);
    if text {
        request = request.header("turnwire-data", "text");
    }
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    service.open(request).await
}

/// What follows the frame of this number.
fn rest(whole: &str, after: &str) -> String {
    let number = format!("id: {after}\n");
    let at = if whole.starts_with(&number) { 0 } else { whole.find(&format!("\n{number}")).unwrap() + 1 };
    whole[at..].split_once("\n\n").unwrap().1.to_owned()
}

async fn counted(service: &Service, name: &str) -> u64 {
    let answer = common::send(service.http.get(format!("{}/metrics", service.url))).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("turnwire_{name} ")));
    line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_resumed_and_late_readers_are_told_the_same_to_the_byte() {
    for delivery in [Delivery::Durable, Delivery::Fast] {
        let folder = tempfile::tempdir().unwrap();
        let config = || {
            let mut config = common::config(folder.path());
            config.delivery = delivery;
            config
        };
        let service = Service::with(config()).await;
        let chat = service.chat().await;
        // The last does not fit into what is kept in memory.
        for text in ["/tool", "/think", "/long 1500"] {
            let relay = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].to_string();
            let view = format!("/{chat}/stream?view=turns");
            let of_all =
                [open(&service, &view, false, Some(&relay)).await, open(&service, &view, true, Some(&relay)).await];
            let first = service.respond(&chat, text).await;
            let turn = first.headers["turnwire-turn-id"].to_str().unwrap().to_owned();
            let path = format!("/{chat}/turns/{turn}/stream");
            let also = [open(&service, &path, false, None).await, open(&service, &path, true, None).await];
            let (first, also, also_text, of_all, of_all_text) = {
                let [also, also_text] = also;
                let [of_all, of_all_text] = of_all;
                tokio::join!(told(first), told(also), told(also_text), told(of_all), told(of_all_text))
            };
            assert_eq!(first.1, also.1, "{text}: two who read at once");
            assert_eq!(first.0, also_text.0, "{text}: in strings the same events");
            let data = |frames: &[Frame]| frames.iter().map(|frame| frame.data.clone()).collect::<Vec<_>>();
            assert_eq!(data(&first.0), data(&of_all.0), "{text}: in the relay the same events");
            assert_eq!(of_all.0, of_all_text.0, "{text}");
            for (is_text, live, live_of_all) in [(false, &also.1, &of_all.1), (true, &also_text.1, &of_all_text.1)] {
                let late = told(open(&service, &path, is_text, None).await).await;
                assert!(&late.1 == live, "{text}: who comes later");
                let numbers: Vec<&str> = first.0.iter().map(|frame| &*frame.id).collect();
                for after in
                    numbers.iter().step_by(1 + numbers.len() / 5).chain(&numbers[numbers.len() - 2..numbers.len() - 1])
                {
                    let resumed = told(open(&service, &path, is_text, Some(after)).await).await;
                    assert!(resumed.1 == rest(live, after), "{text}: who resumes after {after}");
                }
                let numbers: Vec<&str> = of_all.0.iter().map(|frame| &*frame.id).filter(|id| !id.is_empty()).collect();
                for after in numbers[..numbers.len() - 1].iter().step_by(1 + numbers.len() / 5) {
                    let resumed = told(open(&service, &view, is_text, Some(after)).await).await;
                    assert!(resumed.1 == rest(live_of_all, after), "{text}: who resumes the relay after {after}");
                }
            }
        }
        // Another server has nothing in memory.
        let view = format!("/{chat}/stream?view=turns&lastEventId=0");
        let count = |frames: &[Frame]| frames.iter().filter(|frame| frame.data.contains("\"turn.completed\"")).count();
        let all = |service: Service| {
            let view = view.clone();
            async move {
                let mut stream = open(&service, &view, false, None).await;
                let mut frames = Vec::new();
                while count(&frames) < 3 {
                    frames.push(stream.next().await.unwrap());
                }
                (wire(&stream), service)
            }
        };
        let (before, service) = all(service).await;
        service.stop().await;
        let (after, service) = all(Service::with(config()).await).await;
        assert!(before == after, "after a restart");
        service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_of_a_turn_cost_one_reading_and_one_rendering() {
    const READERS: usize = 30;
    let service = Service::start().await;
    let chat = service.chat().await;
    let first = service.respond(&chat, "/ask").await;
    let turn = first.headers["turnwire-turn-id"].to_str().unwrap().to_owned();
    let path = format!("/{chat}/turns/{turn}/stream");
    let mut streams = vec![first];
    for _ in 1..READERS {
        streams.push(open(&service, &path, false, None).await);
    }
    // All are there by now, and wait for what follows.
    let mut asked = String::new();
    for stream in &mut streams {
        let frames = stream.until(|frame| frame.data.contains("\"requests\":[{")).await;
        asked = frames.last().unwrap().json()["requests"][0]["requestId"].as_str().unwrap().to_owned();
    }
    service.call("POST", &format!("/{chat}/question/{asked}/reject"), None).await;
    let mut all = Vec::new();
    for stream in &mut streams {
        all.push(stream.rest().await);
    }
    assert!(all.iter().all(|frames| *frames == all[0]));
    let events = counted(&service, "events_total").await;
    let read = counted(&service, "turn_events_read_total").await;
    assert!(read <= events, "{read} readings of {events} events");
    let rendered = counted(&service, "turn_frames_rendered_total").await;
    let whole = told(open(&service, &path, false, None).await).await.0;
    assert_eq!(rendered, whole.len() as u64, "each frame once, for {READERS} readers");
}
