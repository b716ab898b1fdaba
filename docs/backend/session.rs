//! Sessions by Redis itself. cargo add redis getrandom; session make VALUE | read KEY | end KEY

use std::{env, error::Error};

use redis::{Client, Commands, Connection, RedisResult};

const PREFIX: &str = "swampdragon:session:"; // session_key_prefix
const TTL_MS: u64 = 30 * 60 * 1000; // session_ttl

fn make(store: &mut Connection, value: &str) -> Result<String, Box<dyn Error>> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let () = store.pset_ex(format!("{PREFIX}{key}"), value, TTL_MS)?;
    Ok(key) // for the page: dragon.session = key
}

fn read(store: &mut Connection, key: &str) -> RedisResult<Option<String>> {
    store.get(format!("{PREFIX}{key}")) // None: it has run out, or was ended
}

fn end(store: &mut Connection, key: &str) -> RedisResult<bool> {
    store.del(format!("{PREFIX}{key}"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let mut store = Client::open(address)?.get_connection()?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", value] => println!("{}", make(&mut store, value)?),
        ["read", key] => println!("{:?}", read(&mut store, key)?),
        ["end", key] => println!("{}", end(&mut store, key)?),
        _ => return Err("make VALUE | read KEY | end KEY".into()),
    }
    Ok(())
}
