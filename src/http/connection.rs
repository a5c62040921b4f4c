//! Connections that get on or end.
//!
//! actix can cut off a client that is slow with the head of its *first* request, and it ends idle connections. Nothing of
//! it watches over a second head, over a body that no handler reads, or over a client that takes its answer a byte at a
//! time or not at all; and what had arrived in time it takes for late if the thread was busy. Here a client that has yet
//! to send a head, or to take an answer, gets on with it in time, or the connection ends. While a request is worked on
//! the client waits for us, so it is not to blame.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// What came in time may have waited for a thread of ours: whoever seems to be late is looked at again after this.
const GRACE: Duration = Duration::from_secs(1);

/// What is known of a connection; shared by its stream and its requests, which live on one thread.
#[derive(Clone)]
pub struct Progress(Rc<State>);

struct State {
    /// Requests that are worked on.
    working: Cell<usize>,
    /// When the connection last got on.
    since: Cell<Instant>,
    /// Whether the client owes us the rest of a head, or room for an answer; else the connection is idle.
    owed: Cell<bool>,
    /// Whether no further request is wanted.
    over: Cell<bool>,
}

impl Progress {
    /// Of a connection that is new: the first head is owed.
    fn new() -> Progress {
        let (working, since) = (Cell::new(0), Cell::new(Instant::now()));
        Progress(Rc::new(State { working, since, owed: Cell::new(true), over: Cell::new(false) }))
    }

    fn made(&self) {
        self.0.since.set(Instant::now());
        self.0.owed.set(self.0.over.get());
    }

    fn owe(&self) {
        if !self.0.owed.replace(true) {
            self.0.since.set(Instant::now());
        }
    }

    /// Lets the connection end soon after the answer, whatever the client still sends.
    pub fn end(&self) {
        self.0.over.set(true);
    }
}

/// A request that is worked on, until it is dropped: a client that goes away ends its request.
struct Work(Progress);

impl Work {
    fn begin(progress: Progress) -> Work {
        progress.0.working.set(progress.0.working.get() + 1);
        Work(progress)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let working = &self.0.0.working;
        working.set(working.get().saturating_sub(1));
        self.0.made();
    }
}

/// Tells the connection that it is not to blame while its request is worked on. A body has a deadline of its own.
pub async fn attend(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let _work = request.request().conn_data::<Progress>().cloned().map(Work::begin);
    next.call(request).await
}

/// How long a client may keep us waiting.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the head of a request, and for any of an answer to be taken.
    pub client: Duration,
    /// For a next request.
    pub keep_alive: Duration,
}

/// A stream that fails once its client has kept us waiting for too long.
pub struct Punctual<T> {
    io: T,
    progress: Progress,
    patience: Patience,
    timer: Pin<Box<Sleep>>,
    /// When it was found to be late.
    late: Option<Instant>,
}

impl<T> Punctual<T> {
    pub fn new(io: T, patience: Patience) -> Punctual<T> {
        let timer = Box::pin(sleep_until(Instant::now() + patience.client));
        Punctual { io, progress: Progress::new(), patience, timer, late: None }
    }

    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// When the client is late; not before long while we work for it.
    fn deadline(&self, now: Instant) -> Instant {
        let State { working, since, owed, .. } = &*self.progress.0;
        let Patience { client, keep_alive } = self.patience;
        match (working.get(), owed.get()) {
            (0, true) => since.get() + client,
            // actix ends idle connections before that, unless it still listens to a body that nobody wants.
            (0, false) => since.get() + keep_alive + client,
            _ => now + client,
        }
    }

    /// Fails if the client is late, and sees to it that the task wakes up when it will be. The timer is moved when it
    /// rings or would ring too late, not with every byte.
    fn expect_progress(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let now = Instant::now();
        let deadline = self.deadline(now);
        let ring = if now < deadline {
            self.late = None;
            deadline
        } else {
            *self.late.get_or_insert(now) + GRACE
        };
        if ring <= now {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if ring < self.timer.deadline() {
            self.timer.as_mut().reset(ring);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            self.timer.as_mut().reset(ring);
        }
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Punctual<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if buffer.filled().len() > before {
            // No progress until it makes a request: else a byte now and then would do.
            self.progress.owe();
        }
        self.expect_progress(context)?;
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Punctual<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        match &written {
            Poll::Ready(_) => self.progress.made(),
            Poll::Pending => {
                self.progress.owe();
                self.expect_progress(context)?;
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
