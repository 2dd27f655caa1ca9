// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout.bench;

import io.github.kafkashellspout.KafkaShellSpout;
import io.github.kafkashellspout.NativeKafkaSpout;
import org.apache.storm.topology.IRichSpout;

/** The spout of each kind of row. */
final class Spouts {
    private Spouts() {
    }

    static IRichSpout make(Settings settings, boolean acked) {
        String kind = settings.text("spout");
        return switch (kind) {
            case "java-constant" -> new ConstantSpout(settings.number("size", 100), acked);
            case "java-idle" -> new ConstantSpout(0, acked);
            case "java-kafka" -> JavaKafka.spout(settings, acked);
            case "shell" -> shell(settings);
            case "companion" -> companion(settings);
            default -> throw new IllegalArgumentException("spout: there is no kind " + kind);
        };
    }

    private static IRichSpout shell(Settings settings) {
        KafkaShellSpout spout = new KafkaShellSpout(settings.list("command"), "value");
        settings.with("kafka.spout.").forEach(spout::with);
        return spout;
    }

    private static IRichSpout companion(Settings settings) {
        NativeKafkaSpout spout = new NativeKafkaSpout(settings.list("command"));
        settings.with("kafka.spout.").forEach(spout::with);
        return spout;
    }
}
