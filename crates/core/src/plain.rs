//! What others say, as a sentence may hold it: their colours and other orders to a terminal taken out.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

const ESCAPE: char = '\u{1b}';

/// `text` without escape sequences and control characters, line breaks and tabs excepted. Programs colour what they complain
/// with; in JSON, in a log or in an exception that is noise, and in somebody's terminal it is an order.
///
/// ```
/// assert_eq!(turnwire::plain("red: \u{1b}[31mno"), "red: no");
/// ```
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_order) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ESCAPE => skip_sequence(&mut rest),
            '\u{9b}' => skip_control(&mut rest),
            c if is_order(c) => {}
            c => out.push(c),
        }
    }
    out.into()
}

fn is_order(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

/// The characters after an escape.
fn skip_sequence(rest: &mut Peekable<Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control(rest);
        }
        // A string for the terminal, up to its end: a title, an address behind a word.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = rest.next_if(|c| !matches!(c, '\u{7}' | '\u{9c}' | '\n')) {
                if c == ESCAPE && rest.next_if_eq(&'\\').is_some() {
                    return;
                }
            }
            rest.next_if(|c| *c != '\n');
        }
        _ => {
            while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
            rest.next_if(|c| ('0'..='~').contains(c));
        }
    }
}

/// Parameters, then the letter that ends them.
fn skip_control(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colours_and_orders_to_a_terminal_are_taken_out_and_nothing_else() {
        for (text, expected) in [
            ("plain [31m words\n\tß 🚀", "plain [31m words\n\tß 🚀"),
            ("\u{1b}[91m\u{1b}[1mError: \u{1b}[0mno such file\r\n", "Error: no such file\n"),
            ("\u{1b}[38;5;200;1mx\u{1b}[K\u{1b}[2Jy\u{9b}31mz", "xyz"),
            ("\u{1b}]8;;https://a.b\u{1b}\\word\u{1b}]8;;\u{7} and \u{1b}(Bon", "word and on"),
            ("\u{1b}]0;never closed\nnext", "\nnext"),
            ("a\u{7}\u{8}\u{0}b\u{1b}", "ab"),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }
}
