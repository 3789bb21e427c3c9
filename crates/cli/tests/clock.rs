//! The wall clock jumps by hours, forwards and backwards, between turns and in the middle of them. The program is the real one; libfaketime
//! (apt) tells it another time.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(target_os = "linux")]

mod common;
#[allow(dead_code, unreachable_pub, reason = "each test program uses some of this")]
#[path = "../../server/tests/common/tools.rs"]
mod tools;

use common::{opencode, signal, skipped, turnwire};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use turnwire::chat::{ListMessages, NewChat};
use turnwire::stream::{RelayCursor, RelayItem, TurnStream};
use turnwire::{Client, ErrorKind, ListChats};

const KEY: &str = "key-of-a-test";
/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(60);
/// Each is the distance to the true time. They go back and forth by up to four days, over the end of a day and of the 24 hours for which
/// an idempotency key is remembered.
const JUMPS: [&str; 7] = ["+5h", "-7h", "+26h", "-26h", "+47h", "-48h", "+0"];

/// The library: the system's, or the distribution's package unpacked below `target`.
async fn libfaketime() -> Option<PathBuf> {
    let below = |root: &Path| {
        let places = std::fs::read_dir(root.join("usr/lib")).ok()?;
        let libraries = places.map(|place| place.unwrap().path().join("faketime/libfaketimeMT.so.1"));
        libraries.into_iter().find(|library| library.exists())
    };
    if let Some(library) = below(Path::new("/")) {
        return Some(library);
    }
    let folder = tools::debian("libfaketime").await?;
    Some(below(&folder).expect("the package holds the library"))
}

/// What OpenCode has to be handed for the clock to be set for it too.
const FAKED: &str = "LD_PRELOAD,FAKETIME_TIMESTAMP_FILE,FAKETIME_DONT_FAKE_MONOTONIC,FAKETIME_NO_CACHE";

/// A server whose clock can be set.
struct Clocked {
    child: Child,
    client: Client,
    clock: PathBuf,
}

impl Drop for Clocked {
    /// In order, so that its `OpenCode` goes with it.
    fn drop(&mut self) {
        signal(&self.child, "TERM");
        let _ = self.child.wait();
    }
}

fn set(clock: &Path, jump: &str) {
    // Whole or not at all: it is read at every look at the clock.
    let new = clock.with_extension("new");
    std::fs::write(&new, jump).unwrap();
    std::fs::rename(&new, clock).unwrap();
}

impl Clocked {
    fn practice(home: &Path, library: &Path) -> Self {
        Self::start(home, library, &["--runtime", "practice"])
    }

    fn start(home: &Path, library: &Path, runtime: &[&str]) -> Self {
        let clock = home.join("clock");
        if !clock.exists() {
            set(&clock, "+0");
        }
        let mut command = turnwire(home);
        command.args(["serve", "--listen", "127.0.0.1:0", "--api-key", KEY]).args(runtime).arg("--data");
        command.arg(home.join("data")).env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock);
        // Only the wall clock jumps, and at once.
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_NO_CACHE", "1");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server said something else");
        let client = Client::builder().base_url(url).api_key(KEY).build().unwrap();
        Self { child, client, clock }
    }

    fn jump(&self, jump: &str) {
        set(&self.clock, jump);
    }

    async fn chat(&self) -> String {
        self.client.chat().create(NewChat::new()).await.unwrap().id.to_string()
    }

    /// Says something under a key; gives the turn's id, once it has ended.
    async fn keyed(&self, chat: &str, text: &str) -> Result<String, turnwire::Error> {
        let mut stream = self.client.chat().respond(chat, text).idempotency_key("once").await?;
        while stream.try_next().await?.is_some() {}
        Ok(stream.result().await?.id.to_string())
    }
}

/// Reads on until the first delta.
async fn first_delta(turn: &mut TurnStream) {
    while turn.try_next().await.unwrap().expect("it ended before it said a word").text_delta().is_none() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_renumbers_reorders_and_doubles_nothing() {
    let Some(library) = libfaketime().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut server = Clocked::practice(folder.path(), &library);
    let chat = server.chat().await;
    let mut chats = vec![chat.clone()];
    let created = server.client.chat().retrieve(&chat).await.unwrap().created_at.unwrap();
    let mut turns = 0;
    for (at, jump) in JUMPS.iter().enumerate() {
        // Between two turns.
        server.jump(jump);
        let said = server.client.chat().send_message(&chat, format!("Turn {at}")).await.unwrap();
        assert_eq!((said.status.as_str(), said.text()), ("completed", format!("Turn {at}")), "{jump}");
        // While text comes.
        let mut long = server.client.chat().respond(&chat, "/slow 6").await.unwrap();
        first_delta(&mut long).await;
        server.jump(JUMPS[(at + 2) % JUMPS.len()]);
        let long = long.result().await.unwrap();
        assert_eq!((long.status.as_str(), long.text().split_whitespace().count()), ("completed", 6), "{jump}");
        // While a question waits.
        let mut asked = server.client.chat().respond(&chat, "/ask").await.unwrap();
        while let Some(event) = asked.try_next().await.unwrap() {
            if let Some(question) = event.question() {
                server.jump(JUMPS[(at + 4) % JUMPS.len()]);
                asked.answer(question, [["yes"]]).await.unwrap();
            }
        }
        assert_eq!(asked.result().await.unwrap().text(), "You answered: yes.", "{jump}");
        turns += 3;
        // While nothing runs at all: the next server finds another day.
        if at % 3 == 1 {
            drop(server);
            set(&folder.path().join("clock"), JUMPS[(at + 3) % JUMPS.len()]);
            server = Clocked::practice(folder.path(), &library);
        }
        chats.push(server.chat().await);
    }
    assert_ne!(server.client.chat().retrieve(&chats[1]).await.unwrap().created_at.unwrap(), created, "it did jump");

    // The log: every number once, every turn once, ids that ascend as the runtime compares them.
    let head = server.client.chat().retrieve(&chat).await.unwrap().last_event_id.unwrap();
    let mut relay = server.client.chat().stream(&chat, RelayCursor::START).await.unwrap();
    let (mut last, mut accepted, mut users) = (0, 0, Vec::new());
    while last < head {
        let item = tokio::time::timeout(LONG, relay.try_next()).await.expect("the relay is silent").unwrap();
        let Some(RelayItem::Event(event)) = item else { panic!("neither gap nor reset, and no end: {item:?}") };
        assert_eq!(event.id, Some(last + 1));
        last += 1;
        let raw = event.raw.to_value();
        let properties = &raw["properties"];
        if event.event_type == "turnwire.turn.accepted" {
            accepted += 1;
            users.push(properties["messageId"].as_str().unwrap().to_owned());
        }
        if event.event_type == "message.updated" && properties["info"]["role"] == "assistant" {
            let (id, parent) = (properties["info"]["id"].as_str().unwrap(), properties["info"]["parentID"].as_str());
            assert_eq!(parent, users.last().map(String::as_str), "an answer of the turn that runs");
            assert!(id > users.last().unwrap().as_str(), "{id} comes after what it answers");
        }
    }
    assert_eq!(accepted, turns);
    assert!(users.windows(2).all(|pair| pair[0] < pair[1]), "{users:?}");
    let messages = server.client.chat().messages().list(&chat, ListMessages::default()).await.unwrap().data;
    let ids: Vec<_> = messages.iter().map(|message| message.id.as_str()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");

    // Chats stand in the order in which they were made, whatever day it was.
    chats.reverse();
    let listed = server.client.chat().list(ListChats::new()).await.unwrap().data;
    assert_eq!(listed.iter().map(|chat| chat.id.to_string()).collect::<Vec<_>>(), chats);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_tokens_outlive_no_more_than_they_should_when_the_clock_jumps() {
    let Some(library) = libfaketime().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Clocked::practice(folder.path(), &library);
    let chat = server.chat().await;
    let first = server.keyed(&chat, "Once").await.unwrap();
    for jump in ["+5h", "-7h", "+23h", "-23h"] {
        server.jump(jump);
        assert_eq!(server.keyed(&chat, "Once").await.unwrap(), first, "{jump}: the same turn");
        let other = server.keyed(&chat, "Twice").await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::UnprocessableEntity, "{jump}");
    }
    // After its day a key is a new one; back in its day it is still that.
    server.jump("+26h");
    let second = server.keyed(&chat, "Twice").await.unwrap();
    assert_ne!(second, first);
    server.jump("+0");
    assert_eq!(server.keyed(&chat, "Twice").await.unwrap(), second);

    let opens = async |token: &str| {
        let stranger = Client::builder().base_url(server.client.base_url()).api_key("none").build().unwrap();
        stranger.chat().stream(&chat, RelayCursor::START).token(token).await.map(drop).map_err(|error| error.kind())
    };
    let now = server.client.chat().create_stream_token(&chat).await.unwrap();
    assert_eq!(opens(&now.token).await, Ok(()));
    server.jump("+5h");
    assert_eq!(opens(&now.token).await, Err(ErrorKind::Authentication), "it is long over");
    let later = server.client.chat().create_stream_token(&chat).await.unwrap();
    assert_eq!(opens(&later.token).await, Ok(()));
    // One that is not of its time yet would be good for five hours.
    server.jump("+0");
    assert_eq!(opens(&later.token).await, Err(ErrorKind::Authentication), "it is not good for hours");
    assert_eq!(opens(&now.token).await, Ok(()));
}

/// Needs `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_opencode_whose_clock_was_set_back_tells_so_and_no_old_answer_as_a_new_one() {
    let (Some(program), Some(library)) = (opencode(), libfaketime().await) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server =
        Clocked::start(folder.path(), &library, &["--practice-model", "--opencode", &program, "--pass-env", FAKED]);
    let chat = server.chat().await;
    let said = async |chat: &str, text: &str| {
        let mut turn = server.client.chat().respond(chat, text).await.unwrap();
        while turn.try_next().await.unwrap().is_some() {}
        turn.snapshot().clone()
    };
    for jump in ["+0", "+5h"] {
        server.jump(jump);
        let turn = said(&chat, &format!("At {jump}")).await;
        assert_eq!((turn.status.as_str(), turn.text()), ("completed", format!("At {jump}")));
    }
    server.jump("-7h");
    // It puts the prompt before the answers it has, and takes it for answered.
    let turn = said(&chat, "Too early").await;
    assert_eq!((turn.status.as_str(), turn.messages.len()), ("failed", 0), "{turn:?}");
    assert!(turn.error.unwrap().message.contains("clock"));
    // Another chat has no later time in it; in this one all is well once its time has come.
    let other = server.chat().await;
    assert_eq!(said(&other, "Elsewhere").await.text(), "Elsewhere");
    server.jump("+6h");
    for chat in [&chat, &other] {
        assert_eq!(said(chat, "At last").await.text(), "At last");
    }
}
