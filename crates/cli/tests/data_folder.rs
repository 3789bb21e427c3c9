//! The data folder between several starts, and on a disk that is full.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{err, out, run, turnwire};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

#[test]
fn of_several_first_starts_at_once_one_serves_with_the_key_that_is_kept() {
    let home = tempfile::tempdir().unwrap();
    for round in 0..4 {
        // Each round on a new folder, none of whose parents are there.
        let data = home.path().join(format!("new/{round}"));
        let start = |_| {
            let mut command = turnwire(home.path());
            command.args(["serve", "--runtime", "practice", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let mut starts: Vec<Child> = (0..4).map(start).collect();
        // Each says where it listens, or ends.
        let listening = starts.iter_mut().map(|child| {
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            line.trim().strip_prefix("listening on ").map(str::to_owned)
        });
        let listening: Vec<_> = listening.collect();
        let urls: Vec<_> = listening.iter().flatten().collect();
        assert_eq!(urls.len(), 1, "{listening:?}");
        let mut client = turnwire(home.path());
        client.args(["send", "new", "Hello."]).env("TURNWIRE_BASE_URL", urls[0]).env("TURNWIRE_DATA", &data);
        let sent = run(&mut client, "");
        assert!(sent.status.success() && out(&sent).contains("Hello."), "{}", err(&sent));

        let kept = std::fs::read_to_string(data.join("api-key")).unwrap();
        let mut shown = Vec::new();
        for (mut child, url) in starts.into_iter().zip(&listening) {
            if url.is_some() {
                child.kill().unwrap();
            }
            let code = child.wait().unwrap().code();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            if url.is_none() {
                assert!(code == Some(1) && said.contains("another server is using the data folder"), "{said}");
            }
            shown.extend(said.split_whitespace().filter(|word| word.starts_with("tw_")).map(str::to_owned));
        }
        assert!(shown.iter().all(|key| key == kept.trim()), "a key was shown that opens nothing");
    }
}

/// A disk of a few megabytes, which only the server sees.
#[cfg(target_os = "linux")]
mod full_disk {
    use super::common::skipped;
    use super::{BufReader, Child, Stdio};
    use std::io::{BufRead as _, Read as _, Write as _};
    use std::net::TcpStream;
    use std::process::Command;
    use std::time::{Duration, Instant};

    const KEY: &str = "key-of-a-test";
    const LONG: Duration = Duration::from_secs(60);
    const MOUNT: &str = "mount -t tmpfs -o size=32m none \"$1\"";

    struct Server {
        child: Child,
        address: String,
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// How this user may mount: in namespaces of its own, or as root in one of mounts.
    fn flags(folder: &std::path::Path) -> Option<&'static str> {
        ["-Urm", "-m"].into_iter().find(|flags| {
            let tried = Command::new("unshare").args([flags, "sh", "-c", MOUNT, "sh"]).arg(folder).output();
            tried.is_ok_and(|tried| tried.status.success())
        })
    }

    fn start(flags: &str, data: &std::path::Path) -> Server {
        let serve = format!("{MOUNT} && exec \"$0\" serve --runtime practice --listen 127.0.0.1:0 --data \"$1\"");
        let mut command = Command::new("unshare");
        command.args([flags, "sh", "-c", &serve]).arg(env!("CARGO_BIN_EXE_turnwire")).arg(data);
        command.env("TURNWIRE_API_KEY", KEY).env("HOME", data.parent().unwrap()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("it does not start").to_owned();
        Server { child, address }
    }

    impl Server {
        /// Its status and its body.
        fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
            let mut socket = TcpStream::connect(&self.address).unwrap();
            socket.set_read_timeout(Some(LONG)).unwrap();
            let length = body.len();
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            socket.write_all(head.as_bytes()).unwrap();
            // Refused before all of it was sent.
            let _ = socket.write_all(body);
            let mut answer = String::new();
            socket.read_to_string(&mut answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
        }

        fn turn(&self, chat: &str, text: &str) -> (u16, String) {
            let prompt = serde_json::json!({ "parts": [{ "type": "text", "text": text }] }).to_string();
            self.ask("POST", &format!("/agent/v2/chat/{chat}/message"), prompt.as_bytes())
        }
    }

    #[test]
    fn a_server_whose_disk_is_full_says_so_and_goes_on_once_there_is_room() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let Some(flags) = flags(&data) else {
            skipped("a disk that is full needs a mount, and this system lets this user make none (`unshare -Urm`)");
            return;
        };
        let server = start(flags, &data);
        let (status, chat) = server.ask("POST", "/agent/v2/chat", b"{}");
        assert_eq!(status, 200, "{chat}");
        let chat: serde_json::Value = serde_json::from_str(&chat).unwrap();
        let chat = chat["id"].as_str().unwrap();
        let (status, turn) = server.turn(chat, "Hello");
        assert!(status == 200 && turn.contains("\"completed\""), "{turn}");
        assert_eq!(server.ask("GET", "/readyz", b"").0, 200);

        let mut files = Vec::new();
        for size in [8 << 20, 1 << 20, 64 << 10, 4 << 10] {
            loop {
                let file = format!("/agent/v2/chat/{chat}/files/fill{}", files.len());
                let (status, said) = server.ask("PUT", &file, &vec![7; size]);
                if status != 200 {
                    assert!(status == 507 && said.contains("storage_full"), "{said}");
                    break;
                }
                files.push(file);
            }
        }
        let (status, said) = server.ask("GET", "/readyz", b"");
        assert!(status == 503 && said.contains("disk is full"), "{said}");
        // Pages that the log has already are written still; more than those it cannot have.
        let (status, said) = server.turn(chat, "/long 20000");
        assert!(status == 507 && said.contains("storage_full"), "{said}");
        assert_eq!(server.ask("GET", "/healthz", b"").0, 200);

        for file in files {
            assert_eq!(server.ask("DELETE", &file, b"").0, 204);
        }
        let end = Instant::now() + LONG;
        while server.ask("GET", "/readyz", b"").0 != 200 {
            assert!(Instant::now() < end, "it does not find that there is room again");
        }
        let (status, turn) = server.turn(chat, "Hello again");
        assert!(status == 200 && turn.contains("\"completed\"") && turn.contains("Hello again"), "{turn}");
    }
}
