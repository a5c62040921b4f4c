//! Migrations: up, down, up again; and a database that is already in use.

use aihub::db::Db;

use crate::support::database::EmptyDatabase;

#[test]
fn migrations_run_up_down_and_up() {
    let database = EmptyDatabase::create();
    let db = Db::connect(&database.url(), 1).unwrap();
    let pending = db.pending_migrations().unwrap();
    assert!(pending.len() >= 8, "{pending:?}");
    let up = db.migrate().unwrap();
    assert_eq!(up.len(), pending.len());
    assert!(db.migrate().unwrap().is_empty());
    let mut down = db.revert_migrations().unwrap();
    down.reverse();
    assert_eq!(down, up);
    assert_eq!(db.migrate().unwrap(), up);
    db.read_now(aihub::mail::counts).unwrap();
}

#[test]
fn replicas_that_start_together_wait_for_each_other() {
    let database = EmptyDatabase::create();
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url();
            std::thread::spawn(move || Db::connect(&url, 1).unwrap().migrate().unwrap().len())
        })
        .collect();
    let ran: Vec<usize> = starts.into_iter().map(|start| start.join().unwrap()).collect();
    assert_eq!(ran.iter().filter(|count| **count > 0).count(), 1, "{ran:?}");
}
