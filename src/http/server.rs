//! The HTTP server: sockets, workers, and how patient they are with clients.
//!
//! It is put together as `actix_web::HttpServer` does it, because that takes no stream but its own.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Request, Response};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use tokio::net::TcpSocket;

use super::connection::{Patience, Punctual};

/// Connections that the kernel keeps for us until they are accepted. The kernel's own limit (`net.core.somaxconn`, 4096)
/// may lower it; beyond both, clients try again after a second.
const BACKLOG: u32 = 2048;
/// How long a client that is refused may go on sending before the connection ends under its hands.
const LINGER: Duration = Duration::from_secs(1);
/// How long running requests have at a stop, in seconds.
const SHUTDOWN: u64 = 10;

/// What differs between servers.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub listen: SocketAddr,
    pub workers: usize,
    pub patience: Patience,
}

/// Binds the address; the answer is the server, which runs once it is awaited, and where it listens.
///
/// It speaks HTTP/1.1 only. HTTP/2 is for browsers, which want TLS for it: the proxy in front ends both, and no proxy
/// needs HTTP/2 without TLS behind it. What is not there needs no limits of its own (streams, windows, resets).
pub fn listen<F, I, S, B>(settings: Settings, application: F) -> io::Result<(Server, SocketAddr)>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let listener = bind(settings.listen)?;
    let address = listener.local_addr()?;
    let builder = ServerBuilder::new()
        .workers(settings.workers)
        .max_concurrent_connections(connections_at_most() / settings.workers.max(1))
        .shutdown_timeout(SHUTDOWN)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder.listen("http", listener, move || {
        let stopping = stopping.clone();
        let application = application().into_factory().map_err(|fault| fault.into().error_response());
        let http = HttpService::build()
            .keep_alive(KeepAlive::Timeout(settings.patience.keep_alive))
            // `Punctual` does it better.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(LINGER)
            // Not in its documentation, but what `HttpServer` uses: at a stop, kept connections end after their answer.
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .on_connect_ext(|io: &Punctual<TcpStream>, data| drop(data.insert(io.progress())))
            .h1(map_config(application, |()| AppConfig::default()));
        fn_service(move |io: TcpStream| {
            let peer = io.peer_addr().ok();
            ready(Ok::<_, DispatchError>((Punctual::new(io, settings.patience), peer)))
        })
        .and_then(http)
    })?;
    Ok((builder.run(), address))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// As many connections as the process may have files, but for a quarter that is left to the database, the index and
/// mail. The system's soft limit (often 1024) is raised to its hard one. Beyond that, new clients wait in the backlog
/// until others end; an `accept` that fails would make everybody wait.
fn connections_at_most() -> usize {
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|fault| {
        log::warn!("the limit of open files cannot be read: {fault}");
        1024
    });
    usize::try_from(files / 4 * 3).unwrap_or(usize::MAX)
}
