use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Does one step of a command and says on standard error what it is and how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("  {what} ...");
    let start = Instant::now();
    let result = work().with_context(|| format!("{what} failed"))?;
    eprintln!("  {what}: {:.1} s", start.elapsed().as_secs_f32());
    Ok(result)
}

/// Runs a program to its end, quietly unless it fails. `remedy` is what a person does when it is not there.
pub(crate) fn run(command: &mut Command, remedy: &str) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("{name} is not installed: {remedy}"),
        Err(error) => return Err(error).context(format!("{name} does not start")),
    };
    if !output.status.success() {
        eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{name} ended with {}; its own words are above", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program that shows its own progress, such as cargo.
pub(crate) fn run_shown(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("{name} does not start"))?;
    if !status.success() {
        bail!("{name} ended with {status}; its own words are above");
    }
    Ok(())
}
