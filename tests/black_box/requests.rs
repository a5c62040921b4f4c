//! What holds for every request, at every operation of the contract: methods, acceptable answers, query parameters, sizes
//! and types of bodies, headers.
use std::collections::BTreeSet;
use std::io::Read;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{Reply, TestApp, mentor};
use crate::operations::{CONTRACT, Operation, World, operations, operations_of};

#[actix_web::test]
async fn failures_of_the_framework_are_problems_too() {
    let test = TestApp::start().await;
    test.get("/nowhere").await.expect_problem(404, "route_not_found");
    test.send(test.request(Method::OPTIONS, "/nowhere")).await.expect_problem(404, "route_not_found");
    test.get("/api/v1/profiles/evt_01JDBQZ5W0V6P8R3K2M9XE4T7N").await.expect_problem(404, "not_found");
    test.get("/api/v1/profiles?limit=1000").await.expect_problem(400, "malformed_query");
    test.get("/api/v1/profiles?cursor=%00").await.expect_problem(400, "malformed_query");
    let post = |body: &'static str, kind: &'static str| {
        test.send(test.request(Method::POST, "/api/v1/sessions").header("content-type", kind).body(body))
    };
    post("{", "application/json").await.expect_problem(400, "malformed_json");
    post("\u{feff}{}", "application/json").await.expect_problem(400, "malformed_json");
    let problem = post("{}", "application/json").await.expect_problem(422, "invalid_fields");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "{problem}");
}

#[actix_web::test]
async fn every_path_answers_every_method_as_the_contract_says() {
    let test = TestApp::start().await;
    let all = operations();
    let paths: BTreeSet<&str> = all.iter().map(|operation| operation.path.as_str()).collect();
    for path in paths {
        let here: Vec<&Operation> = all.iter().filter(|operation| operation.path == path).collect();
        let mut allowed: BTreeSet<&str> = here.iter().map(|operation| operation.method.as_str()).collect();
        allowed.insert("OPTIONS");
        if allowed.contains("GET") {
            allowed.insert("HEAD");
        }
        let allow = allowed.iter().copied().collect::<Vec<_>>().join(", ");
        let address = here[0].address_of_nothing();
        for method in
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"]
        {
            let reply = test.send(test.request(method.parse().unwrap(), &address)).await;
            let place = format!("{method} {address}: {}", reply.text);
            if method == "OPTIONS" {
                assert_eq!(reply.status, 204, "{place}");
                assert_eq!(reply.header("allow"), allow, "{place}");
            } else if allowed.contains(method) {
                assert_ne!(reply.status, 405, "{place}");
                assert!(!reply.text.contains("\"route_not_found\""), "{place}");
            } else {
                assert_eq!(reply.status, 405, "{place}");
                assert_eq!(reply.header("allow"), allow, "{place}");
                if method != "HEAD" {
                    reply.expect_problem(405, "method_not_allowed");
                }
            }
        }
    }
}

/// Headers that differ from one answer to the next.
const FLEETING: [&str; 3] = ["date", "x-request-id", "ratelimit"];

#[actix_web::test]
async fn head_answers_as_get_does_without_the_body() {
    let test = TestApp::start().await;
    let world = World::fill(&test).await;
    let lasting = |reply: &Reply| {
        let mut headers: Vec<_> =
            reply.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        headers.retain(|(name, _)| !FLEETING.contains(&name.as_str()));
        headers.sort();
        headers
    };
    for operation in operations_of(Method::GET) {
        let get = test.send(world.request(&operation)).await;
        let head = test.send(world.admin.request(Method::HEAD, &world.address(&operation))).await;
        assert_eq!(head.status, get.status, "{operation}");
        assert!(head.text.is_empty() && !get.text.is_empty(), "{operation}");
        // It tells how many requests there were, so its length changes with them.
        if operation.path != "/metrics" {
            assert_eq!(lasting(&head), lasting(&get), "{operation}");
            assert_eq!(get.header("content-length"), get.text.len().to_string(), "{operation}");
        }
    }
    let raw = raw(&test, "HEAD /openapi.yaml HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(
        raw.starts_with("HTTP/1.1 200") && raw.ends_with("\r\n\r\n"),
        "nothing follows the headers: {raw}"
    );
    assert_eq!(raw.matches("\r\n\r\n").count(), 1);
}

/// Sends these bytes and reads until the server closes the connection.
async fn raw(test: &TestApp, request: &str) -> String {
    let mut stream = TcpStream::connect(test.base.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[actix_web::test]
async fn what_the_sender_cannot_accept_is_refused_everywhere() {
    let test = TestApp::start().await;
    for operation in operations() {
        let address = operation.address_of_nothing();
        let send = |accept: String| {
            test.send(test.request(operation.method.clone(), &address).header("accept", accept))
        };
        let possible = operation.media_types();
        for accept in ["*/*", "application/problem+json", "image/png, */*;q=0.1", "nonsense", ""] {
            assert_ne!(send(accept.to_owned()).await.status, 406, "{operation} as {accept}");
        }
        for media_type in &possible {
            assert_ne!(send(media_type.clone()).await.status, 406, "{operation} as {media_type}");
        }
        let refused: Vec<_> = possible.iter().map(|media_type| format!("{media_type};q=0")).collect();
        for accept in ["image/png".to_owned(), refused.join(", ")] {
            let reply = send(accept).await;
            if possible.is_empty() {
                assert_ne!(reply.status, 406, "{operation}");
                continue;
            }
            let problem = reply.expect_problem(406, "not_acceptable");
            let detail = problem["detail"].as_str().unwrap();
            assert!(possible.iter().all(|media_type| detail.contains(media_type)), "{detail}");
        }
    }
}

#[actix_web::test]
async fn unknown_query_parameters_are_refused_everywhere() {
    let test = TestApp::start().await;
    for operation in operations() {
        let known = operation.parameters("query");
        let address = format!("{}?no_such_parameter=1", operation.address_of_nothing());
        let problem = test.send(test.request(operation.method.clone(), &address)).await;
        let problem = problem.expect_problem(400, "malformed_query");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("`no_such_parameter`"), "{operation}: {detail}");
        assert!(known.iter().all(|name| detail.contains(name.as_str())), "{operation}: {detail}");
    }
}

#[actix_web::test]
async fn a_number_without_a_value_is_refused_everywhere() {
    let test = TestApp::start().await;
    let paged = |operation: &Operation| operation.parameters("query").iter().any(|name| name == "limit");
    for operation in operations().into_iter().filter(paged) {
        let address = format!("{}?limit=", operation.address_of_nothing());
        let problem = test.send(test.request(operation.method.clone(), &address)).await;
        let problem = problem.expect_problem(400, "malformed_query");
        assert!(
            problem["detail"].as_str().unwrap().starts_with("`limit` has no value"),
            "{operation}: {problem}"
        );
    }
}

/// A body of this size that can be read as its type.
fn body(media_type: &str, size: usize) -> String {
    let around = if media_type.contains("json") { r#"{"x":""}"# } else { "token=" };
    let filler = "x".repeat(size - around.len());
    let body = if media_type.contains("json") {
        format!(r#"{{"x":"{filler}"}}"#)
    } else {
        format!("token={filler}")
    };
    assert_eq!(body.len(), size);
    body
}

#[actix_web::test]
async fn the_body_limit_holds_to_the_byte_at_every_operation_with_a_body() {
    let test = TestApp::start_with(|config| config.body_limit = 2048).await;
    let admin = test.administrator().await;
    let mut tried = 0;
    for operation in operations() {
        let Some(media_type) = operation.body_type() else { continue };
        // Forms are sent by our own pages, which are small.
        let limit = if media_type.contains("json") { 2048 } else { 4096 };
        let send = |size: usize| {
            let request = admin.request(operation.method.clone(), &operation.address_of_nothing());
            let request = request.header("if-match", "*").header("content-type", &media_type);
            test.send(request.body(body(&media_type, size)))
        };
        let fits = send(limit).await;
        assert!(fits.status.is_client_error() && fits.status != 413, "{operation}: {}", fits.text);
        let problem = send(limit + 1).await.expect_problem(413, "payload_too_large");
        assert!(problem["detail"].as_str().unwrap().contains(&limit.to_string()), "{problem}");
        tried += 1;
    }
    assert!(tried > 25, "{tried}");
    // Nor does it help not to say the length.
    let start = "POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n";
    for (size, status) in [(2048, 422), (2049, 413)] {
        let body = body("application/json", size);
        let answer = raw(&test, &format!("{start}{size:x}\r\n{body}\r\n0\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[actix_web::test]
async fn a_body_of_another_type_is_refused_at_every_operation_with_a_body() {
    let test = TestApp::start().await;
    let admin = test.administrator().await;
    for operation in operations() {
        let Some(media_type) = operation.body_type() else { continue };
        let send = |sent: Option<&str>| {
            let request = admin.request(operation.method.clone(), &operation.address_of_nothing());
            let request = request.header("if-match", "*").body(body(&media_type, 20));
            test.send(match sent {
                Some(sent) => request.header("content-type", sent),
                None => request,
            })
        };
        let other = if media_type.contains("json") {
            "application/x-www-form-urlencoded"
        } else {
            "application/json"
        };
        let wrong =
            [None, Some("text/plain"), Some("multipart/form-data; boundary=x"), Some(other), Some("json")];
        for sent in wrong {
            let reply = send(sent).await;
            assert!(reply.header("accept").contains(&media_type), "{operation}, {sent:?}: {}", reply.text);
            reply.expect_problem(415, "unsupported_media_type");
        }
        for good in [media_type.clone(), format!("{}; charset=utf-8", media_type.to_uppercase())] {
            assert_ne!(send(Some(&good)).await.status, 415, "{operation} as {good}");
        }
    }
}

/// The text behind an encoding, which the client of the tests leaves as it came.
async fn decoded(test: &TestApp, accept: &str) -> (String, String, String) {
    let request = test.request(Method::GET, "/openapi.yaml").header("accept-encoding", accept);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{accept}");
    let header =
        |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_lowercase();
    let (encoding, vary) = (header("content-encoding"), header("vary"));
    let bytes = response.bytes().await.unwrap();
    let mut text = String::new();
    match encoding.as_str() {
        "gzip" => drop(flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap()),
        "deflate" => drop(flate2::read::ZlibDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap()),
        "br" => drop(brotli::Decompressor::new(&bytes[..], 4096).read_to_string(&mut text).unwrap()),
        _ => text = String::from_utf8(bytes.to_vec()).unwrap(),
    }
    (text, encoding, vary)
}

#[actix_web::test]
async fn answers_are_compressed_as_the_sender_accepts() {
    let test = TestApp::start().await;
    let plain = test.get("/openapi.yaml").await.expect(200);
    assert_eq!(plain.header("content-encoding"), "");
    for (accept, expected) in [
        ("gzip", "gzip"),
        ("br", "br"),
        ("deflate", "deflate"),
        ("gzip;q=0.5, br;q=0.9", "br"),
        ("br;q=0, gzip", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("zstd", ""),
        ("identity", ""),
        ("gzip;q=0", ""),
    ] {
        let (text, encoding, vary) = decoded(&test, accept).await;
        assert_eq!(encoding, expected, "{accept}");
        assert_eq!(text, plain.text, "{accept}");
        assert!(expected.is_empty() || vary.contains("accept-encoding"), "{accept}: {vary}");
    }
    for accept in ["identity;q=0", "*;q=0", "identity;q=0, zstd"] {
        let request = test.request(Method::GET, "/openapi.yaml").header("accept-encoding", accept);
        let problem = test.send(request).await.expect_problem(406, "not_acceptable");
        assert!(problem["detail"].as_str().unwrap().contains("gzip"), "{problem}");
    }
}

#[actix_web::test]
async fn what_the_client_has_is_not_sent_again() {
    let test = TestApp::start().await;
    let world = World::fill(&test).await;
    let mut tried = BTreeSet::new();
    for operation in operations_of(Method::GET) {
        let conditional = |tag: &str| test.send(world.request(&operation).header("if-none-match", tag));
        let read = test.send(world.request(&operation)).await;
        let tag = read.header("etag").to_owned();
        assert_eq!(!tag.is_empty(), operation.answers("304"), "{operation}: `{tag}`");
        if tag.is_empty() {
            continue;
        }
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let reply = conditional(&known).await.expect(304);
            assert_eq!(
                (reply.text.as_str(), reply.header("etag")),
                ("", tag.as_str()),
                "{operation}: {known}"
            );
            assert_eq!(reply.header("cache-control"), read.header("cache-control"), "{operation}");
        }
        for unknown in ["\"other\"", "W/\"other\"", "nonsense"] {
            assert_eq!(conditional(unknown).await.expect(200).text, read.text, "{operation}: {unknown}");
        }
        tried.insert(operation.path);
    }
    assert!(tried.contains("/openapi.yaml") && tried.len() >= 6, "{tried:?}");
    let missing = "/api/v1/needs/ned_01JDBQZ5W0V6P8R3K2M9XE4T7N";
    let request = test.request(Method::GET, missing).header("if-none-match", "*");
    test.send(request).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn a_spent_budget_is_told_at_its_border() {
    let test = TestApp::start_with(|config| {
        config.requests_per_minute = 3.try_into().unwrap();
        config.allowed_origins = vec!["https://front.example".to_owned()];
    })
    .await;
    let send = || {
        let request = test.request(Method::GET, "/health/live");
        test.send(request.header("origin", "https://front.example"))
    };
    for (left, seconds) in [(2, 20), (1, 40), (0, 60)] {
        let reply = send().await.expect(200);
        assert_eq!(reply.header("ratelimit-policy"), "\"default\";q=3;w=60");
        assert_eq!(reply.header("ratelimit"), format!("\"default\";r={left};t={seconds}"));
        assert_eq!(reply.header("retry-after"), "");
    }
    let refused = send().await;
    assert_eq!(refused.header("ratelimit-policy"), "\"default\";q=3;w=60");
    assert_eq!(refused.header("ratelimit"), "\"default\";r=0;t=60");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((10..=20).contains(&wait), "a third of a minute brings one request back: {wait}");
    assert_eq!(refused.header("access-control-allow-origin"), "https://front.example", "a page can read it");
    assert!(refused.header("access-control-expose-headers").contains("retry-after"));
    refused.expect_problem(429, "too_many_requests");
}

#[actix_web::test]
async fn guesses_have_a_small_budget_of_their_own() {
    let test = TestApp::start_with(|config| config.secrets_per_minute = 2.try_into().unwrap()).await;
    let login = || async {
        test.post("/api/v1/sessions", &json!({ "email": "ada@example.eu", "password": "x" })).await
    };
    for (left, seconds) in [(1, 30), (0, 60)] {
        let reply = login().await;
        let policy = reply.header("ratelimit-policy").split_once(", ").unwrap().1.to_owned();
        assert_eq!(policy, "\"secrets\";q=2;w=60");
        let state = reply.header("ratelimit").split_once(", ").unwrap().1.to_owned();
        assert_eq!(state, format!("\"secrets\";r={left};t={seconds}"));
        reply.expect_problem(401, "credentials_wrong");
    }
    let refused = login().await;
    assert!(refused.header("ratelimit").ends_with("\"secrets\";r=0;t=60"), "{:?}", refused.headers);
    assert!((20..=30).contains(&refused.header("retry-after").parse().unwrap()));
    refused.expect_problem(429, "too_many_requests");
    assert!(!test.get("/health/live").await.expect(200).header("ratelimit").contains("secrets"));
}

#[actix_web::test]
async fn who_waits_as_long_as_told_is_let_through() {
    let test = TestApp::start_with(|config| config.requests_per_minute = 60.try_into().unwrap()).await;
    let mut refused = None;
    for _ in 0..200 {
        let reply = test.get("/health/live").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("200 requests are more than 60 and what comes back meanwhile");
    assert_eq!(refused.header("retry-after"), "1");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    test.get("/health/live").await.expect(200);
}

#[actix_web::test]
async fn a_preflight_is_answered_for_allowed_origins_only() {
    let origin = "https://front.example";
    let test = TestApp::start_with(|config| config.allowed_origins = vec![origin.to_owned()]).await;
    let preflight = |origin: &'static str, headers: &'static str| {
        let request = test.request(Method::OPTIONS, "/api/v1/search").header("origin", origin);
        let request = request.header("access-control-request-method", "GET");
        test.send(request.header("access-control-request-headers", headers))
    };
    let asked =
        "authorization, content-type, if-match, if-none-match, idempotency-key, index-token, accept-language";
    let answer = preflight(origin, asked).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    for header in asked.split(", ") {
        assert!(answer.header("access-control-allow-headers").to_lowercase().contains(header), "{header}");
    }
    preflight("https://evil.example", "").await.expect_problem(403, "forbidden");
    preflight(origin, "x-made-up").await.expect_problem(400, "malformed_header");
    let read = |origin: &'static str| {
        test.send(test.request(Method::GET, "/api/v1/search").header("origin", origin))
    };
    assert!(read(origin).await.expect(200).header("access-control-expose-headers").contains("index-token"));
    assert_eq!(read("https://evil.example").await.expect(200).header("access-control-allow-origin"), "");
}

#[actix_web::test]
async fn the_first_wanted_language_that_there_is_is_answered_in() {
    let test = TestApp::start().await;
    let claire = test.member("claire@mentor.example").await;
    claire.profile(&mentor()).await;
    test.settle().await;
    let question = json!({ "description": { "text": "Predictive maintenance for spindles" } });
    let mut reasons = Vec::new();
    for wanted in ["de", "fr;q=0.2, de;q=0.9", "xx, de-AT", "fr", "de;q=0.2, fr", "en", "xx", ""] {
        let request = test.request(Method::POST, "/api/v1/matches").header("accept-language", wanted);
        let found = test.send(request.json(&question)).await.expect(200).json();
        reasons.push(found["items"][0]["reason"].as_str().unwrap().to_owned());
    }
    let [german, weighed, regional, french, turned, english, unknown, unsaid] = &reasons[..] else {
        panic!("{reasons:?}")
    };
    assert!(german.contains("vorausschauende Wartung"), "{german}");
    assert!(french.contains("maintenance prédictive"), "{french}");
    assert!(english.contains("predictive maintenance"), "{english}");
    assert_eq!([weighed, regional], [german, german]);
    assert_eq!([turned, unknown, unsaid], [french, english, english]);
}

/// Checks that the answer has the headers that the contract says, and of those that it knows no other.
#[track_caller]
fn as_documented(operation: &Operation, reply: &Reply) {
    let known = CONTRACT["components"]["headers"].as_object().unwrap();
    let status = reply.status.as_u16().to_string();
    let response = &operation.spec["responses"][&status];
    assert!(response.is_object(), "{operation} answers {status}: {}", reply.text);
    let documented = response["headers"].as_object().unwrap();
    for (name, header) in known {
        let there = reply.headers.contains_key(name);
        let place = format!("{operation} {status}: {name}");
        assert!(!there || documented.contains_key(name), "{place} is not documented");
        assert!(there || !documented.contains_key(name) || header["required"] != true, "{place} is missing");
    }
}

#[actix_web::test]
async fn headers_are_as_the_contract_says() {
    let test = TestApp::start().await;
    let world = World::fill(&test).await;
    let patch = json!({}).to_string();
    for operation in operations() {
        let address = operation.address_of_nothing();
        let refused = [
            test.request(operation.method.clone(), &format!("{address}?no_such_parameter=1")),
            test.request(operation.method.clone(), &address).header("accept-encoding", "*;q=0"),
            world.admin.request(operation.method.clone(), &address),
        ];
        for request in refused {
            as_documented(&operation, &test.send(request).await);
        }
        if operation.method == Method::GET {
            as_documented(&operation, &test.send(world.request(&operation)).await);
        }
        if operation.answers("201") {
            for _ in 0..2 {
                let request = world.request(&operation).header("idempotency-key", &operation.path);
                let created = test.send(request.json(&world.body(&operation.path))).await.expect(201);
                assert!(
                    created.header("location").starts_with(&format!("{}/", operation.path)),
                    "{operation}"
                );
                as_documented(&operation, &created);
            }
        }
        if operation.method == Method::PATCH {
            let request = world.request(&operation).header("if-match", "*").body(patch.clone());
            let changed = test.send(request.header("content-type", "application/merge-patch+json")).await;
            as_documented(&operation, &changed.expect(200));
        }
        if operation.takes("query", "cursor") {
            let page = world.admin.get(&format!("{}?limit=1", world.address(&operation))).await.expect(200);
            as_documented(&operation, &page);
        }
    }
}
