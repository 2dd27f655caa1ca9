//! Sockets by state over time, as a picture.

use std::path::Path;
use std::sync::Once;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use super::run::Run;
use super::sample::Sample;
use crate::sockets::STATES;

/// Of one panel, in pixels.
const PANEL: (u32, u32) = (720, 420);

/// More samples than this have a pixel or two each.
const DENSE: usize = 300;

const FONT: &str = "sans-serif";

static FONTS: Once = Once::new();

/// What is drawn of a sample, in which colour, how thick.
struct Series {
    name: &'static str,
    color: RGBColor,
    width: u32,
    value: fn(&Sample) -> u64,
}

const fn series(name: &'static str, color: RGBColor, width: u32, value: fn(&Sample) -> u64) -> Series {
    Series { name, color, width, value }
}

/// The story's three states first; what else occurs is grey.
const SERIES: [Series; 5] = [
    series("ESTABLISHED", RGBColor(31, 119, 180), 3, |sample| sample.states().named("ESTABLISHED") as u64),
    series("CLOSE_WAIT", RGBColor(214, 39, 40), 3, |sample| sample.states().named("CLOSE_WAIT") as u64),
    series("TIME_WAIT", RGBColor(255, 153, 0), 3, |sample| sample.time_wait as u64),
    series("other states", RGBColor(140, 140, 140), 3, others),
    series("open descriptors", RGBColor(40, 40, 40), 1, |sample| sample.sum(|spout| spout.fds as u64)),
];

fn others(sample: &Sample) -> u64 {
    let named = ["ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT"];
    let states = sample.states();
    STATES.iter().filter(|state| !named.contains(state)).map(|state| states.named(state) as u64).sum()
}

/// Draws `PREFIX.svg` and `PREFIX.png`, a panel a run, all to one scale.
///
/// # Errors
/// A file cannot be written.
pub fn draw(runs: &[Run], svg: &Path, png: &Path) -> Result<()> {
    FONTS.call_once(|| {
        // The name is new; a second registration is what fails.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::HACK_REGULAR);
    });
    let (columns, rows) = if runs.len() > 1 { (2, runs.len().div_ceil(2)) } else { (1, 1) };
    let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32);
    let failed = |path: &Path, error: &dyn std::fmt::Display| anyhow!("{}: {error}", path.display());
    panels(runs, &SVGBackend::new(svg, size).into_drawing_area(), rows, columns).map_err(|e| failed(svg, &e))?;
    panels(runs, &BitMapBackend::new(png, size).into_drawing_area(), rows, columns).map_err(|e| failed(png, &e))
}

type Drawn<DB> = std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

fn panels<DB: DrawingBackend>(runs: &[Run], area: &DrawingArea<DB, Shift>, rows: usize, columns: usize) -> Drawn<DB> {
    area.fill(&WHITE)?;
    let all = || runs.iter().flat_map(|run| &run.samples);
    let seconds = all().map(|sample| sample.second).fold(1.0, f64::max);
    let top = SERIES.iter().flat_map(|series| all().map(series.value)).max().unwrap_or(0).max(4);
    for (run, panel) in runs.iter().zip(area.split_evenly((rows, columns))) {
        draw_panel(run, &panel, seconds, top + top / 3 + 1)?;
    }
    area.present()
}

fn draw_panel<DB: DrawingBackend>(run: &Run, area: &DrawingArea<DB, Shift>, seconds: f64, top: u64) -> Drawn<DB> {
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{}: sockets of its spouts", run.name), (FONT, 22))
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..seconds, 0..top)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("seconds")
        .y_desc("sockets, descriptors")
        .label_style((FONT, 15))
        .x_label_formatter(&|second| format!("{second:.0}"))
        .draw()?;
    for Series { name, color, width, value } in &SERIES {
        if run.samples.iter().all(|sample| value(sample) == 0) {
            continue;
        }
        let points = run.samples.iter().map(|sample| (sample.second, value(sample)));
        // Where a thick line turns back at once it sticks out by far.
        let width = if run.samples.len() > DENSE { 1 } else { *width };
        let style = color.stroke_width(width);
        let now = run.samples.last().map_or(0, value);
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(format!("{name}: {now}"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 16))
        .draw()
}
