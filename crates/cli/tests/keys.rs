//! `turnwire keys`, beside a server that runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Server, err, out, run, turnwire};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Output;

fn keys(server: &Server, args: &[&str]) -> Output {
    run(server.client(&["keys"]).args(args), "")
}

fn chats_with(server: &Server, key: &str) -> Output {
    run(server.client(&["chats"]).env("TURNWIRE_API_KEY", key), "")
}

#[test]
fn a_key_is_made_shown_once_used_listed_and_revoked() {
    let server = Server::start();
    server.chat("Hello.");
    let made = keys(&server, &["create", "--owner", "anna", "--name", "laptop", "--scope", "chat,admin", "--json"]);
    assert!(made.status.success(), "{}", err(&made));
    let made: serde_json::Value = serde_json::from_str(&out(&made)).unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());

    let seen = chats_with(&server, key);
    assert!(seen.status.success() && out(&seen).is_empty(), "another owner's chats are not seen: {}", out(&seen));
    let listed = out(&keys(&server, &["list"]));
    assert!(listed.contains(id) && listed.contains("anna  chat,admin  laptop") && !listed.contains(key), "{listed}");

    assert!(keys(&server, &["revoke", id]).status.success());
    assert!(out(&keys(&server, &["list"])).contains("  revoked "));
    let again = keys(&server, &["revoke", id]);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("there is no key"), "{}", err(&again));
    // A server that just started knows at once; one that runs within seconds, which a test of the server shows.
    let (_, _, home) = server.stop("TERM");
    let server = Server::start_in(home);
    assert_eq!(chats_with(&server, key).status.code(), Some(1));
}

#[test]
fn a_key_is_printed_alone_so_that_a_script_can_take_it() {
    let server = Server::start();
    let made = keys(&server, &["create"]);
    let key = out(&made);
    assert_eq!(key.lines().count(), 1, "{key}");
    assert!(chats_with(&server, key.trim()).status.success());
    assert!(err(&made).contains("default  chat"), "{}", err(&made));
}

#[test]
fn scopes_and_folders_that_are_not_there_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let scope = run(turnwire(home.path()).args(["keys", "create", "--scope", "chat,all"]), "");
    assert_eq!(scope.status.code(), Some(2));
    assert!(err(&scope).contains("chat, stream:read, files:read, admin"), "{}", err(&scope));
    let folder = run(turnwire(home.path()).args(["keys", "create", "--data"]).arg(home.path().join("nothing")), "");
    assert_eq!(folder.status.code(), Some(1));
    assert!(err(&folder).contains("no server has used"), "{}", err(&folder));
    assert!(!home.path().join("nothing").exists(), "nothing was made there");
}

/// The status a plain reader of this address is answered with.
fn status(server: &Server, stream_url: &str) -> String {
    let path = &stream_url[stream_url.find("/agent/").unwrap()..];
    let mut socket = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

#[cfg(unix)]
#[test]
fn tokens_are_signed_anew_and_former_ones_refused_at_once_where_that_was_asked() {
    let server = Server::start();
    let chat = server.chat("Hello.");
    let token = run(&mut server.client(&["token", &chat, "--json"]), "");
    let token: serde_json::Value = serde_json::from_str(&out(&token)).unwrap();
    let url = token["streamUrl"].as_str().unwrap();
    // A server that just started knows at once.
    let again = |server: Server| Server::start_in(server.stop("TERM").2);

    assert!(keys(&server, &["rotate-tokens"]).status.success());
    let server = again(server);
    assert_eq!(status(&server, url), "200", "good until it ends");
    assert!(keys(&server, &["rotate-tokens", "--now"]).status.success());
    let server = again(server);
    assert_eq!(status(&server, url), "401");
}
