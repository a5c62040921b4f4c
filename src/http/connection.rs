//! Connections that get on or end.
//!
//! actix cuts off a client that is slow with the head of its *first* request and ends idle connections. Nothing of it
//! watches over a second head, over a body that no handler reads, or over a client that takes its answer a byte at a
//! time or not at all. Here a connection on which no request is worked on ends, unless it takes some of an answer or
//! completes the head of a request in time.

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

/// What is known of a connection; shared by its stream and its requests, which live on one thread.
#[derive(Clone)]
pub struct Progress(Rc<State>);

struct State {
    /// Requests that are worked on.
    working: Cell<usize>,
    /// When the connection last got on.
    since: Cell<Instant>,
}

impl Progress {
    fn new() -> Progress {
        Progress(Rc::new(State { working: Cell::new(0), since: Cell::new(Instant::now()) }))
    }

    fn made(&self) {
        self.0.since.set(Instant::now());
    }

    /// Until when the connection has to get on; a request that is worked on has all the time it needs.
    fn deadline(&self, patience: Duration) -> Instant {
        let since = if self.0.working.get() > 0 { Instant::now() } else { self.0.since.get() };
        since + patience
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

/// A stream that fails once its client has not got on for too long.
pub struct Punctual<T> {
    io: T,
    progress: Progress,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
}

impl<T> Punctual<T> {
    /// `patience` is for what is slow beyond all other deadlines, so it is longer than each of them.
    pub fn new(io: T, patience: Duration) -> Punctual<T> {
        let progress = Progress::new();
        let timer = Box::pin(sleep_until(progress.deadline(patience)));
        Punctual { io, progress, patience, timer }
    }

    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Fails if the deadline is over, and sees to it that the task wakes up when it is. The timer is moved only when it
    /// rings, not with every byte.
    fn expect_progress(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let deadline = self.progress.deadline(self.patience);
        if deadline <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        while self.timer.as_mut().poll(context).is_ready() {
            self.timer.as_mut().reset(deadline);
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
        // What is read is no progress: else a byte now and then would do.
        self.expect_progress(context)?;
        Pin::new(&mut self.io).poll_read(context, buffer)
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
            Poll::Ready(Ok(count)) if *count > 0 => self.progress.made(),
            Poll::Ready(_) => {}
            Poll::Pending => self.expect_progress(context)?,
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
