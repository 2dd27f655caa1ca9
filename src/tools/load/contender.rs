//! What is put under load: a program, and keys that only it gets.

use serde_json::{Map, Value};

use super::options::{LoadOptions, key_value};

/// A spout's command.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// For people.
    pub name: String,
    /// Keys of the handshake's configuration.
    pub keys: Map<String, Value>,
    /// Program and arguments, at least one word.
    pub words: Vec<String>,
}

/// All that are to run, one after the other.
///
/// # Errors
/// A text of `--compare` that cannot be read.
pub fn contenders(options: &LoadOptions) -> Result<Vec<Contender>, String> {
    if !options.compare.is_empty() {
        return options.compare.iter().map(|text| parse(text)).collect();
    }
    if !options.command.is_empty() {
        let name = options.command[0].rsplit('/').next().unwrap_or_default().to_owned();
        return Ok(vec![Contender { name, keys: Map::new(), words: options.command.clone() }]);
    }
    let ourselves = std::env::current_exe().map_err(|error| format!("our own program is not to be found: {error}"))?;
    let words = vec![ourselves.to_string_lossy().into_owned(), "spout".to_owned()];
    Ok(vec![Contender { name: "kafka-shell-spout".to_owned(), keys: Map::new(), words }])
}

/// `NAME: [KEY=VALUE ...] PROGRAM [ARGUMENT ...]`, words as in a shell.
fn parse(text: &str) -> Result<Contender, String> {
    let usage = || format!("--compare: {text:?} is not 'NAME: [KEY=VALUE ...] PROGRAM [ARGUMENT ...]'");
    let (name, command) = text.split_once(": ").ok_or_else(usage)?;
    let words = shlex::split(command).ok_or_else(|| format!("--compare: a quote is not closed in {command:?}"))?;
    let is_key = |word: &&String| word.contains('=') && !word.starts_with(['-', '/', '.']);
    let count = words.iter().take_while(is_key).count();
    let (keys, words) = words.split_at(count);
    if words.is_empty() || name.is_empty() {
        return Err(usage());
    }
    let mut conf = Map::new();
    for key in keys {
        let (key, value) = key_value(key)?;
        conf.insert(key, value.into());
    }
    Ok(Contender { name: name.to_owned(), keys: conf, words: words.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_before_the_program_and_quotes_hold_words_together() {
        let contender = parse("the leak: a.b=1 c=x,y java -Dk=v 'Leaky Spout'").expect("sound");
        assert_eq!(contender.name, "the leak");
        assert_eq!(Value::Object(contender.keys), serde_json::json!({"a.b": "1", "c": "x,y"}));
        assert_eq!(contender.words, ["java", "-Dk=v", "Leaky Spout"]);
    }

    #[test]
    fn a_path_is_no_key_though_it_has_an_equals_sign() {
        for word in ["./spout=1", "/opt/a=b/spout"] {
            let contender = parse(&format!("a: k=v {word} x=y")).expect("sound");
            assert_eq!((contender.keys.len(), contender.words), (1, vec![word.to_owned(), "x=y".to_owned()]));
        }
    }

    #[test]
    fn what_names_no_program_is_refused() {
        for text in ["java", "a: ", "a: k=v", ": java", "a: 'java"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
