//! A turn from its first event to its last: shown, its questions put and answered, and cancelled when told so.

use crate::ask::{Answer, Asking};
use crate::input::Input;
use crate::output::Output;
use crate::screen::{Screen, TICK};
use crate::{Interrupt, Interrupts, Stop};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::pin::pin;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use turnwire::event::{Event, TurnStatus};
use turnwire::policy::attendance::{Duty, Policies};
use turnwire::stream::TurnHandle;
use turnwire::{Client, Error, RequestId, Turn, TurnStream};

/// How long a program that leaves waits for the word that its turn was cancelled.
const CANCEL: Duration = Duration::from_secs(3);
/// How long output may stay unread once the program was interrupted.
const STALLED: Duration = Duration::from_secs(1);

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
    pub(crate) async fn follow(&mut self, stream: TurnStream) -> Result<Ended, Stop> {
        let following = Following {
            screen: Screen::new(self.output),
            input: self.input,
            interrupts: self.interrupts,
            json: self.json,
            stream,
            asking: None,
            sending: FuturesUnordered::new(),
            cancel: None,
            interrupted: None,
            unanswered: false,
        };
        following.run().await
    }
}

struct Following<'a> {
    screen: Screen<'a>,
    input: &'a mut Input,
    interrupts: &'a mut Interrupts,
    json: bool,
    stream: TurnStream,
    /// What stands on the screen to be answered.
    asking: Option<Asking>,
    /// Answers on their way.
    sending: FuturesUnordered<BoxFuture<'static, turnwire::Result<()>>>,
    /// The request to cancel, on its way.
    cancel: Option<JoinHandle<()>>,
    interrupted: Option<Interrupt>,
    unanswered: bool,
}

impl Following<'_> {
    async fn run(mut self) -> Result<Ended, Stop> {
        let mut ticks = screen_ticks();
        loop {
            if self.cancel.is_none() {
                self.renew().await?;
            }
            tokio::select! {
                event = self.stream.try_next() => match event? {
                    Some(event) => self.show(&event).await?,
                    None => break,
                },
                interrupt = self.interrupts.next() => self.interrupt(interrupt).await?,
                line = self.input.line(), if self.asking.is_some() => self.line(line).await?,
                Some(sent) = self.sending.next() => sent?,
                _ = ticks.tick(), if self.screen.spins() && !self.json => self.screen.tick().await,
            }
        }
        let turn = self.stream.snapshot().clone();
        if !self.json {
            self.screen.end(&turn).await?;
        }
        Ok(Ended { turn, interrupted: self.interrupted, unanswered: self.unanswered })
    }

    /// Shows an event. Whoever reads the output may have stopped reading, so this must not outlast an interrupt.
    async fn show(&mut self, event: &Event) -> Result<(), Stop> {
        let (interrupt, stalled) = {
            let (screen, json) = (&mut self.screen, self.json);
            let mut showing = pin!(async {
                if json { screen.print_line(&event.to_json()).await } else { screen.event(event).await }
            });
            let interrupt = if let Some(told_before) = self.interrupted {
                told_before
            } else {
                tokio::select! {
                    biased;
                    shown = &mut showing => return shown,
                    interrupt = self.interrupts.next() => interrupt,
                }
            };
            match timeout(STALLED, showing).await {
                Ok(shown) => shown.map(|()| (interrupt, false))?,
                Err(_) => (interrupt, true),
            }
        };
        if stalled {
            return self.leave(interrupt).await;
        }
        if self.interrupted.is_some() {
            return Ok(());
        }
        self.interrupt(interrupt).await
    }

    /// The first interrupt cancels the turn, the second leaves.
    async fn interrupt(&mut self, interrupt: Interrupt) -> Result<(), Stop> {
        if self.cancel.is_some() || interrupt != Interrupt::Interrupt {
            return self.leave(interrupt).await;
        }
        self.interrupted = Some(interrupt);
        self.cancel();
        match timeout(STALLED, self.screen.note("cancelling; Ctrl-C again leaves")).await {
            Ok(told) => told,
            Err(_) => self.leave(interrupt).await,
        }
    }

    async fn leave(&mut self, interrupt: Interrupt) -> Result<(), Stop> {
        if interrupt != Interrupt::Hangup {
            self.cancel();
        }
        if let Some(cancel) = self.cancel.take() {
            let _ = timeout(CANCEL, cancel).await;
        }
        Err(interrupt.into())
    }

    /// Cancels the turn, beside everything else.
    fn cancel(&mut self) {
        self.asking = None;
        let handle = self.stream.handle();
        self.cancel.get_or_insert_with(|| {
            tokio::spawn(async move {
                // If it fails the turn goes on, which is what the events will show.
                let _: Result<_, Error> = handle.cancel().await;
            })
        });
    }

    /// Puts the next open request, or drops the one that somebody else has answered.
    async fn renew(&mut self) -> Result<(), Stop> {
        let open = &self.stream.snapshot().requests;
        if let Some(now) = &self.asking {
            if open.iter().any(|request| request.request_id() == now.request.request_id()) {
                return Ok(());
            }
            self.asking = None;
            self.screen.note("answered elsewhere").await?;
        }
        if let Duty::Ask(new) = self.stream.handle().attend(open, Policies::ASK) {
            let new = Asking::new(new);
            self.screen.ask(&new.text()).await?;
            self.asking = Some(new);
        }
        Ok(())
    }

    /// Takes a line of input for an answer.
    async fn line(&mut self, line: Option<String>) -> Result<(), Stop> {
        let (Some(line), Some(now)) = (line, &mut self.asking) else {
            self.screen.note("the agent waits for an answer and there is no more input; cancelling").await?;
            self.unanswered = true;
            self.cancel();
            return Ok(());
        };
        if self.input.is_terminal {
            self.screen.typed();
        }
        let request = now.request.request_id().clone();
        match now.line(&line) {
            Answer::Ask(text) => self.screen.ask(&text).await,
            answer => {
                self.sending.push(Box::pin(send(self.stream.handle(), request, answer)));
                self.asking = None;
                Ok(())
            }
        }
    }
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
