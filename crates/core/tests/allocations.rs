//! A delta costs one allocation, from the socket to its reader: the memory of its JSON, which its text shares.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use turnwire::{Client, EventKind};

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends may allocate after its count is gone.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

#[allow(unsafe_code)]
// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller has promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller has promised.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller has promised.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Before these the connection's buffers, the patterns and the turn itself come to be.
const FIRST: usize = 1_000;
const DELTAS: usize = 10_000;

fn turn() -> Vec<String> {
    let ids = r#""chatId":"chat_3f9a1c22d0b84e6f","turnId":"turn_206edb2b50006CUD2Qiup68""#;
    let message = r#""messageId":"msg_206edb2bd007NDtpucOV7CzZcg""#;
    let mut bodies = vec![("turn.started", r#""userMessage":{"id":"msg_1","parts":[]}"#.to_owned())];
    for at in 0..FIRST + DELTAS {
        // Three parts that grow at the same time, and a text with escapes now and then.
        let part = ["prt_a", "prt_a", "prt_b", "prt_a", "prt_c"][at % 5];
        let delta = ["word ", "café ", r"line\n", r#"\"quoted\" "#][at % 4];
        let body = format!(r#"{message},"partId":"{part}","partType":"text","delta":"{delta}""#);
        bodies.push(("message.part.updated", body));
    }
    bodies.push(("turn.completed", r#""status":"completed""#.to_owned()));
    let frame = |(seq, (kind, body)): (usize, (&str, String))| {
        format!("id: {seq}\nevent: {kind}\ndata: {{\"type\":\"{kind}\",\"seq\":{seq},{ids},{body}}}\n\n")
    };
    (1..).zip(bodies).map(frame).collect()
}

/// Answers one request with the turn, cut into these chunks, each written on its own.
fn answer(mut socket: TcpStream, chunks: &[String]) {
    let mut head = Vec::new();
    // The prompt is the last that comes.
    while !String::from_utf8_lossy(&head).contains("Go on.") {
        let mut piece = [0; 1024];
        let read = socket.read(&mut piece).unwrap();
        assert!(read > 0, "the request is cut short");
        head.extend_from_slice(&piece[..read]);
    }
    socket.set_nodelay(true).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nturnwire-contract: 1\r\ntransfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    for chunk in chunks {
        socket.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).unwrap();
    }
    socket.write_all(b"0\r\n\r\n").unwrap();
}

/// Reads a turn; how many allocations its later deltas took.
fn read(chunks: Vec<String>) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = thread::spawn(move || answer(listener.accept().unwrap().0, &chunks));
    let client = Client::builder().base_url(url).api_key("sk_test").no_proxy().build().unwrap();
    // All of the client, its connection too, runs on this thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken = runtime.block_on(async {
        let mut stream = client.chat().respond("chat_1", "Go on.").await.unwrap();
        let (mut deltas, mut before, mut after) = (0, 0, 0);
        while let Some(event) = stream.try_next().await.unwrap() {
            if let EventKind::PartDelta(_) = event.kind {
                deltas += 1;
                match deltas {
                    FIRST => before = COUNT.get(),
                    _ => after = COUNT.get(),
                }
            }
        }
        assert_eq!(deltas, FIRST + DELTAS);
        after - before
    });
    service.join().unwrap();
    taken
}

#[test]
fn a_delta_takes_one_allocation() {
    let events = turn();
    let at_once: Vec<String> = events.chunks(70).map(<[String]>::concat).collect();
    for (load, chunks) in [("many events a chunk", at_once), ("an event a chunk", events)] {
        let taken = read(chunks);
        assert!(taken * 100 <= DELTAS * 105, "{load}: {taken} allocations for {DELTAS} deltas");
    }
}
