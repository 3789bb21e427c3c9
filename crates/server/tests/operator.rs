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
    let skill = |name: &str| format!("---\nname: {name}\ndescription: {MARK}-skill-{name}\n---\nDo it.\n");
    // Of an agent, as the operator's own word on all agents is the last in any case.
    let agent = json!({ "agent": { "build": { "permission": allow } } }).to_string();
    vec![
        (
            "opencode.json",
            json!({
                "permission": allow, "instructions": ["told.md"],
                "mcp": { "taken": { "type": "local", "command": ["touch", mark("mcp")], "enabled": true } },
            })
            .to_string(),
        ),
        ("opencode.jsonc", agent.clone()),
        ("told.md", format!("{MARK}-instructions\n")),
        ("AGENTS.md", format!("{MARK}-agents\n")),
        ("CLAUDE.md", format!("{MARK}-claude\n")),
        (
            ".opencode/agent/build.md",
            format!("---\npermission:\n  bash: allow\n  external_directory: allow\n---\n{MARK}-agent\n"),
        ),
        (".opencode/opencode.json", agent),
        (".opencode/plugin/taken.js", writes("plugin") + "export const Taken = async () => ({});\n"),
        (
            ".opencode/tool/taken.js",
            writes("tool") + "export default { description: \"x\", args: {}, execute: async () => \"x\" };\n",
        ),
        (".opencode/skill/one/SKILL.md", skill("one")),
        (".claude/skills/two/SKILL.md", skill("two")),
        (".agents/skills/three/SKILL.md", skill("three")),
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
    let told =
        ["-instructions", "-agents", "-claude", "-agent\\n", "-skill-one", "-skill-two", "-skill-three"].into_iter();
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

/// What stands in a folder of configurations once `OpenCode` has fetched a package for it. Without it, and without a network, it would
/// try for minutes before it loads what is there.
fn fetched() -> Vec<(&'static str, String)> {
    let needs = json!({ "@opencode-ai/plugin": "*" });
    let lock = json!({ "name": "opencode", "lockfileVersion": 3, "packages": { "": { "dependencies": needs } } });
    vec![
        (".opencode/package.json", json!({ "dependencies": needs }).to_string()),
        (".opencode/package-lock.json", lock.to_string()),
        (".opencode/node_modules/fetched", String::new()),
    ]
}

/// That nothing is taken from a workspace says something only of shapes that this `OpenCode` takes where it may: shown by itself.
async fn each_shape_counts_where_the_operator_allows_it(isolate: Option<usize>) {
    let Some(program) = program() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let marks = folder.path().join("marks");
    std::fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
    let data = folder.path().join("data");
    let mut config = with(program, &data, isolate, |opencode| opencode["permission"] = json!({ "bash": "deny" })).await;
    config.limits.idle_timeout = Duration::from_millis(100);
    config.agent.project_config = true;
    let service = Service::with(config).await;
    let mut shown = Vec::new();
    let together = [
        "opencode.json",
        "told.md",
        "AGENTS.md",
        ".opencode/plugin/taken.js",
        ".opencode/tool/taken.js",
        ".opencode/skill/one/SKILL.md",
        ".claude/skills/two/SKILL.md",
        ".agents/skills/three/SKILL.md",
    ];
    // What brings about the same is shown apart.
    for (names, wanted) in [
        (&together[..], "mcp plugin tool -instructions -agents -skill-one -skill-two -skill-three"),
        (&["opencode.jsonc", "CLAUDE.md"], "shell -claude secret"),
        (&[".opencode/agent/build.md"], "shell -agent\\n secret"),
        (&[".opencode/opencode.json"], "shell secret"),
    ] {
        std::fs::create_dir(&marks).unwrap();
        let chat = service.chat().await;
        let mut files = shapes(&marks);
        files.retain(|(name, _)| names.contains(name));
        assert_eq!(files.len(), names.len());
        files.extend(fetched());
        upload(&service, &chat, files).await;
        sleep(&service, &chat).await;
        assert_eq!(taken(&service, &chat, &marks).await, wanted, "{names:?}");
        shown.extend(names);
        std::fs::remove_dir_all(&marks).unwrap();
        assert_eq!(service.call("DELETE", &format!("/{chat}"), None).await.status, 200);
    }
    assert!(shapes(&marks).iter().all(|(name, _)| shown.contains(&name)), "{shown:?}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_workspace_count_where_the_operator_allows_it() {
    each_shape_counts_where_the_operator_allows_it(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_also_count_with_a_process_of_its_own() {
    each_shape_counts_where_the_operator_allows_it(Some(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_agent_wrote_itself_is_no_configuration_either() {
    let Some(program) = program() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    for (isolate, allowed) in [(None, false), (Some(1), false), (None, true)] {
        let folder = tempfile::tempdir().unwrap();
        let marks = folder.path().join("marks");
        std::fs::create_dir(&marks).unwrap();
        std::fs::write(folder.path().join("secret.txt"), SECRET).unwrap();
        let mut config = with(program.clone(), &folder.path().join("data"), isolate, |_| {}).await;
        config.limits.idle_timeout = Duration::from_secs(1);
        config.agent.project_config = allowed;
        let service = Service::with(config).await;
        let chat = service.chat().await;
        let write = |(name, text): (&str, String)| {
            let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
            format!("mkdir -p $(dirname {name}); echo {text} | base64 -d > {name}; ")
        };
        let script: String = shapes(&marks).into_iter().chain(fetched()).map(write).collect();
        shell(&service, &chat, &script).await;
        let told = service.call("GET", &format!("/{chat}/files/told.md"), None).await;
        assert_eq!(told.body, format!("{MARK}-instructions\n"), "its shell was allowed to");
        sleep(&service, &chat).await;
        let all = "mcp plugin shell tool -instructions -agents -agent\\n -skill-one -skill-two -skill-three secret";
        assert_eq!(taken(&service, &chat, &marks).await, if allowed { all } else { "" });
        service.stop().await;
    }
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

/// The environments of all processes of this data folder, as `/proc` shows them to others, and what they are.
#[cfg(target_os = "linux")]
fn environments(data: &Path) -> Vec<(String, Vec<String>)> {
    let folder = format!("XDG_DATA_HOME={}", data.display());
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read(path).ok()?;
        Some(text.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>())
    };
    let all = processes
        .filter_map(|process| Some((read(process.join("cmdline"))?.join(" "), read(process.join("environ"))?)));
    all.filter(|(_, variables)| variables.iter().any(|variable| variable.starts_with(&folder))).collect()
}

/// A program that says it runs by opening `NAME.up`, and ends once `NAME.go` is opened.
#[cfg(target_os = "linux")]
fn mcp(folder: &Path, name: &str) -> Value {
    for fifo in ["up", "go"].map(|what| folder.join(format!("{name}.{what}"))) {
        assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    }
    let script = format!("echo $$ > {name}.up; read line < {name}.go");
    json!({ "type": "local", "command": ["sh", "-c", format!("cd {} && {script}", folder.display())], "enabled": true })
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_environment_shows_what_opencode_was_configured_with() {
    const KEY: &str = "ANTHROPIC_API_KEY";
    const TEST: &str = "no_environment_shows_what_opencode_was_configured_with";
    let Some(program) = program() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    if std::env::var_os(KEY).is_none_or(|key| key != "key-of-the-environment") {
        // A provider's key is read in the environment of the server, which is this process.
        let this = std::process::Command::new(std::env::current_exe().unwrap());
        let ended =
            { this }.args(["--exact", TEST, "--nocapture"]).env(KEY, "key-of-the-environment").status().unwrap();
        assert!(ended.success());
        return;
    }
    for isolate in [None, Some(1)] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut named = mcp(folder.path(), "named");
        named["environment"] = json!({ KEY: format!("{{env:{KEY}}}") });
        let config = with(program.clone(), &data, isolate, |opencode: &mut Value| {
            opencode["provider"]["practice"]["options"]["apiKey"] = json!("key-of-the-configuration");
            opencode["mcp"] = json!({ "plain": mcp(folder.path(), "plain"), "named": named });
        });
        let service = Service::with(config.await).await;
        let chat = service.chat().await;
        let looked = async {
            let mut of = std::collections::BTreeMap::new();
            for name in ["plain", "named"] {
                let pid = tokio::fs::read_to_string(folder.path().join(format!("{name}.up"))).await.unwrap();
                of.insert(name, std::fs::read(format!("/proc/{}/environ", pid.trim())).unwrap());
            }
            let all = environments(&data);
            for name in of.keys() {
                tokio::fs::write(folder.path().join(format!("{name}.go")), "go\n").await.unwrap();
            }
            (of, all)
        };
        let (said, (of, all)) = tokio::join!(shell(&service, &chat, "env; echo end-of-it"), looked);
        let key = format!("{KEY}=key-of-the-environment");
        assert!(said.contains("end-of-it") && !said.contains("key-of-the"), "{said}");
        assert!(all.len() >= 3, "{all:?}");
        for (command, variables) in all {
            let opencode = command.contains(" serve ");
            for variable in variables {
                let shown =
                    variable.contains("key-of-the-configuration") || variable.starts_with("OPENCODE_CONFIG_CONTENT");
                let password = variable.starts_with("OPENCODE_SERVER_PASSWORD") && !opencode;
                let meant = variable == key && command.contains("named.up");
                assert!(!shown && !password && (meant || !variable.contains("key-of-the")), "{variable} in {command}");
            }
        }
        let has = |name: &str| String::from_utf8_lossy(&of[name]).split('\0').any(|variable| variable == key);
        assert!(has("named") && !has("plain"));
        service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opencode_behind_a_script_that_keeps_its_input_is_configured_all_the_same() {
    let Some(program) = program() else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    for (before, behind) in [("unset BUN_INSPECT_PRELOAD", ""), ("", "< /dev/null")] {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("opencode.sh");
        std::fs::write(&script, format!("#!/bin/sh\n{before}\nexec {program:?} \"$@\" {behind}\n")).unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let data = folder.path().join("data");
        let config = with(script, &data, None, |opencode: &mut Value| {
            opencode["provider"]["practice"]["options"]["apiKey"] = json!("key-of-the-configuration");
        });
        let service = Service::with(config.await).await;
        let chat = service.chat().await;
        let said = shell(&service, &chat, "env; echo end-of-it").await;
        assert!(said.contains("end-of-it"), "{said}");
        for secret in ["OPENCODE_SERVER_PASSWORD", "OPENCODE_CONFIG_CONTENT", "key-of-the-configuration"] {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
        service.stop().await;
    }
}
