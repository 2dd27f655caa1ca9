// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.serialization.KryoValuesDeserializer;
import org.apache.storm.serialization.KryoValuesSerializer;
import org.apache.storm.tuple.Values;
import org.apache.storm.utils.Utils;
import org.junit.jupiter.api.Test;

class EmitTest {
    /** As Storm's executor makes a tuple for the event logger, under the defaults of Storm 2. */
    @Test
    @SuppressWarnings("unchecked")
    void an_id_and_its_tuple_travel_to_an_event_logger_in_another_worker() throws IOException {
        Map<String, Object> conf = Utils.readDefaultConfig();
        conf.put(Config.TOPOLOGY_FALL_BACK_ON_JAVA_SERIALIZATION, false);
        Object register = new NativeKafkaSpout().with(Config.TOPOLOGY_KRYO_REGISTER, List.of("java.util.LinkedList"))
                .getComponentConfiguration().get(Config.TOPOLOGY_KRYO_REGISTER);
        assertEquals(List.of("java.util.LinkedList", "io.github.kafkashellspout.Emit"), register);
        conf.put(Config.TOPOLOGY_KRYO_REGISTER, register);
        Emit emit = new Emit(3, 1L << 33, "default", new ArrayList<>(List.of("value")));
        List<Object> tuple = emit.take();
        byte[] bytes = new KryoValuesSerializer(conf).serialize(new Values("kafka", emit, 1L, tuple));
        List<Object> read = new KryoValuesDeserializer(conf).deserialize(bytes);
        assertEquals("3:8589934592", read.get(1).toString());
        assertEquals(List.of("value"), read.get(3));
    }
}
