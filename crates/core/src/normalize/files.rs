//! Files: the agent's own, and what its tools give back (pictures, mostly).

use super::message::MessagePart;
use super::turn::Turn;
use crate::event::{Event, FilePart, Part, PartBody, PartState};
use crate::id::PartId;
use crate::lax::{List, Obj, Text};
use crate::opencode::{FileInfo, PartInfo};

/// The longest URL that is emitted. A picture in a `data:` URL is a third larger than its file.
const MAX_URL: usize = 4 * 1024 * 1024;

/// The URLs of one turn's files may come to so much in all.
const MAX_URLS: usize = 16 * 1024 * 1024;

/// The number of files of one tool that are emitted.
const MAX_FILES: usize = 64;

impl Turn {
    /// A file of the agent.
    pub(super) fn file(&mut self, at: usize, id: &str, info: &PartInfo<'_>, out: &mut Vec<Event>) {
        self.emit_file(at, PartId::from(id), (&info.mime, &info.filename, &info.url), None, out);
    }

    /// The files a tool gave back, as parts of its message, after it.
    pub(super) fn attachments(
        &mut self,
        at: usize,
        tool: &PartId,
        files: &List<Obj<FileInfo<'_>>>,
        out: &mut Vec<Event>,
    ) {
        let files = files.0.iter().filter_map(|file| file.0.as_ref()).filter(|file| file.url.filled().is_some());
        for (file, number) in files.take(MAX_FILES).zip(1..) {
            let id = file.id.filled().filter(|id| self.is_free(at, id));
            let id = id.map_or_else(|| made_id(tool, number), PartId::from);
            self.emit_file(at, id, (&file.mime, &file.filename, &file.url), Some(tool), out);
        }
    }

    /// Whether a file may have this id: nothing has it yet, or the same file emitted before.
    fn is_free(&self, at: usize, id: &str) -> bool {
        self.by_part.get(id).is_none_or(|&(message, part)| {
            let known = self.messages[message].parts.get(part);
            message == at
                && matches!(known, Some(MessagePart::Whole(Part { body: PartBody::File(file), .. })) if file.tool_part_id.is_some())
        })
    }

    fn emit_file(
        &mut self,
        at: usize,
        id: PartId,
        (mime, filename, url): (&Text<'_>, &Text<'_>, &Text<'_>),
        tool: Option<&PartId>,
        out: &mut Vec<Event>,
    ) {
        // A file is emitted once: it does not change, and its size is counted once.
        if self.by_part.contains_key(&id) {
            return;
        }
        let url = url.or_empty();
        let omitted = url.len() > MAX_URL.min(MAX_URLS - self.url_bytes);
        if !omitted {
            self.url_bytes += url.len();
        }
        let file = FilePart {
            mime: mime.or_empty().to_owned(),
            filename: filename.filled().map(str::to_owned),
            url: if omitted { String::new() } else { url.to_owned() },
            tool_part_id: tool.cloned(),
            omitted,
        };
        self.whole(at, Part { id, body: PartBody::File(file), state: PartState::Done }, out);
    }
}

/// The id of a file that came without one of its own: its tool's, and its number among the tool's files.
fn made_id(tool: &PartId, number: usize) -> PartId {
    let rest = tool.as_str().strip_prefix("prt_").unwrap_or(tool.as_str());
    PartId::from(format!("file_{rest}_{number}"))
}
