//! Settings: defaults, then a TOML file, then `AIHUB_*` variables. All faults are reported at once.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Environment, File, FileFormat};
use lettre::message::Mailbox;
use serde::de::DeserializeOwned;
use url::Url;

/// Everything that an operator may set.
#[derive(Debug, Clone)]
pub struct Config {
    pub database_url: String,
    /// Connections to the database, at most.
    pub database_connections: u32,
    /// Folder of the search index; disposable.
    pub index_folder: PathBuf,
    pub listen: SocketAddr,
    /// How the outside reaches this service; links in mails begin with it.
    pub public_url: Url,
    /// Origins that browsers may call from.
    pub allowed_origins: Vec<String>,
    /// Largest body, in bytes.
    pub body_limit: usize,
    /// How long a client may take to send the head of a request, and then its body.
    pub client_timeout: Duration,
    /// How long a connection on which nothing happens is kept.
    pub keep_alive: Duration,
    /// Requests worked on at the same time; what comes beyond is refused at once.
    pub requests_at_once: usize,
    /// Requests a minute and address.
    pub requests_per_minute: NonZeroU32,
    /// Of those, attempts to log in, verify or reset.
    pub secrets_per_minute: NonZeroU32,
    /// Whether a proxy in front names the client in `X-Forwarded-For`.
    pub behind_proxy: bool,
    pub access_token_lifetime: chrono::TimeDelta,
    pub refresh_token_lifetime: chrono::TimeDelta,
    pub mail: MailConfig,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub struct MailConfig {
    pub transport: MailTransport,
    pub from: Mailbox,
}

impl MailConfig {
    /// Where mails go, for people.
    pub fn place(&self) -> String {
        match &self.transport {
            MailTransport::Folder(folder) => format!("files in {}", folder.display()),
            MailTransport::Smtp(smtp) => format!("sent through {}:{}", smtp.host, smtp.port),
        }
    }
}

#[derive(Debug, Clone)]
pub enum MailTransport {
    /// `.eml` files in a folder.
    Folder(PathBuf),
    Smtp(SmtpConfig),
}

#[derive(Debug, Clone)]
pub struct SmtpConfig {
    pub host: String,
    pub port: u16,
    pub security: SmtpSecurity,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// Begins in plain text and must change to TLS.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// No encryption; for a server on the same machine.
    None,
}

/// A setting that is never printed.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// All that is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is not valid:\n{}", .0.iter().map(|fault| format!("  - {fault}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Every setting: name in the file (`AIHUB_` and capitals in the environment), default, meaning.
pub const SETTINGS: &[(&str, &str, &str)] = &[
    ("database_url", "sqlite://data/aihub.sqlite", "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME"),
    ("database_connections", "16", "connections to the database at most, 1 to 500"),
    ("index_folder", "data/index", "folder of the search index; it can always be rebuilt"),
    ("listen", "127.0.0.1:8080", "address and port to serve at"),
    ("public_url", "http://127.0.0.1:8080", "how the outside reaches the service; used in mails"),
    ("allowed_origins", "", "origins that browsers may call from, separated by commas"),
    ("body_limit_bytes", "65536", "largest request body"),
    (
        "client_timeout_seconds",
        "10",
        "time for a client to send the head of a request, and again for its body, 1 to 300",
    ),
    (
        "keep_alive_seconds",
        "75",
        "life of an idle connection, 1 to 3600; longer than a proxy in front keeps it, or its next request may be lost",
    ),
    (
        "requests_at_once",
        "512",
        "requests worked on at the same time, 1 to 10000; those beyond are told to come again (503)",
    ),
    ("requests_per_minute", "1200", "requests a minute and address"),
    ("secrets_per_minute", "30", "logins, verifications and resets a minute and address"),
    ("behind_proxy", "false", "true where a proxy in front names the client in X-Forwarded-For"),
    ("access_token_minutes", "15", "life of an access token"),
    ("refresh_token_days", "30", "life of a refresh token"),
    ("mail_transport", "folder", "folder or smtp"),
    ("mail_folder", "data/mail", "where the folder transport writes .eml files"),
    ("mail_from", "aihub <aihub@localhost>", "sender of all mails"),
    ("smtp_host", "localhost", "SMTP server"),
    ("smtp_port", "587", "port of the SMTP server"),
    ("smtp_security", "starttls", "starttls, tls or none"),
    ("smtp_username", "", "empty for a server without authentication"),
    ("smtp_password", "", "password of the SMTP user"),
    ("smtp_timeout_seconds", "20", "time for one mail, 1 to 300"),
];

impl Config {
    /// Reads the file (if one is named) and the environment.
    ///
    /// # Errors
    /// Names every unknown setting and every value that can't be used.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        Config::read(file, Environment::with_prefix("AIHUB"))
    }

    fn read(file: Option<&Path>, environment: Environment) -> Result<Config, ConfigError> {
        let mut builder = config::Config::builder();
        for (name, default, _) in SETTINGS {
            builder =
                builder.set_default(*name, *default).map_err(|fault| ConfigError(vec![fault.to_string()]))?;
        }
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let source =
            builder.add_source(environment).build().map_err(|fault| ConfigError(vec![fault.to_string()]))?;
        let mut reader = Reader { source, faults: Vec::new() };
        reader.refuse_unknown();
        let config = reader.config();
        match config {
            Some(config) if reader.faults.is_empty() => Ok(config),
            _ => Err(ConfigError(reader.faults)),
        }
    }
}

/// Reads setting after setting and remembers what was wrong.
struct Reader {
    source: config::Config,
    faults: Vec<String>,
}

impl Reader {
    fn refuse_unknown(&mut self) {
        let known: BTreeSet<&str> = SETTINGS.iter().map(|(name, ..)| *name).collect();
        match self.source.clone().try_deserialize::<std::collections::BTreeMap<String, config::Value>>() {
            Ok(all) => self.faults.extend(
                all.keys()
                    .filter(|name| !known.contains(name.as_str()) && !is_for_others(name))
                    .map(|name| format!("{name}: is not a setting")),
            ),
            Err(fault) => self.faults.push(fault.to_string()),
        }
    }

    fn get<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.source.get(name).map_err(|fault| self.faults.push(format!("{name}: {fault}"))).ok()
    }

    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text: String = self.get(name)?;
        let parsed = text.parse().map_err(|fault| self.faults.push(format!("{name}: `{text}`: {fault}")));
        parsed.ok()
    }

    fn number(&mut self, name: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let number: u32 = self.get(name)?;
        if range.contains(&number) {
            return Some(number);
        }
        self.faults.push(format!("{name}: must be between {} and {}", range.start(), range.end()));
        None
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.get::<String>(name).filter(|text| !text.is_empty())
    }

    fn config(&mut self) -> Option<Config> {
        // Each is read before any is missed, so that all faults are found.
        let database_url = self.database_url();
        let database_connections = self.number("database_connections", 1..=500);
        let index_folder: Option<PathBuf> = self.get("index_folder");
        let listen = self.parse("listen");
        let public_url = self.public_url();
        let origins = self.text("allowed_origins").unwrap_or_default();
        let body_limit = self.number("body_limit_bytes", 1024..=16 * 1024 * 1024);
        let client_timeout = self.number("client_timeout_seconds", 1..=300);
        let keep_alive = self.number("keep_alive_seconds", 1..=3600);
        let at_once = self.number("requests_at_once", 1..=10_000);
        let requests = self.number("requests_per_minute", 1..=1_000_000);
        let secrets = self.number("secrets_per_minute", 1..=1_000_000);
        let behind_proxy = self.get("behind_proxy");
        let access = self.number("access_token_minutes", 1..=60);
        let refresh = self.number("refresh_token_days", 1..=365);
        let mail = self.mail();
        Some(Config {
            database_url: database_url?,
            database_connections: database_connections?,
            index_folder: index_folder?,
            listen: listen?,
            public_url: public_url?,
            allowed_origins: origins
                .split(',')
                .map(str::trim)
                .filter(|o| !o.is_empty())
                .map(str::to_owned)
                .collect(),
            body_limit: usize::try_from(body_limit?).ok()?,
            client_timeout: Duration::from_secs(client_timeout?.into()),
            keep_alive: Duration::from_secs(keep_alive?.into()),
            requests_at_once: usize::try_from(at_once?).ok()?,
            requests_per_minute: NonZeroU32::new(requests?)?,
            secrets_per_minute: NonZeroU32::new(secrets?)?,
            behind_proxy: behind_proxy?,
            access_token_lifetime: chrono::TimeDelta::minutes(access?.into()),
            refresh_token_lifetime: chrono::TimeDelta::days(refresh?.into()),
            mail: mail?,
        })
    }

    fn database_url(&mut self) -> Option<String> {
        let url: String = self.get("database_url")?;
        let known = ["sqlite://", "postgres://", "postgresql://"];
        if known.iter().any(|scheme| url.starts_with(scheme)) {
            return Some(url);
        }
        self.faults.push("database_url: must start with sqlite:// or postgres://".to_owned());
        None
    }

    fn public_url(&mut self) -> Option<Url> {
        let url: Url = self.parse("public_url")?;
        if matches!(url.scheme(), "http" | "https") && url.query().is_none() {
            return Some(url);
        }
        self.faults.push("public_url: must be an http or https address without a query".to_owned());
        None
    }

    fn mail(&mut self) -> Option<MailConfig> {
        let from = self.parse("mail_from");
        let transport = match self.text("mail_transport").as_deref() {
            Some("folder") => self.get("mail_folder").map(MailTransport::Folder),
            Some("smtp") => self.smtp().map(MailTransport::Smtp),
            _ => {
                self.faults.push("mail_transport: must be folder or smtp".to_owned());
                None
            }
        };
        Some(MailConfig { transport: transport?, from: from? })
    }

    fn smtp(&mut self) -> Option<SmtpConfig> {
        let host = self.text("smtp_host");
        let port = self.number("smtp_port", 1..=65_535);
        let security = self.get("smtp_security");
        let timeout = self.number("smtp_timeout_seconds", 1..=300);
        let (username, password) = (self.text("smtp_username"), self.text("smtp_password"));
        if username.is_some() != password.is_some() {
            self.faults.push("smtp_username, smtp_password: set both or neither".to_owned());
        }
        if host.is_none() {
            self.faults.push("smtp_host: is required with mail_transport = smtp".to_owned());
        }
        Some(SmtpConfig {
            host: host?,
            port: u16::try_from(port?).ok()?,
            security: security?,
            username,
            password: password.map(Secret),
            timeout: Duration::from_secs(timeout?.into()),
        })
    }
}

/// Whether a variable with our prefix is not a setting but read elsewhere: by the logger, by the command line, by tests
/// and benches.
fn is_for_others(name: &str) -> bool {
    matches!(name, "log" | "config_file") || name.starts_with("test_") || name.starts_with("bench_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let source = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::read(None, Environment::with_prefix("AIHUB").source(Some(source)))
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.port(), 8080);
        assert!(matches!(config.mail.transport, MailTransport::Folder(_)));
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let faults = read(&[
            ("AIHUB_DATABASE_URL", "mysql://x"),
            ("AIHUB_LISTEN", "nowhere"),
            ("AIHUB_SMTP_PORT", "0"),
            ("AIHUB_MAIL_TRANSPORT", "smtp"),
            ("AIHUB_SMTP_USERNAME", "u"),
            ("AIHUB_TYPO", "1"),
        ])
        .unwrap_err()
        .0
        .join("\n");
        for name in ["database_url", "listen", "smtp_port", "smtp_username", "typo"] {
            assert!(faults.contains(name), "{name} is missing in:\n{faults}");
        }
    }

    #[test]
    fn variables_that_are_read_elsewhere_are_no_faults() {
        read(&[
            ("AIHUB_LOG", "warn"),
            ("AIHUB_CONFIG_FILE", "aihub.toml"),
            ("AIHUB_TEST_KILLS", "3"),
            ("AIHUB_BENCH_PROFILES", "9"),
        ])
        .unwrap();
    }

    #[test]
    fn a_password_is_never_printed() {
        let config = read(&[
            ("AIHUB_MAIL_TRANSPORT", "smtp"),
            ("AIHUB_SMTP_USERNAME", "u"),
            ("AIHUB_SMTP_PASSWORD", "hunter2"),
        ])
        .unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
