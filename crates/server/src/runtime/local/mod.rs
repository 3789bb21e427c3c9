//! `OpenCode` on this machine: one process for all chats, or one for each; a folder and an event reader for each chat.

mod api;
mod events;
mod find;
mod host;
mod isolated;
mod last_start;
mod orphan;
mod process;
mod reason;
mod session;
mod surroundings;
mod version;

use super::{Crowded, Opening, Runtime, RuntimeResult, Session, Sink};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use host::Host;
use isolated::Isolated;
use last_start::LastStart;
use serde_json::Value;
use session::LocalSession;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use surroundings::Surroundings;

/// `OpenCode` on this machine.
#[derive(Debug)]
pub(crate) struct Local {
    program: Option<PathBuf>,
    processes: Processes,
    last_start: Arc<LastStart>,
}

#[derive(Debug)]
enum Processes {
    /// One for all chats.
    Shared(Arc<Host>),
    /// One for each.
    Isolated(Arc<Isolated>),
}

impl Local {
    /// Ends what a crashed server left running. A process for all chats is started in the background, so that the first chat need
    /// not wait for it. `isolate`: one process for each chat, so many at once.
    pub(crate) fn new(
        program: Option<PathBuf>,
        config: Option<&Value>,
        isolate: Option<usize>,
        data: &Path,
    ) -> std::io::Result<Self> {
        let folder = data.join("opencode");
        isolated::end_orphans(&folder);
        let last_start = Arc::new(if isolate.is_some() { LastStart::by_chats() } else { LastStart::default() });
        let processes = if let Some(most) = isolate {
            orphan::end(&Surroundings::pid_file(&folder), &folder);
            Processes::Isolated(Isolated::new(program.clone(), config.cloned(), folder, most, last_start.clone()))
        } else {
            let host = Host::new(program.clone(), Surroundings::prepare(folder, config)?, true, last_start.clone());
            host.start(Duration::ZERO);
            Processes::Shared(host)
        };
        Ok(Self { program, processes, last_start })
    }
}

impl Runtime for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn ready(&self) -> RuntimeResult<()> {
        find::find(self.program.as_deref()).map(drop)
    }

    fn well(&self) -> RuntimeResult<()> {
        self.ready()?;
        self.last_start.went_well()
    }

    fn open(&self, opening: Opening, sink: Sink) -> BoxFuture<'_, RuntimeResult<Arc<dyn Session>>> {
        async move {
            let session = match &self.processes {
                Processes::Shared(host) => LocalSession::open(host.process().await?, None, opening, sink).await?,
                Processes::Isolated(isolated) => isolated.open(opening, sink).await?,
            };
            Ok(Arc::new(session) as Arc<dyn Session>)
        }
        .boxed()
    }

    fn forget(&self, directory: PathBuf, session_id: String) -> BoxFuture<'_, RuntimeResult<()>> {
        async move {
            match &self.processes {
                Processes::Shared(host) => session::delete(&*host.process().await?, &directory, &session_id).await,
                Processes::Isolated(isolated) => {
                    isolated.forget(&isolated::chat_of(&directory)).await;
                    Ok(())
                }
            }
        }
        .boxed()
    }

    fn crowded(&self) -> BoxFuture<'_, Crowded> {
        match &self.processes {
            Processes::Shared(_) => std::future::pending().boxed(),
            Processes::Isolated(isolated) => isolated.crowded().boxed(),
        }
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        match &self.processes {
            Processes::Shared(host) => host.stop().boxed(),
            Processes::Isolated(isolated) => isolated.stop().boxed(),
        }
    }
}
