//! A power cut: what was not yet synced is gone. What a reader was told is there, nothing is renumbered, and the log has no hole.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, Service, config};
use std::path::Path;

fn copy(from: &Path, to: &Path, wal: u64) {
    std::fs::create_dir_all(to.join("workspaces")).unwrap();
    std::fs::copy(from.join("turnwire.sqlite"), to.join("turnwire.sqlite")).unwrap();
    std::fs::copy(from.join("turnwire.sqlite-wal"), to.join("turnwire.sqlite-wal")).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(to.join("turnwire.sqlite-wal")).unwrap();
    file.set_len(wal).unwrap();
}

fn wal_size(data: &Path) -> u64 {
    std::fs::metadata(data.join("turnwire.sqlite-wal")).unwrap().len()
}

/// PROTOCOL RELAY-2.
#[tokio::test]
async fn what_was_told_before_a_power_cut_is_there_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(config(folder.path())).await;
    let chat = service.chat().await;
    let mut relay = service.relay(&chat, 0).await;
    service.turn(&chat, "/tool").await;
    let told = relay.until(|frame| frame.data.contains("\"session.idle\"")).await;
    // All of this was synced before it was told; what comes later may be lost at any byte.
    let synced = wal_size(folder.path());
    service.turn(&chat, "/think").await;
    let later = relay.until(|frame| frame.data.contains("\"session.idle\"")).await;
    let end = wal_size(folder.path());
    assert!(end > synced);
    let copies = tempfile::tempdir().unwrap();
    let mut cuts: Vec<u64> = (0..12).map(|part| synced + (end - synced) * part / 11).collect();
    cuts.extend([synced + 1, synced + 23, end - 1]);
    for cut in &cuts {
        copy(folder.path(), &copies.path().join(cut.to_string()), *cut);
    }
    service.stop().await;

    let mut lost = 0;
    for cut in cuts {
        let service = Service::with(config(&copies.path().join(cut.to_string()))).await;
        let head = service.call("GET", &format!("/{chat}"), None).await.json()["lastEventId"].as_u64().unwrap();
        let log = service.relay(&chat, 0).await.until(|frame| frame.id == head.to_string()).await;
        assert_eq!(log[..told.len()], told[..], "cut at {cut}: what was told is there");
        for (frame, number) in log.iter().zip(1_u64..) {
            assert_eq!(frame.id, number.to_string(), "cut at {cut}: no hole");
        }
        let newest: u64 = later.last().unwrap().id.parse().unwrap();
        if head < newest {
            lost += 1;
            let first: Frame = service.relay(&chat, newest + 100).await.next().await.unwrap();
            assert_eq!(first.event.as_deref(), Some("reset"), "cut at {cut}: a reader who knows more is told so");
        }
        assert_eq!(service.turn(&chat, "And on").await["status"], "completed", "cut at {cut}");
        service.stop().await;
    }
    assert!(lost > 3, "the cuts lost something: {lost}");
}
