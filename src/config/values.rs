//! Reads single values: from the component's configuration, else from the file, as JSON type or as text.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use super::keys::{self, PREFIX};

/// A configuration that cannot be used: which key, what is wrong, what to do.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("configuration: {key}: {problem}")]
pub struct ConfigError {
    /// Full name of the key, or what else is wrong.
    pub key: String,
    /// What is wrong with it and what would be right.
    pub problem: String,
}

impl ConfigError {
    /// Names `key` in full.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

type Result<T> = std::result::Result<T, ConfigError>;

/// Both sources. A null counts as not set.
#[derive(Debug)]
pub struct Values<'a> {
    /// The handshake's `conf`: storm.yaml under topology under component.
    pub storm: &'a Map<String, Value>,
    /// `--config`.
    pub file: &'a Map<String, Value>,
}

impl<'a> Values<'a> {
    /// Refuses keys under [`PREFIX`] that nobody would read.
    ///
    /// # Errors
    /// The first such key, with the nearest known one.
    pub fn check_names(&self) -> Result<()> {
        for key in self.storm.keys().chain(self.file.keys()) {
            let Some(name) = key.strip_prefix(PREFIX) else { continue };
            if keys::is_not_yet(name) {
                return Err(ConfigError::new(key, "not yet: this version does not have it; remove the key"));
            }
            if !keys::is_known(name) {
                let nearest = keys::nearest(name);
                return Err(ConfigError::new(key, format!("there is no such key; did you mean {PREFIX}{nearest}?")));
            }
        }
        if let Some(key) = self.file.keys().find(|key| !key.starts_with(PREFIX)) {
            return Err(ConfigError::new(key, format!("keys of the configuration file begin with {PREFIX}")));
        }
        Ok(())
    }

    /// The raw value of a key, by its full name.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        [self.storm, self.file].into_iter().find_map(|source| source.get(key).filter(|value| !value.is_null()))
    }

    /// The names and texts of all keys that begin with `prefix`; the component's win over the file's.
    ///
    /// # Errors
    /// A value that is a list or an object.
    pub fn with_prefix(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let mut names: Vec<&String> =
            self.storm.keys().chain(self.file.keys()).filter(|key| key.starts_with(prefix)).collect();
        names.sort_unstable();
        names.dedup();
        let mut found = Vec::new();
        for key in names {
            if let Some(text) = self.text(key)? {
                found.push((key[prefix.len()..].to_owned(), text));
            }
        }
        Ok(found)
    }

    /// A scalar as text; empty text counts as not set.
    ///
    /// # Errors
    /// A list, an object, or a `${...}` reference.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        let text = match self.get(key) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Some(_) => return Err(ConfigError::new(key, "a list or an object stands where one value is needed")),
        };
        if key.starts_with(PREFIX) && (text.starts_with("${env:") || text.starts_with("${file:")) {
            return Err(ConfigError::new(key, "not yet: this version does not resolve ${env:} and ${file:}"));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// An integer, as number or text.
    ///
    /// # Errors
    /// Not an integer, or out of range.
    pub fn integer(&self, key: &str, default: i64, range: RangeInclusive<i64>) -> Result<i64> {
        let Some(text) = self.text(key)? else { return Ok(default) };
        // 200.0: json-simple and YAML round trips make such numbers of integers.
        let number = text.strip_suffix(".0").unwrap_or(&text).parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let problem = format!("{text:?} is no integer from {} to {}", range.start(), range.end());
            ConfigError::new(key, problem)
        })
    }

    /// A length of time in ms, at most a week.
    ///
    /// # Errors
    /// As [`Self::integer`].
    pub fn millis(&self, key: &str, default: u32, least: i64) -> Result<Duration> {
        let week = 7 * 24 * 3600 * 1000;
        Ok(Duration::from_millis(self.integer(key, default.into(), least..=week)? as u64))
    }

    /// A number from 0 to 1.
    ///
    /// # Errors
    /// Anything else.
    pub fn share(&self, key: &str, default: f64) -> Result<f64> {
        let Some(text) = self.text(key)? else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
        number.ok_or_else(|| ConfigError::new(key, format!("{text:?} is no number from 0 to 1")))
    }

    /// A list: JSON, JSON as text, or items with commas between.
    ///
    /// # Errors
    /// An item that is not a scalar, an empty list.
    pub fn list(&self, key: &str) -> Result<Option<Vec<String>>> {
        let parsed: Vec<Value>;
        let items = match self.get(key) {
            Some(Value::Array(items)) => items,
            Some(Value::String(text)) if text.trim_start().starts_with('[') => {
                parsed = serde_json::from_str::<Vec<Value>>(text)
                    .map_err(|error| ConfigError::new(key, format!("{text:?} is no JSON list: {error}")))?;
                &parsed
            }
            _ => {
                let Some(text) = self.text(key)? else { return Ok(None) };
                // Java writes a comma after the last server.
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                parsed = items.map(|item| Value::String(item.to_owned())).collect();
                &parsed
            }
        };
        let items = items.iter().map(|item| item.as_str().map(|item| item.trim().to_owned()));
        match items.collect::<Option<Vec<String>>>() {
            Some(items) if items.iter().any(String::is_empty) => {
                Err(ConfigError::new(key, "the list has an empty item"))
            }
            Some(items) if items.is_empty() => Err(ConfigError::new(key, "the list is empty")),
            Some(items) => Ok(Some(items)),
            None => Err(ConfigError::new(key, "an item of the list is not a string")),
        }
    }

    /// One of a few words. Java's spelling, AT_LEAST_ONCE for `at-least-once`, is accepted. Words under `not_yet`
    /// are refused with a word of their own.
    ///
    /// # Errors
    /// Any other word.
    pub fn one_of<T: Copy>(&self, key: &str, default: T, words: &[(&str, T)], not_yet: &[&str]) -> Result<T> {
        let Some(text) = self.text(key)? else { return Ok(default) };
        let word = text.to_ascii_lowercase().replace('_', "-");
        if let Some((_, value)) = words.iter().find(|(known, _)| *known == word) {
            return Ok(*value);
        }
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let verdict =
            if not_yet.iter().any(|planned| word == *planned || planned.ends_with(':') && word.starts_with(planned)) {
                "is not yet built in this version"
            } else {
                "is not known"
            };
        Err(ConfigError::new(key, format!("{text:?} {verdict}; use {}", known.join(", "))))
    }
}

/// Reads a `--config` file: one JSON object, or lines `key=value` with `#` comments.
///
/// # Errors
/// The file cannot be read, or a line is neither.
pub fn read_file(path: &Path) -> Result<Map<String, Value>> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::new(&name, format!("cannot be read: {error}")))?;
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(&text)
            .map_err(|error| ConfigError::new(name, format!("is no JSON object: {error}")));
    }
    let mut map = Map::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            return Err(ConfigError::new(name, format!("line {} is not key=value", number + 1)));
        };
        map.insert(key.trim().to_owned(), Value::String(value.trim().to_owned()));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with<T>(storm: &Value, file: &Value, read: impl FnOnce(&Values<'_>) -> T) -> T {
        let values = Values { storm: storm.as_object().expect("object"), file: file.as_object().expect("object") };
        read(&values)
    }

    #[test]
    fn the_component_wins_over_the_file_and_null_is_not_set() {
        with(&json!({"a": 1, "b": null}), &json!({"a": 2, "b": "3", "c": "4"}), |values| {
            assert_eq!(values.integer("a", 0, 0..=9), Ok(1));
            assert_eq!(values.integer("b", 0, 0..=9), Ok(3));
            assert_eq!(values.integer("c", 0, 0..=9), Ok(4));
            assert_eq!(values.integer("d", 7, 0..=9), Ok(7));
        });
    }

    #[test]
    fn values_come_as_json_type_or_as_text() {
        let conf = json!({"n": "200", "f": 200.0, "big": 10, "l": ["a", "b"], "t": "a, b,", "j": "[\"a\",\"b\"]", "w": "AT_LEAST_ONCE", "e": " "});
        with(&conf, &json!({}), |values| {
            assert_eq!(values.integer("n", 0, 0..=999), Ok(200));
            assert_eq!(values.integer("f", 0, 0..=999), Ok(200));
            assert!(values.integer("big", 0, 0..=9).expect_err("range").to_string().contains("from 0 to 9"));
            for key in ["l", "t", "j"] {
                assert_eq!(values.list(key), Ok(Some(vec!["a".to_owned(), "b".to_owned()])), "{key}");
            }
            assert_eq!(values.one_of("w", 0, &[("at-least-once", 1)], &[]), Ok(1));
            assert_eq!(values.text("e"), Ok(None));
        });
    }

    #[test]
    fn wrong_values_name_the_key_and_what_would_be_right() {
        let conf =
            json!({"kafka.spout.x": "many", "l": [1], "o": {}, "c": " ,", "w": "exactly-once", "p": "at-most-once"});
        with(&conf, &json!({}), |values| {
            let error = values.integer("kafka.spout.x", 0, 1..=5).expect_err("text").to_string();
            assert_eq!(error, "configuration: kafka.spout.x: \"many\" is no integer from 1 to 5");
            assert!(values.list("l").is_err() && values.text("o").is_err());
            assert_eq!(values.list("c").expect_err("only a comma").problem, "the list is empty");
            let words = [("at-least-once", ())];
            assert!(
                values
                    .one_of("w", (), &words, &["at-most-once"])
                    .expect_err("w")
                    .problem
                    .contains("is not known; use at-least-once")
            );
            assert!(values.one_of("p", (), &words, &["at-most-once"]).expect_err("p").problem.contains("not yet"));
        });
    }

    #[test]
    fn unknown_and_planned_keys_are_refused() {
        let check = |key: &str| {
            with(&json!({ key: 1 }), &json!({}), |values| values.check_names().err().map(|error| error.to_string()))
        };
        assert!(check("kafka.spout.max.in.fligth").expect("typo").contains("did you mean kafka.spout.max.in.flight?"));
        assert!(check("kafka.spout.offsets.takeover").expect("planned").contains("not yet"));
        assert!(check("kafka.spout.zookeeper.tls.truststore").expect("planned").contains("not yet"));
        assert_eq!(check("kafka.spout.consumer.fetch.min.bytes"), None);
        assert_eq!(check("topology.workers"), None);
    }

    #[test]
    fn a_file_is_json_or_lines() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("spout.conf");
        std::fs::write(&path, "# comment\n\nkafka.spout.topics = a,b\n").expect("write");
        assert_eq!(Value::Object(read_file(&path).expect("lines")), json!({"kafka.spout.topics": "a,b"}));
        std::fs::write(&path, "{\"kafka.spout.topics\": [\"a\"]}").expect("write");
        assert_eq!(Value::Object(read_file(&path).expect("JSON")), json!({"kafka.spout.topics": ["a"]}));
        std::fs::write(&path, "kafka.spout.topics\n").expect("write");
        assert!(read_file(&path).expect_err("line").problem.contains("line 1"));
    }
}
