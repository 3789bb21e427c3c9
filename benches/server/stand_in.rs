//! What the server takes for OpenCode: it answers the same routes, and its turns are deltas at the pace the prompt asks for, each with
//! the time it was sent at.

use crate::figure::now_ns;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a prompt's text asks for.
pub(crate) struct Asked {
    pub(crate) deltas: u32,
    /// Between two deltas; 0: as fast as they are taken.
    pub(crate) every_us: u64,
    /// When the first is sent, by [`now_ns`]: chats can begin together.
    pub(crate) start_ns: u64,
}

impl Asked {
    pub(crate) fn text(&self) -> String {
        format!("{} {} {}", self.deltas, self.every_us, self.start_ns)
    }

    fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let deltas = words.next()?.parse().ok()?;
        Some(Self { deltas, every_us: words.next()?.parse().ok()?, start_ns: words.next()?.parse().ok()? })
    }
}

/// How many events of a turn are in the log beside its deltas: the stand-in's, and the one that says it was accepted.
pub(crate) const AROUND: u32 = 8;

/// So many deltas go into one write where there is no pace: 17 KB.
const AT_ONCE: u32 = 64;

/// A delta's event, of about 270 bytes, as long as those of a real one.
fn delta(session: &str, message: &str, at: u32, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        concat!(
            r#"data: {{"id":"evt_{at:026}","type":"message.part.delta","properties":{{"sessionID":"{session}","#,
            r#""messageID":"{message}","partID":"prt_{session}","field":"text","delta":"@{at} {now} word "}}}}"#,
            "\n\n"
        ),
        at = at,
        session = session,
        message = message,
        now = now_ns()
    );
}

/// Where a delta stands in its turn and when it was sent, from its event.
pub(crate) fn stamp(event: &[u8]) -> Option<(u32, u64)> {
    let at = event.windows(10).position(|piece| piece == br#""delta":"@"#)?;
    let mut words = std::str::from_utf8(&event[at + 10..]).ok()?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[derive(Default)]
struct StandIn {
    /// Who reads a folder's events.
    readers: Mutex<HashMap<String, Vec<Arc<TcpStream>>>>,
    sessions: AtomicU32,
    busy: Mutex<Vec<String>>,
}

/// Never returns: it ends with the server that started it.
pub(crate) fn serve() -> ! {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::fs::write("address", address.to_string()).unwrap();
    println!("listening on http://{address}");
    let stand_in = Arc::new(StandIn::default());
    loop {
        let (socket, _) = listener.accept().unwrap();
        let stand_in = stand_in.clone();
        // One that breaks off is gone, with its thread.
        std::thread::spawn(move || stand_in.talk(socket));
    }
}

impl StandIn {
    fn talk(self: Arc<Self>, socket: TcpStream) -> Option<()> {
        socket.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(socket.try_clone().ok()?);
        let mut socket = socket;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let mut words = line.split(' ');
            let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok()?;
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().ok()?;
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let folder = query.split('&').find_map(|pair| pair.strip_prefix("directory=")).unwrap_or("");
            if path == "/event" {
                socket
                    .write_all(
                        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
                    )
                    .ok()?;
                chunk(&socket, concat!(r#"data: {"type":"server.connected","properties":{}}"#, "\n\n")).ok()?;
                self.readers.lock().unwrap().entry(folder.to_owned()).or_default().push(Arc::new(socket));
                return None;
            }
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let answer = self.answer(&method, path, folder, &body).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            socket.write_all((head + &answer).as_bytes()).ok()?;
        }
    }

    fn answer(self: &Arc<Self>, method: &str, path: &str, folder: &str, body: &Value) -> Value {
        let pieces: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, &pieces[..]) {
            (_, ["global", "health"]) => json!({ "healthy": true, "version": "1.18.33" }),
            ("POST", ["session"]) => {
                json!({ "id": format!("ses_{:026}", self.sessions.fetch_add(1, Ordering::Relaxed)) })
            }
            ("GET", ["session", "status"]) => {
                let busy = self.busy.lock().unwrap();
                busy.iter().map(|session| (session.clone(), json!({ "type": "busy" }))).collect()
            }
            ("GET", ["question" | "permission"] | ["session", _, "message"]) => json!([]),
            ("POST", ["session", session, "prompt_async"]) => {
                let asked = body["parts"][0]["text"].as_str().and_then(Asked::read).expect("a prompt of the bench");
                let turn = Turn {
                    folder: folder.to_owned(),
                    session: (*session).to_owned(),
                    prompt: body["messageID"].as_str().unwrap().to_owned(),
                };
                self.busy.lock().unwrap().push(turn.session.clone());
                let stand_in = self.clone();
                std::thread::spawn(move || stand_in.run(&turn, &asked));
                Value::Null
            }
            _ => json!(true),
        }
    }

    fn tell(&self, folder: &str, events: &str) {
        let readers = self.readers.lock().unwrap().get(folder).cloned().unwrap_or_default();
        for reader in readers {
            // Whoever has gone away misses it.
            let _ = chunk(&reader, events);
        }
    }

    fn run(&self, turn: &Turn, asked: &Asked) {
        let Turn { folder, session, prompt } = turn;
        let message = format!("{prompt}a");
        let event = |name: &str, mut properties: Value| {
            properties["sessionID"] = json!(session);
            format!("data: {}\n\n", json!({ "type": name, "properties": properties }))
        };
        let answer = |more: Value| {
            let mut info = json!({ "id": message, "sessionID": session, "role": "assistant", "parentID": prompt });
            info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event("message.updated", json!({ "info": info }))
        };
        let text = |text: &str, time: Value| {
            event(
                "message.part.updated",
                json!({ "part": {
                "id": format!("prt_{session}"), "sessionID": session, "messageID": message, "type": "text",
                "text": text, "time": time,
            } }),
            )
        };
        self.tell(folder, &event("session.status", json!({ "status": { "type": "busy" } })));
        let user = json!({ "info": { "id": prompt, "sessionID": session, "role": "user" } });
        self.tell(folder, &event("message.updated", user));
        self.tell(folder, &answer(json!({})));
        self.tell(folder, &text("", json!({ "start": 1 })));
        let mut events = String::new();
        let mut at = 0;
        while at < asked.deltas {
            let due = asked.start_ns + u64::from(at) * asked.every_us * 1000;
            std::thread::sleep(Duration::from_nanos(due.saturating_sub(now_ns())));
            let count = if asked.every_us == 0 { AT_ONCE.min(asked.deltas - at) } else { 1 };
            for _ in 0..count {
                delta(session, &message, at, &mut events);
                at += 1;
            }
            self.tell(folder, &events);
            events.clear();
        }
        self.busy.lock().unwrap().retain(|busy| busy != session);
        // The whole text would be as long as all deltas together; what ends the turn is enough here.
        self.tell(folder, &answer(json!({ "finish": "stop", "time": { "created": 1, "completed": 2 } })));
        self.tell(folder, &event("session.status", json!({ "status": { "type": "idle" } })));
        self.tell(folder, &event("session.idle", json!({})));
    }
}

struct Turn {
    folder: String,
    session: String,
    prompt: String,
}

fn chunk(mut socket: &TcpStream, data: &str) -> std::io::Result<()> {
    socket.write_all(format!("{:x}\r\n{data}\r\n", data.len()).as_bytes())
}
