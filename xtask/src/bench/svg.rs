//! The figures of one load as a picture: a bar a client.

use super::clients::{Client, Language};
use super::loads::Load;
use super::results::Results;
use std::fmt::Write as _;

const LEFT: f64 = 330.0;
const WIDTH: f64 = 860.0;
const ROW: f64 = 22.0;
/// A bar of the longest client would leave no room for the others to differ: what is longer is cut, and says its figure.
const LONGEST: f64 = 400.0;

/// The main figure of the load, by language.
pub(super) fn draw(load: &Load, clients: &[Client], results: &Results) -> String {
    let figure = |client: &Client| results.measure(load, client);
    let mut values: Vec<f64> = clients.iter().filter_map(figure).collect();
    values.sort_by(f64::total_cmp);
    let most = values.get(values.len() * 3 / 4).copied().unwrap_or(1.0);
    let (mut bars, mut y) = (String::new(), 58.0);
    for language in [Language::Rust, Language::Python, Language::Node] {
        for client in clients.iter().filter(|client| client.language == language) {
            let Some(value) = figure(client) else { continue };
            let long = (value / most).min(1.0) * LONGEST;
            let (fill, weight) = if client.ours { ("#2f6fde", "bold") } else { ("#9aa4b2", "normal") };
            let cut = if value > most { " …" } else { "" };
            let _ = writeln!(
                bars,
                "  <text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-weight=\"{weight}\">{}</text>\n  \
                 <rect x=\"{LEFT}\" y=\"{y}\" width=\"{long:.1}\" height=\"14\" rx=\"2\" fill=\"{fill}\"/>\n  \
                 <text x=\"{:.1}\" y=\"{}\" font-weight=\"{weight}\">{cut} {value:.*}</text>",
                LEFT - 8.0,
                y + 11.0,
                client.title,
                LEFT + long + 6.0,
                y + 11.0,
                load.columns[0].digits,
            );
            y += ROW;
        }
        y += 12.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#1f2430\">\n  \
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n  \
         <text x=\"20\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{}: {}</text>\n  \
         <text x=\"20\" y=\"44\" fill=\"#5b6472\">Less is better. This project's clients are blue. A bar with … is longer than there is room.</text>\n\
         {bars}</svg>\n",
        load.title, load.columns[0].title,
    )
}
