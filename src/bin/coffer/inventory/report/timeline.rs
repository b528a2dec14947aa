//! The cryptoperiods as a picture: a line for each object that has dates, from its activation to its stops, and today.

use std::fmt::Write;

use super::{escaped, title, tone};
use crate::inventory::{Asset, DAY, day};

/// Of the picture, in units of SVG.
const WIDTH: u64 = 1000;
const NAMES: u64 = 220;
const ROW: u64 = 30;
const TOP: u64 = 34;
/// Objects beyond so many are told by their number.
const MOST: usize = 200;

/// From when to when an object protects and processes.
struct Period<'a> {
    asset: &'a Asset,
    start: u64,
    protect: Option<u64>,
    process: Option<u64>,
}

/// The section; empty where no object has dates.
pub fn section(assets: &[&Asset], now: u64) -> String {
    let periods: Vec<Period> = assets.iter().copied().filter_map(|asset| period(asset, now)).collect();
    if periods.is_empty() {
        return "<section id=\"timeline\"><h2>Cryptoperiods</h2><p class=\"quiet\">No key has dates. `coffer key set` gives them.</p></section>\n"
            .replace('`', "");
    }
    let scale = Scale::over(&periods, now);
    let shown = periods.get(..MOST).unwrap_or(&periods);
    let height = TOP + ROW * shown.len() as u64 + 14;
    let mut picture = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Cryptoperiods of {} objects\">",
        periods.len()
    );
    picture.push_str(&scale.years(height));
    for (index, period) in shown.iter().enumerate() {
        picture.push_str(&row(period, &scale, TOP + ROW * index as u64));
    }
    let today = scale.place(now);
    let _ = write!(
        picture,
        "<line class=\"now\" x1=\"{today}\" y1=\"{}\" x2=\"{today}\" y2=\"{}\"/>\
         <text class=\"now-label\" x=\"{today}\" y=\"12\" text-anchor=\"middle\">today</text></svg>",
        TOP - 14,
        height - 10
    );
    let more = periods.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!("<p class=\"quiet\">and {more} more</p>") };
    format!(
        "<section id=\"timeline\"><h2>Cryptoperiods</h2><div class=\"panel\">{picture}{more}\
         <p class=\"legend\"><span class=\"key protect\"></span>protects and processes \
         <span class=\"key process\"></span>only processes</p></div></section>\n"
    )
}

fn period(asset: &Asset, now: u64) -> Option<Period<'_>> {
    let dated = asset.protect_stop.is_some() || asset.process_stop.is_some() || asset.activation.is_some();
    let start = asset.activation.or(asset.created).unwrap_or(now);
    dated.then_some(Period { asset, start, protect: asset.protect_stop, process: asset.process_stop })
}

/// Times to places from left to right.
struct Scale {
    from: u64,
    until: u64,
}

impl Scale {
    fn over(periods: &[Period], now: u64) -> Self {
        let ends = periods.iter().flat_map(|period| [Some(period.start), period.protect, period.process]);
        let times: Vec<u64> = ends.flatten().chain([now]).collect();
        let (first, last) =
            times.iter().fold((now, now), |(first, last), time| (first.min(*time), last.max(*time)));
        let margin = ((last - first) / 20).max(30 * DAY);
        Self { from: first.saturating_sub(margin), until: last.saturating_add(margin) }
    }

    fn place(&self, time: u64) -> u64 {
        let passed = u128::from(time.clamp(self.from, self.until) - self.from);
        let span = u128::from((self.until - self.from).max(1));
        NAMES + u64::try_from(passed * u128::from(WIDTH - NAMES - 10) / span).unwrap_or(0)
    }

    /// A line for each New Year, so many years apart that their numbers do not touch.
    fn years(&self, height: u64) -> String {
        let year = |time: u64| day(time).get(..4).and_then(|year| year.parse::<u64>().ok()).unwrap_or(1970);
        let (first, last) = (year(self.from), year(self.until));
        let apart = ((last.saturating_sub(first)) / 12).max(1);
        let mut lines = String::new();
        for number in (first + 1..=last).filter(|number| number % apart == 0) {
            let time =
                crate::dates::parse(&format!("{number}-01-01"), 0, crate::dates::Edge::From).unwrap_or(0);
            let place = self.place(time);
            let _ = write!(
                lines,
                "<line class=\"year\" x1=\"{place}\" y1=\"{}\" x2=\"{place}\" y2=\"{}\"/>\
                 <text class=\"year-label\" x=\"{}\" y=\"{}\">{number}</text>",
                TOP - 8,
                height - 10,
                place + 4,
                TOP - 4
            );
        }
        lines
    }
}

fn row(period: &Period, scale: &Scale, top: u64) -> String {
    let asset = period.asset;
    let name: String = title(asset).chars().take(30).collect();
    let told = format!(
        "{} ({} {}): {} to {}",
        title(asset),
        asset.entry.class_name(),
        asset.entry.kind(),
        day(period.start),
        period.protect.map_or("no end".into(), day)
    );
    let stop = period.protect.or(period.process).unwrap_or(scale.until);
    let (from, to) = (scale.place(period.start), scale.place(stop));
    let mut bars = bar("protect", tone(asset), from, to, top);
    let process = period.process.unwrap_or(scale.until);
    if let Some(protect) = period.protect.filter(|protect| process > *protect && asset.state.is_some()) {
        bars = bar("process", tone(asset), scale.place(protect), scale.place(process), top) + &bars;
    }
    format!(
        "<g><title>{}</title><text class=\"name\" x=\"0\" y=\"{}\">{}</text>\
         <text class=\"kind\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>{bars}</g>",
        escaped(&told),
        top + 18,
        escaped(&name),
        NAMES - 12,
        top + 18,
        escaped(&asset.entry.kind())
    )
}

fn bar(class: &str, tone: &str, from: u64, to: u64, top: u64) -> String {
    let width = to.saturating_sub(from).max(3);
    format!(
        "<rect class=\"{class} {tone}\" x=\"{from}\" y=\"{}\" width=\"{width}\" height=\"14\" rx=\"4\"/>",
        top + 7
    )
}
