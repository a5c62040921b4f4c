//! Mail against a real SMTP server, with the faults that mail servers have, and into folders that fail. What the server
//! does at the first attempt follows from the beginning of the recipient's address; see `support/smtp_server.py`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "black_box/common.rs"]
mod common;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use aihub::accounts;
use aihub::config::{Config, MailTransport, Secret, SmtpConfig, SmtpSecurity};
use aihub::mail::Transport;
use chrono::TimeDelta;
use common::{Member, PASSWORD, TestApp, hub};
use reqwest::Method;
use serde_json::{Value, json};
use support::smtp::{self, SmtpServer};
use support::{Answer, House, Server, eventually};

/// A service that sends through this port.
async fn sending_to(port: u16, password: &str) -> TestApp {
    let smtp = SmtpConfig {
        host: "127.0.0.1".to_owned(),
        port,
        security: SmtpSecurity::None,
        username: Some(smtp::USER.to_owned()),
        password: Some(Secret(password.to_owned())),
        timeout: Duration::from_secs(2),
    };
    let change = |config: &mut Config| config.mail.transport = MailTransport::Smtp(smtp);
    TestApp::start_sending(change, |config, _| Transport::new(&config.mail).unwrap()).await
}

/// A service that writes into this folder.
async fn writing_to(folder: &Path) -> TestApp {
    TestApp::start_sending(|_| {}, |_, _| Transport::Folder(folder.to_owned())).await
}

/// Somebody with a verified address, without a mail.
async fn member<'a>(test: &'a TestApp, email: &'static str) -> Member<'a> {
    let now = test.clock.now();
    let ensure = move |conn: &mut _| {
        accounts::ensure(conn, now, email, "Somebody", &"en".parse().unwrap(), Some(PASSWORD))
    };
    test.app.db.write(ensure).await.unwrap();
    test.login(email).await
}

async fn administrator(test: &TestApp) -> Member<'_> {
    member(test, "admin@mail.example").await;
    let now = test.clock.now();
    let grant = move |conn: &mut _| accounts::grant_administrator(conn, now, "admin@mail.example");
    test.app.db.write(grant).await.unwrap();
    test.login("admin@mail.example").await
}

fn registration(email: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "display_name": "Jo Grün", "language": "en", "accepted_terms": "2026-11"
    })
}

/// Registers an address, which causes one mail to it, and tries to send that.
async fn register(test: &TestApp, email: &str) {
    test.post("/api/v1/accounts", &registration(email)).await.expect(202);
    test.settle().await;
}

/// The only mail in the outbox, as an administrator sees it.
async fn only_mail(admin: &Member<'_>) -> Value {
    let mut mails = admin.get("/api/v1/mails").await.expect(200).json()["items"].take();
    assert_eq!(mails.as_array().map(Vec::len), Some(1), "{mails}");
    mails[0].take()
}

/// What the address in a text leads to, without the server's name.
fn link(text: &str) -> String {
    let start = text.find("/links/").unwrap_or_else(|| panic!("no link in {text}"));
    text[start..]
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>'))
        .next()
        .unwrap()
        .to_owned()
}

#[actix_web::test]
async fn a_mail_arrives_whole_in_both_forms() {
    let smtp = SmtpServer::start("none");
    let test = sending_to(smtp.port, smtp::PASSWORD).await;
    register(&test, "jo@mail.example").await;
    let mails = smtp.attempts();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let (mail, headers) = (&mails[0], &mails[0]["headers"]);
    assert_eq!(mail["to"], json!(["jo@mail.example"]));
    assert_eq!((&mail["encrypted"], &mail["type"]), (&json!(false), &json!("multipart/alternative")));
    assert_eq!(headers["to"], "Jo Grün <jo@mail.example>");
    assert_eq!(headers["from"], "aihub <aihub@localhost>");
    assert_eq!(headers["subject"], "Please confirm your address");
    assert_eq!(headers["date"], "Mon, 23 Nov 2026 08:00:00 +0000");
    assert_eq!(headers["auto-submitted"], "auto-generated");
    assert!(headers.get("list-unsubscribe").is_none(), "nobody can do without this mail: {headers}");
    let parts: Vec<(&str, &str)> = mail["parts"].as_array().unwrap().iter().map(part).collect();
    assert_eq!([parts[0].0, parts[1].0], ["text/plain", "text/html"]);
    assert!(parts[0].1.contains("Hello Jo Grün,") && parts[1].1.contains("Hello Jo Grün,"), "{parts:?}");

    let link = link(parts[0].1);
    assert!(parts[1].1.replace("&#x2f;", "/").contains(&link), "both forms have one link: {parts:?}");
    let token = link.strip_prefix("/links/verify-email?token=").unwrap();
    test.post("/api/v1/accounts/verification", &json!({ "token": token })).await.expect(200);
}

fn part(part: &Value) -> (&str, &str) {
    (part[0].as_str().unwrap(), part[1].as_str().unwrap())
}

#[actix_web::test]
async fn in_the_ordinary_course_every_mail_arrives_once() {
    let smtp = SmtpServer::start("none");
    let test = sending_to(smtp.port, smtp::PASSWORD).await;
    let addresses: Vec<String> = (0..25).map(|number| format!("jo{number}@mail.example")).collect();
    for address in &addresses {
        test.post("/api/v1/accounts", &registration(address)).await.expect(202);
    }
    test.settle().await;
    test.advance(TimeDelta::days(2)).await;
    for address in &addresses {
        assert_eq!(smtp.attempts_for(address).len(), 1, "{address}");
    }
    assert_eq!(smtp.attempts().len(), addresses.len());
}

#[actix_web::test]
async fn a_fault_that_passes_costs_a_minute_and_no_mail() {
    let smtp = SmtpServer::start("none");
    for (fault, error) in [
        ("greylisted", "451 4.7.1"),
        ("deferred", "451 4.3.1"),
        ("hanging", "in time"),
        ("dropped", "the mail server refused the mail"),
    ] {
        let test = sending_to(smtp.port, smtp::PASSWORD).await;
        let (admin, address) = (administrator(&test).await, format!("{fault}-jo@mail.example"));
        let began = Instant::now();
        register(&test, &address).await;
        assert!(began.elapsed() < Duration::from_secs(10), "{fault}: the worker was held up");
        let mail = only_mail(&admin).await;
        assert_eq!((&mail["status"], &mail["attempts"]), (&json!("pending"), &json!(1)), "{fault}");
        assert!(mail["last_error"].as_str().unwrap().contains(error), "{fault}: {mail}");
        assert!(!mail.to_string().contains("jo@"), "an error tells no address: {mail}");
        assert!(smtp.taken_for(&address).is_empty(), "{fault}");

        test.advance(TimeDelta::seconds(30)).await;
        assert_eq!(smtp.attempts_for(&address).len(), 1, "{fault}: tried again too early");
        test.advance(TimeDelta::seconds(60)).await;
        assert_eq!(only_mail(&admin).await["status"], "sent", "{fault}");
        test.advance(TimeDelta::days(2)).await;
        assert_eq!(smtp.taken_for(&address).len(), 1, "{fault}: not once");
    }
}

#[actix_web::test]
async fn a_repeat_is_the_same_mail() {
    let smtp = SmtpServer::start("none");
    let test = sending_to(smtp.port, smtp::PASSWORD).await;
    register(&test, "deferred-jo@mail.example").await;
    test.advance(TimeDelta::minutes(2)).await;
    let attempts = smtp.attempts();
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    let header = |attempt: usize, name: &str| attempts[attempt]["headers"][name].as_str().unwrap();
    assert!(header(0, "message-id").starts_with("<mai_") && header(0, "message-id").ends_with("@127.0.0.1>"));
    for name in ["message-id", "date", "subject", "to", "content-type"] {
        assert_eq!(header(0, name), header(1, name), "{name}");
    }
}

#[actix_web::test]
async fn a_fault_of_one_recipient_does_not_hold_up_the_others() {
    let smtp = SmtpServer::start("none");
    let test = sending_to(smtp.port, smtp::PASSWORD).await;
    let faults =
        ["refused", "greylisted", "deferred", "hanging", "dropped", "hanging-2", "hanging-3", "hanging-4"];
    for fault in faults {
        test.post("/api/v1/accounts", &registration(&format!("{fault}-jo@mail.example"))).await.expect(202);
    }
    register(&test, "ada@mail.example").await;
    assert_eq!(smtp.taken_for("ada@mail.example").len(), 1);
    assert_eq!(smtp.attempts().iter().filter(|attempt| attempt["taken"] == true).count(), 1);
}

#[actix_web::test]
async fn a_refused_recipient_is_a_dead_letter_that_an_administrator_can_send_again() {
    let smtp = SmtpServer::start("none");
    let test = sending_to(smtp.port, smtp::PASSWORD).await;
    let (admin, ada) = (administrator(&test).await, member(&test, "ada@mail.example").await);
    register(&test, "refused-jo@mail.example").await;
    test.advance(TimeDelta::days(2)).await;
    assert_eq!(smtp.attempts().len(), 1, "a refusal is final");

    let admin = test.login(&admin.email).await;
    let dead = admin.get("/api/v1/mails?status=dead").await.expect(200).json();
    assert_eq!(dead["items"].as_array().map(Vec::len), Some(1), "{dead}");
    let mail = &dead["items"][0];
    assert_eq!((&mail["kind"], &mail["attempts"]), (&json!("verify_email"), &json!(1)));
    assert_eq!(mail["last_error"], "the mail server refused the mail: 550 5.1.1");
    assert!(!dead.to_string().contains("jo@"), "{dead}");

    let path = format!("/api/v1/mails/{}/requeue", mail["id"].as_str().unwrap());
    let ada = test.login(&ada.email).await;
    ada.get("/api/v1/mails").await.expect_problem(403, "forbidden");
    ada.act(&path).await.expect_problem(403, "forbidden");
    admin.act(&path).await.expect(204);
    test.settle().await;
    assert_eq!(smtp.taken_for("refused-jo@mail.example").len(), 1);
    assert_eq!(only_mail(&admin).await["status"], "sent");
    admin.act(&path).await.expect_problem(409, "invalid_transition");
}

#[actix_web::test]
async fn a_server_that_is_away_gets_its_mails_when_it_is_back() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let test = sending_to(port, smtp::PASSWORD).await;
    let admin = administrator(&test).await;
    register(&test, "jo@mail.example").await;
    assert_eq!(only_mail(&admin).await["status"], "pending");
    let smtp = SmtpServer::start_at("none", port);
    test.advance(TimeDelta::minutes(2)).await;
    assert_eq!(smtp.taken_for("jo@mail.example").len(), 1);
    assert_eq!(only_mail(&admin).await["attempts"], 2);
}

#[actix_web::test]
async fn a_wrong_password_of_ours_is_no_fault_of_the_mail() {
    let smtp = SmtpServer::start("none");
    let test = sending_to(smtp.port, "wrong").await;
    let admin = administrator(&test).await;
    register(&test, "jo@mail.example").await;
    let mail = only_mail(&admin).await;
    assert_eq!(mail["status"], "pending");
    assert!(mail["last_error"].as_str().unwrap().contains("535"), "{mail}");
    assert!(smtp.attempts().is_empty());
}

#[actix_web::test]
async fn an_announcement_can_be_ended_with_one_click() {
    let smtp = SmtpServer::start("none");
    let test = sending_to(smtp.port, smtp::PASSWORD).await;
    let (admin, staff) = (administrator(&test).await, member(&test, "staff@mail.example").await);
    let follower = member(&test, "follower@mail.example").await;
    let id = staff.profile(&hub()).await;
    admin.act(&format!("/api/v1/profiles/{id}/approve")).await.expect(200);
    follower.put(&format!("/api/v1/profiles/{id}/follow")).await.expect(204);
    announce(&staff, &id).await;
    let mails = smtp.taken_for("follower@mail.example");
    assert_eq!(mails.len(), 1, "{mails:?}");
    let headers = &mails[0]["headers"];
    assert_eq!(headers["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
    let address = headers["list-unsubscribe"].as_str().unwrap();
    assert!(address.starts_with("<http://127.0.0.1:8080/links/unfollow?token="), "{address}");
    for mail in smtp.taken_for("staff@mail.example") {
        assert!(mail["headers"].get("list-unsubscribe").is_none(), "{mail}");
    }

    let click = test.request(Method::POST, &link(address));
    let click = click.header("content-type", "application/x-www-form-urlencoded");
    test.send(click.body("List-Unsubscribe=One-Click")).await.expect(200);
    announce(&staff, &id).await;
    assert_eq!(smtp.taken_for("follower@mail.example").len(), 1);
}

/// Publishes an event of the hub.
async fn announce(staff: &Member<'_>, hub: &str) {
    let event = json!({
        "profile": hub, "title": { "en": "Test before invest" }, "description": { "en": "A day in the laboratory." },
        "languages": ["en"], "format": "online", "zone": "Europe/Vienna",
        "starts_at": "2026-12-01T08:00:00Z", "ends_at": "2026-12-01T15:00:00Z", "url": "https://hub.example/day"
    });
    let created = staff.post("/api/v1/events", &event).await.expect(201);
    staff.act(&format!("{}/publish", created.header("location"))).await.expect(200);
    staff.test.settle().await;
}

/// The program as a process that sends over TLS. It takes `SSL_CERT_FILE` at its start, so no test can set it in its own.
fn sending_encrypted(smtp: &SmtpServer, security: &str) -> House {
    House::new()
        .with("MAIL_TRANSPORT", "smtp")
        .with("SMTP_HOST", "localhost")
        .with("SMTP_PORT", &smtp.port.to_string())
        .with("SMTP_SECURITY", security)
        .with("SMTP_USERNAME", smtp::USER)
        .with("SMTP_PASSWORD", smtp::PASSWORD)
}

async fn register_at(server: &Server) {
    let request = server.request(Method::POST, "/api/v1/accounts").json(&registration("jo@mail.example"));
    Answer::of(request).await.unwrap().expect(202);
}

#[actix_web::test]
async fn mail_leaves_encrypted_to_a_server_whose_authority_is_trusted() {
    for security in ["starttls", "tls"] {
        let smtp = SmtpServer::start(security);
        let house = sending_encrypted(&smtp, security);
        let house = house.with_variable("SSL_CERT_FILE", &smtp.authority().display().to_string());
        let server = house.serve();
        register_at(&server).await;
        eventually("the mail arrived", || !smtp.attempts().is_empty()).await;
        let mails = smtp.taken_for("jo@mail.example");
        assert_eq!(mails.len(), 1, "{security}: {mails:?}");
        assert_eq!(mails[0]["encrypted"], true, "{security}");
        eventually("it was noted", || server.log().contains("(verify_email), attempt 1: sent")).await;
        assert!(!server.log().contains("jo@"), "an address is in the log: {}", server.log());
    }
}

#[actix_web::test]
async fn nothing_is_said_to_a_server_that_nobody_vouches_for() {
    for security in ["starttls", "tls"] {
        let smtp = SmtpServer::start(security);
        let house = sending_encrypted(&smtp, security);
        let server = house.serve();
        register_at(&server).await;
        eventually("it was tried", || server.log().contains("attempt 1: tried again in")).await;
        assert!(server.log().contains("certificate verify failed"), "{}", server.log());
        assert!(smtp.attempts().is_empty(), "{security}");
    }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[actix_web::test]
async fn a_folder_that_cannot_be_written_gets_its_mails_when_it_can() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("mails");
    std::fs::write(&folder, "a file is in the way").unwrap();
    let test = writing_to(&folder).await;
    let admin = administrator(&test).await;
    register(&test, "jo@mail.example").await;
    let mail = only_mail(&admin).await;
    assert_eq!(mail["status"], "pending");
    assert!(mail["last_error"].as_str().unwrap().starts_with("the mail folder: "), "{mail}");
    std::fs::remove_file(&folder).unwrap();
    test.advance(TimeDelta::minutes(2)).await;
    assert_eq!(files(&folder), [format!("{}.eml", mail["id"].as_str().unwrap())]);
}

/// A file system of 16 KiB. Only root can make one.
struct TinyDisk(PathBuf);

impl TinyDisk {
    fn mount(folder: PathBuf) -> Option<TinyDisk> {
        std::fs::create_dir(&folder).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"]).arg(&folder);
        command.status().is_ok_and(|status| status.success()).then_some(TinyDisk(folder))
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[actix_web::test]
async fn a_full_disk_gets_its_mails_when_there_is_room() {
    let parent = tempfile::tempdir().unwrap();
    let Some(disk) = TinyDisk::mount(parent.path().join("disk")) else {
        eprintln!("skipped: only root can mount a disk that is small enough to be filled");
        return;
    };
    let (filler, test) = (disk.0.join("filler"), writing_to(&disk.0).await);
    std::fs::write(&filler, [0; 16 * 1024]).unwrap();
    let admin = administrator(&test).await;
    register(&test, "jo@mail.example").await;
    let mail = only_mail(&admin).await;
    assert_eq!(mail["status"], "pending");
    assert!(mail["last_error"].as_str().unwrap().contains("No space left"), "{mail}");
    assert_eq!(files(&disk.0), ["filler"], "nothing half written stays");
    std::fs::remove_file(&filler).unwrap();
    test.advance(TimeDelta::minutes(2)).await;
    let name = format!("{}.eml", mail["id"].as_str().unwrap());
    assert_eq!(files(&disk.0), std::slice::from_ref(&name));
    assert!(std::fs::read_to_string(disk.0.join(name)).unwrap().contains("To: "));
}
