//! `OpenCode` on this machine: one process for all chats, or one for each; a folder and an event reader for each chat.

mod api;
mod environment;
mod events;
mod find;
mod guard;
mod host;
mod isolated;
mod last_start;
mod orphan;
mod process;
mod reason;
mod secrets;
mod session;
mod setup;
mod version;

use super::{Crowded, Opening, Runtime, RuntimeFault, RuntimeResult, Session, Sink};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use host::Host;
use isolated::Isolated;
use last_start::LastStart;
use session::LocalSession;
pub(crate) use setup::Settings;
use setup::Setup;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which chats get a process of their own. A chat keeps its mode, because `OpenCode`'s data about it is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Isolation {
    /// The maximum number of such processes.
    pub(crate) most: usize,
    pub(crate) rule: Rule,
}

/// Which new chats are isolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    All,
    None,
    /// All new chats, once there is more than one owner.
    ManyOwners,
}

/// `OpenCode` on this machine.
#[derive(Debug)]
pub(crate) struct Local {
    program: Option<PathBuf>,
    rule: Rule,
    /// The process for all chats that have none of their own.
    shared: Arc<Host>,
    isolated: Arc<Isolated>,
    owners: Mutex<Owners>,
    last_start: Arc<LastStart>,
}

#[derive(Debug)]
struct Owners {
    /// All that are known.
    all: BTreeSet<String>,
    /// Those whose chats the shared process has served.
    sharing: BTreeSet<String>,
}

impl Local {
    /// Ends what a crashed server left running. A process for all chats is started in the background, so that the first chat need
    /// not wait for it. `owners`: those of the keys there are.
    pub(crate) fn new(
        program: Option<PathBuf>,
        settings: Settings,
        isolation: Isolation,
        owners: BTreeSet<String>,
        data: &Path,
    ) -> std::io::Result<Self> {
        let folder = data.join("opencode");
        isolated::end_orphans(&folder);
        let at_once = match isolation.rule {
            Rule::All => false,
            Rule::None => true,
            Rule::ManyOwners => owners.len() <= 1,
        };
        let last_start = Arc::new(if at_once { LastStart::default() } else { LastStart::by_chats() });
        let setup = Setup::prepare(folder.clone(), &settings)?;
        let shared = Host::new(program.clone(), setup, at_once, last_start.clone());
        if at_once {
            shared.start(Duration::ZERO);
        }
        let isolated = Isolated::new(program.clone(), settings, folder, isolation.most, last_start.clone());
        let owners = Mutex::new(Owners { all: owners, sharing: BTreeSet::new() });
        Ok(Self { program, rule: isolation.rule, shared, isolated, owners, last_start })
    }

    fn is_isolated(&self, opening: &Opening) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.all.insert(opening.owner.clone());
        let isolated = match (&opening.session_id, self.rule) {
            (Some(_), _) => self.isolated.has(&opening.directory),
            (None, Rule::All) => true,
            (None, Rule::None) => false,
            (None, Rule::ManyOwners) => owners.all.len() > 1,
        };
        if !isolated && owners.sharing.insert(opening.owner.clone()) && owners.sharing.len() == 2 {
            tracing::warn!(
                "one OpenCode process serves chats of more than one owner: an agent of one can reach what it keeps of the others; \
                 run the server with --isolate, and let new chats take the place of those made without it"
            );
        }
        isolated
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
            let session = if self.is_isolated(&opening) {
                LocalSession::open_isolated(&self.isolated, opening, sink).await?
            } else {
                let process = self.shared.process().await?;
                let shared = Arc::clone(&process);
                let opened = LocalSession::open(process, None, opening, sink).await;
                // `OpenCode` keeps what it could not read for as long as it runs, also once it is mended.
                if opened.as_ref().is_err_and(|error| error.kind == RuntimeFault::Workspace) {
                    self.shared.retire(&shared).await;
                }
                opened?
            };
            Ok(Arc::new(session) as Arc<dyn Session>)
        }
        .boxed()
    }

    fn forget(&self, directory: PathBuf, session_id: String) -> BoxFuture<'_, RuntimeResult<()>> {
        async move {
            if self.isolated.has(&directory) {
                self.isolated.forget(&isolated::chat_of(&directory)).await;
                return Ok(());
            }
            session::delete(&*self.shared.process().await?, &directory, &session_id).await
        }
        .boxed()
    }

    fn crowded(&self) -> BoxFuture<'_, Crowded> {
        self.isolated.crowded().boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        async {
            tokio::join!(self.shared.stop(), self.isolated.stop());
        }
        .boxed()
    }
}
