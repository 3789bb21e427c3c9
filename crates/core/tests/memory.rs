//! Memory is bounded by the open turn, however many have ended.

#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use turnwire::Normalizer;

/// The memory of this process, in bytes. Nothing else runs in it.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn turn(normalizer: &mut Normalizer, at: usize) -> usize {
    // Every third prompt is answered together with the next, and the sessions change.
    let session = format!("ses_{}", at / 7);
    let mut told = Vec::new();
    for json in [
        format!(
            r#"{{"id":"evt_{at}a","type":"message.updated","properties":{{"info":{{"id":"msg_n{at}","sessionID":"{session}","role":"user"}}}}}}"#
        ),
        format!(
            r#"{{"id":"evt_{at}b","type":"message.updated","properties":{{"info":{{"id":"msg_u{at}","sessionID":"{session}","role":"user"}}}}}}"#
        ),
        format!(
            r#"{{"id":"evt_{at}c","type":"session.status","properties":{{"sessionID":"{session}","status":{{"type":"busy"}}}}}}"#
        ),
        format!(
            r#"{{"id":"evt_{at}d","type":"session.created","properties":{{"info":{{"id":"ses_c{at}","parentID":"{session}","title":"t"}}}}}}"#
        ),
        format!(
            r#"{{"id":"evt_{at}e","type":"message.updated","properties":{{"info":{{"id":"msg_a{at}","sessionID":"{session}","role":"assistant","parentID":"msg_u{at}"}}}}}}"#
        ),
        format!(
            r#"{{"id":"evt_{at}f","type":"message.part.updated","properties":{{"part":{{"id":"prt_{at}","sessionID":"{session}","messageID":"msg_a{at}","type":"text","text":"words","time":{{"end":1}}}}}}}}"#
        ),
        format!(
            r#"{{"id":"evt_{at}g","type":"message.updated","properties":{{"info":{{"id":"msg_a{at}","sessionID":"{session}","role":"assistant","parentID":"msg_u{at}","finish":"stop","time":{{"completed":2}}}}}}}}"#
        ),
        format!(r#"{{"id":"evt_{at}h","type":"session.idle","properties":{{"sessionID":"{session}"}}}}"#),
        // A prompt nobody answers.
        format!(
            r#"{{"id":"evt_{at}i","type":"message.updated","properties":{{"info":{{"id":"msg_z{at}","sessionID":"ses_z{at}","role":"user"}}}}}}"#
        ),
    ] {
        normalizer.push(json.as_bytes(), &mut told);
    }
    told.iter().filter(|event| event.is_last()).count()
}

/// PROTOCOL NORM-9.
#[test]
fn ended_turns_take_no_memory() {
    let mut normalizer = Normalizer::new();
    let mut ended: usize = (0..6_000).map(|at| turn(&mut normalizer, at)).sum();
    let before = resident();
    ended += (6_000..26_000).map(|at| turn(&mut normalizer, at)).sum::<usize>();
    let grown = resident().saturating_sub(before);
    assert_eq!(ended, 2 * 26_000);
    // One kept id for each turn would be more than this.
    assert!(grown < 1024 * 1024, "{grown} bytes more after 20,000 turns");
}
