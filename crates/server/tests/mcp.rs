//! A real `OpenCode` with a real server of the Model Context Protocol.
//!
//! Needs the environment variable `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Service;
use common::obedient::{program, with};
use serde_json::{Value, json};
use turnwire_practice::script::PICTURE_DATA;

/// PROTOCOL EVENT-5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_an_mcp_server_is_a_file_of_its_tool() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let camera = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/camera.js");
    let config = with(program, folder.path(), None, |opencode| {
        opencode["mcp"] =
            json!({ "camera": { "type": "local", "command": ["node", camera, PICTURE_DATA], "enabled": true } });
    });
    let service = Service::with(config.await).await;
    let chat = service.chat().await;
    let turn = service.turn(&chat, "camera_snap {}").await;
    assert_eq!(turn["status"], "completed", "{turn}");
    let messages = turn["messages"].as_array().unwrap();
    let parts: Vec<&Value> = messages.iter().flat_map(|message| message["parts"].as_array().unwrap()).collect();
    let at = parts.iter().position(|part| part["type"] == "file").unwrap_or_else(|| panic!("no picture in {turn}"));
    let (tool, file) = (parts[at - 1], parts[at]);
    assert_eq!((&tool["tool"], &tool["output"]), (&json!("camera_snap"), &json!("Here it is.")), "{turn}");
    assert_eq!((&file["toolPartId"], &file["mime"]), (&tool["id"], &json!("image/png")), "{turn}");
    assert_eq!(file["url"], format!("data:image/png;base64,{PICTURE_DATA}"));
    service.stop().await;
}
