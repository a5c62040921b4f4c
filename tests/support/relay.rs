//! A network between the program and a server, which can be cut.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes connections on to a server while it is whole. It has a thread of its own, and ends with the tests.
pub struct Relay {
    pub address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Relay {
    pub fn to(server: &str) -> Relay {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let whole = watch::Sender::new(true);
        let (server, seen) = (server.to_owned(), whole.subscribe());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::spawn(move || runtime.block_on(accept(listener, server, seen)));
        Relay { address, whole }
    }

    /// Breaks all connections and, until it is mended, each new one.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn accept(listener: std::net::TcpListener, server: String, whole: watch::Receiver<bool>) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((mut client, _)) = listener.accept().await {
        let (server, mut whole) = (server.clone(), whole.clone());
        tokio::spawn(async move {
            let Ok(mut upstream) = TcpStream::connect(server).await else { return };
            tokio::select! {
                _ = whole.wait_for(|whole| !whole) => {}
                _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
            }
        });
    }
}
