// SPDX-License-Identifier: Apache-2.0
package io.github.kafkashellspout;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.metric.api.IMetric;

/** The program's figures as a metric: those it last told, and the question for the next ones. */
final class Figures implements IMetric {
    private volatile Map<String, Object> last = new HashMap<>();
    private volatile boolean wanted = true;

    /** @param pairs of a name and a number */
    void tell(List<Object> pairs) {
        Map<String, Object> figures = new HashMap<>();
        for (Object pair : pairs) {
            List<?> entry = (List<?>) pair;
            figures.put((String) entry.get(0), entry.get(1));
        }
        last = figures;
    }

    /** True once after each reading. */
    boolean areWanted() {
        boolean were = wanted;
        wanted = false;
        return were;
    }

    @Override
    public Object getValueAndReset() {
        wanted = true;
        return last;
    }
}
