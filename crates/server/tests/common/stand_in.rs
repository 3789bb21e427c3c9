//! A stand-in for `OpenCode`: a program that says where it listens, and a router that answers there.

use super::config;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use turnwire_server::{Config, RuntimeConfig};

/// A program of a shell's commands.
pub fn program(folder: &Path, script: &str) -> PathBuf {
    let program = folder.join("opencode");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// A server on this `OpenCode`.
pub fn with(program: PathBuf, folder: &Path) -> Config {
    let mut config = config(&folder.join("data"));
    config.runtime = RuntimeConfig::Local { opencode: Some(program), opencode_config: Some(json!({})), isolate: None };
    config
}

/// A server whose `OpenCode` is this router.
pub async fn on(router: axum::Router, folder: &Path) -> Config {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let script = format!("echo listening on http://{}\nexec sleep 600", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    with(program(folder, &script), folder)
}
