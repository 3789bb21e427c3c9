//! A turn from its first event to its last: shown, its questions put and answered, and cancelled when told so.

use crate::ask::{Answer, Asking};
use crate::input::Input;
use crate::output::Output;
use crate::screen::{Screen, TICK};
use crate::{Interrupt, Interrupts, Stop};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use turnwire::event::{Event, TurnStatus};
use turnwire::stream::TurnHandle;
use turnwire::{Client, Error, RequestId, Turn, TurnStream};

/// How long a program that leaves waits for the word that its turn was cancelled.
const CANCEL: Duration = Duration::from_secs(3);

/// What a conversation is held with.
pub(crate) struct Conversation<'a> {
    pub(crate) output: &'a mut Output,
    pub(crate) input: &'a mut Input,
    pub(crate) interrupts: &'a mut Interrupts,
    /// Print events instead of showing them.
    pub(crate) json: bool,
}

/// How a turn ended.
pub(crate) struct Ended {
    pub(crate) turn: Turn,
    /// It was cancelled from here.
    pub(crate) interrupted: Option<Interrupt>,
    /// A question stayed open because the input was at its end.
    pub(crate) unanswered: bool,
}

impl Ended {
    /// `None`: the turn was completed.
    pub(crate) fn failure(&self) -> Option<Stop> {
        if let Some(interrupt) = self.interrupted {
            return Some(interrupt.into());
        }
        // Why is on the screen, or in the last event.
        let completed = self.turn.status == TurnStatus::Completed && !self.unanswered;
        (!completed).then_some(Stop::Code(1))
    }
}

impl Conversation<'_> {
    /// Follows a turn to its end. An interrupt cancels it, another one leaves at once.
    pub(crate) async fn follow(&mut self, mut stream: TurnStream) -> Result<Ended, Stop> {
        let mut screen = Screen::new(self.output);
        let mut ticks = screen_ticks();
        let mut asking: Option<Asking> = None;
        let mut settled: HashSet<RequestId> = HashSet::new();
        let mut sending = FuturesUnordered::new();
        let mut cancel: Option<JoinHandle<()>> = None;
        let mut ended = Ended { turn: Turn::default(), interrupted: None, unanswered: false };
        loop {
            if cancel.is_none() {
                renew(&mut asking, &settled, &stream, &mut screen).await?;
            }
            tokio::select! {
                event = stream.try_next() => match event? {
                    Some(event) if self.json => screen.raw(&event).await?,
                    Some(event) => screen.event(&event).await?,
                    None => break,
                },
                interrupt = self.interrupts.next() => {
                    if cancel.is_some() || interrupt == Interrupt::Terminate {
                        let cancel = cancel.take().unwrap_or_else(|| cancelled(&stream));
                        let _ = timeout(CANCEL, cancel).await;
                        return Err(interrupt.into());
                    }
                    screen.note("cancelling; Ctrl-C again leaves").await?;
                    ended.interrupted = Some(interrupt);
                    asking = None;
                    cancel = Some(cancelled(&stream));
                }
                line = self.input.line(), if asking.is_some() => {
                    if let (Some(line), Some(now)) = (line, &mut asking) {
                        if self.input.is_terminal {
                            screen.typed();
                        }
                        let answer = now.line(&line);
                        if let Answer::Ask(text) = &answer {
                            screen.ask(text).await?;
                        } else {
                            settled.insert(now.request.request_id().clone());
                            sending.push(send(stream.handle(), now.request.request_id().clone(), answer));
                            asking = None;
                        }
                    } else {
                        screen.note("the agent waits for an answer and there is no more input; cancelling").await?;
                        ended.unanswered = true;
                        asking = None;
                        cancel = Some(cancelled(&stream));
                    }
                }
                Some(sent) = sending.next() => match sent {
                    // Somebody else was faster; the events tell what came of it.
                    Err(error) if error.status() == Some(404) => {}
                    sent => sent?,
                },
                _ = ticks.tick(), if screen.spins() && !self.json => screen.tick().await,
            }
        }
        ended.turn = stream.snapshot().clone();
        if !self.json {
            screen.end(&ended.turn).await?;
        }
        Ok(ended)
    }
}

/// Puts the next open request, or drops the one that somebody else has answered.
async fn renew(
    asking: &mut Option<Asking>,
    settled: &HashSet<RequestId>,
    stream: &TurnStream,
    screen: &mut Screen<'_>,
) -> Result<(), Stop> {
    let open = &stream.snapshot().requests;
    if let Some(now) = asking {
        if open.iter().any(|request| request.request_id() == now.request.request_id()) {
            return Ok(());
        }
        *asking = None;
        screen.note("answered elsewhere").await?;
    }
    if let Some(new) = open.iter().find(|request| !settled.contains(request.request_id())) {
        let new = Asking::new(new.clone());
        screen.ask(&new.text()).await?;
        *asking = Some(new);
    }
    Ok(())
}

/// Sends an answer, beside everything else.
async fn send(turn: TurnHandle, request: RequestId, answer: Answer) -> turnwire::Result<()> {
    match answer {
        Answer::Questions(answers) => turn.answer(&request, answers).await,
        Answer::Refused => turn.reject(&request).await,
        Answer::Permission(reply) => turn.allow(&request, reply).await,
        Answer::Ask(_) => Ok(()),
    }
}

/// Cancels the turn beside everything else.
fn cancelled(stream: &TurnStream) -> JoinHandle<()> {
    let handle = stream.handle();
    tokio::spawn(async move {
        // If it fails the turn goes on, which is what the events will show.
        let _: Result<_, Error> = handle.cancel().await;
    })
}

/// Waits for a turn to begin, with a spinner: a chat's first turn may have to start its agent.
pub(crate) async fn opening<T, E: Into<Stop>>(
    output: &mut Output,
    interrupts: &mut Interrupts,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Stop> {
    let mut screen = Screen::new(output);
    let mut ticks = screen_ticks();
    let mut work = pin!(work);
    let opened = loop {
        tokio::select! {
            opened = &mut work => break opened.map_err(Into::into),
            interrupt = interrupts.next() => break Err(interrupt.into()),
            _ = ticks.tick(), if screen.spins() => screen.tick().await,
        }
    };
    screen.clear().await;
    opened
}

/// Cancels what runs in a chat, for a program that was interrupted before it knew of a turn.
pub(crate) async fn cancel_any(client: &Client, chat: &str) {
    // Whatever comes of it, the program was told to stop.
    let _ = timeout(CANCEL, client.chat().cancel(chat).into_future()).await;
}

fn screen_ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Waits for something that an interrupt ends.
pub(crate) async fn unless_interrupted<T, E: Into<Stop>>(
    interrupts: &mut Interrupts,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Stop> {
    tokio::select! {
        interrupt = interrupts.next() => Err(interrupt.into()),
        done = work => done.map_err(Into::into),
    }
}

impl Screen<'_> {
    /// The event as it travels.
    async fn raw(&mut self, event: &Event) -> Result<(), Stop> {
        self.print_line(&event.to_json()).await
    }
}
