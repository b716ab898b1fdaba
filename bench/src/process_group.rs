//! What a server with all its processes costs, from Linux's `/proc`.

use std::{fs, io, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};

/// The processes that one program consists of: itself and what it has started.
#[derive(Debug, Clone, Copy)]
pub struct ProcessGroup(u32);

/// Memory of a process group, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident. Pages that processes share count for each of them.
    pub resident: u64,
    /// Resident, where a page that processes share counts as much as is each one's share.
    pub proportional: u64,
}

impl ProcessGroup {
    /// The group that this process leads.
    #[must_use]
    pub fn of(leader: u32) -> Self {
        Self(leader)
    }

    /// How long its threads have run so far, in the system's code and in their own.
    ///
    /// From the scheduler's own account, in nanoseconds: `stat` has the same time in steps of 10 ms, which is as much as
    /// a thousand heartbeats cost.
    ///
    /// # Errors
    /// When the group has ended, or the system has no `/proc` with `schedstat`.
    pub fn cpu(self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for process in self.members()? {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                let path = thread?.path().join("schedstat");
                nanoseconds += match read(&path)? {
                    Some(text) => time_run(&text).with_context(|| format!("{} has no time", path.display()))?,
                    None => 0,
                };
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Its memory.
    ///
    /// # Errors
    /// When the group has ended, or the system has no `/proc` with `smaps_rollup`.
    pub fn memory(self) -> Result<Memory> {
        let mut memory = Memory::default();
        for process in self.members()? {
            let path = format!("/proc/{process}/smaps_rollup");
            if let Some(text) = read(Path::new(&path))? {
                let one = memory_of(&text).with_context(|| format!("{path} does not say Rss and Pss"))?;
                memory.resident += one.resident;
                memory.proportional += one.proportional;
            }
        }
        Ok(memory)
    }

    fn members(self) -> Result<Vec<u32>> {
        let mut members = Vec::new();
        for entry in fs::read_dir("/proc").context("measuring needs Linux's /proc")? {
            let entry = entry?;
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if read(&entry.path().join("stat"))?.and_then(|stat| group_of(&stat)) == Some(self.0) {
                members.push(process);
            }
        }
        ensure!(!members.is_empty(), "process {} has ended", self.0);
        Ok(members)
    }
}

/// A file of `/proc`; `None` when its process or thread has ended meanwhile.
fn read(path: &Path) -> Result<Option<String>> {
    const NO_SUCH_PROCESS: i32 = 3;
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(NO_SUCH_PROCESS) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// The process group in `/proc/PID/stat`: the fifth field. The second, the name, is in brackets and may have some itself.
fn group_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// Nanoseconds on a processor in `/proc/PID/task/TID/schedstat`: the first field.
fn time_run(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn memory_of(smaps_rollup: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let kilobytes = smaps_rollup.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?;
        kilobytes.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { resident: bytes("Rss:")?, proportional: bytes("Pss:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_found_behind_any_name() {
        assert_eq!(group_of("4821 (a) S 1 (b) R 17 4820 4820 0 -1"), Some(4820));
        assert_eq!(group_of("4821 (cat) R 17 4820 4820 0 -1"), Some(4820));
        assert_eq!(group_of("4821 (cat"), None);
    }

    #[test]
    fn the_time_run_comes_first() {
        assert_eq!(time_run("184467 60421 12\n"), Some(184_467));
        assert_eq!(time_run(""), None);
    }

    #[test]
    fn pss_is_not_one_of_its_parts() {
        let rollup =
            "55a2-7ffe ---p 00000000 00:00 0  [rollup]\nRss:    1784 kB\nPss_Dirty:   116 kB\nPss:     208 kB\n";
        assert_eq!(memory_of(rollup), Some(Memory { resident: 1784 * 1024, proportional: 208 * 1024 }));
        assert_eq!(memory_of("Rss: 1784 kB\n"), None);
        assert_eq!(memory_of("Rss: 1784\nPss: 208 kB\n"), None);
    }

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        // Whoever runs the tests may have started them in a group of its own or not.
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let group = ProcessGroup(group_of(&stat).unwrap());
        let before = group.cpu().unwrap();
        let end = std::time::Instant::now() + Duration::from_millis(20);
        while std::time::Instant::now() < end {
            std::hint::spin_loop();
        }
        assert!(group.cpu().unwrap() > before);
        let memory = group.memory().unwrap();
        assert!(memory.proportional > 0 && memory.resident >= memory.proportional, "{memory:?}");
    }

    #[test]
    fn a_group_that_has_ended_is_an_error() {
        let error = ProcessGroup(u32::MAX).cpu().unwrap_err();
        assert_eq!(error.to_string(), format!("process {} has ended", u32::MAX));
    }
}
