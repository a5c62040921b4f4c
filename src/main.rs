//! The commands of `aihub`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aihub::app::{self, App, AppError};
use aihub::clock::Clock;
use aihub::config::{Config, SETTINGS};
use aihub::evaluation;
use aihub::http::yaml;
use aihub::import::Report;
use aihub::mail::Transport;
use aihub::vocabulary::{self, Imported};
use aihub::{accounts, demo};
use clap::{Args, Parser, Subcommand};
use futures_util::future::select_all;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Matchmaking and networking for Europe's AI hubs: start-ups, mentors and hubs find each other, and see why.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Settings {
    /// A TOML file with settings; AIHUB_* variables win over it (see `aihub config`)
    #[arg(long, global = true, env = "AIHUB_CONFIG_FILE", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API; migrates the database and builds the index where that is needed
    Serve,
    /// Load the sample, show a real ranked answer with its reasons, and serve
    Demo,
    /// Bring the database up to date
    Migrate,
    /// Build the search index from nothing
    Reindex,
    /// Import profiles, needs, offerings and events from JSON Lines
    Import {
        /// One JSON object a line; bad lines are named and passed over
        file: PathBuf,
        /// Name of the source, within which keys are unique [default: the file's name]
        #[arg(long)]
        source: Option<String>,
    },
    /// Look after the vocabulary
    #[command(subcommand)]
    Vocabulary(VocabularyCommand),
    /// Rank the queries of a corpus, or read a run, and measure it against judgements
    Evaluate(evaluation::Options),
    /// Print the contract as YAML
    Openapi,
    /// Check the configuration and list every setting with its default and meaning
    Config,
    /// Look after accounts
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Subcommand)]
enum VocabularyCommand {
    /// Import a classification: ESCO's CSV, SKOS in RDF/XML as of EuroVoc, or a simple CSV with the columns key, parent,
    /// language, label, alternatives (parted by |) and description. It takes effect when the service starts again
    Import {
        /// All files of the classification; concepts that they no longer have are invalidated
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Its name, with which the ids of its concepts begin
        #[arg(long)]
        scheme: String,
    },
}

#[derive(Subcommand)]
enum Admin {
    /// Make the verified account with this address an administrator
    Grant { email: String },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    env_logger::Builder::from_env(env_logger::Env::new().filter_or("AIHUB_LOG", "warn,aihub=info"))
        .format_target(false)
        .init();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("aihub: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn Error>> {
    let config = || Config::load(cli.settings.config.as_deref());
    match &cli.command {
        Command::Serve => serve(&open(config()?)?),
        Command::Demo => {
            let app = open(demo::settings(config()?))?;
            let report = demo::load(&app, &Bar::new("sample").of_lines())?;
            print_report(&report);
            reindex(&app)?;
            println!("{}", demo::show(&app)?);
            serve(&app)
        }
        Command::Migrate => migrate(&config()?),
        Command::Reindex => reindex(&open(config()?)?),
        Command::Import { file, source } => import(&open(config()?)?, file, source.as_deref()),
        Command::Vocabulary(VocabularyCommand::Import { files, scheme }) => {
            import_vocabulary(&config()?, files, scheme)
        }
        Command::Evaluate(options) => evaluate(options),
        Command::Config => {
            config()?;
            print_settings();
            Ok(())
        }
        Command::Admin(Admin::Grant { email }) => grant(&open(config()?)?, email),
        Command::Openapi => {
            print!("{}", yaml::of(&app::openapi())?);
            Ok(())
        }
    }
}

fn open(config: Config) -> Result<App, AppError> {
    let transport = Transport::new(&config.mail)?;
    App::open(config, Clock::system(), transport)
}

fn migrate(config: &Config) -> Result<(), Box<dyn Error>> {
    let ran = aihub::db::Db::connect(&config.database_url, 1)?.migrate()?;
    ran.iter().for_each(|name| println!("ran {name}"));
    println!("the database is up to date");
    Ok(())
}

fn reindex(app: &App) -> Result<(), Box<dyn Error>> {
    let bar = Bar::new("index");
    let total = app.follower.rebuild(&mut |kind, read| bar.say(&format!("{kind} {read}")))?;
    bar.end(&format!("{total} rows read"));
    Ok(())
}

fn import(app: &App, file: &Path, source: Option<&str>) -> Result<(), Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|fault| format!("{}: {fault}", file.display()))?;
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let bar = Bar::new("import");
    let report = app.import(source.unwrap_or(&stem), &text, &bar.of_lines())?;
    bar.end("done");
    print_report(&report);
    app.follower.catch_up()?;
    if report.refused.is_empty() {
        Ok(())
    } else {
        Err("some lines were refused; all others were imported".into())
    }
}

fn print_report(report: &Report) {
    for refusal in &report.refused {
        eprintln!("{refusal}");
    }
    let Report { created, updated, unchanged, refused } = report;
    println!("{created} created, {updated} updated, {unchanged} unchanged, {} refused", refused.len());
}

fn import_vocabulary(config: &Config, files: &[PathBuf], scheme: &str) -> Result<(), Box<dyn Error>> {
    let bar = Bar::new("import");
    bar.say("reading");
    let classification = vocabulary::read(files)?;
    let db = aihub::db::Db::connect(&config.database_url, 1)?;
    db.migrate()?;
    let (now, scheme) = (Clock::system().now(), scheme.to_owned());
    bar.say(&format!("writing {} concepts", classification.len()));
    let Imported { created, updated, unchanged, invalidated } =
        db.write_now(move |conn| vocabulary::import(conn, now, &scheme, classification))?;
    bar.end("done");
    println!("{created} created, {updated} updated, {unchanged} unchanged, {invalidated} invalidated");
    println!("the concepts are found in texts when the service starts again and has built its index anew");
    Ok(())
}

fn evaluate(options: &evaluation::Options) -> Result<(), Box<dyn Error>> {
    let bar = Bar::new("evaluate");
    let report = evaluation::evaluate(options, &|message| bar.say(message))?;
    bar.end("done");
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

fn grant(app: &App, email: &str) -> Result<(), Box<dyn Error>> {
    let (now, address) = (app.clock.now(), email.to_owned());
    let granted = app.db.write_now(move |conn| accounts::grant_administrator(conn, now, &address));
    match granted {
        Ok(account) => println!("{} is an administrator; the right holds from the next login", account.email),
        Err(aihub::db::DbError::NotFound) => {
            return Err(format!("no verified account has the address {email}").into());
        }
        Err(fault) => return Err(fault.into()),
    }
    Ok(())
}

fn print_settings() {
    println!(
        "The configuration is valid. Every setting, as a key of the file; in the environment AIHUB_ and capitals:"
    );
    for (name, default, meaning) in SETTINGS {
        println!("  {name} = {default:?}\n      {meaning}");
    }
}

/// Serves until SIGINT or SIGTERM, then stops in order: no new requests, the running ones end, the
/// followers end.
fn serve(app: &App) -> Result<(), Box<dyn Error>> {
    actix_web::rt::System::new().block_on(async {
        let (stop, stopped) = watch::channel(false);
        let background = app.start_background(&stopped);
        let (server, address) = app.serve(app::workers())?;
        let handle = server.handle();
        println!("listening at http://{address}, documentation at http://{address}/docs");
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let server = actix_web::rt::spawn(server);
        let mut background = background;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            // None of them ends by itself: without it the service would look well and not be.
            (ended, ..) = select_all(&mut background) => log::error!("a follower ended: {ended:?}"),
        }
        log::info!("stopping");
        handle.stop(true).await;
        server.await??;
        stop.send(true)?;
        for task in background.into_iter().filter(|task| !task.is_finished()) {
            task.await?;
        }
        Ok(())
    })
}

/// Progress of long work, on a terminal only.
struct Bar(ProgressBar);

impl Bar {
    fn new(what: &'static str) -> Bar {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        Bar(bar)
    }

    fn say(&self, message: &str) {
        self.0.set_message(message.to_owned());
        self.0.tick();
    }

    fn of_lines(&self) -> impl Fn(usize) + '_ {
        |done| self.say(&format!("{done} lines"))
    }

    fn end(&self, message: &str) {
        self.0.finish_with_message(message.to_owned());
    }
}
