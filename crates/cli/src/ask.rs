//! What the agent asks, put to the person at the terminal.

use crate::output::{clean, one_line};
use turnwire::chat::PermissionReply;
use turnwire::event::{InputRequest, Permission, Prompt};

/// A request being answered: its questions one after the other.
pub(crate) struct Asking {
    pub(crate) request: InputRequest,
    answers: Vec<Vec<String>>,
}

/// What a line of input came to.
pub(crate) enum Answer {
    /// Not understood, or more is asked: put this next.
    Ask(String),
    /// All questions are answered.
    Questions(Vec<Vec<String>>),
    /// The questions are refused.
    Refused,
    /// The permission is decided.
    Permission(PermissionReply),
}

impl Asking {
    pub(crate) fn new(request: InputRequest) -> Self {
        Self { request, answers: Vec::new() }
    }

    /// What to ask now.
    pub(crate) fn text(&self) -> String {
        match &self.request {
            InputRequest::Question(question) => match question.questions.get(self.answers.len()) {
                Some(prompt) => question_text(prompt),
                None => "? The agent asks for an answer, without saying what about.\n".to_owned(),
            },
            InputRequest::Permission(permission) => permission_text(permission),
            _ => "? The agent asks for something this version does not know.\n".to_owned(),
        }
    }

    /// Takes a line of input.
    pub(crate) fn line(&mut self, line: &str) -> Answer {
        match &self.request {
            InputRequest::Permission(_) => permission_answer(line),
            InputRequest::Question(question) => {
                if line.trim().is_empty() {
                    return Answer::Refused;
                }
                let answer = match question.questions.get(self.answers.len()) {
                    Some(prompt) => match question_answer(prompt, line) {
                        Ok(labels) => labels,
                        Err(complaint) => return Answer::Ask(format!("{complaint}\n")),
                    },
                    None => vec![line.trim().to_owned()],
                };
                self.answers.push(answer);
                if self.answers.len() < question.questions.len() {
                    return Answer::Ask(self.text());
                }
                Answer::Questions(std::mem::take(&mut self.answers))
            }
            _ => Answer::Refused,
        }
    }
}

fn question_text(prompt: &Prompt) -> String {
    let mut text = format!("? {}\n", clean(&prompt.question));
    let width = prompt.options.iter().map(|option| option.label.chars().count()).max().unwrap_or(0).min(30);
    for (number, option) in prompt.options.iter().enumerate() {
        let (label, description) = (one_line(&option.label, 60), one_line(&option.description, 80));
        let line = format!("  {}  {label:width$}  {description}", number + 1);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(match (prompt.options.is_empty(), prompt.multiple) {
        (true, _) => "  In your own words; an empty line refuses.\n",
        (false, true) => "  Numbers or labels, with commas between; an empty line refuses.\n",
        (false, false) => "  A number, a label or your own words; an empty line refuses.\n",
    });
    text
}

/// The labels a line stands for: numbers and labels of the options, or the words themselves.
fn question_answer(prompt: &Prompt, line: &str) -> Result<Vec<String>, String> {
    let one = |word: &str| {
        let word = word.trim();
        if let Some(option) = prompt.options.iter().find(|option| option.label.eq_ignore_ascii_case(word)) {
            return Ok(option.label.clone());
        }
        match word.parse::<usize>() {
            Ok(number) if !prompt.options.is_empty() => prompt
                .options
                .get(number.wrapping_sub(1))
                .map(|option| option.label.clone())
                .ok_or_else(|| format!("There is no option {number}; choose 1 to {}.", prompt.options.len())),
            _ => Ok(word.to_owned()),
        }
    };
    if prompt.multiple {
        line.split(',').filter(|word| !word.trim().is_empty()).map(one).collect()
    } else {
        one(line).map(|label| vec![label])
    }
}

fn permission_text(permission: &Permission) -> String {
    let mut text = format!("? The agent asks for permission: {}\n", one_line(&permission.permission, 60));
    for pattern in permission.patterns.iter().take(10) {
        text.push_str("  ");
        text.push_str(&one_line(pattern, 100));
        text.push('\n');
    }
    text.push_str("  y once, a always, n no\n");
    text
}

fn permission_answer(line: &str) -> Answer {
    match line.trim().to_lowercase().as_str() {
        "y" | "yes" | "once" => Answer::Permission(PermissionReply::Once),
        "a" | "always" => Answer::Permission(PermissionReply::Always),
        "n" | "no" | "reject" | "" => Answer::Permission(PermissionReply::Reject(None)),
        _ => Answer::Ask("  y once, a always, n no\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Answer, permission_answer, question_answer};
    use turnwire::chat::PermissionReply;
    use turnwire::event::Prompt;

    fn prompt(multiple: bool) -> Prompt {
        serde_json::from_value(serde_json::json!({
            "question": "Which?",
            "options": [{ "label": "red", "description": "warm" }, { "label": "Blue", "description": "cold" }],
            "multiple": multiple,
        }))
        .unwrap()
    }

    #[test]
    fn an_option_is_chosen_by_number_or_label() {
        assert_eq!(question_answer(&prompt(false), " 2 ").unwrap(), ["Blue"]);
        assert_eq!(question_answer(&prompt(false), "blue").unwrap(), ["Blue"]);
        assert_eq!(question_answer(&prompt(true), "1, BLUE,").unwrap(), ["red", "Blue"]);
    }

    #[test]
    fn a_permission_is_given_only_in_clear_words() {
        let reply = |line: &str| match permission_answer(line) {
            Answer::Permission(reply) => Some(reply),
            _ => None,
        };
        assert_eq!(reply(" Y "), Some(PermissionReply::Once));
        assert_eq!(reply("always"), Some(PermissionReply::Always));
        assert_eq!(reply(""), Some(PermissionReply::Reject(None)));
        assert_eq!(reply("sure, why not"), None);
    }

    #[test]
    fn other_words_are_an_answer_and_other_numbers_are_not() {
        assert_eq!(question_answer(&prompt(false), "green, please").unwrap(), ["green, please"]);
        assert_eq!(question_answer(&prompt(false), "3").unwrap_err(), "There is no option 3; choose 1 to 2.");
        assert!(question_answer(&prompt(false), "0").is_err());
    }
}
