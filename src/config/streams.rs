//! Which topic's records go to which stream, and whether the topology declares it so.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::values::{ConfigError, Values};
use crate::multilang::Context;
use crate::tuple::Stream;

const KEY: &str = "kafka.spout.stream.by.topic";

/// Where a topic's records go if nothing else is said.
const DEFAULT: &str = "default";

/// Topics whose records go to a stream other than `default`.
pub(super) fn streams(
    values: &Values<'_>,
    topics: &[String],
    context: &Context,
) -> Result<BTreeMap<String, Stream>, ConfigError> {
    let routes = routes(values)?;
    let mut names: Vec<&str> =
        routes.iter().map(|route| route.stream.as_str()).filter(|name| *name != DEFAULT).collect();
    names.sort_unstable();
    names.dedup();
    let mut streams = BTreeMap::new();
    for topic in topics {
        let name = stream_of(topic, &routes)?.unwrap_or(DEFAULT);
        check_declared(name, topic, context)?;
        if let Ok(index) = names.binary_search(&name) {
            streams.insert(topic.clone(), Stream::new(name, index as u16 + 1));
        }
    }
    for Route { pattern, regex, .. } in &routes {
        if !topics.iter().any(|topic| topic == pattern || regex.is_match(topic)) {
            return Err(ConfigError::new(
                KEY,
                format!("{pattern:?} matches none of kafka.spout.topics: {}", topics.join(", ")),
            ));
        }
    }
    Ok(streams)
}

/// The streams by their number, [`Stream::number`].
pub(super) fn names(streams: &BTreeMap<String, Stream>) -> Vec<String> {
    let last = streams.values().map(Stream::number).max().unwrap_or(0);
    let mut names = vec![DEFAULT.to_owned(); usize::from(last) + 1];
    for stream in streams.values() {
        stream.name().clone_into(&mut names[usize::from(stream.number())]);
    }
    names
}

struct Route {
    /// A topic's name, or a regular expression that matches the whole of it.
    pattern: String,
    regex: Regex,
    stream: String,
}

/// The map: JSON, JSON as text, or `topic=stream` with commas between.
fn routes(values: &Values<'_>) -> Result<Vec<Route>, ConfigError> {
    let map = match values.get(KEY) {
        Some(Value::Object(map)) => map.clone(),
        _ => match values.text(KEY)? {
            None => return Ok(Vec::new()),
            Some(text) if text.starts_with('{') => serde_json::from_str(&text)
                .map_err(|error| ConfigError::new(KEY, format!("{text:?} is no JSON object: {error}")))?,
            Some(text) => pairs(&text)?,
        },
    };
    let route = |(pattern, stream): (String, Value)| {
        let stream = stream.as_str().filter(|stream| !stream.is_empty()).map(str::to_owned);
        let stream = stream.ok_or_else(|| ConfigError::new(KEY, format!("{pattern:?} has no name of a stream")))?;
        let regex = Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| ConfigError::new(KEY, format!("{pattern:?} is neither a topic nor a pattern: {error}")))?;
        Ok(Route { pattern, regex, stream })
    };
    map.into_iter().map(route).collect()
}

fn pairs(text: &str) -> Result<Map<String, Value>, ConfigError> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| match item.split_once('=') {
            Some((topic, stream)) => Ok((topic.trim().to_owned(), Value::from(stream.trim()))),
            None => Err(ConfigError::new(KEY, format!("{item:?} is not topic=stream"))),
        })
        .collect()
}

/// A topic's own name wins over patterns; of two patterns neither does.
fn stream_of<'a>(topic: &str, routes: &'a [Route]) -> Result<Option<&'a str>, ConfigError> {
    if let Some(route) = routes.iter().find(|route| route.pattern == topic) {
        return Ok(Some(&route.stream));
    }
    let mut found: Option<&Route> = None;
    for route in routes.iter().filter(|route| route.regex.is_match(topic)) {
        match found {
            Some(other) if other.stream != route.stream => {
                let problem = format!(
                    "topic {topic:?} matches both {:?} and {:?}, which name different streams; name the topic itself",
                    other.pattern, route.pattern
                );
                return Err(ConfigError::new(KEY, problem));
            }
            _ => found = Some(route),
        }
    }
    Ok(found.map(|route| route.stream.as_str()))
}

/// An undeclared stream ends the worker of Storm 2 at the first record; Storm 1 takes its tuples for acked, and loses them.
fn check_declared(stream: &str, topic: &str, context: &Context) -> Result<(), ConfigError> {
    if context.streams.contains_key(stream) {
        return Ok(());
    }
    let declared: Vec<&str> = context.streams.keys().map(String::as_str).collect();
    let problem = format!(
        "the records of topic {topic:?} go to stream {stream:?}, which component {:?} does not declare (it declares: {})",
        context.component,
        declared.join(", ")
    );
    Err(ConfigError::new(if stream == DEFAULT { "output fields" } else { KEY }, problem))
}

/// A tuple with another number of values than its stream declares kills the worker at the first record.
pub(super) fn check_field_count(
    names: &[String],
    topics: &[String],
    streams: &BTreeMap<String, Stream>,
    context: &Context,
) -> Result<(), ConfigError> {
    for topic in topics {
        let stream = streams.get(topic).map_or(DEFAULT, Stream::name);
        let declared = context.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        if declared.len() != names.len() {
            let problem = format!(
                "{} values a tuple ({}), but component {:?} declares {} output fields ({}) on stream {stream:?}; make the numbers equal",
                names.len(),
                names.join(", "),
                context.component,
                declared.len(),
                declared.join(", "),
            );
            return Err(ConfigError::new("kafka.spout.fields", problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context() -> Context {
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let streams = [("default", fields(&["value"])), ("orders", fields(&["v"])), ("wide", fields(&["a", "b"]))];
        Context {
            unread: Vec::new(),
            component: "kafka".to_owned(),
            task_id: 3,
            task_index: 0,
            task_count: 1,
            streams: streams.map(|(stream, fields)| (stream.to_owned(), fields)).into(),
        }
    }

    fn read(routes: &Value, topics: &[&str]) -> Result<Vec<(String, String)>, String> {
        let (storm, file) = (Map::from_iter([(KEY.to_owned(), routes.clone())]), Map::new());
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let (context, values) = (context(), Values { storm: &storm, file: &file });
        let streams = streams(&values, &topics, &context).map_err(|error| error.to_string())?;
        check_field_count(&["value".to_owned()], &topics, &streams, &context).map_err(|error| error.to_string())?;
        Ok(streams.into_iter().map(|(topic, stream)| (topic, stream.name().to_owned())).collect())
    }

    fn to_orders(topics: &[&str]) -> Vec<(String, String)> {
        topics.iter().map(|topic| ((*topic).to_owned(), "orders".to_owned())).collect()
    }

    #[test]
    fn topics_go_where_the_map_says_and_the_others_to_default() {
        let topics = ["clicks", "orders.eu", "orders.us"];
        assert_eq!(read(&Value::Null, &topics), Ok(Vec::new()));
        for routes in [
            json!({"orders.us": "orders", "orders.eu": "orders"}),
            json!({"orders\\..*": "orders"}),
            json!("{\"orders.*\": \"orders\"}"),
            json!("orders.us=orders, orders.eu=orders,"),
        ] {
            assert_eq!(read(&routes, &topics), Ok(to_orders(&["orders.eu", "orders.us"])), "{routes}");
        }
        // A pattern matches the whole name; a name wins over a pattern.
        assert_eq!(read(&json!({"orders": "orders"}), &["orders", "orders2"]), Ok(to_orders(&["orders"])));
        assert_eq!(read(&json!({"o.*": "orders", "o2": "default"}), &["o1", "o2"]), Ok(to_orders(&["o1"])));
    }

    #[test]
    fn each_mistake_in_the_map_is_named() {
        for (routes, words) in [
            (json!({"clikcs": "orders"}), "\"clikcs\" matches none of kafka.spout.topics: clicks, t2"),
            (
                json!({"clicks": "odrers"}),
                "stream \"odrers\", which component \"kafka\" does not declare (it declares: default, orders, wide)",
            ),
            (json!({"clicks": "wide"}), "declares 2 output fields (a, b) on stream \"wide\""),
            (json!({"clicks": 7}), "no name of a stream"),
            (json!({"clicks": ""}), "no name of a stream"),
            (json!("clicks"), "is not topic=stream"),
            (json!("{clicks"), "no JSON object"),
            (json!({"cli(": "orders"}), "neither a topic nor a pattern"),
            (json!({"c.*": "orders", ".*s": "default"}), "matches both"),
            (json!(["clicks"]), "a list or an object"),
        ] {
            let error = read(&routes, &["clicks", "t2"]).expect_err(words);
            assert!(error.contains(words) && error.contains("kafka.spout."), "{error}");
        }
    }
}
