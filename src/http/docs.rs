//! The contract for people: `/openapi.yaml`, `/docs`, and a page for every problem code.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::codes::Code;
use super::conditional;
use super::contract::Contract;
use super::html::{self, Block};
use super::problem::{MEDIA_TYPE, Problem};

/// Renders the contract from the binary itself.
pub fn swagger_ui(contract: &Contract) -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}")
        .external_url_unchecked("/openapi.json", contract.json().clone())
        .config(Config::default().try_it_out_enabled(true).deep_linking(true))
}

#[utoipa::path(
    tag = "start here",
    summary = "Read the contract",
    description = "This document, as YAML. `/docs` shows it for reading and trying.\n\n**Rights:** anybody.",
    responses((status = 200, description = "The contract; `ETag` is its version", content_type = "application/yaml",
        body = Object, headers(("ETag"))))
)]
#[get("/openapi.yaml")]
pub async fn read_contract(request: HttpRequest, contract: web::Data<Contract>) -> HttpResponse {
    let known = conditional::is_known(&request, contract.etag());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, contract.etag()))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"));
    if known {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, "application/yaml")).body(contract.yaml().to_owned())
}

#[utoipa::path(
    tag = "start here",
    summary = "List the problem codes",
    description = "A page with every code that a failure can have, each with a link to its \
        explanation.\n\n**Rights:** anybody.",
    responses((status = 200, description = "The page", content_type = "text/html", body = String))
)]
#[get("/problems")]
pub async fn list_problems() -> HttpResponse {
    let links = Code::ALL.iter().map(|code| {
        let about = format!("{}: {}", code.status().as_u16(), code.title());
        (format!("/problems/{}", code.code()), code.code().to_owned(), about)
    });
    let intro = "Every failure is `application/problem+json` (RFC 9457) with one of these codes.".to_owned();
    html::explanation("Problem codes", &[Block::Text(intro), Block::Links(links.collect())])
}

#[utoipa::path(
    tag = "start here",
    summary = "Explain a problem code",
    description = "The page that a failure's `type` points to: what the code means, an example, how to mend it, and which \
        operations can answer it.\n\n**Rights:** anybody.",
    params(("code" = String, Path, description = "A code of the table", max_length = 60)),
    responses((status = 200, description = "The page", content_type = "text/html", body = String))
)]
#[get("/problems/{code}")]
pub async fn explain_problem(
    code: web::Path<String>,
    contract: web::Data<Contract>,
) -> Result<HttpResponse, Problem> {
    let code = Code::named(&code).ok_or_else(|| Problem::of(Code::NotFound))?;
    let example = serde_json::to_string_pretty(&Problem::example(code)).map_err(Problem::internal)?;
    let blocks = [
        Block::Text(format!("`{}`, status {}", code.code(), code.status().as_u16())),
        Block::Heading("What it means"),
        Block::Text(code.meaning().to_owned()),
        Block::Heading("How to mend it"),
        Block::Text(code.mend().to_owned()),
        Block::Heading("An example"),
        Block::Verbatim(example),
        Block::Heading("Which operations answer it"),
        answering(contract.json(), code),
        Block::Heading("All codes"),
        Block::Links(vec![(
            "/problems".to_owned(),
            "/problems".to_owned(),
            "What else can go wrong".to_owned(),
        )]),
    ];
    Ok(html::explanation(code.title(), &blocks))
}

/// The operations that document the code.
fn answering(api: &Value, code: Code) -> Block {
    let example = format!(
        "/responses/{}/content/{}/examples/{}",
        code.status().as_str(),
        MEDIA_TYPE.replace('/', "~1"),
        code.code()
    );
    let paths = api.get("paths").and_then(Value::as_object).into_iter().flatten();
    let operations: Vec<_> = paths
        .filter_map(|(path, item)| Some((path, item.as_object()?)))
        .flat_map(|(path, item)| item.iter().map(move |(method, operation)| (path, method, operation)))
        .filter(|(.., operation)| operation.get("operationId").is_some())
        .collect();
    let links: Vec<_> = operations
        .iter()
        .filter(|(.., operation)| operation.pointer(&example).is_some())
        .map(|(path, method, operation)| link(path, method, operation))
        .collect();
    match links.len() {
        0 => Block::Text("It belongs to none: a request can meet it at any address.".to_owned()),
        all if all == operations.len() => Block::Text("Every one.".to_owned()),
        _ => Block::Links(links),
    }
}

/// Where the operation stands in `/docs`, its method and path, and its summary.
fn link(path: &str, method: &str, operation: &Value) -> (String, String, String) {
    let text = |pointer: &str| operation.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let address = format!("/docs/#/{}/{}", text("/tags/0").replace(' ', "%20"), text("/operationId"));
    (address, format!("{} {path}", method.to_uppercase()), text("/summary").to_owned())
}
