use std::time::Duration;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction,
};
use swampdragon_protocol::SessionKey;

use super::writer::Outcome;
use crate::session_store::{Lifetime, SessionStoreFull};

/// What the application saved. Apart from the deadlines, so that a refresh does not write the value again.
const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");
/// When each session expires, in milliseconds since 1970.
const DEADLINES: TableDefinition<'_, &str, u64> = TableDefinition::new("deadlines");
/// The same, sorted by deadline, so that the expired are found without looking at the others.
const BY_DEADLINE: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("by-deadline");
/// When each session is over, however often it is refreshed; of those that have such an end.
const ENDS: TableDefinition<'_, &str, u64> = TableDefinition::new("ends");
/// Facts about the file itself.
const FACTS: TableDefinition<'_, &str, u64> = TableDefinition::new("facts");

const FORMAT: &str = "format";
const LATEST: &str = "latest-commit-ms";

/// The format of the file: the tables above.
pub(super) const KNOWN_FORMAT: u64 = 1;

/// What holds for all changes of one commit.
pub(super) struct Rules {
    pub(super) now_ms: u64,
    pub(super) ttl_ms: u64,
    /// How long a session may live in all.
    pub(super) max_age_ms: Option<u64>,
    pub(super) max_sessions: usize,
}

/// The tables in one read transaction.
pub(super) struct Reader {
    values: ReadOnlyTable<&'static str, &'static [u8]>,
    deadlines: ReadOnlyTable<&'static str, u64>,
}

impl Reader {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, redb::Error> {
        Ok(Self { values: transaction.open_table(VALUES)?, deadlines: transaction.open_table(DEADLINES)? })
    }

    pub(super) fn stored(&self) -> Result<u64, redb::Error> {
        Ok(self.deadlines.len()?)
    }

    pub(super) fn value(&self, key: &SessionKey, now: u64) -> Result<Option<Vec<u8>>, redb::Error> {
        if self.lifetime(key, now)? == Lifetime::Missing {
            return Ok(None);
        }
        Ok(self.values.get(key.as_str())?.map(|value| value.value().to_vec()))
    }

    pub(super) fn lifetime(&self, key: &SessionKey, now: u64) -> Result<Lifetime, redb::Error> {
        Ok(match self.deadlines.get(key.as_str())? {
            Some(deadline) if deadline.value() > now => expires(deadline.value(), now),
            _ => Lifetime::Missing,
        })
    }

    /// How many sessions live whose keys begin with `prefix`.
    pub(super) fn count(&self, prefix: &str, now: u64) -> Result<u64, redb::Error> {
        let mut count = 0;
        for entry in self.deadlines.range(prefix..)? {
            let (key, deadline) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            count += u64::from(deadline.value() > now);
        }
        Ok(count)
    }
}

/// The tables in one write transaction. A session is in the first three of them or in none.
pub(super) struct Tables<'txn> {
    values: Table<'txn, &'static str, &'static [u8]>,
    deadlines: Table<'txn, &'static str, u64>,
    by_deadline: Table<'txn, (u64, &'static str), ()>,
    ends: Table<'txn, &'static str, u64>,
    facts: Table<'txn, &'static str, u64>,
    changed: bool,
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(transaction: &'txn WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            values: transaction.open_table(VALUES)?,
            deadlines: transaction.open_table(DEADLINES)?,
            by_deadline: transaction.open_table(BY_DEADLINE)?,
            ends: transaction.open_table(ENDS)?,
            facts: transaction.open_table(FACTS)?,
            changed: false,
        })
    }

    /// Whether there is anything to commit.
    pub(super) fn changed(&self) -> bool {
        self.changed
    }

    /// The file's format; that of a new file is set first.
    pub(super) fn format(&mut self) -> Result<u64, redb::Error> {
        let known = self.facts.get(FORMAT)?.map(|format| format.value());
        match known {
            Some(format) => Ok(format),
            None => {
                self.facts.insert(FORMAT, KNOWN_FORMAT)?;
                self.changed = true;
                Ok(KNOWN_FORMAT)
            }
        }
    }

    /// When the file was last changed, by the clock of that time.
    pub(super) fn latest(&self) -> Result<u64, redb::Error> {
        Ok(self.facts.get(LATEST)?.map_or(0, |latest| latest.value()))
    }

    pub(super) fn set_latest(&mut self, now: u64) -> Result<(), redb::Error> {
        self.facts.insert(LATEST, now)?;
        Ok(())
    }

    /// Keeps `value` under `key` for the TTL, if there is room.
    pub(super) fn save(&mut self, key: &SessionKey, value: &[u8], rules: &Rules) -> Result<Outcome<()>, redb::Error> {
        let limit = rules.max_sessions;
        if self.holds(limit)? && self.deadlines.get(key.as_str())?.is_none() {
            self.purge(rules.now_ms, usize::MAX)?;
            if self.holds(limit)? {
                return Ok(Err(SessionStoreFull { limit }));
            }
        }
        let current = self.deadlines.get(key.as_str())?.map(|deadline| deadline.value());
        if current.is_some_and(|deadline| deadline <= rules.now_ms) {
            // Expired and not deleted yet. What is saved now is a new session.
            self.ends.remove(key.as_str())?;
        }
        self.values.insert(key.as_str(), value)?;
        let ends = self.end(key.as_str(), rules)?;
        self.set_deadline(key.as_str(), rules.now_ms.saturating_add(rules.ttl_ms).min(ends))?;
        Ok(Ok(()))
    }

    /// When a session is over, however often it is refreshed. One that had no end yet gets it, counted from now.
    fn end(&mut self, key: &str, rules: &Rules) -> Result<u64, redb::Error> {
        let Some(max_age_ms) = rules.max_age_ms else { return Ok(u64::MAX) };
        let known = self.ends.get(key)?.map(|end| end.value());
        if let Some(end) = known {
            return Ok(end);
        }
        let end = rules.now_ms.saturating_add(max_age_ms);
        self.ends.insert(key, end)?;
        self.changed = true;
        Ok(end)
    }

    /// Whether there are `limit` sessions or more.
    fn holds(&self, limit: usize) -> Result<bool, redb::Error> {
        Ok(self.deadlines.len()? >= limit as u64)
    }

    /// Gives `key` the full TTL again, unless it has more.
    pub(super) fn lengthen(&mut self, key: &SessionKey, rules: &Rules) -> Result<Lifetime, redb::Error> {
        let current = self.deadlines.get(key.as_str())?.map(|deadline| deadline.value());
        let Some(current) = current.filter(|deadline| *deadline > rules.now_ms) else {
            return Ok(Lifetime::Missing);
        };
        let full = rules.now_ms.saturating_add(rules.ttl_ms);
        let deadline = full.max(current).min(self.end(key.as_str(), rules)?);
        if deadline != current {
            self.set_deadline(key.as_str(), deadline)?;
        }
        Ok(if deadline > rules.now_ms { expires(deadline, rules.now_ms) } else { Lifetime::Missing })
    }

    /// Removes a session; says whether it was there and alive.
    pub(super) fn remove(&mut self, key: &SessionKey, now: u64) -> Result<bool, redb::Error> {
        let deadline = self.deadlines.remove(key.as_str())?.map(|deadline| deadline.value());
        let Some(deadline) = deadline else { return Ok(false) };
        self.changed = true;
        self.by_deadline.remove((deadline, key.as_str()))?;
        self.values.remove(key.as_str())?;
        self.ends.remove(key.as_str())?;
        Ok(deadline > now)
    }

    /// Removes expired sessions, the oldest first and no more than `at_most`.
    pub(super) fn purge(&mut self, now: u64, at_most: usize) -> Result<(), redb::Error> {
        for _ in 0..at_most {
            let expired = match self.by_deadline.first()? {
                Some((first, _)) if first.value().0 <= now => first.value().1.to_owned(),
                _ => return Ok(()),
            };
            self.changed = true;
            self.by_deadline.pop_first()?;
            self.deadlines.remove(expired.as_str())?;
            self.values.remove(expired.as_str())?;
            self.ends.remove(expired.as_str())?;
        }
        Ok(())
    }

    /// Moves every deadline back by `by_ms`, after the clock was set back by as much.
    pub(super) fn turn_back(&mut self, by_ms: u64) -> Result<(), redb::Error> {
        // In memory for a moment: it happens once in the life of a machine, and 1,000,000 keys are some 60 MB.
        let mut all = Vec::new();
        for entry in self.deadlines.iter()? {
            let (key, deadline) = entry?;
            all.push((key.value().to_owned(), deadline.value()));
        }
        for (key, deadline) in all {
            self.set_deadline(&key, deadline.saturating_sub(by_ms))?;
            let end = self.ends.get(key.as_str())?.map(|end| end.value());
            if let Some(end) = end {
                self.ends.insert(key.as_str(), end.saturating_sub(by_ms))?;
            }
        }
        Ok(())
    }

    fn set_deadline(&mut self, key: &str, deadline: u64) -> Result<(), redb::Error> {
        self.changed = true;
        let before = self.deadlines.insert(key, deadline)?.map(|before| before.value());
        if let Some(before) = before {
            self.by_deadline.remove((before, key))?;
        }
        self.by_deadline.insert((deadline, key), ())?;
        Ok(())
    }
}

fn expires(deadline: u64, now: u64) -> Lifetime {
    Lifetime::Expires(Duration::from_millis(deadline - now))
}
