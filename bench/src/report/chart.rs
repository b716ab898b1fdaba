use std::fmt::Write as _;

use super::{Figure, OURS, Run, number, text};

/// Which figures the chart shows, one below the other.
const SHOWN: [(Figure, &str); 3] = [
    (Figure::MoreResident, "Memory of an idle connection, bytes"),
    (Figure::TripCpu, "CPU of a heartbeat sent, answered and refreshed, µs"),
    (Figure::FloodCpu, "CPU of an answer under flood, µs"),
];

const WIDTH: f64 = 760.0;
const NAMES: f64 = 190.0;
const BARS: f64 = WIDTH - NAMES - 80.0;
const LINE: f64 = 22.0;
const HEADING: f64 = 34.0;

/// The same figures as bars, in SVG. They differ by a factor of a hundred, so lengths go by the logarithm.
#[must_use]
pub fn chart(run: &Run) -> String {
    text(|text| draw(text, run))
}

fn draw(text: &mut String, run: &Run) -> std::fmt::Result {
    let panels: Vec<(&str, Vec<(&str, f64)>)> = SHOWN
        .iter()
        .map(|(figure, title)| {
            let mut bars: Vec<(&str, f64)> =
                run.rows.iter().filter_map(|row| Some((row.name.as_str(), row.median(*figure)?))).collect();
            bars.sort_by(|one, other| one.1.total_cmp(&other.1));
            (*title, bars)
        })
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let height: f64 = panels.iter().map(|(_, bars)| HEADING + LINE * bars.len() as f64).sum::<f64>() + 26.0;
    writeln!(
        text,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">"#
    )?;
    writeln!(text, r##"<rect width="100%" height="100%" fill="#fff"/>"##)?;
    let mut top = 0.0;
    for (title, bars) in &panels {
        writeln!(text, r#"<text x="8" y="{}" font-weight="bold">{}</text>"#, top + 24.0, escape(title))?;
        top += HEADING;
        let largest = bars.last().map_or(1.0, |(_, value)| *value);
        let smallest = bars.iter().map(|(_, value)| *value).find(|value| *value > 0.0).unwrap_or(largest);
        for (name, value) in bars {
            let fill = if *name == OURS { "#2e7d32" } else { "#90a4ae" };
            let length = length(*value, smallest, largest);
            writeln!(
                text,
                r#"<text x="{}" y="{}" text-anchor="end">{}</text><rect x="{NAMES}" y="{}" width="{length:.1}" height="16" fill="{fill}"/><text x="{:.1}" y="{}">{}</text>"#,
                NAMES - 8.0,
                top + 13.0,
                escape(name),
                top,
                NAMES + length + 6.0,
                top + 13.0,
                number(*value),
            )?;
            top += LINE;
        }
    }
    writeln!(
        text,
        r##"<text x="8" y="{}" font-size="11" fill="#555">Shorter is better. Lengths are logarithmic: the shortest bar of each group is a tenth of the longest.</text>"##,
        height - 10.0
    )?;
    writeln!(text, "</svg>")
}

/// Of a bar: a tenth for the smallest value of its group, all for the largest.
fn length(value: f64, smallest: f64, largest: f64) -> f64 {
    let share =
        if largest > smallest { (value.max(smallest) / smallest).ln() / (largest / smallest).ln() } else { 1.0 };
    BARS * (0.1 + 0.9 * share)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::run;

    #[test]
    fn bars_grow_by_the_logarithm() {
        assert_eq!(length(1.0, 1.0, 100.0), BARS * 0.1);
        assert_eq!(length(10.0, 1.0, 100.0), BARS * 0.55);
        assert_eq!(length(100.0, 1.0, 100.0), BARS);
        assert_eq!(length(-3.0, 1.0, 100.0), BARS * 0.1);
        assert_eq!(length(5.0, 5.0, 5.0), BARS);
    }

    #[test]
    fn every_server_has_a_bar_with_its_number() {
        let svg = chart(&run());
        for name in ["SwampDragon", "bare epoll loop", "uWebSockets"] {
            assert_eq!(svg.matches(&format!(">{name}</text>")).count(), SHOWN.len(), "{name} in {svg}");
        }
        assert_eq!(svg.matches(">12.0</text>").count(), SHOWN.len());
    }
}
