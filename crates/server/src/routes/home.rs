//! `GET /`: says what this is, to whoever opens it in a browser.

use axum::response::Html;

pub(crate) async fn home() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Turnwire</title>\
         <meta name=viewport content='width=device-width'>\
         <body style='font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em'>\
         <h1>Turnwire</h1><p>A chat service for coding agents runs here. It is spoken to by programs: with the Turnwire \
         libraries for Rust, Python and Node, with <code>turnwire chat</code>, or over plain HTTP with a key.</p>\
         <ul><li><a href=/openapi.json>The routes</a> (OpenAPI) and <a href=/events.schema.json>the events</a> (JSON schema)\
         <li><a href=/readyz>Whether it takes turns</a><li><a href=/metrics>Figures</a> for Prometheus</ul>",
    )
}
