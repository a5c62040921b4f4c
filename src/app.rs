//! The composition root: the parts of the service, made once and given to whoever names them; the same for `main` and
//! for the tests.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as Actix, Error, web};
use chrono::{DateTime, Utc};
use search_index::matching::Matcher;
use search_index::{Analysis, Index, Searcher, WriterOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::scope::scope;

use crate::accounts::{self, Passwords, Tokens};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Conn, Db, DbError, FEED_KEPT};
use crate::events::routes::DateOrTime;
use crate::http::capacity::{Capacity, admit};
use crate::http::connection::{Patience, attend};
use crate::http::contract::{Contract, ContractError};
use crate::http::limits::{Limits, limit};
use crate::http::negotiation::negotiate;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::{
    docs, examples, failures, headers, idempotency, notes, origins, patches, request, schemas, server, text,
};
use crate::ids::ProfileId;
use crate::import::{Importer, Report};
use crate::indexing::Follower;
use crate::introductions::{Introduced, Reasons};
use crate::mail::{Composer, Letter, Mailer, MailerError, Queued, Transport};
use crate::matching::MatchReasons;
use crate::operation::{self, Metrics, measure};
use crate::profiles::{Acquaintances, Belongings};
use crate::search::Documents;
use crate::search::routes::{Facet, SortBy};
use crate::{events, introductions, matching, needs, offerings, profiles, search, vocabulary};

/// How often what has run out is looked for.
const UPKEEP: Duration = Duration::from_secs(60);

/// Why the service can't be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("database: {0}")]
    Database(#[from] DbError),
    #[error("search index: {0}")]
    Index(#[from] search_index::IndexError),
    #[error("imported concepts: {0}")]
    Concepts(#[from] vocabulary::ImportError),
    #[error("vocabulary: {0}")]
    Vocabulary(#[from] search_index::VocabularyError),
    #[error("reasons: {0}")]
    Reasons(#[from] search_index::matching::ReasonsError),
    #[error(transparent)]
    Accounts(#[from] accounts::AccountError),
    #[error("mail: {0}")]
    Mail(#[from] MailerError),
    #[error(transparent)]
    Contract(#[from] ContractError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot serve: {0}")]
    Serve(#[from] std::io::Error),
}

/// The parts of the service. Cheap to clone; every clone is the same service.
#[derive(Clone)]
pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub db: Db,
    pub tokens: Tokens,
    pub searcher: Searcher,
    pub follower: Arc<Follower>,
    pub mailer: Arc<Mailer>,
    pub matcher: Arc<Matcher>,
    analysis: Arc<Analysis>,
    contract: Arc<Contract>,
    passwords: Passwords,
    limits: Limits,
    capacity: Capacity,
    metrics: Metrics,
}

impl App {
    /// Connects to the database, brings it up to date and opens the index. Nothing runs yet.
    pub fn open(config: Config, clock: Clock, transport: Transport) -> Result<App, AppError> {
        let db = Db::connect(&config.database_url, config.database_connections)?;
        for migration in db.migrate()? {
            log::info!("migrated: {migration}");
        }
        let now = clock.now();
        let (issuer, lifetime) = (config.public_url.to_string(), config.access_token_lifetime);
        let tokens = db.write_now(move |conn| Tokens::load(conn, now, &issuer, lifetime))?;
        db.write_now(move |conn| crate::db::incarnation(conn, now))?;
        let imported = db.read_now(vocabulary::imported)?;
        let analysis = Analysis::extended(imported)?;
        let index = Index::open(&config.index_folder, Arc::clone(&analysis), WriterOptions::default())?;
        let searcher = index.searcher();
        let follower = Follower::new(db.clone(), Arc::new(index), Arc::new(Documents), clock.clone());
        let composer = Arc::new(Letters { tokens: tokens.clone() });
        let mailer = Mailer::new(db.clone(), clock.clone(), composer, transport, &config)?;
        Ok(App {
            limits: Limits::new(config.requests_per_minute, config.secrets_per_minute, config.behind_proxy),
            capacity: Capacity::new(config.requests_at_once, config.client_timeout),
            contract: Arc::new(Contract::new(&openapi())?),
            matcher: Arc::new(Matcher::new(Arc::clone(&analysis))?),
            analysis,
            passwords: Passwords::default(),
            metrics: Metrics::new()?,
            follower: Arc::new(follower),
            mailer: Arc::new(mailer),
            config,
            clock,
            db,
            tokens,
            searcher,
        })
    }

    /// Imports JSON Lines of one source; `progress` hears how many lines are done.
    pub fn import(&self, source: &str, text: &str, progress: &dyn Fn(usize)) -> Result<Report, DbError> {
        let importer = Importer {
            db: self.db.clone(),
            contract: Arc::clone(&self.contract),
            source: source.to_owned(),
            clock: self.clock.clone(),
        };
        Arc::new(importer).run(text, progress)
    }

    /// Serves HTTP at the configured address; the answer is the running server and where it listens.
    pub fn serve(&self, workers: usize) -> Result<(Server, std::net::SocketAddr), AppError> {
        let (app, listen) = (self.clone(), self.config.listen);
        let patience = Patience { client: self.config.client_timeout, keep_alive: self.config.keep_alive };
        let settings = server::Settings { listen, workers, patience };
        server::listen(settings, move || app.http())
            .map_err(|fault| std::io::Error::new(fault.kind(), format!("{listen}: {fault}")).into())
    }

    /// Starts what works behind the answers: indexing, mail, upkeep. It ends when `stop` says so.
    pub fn start_background(&self, stop: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        vec![
            tokio::spawn(Arc::clone(&self.follower).run(stop.clone())),
            tokio::spawn(Arc::clone(&self.mailer).run(stop.clone())),
            tokio::spawn(self.clone().keep_up(stop.clone())),
        ]
    }

    async fn keep_up(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let now = self.clock.now();
            upkeep(&self.db, now).await;
            self.limits.tidy();
            tokio::select! {
                () = tokio::time::sleep(UPKEEP) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Where introductions take their sentence from.
    fn reasons(&self) -> Arc<dyn Reasons> {
        Arc::new(MatchReasons {
            db: self.db.clone(),
            matcher: Arc::clone(&self.matcher),
            searcher: self.searcher.clone(),
        })
    }

    /// One worker's application: middleware, shared parts, routes.
    fn http(
        &self,
    ) -> Actix<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        let (app, _) = routed(Actix::new());
        app.service(docs::swagger_ui(&self.contract))
            .default_service(web::to(request::unrouted))
            .app_data(web::PayloadConfig::new(self.config.body_limit))
            .app_data(web::PathConfig::default().error_handler(request::unreadable_path))
            .app_data(web::FormConfig::default().limit(4096))
            .app_data(web::Data::new(self.config.clone()))
            .app_data(web::Data::new(self.clock.clone()))
            .app_data(web::Data::new(self.db.clone()))
            .app_data(web::Data::new(self.tokens.clone()))
            .app_data(web::Data::new(self.passwords.clone()))
            .app_data(web::Data::new(self.limits.clone()))
            .app_data(web::Data::new(self.capacity.clone()))
            .app_data(web::Data::new(self.metrics.clone()))
            .app_data(web::Data::new(self.searcher.clone()))
            .app_data(web::Data::new(self.follower.progress()))
            .app_data(web::Data::from(self.reasons()))
            .app_data(web::Data::from(Arc::new(Introduced) as Arc<dyn Acquaintances>))
            .app_data(web::Data::new(BELONGINGS))
            .app_data(web::Data::from(Arc::clone(&self.analysis)))
            .app_data(web::Data::from(Arc::clone(&self.matcher)))
            .app_data(web::Data::from(Arc::clone(&self.contract)))
            .wrap(Compress::default())
            .wrap(from_fn(negotiate))
            .wrap(from_fn(admit))
            .wrap(from_fn(limit))
            // Around all that may refuse, so that pages of allowed origins can read a refusal too.
            .wrap(origins::allow(&self.config.allowed_origins))
            .wrap(from_fn(origins::refuse))
            .wrap(from_fn(measure))
            .wrap(from_fn(request::trace))
            .wrap(from_fn(attend))
    }
}

/// All routes, and the contract that they make.
fn routed<T>(app: Actix<T>) -> (Actix<T>, utoipa::openapi::OpenApi)
where
    T: ServiceFactory<ServiceRequest, Config = (), Error = Error, InitError = ()>,
{
    app.into_utoipa_app()
        .openapi(Info::openapi())
        .service(
            scope("/api/v1")
                .configure(accounts::routes::configure)
                .configure(profiles::routes::configure)
                .configure(needs::routes::configure)
                .configure(offerings::routes::configure)
                .configure(events::routes::configure)
                .configure(introductions::routes::configure)
                .configure(vocabulary::routes::configure)
                .configure(search::routes::configure)
                .configure(matching::routes::configure)
                .configure(operation::routes::configure),
        )
        .configure(accounts::links::configure)
        .configure(events::links::configure)
        .configure(introductions::links::configure)
        .configure(operation::routes::configure_root)
        .service(accounts::routes::read_public_keys)
        .service(docs::read_contract)
        .service(docs::list_problems)
        .service(docs::explain_problem)
        .split_for_parts()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "aihub",
        description = include_str!("contract.md"),
        license(name = "MIT", identifier = "MIT")
    ),
    servers((url = "/", description = "This service")),
    tags(
        (name = "start here", description = "What a newcomer needs first: whether the service is there, this contract, \
            and what a failure means. Then the main path: register, verify, profile, need, matches, introduction."),
        (name = "accounts", description = "Register, verify the e-mail address, log in, stay logged in, log out."),
        (name = "profiles", description = "Who takes part: start-ups, mentors, hubs, factories, organisations, talents; and \
            who manages them."),
        (name = "needs", description = "Concrete things that a profile seeks."),
        (name = "offerings", description = "Concrete things that a profile offers."),
        (name = "vocabulary", description = "The concepts that name what people know, seek and offer: as a tree, by what is \
            typed, and in a text."),
        (name = "search", description = "Find by words and filters, in any language."),
        (name = "matching", description = "Find by fit, in both directions, with reasons."),
        (name = "introductions", description = "Meet, once both sides agree; contact details are shown to nobody before."),
        (name = "events", description = "Dated offerings of hubs, and who follows them."),
        (name = "mail", description = "What was sent, and the pages behind the links in it."),
        (name = "administration", description = "Approve hubs and factories, take profiles down."),
        (name = "operation", description = "Readiness, metrics and keys, for those who run the service.")
    ),
    // What only parameters name is not found by itself.
    components(schemas(ProblemBody, DateOrTime, Facet, SortBy))
)]
struct Info;

/// The contract, as `openapi.yaml` shows it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    finished(routed(Actix::new()).1)
}

fn finished(mut api: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    failures::document(&mut api);
    headers::document(&mut api);
    idempotency::document(&mut api);
    patches::document(&mut api);
    text::document(&mut api);
    examples::document(&mut api);
    schemas::simplify(&mut api);
    notes::document(&mut api);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    api
}

/// One round of upkeep: ends what has run out and forgets what nobody needs any more. Each kind of work is a transaction
/// of its own, so that one that fails stops no other.
pub async fn upkeep(db: &Db, now: DateTime<Utc>) {
    type Work = fn(&mut Conn, DateTime<Utc>) -> Result<(), Problem>;
    let works: [(&str, Work); 8] = [
        ("profiles", |conn, now| Ok(profiles::keep_fresh(conn, now, BELONGINGS).map(drop)?)),
        ("needs", |conn, now| Ok(needs::expire_due(conn, now).map(drop)?)),
        ("offerings", |conn, now| Ok(offerings::expire_due(conn, now).map(drop)?)),
        ("events", |conn, now| Ok(events::hold_due(conn, now).map(drop)?)),
        ("introductions", |conn, now| Ok(introductions::expire_due(conn, now).map(drop)?)),
        ("sessions", |conn, now| Ok(accounts::forget_expired(conn, now).map(drop)?)),
        ("idempotency keys", |conn, now| Ok(idempotency::forget_old(conn, now)?)),
        ("change feed", |conn, now| Ok(crate::db::trim(conn, now - FEED_KEPT).map(drop)?)),
    ];
    for (what, work) in works {
        if let Err(fault) = db.write(move |conn| work(conn, now)).await {
            log::error!("upkeep of {what}: {fault}");
        }
    }
}

/// What everybody sees only while its profile is published, as all domains have it.
const BELONGINGS: Belongings = Belongings(|conn: &mut Conn, now: DateTime<Utc>, profile: &ProfileId| {
    needs::seen_or_hidden(conn, now, profile)?;
    offerings::seen_or_hidden(conn, now, profile)?;
    events::seen_or_hidden(conn, now, profile)?;
    introductions::seen_or_hidden(conn, now, profile)
});

/// Makes every mail, by asking the domain that it is about.
struct Letters {
    tokens: Tokens,
}

impl Composer for Letters {
    fn compose(
        &self,
        conn: &mut Conn,
        now: DateTime<Utc>,
        mail: &Queued,
    ) -> Result<Option<Letter>, Box<dyn std::error::Error + Send + Sync>> {
        let Some(account) = accounts::find(conn, &mail.account)? else { return Ok(None) };
        let domain = mail.kind.split('_').next().unwrap_or_default();
        Ok(match domain {
            "profile" => profiles::compose(conn, &account, mail)?,
            "event" => events::compose(conn, now, &self.tokens, &account, mail)?,
            "introduction" => introductions::compose(conn, now, &self.tokens, &account, mail)?,
            _ => accounts::compose(conn, now, &self.tokens, &account, mail)?,
        })
    }
}

/// How many threads answer requests.
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
