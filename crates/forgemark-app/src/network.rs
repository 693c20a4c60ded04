//! How endpoints are reached: proxies and authorities, from the environment and one key of the configuration.

use std::path::Path;

use forgemark_contract::settings::SettingError;
use forgemark_model::{Certificates, HttpConfig, Proxies, Secret, Trust};

use crate::env::Environment;

/// The key that names a file of certificates.
const CA_FILE: &str = "llm.ca_file";

/// The variable that does.
const CERT_FILE: &str = "SSL_CERT_FILE";

/// Variables that name proxies and exceptions, the one that counts first. Other programs read the small ones first, too.
const HTTP: [&str; 2] = ["http_proxy", "HTTP_PROXY"];
const HTTPS: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
const ALL: [&str; 2] = ["all_proxy", "ALL_PROXY"];
const EXCEPT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The HTTP client as environment and configuration want it. `ca_file` is the configured file.
///
/// # Errors
/// Variables that are not text, and files that cannot be read or hold no certificate.
pub fn http(env: &Environment, ca_file: Option<&Path>) -> Result<HttpConfig, SettingError> {
    let secret = |url: String| Secret::new(&url);
    let proxies = Proxies {
        http: proxy(env, &HTTP)?.map(secret),
        https: proxy(env, &HTTPS)?.map(secret),
        except: first(env, &EXCEPT)?.map(str::to_owned),
    };
    let only = first(env, &[CERT_FILE])?;
    let only = only.map(|file| certificates(CERT_FILE, Path::new(file)));
    let also = ca_file.map(|file| certificates(CA_FILE, file));
    Ok(HttpConfig {
        proxies,
        trust: Trust {
            only: only.transpose()?,
            also: also.transpose()?,
        },
        ..HttpConfig::default()
    })
}

/// Whether an error of this path is one of [`http`].
pub fn concerns(path: &str) -> bool {
    path == CA_FILE || path == CERT_FILE || path.to_ascii_lowercase().ends_with("_proxy")
}

fn first<'e>(env: &'e Environment, names: &[&str]) -> Result<Option<&'e str>, SettingError> {
    for name in names {
        let value = env.get(name);
        let value = value.map_err(|error| SettingError::new(*name, error.to_string()))?;
        if value.is_some() {
            return Ok(value);
        }
    }
    Ok(None)
}

/// The proxy of the first of these variables, or the one for all. It may stand there without `http://`.
fn proxy(env: &Environment, names: &[&str]) -> Result<Option<String>, SettingError> {
    let value = match first(env, names)? {
        Some(value) => Some(value),
        None => first(env, &ALL)?,
    };
    Ok(value.map(|value| {
        if value.contains("://") {
            value.to_owned()
        } else {
            format!("http://{value}")
        }
    }))
}

fn certificates(path: &str, file: &Path) -> Result<Certificates, SettingError> {
    let from = file.display().to_string();
    let pem = std::fs::read(file).map_err(|error| {
        SettingError::new(path, format!("{from} cannot be read: {error}"))
            .with_hint("name a file with certificates in PEM")
    })?;
    let text = String::from_utf8_lossy(&pem);
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(
            SettingError::new(path, format!("{from} holds no certificate in PEM"))
                .with_hint("a certificate begins with -----BEGIN CERTIFICATE-----"),
        );
    }
    Ok(Certificates { from, pem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_by_scheme_with_one_for_all_behind_them() {
        let none = Environment::from_pairs([("HTTPS_PROXY", "")]);
        assert_eq!(proxy(&none, &HTTPS), Ok(None));
        assert!(http(&none, None).unwrap().proxies.https.is_none());
        let env = Environment::from_pairs([
            ("HTTPS_PROXY", "http://big:1"),
            ("https_proxy", "small:2"),
            ("ALL_PROXY", "http://all:3"),
            ("NO_PROXY", "a.test,b.test"),
        ]);
        assert_eq!(proxy(&env, &HTTPS), Ok(Some("http://small:2".to_owned())));
        assert_eq!(proxy(&env, &HTTP), Ok(Some("http://all:3".to_owned())));
        let http = http(&env, None).unwrap();
        assert!(http.proxies.http.is_some() && http.proxies.https.is_some());
        assert_eq!(http.proxies.except.as_deref(), Some("a.test,b.test"));
        assert!(http.trust.only.is_none() && http.trust.also.is_none());
    }

    #[test]
    fn certificates_are_read_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("ca.pem");
        std::fs::write(&good, "-----BEGIN CERTIFICATE-----\n").unwrap();
        let bad = folder.path().join("bad.pem");
        std::fs::write(&bad, "hello").unwrap();
        let env = Environment::from_pairs([("SSL_CERT_FILE", good.to_str().unwrap())]);
        let http = http(&env, Some(&good)).unwrap();
        assert_eq!(http.trust.only, http.trust.also);
        assert_eq!(http.trust.only.unwrap().from, good.display().to_string());
        let missing = folder.path().join("missing.pem");
        for (file, says) in [(&bad, "holds no certificate"), (&missing, "cannot be read")] {
            let error = super::http(&env, Some(file)).unwrap_err();
            assert_eq!(error.path, "llm.ca_file");
            assert!(error.what.contains(says), "{}", error.what);
            assert!(concerns(&error.path));
            let env = Environment::from_pairs([("SSL_CERT_FILE", file.to_str().unwrap())]);
            assert_eq!(super::http(&env, None).unwrap_err().path, "SSL_CERT_FILE");
        }
    }
}
