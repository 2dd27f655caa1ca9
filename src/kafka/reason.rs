//! Why no broker can be had: of all that librdkafka says of it, what tells most, and what to do.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;

/// How long a reason stands against one that tells less. librdkafka keeps the same error of a broker back for 30 s.
const STANDS: Duration = Duration::from_mins(1);

const CERTIFICATE: &str = "Kafka wants a certificate that it trusts: set kafka.spout.consumer.ssl.certificate.location \
     and kafka.spout.consumer.ssl.key.location, or kafka.spout.consumer.ssl.keystore.location";

/// A closed connection is no error to librdkafka, as we have set it; a Kafka with TLS closes one without.
const NO_REASON: &str = "they close the connection and give no reason: they may want TLS, which \
     kafka.spout.consumer.security.protocol sets, to ssl or sasl_ssl";

/// What is written in librdkafka's text, and what it means in our keys. The first that fits counts.
const ADVICE: &[(&str, &str)] = &[
    (
        "connecting to a PLAINTEXT broker listener",
        "no TLS is spoken there: use the port where it is, or another kafka.spout.consumer.security.protocol",
    ),
    (
        "connecting to a SSL listener",
        "TLS may be spoken there: set kafka.spout.consumer.security.protocol to ssl or sasl_ssl",
    ),
    (
        "might require SASL",
        "a user may be wanted: set kafka.spout.consumer.security.protocol to sasl_ssl, and kafka.spout.consumer.sasl.*",
    ),
    (
        "certificate verify failed",
        "kafka.spout.consumer.ssl.ca.location must have the authority that signed the broker's certificate, and the \
         certificate the name or address by which the broker is reached",
    ),
    ("alert bad certificate", CERTIFICATE),
    ("alert certificate", CERTIFICATE),
    ("alert unknown ca", CERTIFICATE),
    ("alert handshake failure", CERTIFICATE),
    (
        "SASL mechanism GSSAPI",
        "without kafka.spout.consumer.sasl.mechanism it is Kerberos, which this program does not have: set it to \
         SCRAM-SHA-256, SCRAM-SHA-512, PLAIN or OAUTHBEARER",
    ),
    ("SASL authentication error", "see kafka.spout.consumer.sasl.username and kafka.spout.consumer.sasl.password"),
];

/// The reason of the moment.
#[derive(Debug, Default)]
pub struct LastError(Option<Reason>);

#[derive(Debug)]
struct Reason {
    tells: Tells,
    at: Instant,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tells {
    /// That something is wrong.
    Something,
    /// What is wrong.
    What,
    /// What to do.
    Advice,
}

impl LastError {
    /// Takes what librdkafka says.
    pub fn note(&mut self, code: Option<RDKafkaErrorCode>, reason: &str, now: Instant) {
        let advice = advice(reason);
        let tells = match (advice, code) {
            (Some(_), _) => Tells::Advice,
            // How many are down; said after why each of them is.
            (None, Some(RDKafkaErrorCode::AllBrokersDown)) => Tells::Something,
            (None, _) => Tells::What,
        };
        if self.0.as_ref().is_some_and(|stands| stands.tells > tells && now.duration_since(stands.at) < STANDS) {
            return;
        }
        let advice = advice.or((tells == Tells::Something).then_some(NO_REASON));
        let text = advice.map_or_else(|| reason.to_owned(), |advice| format!("{reason}; {advice}"));
        self.0 = Some(Reason { tells, at: now, text });
    }

    /// It, and what to do.
    pub fn text(&self) -> Option<String> {
        self.0.as_ref().map(|reason| reason.text.clone())
    }
}

/// What to do about it.
pub fn advice(reason: &str) -> Option<&'static str> {
    ADVICE.iter().find(|(part, _)| reason.contains(part)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_more_stands_for_a_while() {
        let (mut last, now) = (LastError::default(), Instant::now());
        let down = |last: &mut LastError, after: u64| {
            last.note(Some(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down", now + Duration::from_secs(after));
            last.text().expect("a reason")
        };
        let text = down(&mut last, 0);
        assert!(text.starts_with("1/1 brokers are down; ") && text.contains("security.protocol"), "{text}");
        last.note(Some(RDKafkaErrorCode::BrokerTransportFailure), "b:1: Connect failed: refused", now);
        assert_eq!(down(&mut last, 1), "b:1: Connect failed: refused");
        last.note(Some(RDKafkaErrorCode::SSL), "b:1: SSL handshake failed: certificate verify failed: x", now);
        last.note(Some(RDKafkaErrorCode::BrokerTransportFailure), "b:1: Disconnected", now);
        let text = down(&mut last, 59);
        assert!(text.starts_with("b:1: SSL") && text.contains("; kafka.spout.consumer.ssl.ca.location"), "{text}");
        assert!(down(&mut last, 60).starts_with("1/1 brokers are down; "));
    }
}
