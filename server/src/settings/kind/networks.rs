use std::net::IpAddr;

use ipnet::IpNet;

use super::Kind;

/// Addresses, and networks of them.
pub(in crate::settings) struct Networks;

impl Kind for Networks {
    type Value = Vec<IpNet>;

    const PLACEHOLDER: &'static str = "NETWORKS";
    const IS_LIST: bool = true;

    fn parse(text: &str) -> Result<Vec<IpNet>, String> {
        let mut networks = Vec::new();
        for given in text.split(',').map(str::trim).filter(|given| !given.is_empty()) {
            let address = given.parse::<IpAddr>().map(IpNet::from).ok();
            let Some(network) = address.or_else(|| given.parse().ok()) else {
                return Err(format!(
                    "a list of IP addresses and networks such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32; `{given}` is \
                     neither"
                ));
            };
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        Ok(networks)
    }

    fn toml(value: &Vec<IpNet>) -> Option<String> {
        let networks: Vec<toml::Value> = value.iter().map(|network| toml::Value::from(network.to_string())).collect();
        Some(toml::Value::from(networks).to_string())
    }
}
