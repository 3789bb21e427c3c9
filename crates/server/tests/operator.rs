//! The operator's word is the last: nothing in a workspace takes it back, and what the server knows the agent's shell does not.
//!
//! Needs the environment variable `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::obedient::{call, program, shell, with};
use common::{LONG, Service};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// What stands in instructions of a workspace.
const MARK: &str = "MARK-OF-THE-WORKSPACE";
/// Each test starts a real OpenCode several times; all at once they would wait for each other.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
const SECRET: &str = "what-another-chat-wrote";

/// Files that configure an agent, as a workspace may hold them. What runs leaves a mark in `marks`.
fn shapes(marks: &Path) -> Vec<(&'static str, String)> {
    let mark = |name: &str| marks.join(name).to_str().unwrap().to_owned();
    let writes =
        |name: &str| format!("import {{ writeFileSync }} from \"node:fs\"; writeFileSync({:?}, \"\");\n", mark(name));
    let allow = json!({ "bash": "allow", "external_directory": "allow" });
    let skill = format!("---\nname: taken\ndescription: {MARK}-skill\n---\nDo it.\n");
    vec![
        (
            "opencode.json",
            json!({
                "permission": allow, "instructions": ["told.md"],
                "mcp": { "taken": { "type": "local", "command": ["touch", mark("mcp")], "enabled": true } },
            })
            .to_string(),
        ),
        ("opencode.jsonc", json!({ "agent": { "build": { "permission": allow } } }).to_string()),
        ("told.md", format!("{MARK}-instructions\n")),
        ("AGENTS.md", format!("{MARK}-agents\n")),
        ("CLAUDE.md", format!("{MARK}-claude\n")),
        (".opencode/agent/build.md", format!("---\npermission:\n  bash: allow\n---\n{MARK}-agent\n")),
        (".opencode/opencode.json", json!({ "permission": allow }).to_string()),
        (".opencode/plugin/taken.js", writes("plugin") + "export const Taken = async () => ({});\n"),
        (
            ".opencode/tool/taken.js",
            writes("tool") + "export default { description: \"x\", args: {}, execute: async () => \"x\" };\n",
        ),
        (".opencode/skill/one/SKILL.md", skill.replace("taken", "one")),
        (".claude/skills/two/SKILL.md", skill.replace("taken", "two")),
        (".agents/skills/three/SKILL.md", skill.replace("taken", "three")),
    ]
}

async fn upload(service: &Service, chat: &str, files: Vec<(&'static str, String)>) {
    for (name, text) in files {
        let put = service.request("PUT", &format!("/{chat}/files/{name}")).body(text);
        assert_eq!(common::send(put).await.status, 200, "{name}");
    }
}

async fn sleep(service: &Service, chat: &str) {
    let asleep = async {
        while service.call("GET", &format!("/{chat}"), None).await.json()["status"] != "idle" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, asleep).await.expect("it does not fall asleep");
}

/// All that a workspace's files could have brought about.
async fn taken(service: &Service, chat: &str, marks: &Path) -> String {
    let secret = marks.parent().unwrap().join("secret.txt");
    let mut said = shell(service, chat, &format!("touch {}", marks.join("shell").display())).await;
    said += &call(service, chat, "read", &json!({ "filePath": secret })).await;
    // A file of a folder with instructions of its own brings them along; so this one has none.
    said += &service.turn(chat, "told?").await.to_string();
    let left = std::fs::read_dir(marks).unwrap().map(|mark| mark.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<_> = left.collect();
    left.sort();
    let told = ["-instructions", "-agents", "-claude", "-agent\\n", "-skill"].into_iter();
    left.extend(told.filter(|what| said.contains(&format!("{MARK}{what}"))).map(str::to_owned));
    left.extend(said.contains(SECRET).then(|| "secret".to_owned()));
    left.join(" ")
}

async fn nothing_in_a_workspace_takes_it_back(isolate: Option<usize>) {
    let Some(program) = program() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let (data, marks) = (folder.path().join("data"), folder.path().join("marks"));
    std::fs::create_dir_all(data.join("workspaces")).unwrap();
    std::fs::create_dir(&marks).unwrap();
    std::fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
    // Above the workspaces, too.
    for (name, text) in shapes(&marks) {
        for above in [&data, &data.join("workspaces")] {
            std::fs::create_dir_all(above.join(name).parent().unwrap()).unwrap();
            std::fs::write(above.join(name), &text).unwrap();
        }
    }
    let mut config = with(program, &data, isolate, |opencode| opencode["permission"] = json!({ "bash": "deny" })).await;
    config.limits.idle_timeout = Duration::from_secs(1);
    let service = Service::with(config).await;
    let chat = service.chat().await;
    upload(&service, &chat, shapes(&marks)).await;
    assert_eq!(taken(&service, &chat, &marks).await, "", "before it slept");
    sleep(&service, &chat).await;
    assert_eq!(taken(&service, &chat, &marks).await, "", "after it slept");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_of_a_workspace_takes_back_what_the_operator_denied() {
    nothing_in_a_workspace_takes_it_back(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_with_a_process_of_its_own() {
    nothing_in_a_workspace_takes_it_back(Some(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_workspace_count_where_the_operator_allows_it() {
    let Some(program) = program() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let marks = folder.path().join("marks");
    std::fs::create_dir(&marks).unwrap();
    std::fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
    let mut config = with(program, &folder.path().join("data"), None, |_| {}).await;
    config.limits.idle_timeout = Duration::from_secs(1);
    config.agent.project_config = true;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    // Without `.opencode`: for it OpenCode fetches a package.
    let files = shapes(&marks).into_iter().filter(|(name, _)| !name.starts_with(".opencode"));
    upload(&service, &chat, files.collect()).await;
    sleep(&service, &chat).await;
    assert_eq!(taken(&service, &chat, &marks).await, "mcp shell -instructions -agents -skill secret");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agents_shell_holds_none_of_the_servers_secrets() {
    let Some(program) = program() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    for isolate in [None, Some(1)] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = with(program.clone(), folder.path(), isolate, |opencode: &mut Value| {
            opencode["provider"]["practice"]["options"]["apiKey"] = json!("key-of-the-provider");
        })
        .await;
        config.limits.idle_timeout = Duration::from_secs(1);
        // Cargo gives a test both.
        config.agent.pass_env = vec!["CARGO_PKG_NAME".to_owned()];
        let service = Service::with(config).await;
        let chat = service.chat().await;
        for when in ["before it slept", "after it slept"] {
            let said = shell(&service, &chat, "env; echo end-of-it").await;
            assert!(said.contains("end-of-it") && said.contains("CARGO_PKG_NAME=turnwire-server"), "{when}: {said}");
            for secret in ["OPENCODE_SERVER_PASSWORD", "CARGO_MANIFEST_DIR", "key-of-the-provider"] {
                assert!(!said.contains(secret), "{when}: {secret} in {said}");
            }
            if cfg!(target_os = "linux") && !rustix::process::geteuid().is_root() {
                // Nor does the process it came from give it away.
                let said = shell(&service, &chat, "cat /proc/$PPID/environ || echo closed").await;
                assert!(said.contains("closed") && !said.contains("XDG_DATA_HOME"), "{when}: {said}");
            }
            sleep(&service, &chat).await;
        }
        service.stop().await;
    }
}
