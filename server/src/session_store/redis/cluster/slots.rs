use std::collections::BTreeSet;

use ::redis::{ErrorKind, RedisError, RedisResult, Value};
use crc16::{State, XMODEM};

/// How many slots every cluster has.
const SLOTS: u16 = 16384;

/// Host and port of a node.
pub(super) type NodeAddress = (String, u16);

/// The slot of a key, which decides its node. A part in braces counts alone, so that a key prefix such as
/// `{app}:` keeps all keys together.
pub(super) fn slot_of(key: &[u8]) -> u16 {
    let tag = || {
        let open = key.iter().position(|byte| *byte == b'{')?;
        let rest = key.get(open + 1..)?;
        let length = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..length).filter(|tag| !tag.is_empty())
    };
    State::<XMODEM>::calculate(tag().unwrap_or(key)) % SLOTS
}

/// Which node serves which slots, as a node tells it.
#[derive(Debug, Default)]
pub(super) struct SlotMap {
    /// First slot, last slot and master, sorted.
    ranges: Vec<(u16, u16, NodeAddress)>,
    replicas: BTreeSet<NodeAddress>,
}

impl SlotMap {
    /// Reads the answer to `CLUSTER SLOTS`. `asked` is the host of the node that gave it, which is meant where it
    /// names none.
    pub(super) fn read(answer: Vec<Value>, asked: &str) -> RedisResult<Self> {
        let mut map = Self::default();
        for range in answer {
            let Value::Array(range) = range else { return Err(unintelligible()) };
            let [Value::Int(first), Value::Int(last), nodes @ ..] = &range[..] else { return Err(unintelligible()) };
            let (Ok(first), Ok(last)) = (u16::try_from(*first), u16::try_from(*last)) else {
                return Err(unintelligible());
            };
            let mut nodes = nodes.iter().map(|node| read_node(node, asked));
            // A range whose master nobody knows the address of is served by nobody, as far as one can tell.
            if let Some(master) = nodes.next().transpose()?.flatten() {
                map.ranges.push((first, last, master));
            }
            for replica in nodes {
                map.replicas.extend(replica?);
            }
        }
        map.ranges.sort_unstable();
        Ok(map)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The node that serves `slot`, if any does.
    pub(super) fn owner(&self, slot: u16) -> Option<&NodeAddress> {
        let behind = self.ranges.partition_point(|(first, ..)| *first <= slot);
        let (_, last, node) = self.ranges.get(behind.checked_sub(1)?)?;
        (slot <= *last).then_some(node)
    }

    /// All masters, each once.
    pub(super) fn masters(&self) -> BTreeSet<&NodeAddress> {
        self.ranges.iter().map(|(.., node)| node).collect()
    }

    /// All nodes, each once.
    pub(super) fn nodes(&self) -> BTreeSet<&NodeAddress> {
        self.masters().into_iter().chain(&self.replicas).collect()
    }
}

fn read_node(node: &Value, asked: &str) -> RedisResult<Option<NodeAddress>> {
    let Value::Array(parts) = node else { return Err(unintelligible()) };
    let [host, Value::Int(port), ..] = &parts[..] else { return Err(unintelligible()) };
    let port = u16::try_from(*port).map_err(|_| unintelligible())?;
    let host = match host {
        Value::BulkString(host) => str::from_utf8(host).map_err(|_| unintelligible())?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return Err(unintelligible()),
    };
    Ok(match host {
        "?" => None,
        "" => Some((asked.to_owned(), port)),
        host => Some((host.to_owned(), port)),
    })
}

fn unintelligible() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "CLUSTER SLOTS was answered in an unknown form").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())])
    }

    fn host(name: &str) -> Value {
        Value::BulkString(name.as_bytes().to_vec())
    }

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(slot_of(b"123456789"), 0x31C3);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"{user1000}.followers"));
        assert_eq!(slot_of(b"foo{}{bar}"), State::<XMODEM>::calculate(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
    }

    #[test]
    fn each_slot_has_the_node_that_serves_it() {
        let answer = vec![
            Value::Array(vec![Value::Int(100), Value::Int(200), node(host("b"), 2), node(host("c"), 3)]),
            Value::Array(vec![Value::Int(0), Value::Int(99), node(Value::Nil, 1), node(host(""), 4)]),
            Value::Array(vec![Value::Int(300), Value::Int(300), node(host("?"), 5)]),
        ];
        let map = SlotMap::read(answer, "asked").unwrap();
        let owner = |slot| map.owner(slot).map(|(host, port)| format!("{host}:{port}"));
        assert_eq!(owner(0).as_deref(), Some("asked:1"));
        assert_eq!(owner(99).as_deref(), Some("asked:1"));
        assert_eq!(owner(100).as_deref(), Some("b:2"));
        assert_eq!(owner(200).as_deref(), Some("b:2"));
        assert_eq!(owner(201), None);
        assert_eq!(owner(300), None);
        assert_eq!(map.masters().len(), 2);
        assert_eq!(map.nodes().len(), 4);
    }

    #[test]
    fn an_answer_in_another_form_is_an_error() {
        for answer in [Value::Int(1), Value::Array(vec![]), Value::Array(vec![Value::Int(-1), Value::Int(1)])] {
            assert!(SlotMap::read(vec![answer], "asked").is_err());
        }
    }
}
