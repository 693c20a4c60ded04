use reqwest::Url;

use super::Clients;
use crate::config::HttpConfig;

#[test]
fn a_client_for_this_machine_needs_no_certificates() {
    let config = HttpConfig::default();
    let mut clients = Clients::new(&config, 8);
    let url = Url::parse("http://127.0.0.1:1/v1/chat/completions").expect("a URL");
    clients.get(&url).expect("built without certificates");
    clients.get(&url).expect("built before");
    assert_eq!(clients.built.len(), 1);
}
