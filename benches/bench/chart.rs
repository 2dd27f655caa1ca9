//! The results as pictures: bars of medians from zero on with whiskers from the smallest to the largest, and lines.

use std::path::Path;
use std::sync::Once;

use anyhow::{Context as _, Result, anyhow};
use kafka_shell_spout::tools::say;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::stats::{Spread, short};

const FONT: &str = "sans-serif";

static FONTS: Once = Once::new();

/// In pixels.
const WIDTH: u32 = 900;
const BAR: u32 = 38;
const FRAME: u32 = 110;
const LINES_HEIGHT: u32 = 420;
const NAMES: u32 = 190;

const COLORS: [RGBColor; 6] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 140, 60),
    RGBColor(255, 153, 0),
    RGBColor(120, 80, 160),
    RGBColor(90, 90, 90),
];

/// Ours, and what they are compared with.
const OURS: RGBColor = RGBColor(31, 119, 180);
const OTHERS: RGBColor = RGBColor(160, 165, 170);

/// One picture of several.
pub enum Panel {
    /// A bar for each name.
    Bars(Bars),
    /// A line for each name.
    Lines(Lines),
}

/// Bars, the first one on top.
pub struct Bars {
    /// Above them.
    pub title: String,
    /// What they count.
    pub unit: &'static str,
    /// Name, whether it is ours, and the values.
    pub values: Vec<(String, bool, Spread)>,
}

/// Lines over something that grows, at even distances.
pub struct Lines {
    /// Above them.
    pub title: String,
    /// What they count.
    pub unit: &'static str,
    /// What grows.
    pub axis: &'static str,
    /// Its values.
    pub steps: Vec<String>,
    /// Name, and the values at the steps.
    pub values: Vec<(String, Vec<Option<Spread>>)>,
}

impl Panel {
    fn height(&self) -> u32 {
        match self {
            Self::Bars(bars) => FRAME + BAR * bars.values.len() as u32,
            Self::Lines(_) => LINES_HEIGHT,
        }
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
        match self {
            Self::Bars(bars) => draw_bars(bars, area),
            Self::Lines(lines) => draw_lines(lines, area),
        }
    }
}

/// Draws both files, one panel below the other.
///
/// # Errors
/// A file cannot be written.
pub fn draw(panels: &[Panel], svg: &Path, png: &Path) -> Result<()> {
    FONTS.call_once(|| {
        // The name is new; a second registration is what fails.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::HACK_REGULAR);
    });
    if let Some(dir) = svg.parent() {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    }
    let size = (WIDTH, panels.iter().map(Panel::height).sum());
    let failed = |path: &Path, error: &dyn std::fmt::Display| anyhow!("{}: {error}", path.display());
    all(panels, SVGBackend::new(svg, size).into_drawing_area()).map_err(|error| failed(svg, &error))?;
    all(panels, BitMapBackend::new(png, size).into_drawing_area()).map_err(|error| failed(png, &error))?;
    say(&format!("written: {} and {}", svg.display(), png.display()));
    Ok(())
}

type Drawn<DB> = std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

fn all<DB: DrawingBackend>(panels: &[Panel], area: DrawingArea<DB, Shift>) -> Drawn<DB> {
    area.fill(&WHITE)?;
    let mut rest = area;
    for panel in panels {
        let (here, below) = rest.split_vertically(panel.height());
        panel.draw(&here)?;
        rest = below;
    }
    rest.present()
}

fn draw_bars<DB: DrawingBackend>(bars: &Bars, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
    let Bars { title, unit, values: bars } = bars;
    let count = bars.len();
    let top = bars.iter().map(|(_, _, values)| values.max).fold(1.0, f64::max) * 1.15;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 19))
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(NAMES)
        .build_cartesian_2d(0.0..top, (0..count).into_segmented())?;
    // The axis grows upward, the table downward; it has one tick more than there are bars.
    let name = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(at) => bars.iter().rev().nth(*at).map_or_else(String::new, |bar| bar.0.clone()),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(WHITE)
        .x_desc(*unit)
        .x_labels(6)
        .y_labels(count)
        .set_tick_mark_size(LabelAreaPosition::Left, 0)
        .label_style((FONT, 14))
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&name)
        .draw()?;
    for (at, (_, ours, values)) in bars.iter().rev().enumerate() {
        let color = if *ours { OURS } else { OTHERS };
        let ends = [(0.0, SegmentValue::Exact(at)), (values.median, SegmentValue::Exact(at + 1))];
        let mut bar = Rectangle::new(ends, color.filled());
        bar.set_margin(6, 6, 0, 0);
        chart.draw_series([bar])?;
        let middle = SegmentValue::CenterOf(at);
        let whisker = [(values.min, middle.clone()), (values.max, middle.clone())];
        chart.draw_series([PathElement::new(whisker, BLACK.stroke_width(2))])?;
        let style = (FONT, 14).into_text_style(area).pos(Pos::new(HPos::Left, VPos::Center));
        let beside = EmptyElement::at((values.max, middle)) + Text::new(short(values.median), (6, 0), style);
        chart.draw_series([beside])?;
    }
    Ok(())
}

fn draw_lines<DB: DrawingBackend>(lines: &Lines, area: &DrawingArea<DB, Shift>) -> Drawn<DB> {
    let Lines { title, unit, axis, steps, values: lines } = lines;
    let spreads = lines.iter().flat_map(|(_, values)| values.iter().flatten());
    let top = spreads.map(|values| values.max).fold(1.0, f64::max) * 1.25;
    let last = steps.len().saturating_sub(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, (FONT, 19))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(80)
        .build_cartesian_2d(-0.2..last + 0.2, 0.0..top)?;
    let step = |at: &f64| {
        let near = at.round();
        let there = (at - near).abs() < 0.01 && near >= 0.0;
        steps.get(near as usize).filter(|_| there).cloned().unwrap_or_default()
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_desc(*axis)
        .y_desc(*unit)
        .x_labels(2 * steps.len() + 1)
        .label_style((FONT, 14))
        .x_label_formatter(&step)
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    for ((name, values), color) in lines.iter().zip(COLORS.iter().cycle()) {
        let points: Vec<(f64, Spread)> =
            values.iter().enumerate().filter_map(|(at, values)| Some((at as f64, (*values)?))).collect();
        let style = color.stroke_width(3);
        chart
            .draw_series(LineSeries::new(points.iter().map(|(at, values)| (*at, values.median)), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        for (at, values) in points {
            chart.draw_series([PathElement::new([(at, values.min), (at, values.max)], color.stroke_width(1))])?;
            chart.draw_series([Circle::new((at, values.median), 4, color.filled())])?;
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 14))
        .draw()
}
