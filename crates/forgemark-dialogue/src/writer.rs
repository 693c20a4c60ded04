//! The thread that turns committed conversations into files.
//!
//! Conversations arrive in the order of the run. Rows are rendered and buffered at once; a
//! checkpoint (all files durable, then one journal record) follows when enough has gathered or a
//! moment has passed. What a crash takes away between two checkpoints is made again from the
//! journal without a paid call.
//!
//! Queue: at most [`QUEUE`] conversations wait; a full queue holds the scheduler back.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use forgemark_contract::ids::RunId;
use forgemark_contract::json::Json;
use forgemark_journal::{ArtifactSet, Durable, JournalError};

use crate::config::{View, Views};
use crate::conversation::Conversation;
use crate::outcome::Outcome;
use crate::render::{APPEND_FILES, RUN_STATE, Renderer, StateSlot, Texts};

/// Conversations that may wait for the writer.
const QUEUE: usize = 64;
/// Conversations after which a checkpoint is made.
const CHECKPOINT_ITEMS: usize = 64;
/// Longest time a rendered conversation waits for a checkpoint.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(1);

enum Message {
    Commit {
        seq: u64,
        conversation: Arc<Conversation>,
    },
    /// The end of this process's work: conversations that are not committed, and whether the run is
    /// complete.
    End {
        active: Vec<Arc<Conversation>>,
        complete: bool,
    },
}

/// Handle of the writer thread.
#[derive(Debug)]
pub(crate) struct Writer {
    sender: Option<SyncSender<Message>>,
    failure: Arc<Mutex<Option<JournalError>>>,
    thread: Option<JoinHandle<()>>,
}

/// Slots of a wave that were committed before this process.
pub(crate) type StoredSlots = Vec<Arc<Conversation>>;

impl Writer {
    /// Starts the thread. `views` is what is written, `wave` are the committed slots of a wave that is not full; `read` gives the
    /// bytes of an artifact.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(
        artifacts: ArtifactSet,
        renderer: Renderer,
        views: Views,
        batch_size: u64,
        wave: StoredSlots,
        seq: u64,
        read: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let failure = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&failure);
        let thread = std::thread::Builder::new()
            .name("artifacts".to_owned())
            .spawn(move || {
                let slots = wave.into_iter().map(StateSlot::Ended).collect();
                let mut body = Body {
                    artifacts,
                    renderer,
                    views,
                    texts: Texts::default(),
                    batch_size,
                    slots,
                    items: Vec::new(),
                    pending: None,
                    seq,
                    is_idle: true,
                    read: Box::new(read),
                };
                if let Err(error) = body.run(&receiver) {
                    *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            })?;
        Ok(Self {
            sender: Some(sender),
            failure,
            thread: Some(thread),
        })
    }

    /// Hands over a conversation; waits while the queue is full.
    ///
    /// # Errors
    /// The writer's failure, if it has failed.
    pub(crate) fn commit(
        &self,
        seq: u64,
        conversation: Arc<Conversation>,
    ) -> Result<(), JournalError> {
        self.send(Message::Commit { seq, conversation })
    }

    fn send(&self, message: Message) -> Result<(), JournalError> {
        let Some(sender) = &self.sender else {
            return Err(self.failed());
        };
        match sender.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(message)) => sender.send(message).map_err(|_| self.failed()),
            Err(TrySendError::Disconnected(_)) => Err(self.failed()),
        }
    }

    fn failed(&self) -> JournalError {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or(JournalError::WriterGone)
    }

    /// Whether the writer has failed already.
    pub(crate) fn has_failed(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Writes the state of the wave that is not full and of what is not committed, makes everything
    /// durable and ends the thread.
    ///
    /// # Errors
    /// The writer's failure.
    pub(crate) fn finish(
        mut self,
        active: Vec<Arc<Conversation>>,
        complete: bool,
    ) -> Result<(), JournalError> {
        if let Some(sender) = &self.sender {
            // A thread that has gone left its reason, which is read below.
            let _ = sender.send(Message::End { active, complete });
        }
        if let Some(Err(panic)) = self.join() {
            std::panic::resume_unwind(panic);
        }
        match self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Writer {
    /// Lets the thread come to its end, and waits for it.
    fn join(&mut self) -> Option<std::thread::Result<()>> {
        self.sender = None;
        self.thread.take().map(JoinHandle::join)
    }
}

impl Drop for Writer {
    /// A writer that is given up writes nothing after this.
    fn drop(&mut self) {
        // Whoever gives it up has an error of its own to tell.
        let _ = self.join();
    }
}

/// Gives the bytes of an artifact, if it is there.
type ReadArtifact = Box<dyn Fn(&str) -> Option<Vec<u8>> + Send>;

struct Body {
    artifacts: ArtifactSet,
    renderer: Renderer,
    /// What is written of what is rendered.
    views: Views,
    texts: Texts,
    batch_size: u64,
    /// Conversations of the wave that is being filled, in slot order.
    slots: Vec<StateSlot>,
    /// Outcomes since the last checkpoint.
    items: Vec<Json>,
    /// The latest commit on its way into the journal.
    pending: Option<Durable>,
    seq: u64,
    /// Whether this process has committed nothing yet.
    is_idle: bool,
    read: ReadArtifact,
}

impl Body {
    fn run(&mut self, receiver: &Receiver<Message>) -> Result<(), JournalError> {
        loop {
            let message = if self.items.is_empty() {
                receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                receiver.recv_timeout(CHECKPOINT_WAIT)
            };
            match message {
                Ok(Message::Commit { seq, conversation }) => self.commit(seq, &conversation)?,
                Ok(Message::End { active, complete }) => self.end(active, complete)?,
                Err(RecvTimeoutError::Timeout) => self.checkpoint()?,
                Err(RecvTimeoutError::Disconnected) => {
                    if !self.items.is_empty() {
                        self.checkpoint()?;
                    }
                    return self.pending.take().map_or(Ok(()), Durable::wait);
                }
            }
            if self.items.len() >= CHECKPOINT_ITEMS {
                self.checkpoint()?;
            }
        }
    }

    fn commit(&mut self, seq: u64, conversation: &Arc<Conversation>) -> Result<(), JournalError> {
        let next = &conversation.plan.sketch.wave_id;
        if self.slots.last().is_some_and(|slot| wave_of(slot) != next) {
            // The last wave of a language is seldom full.
            self.put_states(true)?;
        }
        self.seq = seq;
        self.is_idle = false;
        let (path, file) = self.renderer.render(conversation, seq, &mut self.texts);
        let mut outcome = Outcome::of(conversation, seq);
        if self.views.has(View::Conversations) {
            outcome.spent.bytes += file.len() as u64;
            self.artifacts.put(&path, file)?;
        }
        for (name, lines) in APPEND_FILES.iter().zip(&self.texts.lines) {
            if !lines.is_empty() && self.views.writes(name) {
                outcome.spent.bytes += lines.len() as u64;
                self.artifacts.append(name, lines)?;
            }
        }
        self.items.push(outcome.to_json());
        self.slots.push(StateSlot::Ended(Arc::clone(conversation)));
        if self.slots.len() as u64 >= self.batch_size {
            self.put_states(true)?;
        }
        Ok(())
    }

    /// Renders the state of every wave that has slots, takes the slots, and puts each file for which `wants` is true.
    /// `complete`: no slot of these waves is still to come. Returns whether there was one.
    fn put_states_if(
        &mut self,
        complete: bool,
        wants: impl Fn(&Self, &str, &[u8]) -> bool,
    ) -> Result<bool, JournalError> {
        let slots = std::mem::take(&mut self.slots);
        if !self.views.has(View::RunState) {
            self.texts.end_wave();
            return Ok(false);
        }
        let mut last: Option<&RunId> = None;
        let mut changed = false;
        let mut texts = std::mem::take(&mut self.texts);
        for wave in slots.chunk_by(|left, right| wave_of(left) == wave_of(right)) {
            let Some(first) = wave.first() else { continue };
            let id = wave_of(first);
            let bytes = if self.batch_size == 1 {
                self.renderer.single_state(id, first, self.seq, &mut texts)
            } else {
                self.renderer
                    .batched_state(id, wave, complete, self.seq, &mut texts)
            };
            let path = format!("{RUN_STATE}/{id}.json");
            if wants(self, &path, bytes) {
                self.artifacts.put(&path, bytes)?;
                changed = true;
            }
            last = Some(id);
        }
        texts.end_wave();
        self.texts = texts;
        if let Some(id) = last {
            let path = format!("{RUN_STATE}/last_run_id.txt");
            let bytes = id.as_str().as_bytes();
            if wants(self, &path, bytes) {
                self.artifacts.put(&path, bytes)?;
                changed = true;
            }
        }
        Ok(changed)
    }

    fn put_states(&mut self, complete: bool) -> Result<(), JournalError> {
        self.put_states_if(complete, |_, _, _| true).map(|_| ())
    }

    fn end(&mut self, active: Vec<Arc<Conversation>>, complete: bool) -> Result<(), JournalError> {
        let idle = self.is_idle && active.is_empty();
        self.slots.extend(active.into_iter().map(StateSlot::Active));
        // A process that had nothing to do changes nothing, unless an earlier one was killed between its last commit and
        // this state.
        let changed = self.put_states_if(complete, |body, path, bytes| {
            !idle || (body.read)(path).is_none_or(|there| there != bytes)
        })?;
        if changed || !self.items.is_empty() {
            self.checkpoint()?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), JournalError> {
        // The previous commit is waited for only now, so that rendering goes on meanwhile.
        if let Some(durable) = self.pending.take() {
            durable.wait()?;
        }
        self.pending = Some(self.artifacts.commit(std::mem::take(&mut self.items))?);
        Ok(())
    }
}

fn wave_of(slot: &StateSlot) -> &RunId {
    match slot {
        StateSlot::Ended(conversation) | StateSlot::Active(conversation) => {
            &conversation.plan.sketch.wave_id
        }
    }
}
