// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.storm.kafka.spout.FirstPollOffsetStrategy;
import org.apache.storm.kafka.spout.KafkaSpout;
import org.apache.storm.kafka.spout.KafkaSpoutConfig;
import org.apache.storm.kafka.spout.KafkaSpoutConfig.ProcessingGuarantee;
import org.apache.storm.topology.IRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/**
 * Storm's own Kafka spout with what makes it fast. Keys: {@code java.bootstrap}, {@code java.topic}, {@code java.group};
 * {@code java.tuned=0} leaves all to the defaults of Storm and Kafka, {@code java.poll.timeout.ms} and
 * {@code java.consumer.NAME} win over both.
 */
final class JavaKafka {
    private static final String CONSUMER = "java.consumer.";

    private JavaKafka() {
    }

    static IRichSpout spout(Settings settings, boolean acked) {
        KafkaSpoutConfig.Builder<String, String> config = KafkaSpoutConfig
                .builder(settings.text("java.bootstrap"), settings.text("java.topic"))
                .setProp(ConsumerConfig.GROUP_ID_CONFIG, settings.text("java.group"))
                // Without acks nothing is tracked; the fastest that it has.
                .setProcessingGuarantee(acked ? ProcessingGuarantee.AT_LEAST_ONCE : ProcessingGuarantee.NO_GUARANTEE)
                .setFirstPollOffsetStrategy(FirstPollOffsetStrategy.EARLIEST)
                // The value alone, as in all other rows: its default makes tuples of five fields.
                .setRecordTranslator(record -> new Values(record.value()), new Fields("value"));
        if (settings.number("java.tuned", 1) > 0) {
            tune(config);
        }
        int timeout = settings.number("java.poll.timeout.ms", 0);
        if (timeout > 0) {
            config.setPollTimeoutMs(timeout);
        }
        for (Map.Entry<String, String> entry : settings.with(CONSUMER).entrySet()) {
            config.setProp(entry.getKey().substring(CONSUMER.length()), entry.getValue());
        }
        return new KafkaSpout<>(config.build());
    }

    /** Strings and the offset commit every 30 s are its defaults already. */
    private static void tune(KafkaSpoutConfig.Builder<String, String> config) {
        config
                // It stops polling a partition at this lead over its commit, and commits only every 30 s.
                .setMaxUncommittedOffsets(100_000_000)
                // It polls when all of the last poll has been emitted, and each poll has a price of its own; 500 otherwise.
                .setProp(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 5000)
                // Few large fetches: of 12 partitions one answer has up to 48 MB. Otherwise 1 MB of each.
                .setProp(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 4 << 20)
                .setProp(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 64 << 20)
                // As the kernel sees fit, which is more than the 64 KiB otherwise.
                .setProp(ConsumerConfig.RECEIVE_BUFFER_CONFIG, -1)
                .setProp(ConsumerConfig.CHECK_CRCS_CONFIG, false);
    }
}
