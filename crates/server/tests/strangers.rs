//! What those without a key can do: little, and not often.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{KEY, PREFIX, Service, config, http, send};
use turnwire_server::keys::{self, Scope};

#[tokio::test]
async fn wrong_keys_are_slowed_down_and_good_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let long = "a key that is long enough for anyone";
    config.api_keys.push(long.into());
    let service = Service::with(config).await;
    let (_, stored) = keys::create(folder.path(), "x", "anna", &[Scope::Chat]).unwrap();
    let url = format!("{}{PREFIX}", service.url);
    let ask = |key: &str| send(http().get(&url).bearer_auth(key));
    assert_eq!(ask(KEY).await.status, 200);
    let mut refused = 0;
    while refused < 100 {
        let answer = ask(&format!("guess-{refused}")).await;
        if answer.status == 429 {
            answer.error(429, "rate_limited");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=3).contains(&wait), "{wait}");
            break;
        }
        answer.error(401, "unauthorized");
        refused += 1;
    }
    assert!((10..100).contains(&refused), "{refused} guesses were answered at once");
    // What nobody guesses opens always; of what could be guessed the answer says nothing.
    assert_eq!(ask(stored.expose()).await.status, 200);
    assert_eq!(ask(long).await.status, 200);
    while ask("another guess").await.status != 429 {}
    ask(KEY).await.error(429, "rate_limited");
    service.stop().await;
}

#[tokio::test]
async fn no_page_reads_the_figures_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.public_url = Some("https://chats.example.com/".to_owned());
    let service = Service::with(config).await;
    let port = service.url.rsplit(':').next().unwrap();
    let ask = |host: &str| http().get(format!("{}/metrics", service.url)).header("host", host);
    for host in ["127.0.0.1", "localhost", "LOCALHOST.", "[::1]", "10.1.2.3", "chats.example.com", "a.localhost"] {
        assert_eq!(send(ask(&format!("{host}:{port}"))).await.status, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "chats.example.com.evil.example"] {
        send(ask(&format!("{host}:{port}"))).await.error(401, "unauthorized");
        assert_eq!(send(ask(host).bearer_auth(KEY)).await.status, 200, "with a key it may have any name");
    }
    send(ask("localhost").header("origin", "https://evil.example")).await.error(401, "unauthorized");
    send(ask("localhost").header("sec-fetch-site", "cross-site")).await.error(401, "unauthorized");
    for path in ["/metrics", "/healthz", "/readyz", "/", "/nothing"] {
        let answer = http().get(format!("{}{path}", service.url)).send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    let preflight = http().request(reqwest::Method::OPTIONS, format!("{}/metrics", service.url)).send().await.unwrap();
    assert_eq!(preflight.status(), 405);
    let document = http().get(format!("{}/openapi.json", service.url)).send().await.unwrap();
    assert_eq!(document.headers()["access-control-allow-origin"], "*");
    service.stop().await;
}
