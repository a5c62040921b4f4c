//! The contract for people: `/openapi.yaml`, `/docs`, and a page for every problem code.

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::codes::Code;
use super::contract::Contract;
use super::problem::Problem;

/// Renders the contract from the binary itself.
pub fn swagger_ui(api: OpenApi) -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}")
        .url("/openapi.json", api)
        .config(Config::default().try_it_out_enabled(true))
}

#[utoipa::path(
    tag = "operation",
    summary = "Read the contract",
    description = "This document, as YAML. `/docs` shows it for reading and trying.",
    responses((status = 200, description = "The contract", content_type = "application/yaml", body = Object))
)]
#[get("/openapi.yaml")]
pub async fn read_contract(contract: web::Data<Contract>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/yaml"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(contract.yaml().to_owned())
}

#[utoipa::path(
    tag = "operation",
    summary = "Explain a problem code",
    description = "What a failure's `type` points to: what the code means and how to mend it.",
    params(("code" = String, Path, description = "A code of the table", max_length = 60)),
    responses((status = 200, description = "The explanation", content_type = "text/plain", body = String))
)]
#[get("/problems/{code}")]
pub async fn explain_problem(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    let known = Code::ALL.iter().find(|known| known.code() == code.as_str());
    let code = known.ok_or_else(|| Problem::of(Code::NotFound))?;
    let text = format!(
        "{}\n\n{}\nStatus {}.\n\n{}\n",
        code.code(),
        code.title(),
        code.status().as_u16(),
        code.mend()
    );
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(text))
}
