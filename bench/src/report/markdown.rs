use std::fmt::Write as _;

use super::{
    FLOOR, Figure, OURS, Part, Row, Run,
    goal::goals,
    group::{Group, OF_ALL, about, about_part, of_part},
    number, pages, text,
};

/// The document `docs/benchmarks.md`, beside which the chart lies.
#[must_use]
pub fn markdown(run: &Run) -> String {
    text(|text| document(text, run))
}

fn document(text: &mut String, run: &Run) -> std::fmt::Result {
    let scale = &run.scale;
    writeln!(
        text,
        "# Benchmarks\n\n\
         Made by `cargo xtask bench`, from one run on one machine; figures of different runs are not compared. {} \
         of all servers in turn, and each figure is the median. In brackets: how many times the bare epoll loop's it \
         is.\n\n\
         ![Memory and CPU of each server](benchmarks.svg)\n",
        if scale.rounds == 1 { "One round".to_owned() } else { format!("{} rounds", scale.rounds) }
    )?;
    writeln!(text, "## Goals\n\n| | at most | in this run |\n|---|---|---|")?;
    for goal in goals(run) {
        writeln!(text, "| {} | {} | {} |", goal.what, goal.limit, goal.words())?;
    }
    for group in OF_ALL.iter().filter(|group| run.rows.iter().any(|row| has_any(row, group))) {
        writeln!(text, "\n## {}\n\n{}\n", group.title, about(run, group))?;
        table(text, run, &run.rows, group, |row, figure| cell(run, row, figure))?;
        writeln!(text, "\nHow many times SwampDragon's each is:\n")?;
        table(text, run, &run.rows, group, |row, figure| {
            let ratio = row.median(figure).zip(run.median_of(OURS, figure)).and_then(|(it, ours)| ratio(it, ours));
            ratio.unwrap_or_else(|| "–".to_owned())
        })?;
    }
    many_connections(text, run)?;
    if let Some(pages) = &run.pages {
        writeln!(text, "\n{}", pages::section(pages).trim_end())?;
    }
    machine(text, run)
}

fn many_connections(text: &mut String, run: &Run) -> std::fmt::Result {
    writeln!(text, "\n## Many connections\n\nWhat they cost SwampDragon, alone.")?;
    for (part, group) in Part::ALL.map(|part| (part, of_part(part))) {
        let rows: Vec<&Row> = run.rows.iter().filter(|row| has_any(row, &group)).collect();
        if rows.is_empty() {
            continue;
        }
        writeln!(text, "\n### {}\n\n{}\n", group.title, about_part(run, part))?;
        table(text, run, rows, &group, |row, figure| cell(run, row, figure))?;
        let often = if part.is_of_round(2) { "" } else { "Measured once. " };
        writeln!(text, "\n{often}Alone: `cargo xtask bench --only {}`", part.name())?;
    }
    Ok(())
}

fn has_any(row: &Row, group: &Group) -> bool {
    group.figures.iter().any(|figure| row.median(*figure).is_some())
}

fn table<'a>(
    text: &mut String,
    run: &Run,
    rows: impl IntoIterator<Item = &'a Row>,
    group: &Group,
    cell: impl Fn(&Row, Figure) -> String,
) -> std::fmt::Result {
    let titles: Vec<String> = group.figures.iter().map(|figure| figure.title(&run.scale)).collect();
    writeln!(text, "| | {} |\n|---{}|", titles.join(" | "), "|---:".repeat(titles.len()))?;
    for row in rows {
        let cells: Vec<String> = group.figures.iter().map(|figure| cell(row, *figure)).collect();
        writeln!(text, "| {} | {} |", row.name, cells.join(" | "))?;
    }
    Ok(())
}

fn cell(run: &Run, row: &Row, figure: Figure) -> String {
    let Some(value) = row.median(figure) else { return "–".to_owned() };
    match run.median_of(FLOOR, figure).and_then(|floor| ratio(value, floor)) {
        Some(ratio) if row.name != FLOOR => format!("{} ({ratio})", number(value)),
        _ => number(value),
    }
}

/// `None` where there is nothing to compare with, as when both are nothing.
fn ratio(value: f64, base: f64) -> Option<String> {
    (base > 0.0 && value >= 0.0).then(|| format!("{} ×", number(value / base)))
}

fn machine(text: &mut String, run: &Run) -> std::fmt::Result {
    writeln!(text, "\n## What was measured, and on what\n\n| | |\n|---|---|")?;
    for (name, value) in &run.machine {
        writeln!(text, "| {name} | {value} |")?;
    }
    for row in &run.rows {
        writeln!(text, "| {} | {} |", row.name, row.made_of)?;
    }
    let failures: Vec<String> =
        run.rows.iter().flat_map(|row| row.failures.iter().map(move |it| format!("- {}: {it}", row.name))).collect();
    if !failures.is_empty() {
        writeln!(text, "\nWhat could not be measured:\n\n{}", failures.join("\n"))?;
    }
    writeln!(
        text,
        "\nThe load shares the machine with what it measures; CPU and memory are the servers' own. The peers' programs \
         are in `bench/peers/`, a page each, what they stand on is fetched into `target/`.\n\n\
         ## Again\n\n```\n\
         cargo xtask bench                # all of it, and this document anew\n\
         cargo xtask bench --quick        # small numbers, to see that it works; changes no document\n\
         cargo xtask bench --only ws      # SwampDragon, the bare epoll loop and this one; likewise\n\
         cargo xtask bench --only crowd   # one part of what is measured of SwampDragon alone; likewise\n\
         cargo xtask bench --only pages   # what the client costs a page; likewise\n```"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Figures, UWEBSOCKETS, tests::run};

    fn line<'a>(text: &'a str, heading: &str, start: &str) -> &'a str {
        let (_, section) = text.split_once(heading).unwrap();
        section.lines().find(|line| line.starts_with(start)).unwrap()
    }

    #[test]
    fn every_figure_stands_with_its_ratio_to_the_floor() {
        let text = markdown(&run());
        assert_eq!(
            line(&text, "## Flood", "| SwampDragon"),
            "| SwampDragon | 12.0 (0.50 ×) | 12.0 (0.50 ×) | 12.0 (0.50 ×) | 12.0 (0.50 ×) |"
        );
        assert_eq!(line(&text, "## Flood", "| bare"), "| bare epoll loop | 24.0 | 24.0 | 24.0 | 24.0 |");
    }

    #[test]
    fn every_peer_stands_with_its_ratio_to_ours() {
        let text = markdown(&run());
        let (_, flood) = text.split_once("## Flood").unwrap();
        assert_eq!(
            line(flood, "How many times", "| uWebSockets"),
            "| uWebSockets | 2.50 × | 2.50 × | 2.50 × | 2.50 × |"
        );
    }

    #[test]
    fn what_was_not_measured_is_not_made_up() {
        let mut run = run();
        run.rows.iter_mut().filter(|row| row.name == UWEBSOCKETS).for_each(|row| {
            row.rounds.clear();
            row.failures.push("does not start".to_owned());
        });
        let text = markdown(&run);
        assert_eq!(line(&text, "## Flood", "| uWebSockets"), "| uWebSockets | – | – | – | – |");
        assert!(text.contains("| a third of uWebSockets' | not measured |"), "{text}");
        assert!(text.contains("- uWebSockets: does not start"), "{text}");
    }

    #[test]
    fn each_part_stands_with_its_command() {
        let text = markdown(&run());
        let (_, many) = text.split_once("## Many connections").unwrap();
        assert_eq!(
            line(many, "### All come back at once", "| SwampDragon"),
            "| SwampDragon | 12.0 (0.50 ×) | 12.0 (0.50 ×) |"
        );
        for part in Part::ALL {
            assert!(many.contains(&format!("`cargo xtask bench --only {}`", part.name())), "{many}");
        }
    }

    #[test]
    fn what_nobody_was_measured_by_is_left_out() {
        let mut run = run();
        run.rows.iter_mut().for_each(|row| row.rounds = vec![Figures::default().with(Figure::HerdBack, 2.0)]);
        let text = markdown(&run);
        assert!(text.contains("### All come back at once"), "{text}");
        assert!(!text.contains("## Flood") && !text.contains("--only crowd`"), "{text}");
    }

    #[test]
    fn the_run_says_what_it_ran_on() {
        let text = markdown(&run());
        assert!(text.contains("| cores | 2 |"), "{text}");
        assert!(text.contains("| bare epoll loop | bare epoll loop 1.0 |"), "{text}");
        assert!(text.contains("costs Redis 6.00 µs"), "{text}");
    }
}
