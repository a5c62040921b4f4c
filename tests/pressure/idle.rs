//! Connections on which nothing happens.

use std::process::Command;

use reqwest::Method;
use tokio::net::TcpStream;

use crate::support::raw::Raw;
use crate::support::{Answer, House, Server, eventually};
use crate::{GROWTH, PATIENCE};

/// Opens connections on which nothing is ever said.
async fn idle(server: &Server, count: usize) -> Vec<Raw> {
    let mut idle = Vec::with_capacity(count);
    for _ in 0..count {
        idle.push(Raw::connect(&server.base).await);
    }
    idle
}

/// Whether the other side has neither said anything nor ended the connection.
fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0; 1]), Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock)
}

#[tokio::test]
async fn five_thousand_idle_connections_do_no_harm() {
    const IDLE: usize = 5000;
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(files > 2 * IDLE as u64, "the machine allows {files} open files, too few for this test");
    let house = House::new().with("CLIENT_TIMEOUT_SECONDS", "20");
    let server = house.serve();
    server.ready().await;
    let (memory, open_files) = (server.memory(), server.open_files());
    let connections = idle(&server, IDLE).await;
    for path in ["/api/v1/search?q=vibration", "/api/v1/profiles", "/health/ready"] {
        Answer::of(server.request(Method::GET, path)).await.unwrap().expect(200);
    }
    let (full, with) = (server.memory(), server.open_files());
    println!("{IDLE} idle connections: {memory} -> {full} MiB, {open_files} -> {with} files");
    assert!(with > IDLE, "they were not accepted: {with} files");
    assert!(connections.iter().all(|connection| is_open(&connection.0)), "some had ended already");
    assert!(full < memory + GROWTH);
    for mut connection in connections {
        connection.rest().await;
    }
    eventually("their files are closed", || server.open_files() < open_files + 50).await;
}

#[tokio::test]
async fn where_the_system_allows_few_files_it_waits_for_idle_connections_to_end() {
    let house = House::new().with("CLIENT_TIMEOUT_SECONDS", "2");
    let program = house.command(&["serve"]);
    let mut limited = house.command(&[]);
    let _ = std::mem::replace(&mut limited, Command::new("sh"));
    limited.args(["-c", "ulimit -n 1024 && exec \"$0\" serve"]).arg(program.get_program());
    limited.current_dir(house.folder.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let server = house.start(limited);
    server.ready().await;
    let connections = idle(&server, 1500).await;
    assert!(server.open_files() < 1024);
    Answer::of(server.request(Method::GET, "/api/v1/profiles").timeout(PATIENCE)).await.unwrap().expect(200);
    println!("{} files of 1024, with 1500 idle connections", server.open_files());
    drop(connections);
    assert!(!server.log().contains("Too many open files"), "{}", server.log());
}
