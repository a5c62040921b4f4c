//! Password hashes: argon2id with the parameters of OWASP's cheat sheet (19 MiB, 2 passes, 1 lane), which are the
//! crate's defaults; as many at a time as there are cores.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::model::AccountError;

#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Passwords {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Passwords { permits: Arc::new(Semaphore::new(cores)) }
    }
}

impl Passwords {
    /// Hashes a password, on a blocking thread.
    pub async fn hash(&self, password: String) -> Result<String, AccountError> {
        self.run(move || hash_now(&password)).await?
    }

    /// Whether the password belongs to the hash. Without a hash it takes as long, so that nobody learns by the clock
    /// which addresses have an account.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, AccountError> {
        self.run(move || match hash {
            Some(hash) if PasswordHash::new(&hash).is_ok() => Ok(matches(&password, &hash)),
            _ => hash_now(&password).map(|_| false),
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let failed = |fault: &dyn std::fmt::Display| AccountError::Hashing(fault.to_string());
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|fault| failed(&fault))?;
        // A client that goes away drops this future but not the work, which keeps its permit to its end.
        let work = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|fault| failed(&fault))
    }
}

/// [`Passwords::hash`] for callers that are on a thread of their own.
pub fn hash_now(password: &str) -> Result<String, AccountError> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|fault| AccountError::Hashing(fault.to_string()))
}

fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_hash_is_argon2id_salted_and_verifies() {
        let (first, second) = (hash_now("a good password").unwrap(), hash_now("a good password").unwrap());
        assert!(first.starts_with("$argon2id$"));
        assert_ne!(first, second);
        assert!(matches("a good password", &first));
        assert!(!matches("another password", &first));
        assert!(!matches("a good password", "no hash"));
    }
    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_still_counts() {
        let passwords = Passwords { permits: Arc::new(Semaphore::new(1)) };
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let work = passwords.clone();
        let waiting = tokio::spawn(async move {
            let slow = move || (began.send(()), ended.recv().is_ok());
            work.run(slow).await.map(drop)
        });
        has_begun.await.unwrap();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.permits.available_permits(), 0);
        end.send(()).unwrap();
        assert!(passwords.verify("any".to_owned(), None).await.is_ok());
    }
}
